/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fresh.h - one search by a program that has just been started: this one again, with a command that
 * does nothing else (`fresh`, which no help names). A fork of the bench would pay for the bench's
 * memory: every page that it writes to is copied first.
 */
#ifndef SEALDEX_BENCH_FRESH_H
#define SEALDEX_BENCH_FRESH_H

#include "stage.h"

/* What the program is told, and what it tells; in memory that both have. */
typedef struct fresh fresh;

/* Never NULL (aborts). One serves any number of searches in a row. */
fresh *fresh_new(void);
/* Starts the program, which opens the index and asks the query; how many seconds each took.
 * Returns 0, or -1 with a line on stderr. */
int fresh_ask(fresh *f, const contender *c, const workload_query *q, double *open, double *search);
void fresh_free(fresh *f);

#endif
