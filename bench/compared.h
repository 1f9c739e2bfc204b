/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compared.h - what each engine took for the same work, kept until all subjects of a stage are
 * measured; then ratios of middles (ratio.h) of Sealdex to every other engine, and to the best peer
 * of each subject, with 95% intervals.
 */
#ifndef SEALDEX_BENCH_COMPARED_H
#define SEALDEX_BENCH_COMPARED_H

#include "passes.h"
#include "ratio.h"
#include "stage.h"

enum { SUBJECTS_MAX = 32 };

typedef struct compared {
  char names[SUBJECTS_MAX][48];
  double *values[ENGINES_MAX][SUBJECTS_MAX]; /* seconds, in the order of the work */
  size_t counts[SUBJECTS_MAX];
  ratio_middle middles[SUBJECTS_MAX];
  size_t subjects;
} compared;

/* A new subject with what each engine of the bench took for `count` pieces of work; copied. One
 * without pieces is passed over. */
void compared_add(compared *c, const bench *b, const char *subject, double *const values[],
                  size_t count, ratio_middle middle);
/* The same from what was taken in several passes. */
void compared_add_passes(compared *c, const bench *b, const char *subject, const passes *took,
                         ratio_middle middle);
/* Rows "ratio" of the stage by subject, and "geometric mean" over several; then frees all. */
void compared_put(compared *c, bench *b, const char *stage);
void compared_free(compared *c);

#endif
