/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report.h - what a run measured, and how it is written: Markdown to read, JSON to plot and compare.
 */
#ifndef SEALDEX_BENCH_REPORT_H
#define SEALDEX_BENCH_REPORT_H

#include <stdio.h>

#include "engine.h"
#include "samples.h"

enum { ENGINES_MAX = 4 };

/* One engine's figures in one run. */
typedef struct contender {
  const engine_class *class;
  char dir[400];
  engine *e;
  double build_seconds, build_cpu, peak_mib; /* peak_mib: resident memory while building */
  uint64_t bytes;
  samples adds, deletes;
  samples opens;                    /* open and first medium query, page cache warm */
  samples classes[QUERY_CLASSES];   /* ten best, total not asked for */
  samples totals[QUERY_CLASSES];    /* ten best and the exact total */
  uint64_t hits[QUERY_CLASSES];     /* sums of exact totals, for comparing meanings */
  double overlap[QUERY_CLASSES];    /* mean share of the first engine's ten ids that it also gives */
} contender;

typedef struct run {
  const corpus *mail;
  const workload *work;
  contender engines[ENGINES_MAX];
  size_t count;
  size_t passes;
  uint64_t seed;
} run;

void report_markdown(FILE *out, run *r);
void report_json(FILE *out, run *r);

#endif
