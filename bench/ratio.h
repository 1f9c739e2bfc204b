/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ratio.h - how two engines compare, with an interval that says how sure that is.
 *
 * Ratios are of medians over the queries of a class; a query's own value is its median over the
 * passes. Intervals are percentiles (2.5 and 97.5) of a bootstrap over queries (Efron 1979),
 * paired: a resample takes the same queries of both engines.
 */
#ifndef SEALDEX_BENCH_RATIO_H
#define SEALDEX_BENCH_RATIO_H

#include <stddef.h>
#include <stdint.h>

typedef struct ratio_pair {
  const double *ours, *theirs; /* one value per query */
  size_t count;
} ratio_pair;

typedef struct ratio {
  double value, low, high;
} ratio;

/* The geometric mean, over `count` classes, of the ratio of medians (a single class: that ratio).
 */
ratio ratio_of(const ratio_pair *pairs, size_t count, uint64_t seed);
/* The median of values, which are reordered; NAN where there are none. */
double ratio_median(double *values, size_t count);

#endif
