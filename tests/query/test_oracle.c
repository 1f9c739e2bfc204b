/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The same items in Sealdex's evaluation and in Xapian: for generated queries the same set of items,
 * with scores equal to 1e-9. Several segments and overlapping dates; no dead items, whose statistics
 * Xapian would not count.
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
#include "oracle.h"

#define ITEMS 6000
#define SEGMENTS 3
#define QUERIES 1500

static uint64_t seed = 20260101;

static uint32_t below(uint32_t n) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (uint32_t)((seed >> 11) % n);
}

/* Words whose frequency falls with their number, and endings, so that stems have several forms. */
static const char *const roots[] = {
  "report", "meet", "plan", "budget", "review", "project", "order", "account", "number", "market",
  "trade", "price", "power", "deal", "contract", "question", "answer", "change", "office", "travel",
  "print", "sound", "garden", "window", "river", "mountain", "letter", "paper", "engine", "violin",
};
static const char *const endings[] = { "", "", "", "s", "ing", "ed", "er" };
#define ROOTS (sizeof(roots) / sizeof(*roots))

static const char *random_root(void) {
  uint32_t i = below(ROOTS);
  if (below(3) > 0) i = below(i + 1); /* the first ones are common */
  return roots[i];
}

static void random_word(char *out, size_t size) {
  snprintf(out, size, "%s%s", random_root(), endings[below(7)]);
}

static void random_text(char *out, size_t size, uint32_t words) {
  size_t used = 0;
  out[0] = '\0';
  for (uint32_t i = 0; i < words && used + 32 < size; i++) {
    char word[32];
    random_word(word, sizeof(word));
    used += (size_t)snprintf(out + used, size - used, "%s ", word);
  }
}

typedef struct fixture {
  mailbox box;
  oracle *judge;
} fixture;

static void feed_oracle(void *context, const mailbox_item *item, text_analyser *a,
                        const text_terms *terms) {
  fixture *f = context;
  (void)item;
  oracle_begin(f->judge);
  for (size_t i = 0; i < terms->count; i++) {
    const text_term *t = &terms->terms[i];
    const sdx_bytes name = text_vocabulary_term(a, t->id);
    const text_class *cls = text_vocabulary_class(a, t->id);
    oracle_wdf(f->judge, name.data, name.size, t->wdf);
    for (uint32_t k = 0; k < t->count; k++)
      oracle_posting(f->judge, name.data, name.size, terms->positions[t->first + k]);
    if (cls->stems[0] == TEXT_NONE) continue;
    text_class_kind kind;
    uint8_t language;
    char stem[TEXT_TERM_MAX + 1] = "Z";
    const sdx_bytes key = text_class_key(a, cls->stems[0], &kind, &language);
    memcpy(stem + 1, key.data, key.size);
    oracle_wdf(f->judge, stem, key.size + 1, t->wdf);
  }
  oracle_end(f->judge, terms->length);
}

static int open_fixture(void **state) {
  static fixture f;
  mailbox_open(&f.box, "en");
  f.judge = oracle_new(NULL);
  f.box.listener = feed_oracle;
  f.box.context = &f;
  for (uint32_t i = 0; i < ITEMS; i++) {
    char id[16], body[8192], subject[256], from[64];
    snprintf(id, sizeof(id), "%u", i + 1); /* Xapian's document number */
    random_text(body, sizeof(body), 1 + below(below(20) == 0 ? 400 : 60));
    random_text(subject, sizeof(subject), below(6));
    snprintf(from, sizeof(from), "%s@%s.example", random_root(), random_root());
    const mailbox_item item = { .id = id, .date = 1000000 + (int64_t)below(500000), .body = body,
                                .subject = subject, .from = from };
    mailbox_add(&f.box, &item);
    if ((i + 1) % (ITEMS / SEGMENTS) == 0) mailbox_seal(&f.box);
  }
  *state = &f;
  return 0;
}

static int close_fixture(void **state) {
  fixture *f = *state;
  mailbox_close(&f->box);
  oracle_free(f->judge);
  return 0;
}

/* ---------------------------------------------------------------- queries, in both languages */

/*
 * Xapian 1.4.22 adds the weights of a phrase whose words an item has, but not side by side, where the
 * phrase stands in an OR of several inside an AND. Such queries are not written here; the naive scan
 * of test_scan.c has them.
 */
typedef struct writer {
  fixture *f;
  char text[1024];
  bool in_and, no_windows;
} writer;

static void put(writer *w, const char *text) {
  strncat(w->text, text, sizeof(w->text) - strlen(w->text) - 1);
}

static void stem_term(writer *w, const char *prefix, const char *word) {
  char stem[TEXT_TERM_MAX], term[TEXT_TERM_MAX + 8];
  const size_t size = text_stem(w->f->box.queries, 0, word, strlen(word), stem);
  snprintf(term, sizeof(term), "Z%s%.*s", prefix, (int)size, stem);
  oracle_term(w->f->judge, term);
}

static void write_word(writer *w) {
  char word[32];
  random_word(word, sizeof(word));
  const bool field = below(6) == 0;
  if (field) put(w, "subject:");
  put(w, word);
  stem_term(w, field ? "S" : "", word);
}

static void write_phrase(writer *w) {
  const uint32_t words = 2 + below(2);
  put(w, "\"");
  for (uint32_t i = 0; i < words; i++) {
    char word[32];
    random_word(word, sizeof(word));
    put(w, word);
    if (i + 1 < words) put(w, " ");
    oracle_term(w->f->judge, word);
  }
  put(w, "\"");
  oracle_apply(w->f->judge, ORACLE_PHRASE, words, words);
}

