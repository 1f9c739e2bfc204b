/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * matching.h - guessing which word a token stands for, from how often tokens occur and occur
 * together.
 *
 * Two attacks of the literature on searchable encryption, for an attacker who knows part of the
 * documents: count          Cash, Grubbs, Perry, Ristenpart 2015: some tokens are told by their
 * counts, all others by the counts of pairs with tokens that are told already. The paper begins
 * with counts that only one word has; where part of the documents is known no count is exact, and
 * it tries guesses for the first ones: here the most frequent tokens, many chains of guesses at a
 * time co-occurrence  Islam, Kuzu, Kantarcioglu 2012: simulated annealing over the matrix of pairs
 */
#ifndef SEALDEX_BENCH_MATCHING_H
#define SEALDEX_BENCH_MATCHING_H

#include <stddef.h>
#include <stdint.h>

/* In how many documents both of two occur, n x n; the diagonal is the count of one. */
typedef struct pairs {
  size_t n;
  float *counts;
} pairs;

int pairs_new(pairs *p, size_t n); /* 0 or -1 */
void pairs_free(pairs *p);
static inline float pairs_at(const pairs *p, size_t i, size_t k) {
  return p->counts[i * p->n + k];
}
/* One more document, in which these occur (ascending). */
void pairs_add(pairs *p, const uint32_t *members, size_t count);
void pairs_scale(pairs *p, double by);

/* Fills guess[token] with a word, each word once. `seen` are the tokens' pairs; `known` the words'
 * pairs in the documents that are known, a `share` of all; `expected` those of all as one would
 * expect them. */
void matching_by_counts(const pairs *seen, const pairs *known, double share, uint32_t *guess);
void matching_by_annealing(const pairs *seen, const pairs *expected, uint64_t seed,
                           uint32_t *guess);

#endif
