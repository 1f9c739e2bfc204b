/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine.h - a plan carried out over all segments of a view: the best hits, and how many there are.
 */
#ifndef SEALDEX_QUERY_ENGINE_H
#define SEALDEX_QUERY_ENGINE_H

#include "query/match.h"

typedef struct engine_options {
  sdx_sort sort;
  size_t best;            /* so many hits are ranked */
  bool bound_total;       /* a lower bound will do for the total */
  bool collapse_threads;
  const query_clock *clock; /* NULL: there is time */
  const page *after;      /* only hits behind the end of this page; NULL: all */
  int64_t now, half_life; /* of SDX_BY_RECENCY */
  /* Told of all that matches, window by window, unless NULL; then all is counted. */
  void (*each_window)(void *context, size_t segment, uint32_t base, const uint64_t *bits);
  void *context;
} engine_options;

typedef struct engine_result {
  rank_top top;           /* best first */
  uint64_t total;
  bool exact;             /* `total` is all; else at least so many */
  bool timed_out;
  size_t failed_segment;  /* where the session's status comes from */
} engine_result;

/* The score of relevance that fades with age: score * half_life / (half_life + age). */
double engine_fade(double score, int64_t age, int64_t half_life);

/* SDX_NO_MEMORY, SDX_CANCELLED, or the session's status: then the result is not to be used. */
sdx_status engine_run(engine_result *out, scratch *s, view_read *read, const plan *p,
                      const rank_model *model, const engine_options *options,
                      sdx_error *err) SDX_CHECK;

#endif
