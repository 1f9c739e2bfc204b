/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proof-answers: the same items in an index and in plain Xapian with the same terms, lengths and
 * statistics; generated queries find the same items, with scores equal to 1e-9, and the same best
 * ten (ties may swap). First with several segments and a live journal, then with one segment, then
 * after deletions and their purge from the segment, then after a rebuild from the same source.
 *
 *   proof-answers [--queries N] [--seed N] [--every N] [--generator] [PATH...]
 *
 * Without a PATH, an invented mailbox. --every N takes each N-th item. --generator lets Xapian's
 * own TermGenerator index the texts as well, and tells in which items the answers differ.
 */
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "indexer/extract/item_copy.h"
#include "invented.h"
#include "question.h"
#include "sealdex.h"

#define NOW INT64_C(1700000000)
#define JOURNAL_EVERY 90 /* each so many-th item is added alone, at the end, up to ... */
#define JOURNAL_MAX 100  /* ... so many, which a fold does not take yet in part */

typedef struct odd_item { /* how an item may differ from Xapian's view of it */
  bool long_word, not_ascii;
} odd_item;

typedef struct comparison {
  char base[200], dir[220];
  sdx_index *index;
  sdx_batch *batch;
  size_t batched,
      batch_size; /* each batch has half of the last one's: so merges leave them alone */
  text_analyser *items, *queries;
  oracle *judge, *plain;
  asker *asker;
  size_t count, capacity;
  odd_item *odd;
  struct kept *kept;
  size_t kept_count;
  double *scores;  /* of the oracle; by document */
  uint32_t *round; /* number of the question that found the document */
  oracle_hit *hits, *plain_hits;
  uint64_t asked, hits_seen, differing, by_long_word, by_not_ascii, by_nothing;
} comparison;

/* A copy of an item, for the journal. */
typedef struct kept {
  sdx_item item;
  sdx_field *fields;
  char id[16];
} kept;

static void must(sdx_status status, const sdx_error *err, const char *what) {
  if (status == SDX_OK) return;
  fprintf(stderr, "%s: status %d: %s\n", what, status, err != NULL ? err->message : "");
  exit(1);
}

static void *need(void *p) {
  if (p == NULL) abort();
  return p;
}

/* ------------------------------------------------------------------ the same items twice */

static void put_stem(comparison *c, const text_term *t, const text_class *cls, bool in_body) {
  text_class_kind kind;
  uint8_t language;
  char stem[TEXT_TERM_MAX + 8];
  if (cls->stems[0] == TEXT_NONE) return;
  const sdx_bytes key = text_class_key(c->items, cls->stems[0], &kind, &language);
  const size_t body = strlen(QUESTION_BODY);
  memcpy(stem, QUESTION_BODY "Z", body + 1);
  memcpy(stem + body + 1, key.data, key.size);
  oracle_wdf(c->judge, stem + body, key.size + 1, t->wdf);
  if (in_body) oracle_wdf(c->judge, stem, body + 1 + key.size, 0);
}

static void put_term(comparison *c, const text_terms *terms, const text_term *t) {
  text_class_kind kind;
  uint8_t language;
  char in_body[TEXT_TERM_MAX + 8] = QUESTION_BODY;
  const text_class *cls = text_vocabulary_class(c->items, t->id);
  const sdx_bytes name = cls->fold != TEXT_NONE
                             ? text_class_key(c->items, cls->fold, &kind, &language)
                             : text_vocabulary_term(c->items, t->id);
  const size_t body = strlen(QUESTION_BODY);
  memcpy(in_body + body, name.data, name.size);
  oracle_wdf(c->judge, name.data, name.size, t->wdf);
  bool first = t->count > 0 && terms->positions[t->first] <= terms->body_end;
  first = first && !(name.data[0] >= 'A' && name.data[0] <= 'Z');
  for (uint32_t k = 0; k < t->count; k++) {
    const uint32_t at = terms->positions[t->first + k];
    oracle_posting(c->judge, name.data, name.size, at);
    if (first && at <= terms->body_end) oracle_posting(c->judge, in_body, body + name.size, at);
  }
  put_stem(c, t, cls, first);
}

