/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proof-scan: what search in mail gets wrong elsewhere (phrases across lines and punctuation, NOT
 * of a word that is in nearly everything, C++, scsi-2, nasa.gov, parts of addresses), against a
 * naive scan of the decoded texts.
 *
 *   proof-scan [--queries N] [--every N] [PATH...]
 *
 * Without a PATH, over a mailbox made of traps. Items with bytes beyond ASCII are not judged: the
 * scan reads ASCII alone.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "naive.h"
#include "sealdex.h"

#define NOW INT64_C(1700000000)
#define FIELDS_MAX 24
#define PARTS_MAX 4

typedef struct judged_field {
  char name[16];
  naive_text text;
} judged_field;

typedef struct judged {
  judged_field fields[FIELDS_MAX];
  size_t count;
  bool not_ascii;
} judged;

/* One thing that an item must have, or must not. */
typedef struct part {
  const char *field; /* NULL: anywhere */
  char text[128];
  bool quoted, without;
} part;

typedef struct scan {
  char base[200], dir[220];
  sdx_index *index;
  sdx_batch *batch;
  naive *words;
  judged *items;
  size_t count, capacity, not_ascii;
  char *sample; /* the last text with lines, to draw phrases from */
  char **phrases;
  size_t phrase_count;
  char **addresses;
  size_t address_count;
  uint64_t seed, queries, hits, spared;
  int failed;
} scan;

static void must(sdx_status status, const sdx_error *err, const char *what) {
  if (status == SDX_OK) return;
  fprintf(stderr, "%s: status %d: %s\n", what, status, err->message);
  exit(1);
}

static void *need(void *p) {
  if (p == NULL) abort();
  return p;
}

static uint32_t below(scan *s, uint32_t n) {
  s->seed ^= s->seed << 13;
  s->seed ^= s->seed >> 7;
  s->seed ^= s->seed << 17;
  return (uint32_t)((s->seed >> 11) % n);
}

/* ------------------------------------------------------------------ the mailbox */

#define PHRASES_MAX 4000

/* Two to four words of the text with whatever stands between them, where that is more than a space.
 */
static void draw_phrase(scan *s, const char *text, size_t size, const naive_text *t) {
  if (t->count < 6 || s->phrase_count == PHRASES_MAX) return;
  for (int tries = 0; tries < 20; tries++) {
    const size_t words = 2 + below(s, 3);
    const size_t first = below(s, (uint32_t)(t->count - words));
    const size_t from = t->starts[first], to = t->starts[first + words];
    if (to > size || to - from > 70) continue;
    bool plain = true;
    for (size_t i = from; i < to && plain; i++)
      plain = text[i] != '\n' && strchr(",.;:!?-/>", text[i]) == NULL;
    if (plain || memchr(text + from, '"', to - from) != NULL ||
        memchr(text + from, '*', to - from) != NULL || memchr(text + from, '\0', to - from) != NULL)
      continue;
    size_t end = to; /* without what stands behind the last word, unless it is of the word */
    while (end > from && strchr(" \t\r\n>,.;:!?-/()|=~", text[end - 1]) != NULL) end--;
    naive_text drawn;
    naive_read(s->words, text + from, end - from, &drawn);
    const bool same = drawn.count == words; /* not so where a cut changes what is a word */
    naive_text_free(&drawn);
    if (!same) continue;
    s->phrases[s->phrase_count++] = need(strndup(text + from, end - from));
    return;
  }
}

/* The address of a sender, as it stands between < and >, or before the name in parentheses. */
static void draw_address(scan *s, const char *text, size_t size) {
  const char *at = memchr(text, '@', size);
  if (at == NULL || s->address_count == PHRASES_MAX) return;
  const char *from = at, *to = at + 1;
  while (from > text && strchr("abcdefghijklmnopqrstuvwxyz0123456789.-", from[-1] | 0x20) != NULL)
    from--;
  while (to < text + size && strchr("abcdefghijklmnopqrstuvwxyz0123456789.-", *to | 0x20) != NULL)
    to++;
  if (to - from < 6 || to - from > 60 || from == at || from[0] == '-' || to == at + 1) return;
  s->addresses[s->address_count++] = need(strndup(from, (size_t)(to - from)));
}

