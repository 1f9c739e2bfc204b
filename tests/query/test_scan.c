/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random queries of all forms over random items, against a naive scan: for each item the query is
 * decided by looking at all of its terms, and scores are worked out from counts taken by looking at
 * all items. Two languages, words with marks, several segments, dead items.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mailbox.h"

#define ITEMS 320
#define SEGMENTS 4
#define QUERIES 800
#define TERMS 400
#define LANGUAGES 2

static uint64_t seed = 99;

static uint32_t below(uint32_t n) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (uint32_t)((seed >> 11) % n);
}

/* ---------------------------------------------------------------- items */

typedef struct scan_term {
  char name[64];             /* prefix and surface word */
  char fold[64];
  char stems[LANGUAGES][64]; /* empty: not stemmed */
  uint32_t wdf, count;
  uint32_t *positions;
} scan_term;

typedef struct scan_item {
  char id[16];
  int64_t date;
  uint64_t size;
  char folder[16];
  bool seen, dead;
  uint32_t language, length, body_end;
  scan_term *terms;
  size_t count;
} scan_item;

static scan_item items[ITEMS];
static size_t item_count;
static mailbox box;

static void copy_bytes(char out[64], sdx_bytes b) {
  assert_true(b.size < 64);
  memcpy(out, b.data, b.size);
  out[b.size] = '\0';
}

static void listen(void *context, const mailbox_item *item, text_analyser *a,
                   const text_terms *terms) {
  scan_item *s = &items[item_count++];
  (void)context;
  snprintf(s->id, sizeof(s->id), "%s", item->id);
  s->date = item->date;
  s->size = item->size;
  snprintf(s->folder, sizeof(s->folder), "%s", item->attributes[0] + 1);
  s->seen = item->attributes[1] != NULL;
  s->language = terms->language;
  s->length = terms->length;
  s->body_end = terms->body_end;
  s->terms = calloc(terms->count + 1, sizeof(*s->terms));
  for (size_t i = 0; i < terms->count; i++) {
    const text_term *t = &terms->terms[i];
    if (t->count == 0) continue; /* a filter term */
    scan_term *out = &s->terms[s->count++];
    const text_class *cls = text_vocabulary_class(a, t->id);
    copy_bytes(out->name, text_vocabulary_term(a, t->id));
    text_class_kind kind;
    uint8_t language;
    copy_bytes(out->fold, cls->fold != TEXT_NONE ? text_class_key(a, cls->fold, &kind, &language)
                                                 : text_vocabulary_term(a, t->id));
    for (size_t l = 0; l < LANGUAGES; l++)
      if (cls->stems[l] != TEXT_NONE)
        copy_bytes(out->stems[l], text_class_key(a, cls->stems[l], &kind, &language));
    out->wdf = t->wdf;
    out->count = t->count;
    out->positions = calloc(t->count + 1, sizeof(uint32_t));
    memcpy(out->positions, terms->positions + t->first, t->count * sizeof(uint32_t));
  }
}

static const char *const vocabulary[] = {
  "report",  "reports",  "reported", "meeting", "meetings", "café",   "cafe",  "cafés",
  "résumé",  "resume",   "resumes",  "Haus",    "Häuser",   "häuser", "hause", "und",
  "the",     "schlüssel", "schluessel", "running", "run",   "runs",   "laufen", "läuft",
  "x11r5",   "3.14",     "scsi",     "nasa",    "gov",      "violin", "violine", "budget",
};
#define VOCABULARY (sizeof(vocabulary) / sizeof(*vocabulary))

static const char *random_word(void) {
  const uint32_t i = below(VOCABULARY);
  return vocabulary[below(2) == 0 ? below(i + 1) : i];
}

static void random_text(char *out, size_t size, uint32_t words) {
  static const char *const gaps[] = { " ", " ", " ", ", ", "-", ".", "\n", "@" };
  size_t used = 0;
  out[0] = '\0';
  for (uint32_t i = 0; i < words && used + 40 < size; i++)
    used += (size_t)snprintf(out + used, size - used, "%s%s", random_word(), gaps[below(8)]);
}

