/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ratio.h"

#include <math.h>
#include <stdlib.h>

#include "random.h"

enum { RESAMPLES = 1000 };

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The k-th smallest (Hoare 1961), for medians of many resamples. */
static double select_rank(double *v, size_t count, size_t k) {
  size_t low = 0, high = count - 1;
  while (low < high) {
    const double pivot = v[low + (high - low) / 2];
    size_t i = low, j = high;
    for (;;) {
      while (v[i] < pivot) i++;
      while (v[j] > pivot) j--;
      if (i >= j) break;
      const double t = v[i];
      v[i++] = v[j];
      v[j--] = t;
    }
    if (k <= j)
      high = j;
    else
      low = j + 1;
  }
  return v[k];
}

double ratio_median(double *values, size_t count) {
  return count > 0 ? select_rank(values, count, (count - 1) / 2) : NAN;
}

/* Without `cut` values at either end of them, which are in order where there is a cut. */
static double mean_of(const double *values, size_t count, size_t cut) {
  double sum = 0;
  if (count == 0) return NAN;
  for (size_t i = cut; i < count - cut; i++) sum += values[i];
  return sum / (double)(count - 2 * cut);
}

double ratio_midmean(double *values, size_t count) {
  if (count > 0) qsort(values, count, sizeof *values, ascending);
  return mean_of(values, count, count / 4);
}

double ratio_middle_of(double *values, size_t count, ratio_middle middle) {
  switch (middle) {
  case RATIO_MEAN:
    return mean_of(values, count, 0);
  case RATIO_MIDMEAN:
    return ratio_midmean(values, count);
  default:
    return ratio_median(values, count);
  }
}

static double middle_of(const ratio_pair *p, const double *values, const size_t *picks,
                        double *scratch) {
  for (size_t i = 0; i < p->count; i++) scratch[i] = values[picks != NULL ? picks[i] : i];
  return ratio_middle_of(scratch, p->count, p->middle);
}

/* The logarithm of one class's ratio over the picked queries (NULL: all). */
static double log_ratio(const ratio_pair *p, const size_t *picks, double *scratch) {
  const double ours = middle_of(p, p->ours, picks, scratch);
  const double theirs = middle_of(p, p->theirs, picks, scratch);
  return log(ours > 0 && theirs > 0 ? ours / theirs : NAN);
}

ratio ratio_of(const ratio_pair *pairs, size_t count, uint64_t seed) {
  size_t most = 1, used = 0;
  for (size_t i = 0; i < count; i++)
    if (pairs[i].count > most) most = pairs[i].count;
  double *scratch = malloc(most * sizeof *scratch), means[RESAMPLES];
  size_t *picks = malloc(most * sizeof *picks);
  if (scratch == NULL || picks == NULL) abort();
  double sum = 0;
  for (size_t i = 0; i < count; i++) {
    if (pairs[i].count == 0) continue;
    used++;
    sum += log_ratio(&pairs[i], NULL, scratch);
  }
  for (size_t r = 0; r < RESAMPLES; r++) {
    double resampled = 0;
    for (size_t i = 0; i < count; i++) {
      const size_t n = pairs[i].count;
      if (n == 0) continue;
      for (size_t k = 0; k < n; k++) picks[k] = random_next(&seed) % n;
      resampled += log_ratio(&pairs[i], picks, scratch);
    }
    means[r] = resampled / (double)used;
  }
  qsort(means, RESAMPLES, sizeof means[0], ascending);
  free(scratch);
  free(picks);
  if (used == 0) return (ratio){ NAN, NAN, NAN };
  return (ratio){ exp(sum / (double)used), exp(means[RESAMPLES / 40]),
                  exp(means[RESAMPLES - RESAMPLES / 40 - 1]) };
}
