/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.h - figures as Markdown to read, and as columns that gnuplot reads. */
#ifndef SEALDEX_BENCH_REPORT_H
#define SEALDEX_BENCH_REPORT_H

#include "figures.h"

/* Writes report.md, report.json and plot-*.dat into `dir`. Returns 0, or -1 with a line on stderr.
 */
int report_write(const figures *f, const char *dir);

#endif