static void take(scan *s, const sdx_item *given) {
  sdx_error err = { 0 };
  char id[16];
  if (s->count + 1 >= s->capacity) {
    s->capacity = s->capacity != 0 ? 2 * s->capacity : 1024;
    s->items = need(realloc(s->items, s->capacity * sizeof *s->items));
  }
  judged *j = &s->items[++s->count];
  *j = (judged){ .count = 0 };
  for (size_t i = 0; i < given->field_count; i++) {
    const sdx_field *f = &given->fields[i];
    for (size_t k = 0; k < f->text.size; k++)
      j->not_ascii |= (unsigned char)f->text.data[k] >= 0x80;
    if (j->count == FIELDS_MAX) j->not_ascii = true; /* not judged */
    if (j->count == FIELDS_MAX || strcmp(f->name, "message-id") == 0) continue;
    judged_field *out = &j->fields[j->count++];
    snprintf(out->name, sizeof out->name, "%s", f->name);
    naive_read(s->words, f->text.data, f->text.size, &out->text);
    if (strcmp(f->name, "body") == 0 && below(s, 3) == 0)
      draw_phrase(s, f->text.data, f->text.size, &out->text);
    if (strcmp(f->name, "from") == 0) draw_address(s, f->text.data, f->text.size);
  }
  s->not_ascii += j->not_ascii;
  sdx_item item = SDX_ITEM_INIT;
  item.id = (sdx_bytes){ id, (size_t)snprintf(id, sizeof id, "%zu", s->count) };
  item.date = NOW - (int64_t)s->count;
  item.fields = given->fields;
  item.field_count = given->field_count;
  must(sdx_batch_add(s->batch, &item, NULL, &err), &err, "add");
}

static void read_paths(scan *s, const char *const *paths, size_t count, unsigned every) {
  sdx_source *source = NULL;
  sdx_error err = { 0 };
  const sdx_entry *entry;
  unsigned n = 0;
  must(sdx_source_open(&source, paths, count, NULL, &err), &err, "source");
  while (sdx_source_next(source, &entry, &err) == SDX_OK)
    if (entry->item != NULL && n++ % every == 0) take(s, entry->item);
  sdx_source_close(source);
}

/* Each trap beside what it is mistaken for. */
static const char *const traps[] = {
  "I write C++ at home",
  "I write C at home",
  "C + + is no language",
  "c++, mostly",
  "vitamin C.",
  "Visual C++: x",
  "the scsi-2 bus",
  "a SCSI 2 disk",
  "scsi\n2",
  "scsi and 2",
  "scsi2 disk",
  "2 scsi disks",
  "SCSI-\n2",
  "look at nasa.gov now",
  "nasa, gov",
  "nasa and the gov",
  "http://www.nasa.gov/shuttle/",
  "gov.nasa",
  "nasagov",
  "x11r5 is out",
  "x11 r5",
  "X11R5, said he",
  "x11r6",
  "X11-R5",
  "to be or not to be",
  "To be,\n> or not\n> to be: that is",
  "to be or to be not",
  "be to or not to be",
  "not to be or to be",
  "to be or\n\nnot to be",
  "to-be-or-not-to-be",
  "annual\nreview",
  "annual, review",
  "annual (internal) review",
  "annual-review",
  "review annual",
  "the cat",
  "a cat",
  "cat of the house",
  "cats and dogs",
  "theory of cats",
  "THE END of the Cat",
  "write to joe.doe@mail.example.org soon",
  "joe doe at mail example org",
  "joe@example.org",
  "doe@mail.example.org",
  "AT&T and IBM",
  "AT and T",
  "at&t",
  "U.S.A. and USA",
  "u.s.a.",
  "don't",
  "don t",
  "dont",
  "3.14 is pi",
  "3 14",
  "3,14",
  "1.44MB floppy",
  "c# and f#",
  "a/b/c",
  "foo_bar",
  "foo bar",
  "e-mail and email",
  "it's its",
};

static void make_traps(scan *s) {
  for (size_t i = 0; i < sizeof traps / sizeof *traps; i++) {
    char from[64];
    const size_t size = (size_t)snprintf(
        from, sizeof from, "Joe Doe %zu <joe.doe%zu@mail%zu.example.org>", i % 5, i % 7, i % 3);
    const sdx_field fields[] = { { "body", { traps[i], strlen(traps[i]) } },
                                 { "from", { from, size } },
                                 { "subject",
                                   { traps[(i * 7) % 50], strlen(traps[(i * 7) % 50]) } } };
    sdx_item item = SDX_ITEM_INIT;
    item.fields = fields;
    item.field_count = i % 4 == 0 ? 3 : 2;
    take(s, &item);
  }
}

/* ------------------------------------------------------------------ asking */