/* A run of letters and digits that Xapian would drop for its length, or a byte beyond ASCII. */
static void look_for_oddities(odd_item *odd, const char *text, size_t size) {
  size_t run = 0;
  for (size_t i = 0; i < size; i++) {
    const unsigned char b = (unsigned char)text[i];
    const bool inner = (b | 0x20) >= 'a' && (b | 0x20) <= 'z';
    run =
        inner || (b >= '0' && b <= '9') || (b != '\0' && strchr("_'&.,;", b) != NULL) ? run + 1 : 0;
    odd->long_word |= run > TEXT_WORD_MAX;
    odd->not_ascii |= b >= 0x80;
  }
}

static void feed_oracle(comparison *c, const sdx_item *item, odd_item *odd) {
  text_terms terms;
  sdx_error err = { 0 };
  must(text_begin(c->items, &err), &err, "analyser");
  oracle_begin(c->judge);
  if (c->plain != NULL) oracle_begin(c->plain);
  for (int others = 0; others < 2; others++)
    for (size_t i = 0; i < item->field_count; i++) {
      const sdx_field *f = &item->fields[i];
      if ((strcmp(f->name, "body") != 0) != (others != 0)) continue;
      const text_field_rule *rule = text_field_find(f->name, strlen(f->name));
      must(text_add_field(c->items, rule, f->text.data, f->text.size, &err), &err, "field");
      asker_listen(c->asker, rule, f->text.data, f->text.size);
      look_for_oddities(odd, f->text.data, f->text.size);
      if (c->plain != NULL && rule->weight > 0)
        oracle_field(c->plain, rule->prefix, rule->weight, rule->bare, f->text.data, f->text.size);
    }
  must(text_finish(c->items, &terms, &err), &err, "analyser");
  for (size_t i = 0; i < terms.count; i++) put_term(c, &terms, &terms.terms[i]);
  const uint32_t number = oracle_end(c->judge, terms.length);
  if (number != c->count || (c->plain != NULL && oracle_end_anyhow(c->plain) != number)) abort();
}

static void keep(comparison *c, const sdx_item *item) {
  kept *k = &c->kept[c->kept_count++];
  k->item = *item;
  k->fields = need(calloc(item->field_count + 1, sizeof *k->fields));
  for (size_t i = 0; i < item->field_count; i++) {
    const sdx_bytes t = item->fields[i].text;
    char *copy = need(malloc(t.size + 1));
    memcpy(copy, t.data, t.size);
    k->fields[i] =
        (sdx_field){ text_field_find(item->fields[i].name, strlen(item->fields[i].name))->name,
                     { copy, t.size } };
  }
  memcpy(k->id, item->id.data, item->id.size);
  k->item.fields = k->fields;
  k->item.id.data = k->id;
}

static void commit(comparison *c) {
  sdx_error err = { 0 };
  if (c->batch != NULL) must(sdx_batch_commit(c->batch, &err), &err, "commit");
  c->batch = NULL;
  c->batched = 0;
}

/* Items keep their text, kind and date; everything else is of no matter to words. */
static void take(void *context, const sdx_item *given) {
  comparison *c = context;
  sdx_error err = { 0 };
  char id[16];
  if (c->count + 1 >= c->capacity) {
    c->capacity = c->capacity != 0 ? 2 * c->capacity : 4096;
    c->odd = need(realloc(c->odd, c->capacity * sizeof *c->odd));
  }
  odd_item *odd = &c->odd[++c->count];
  *odd = (odd_item){ false, false };
  sdx_item item = SDX_ITEM_INIT;
  item.id = (sdx_bytes){ id, (size_t)snprintf(id, sizeof id, "%zu", c->count) };
  item.kind = given->kind;
  item.date = given->date;
  item.fields = given->fields;
  item.field_count = given->field_count;
  feed_oracle(c, &item, odd);
  if (c->count % JOURNAL_EVERY == 0 && c->kept_count < JOURNAL_MAX) {
    keep(c, &item);
    return;
  }
  sdx_batch_options options = SDX_BATCH_OPTIONS_INIT;
  options.now = NOW;
  if (c->batch == NULL) must(sdx_batch_begin(&c->batch, c->index, &options, &err), &err, "batch");
  must(sdx_batch_add(c->batch, &item, NULL, &err), &err, "add");
  if (++c->batched < c->batch_size) return;
  commit(c);
  if (c->batch_size > 100) c->batch_size /= 2;
}

