/* SPDX-License-Identifier: GPL-2.0-or-later */
/* samples.h - every measured latency is kept, so that percentiles are exact. */
#ifndef SEALDEX_BENCH_SAMPLES_H
#define SEALDEX_BENCH_SAMPLES_H

#include <stddef.h>

typedef struct samples {
  double *values; /* seconds */
  size_t count, capacity;
  int sorted;
} samples;

/* Aborts the program where memory runs out: a bench has no better answer. */
void samples_add(samples *s, double seconds);
/* The q-quantile (0 to 1) in seconds, nearest rank; 0 where there are no samples. */
double samples_quantile(samples *s, double q);
/* A quantile near 1 for comparing: the mean of the samples from q - (1 - q) / 2 to q + (1 - q) / 2. With 200
 * queries in a few passes each, 99 of 100 lies where the second worst query ends and the third begins, and
 * one disturbed sample decides which of the two a single rank would be of. */
double samples_tail(samples *s, double q);
void samples_free(samples *s);

#endif
