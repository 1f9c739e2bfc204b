/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * figures.h - what was measured, one row per figure, so that stages of the bench, which run in
 * processes of their own, write into one table, and reports, plots and comparisons read it.
 *
 * On disk: a line per row, tab-separated, "nan" where there is no value:
 *   stage  engine  subject  measure  unit  value  low  high  n
 * `low` and `high` bound what the stage says (spread over passes, or a confidence interval); `n` is
 * how many samples stand behind the value.
 */
#ifndef SEALDEX_BENCH_FIGURES_H
#define SEALDEX_BENCH_FIGURES_H

#include <stdint.h>
#include <stdio.h>

typedef struct figure {
  char stage[16];    /* "build", "search", "total", "cold", ... */
  char engine[32];   /* "Sealdex", "Xapian", ...; "-" for what concerns none */
  char subject[160]; /* the class of queries, or the workload */
  char measure[32];  /* "p50", "rate", "peak", ... */
  char unit[16];     /* "us", "MB/s", "MiB", "ratio", ... */
  double value, low, high;
  uint64_t n;
} figure;

typedef struct figures {
  figure *rows;
  size_t count, capacity;
} figures;

/* Aborts the program where memory runs out: a bench has no better answer. */
void figures_add(figures *f, const figure *row);
/* A value without bounds. */
void figures_put(figures *f, const char *stage, const char *engine, const char *subject,
                 const char *measure, const char *unit, double value);
/* The row of these names, or NULL. */
const figure *figures_find(const figures *f, const char *stage, const char *engine,
                           const char *subject, const char *measure);
/* Its value, or NAN. */
double figures_value(const figures *f, const char *stage, const char *engine, const char *subject,
                     const char *measure);

/* Both return 0, or -1 with a line on stderr. Reading adds to what is there. */
int figures_read(figures *f, const char *path);
int figures_write(const figures *f, const char *path);
void figures_json(const figures *f, FILE *out);
void figures_free(figures *f);

#endif