static sdx_source *source_of(const char *const *paths, size_t count) {
  sdx_source *source = NULL;
  sdx_error err = { 0 };
  must(sdx_source_open(&source, paths, count, NULL, &err), &err, "source");
  return source;
}

static void read_paths(comparison *c, const char *const *paths, size_t count, unsigned every) {
  sdx_source *source = source_of(paths, count);
  sdx_error err = { 0 };
  const sdx_entry *entry;
  unsigned n = 0;
  while (sdx_source_next(source, &entry, &err) == SDX_OK)
    if (entry->item != NULL && n++ % every == 0) take(c, entry->item);
  sdx_source_close(source);
}

static void add_to_journal(comparison *c) {
  sdx_write_options options = SDX_WRITE_OPTIONS_INIT;
  sdx_error err = { 0 };
  options.now = NOW;
  for (size_t i = 0; i < c->kept_count; i++) {
    must(sdx_add(c->index, &c->kept[i].item, &options, NULL, &err), &err, "single add");
    for (size_t k = 0; k < c->kept[i].item.field_count; k++)
      free((char *)(uintptr_t)c->kept[i].fields[k].text.data);
    free(c->kept[i].fields);
  }
}

/* ------------------------------------------------------------------ comparing */

static int differ(const char *text, const char *how, double ours, double theirs) {
  printf("FAILED: %s: %s: %.12g, not %.12g\n", text, how, ours, theirs);
  return -1;
}

static sdx_results *search(comparison *c, const char *text, size_t limit, bool bound) {
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  sdx_results *results = NULL;
  sdx_error err = { 0 };
  options.limit = limit;
  options.bound_total = bound;
  options.now = NOW;
  must(sdx_search(c->index, (sdx_bytes){ text, strlen(text) }, &options, &results, &err), &err,
       text);
  return results;
}

static size_t document_of(const comparison *c, const sdx_hit *hit) {
  char id[16] = { 0 };
  memcpy(id, hit->id.data, hit->id.size < 15 ? hit->id.size : 15);
  const size_t n = strtoul(id, NULL, 10);
  return n <= c->count ? n : 0;
}

static int compare_all(comparison *c, const char *text, const sdx_results *ours, size_t count) {
  if (!sdx_results_complete(ours)) return differ(text, "complete", 0, 1);
  if (sdx_results_fell_back(ours)) return differ(text, "fell back", 1, 0);
  if (sdx_results_count(ours) != count || sdx_results_total(ours) != count ||
      !sdx_results_exact(ours))
    return differ(text, "hits", (double)sdx_results_count(ours), (double)count);
  for (size_t i = 0; i < count; i++) {
    const sdx_hit *hit = sdx_results_hit(ours, i);
    const size_t document = document_of(c, hit);
    if (c->round[document] != c->asked)
      return differ(text, "finds what is none", (double)document, 0);
    c->round[document] = 0; /* each once */
    if (!(fabs(hit->score - c->scores[document]) <= 1e-9))
      return differ(text, "score", hit->score, c->scores[document]);
    if (i > 0 && hit->score > sdx_results_hit(ours, i - 1)->score + 1e-9)
      return differ(text, "order at", (double)i, 0);
  }
  return 0;
}

