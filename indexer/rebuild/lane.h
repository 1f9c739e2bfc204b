/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lane.h - one reader of the source: items in, fresh segments out.
 *
 * A segment is written between two units of the source only, so that a unit is done or not done.
 */
#ifndef SEALDEX_INDEXER_REBUILD_LANE_H
#define SEALDEX_INDEXER_REBUILD_LANE_H

#include "index/fresh.h"
#include "indexer/extract/share.h"
#include "indexer/rebuild/rebuild.h"

#define LANE_SECONDS 8 /* so much work a crash may undo */

typedef struct lane {
  rebuild *b;
  sdx_source *source;
  text_analyser *analyser;
  inverter *inverter;
  item_work work;
  fresh_entry *entries; /* of what is in the inverter */
  size_t count, capacity;
  size_t memory;
  uint64_t unit;              /* origin of the one that is being read */
  int64_t flushed;            /* when, in seconds of a clock that only runs */
  atomic_uint_fast64_t bytes; /* of input that was read */
  sdx_status status;
  sdx_error err;
} lane;

/* `memory`: bytes of postings and vocabulary before they are written. */
sdx_status lane_open(lane *l, rebuild *b, const source_share *share, size_t memory,
                     sdx_error *err) SDX_CHECK;
/* Reads its share to the end, or until the rebuild is stopped; what it has taken is durable then.
 * The body of a thread: `lane`, returns NULL; l->status says how it ended. */
void *lane_run(void *lane);
void lane_close(lane *l);

#endif
