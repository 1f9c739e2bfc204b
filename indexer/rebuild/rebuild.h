/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rebuild.h - a fresh index from the source, built beside the live one and put in its place.
 *
 * Readers of the source (lanes), each with a thread, analyse and write fresh segments
 * (index/fresh.h) as memory fills up or seconds pass; the live index goes on. When the source is
 * read, one transaction gives every item its new place (swap.h). docs/rebuild.md tells the whole
 * story.
 */
#ifndef SEALDEX_INDEXER_REBUILD_REBUILD_H
#define SEALDEX_INDEXER_REBUILD_REBUILD_H

#include <pthread.h>
#include <stdatomic.h>

#include "indexer/rebuild/damage.h"
#include "indexer/rebuild/done_set.h"
#include "indexer/rebuild/reindexing.h"
#include "indexer/rebuild/seen_set.h"

#define REBUILD_LANES_MAX 64

typedef struct rebuild {
  reindexing *r;
  damage damage;
  uint64_t since; /* the index's generation before the source was read */
  done_set done;  /* of an interrupted run */
  holder_id *own; /* fresh segments of this run; under `lock` */
  size_t own_count, own_capacity;
  seen_set seen;        /* items that some lane has taken; under `lock` */
  pthread_mutex_t lock; /* guards also the report, and calls of the caller's functions */
  atomic_bool stop;
} rebuild;

sdx_status rebuild_run(reindexing *r, sdx_error *err) SDX_CHECK;

/* One news from a lane. */
void rebuild_tell(rebuild *b, sdx_finding what, sdx_bytes id, const char *reason);
/* The fresh segment was made in this run. */
bool rebuild_is_own(const rebuild *b, holder_id id);

#endif
