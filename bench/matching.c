/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "matching.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

#define DEPTH 12   /* tokens that are guessed together */
#define WIDTH 3000 /* chains of guesses that are followed */
#define ROUNDS 2
#define IMPOSSIBLE 30
#define SWAPS 400000

int pairs_new(pairs *p, size_t n) {
  p->n = n;
  p->counts = calloc(n * n + 1, sizeof *p->counts);
  return p->counts != NULL ? 0 : -1;
}

void pairs_free(pairs *p) {
  free(p->counts);
  p->counts = NULL;
}

void pairs_add(pairs *p, const uint32_t *members, size_t count) {
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < count; k++) p->counts[members[i] * p->n + members[k]] += 1;
}

void pairs_scale(pairs *p, double by) {
  for (size_t i = 0; i < p->n * p->n; i++) p->counts[i] = (float)(p->counts[i] * by);
}

/* ------------------------------------------------------------------ by counts */

/* What a count in the known documents says against a count in all: how unlikely it is that so many
 * of so many would be known. Known documents are some of all, so there cannot be more of them. */
typedef struct chances {
  double *log_factorial;
  size_t most;
  double log_share, log_rest;
} chances;

static double log_factorial(const chances *c, size_t n) {
  return c->log_factorial[n < c->most ? n : c->most];
}

static double distance(const chances *c, double seen, double known) {
  const size_t of = (size_t)seen, n = (size_t)known;
  if (n > of) return IMPOSSIBLE;
  const double d = log_factorial(c, n) + log_factorial(c, of - n) - log_factorial(c, of) -
                   (double)n * c->log_share - (double)(of - n) * c->log_rest;
  return d < IMPOSSIBLE ? d : IMPOSSIBLE;
}

static void chances_make(chances *c, const pairs *seen, double share) {
  double sum = 0;
  *c = (chances){ .log_share = log(share), .log_rest = log(1 - share) };
  for (size_t i = 0; i < seen->n * seen->n; i++)
    if (seen->counts[i] > (float)c->most) c->most = (size_t)seen->counts[i];
  c->log_factorial = malloc((c->most + 1) * sizeof *c->log_factorial);
  if (c->log_factorial == NULL) abort();
  for (size_t i = 0; i <= c->most; i++) {
    sum += i > 0 ? log((double)i) : 0;
    c->log_factorial[i] = sum;
  }
}

static void order_by_count(const pairs *p, uint32_t *order) {
  for (uint32_t i = 0; i < p->n; i++) order[i] = i;
  for (size_t i = 1; i < p->n; i++)
    for (size_t k = i;
         k > 0 && pairs_at(p, order[k], order[k]) > pairs_at(p, order[k - 1], order[k - 1]); k--) {
      const uint32_t swap = order[k];
      order[k] = order[k - 1];
      order[k - 1] = swap;
    }
}

/* The first of the most frequent tokens: chains of guesses, of which the likeliest go on. */
typedef struct chain {
  double badness;
  uint32_t words[DEPTH];
} chain;

static int likeliest_first(const void *a, const void *b) {
  const double x = ((const chain *)a)->badness, y = ((const chain *)b)->badness;
  return x < y ? -1 : x > y;
}

static void keep_if_likely(chain *kept, size_t *count, const chain *c) {
  if (*count == 2 * WIDTH) {
    qsort(kept, *count, sizeof *kept, likeliest_first);
    *count = WIDTH;
  }
  kept[(*count)++] = *c;
}

/* One token more for every chain: every word that it has not yet. */
static size_t lengthen(const chances *c, const pairs *seen, const pairs *known,
                       const uint32_t *order, size_t depth, const chain *from, size_t count,
                       chain *to) {
  size_t n = 0;
  for (size_t i = 0; i < count; i++)
    for (uint32_t w = 0; w < seen->n; w++) {
      chain longer = from[i];
      bool taken = false;
      longer.badness +=
          distance(c, pairs_at(seen, order[depth], order[depth]), pairs_at(known, w, w));
      for (size_t k = 0; k < depth && !taken; k++) {
        taken = longer.words[k] == w;
        longer.badness += distance(c, pairs_at(seen, order[depth], order[k]),
                                   pairs_at(known, w, longer.words[k]));
      }
      longer.words[depth] = w;
      if (!taken) keep_if_likely(to, &n, &longer);
    }
  qsort(to, n, sizeof *to, likeliest_first);
  return n < WIDTH ? n : WIDTH;
}

static size_t tell_first(const chances *c, const pairs *seen, const pairs *known,
                         const uint32_t *order, uint32_t *guess) {
  const size_t depth = seen->n < DEPTH ? seen->n : DEPTH;
  chain *from = calloc(2 * WIDTH, sizeof *from), *to = calloc(2 * WIDTH, sizeof *to);
  size_t count = 1;
  if (from == NULL || to == NULL) abort();
  for (size_t d = 0; d < depth; d++) {
    count = lengthen(c, seen, known, order, d, from, count, to);
    chain *swap = from;
    from = to;
    to = swap;
  }
  for (size_t d = 0; d < depth; d++) guess[order[d]] = from[0].words[d];
  free(from);
  free(to);
  return depth;
}

typedef struct telling {
  const chances *chances;
  const pairs *seen, *known;
  double *badness; /* of every token and word, by all that is told so far */
  uint8_t *token_told, *word_told;
} telling;

