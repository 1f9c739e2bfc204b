/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crew.h - threads that build a batch's segments side by side: items go to whoever is free, some at
 * a time, and each thread analyses, inverts and seals in memory of its own. One more thread does the
 * transactions for all of them, so that none waits for the disk.
 */
#ifndef SEALDEX_INDEXER_CREW_H
#define SEALDEX_INDEXER_CREW_H

#include "indexer/bulk.h"

#define CREW_THREADS_MAX 64

typedef struct crew crew;

/* How many threads there are where `wanted` are asked for: one for 0. */
unsigned crew_size(unsigned wanted);

/* One thread for each of `bulks`, which stay the caller's and are not to be touched before
 * crew_finish. */
sdx_status crew_start(crew **out, bulk *const *bulks, unsigned count, sdx_error *err) SDX_CHECK;
/* Copies the item. Waits while all threads are busy. What a thread failed with comes from the next
 * call, and all that follow. */
sdx_status crew_add(crew *c, uint32_t number, const builder_item *item, sdx_bytes fields,
                    sdx_error *err) SDX_CHECK;
/* Waits until all that was added is written. */
sdx_status crew_finish(crew *c, sdx_error *err) SDX_CHECK;
/* Ends the threads, whatever they do; NULL is fine. In a forked child there are none: then it
 * leaves everything as it is. */
void crew_free(crew *c);

#endif