static int open_box(void **state) {
  static const char *const folders[] = { "fInbox", "fArchive", "fSent" };
  (void)state;
  mailbox_open(&box, "en,de");
  box.listener = listen;
  for (uint32_t i = 0; i < ITEMS; i++) {
    char id[16], body[1024], subject[128], from[64], to[64];
    snprintf(id, sizeof(id), "i%03u", below(1000) * 1000 + i);
    random_text(body, sizeof(body), below(40));
    random_text(subject, sizeof(subject), below(5));
    random_text(from, sizeof(from), 1 + below(2));
    random_text(to, sizeof(to), below(3));
    mailbox_item item = { .id = id, .date = 1700000000 + (int64_t)below(40) * 86400,
                          .size = below(5000), .body = body, .subject = subject, .from = from,
                          .to = to, .attributes = { folders[below(3)] } };
    if (below(3) > 0) item.attributes[1] = "gseen";
    mailbox_add(&box, &item);
    if ((i + 1) % (ITEMS / SEGMENTS) == 0) mailbox_seal(&box);
  }
  for (uint32_t i = 0; i < ITEMS / 10; i++) {
    scan_item *dead = &items[below(ITEMS)];
    if (!dead->dead) mailbox_kill(&box, dead->id);
    dead->dead = true;
  }
  return 0;
}

static int close_box(void **state) {
  (void)state;
  for (size_t i = 0; i < item_count; i++) {
    for (size_t k = 0; k < items[i].count; k++) free(items[i].terms[k].positions);
    free(items[i].terms);
  }
  mailbox_close(&box);
  return 0;
}

/* ---------------------------------------------------------------- expressions */

typedef enum expr_kind {
  EXPR_AND,
  EXPR_OR,
  EXPR_NOT,
  EXPR_WORD,
  EXPR_PHRASE,
  EXPR_NEAR,
  EXPR_ADJ,
  EXPR_PATTERN,
  EXPR_FUZZY,
  EXPR_FOLDER,
  EXPR_UNREAD,
  EXPR_LARGER,
  EXPR_DATE
} expr_kind;

/* A class of terms with its weight, as it is for the whole mailbox. */
typedef struct scan_leaf {
  char key[64];
  int language; /* -1: a fold, any item; else items of it, by its stem */
  double weight;
} scan_leaf;

#define LEAVES_MAX 16

typedef struct expr {
  expr_kind kind;
  struct expr *children[4];
  size_t count;
  const char *prefix; /* of the field */
  bool body;
  const char *word;   /* as it is typed: may stand for several tokens */
  scan_leaf leaves[4][LEAVES_MAX]; /* of each word */
  size_t leaf_count[4];
  size_t words;
  uint32_t number;
  char pattern[32];
  int64_t low, high;
} expr;

static double model_weight(uint32_t df) {
  double w = (ITEMS - df + 0.5) / (df + 0.5);
  if (w < 2) w = w * 0.5 + 1;
  return log(w) * 2;
}

static bool has_class(const scan_leaf *l, const scan_term *t) {
  if (l->language < 0) return strcmp(t->fold, l->key) == 0;
  return strcmp(t->stems[l->language], l->key) == 0;
}

static void add_leaf(expr *e, size_t word, const char *prefix, const char *key, int language) {
  scan_leaf *l = &e->leaves[word][e->leaf_count[word]];
  l->language = language;
  snprintf(l->key, sizeof(l->key), "%s%s", prefix, key);
  for (size_t i = 0; i < e->leaf_count[word]; i++)
    if (e->leaves[word][i].language == language && strcmp(e->leaves[word][i].key, l->key) == 0)
      return;
  uint32_t df = 0;
  for (size_t i = 0; i < item_count; i++) {
    bool has = false;
    if (language >= 0 && (uint32_t)language != items[i].language) continue;
    for (size_t k = 0; k < items[i].count; k++) has |= has_class(l, &items[i].terms[k]);
    df += has;
  }
  l->weight = df != 0 ? model_weight(df) : 0;
  assert_true(++e->leaf_count[word] < LEAVES_MAX);
}

