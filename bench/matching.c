/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "matching.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

#define ROUNDS 12
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

typedef struct candidate {
  double badness;
  uint32_t token, word;
} candidate;

static int least_bad_first(const void *a, const void *b) {
  const double x = ((const candidate *)a)->badness, y = ((const candidate *)b)->badness;
  return x < y ? -1 : x > y;
}

/* How far a pair's count is from what is expected, by the spread of a sample's count. */
static double distance(double seen, double expected) {
  const double d = seen - expected;
  return d * d / (expected + 5);
}

/* The best candidates first, each token and word once. */
static void assign(candidate *list, size_t n, uint32_t *guess) {
  uint8_t *taken = calloc(2 * n, 1);
  if (taken == NULL) abort();
  qsort(list, n * n, sizeof *list, least_bad_first);
  for (size_t i = 0; i < n * n; i++) {
    if (taken[list[i].token] || taken[n + list[i].word]) continue;
    guess[list[i].token] = list[i].word;
    taken[list[i].token] = taken[n + list[i].word] = 1;
  }
  free(taken);
}

/* A token against a word: by its own count, and by pairs with the tokens that are told, the most frequent
 * `known` ones. */
static double badness(const pairs *seen, const pairs *expected, const uint32_t *guess,
                      const uint32_t *order, size_t known, uint32_t token, uint32_t word) {
  double sum = distance(pairs_at(seen, token, token), pairs_at(expected, word, word));
  for (size_t i = 0; i < known; i++) {
    const uint32_t other = order[i];
    if (other == token || guess[other] == word) continue;
    sum += distance(pairs_at(seen, token, other), pairs_at(expected, word, guess[other]));
  }
  return sum;
}

static void order_by_count(const pairs *p, uint32_t *order) {
  for (uint32_t i = 0; i < p->n; i++) order[i] = i;
  for (size_t i = 1; i < p->n; i++)
    for (size_t k = i; k > 0 && pairs_at(p, order[k], order[k]) > pairs_at(p, order[k - 1], order[k - 1]);
         k--) {
      const uint32_t swap = order[k];
      order[k] = order[k - 1];
      order[k - 1] = swap;
    }
}

void matching_by_counts(const pairs *seen, const pairs *expected, uint32_t *guess) {
  const size_t n = seen->n;
  candidate *list = malloc(n * n * sizeof *list);
  uint32_t *order = malloc(n * sizeof *order);
  if (list == NULL || order == NULL) abort();
  order_by_count(seen, order);
  for (int round = 0; round < ROUNDS; round++) { /* first by counts alone, then by ever more pairs */
    const size_t known = round == 0 ? 0 : n * (size_t)round / (ROUNDS - 1);
    for (uint32_t t = 0; t < n; t++)
      for (uint32_t w = 0; w < n; w++)
        list[t * n + w] = (candidate){ badness(seen, expected, guess, order, known, t, w), t, w };
    assign(list, n, guess);
  }
  free(order);
  free(list);
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

void matching_by_annealing(const pairs *seen, const pairs *expected, uint64_t seed, uint32_t *guess) {
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