static void take_in(telling *t, uint32_t token, uint32_t word) {
  const size_t n = t->seen->n;
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t w = 0; w < n; w++)
      if (i != token && w != word)
        t->badness[i * n + w] +=
            distance(t->chances, pairs_at(t->seen, i, token), pairs_at(t->known, w, word));
}

static void begin(telling *t) {
  const size_t n = t->seen->n;
  memset(t->token_told, 0, n);
  memset(t->word_told, 0, n);
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t w = 0; w < n; w++)
      t->badness[i * n + w] =
          distance(t->chances, pairs_at(t->seen, i, i), pairs_at(t->known, w, w));
}

/* The token whose best word is furthest ahead of its next best. */
static bool clearest(const telling *t, uint32_t *token, uint32_t *word) {
  const size_t n = t->seen->n;
  double widest = -1;
  for (uint32_t i = 0; i < n; i++) {
    double best = HUGE_VAL, next = HUGE_VAL;
    uint32_t its = 0;
    if (t->token_told[i]) continue;
    for (uint32_t w = 0; w < n; w++) {
      const double b = t->badness[i * n + w];
      if (t->word_told[w] || b >= next) continue;
      if (b < best)
        next = best, best = b, its = w;
      else
        next = b;
    }
    const double ahead = next == HUGE_VAL ? 0 : next - best;
    if (ahead > widest) widest = ahead, *token = i, *word = its;
  }
  return widest >= 0;
}

/* All but the first, each told by those before it. */
static void tell_rest(telling *t, const uint32_t *order, size_t first, uint32_t *guess) {
  uint32_t token = 0, word = 0;
  begin(t);
  for (size_t i = 0; i < first; i++) {
    t->token_told[order[i]] = t->word_told[guess[order[i]]] = 1;
    take_in(t, order[i], guess[order[i]]);
  }
  while (clearest(t, &token, &word)) {
    guess[token] = word;
    t->token_told[token] = t->word_told[word] = 1;
    take_in(t, token, word);
  }
}

/* All of them anew, each by what the others are. */
static void tell_again(telling *t, uint32_t *guess) {
  uint32_t token = 0, word = 0;
  begin(t);
  for (uint32_t i = 0; i < t->seen->n; i++) take_in(t, i, guess[i]);
  while (clearest(t, &token, &word)) {
    guess[token] = word;
    t->token_told[token] = t->word_told[word] = 1;
  }
}

void matching_by_counts(const pairs *seen, const pairs *known, double share, uint32_t *guess) {
  const size_t n = seen->n;
  chances c;
  telling t = {
    &c, seen, known, malloc((n * n + 1) * sizeof(double)), malloc(n + 1), malloc(n + 1)
  };
  uint32_t *order = malloc((n + 1) * sizeof *order);
  if (order == NULL || t.badness == NULL || t.token_told == NULL || t.word_told == NULL) abort();
  chances_make(&c, seen, share);
  order_by_count(seen, order);
  tell_rest(&t, order, tell_first(&c, seen, known, order, guess), guess);
  for (int round = 0; round < ROUNDS; round++) tell_again(&t, guess);
  free(c.log_factorial);
  free(order);
  free(t.badness);
  free(t.token_told);
  free(t.word_told);
}

/* ------------------------------------------------------------------ by annealing */

static double row_badness(const pairs *seen, const pairs *expected, const uint32_t *guess,
                          uint32_t token, uint32_t word, uint32_t other, uint32_t others_word) {
  double sum = 0;
  for (uint32_t i = 0; i < seen->n; i++) {
    const uint32_t its = i == token ? word : i == other ? others_word : guess[i];
    const double d = pairs_at(seen, token, i) - pairs_at(expected, word, its);
    sum += d * d;
  }
  return sum;
}

void matching_by_annealing(const pairs *seen, const pairs *expected, uint64_t seed,
                           uint32_t *guess) {
  const uint32_t n = (uint32_t)seen->n;
  uint32_t *tokens = malloc(n * sizeof *tokens), *words = malloc(n * sizeof *words);
  if (tokens == NULL || words == NULL) abort();
  order_by_count(seen, tokens);
  order_by_count(expected, words);
  for (uint32_t i = 0; i < n; i++) guess[tokens[i]] = words[i];
  double heat = 2000;
  for (int i = 0; i < SWAPS && n > 1; i++, heat *= 0.99998) {
    const uint32_t at = (uint32_t)(random_next(&seed) % n); /* neighbours by count */
    const uint32_t to = (uint32_t)((at + 1 + random_next(&seed) % (n / 8 + 1)) % n);
    const uint32_t a = tokens[at], b = tokens[to];
    if (a == b) continue;
    const double before = row_badness(seen, expected, guess, a, guess[a], b, guess[b]) +
                          row_badness(seen, expected, guess, b, guess[b], a, guess[a]);
    const double after = row_badness(seen, expected, guess, a, guess[b], b, guess[a]) +
                         row_badness(seen, expected, guess, b, guess[a], a, guess[b]);
    if (after <= before || random_share(&seed) < exp((before - after) / heat)) {
      const uint32_t swap = guess[a];
      guess[a] = guess[b];
      guess[b] = swap;
    }
  }
  free(tokens);
  free(words);
}
