/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * passes.h - what every engine took for the same pieces of work (queries, as a rule), pass after
 * pass. All engines take part in all passes.
 *
 * A piece's value is the lower quartile of its passes: what disturbs a measurement (an interrupt,
 * another guest of the machine, a disk that is busy) only ever adds to it, so the lower half says
 * what the engine takes, and its edge is reached by a quarter of all passes, not by one lucky one.
 * Percentiles over samples (p50, p90, p99) are of all passes as they were, where a stage does not
 * say otherwise.
 */
#ifndef SEALDEX_BENCH_PASSES_H
#define SEALDEX_BENCH_PASSES_H

#include "samples.h"

typedef struct passes {
  size_t engines, pieces, count;
  double *seconds; /* [engine][pass][piece] */
} passes;

/* Aborts the program where memory runs out. */
passes passes_new(size_t engines, size_t pieces, size_t count);
double *passes_at(const passes *p, size_t engine, size_t pass, size_t piece);
/* A quantile of the passes of each piece of one engine's; the caller frees them. */
double *passes_quantiles(const passes *p, size_t engine, double q);
/* The value of each piece: its lower quartile. */
double *passes_values(const passes *p, size_t engine);
/* Adds one engine's samples of the first `count` passes. */
void passes_samples(const passes *p, size_t engine, size_t count, samples *all);
void passes_free(passes *p);

#endif
