/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stage.h - the stages of a run: each measures one thing over all engines, in turn, and adds its
 * rows to the figures. Stages are called in this order, since later ones change the indexes.
 */
#ifndef SEALDEX_BENCH_STAGE_H
#define SEALDEX_BENCH_STAGE_H

#include "engine.h"
#include "figures.h"
#include "passes.h"
#include "samples.h"

enum { ENGINES_MAX = 6 };

typedef struct contender {
  const engine_class *class;
  char dir[400];
  engine *e; /* while it is open */
} contender;

typedef struct bench {
  const corpus *mail;
  const workload *work;
  contender engines[ENGINES_MAX]; /* Sealdex first */
  size_t count;
  size_t passes;            /* measured ones, over every class */
  size_t rounds;            /* builds of each engine, for the spread */
  size_t turns;             /* rounds of readers */
  size_t adds;              /* single durable adds and deletes of a repeat */
  size_t repeats;           /* of the writes, each on a fresh copy of the indexes */
  size_t users;             /* small indexes */
  size_t cold;              /* first searches per class in fresh processes */
  const char *const *paths; /* what the mail was read from; none where it is made up */
  size_t path_count;
  double seconds; /* of each readers' run */
  const char *work_dir;
  uint64_t random, seed;
  figures figures;
  FILE *samples;   /* where every sample goes too; NULL: nowhere */
  figures earlier; /* of a run whose indexes of slow engines still stand */
} bench;

/* All return 0, or -1 with a line on stderr. */
int stage_build(bench *b);
int stage_cold(bench *b);
int stage_search(bench *b);
int stage_readers(bench *b);
int stage_write(bench *b);
int stage_users(bench *b);
/* Builds and searches a workload of workload_draw_growth; alone. */
int stage_growth(bench *b);
/* The same mailbox as files into an empty index of Sealdex, which then answers the workload; after
 * stage_growth. */
int stage_files(bench *b);
/* Which items the engines find, beside which are the ten best. */
int stage_answers(bench *b);
/* Memory, faults and CPU time of a process that does nothing but search. */
int stage_memory(bench *b);
/* A new index from the raw files, beside the live one, which it replaces. */
int stage_reindex(bench *b);
/* System calls of searches and adds, by stopping at each: no time is measured here. */
int stage_syscalls(bench *b);

/* A drawn order of 0 to n - 1. */
void stage_shuffle(bench *b, size_t *order, size_t n);
/* Closes what is open, and opens every engine's index. */
int stage_open_all(bench *b, engine_access access);
void stage_close_all(bench *b);
/* Median, 90th, 99th percentile, greatest and mean of samples in seconds, as rows in microseconds.
 */
void stage_put_latency(bench *b, const char *stage, const contender *c, const char *subject,
                       samples *s);
/* Writes every sample, where they are wanted: stage, engine, subject, pass, piece, microseconds. */
void stage_keep(const bench *b, const char *stage, const char *subject, const passes *p);
/* True for engines that Sealdex is compared with as peers. */
bool stage_is_peer(const contender *c);

#endif