static bool has(const scan *s, const judged *j, const part *p, const naive_wanted *w) {
  for (size_t i = 0; i < j->count; i++) {
    const judged_field *f = &j->fields[i];
    if (p->field != NULL ? strcmp(f->name, p->field) != 0 : strcmp(f->name, "list") == 0) continue;
    if (naive_has(s->words, &f->text, w)) return true;
  }
  return false;
}

static void type(const part *parts, size_t count, char *out, size_t room) {
  size_t size = 0;
  for (size_t i = 0; i < count; i++)
    size += (size_t)snprintf(out + size, room - size, "%s%s%s%s%s%s%s", i > 0 ? " " : "",
                             !parts[i].without ? ""
                             : i % 2 == 0      ? "NOT "
                                               : "-",
                             parts[i].field != NULL ? parts[i].field : "",
                             parts[i].field != NULL ? ":" : "", parts[i].quoted ? "\"" : "",
                             parts[i].text, parts[i].quoted ? "\"" : "");
}

static uint64_t ask(scan *s, const part *parts, size_t count) {
  naive_wanted wanted[PARTS_MAX];
  char typed[700];
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  sdx_results *results = NULL;
  sdx_error err = { 0 };
  for (size_t i = 0; i < count; i++)
    naive_want(s->words, parts[i].text, parts[i].quoted, &wanted[i]);
  type(parts, count, typed, sizeof typed);
  options.limit = s->count + 1;
  options.now = NOW;
  must(sdx_search(s->index, (sdx_bytes){ typed, strlen(typed) }, &options, &results, &err), &err,
       typed);
  char *found = need(calloc(s->count + 1, 1));
  for (size_t i = 0; i < sdx_results_count(results); i++) {
    char id[16] = { 0 };
    const sdx_hit *hit = sdx_results_hit(results, i);
    memcpy(id, hit->id.data, hit->id.size < 15 ? hit->id.size : 15);
    found[strtoul(id, NULL, 10)] = 1;
  }
  uint64_t hits = 0;
  size_t wrong = 0, missed = 0;
  for (size_t i = 1; i <= s->count; i++) {
    bool is = true;
    if (s->items[i].not_ascii) continue;
    for (size_t k = 0; k < count && is; k++)
      is = has(s, &s->items[i], &parts[k], &wanted[k]) != parts[k].without;
    hits += is;
    wrong += found[i] && !is;
    missed += !found[i] && is;
  }
  if (wrong > 0 || missed > 0 || !sdx_results_complete(results) || sdx_results_fell_back(results)) {
    printf("FAILED: %s: %llu items have it, %zu others found, %zu missed%s\n", typed,
           (unsigned long long)hits, wrong, missed,
           sdx_results_fell_back(results) ? ", fell back" : "");
    s->failed++;
  }
  free(found);
  sdx_results_free(results);
  s->queries++;
  s->hits += hits;
  return hits;
}

static uint64_t ask_one(scan *s, const char *field, const char *text, bool quoted) {
  part p = { .field = field, .quoted = quoted };
  snprintf(p.text, sizeof p.text, "%s", text);
  return ask(s, &p, 1);
}

static const char *const words_asked[] = { "C++",     "c#",    "scsi-2", "nasa.gov",
                                           "x11r5",   "nasa",  "AT&T",   "U.S.A.",
                                           "3.14",    "don't", "e-mail", "www.nasa.gov",
                                           "foo_bar", "i/o",   "C",      "1.44" };
static const char *const phrases_asked[] = {
  "to be or not to be", "of the", "to the",         "annual review", "scsi 2",
  "nasa gov",           "C++ at", "the end of the", "is it not",     "x11 r5"
};
static const char *const common[] = { "the", "to", "a", "of", "and", "not", "or", "is" };

static void ask_traps(scan *s) {
  for (size_t i = 0; i < sizeof words_asked / sizeof *words_asked; i++) {
    printf("  %s: %llu\n", words_asked[i],
           (unsigned long long)ask_one(s, NULL, words_asked[i], false));
    ask_one(s, NULL, words_asked[i], true);
    ask_one(s, "subject", words_asked[i], false);
    ask_one(s, "body", words_asked[i], false);
  }
  for (size_t i = 0; i < sizeof phrases_asked / sizeof *phrases_asked; i++) {
    printf("  \"%s\": %llu\n", phrases_asked[i],
           (unsigned long long)ask_one(s, NULL, phrases_asked[i], true));
    ask_one(s, "subject", phrases_asked[i], true);
  }
  for (size_t i = 0; i < sizeof common / sizeof *common; i++) {
    part parts[3] = { { .text = "C++" }, { .text = "" }, { .text = "" } };
    snprintf(parts[1].text, sizeof parts[1].text, "%s", common[i]);
    snprintf(parts[2].text, sizeof parts[2].text, "%s", common[(i + 1) % 8]);
    parts[1].without = parts[2].without = true;
    printf("  C++ -%s: %llu;", common[i], (unsigned long long)ask(s, parts, 2));
    ask(s, parts, 3);
    printf(" NOT %s: %llu\n", common[i], (unsigned long long)ask(s, parts + 1, 1));
  }
}

