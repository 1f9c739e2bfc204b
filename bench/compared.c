/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compared.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void compared_add(compared *c, const bench *b, const char *subject, double *const values[],
                  size_t count, ratio_middle middle) {
  if (count == 0 || c->subjects == SUBJECTS_MAX) return;
  const size_t s = c->subjects++;
  snprintf(c->names[s], sizeof c->names[s], "%s", subject);
  c->counts[s] = count;
  c->middles[s] = middle;
  for (size_t k = 0; k < b->count; k++) {
    c->values[k][s] = malloc(count * sizeof *c->values[k][s]);
    if (c->values[k][s] == NULL) abort();
    memcpy(c->values[k][s], values[k], count * sizeof *values[k]);
  }
}

void compared_add_passes(compared *c, const bench *b, const char *subject, const passes *took,
                         ratio_middle middle) {
  double *values[ENGINES_MAX] = { NULL };
  for (size_t k = 0; k < b->count; k++) values[k] = passes_values(took, k);
  compared_add(c, b, subject, values, took->pieces, middle);
  for (size_t k = 0; k < b->count; k++) free(values[k]);
}

static double middle_of(const compared *c, size_t k, size_t subject) {
  const size_t n = c->counts[subject];
  double *copy = malloc(n * sizeof *copy);
  if (copy == NULL) abort();
  memcpy(copy, c->values[k][subject], n * sizeof *copy);
  const double middle = ratio_middle_of(copy, n, c->middles[subject]);
  free(copy);
  return middle;
}

static void put_ratio(bench *b, const char *stage, const char *peer, const char *subject, ratio r) {
  figures_put(&b->figures, stage, peer, subject, "ratio", "ours/theirs", r.value);
  b->figures.rows[b->figures.count - 1].low = r.low;
  b->figures.rows[b->figures.count - 1].high = r.high;
}

static ratio_pair pair_of(const compared *c, size_t k, size_t subject) {
  return (ratio_pair){ c->values[0][subject], c->values[k][subject], c->counts[subject],
                       c->middles[subject] };
}

/* The peer whose middle is least, or 0 (Sealdex itself) where there is no peer. */
static size_t best_peer(const compared *c, const bench *b, size_t subject) {
  double least = INFINITY;
  size_t best = 0;
  for (size_t k = 1; k < b->count; k++) {
    if (!stage_is_peer(&b->engines[k])) continue;
    const double middle = middle_of(c, k, subject);
    if (!(middle < least)) continue;
    least = middle;
    best = k;
  }
  return best;
}

void compared_put(compared *c, bench *b, const char *stage) {
  for (size_t k = 1; k <= b->count && !stage_is_peer(&b->engines[0]); k++) {
    ratio_pair pairs[SUBJECTS_MAX] = { 0 };
    const char *peer = k < b->count ? b->engines[k].class->name : "best peer";
    size_t used = 0;
    for (size_t s = 0; s < c->subjects; s++) {
      const size_t other = k < b->count ? k : best_peer(c, b, s);
      if (other == 0) continue;
      pairs[used] = pair_of(c, other, s);
      put_ratio(b, stage, peer, c->names[s], ratio_of(&pairs[used++], 1, 7));
    }
    if (used > 1) put_ratio(b, stage, peer, "geometric mean", ratio_of(pairs, used, 7));
  }
  compared_free(c);
}

void compared_free(compared *c) {
  for (size_t k = 0; k < ENGINES_MAX; k++)
    for (size_t s = 0; s < SUBJECTS_MAX; s++) free(c->values[k][s]);
  memset(c, 0, sizeof *c);
}