static void write_window(writer *w) {
  const uint32_t words = 2 + below(2), n = 1 + below(6);
  const bool near = below(2) == 0;
  for (uint32_t i = 0; i < words; i++) {
    char word[32], op[16];
    random_word(word, sizeof(word));
    put(w, word);
    snprintf(op, sizeof(op), " %s/%u ", near ? "NEAR" : "ADJ", n);
    if (i + 1 < words) put(w, op);
    oracle_term(w->f->judge, word);
  }
  oracle_apply(w->f->judge, near ? ORACLE_NEAR : ORACLE_PHRASE, words, n + words - 1);
}

static void write_prefix(writer *w) {
  char prefix[8];
  const char *root = random_root();
  snprintf(prefix, sizeof(prefix), "%.*s", (int)(2 + below(3)), root);
  put(w, prefix);
  put(w, "*");
  oracle_prefix(w->f->judge, prefix);
}

static void write_address(writer *w) {
  const char *a = random_root(), *b = random_root();
  char text[64];
  snprintf(text, sizeof(text), "from:%s@%s", a, b);
  put(w, text);
  snprintf(text, sizeof(text), "A%s", a);
  oracle_term(w->f->judge, text);
  snprintf(text, sizeof(text), "A%s", b);
  oracle_term(w->f->judge, text);
  oracle_apply(w->f->judge, ORACLE_PHRASE, 2, 2);
}

static void write_query(writer *w, int depth);

static void write_group(writer *w, int depth, const char *op, oracle_op means) {
  const uint32_t n = 2 + below(means == ORACLE_AND_NOT ? 1 : 3);
  const writer outer = *w;
  if (means == ORACLE_OR) w->no_windows |= w->in_and;
  else w->in_and = true;
  put(w, "(");
  for (uint32_t i = 0; i < n; i++) {
    write_query(w, depth - 1);
    if (i + 1 < n) put(w, op);
  }
  put(w, ")");
  oracle_apply(w->f->judge, means, n, 0);
  w->in_and = outer.in_and;
  w->no_windows = outer.no_windows;
}

static void write_query(writer *w, int depth) {
  const uint32_t form = below(depth > 0 ? 16 : 8);
  if (w->no_windows && form < 3) {
    write_word(w);
    return;
  }
  switch (form) {
  case 0: write_phrase(w); return;
  case 1: write_window(w); return;
  case 2: write_address(w); return;
  case 3: write_prefix(w); return;
  case 8:
  case 9:
  case 10: write_group(w, depth, " AND ", ORACLE_AND); return;
  case 11: write_group(w, depth, " ", ORACLE_AND); return;
  case 12:
  case 13:
  case 14: write_group(w, depth, " OR ", ORACLE_OR); return;
  case 15: write_group(w, depth, " AND NOT ", ORACLE_AND_NOT); return;
  default: write_word(w); return;
  }
}

/* ---------------------------------------------------------------- comparing */

static double scores[ITEMS + 1];
static bool found[ITEMS + 1];

static void same_items(const char *text, const mailbox_answer *ours, const oracle_hit *theirs,
                       size_t count) {
  memset(found, 0, sizeof(found));
  for (size_t i = 0; i < count; i++) {
    found[theirs[i].document] = true;
    scores[theirs[i].document] = theirs[i].score;
  }
  if (ours->count != count || ours->total != count || !ours->exact)
    fail_msg("%s: %zu hits of %llu, not %zu", text, ours->count, (unsigned long long)ours->total,
             count);
  for (size_t i = 0; i < count; i++) {
    const int id = atoi(ours->hits[i].id);
    if (!found[id]) fail_msg("%s: finds %d", text, id);
    found[id] = false;
    const double difference = ours->hits[i].score - scores[id];
    if (difference > 1e-9 || difference < -1e-9)
      fail_msg("%s: item %d scores %.12f, not %.12f", text, id, ours->hits[i].score, scores[id]);
    if (i > 0 && ours->hits[i].score > ours->hits[i - 1].score) fail_msg("%s: out of order", text);
  }
}

/* The ten best of a search that may leave out what cannot be among them. */
static void same_best(const char *text, fixture *f, const mailbox_answer *all) {
  const engine_options options = { .best = 10, .bound_total = true };
  mailbox_answer best;
  mailbox_search(&f->box, text, &options, &best);
  const size_t wanted = all->count < 10 ? all->count : 10;
  if (best.count != wanted) fail_msg("%s: %zu best, not %zu", text, best.count, wanted);
  for (size_t i = 0; i < wanted; i++)
    if (strcmp(best.hits[i].id, all->hits[i].id) != 0)
      fail_msg("%s: hit %zu is %s, not %s", text, i, best.hits[i].id, all->hits[i].id);
  if (best.total > all->total || (best.exact && best.total != all->total))
    fail_msg("%s: a bound of %llu on %llu", text, (unsigned long long)best.total,
             (unsigned long long)all->total);
  mailbox_answer_free(&best);
}

static void test_queries(void **state) {
  fixture *f = *state;
  const engine_options options = { .best = ITEMS };
  oracle_hit *theirs = calloc(ITEMS, sizeof(*theirs));
  uint64_t hits = 0;
  for (int i = 0; i < QUERIES; i++) {
    writer w = { .f = f };
    mailbox_answer ours;
    write_query(&w, 3);
    const size_t count = oracle_run(f->judge, theirs, ITEMS);
    mailbox_search(&f->box, w.text, &options, &ours);
    same_items(w.text, &ours, theirs, count);
    same_best(w.text, f, &ours);
    mailbox_answer_free(&ours);
    hits += count;
  }
  assert_true(hits > QUERIES); /* the queries do find something */
  free(theirs);
}

int main(void) {
  const struct CMUnitTest tests[] = { cmocka_unit_test(test_queries) };
  return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