static void add_stems(expr *e, const char *prefix, const char *word, const char *folded) {
  char stem[LANGUAGES][TEXT_TERM_MAX + 1];
  size_t sizes[LANGUAGES], sum = 0;
  for (uint8_t l = 0; l < LANGUAGES; l++) {
    sizes[l] = text_stem(box.queries, l, word, strlen(word), stem[l]);
    stem[l][sizes[l]] = '\0';
    sum += sizes[l];
  }
  if (sum == 0) add_leaf(e, 0, prefix, folded, -1);
  for (uint8_t l = 0; sum != 0 && l < LANGUAGES; l++) add_leaf(e, 0, prefix, stem[l], l);
}

/* What the analyser makes of a word that is typed. */
typedef struct typed_token {
  char surface[64], folded[64];
} typed_token;

static size_t tokens_of(const char *text, typed_token out[4]) {
  const text_token *tokens;
  size_t count;
  assert_int_equal(text_tokens(box.queries, text, strlen(text), &tokens, &count, NULL), SDX_OK);
  assert_true(count <= 4);
  for (size_t i = 0; i < count; i++) {
    copy_bytes(out[i].surface, tokens[i].surface);
    copy_bytes(out[i].folded, tokens[i].folded);
  }
  return count;
}

static void prepare_word(expr *e) {
  typed_token t[4];
  const size_t count = tokens_of(e->word, t);
  assert_int_equal(count, 1);
  e->words = 1;
  add_stems(e, e->prefix, t[0].surface, t[0].folded);
  if (strcmp(t[0].surface, t[0].folded) != 0) return;
  char key[64];
  snprintf(key, sizeof(key), "%s%s", e->prefix, t[0].folded);
  for (size_t i = 0; i < item_count; i++)
    for (size_t k = 0; k < items[i].count; k++)
      if (strcmp(items[i].terms[k].fold, key) == 0 && strcmp(items[i].terms[k].name, key) != 0)
        add_stems(e, e->prefix, items[i].terms[k].name + strlen(e->prefix), t[0].folded);
}

static void prepare_exact(expr *e, const char *word) {
  typed_token t[4];
  assert_int_equal(tokens_of(word, t), 1);
  add_leaf(e, e->words, e->prefix, t[0].folded, -1);
  e->words++;
}

/* ---------------------------------------------------------------- deciding */

typedef struct verdict {
  bool matches;
  double score;
} verdict;

static double leaf_score(const scan_leaf *l, const scan_item *item) {
  uint32_t wdf = 0;
  if (l->language >= 0 && (uint32_t)l->language != item->language) return 0;
  for (size_t k = 0; k < item->count; k++)
    if (has_class(l, &item->terms[k])) wdf += item->terms[k].wdf;
  if (wdf == 0) return 0;
  const double average = (double)box.view.length / ITEMS;
  const double normlen = item->length / average > 0.5 ? item->length / average : 0.5;
  return l->weight * wdf / (0.5 * normlen + 0.5 + wdf);
}

static size_t positions_of(const expr *e, size_t word, const scan_item *item, uint32_t out[4096]) {
  size_t n = 0;
  for (size_t k = 0; k < item->count; k++)
    for (size_t l = 0; l < e->leaf_count[word]; l++)
      if ((e->leaves[word][l].language < 0 ||
           (uint32_t)e->leaves[word][l].language == item->language) &&
          has_class(&e->leaves[word][l], &item->terms[k]))
        for (uint32_t p = 0; p < item->terms[k].count; p++)
          if (!e->body || item->terms[k].positions[p] <= item->body_end)
            out[n++] = item->terms[k].positions[p];
  return n;
}

