/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * threads.h - hits collapsed by thread: of each thread the best one, in a table as large as the
 * number of threads that match. An item without a thread stands for itself.
 */
#ifndef SEALDEX_QUERY_THREADS_H
#define SEALDEX_QUERY_THREADS_H

#include "query/rank.h"

typedef struct threads threads;

threads *threads_new(rank_top *top); /* NULL: no memory */
void threads_offer(threads *t, const rank_hit *hit);
/* Ranks the best of each thread; *total is how many threads there are. */
sdx_status threads_finish(threads *t, uint64_t *total, sdx_error *err) SDX_CHECK;
void threads_free(threads *t); /* wipes; NULL is fine */

#endif
