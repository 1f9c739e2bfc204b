/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mailbox.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "workload.h"

enum { RANKS = 60000, PEOPLE = 400, RECENT = 200, WORDS_MAX = 6000 };

typedef struct maker {
  corpus *c;
  uint64_t random;
  double *word_shares; /* cumulated, by rank */
  double *people_shares;
  uint32_t serial; /* of words that occur once */
  char text[WORDS_MAX * 16];
} maker;

static double *zipf(size_t ranks, double exponent) {
  double *shares = malloc(ranks * sizeof *shares), sum = 0;
  if (shares == NULL) return NULL;
  for (size_t i = 0; i < ranks; i++) shares[i] = sum += pow((double)i + 2.7, -exponent);
  for (size_t i = 0; i < ranks; i++) shares[i] /= sum;
  return shares;
}

static size_t draw_rank(uint64_t *random, const double *shares, size_t ranks) {
  const double at = random_share(random);
  size_t low = 0, high = ranks - 1;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (shares[middle] < at)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* The word of a rank: frequent words are short. Different ranks give different words. */
static size_t spell(size_t rank, char out[16]) {
  static const char onsets[] = "bdfgklmnprstvzhj", vowels[] = "aeiou";
  size_t n = 0;
  for (rank += 6; rank > 0; rank /= 80) {
    out[n++] = onsets[rank % 80 / 5];
    out[n++] = vowels[rank % 5];
  }
  out[n++] = 'n'; /* no ending that a stemmer takes off */
  return n;
}

static size_t add_word(maker *m, size_t at) {
  if (random_next(&m->random) % 150 == 0)
    return at + (size_t)snprintf(m->text + at, 16, "x%07uq ", m->serial++ % 10000000u);
  at += spell(draw_rank(&m->random, m->word_shares, RANKS), m->text + at);
  m->text[at++] = random_next(&m->random) % 12 == 0 ? '\n' : ' ';
  return at;
}

static double normal(uint64_t *random) { /* Box and Muller 1958 */
  const double u = 1 - random_share(random), v = random_share(random);
  return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

static int make_body(maker *m, corpus_item *item, const corpus_item *parent) {
  double words = 150 * exp(normal(&m->random));
  if (words < 3) words = 3;
  if (words > WORDS_MAX - 200) words = WORDS_MAX - 200;
  size_t at = 0;
  if (parent != NULL) {
    const size_t quoted = parent->body.size < 400 ? parent->body.size : 400;
    memcpy(m->text, "> ", 2);
    memcpy(m->text + 2, parent->body.data, quoted);
    at = quoted + 2;
    m->text[at++] = '\n';
  }
  for (size_t i = 0; i < (size_t)words; i++) at = add_word(m, at);
  item->body.data = corpus_string(m->c, m->text, at);
  item->body.size = at;
  return item->body.data != NULL ? 0 : -1;
}

static int make_subject(maker *m, corpus_item *item, const corpus_item *parent) {
  size_t at = 0;
  if (parent != NULL) {
    item->subject = parent->subject;
    return 0;
  }
  for (size_t i = 0; i < 3 + random_next(&m->random) % 6; i++) at = add_word(m, at);
  item->subject.data = corpus_string(m->c, m->text, at - 1);
  item->subject.size = at - 1;
  return item->subject.data != NULL ? 0 : -1;
}

static int make_item(maker *m) {
  static const char *const folders[] = { "INBOX",     "Archive", "Lists/one",
                                         "Lists/two", "Sent",    "Work" };
  corpus *c = m->c;
  corpus_item *item = corpus_next(c);
  if (item == NULL) return -1;
  const size_t recent = c->count < RECENT ? c->count : RECENT;
  const corpus_item *parent = NULL;
  if (recent > 0 && random_share(&m->random) > 0.45)
    parent = &c->items[c->count - 1 - random_next(&m->random) % recent];
  char text[64];
  item->id = corpus_string(c, text, (size_t)snprintf(text, sizeof text, "made/%zu", c->count));
  item->folder = parent != NULL ? parent->folder : folders[random_next(&m->random) % 6];
  item->date = 1300000000 + (int64_t)c->count * 180 + (int64_t)(random_next(&m->random) % 180);
  char name[16];
  const size_t person = draw_rank(&m->random, m->people_shares, PEOPLE);
  const size_t size = spell(person + 30000, name);
  const int written = snprintf(text, sizeof text, "%.*s <%.*s@mail%zu.example>", (int)size, name,
                               (int)size, name, person % 12);
  item->from.data = corpus_string(c, text, (size_t)written);
  item->from.size = (size_t)written;
  if (item->id == NULL || item->from.data == NULL) return -1;
  if (make_subject(m, item, parent) != 0 || make_body(m, item, parent) != 0) return -1;
  c->text_bytes += item->subject.size + item->from.size + item->body.size;
  c->count++;
  return 0;
}

int mailbox_make(corpus *c, size_t count, uint64_t seed) {
  *c = (corpus){ 0 };
  maker *m = calloc(1, sizeof *m);
  if (m == NULL) return -1;
  m->c = c;
  m->random = seed;
  m->word_shares = zipf(RANKS, 1.07);
  m->people_shares = zipf(PEOPLE, 1.0);
  int result = m->word_shares != NULL && m->people_shares != NULL ? 0 : -1;
  while (result == 0 && c->count < count) result = make_item(m);
  free(m->word_shares);
  free(m->people_shares);
  free(m);
  if (result != 0) corpus_free(c);
  return result;
}

int mailbox_describe(const corpus *c) {
  double body = 0, squares = 0;
  for (size_t i = 0; i < c->count; i++) {
    const double size = log((double)c->items[i].body.size + 1);
    body += size;
    squares += size * size;
  }
  const double n = (double)c->count, mean = body / n;
  printf("items %zu\ntext bytes per item %.0f\nbody: geometric mean %.0f bytes, sigma of logarithm "
         "%.2f\n",
         c->count, (double)c->text_bytes / n, exp(mean), sqrt(squares / n - mean * mean));
  return workload_describe(c);
}