/* Tries every choice of one position per word. */
static bool choose(const expr *e, const scan_item *item, size_t word, uint32_t *chosen) {
  static uint32_t at[4][4096];
  if (word == e->words) {
    uint32_t low = UINT32_MAX, high = 0;
    for (size_t i = 0; i < e->words; i++) {
      if (e->kind != EXPR_NEAR && i > 0 && chosen[i] <= chosen[i - 1]) return false;
      for (size_t k = 0; k < i; k++)
        if (chosen[k] == chosen[i]) return false;
      if (chosen[i] < low) low = chosen[i];
      if (chosen[i] > high) high = chosen[i];
    }
    const uint32_t window = (uint32_t)e->words + (e->kind == EXPR_PHRASE ? 0 : e->number - 1);
    return high - low < window;
  }
  const size_t n = positions_of(e, word, item, at[word]);
  for (size_t i = 0; i < n; i++) {
    chosen[word] = at[word][i];
    if (choose(e, item, word + 1, chosen)) return true;
  }
  return false;
}

static uint32_t naive_distance(const char *a, const char *b) {
  static uint32_t d[64][64];
  const size_t n = strlen(a), m = strlen(b);
  for (size_t i = 0; i <= n; i++)
    for (size_t k = 0; k <= m; k++) {
      if (i == 0 || k == 0) {
        d[i][k] = (uint32_t)(i + k);
        continue;
      }
      uint32_t best = d[i - 1][k - 1] + (a[i - 1] != b[k - 1]);
      if (d[i - 1][k] + 1 < best) best = d[i - 1][k] + 1;
      if (d[i][k - 1] + 1 < best) best = d[i][k - 1] + 1;
      d[i][k] = best;
    }
  return d[n][m];
}

static bool naive_glob(const char *p, const char *w) {
  if (*p == '\0') return *w == '\0';
  if (*p == '*') return naive_glob(p + 1, w) || (*w != '\0' && naive_glob(p, w + 1));
  return *p == *w && naive_glob(p + 1, w + 1);
}

static bool any_term(const expr *e, const scan_item *item) {
  for (size_t k = 0; k < item->count; k++) {
    const scan_term *t = &item->terms[k];
    const size_t prefix = strlen(e->prefix);
    if (strncmp(t->name, e->prefix, prefix) != 0 || (t->name[prefix] >= 'A' && t->name[prefix] <= 'Z'))
      continue;
    const char *name = t->name + prefix, *fold = t->fold + prefix;
    const bool is = e->kind == EXPR_FUZZY ? naive_distance(e->pattern, fold) <= e->number
                                          : naive_glob(e->pattern, name) || naive_glob(e->pattern, fold);
    if (is && (!e->body || t->positions[0] <= item->body_end)) return true;
  }
  return false;
}

static verdict decide(const expr *e, const scan_item *item) {
  verdict v = { .matches = e->kind == EXPR_AND, .score = 0 };
  uint32_t chosen[4];
  switch (e->kind) {
  case EXPR_AND:
  case EXPR_OR:
    for (size_t i = 0; i < e->count; i++) {
      const verdict child = decide(e->children[i], item);
      if (e->kind == EXPR_AND) v.matches &= child.matches;
      else v.matches |= child.matches;
      if (child.matches) v.score += child.score;
    }
    break;
  case EXPR_NOT: v.matches = !decide(e->children[0], item).matches; break;
  case EXPR_WORD:
    for (size_t l = 0; l < e->leaf_count[0]; l++) {
      uint32_t at[4096];
      expr one = { .kind = EXPR_WORD, .body = e->body, .leaf_count = { 1 } };
      one.leaves[0][0] = e->leaves[0][l];
      if (e->body && positions_of(&one, 0, item, at) == 0) continue;
      const double score = leaf_score(&e->leaves[0][l], item);
      v.matches |= score > 0;
      v.score += score;
    }
    break;
  case EXPR_PHRASE:
  case EXPR_NEAR:
  case EXPR_ADJ:
    v.matches = choose(e, item, 0, chosen);
    for (size_t i = 0; i < e->words; i++) v.score += leaf_score(&e->leaves[i][0], item);
    break;
  case EXPR_PATTERN:
  case EXPR_FUZZY: v.matches = any_term(e, item); break;
  case EXPR_FOLDER: v.matches = strcasecmp(item->folder, e->word) == 0; break;
  case EXPR_UNREAD: v.matches = !item->seen; break;
  case EXPR_LARGER: v.matches = item->size > e->number; break;
  case EXPR_DATE: v.matches = item->date >= e->low && item->date < e->high; break;
  }
  if (!v.matches) v.score = 0;
  return v;
}