/* The ten best, of a search that may leave out whatever cannot be among them. */
static int compare_best(comparison *c, const char *text, size_t count, bool bound) {
  sdx_results *best = search(c, text, 10, bound);
  const size_t wanted = count < 10 ? count : 10;
  int result = sdx_results_count(best) == wanted
                   ? 0
                   : differ(text, "best", (double)sdx_results_count(best), (double)wanted);
  const uint64_t total = sdx_results_total(best);
  if (result == 0 && (total > count || (sdx_results_exact(best) && total != count)))
    result = differ(text, "total", (double)total, (double)count);
  for (size_t i = 0; i < wanted && result == 0; i++) {
    const sdx_hit *hit = sdx_results_hit(best, i);
    /* The same score at each rank, and of an item that has it: so ties may swap, and nothing else.
     */
    if (!(fabs(hit->score - c->hits[i].score) <= 1e-9))
      result = differ(text, "score of a best", hit->score, c->hits[i].score);
    if (!(fabs(hit->score - c->scores[document_of(c, hit)]) <= 1e-9))
      result = differ(text, "score of its own", hit->score, c->scores[document_of(c, hit)]);
  }
  sdx_results_free(best);
  return result;
}

/* Where Xapian's own analysis of the texts leads to other items: why. */
static void compare_generator(comparison *c, size_t count) {
  const size_t plain = oracle_run(c->plain, c->plain_hits, c->count);
  const uint32_t mark = (uint32_t)c->asked;
  for (size_t i = 0; i < count; i++) c->round[c->hits[i].document] = mark;
  for (size_t i = 0; i < plain + count; i++) {
    const uint32_t d = i < plain ? c->plain_hits[i].document : c->hits[i - plain].document;
    if (i < plain && c->round[d] == mark) {
      c->round[d] = 0; /* both have it */
      continue;
    }
    if (i >= plain && c->round[d] != mark) continue;
    c->differing++;
    if (c->odd[d].long_word)
      c->by_long_word++;
    else if (c->odd[d].not_ascii)
      c->by_not_ascii++;
    else
      c->by_nothing++;
  }
}

static int ask(comparison *c, unsigned queries, const char *state) {
  uint64_t seen[QUESTION_KINDS] = { 0 };
  int result = 0;
  for (unsigned i = 0; i < queries && result == 0; i++) {
    const question_kind kind = (question_kind)(i % QUESTION_KINDS);
    const char *text = asker_ask(c->asker, kind);
    const size_t count = oracle_run(c->judge, c->hits, c->count);
    c->asked++;
    for (size_t k = 0; k < count; k++) {
      c->round[c->hits[k].document] = (uint32_t)c->asked;
      c->scores[c->hits[k].document] = c->hits[k].score;
    }
    sdx_results *all = search(c, text, c->count + 1, false);
    result = compare_all(c, text, all, count);
    sdx_results_free(all);
    if (result == 0) result = compare_best(c, text, count, i % 2 == 0);
    if (result == 0 && c->plain != NULL) compare_generator(c, count);
    seen[kind] += count;
    c->hits_seen += count;
  }
  printf("%s: %u queries;", state, queries);
  for (int k = 0; k < QUESTION_KINDS; k++)
    printf(" %s %llu", question_names[k], (unsigned long long)seen[k]);
  printf(" hits\n");
  fflush(stdout);
  return result;
}

static void tell_state(const comparison *c) {
  sdx_state state;
  sdx_error err = { 0 };
  must(sdx_status_of(c->index, NOW, &state, &err), &err, "status");
  printf("%llu items in %llu segments and %llu journal records\n", (unsigned long long)state.live,
         (unsigned long long)state.segments, (unsigned long long)state.journal_records);
}

static void maintain(const comparison *c) {
  sdx_error err = { 0 };
  must(sdx_maintain(c->index, true, NOW, &err), &err, "maintain");
}

/* Of items in plain ASCII: a word with marks that only a deleted item has would be one to the
 * oracle. */
static void delete_some(comparison *c) {
  sdx_error err = { 0 };
  for (size_t i = 7; i <= c->count; i += 31) {
    char id[16];
    if (c->odd[i].not_ascii) continue;
    const sdx_bytes name = { id, (size_t)snprintf(id, sizeof id, "%zu", i) };
    must(sdx_delete(c->index, name, NOW, &err), &err, "delete");
    oracle_delete(c->judge, (uint32_t)i);
    if (c->plain != NULL) oracle_delete(c->plain, (uint32_t)i);
  }
  oracle_settle(c->judge);
  if (c->plain != NULL) oracle_settle(c->plain);
  maintain(c);
}

