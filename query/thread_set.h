/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * thread_set.h - the threads that have a live item with some flag, or one without it: for what JMAP
 * asks of whole threads.
 */
#ifndef SEALDEX_QUERY_THREAD_SET_H
#define SEALDEX_QUERY_THREAD_SET_H

#include "index/view.h"
#include "query/clock.h"
#include "query/scratch.h"

typedef struct thread_set {
  uint64_t *threads; /* ascending */
  size_t count;
} thread_set;

/* Threads of live items with the flag (any case), or without it; *timed_out where the clock came
 * first, and some are missing. Failure of a segment is the session's. */
sdx_status thread_set_make(thread_set *out, scratch *s, view_read *read, sdx_bytes flag,
                           bool without, const query_clock *clock, bool *timed_out,
                           sdx_error *err) SDX_CHECK;
bool thread_set_has(const thread_set *t, uint64_t thread);

#endif
