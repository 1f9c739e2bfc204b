/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ratio.h - how two engines compare, with an interval that says how sure that is.
 *
 * Ratios are of medians over the queries of a class (a query's own value: see passes.h); of rounds
 * of mixed work, few and each unlike the others, they are of the means of the middle half: a median
 * of those would be one round or its neighbour by chance. Of a fixed sequence of calls of several
 * kinds (most are quick, one in a few does work that was put off) they are of the means of all
 * calls, in which every kind has the share that it has in the sequence. Intervals are percentiles
 * (2.5 and 97.5) of a bootstrap over queries (Efron 1979), paired: a resample takes the same
 * queries of both engines.
 */
#ifndef SEALDEX_BENCH_RATIO_H
#define SEALDEX_BENCH_RATIO_H

#include <stddef.h>
#include <stdint.h>

/* Over a subject's values: which one stands for all. */
typedef enum ratio_middle { RATIO_MEDIAN, RATIO_MIDMEAN, RATIO_MEAN } ratio_middle;

typedef struct ratio_pair {
  const double *ours, *theirs; /* one value per query */
  size_t count;
  ratio_middle middle;
} ratio_pair;

typedef struct ratio {
  double value, low, high;
} ratio;

/* The geometric mean, over `count` classes, of the ratio of middles (a single class: that ratio).
 */
ratio ratio_of(const ratio_pair *pairs, size_t count, uint64_t seed);
/* The median of values, which are reordered; NAN where there are none. */
double ratio_median(double *values, size_t count);
/* The mean of the middle half of them, without the lowest and the highest quarter; likewise. */
double ratio_midmean(double *values, size_t count);
/* Whichever of them is asked for; likewise. */
double ratio_middle_of(double *values, size_t count, ratio_middle middle);

#endif