/* ------------------------------------------------------------------ a rebuild */

/* The items once more, one at a time: read again from the paths, or invented by then. */
typedef struct again {
  sdx_source *source; /* NULL: invented */
  unsigned every, read;
  item_copy *invented;
  size_t count, at;
  char id[16];
  sdx_item item;
} again;

static void keep_invented(void *context, const sdx_item *item) {
  again *g = context;
  if ((g->count & (g->count - 1)) == 0)
    g->invented = need(realloc(g->invented, (2 * g->count + 1) * sizeof *g->invented));
  g->invented[g->count] = (item_copy){ 0 };
  if (!item_copy_set(&g->invented[g->count++], item)) abort();
}

static const sdx_item *next_given(again *g) {
  sdx_error err = { 0 };
  const sdx_entry *entry;
  if (g->source == NULL) return g->at < g->count ? &g->invented[g->at].item : NULL;
  while (sdx_source_next(g->source, &entry, &err) == SDX_OK)
    if (entry->item != NULL && g->read++ % g->every == 0) return entry->item;
  return NULL;
}

static sdx_status give_again(void *context, sdx_original *out, sdx_error *err) {
  again *g = context;
  const sdx_item *given = next_given(g);
  (void)err;
  if (given == NULL) return SDX_NOT_FOUND;
  g->item = (sdx_item)SDX_ITEM_INIT;
  g->item.id = (sdx_bytes){ g->id, (size_t)snprintf(g->id, sizeof g->id, "%zu", ++g->at) };
  g->item.kind = given->kind;
  g->item.date = given->date;
  g->item.fields = given->fields;
  g->item.field_count = given->field_count;
  out->item = &g->item;
  return SDX_OK;
}

/* By two lanes in little memory: so in many segments. */
static int rebuild(comparison *c, again *g) {
  const sdx_source_calls calls = { .version = 1, .context = g, .next = give_again };
  sdx_reindex_options options = SDX_REINDEX_OPTIONS_INIT;
  sdx_reindex_report report;
  sdx_source *source = NULL;
  sdx_error err = { 0 };
  options.mode = SDX_REINDEX_ALL;
  options.now = NOW;
  options.jobs = 2;
  options.memory = 64u << 20;
  must(sdx_source_own(&source, &calls, &err), &err, "source");
  must(sdx_reindex(c->index, source, &options, &report, &err), &err, "reindex");
  sdx_source_close(source);
  sdx_source_close(g->source);
  for (size_t i = 0; i < g->count; i++) item_copy_free(&g->invented[i]);
  free(g->invented);
  if (report.swapped && report.synced + report.hidden == c->count) return 0;
  printf("FAILED: the rebuild found %llu of %zu items as they were\n",
         (unsigned long long)(report.synced + report.hidden), c->count);
  return -1;
}

/* ------------------------------------------------------------------ */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}

