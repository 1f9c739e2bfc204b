/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plots.h - the columns that plots.gp draws from. */
#ifndef SEALDEX_BENCH_PLOTS_H
#define SEALDEX_BENCH_PLOTS_H

#include "figures.h"

/* What sealing adds to one measure: sealed / unsealed - 1, in per cent; NAN where it was not
 * measured. */
typedef struct sealing_cost {
  const char *what;
  double percent;
} sealing_cost;
enum { SEALING_COSTS = 8 };
void plots_sealing(const figures *f, sealing_cost costs[SEALING_COSTS]);

/* Writes plot-*.dat into `dir`. Returns 0, or -1 with a line on stderr. */
int plots_write(const figures *f, const char *dir);

#endif