/* ---------------------------------------------------------------- writing queries */

static char text[2048];

static void put(const char *s) { strncat(text, s, sizeof(text) - strlen(text) - 1); }

static expr *new_expr(expr_kind kind) {
  expr *e = calloc(1, sizeof(*e));
  assert_non_null(e);
  e->kind = kind;
  e->prefix = "";
  return e;
}

static void free_expr(expr *e) {
  for (size_t i = 0; i < e->count; i++) free_expr(e->children[i]);
  free(e);
}

static void put_field(expr *e) {
  switch (below(8)) {
  case 0: put("subject:"); e->prefix = "S"; break;
  case 1: put("from:"); e->prefix = "A"; break;
  case 2: put("body:"); e->body = true; break;
  default: break;
  }
}

static expr *write_words(void) {
  const uint32_t form = below(4);
  expr *e = new_expr(form < 2 ? EXPR_PHRASE : form == 2 ? EXPR_NEAR : EXPR_ADJ);
  const uint32_t words = 2 + below(2);
  char op[16];
  e->number = 1 + below(4);
  snprintf(op, sizeof(op), " %s/%u ", form == 2 ? "NEAR" : "ADJ", e->number);
  if (e->kind == EXPR_PHRASE) {
    put_field(e);
    put("\"");
  }
  for (uint32_t i = 0; i < words; i++) {
    const char *word = random_word();
    put(word);
    if (i + 1 < words) put(e->kind == EXPR_PHRASE ? " " : op);
    prepare_exact(e, word);
  }
  if (e->kind == EXPR_PHRASE) put("\"");
  return e;
}

static expr *write_pattern(void) {
  static const char *const patterns[] = { "re*", "*s", "*e*", "caf*", "häus*", "r*s", "x*5", "cafe*" };
  expr *e = new_expr(EXPR_PATTERN);
  put_field(e);
  snprintf(e->pattern, sizeof(e->pattern), "%s", patterns[below(8)]);
  put(e->pattern);
  return e;
}

static expr *write_fuzzy(void) {
  static const char *const words[] = { "reprt", "budgt", "violn", "cafe", "runz", "hauser", "metings" };
  expr *e = new_expr(EXPR_FUZZY);
  put_field(e);
  snprintf(e->pattern, sizeof(e->pattern), "%s", words[below(7)]);
  e->number = 1 + below(2);
  put(e->pattern);
  put(e->number == 1 ? "~1" : "~2");
  return e;
}

static expr *write_filter(void) {
  static const char *const folders[] = { "Inbox", "archive", "Sent", "Nowhere" };
  expr *e = new_expr((expr_kind)(EXPR_FOLDER + below(4)));
  char number[64];
  switch (e->kind) {
  case EXPR_FOLDER:
    e->word = folders[below(4)];
    put("in:");
    put(e->word);
    break;
  case EXPR_UNREAD: put("is:unread"); break;
  case EXPR_LARGER:
    e->number = below(5000);
    snprintf(number, sizeof(number), "larger:%u", e->number);
    put(number);
    break;
  default:
    e->low = 1700000000 + (int64_t)below(40) * 86400;
    e->high = e->low + (int64_t)below(10) * 86400 + 1;
    snprintf(number, sizeof(number), "date:@%lld..@%lld", (long long)e->low, (long long)e->high - 1);
    put(number);
    break;
  }
  return e;
}

static expr *write_word(void) {
  expr *e = new_expr(EXPR_WORD);
  put_field(e);
  e->word = random_word();
  put(e->word);
  prepare_word(e);
  return e;
}

