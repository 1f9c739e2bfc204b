/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * workload.h - query classes, drawn with a seed from the corpus that is searched.
 *
 * Words are lower-case ASCII letters only, 3 to 12 of them, so that all engines split them alike.
 * The classes are those of the report: see workload.c's table for how each draws its words.
 */
#ifndef SEALDEX_BENCH_WORKLOAD_H
#define SEALDEX_BENCH_WORKLOAD_H

#include "corpus.h"

typedef enum query_class {
  QUERY_RARE,
  QUERY_MEDIUM,
  QUERY_COMMON,
  QUERY_AND2,
  QUERY_AND3,
  QUERY_OR2,
  QUERY_OR4,
  QUERY_PHRASE2,
  QUERY_PHRASE34,
  QUERY_NEAR,
  QUERY_PREFIX,
  QUERY_FIELD,
  QUERY_AND_NOT,
  QUERY_NEWEST,
  QUERY_FILTER,
  QUERY_CLASSES
} query_class;

const char *query_class_name(query_class c);

typedef struct workload_query {
  query_class kind;
  size_t word_count;
  char words[4][16];  /* FILTER: none */
  const char *folder; /* FILTER alone */
  int64_t since,
      until; /* and whole days of UTC, from the first up to before the last; 0: all time */
} workload_query;

typedef struct workload {
  workload_query *queries; /* grouped by class, distinct within each */
  size_t count;
  size_t first[QUERY_CLASSES + 1];
} workload;

/* Draws up to `per_class` distinct queries per class. Returns 0 or -1. */
int workload_draw(workload *w, const corpus *c, size_t per_class, uint64_t seed);
/* For the growth of figures with a mailbox: rare words and common ones as above, newest first, and
 * an AND of two words whose rarer one stands in 800 to 1,250 items: as AND 2 with another word of any
 * share up to 40%, which grows with the mailbox; as AND 3 with one in at most 4,000 items, so that both
 * are fixed. A word stands where any form of its stem does. The other classes stay empty. */
int workload_draw_growth(workload *w, const corpus *c, size_t per_class, uint64_t seed);
void workload_free(workload *w);

/* The query as Sealdex and Xapian understand it alike. */
void workload_query_text(const workload_query *q, char *out, size_t size);

#endif