static void ask_drawn(scan *s, unsigned queries) {
  for (unsigned i = 0; i < queries && s->phrase_count > 0 && s->failed < 20; i++) {
    const char *phrase = s->phrases[below(s, (uint32_t)s->phrase_count)];
    if (ask_one(s, NULL, phrase, true) == 0)
      s->spared++; /* drawn from an item that is not judged */
    if (i % 3 != 0) continue;
    part parts[2] = { { .quoted = true }, { .without = true } };
    snprintf(parts[0].text, sizeof parts[0].text, "%s", phrase);
    snprintf(parts[1].text, sizeof parts[1].text, "%s", common[below(s, 8)]);
    ask(s, parts, 2);
  }
  for (unsigned i = 0; i < queries && s->address_count > 0 && s->failed < 20; i++) {
    const char *address = s->addresses[below(s, (uint32_t)s->address_count)];
    ask_one(s, "from", address, false);
    ask_one(s, NULL, address, i % 2 == 0);
    const char *host = strchr(address, '@') + 1;
    ask_one(s, "from", host, false);
    const char *domain = strchr(host, '.');
    if (domain != NULL && domain[1] != '\0' && domain[1] != '.')
      ask_one(s, i % 2 == 0 ? "from" : NULL, domain + 1, false);
    char local[64];
    snprintf(local, sizeof local, "%.*s", (int)(host - 1 - address), address);
    ask_one(s, "from", local, false);
  }
}

/* ------------------------------------------------------------------ */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}

static void begin(scan *s) {
  static const uint8_t key[SDX_KEY_SIZE] = "the key of a scan, 32 bytes ...";
  const sdx_secret secret = { SDX_SECRET_KEY, key, sizeof key };
  sdx_error err = { 0 };
  snprintf(s->base, sizeof s->base, "%s/sealdex-scan-XXXXXX",
           getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
  if (mkdtemp(s->base) == NULL) exit(6);
  snprintf(s->dir, sizeof s->dir, "%s/index", s->base);
  must(sdx_init(s->dir, &secret, NULL, &err), &err, "init");
  must(sdx_open(&s->index, s->dir, &secret, NULL, &err), &err, "open");
  must(sdx_batch_begin(&s->batch, s->index, NULL, &err), &err, "batch");
  s->words = naive_new();
  s->phrases = need(calloc(PHRASES_MAX, sizeof *s->phrases));
  s->addresses = need(calloc(PHRASES_MAX, sizeof *s->addresses));
}

static void end(scan *s) {
  sdx_close(s->index);
  for (size_t i = 1; i <= s->count; i++)
    for (size_t k = 0; k < s->items[i].count; k++) naive_text_free(&s->items[i].fields[k].text);
  for (size_t i = 0; i < s->phrase_count; i++) free(s->phrases[i]);
  for (size_t i = 0; i < s->address_count; i++) free(s->addresses[i]);
  free(s->phrases);
  free(s->addresses);
  free(s->items);
  naive_free(s->words);
  nftw(s->base, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int main(int argc, char **argv) {
  unsigned queries = 300, every = 1;
  int i = 1;
  for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
    if (strcmp(argv[i], "--queries") == 0)
      queries = (unsigned)strtoul(argv[i + 1], NULL, 10);
    else if (strcmp(argv[i], "--every") == 0)
      every = (unsigned)strtoul(argv[i + 1], NULL, 10);
    else
      break;
  }
  static scan s;
  sdx_error err = { 0 };
  s.seed = 20261127;
  begin(&s);
  if (i < argc)
    read_paths(&s, (const char *const *)argv + i, (size_t)(argc - i), every != 0 ? every : 1);
  else
    make_traps(&s);
  must(sdx_batch_commit(s.batch, &err), &err, "commit");
  printf("%zu items, %zu of them not judged\n", s.count, s.not_ascii);
  ask_traps(&s);
  ask_drawn(&s, queries);
  printf("%llu queries, %llu hits; %d wrong\n", (unsigned long long)s.queries,
         (unsigned long long)s.hits, s.failed);
  const int result = s.failed == 0 && s.hits > s.queries ? 0 : 1;
  end(&s);
  return result;
}