static void begin(comparison *c, uint64_t seed, bool generator, bool big) {
  static const uint8_t key[SDX_KEY_SIZE] = "the key of answers, 32 bytes...";
  const sdx_secret secret = { SDX_SECRET_KEY, key, sizeof key };
  char judge[240], plain[240];
  sdx_error err = { 0 };
  snprintf(c->base, sizeof c->base, "%s/sealdex-answers-XXXXXX",
           getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
  if (mkdtemp(c->base) == NULL) exit(6);
  snprintf(c->dir, sizeof c->dir, "%s/index", c->base);
  snprintf(judge, sizeof judge, "%s/judge", c->base);
  snprintf(plain, sizeof plain, "%s/plain", c->base);
  sdx_init_options options = SDX_INIT_OPTIONS_INIT;
  options.now = NOW;
  must(sdx_init(c->dir, &secret, &options, &err), &err, "init");
  must(sdx_open(&c->index, c->dir, &secret, NULL, &err), &err, "open");
  must(text_analyser_open(&c->items, "en", &err), &err, "analyser");
  must(text_analyser_open(&c->queries, "en", &err), &err, "analyser");
  c->asker = asker_new(c->queries, seed);
  c->judge = oracle_new(big ? judge : NULL);
  asker_judge(c->asker, c->judge);
  if (generator) {
    c->plain = oracle_new(big ? plain : NULL);
    asker_judge(c->asker, c->plain);
    asker_spare_bodies(c->asker); /* their terms stand beside Xapian's own */
  }
  c->kept = need(calloc(JOURNAL_MAX, sizeof *c->kept));
}

static void settle(comparison *c) {
  commit(c);
  add_to_journal(c);
  oracle_settle(c->judge);
  if (c->plain != NULL) oracle_settle(c->plain);
  asker_learn(c->asker, c->items);
  c->scores = need(calloc(c->count + 1, sizeof *c->scores));
  c->round = need(calloc(c->count + 1, sizeof *c->round));
  c->hits = need(calloc(c->count + 1, sizeof *c->hits));
  c->plain_hits = need(calloc(c->count + 1, sizeof *c->plain_hits));
}

static void end(comparison *c) {
  sdx_close(c->index);
  oracle_free(c->judge);
  if (c->plain != NULL) oracle_free(c->plain);
  asker_free(c->asker);
  text_analyser_close(c->queries);
  text_analyser_close(c->items);
  free(c->kept);
  free(c->odd);
  free(c->scores);
  free(c->round);
  free(c->hits);
  free(c->plain_hits);
  nftw(c->base, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int main(int argc, char **argv) {
  unsigned queries = 5000, every = 1;
  uint64_t seed = 1;
  bool generator = false;
  int i = 1;
  for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
    if (strcmp(argv[i], "--generator") == 0)
      generator = true;
    else if (strcmp(argv[i], "--queries") == 0 && i + 1 < argc)
      queries = (unsigned)strtoul(argv[++i], NULL, 10);
    else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
      seed = strtoull(argv[++i], NULL, 10);
    else if (strcmp(argv[i], "--every") == 0 && i + 1 < argc)
      every = (unsigned)strtoul(argv[++i], NULL, 10);
    else {
      fprintf(
          stderr,
          "usage: proof-answers [--queries N] [--seed N] [--every N] [--generator] [PATH...]\n");
      return 2;
    }
  }
  static comparison c;
  if (every == 0) every = 1;
  begin(&c, seed, generator, i < argc && every == 1);
  c.batch_size = i < argc ? 10000 / every : 1200;
  if (i < argc)
    read_paths(&c, (const char *const *)argv + i, (size_t)(argc - i), every);
  else
    invented_mailbox(seed, 2400, take, &c);
  settle(&c);
  tell_state(&c);
  int result = ask(&c, queries, "segments and journal");
  if (result == 0) {
    maintain(&c);
    tell_state(&c);
    result = ask(&c, queries, "one segment");
  }
  if (result == 0) {
    delete_some(&c);
    tell_state(&c);
    result = ask(&c, queries / 2, "after deletions");
  }
  if (result == 0) {
    again g = { .every = every };
    if (i < argc)
      g.source = source_of((const char *const *)argv + i, (size_t)(argc - i));
    else
      invented_mailbox(seed, 2400, keep_invented, &g);
    result = rebuild(&c, &g);
    tell_state(&c);
  }
  if (result == 0) result = ask(&c, queries / 2, "rebuilt");
  printf("%llu queries, %llu hits compared, %s\n", (unsigned long long)c.asked,
         (unsigned long long)c.hits_seen, result == 0 ? "0 differ" : "FAILED");
  if (generator)
    printf(
        "by TermGenerator's own terms: %llu hits differ; in items with a word over %d bytes %llu, "
        "else with bytes beyond ASCII %llu, with neither %llu\n",
        (unsigned long long)c.differing, TEXT_WORD_MAX, (unsigned long long)c.by_long_word,
        (unsigned long long)c.by_not_ascii, (unsigned long long)c.by_nothing);
  end(&c);
  return result == 0 ? 0 : 1;
}