static expr *write_expr(int depth) {
  const uint32_t form = below(depth > 0 ? 16 : 10);
  expr *e;
  switch (form) {
  case 0:
  case 1: return write_words();
  case 2: return write_pattern();
  case 3: return write_fuzzy();
  case 4: return write_filter();
  case 10:
    e = new_expr(EXPR_NOT);
    put("NOT (");
    e->children[e->count++] = write_expr(depth - 1);
    put(")");
    return e;
  case 11:
  case 12:
  case 13:
  case 14:
  case 15: {
    e = new_expr(form < 14 ? EXPR_AND : EXPR_OR);
    const uint32_t n = 2 + below(3);
    put("(");
    for (uint32_t i = 0; i < n; i++) {
      e->children[e->count++] = write_expr(depth - 1);
      if (i + 1 < n) put(e->kind == EXPR_AND ? " AND " : " OR ");
    }
    put(")");
    return e;
  }
  default: return write_word();
  }
}

/* ---------------------------------------------------------------- comparing */

typedef struct expected {
  const scan_item *item;
  double score;
} expected;

static sdx_sort sorting;

static int compare(const void *a, const void *b) {
  const expected *x = a, *y = b;
  if (sorting == SDX_BY_RELEVANCE && fabs(x->score - y->score) > 1e-9)
    return x->score > y->score ? -1 : 1;
  if (x->item->date != y->item->date)
    return (x->item->date > y->item->date) == (sorting != SDX_OLDEST_FIRST) ? -1 : 1;
  return strcmp(x->item->id, y->item->id);
}

static void expect(const expr *e, sdx_sort sort, size_t best, bool bound) {
  static expected wanted[ITEMS];
  size_t count = 0;
  mailbox_answer got;
  for (size_t i = 0; i < item_count; i++) {
    const verdict v = decide(e, &items[i]);
    if (v.matches && !items[i].dead) wanted[count++] = (expected){ &items[i], v.score };
  }
  sorting = sort;
  qsort(wanted, count, sizeof(*wanted), compare);
  const engine_options options = { .sort = sort, .best = best, .bound_total = bound };
  mailbox_search(&box, text, &options, &got);
  if (got.fell_back) fail_msg("%s: fell back", text);
  const size_t shown = count < best ? count : best;
  if (got.count != shown) fail_msg("%s: %zu hits, not %zu", text, got.count, shown);
  if (bound ? got.total > count || (got.exact && got.total != count) : got.total != count || !got.exact)
    fail_msg("%s: a total of %llu, not %zu", text, (unsigned long long)got.total, count);
  for (size_t i = 0; i < shown; i++) {
    const mailbox_hit *hit = &got.hits[i];
    if (sort == SDX_BY_RELEVANCE && fabs(hit->score - wanted[i].score) > 1e-9)
      fail_msg("%s: hit %zu (%s) scores %.12f, not %.12f (%s)", text, i, hit->id, hit->score,
               wanted[i].score, wanted[i].item->id);
    if (strcmp(hit->id, wanted[i].item->id) != 0)
      fail_msg("%s: hit %zu is %s, not %s", text, i, hit->id, wanted[i].item->id);
  }
  mailbox_answer_free(&got);
}

static void test_random_queries(void **state) {
  (void)state;
  const char *many = getenv("SEALDEX_QUERIES");
  const int queries = many != NULL ? atoi(many) : QUERIES;
  for (int i = 0; i < queries; i++) {
    text[0] = '\0';
    expr *e = write_expr(3);
    expect(e, SDX_BY_RELEVANCE, ITEMS, false);
    expect(e, SDX_BY_RELEVANCE, 1 + below(12), true);
    expect(e, SDX_NEWEST_FIRST, 1 + below(12), below(2) == 0);
    expect(e, SDX_OLDEST_FIRST, 1 + below(12), below(2) == 0);
    free_expr(e);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = { cmocka_unit_test(test_random_queries) };
  return cmocka_run_group_tests(tests, open_box, close_box);
}
