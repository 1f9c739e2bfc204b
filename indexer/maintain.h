/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * maintain.h - upkeep: when folds and merges run, and what they are asked to do.
 */
#ifndef SEALDEX_INDEXER_MAINTAIN_H
#define SEALDEX_INDEXER_MAINTAIN_H

#include "index/write.h"

#define MAINTAIN_FOLD_RECORDS 128      /* a fold follows at so many journal records ... */
#define MAINTAIN_FOLD_BYTES (8U << 20) /* ... or so many bytes */
#define MAINTAIN_DEAD_PERCENT 20                       /* ... and those of which more is dead */
#define MAINTAIN_ADD_ITEMS 2048   /* merges that a write may be made to wait for */
#define MAINTAIN_MANY_ITEMS 50000 /* from so many on, segments are rewritten for old tombstones alone ... */
#define MAINTAIN_FEW_ITEMS 5000   /* ... and up to so many for each */
#define MAINTAIN_WAITING_PERCENT 1 /* tombstones that make so much of the items go to the trash at once */
#define MAINTAIN_SMALL_ITEMS 16384 /* an index of so many is small: its keys are replaced in passing */

/* What upkeep did, for reports. */
typedef struct maintain_tally {
  uint64_t purged;  /* deleted and superseded versions that can no longer be opened */
  uint64_t keys;    /* keys destroyed */
  uint64_t damaged; /* segments that could not be read, and so were left alone */
} maintain_tally;

/* Rides on a write that was acknowledged (`segments`: it published some): folds and merges where it
 * is time and nobody else is at it. A failure is not the write's: the next write tries again. */
void maintain_after_write(sdx_index *index, const meta_head *head, bool segments, int64_t now);

/* Under the maintenance lock: folds; rewrites the segments that hold what is due, and those the
 * policy names. `all`: every tombstone goes to the trash, all segments become one. */
sdx_status maintain_run(sdx_index *index, bool all, int64_t now, maintain_tally *tally,
                        sdx_error *err) SDX_CHECK;

#endif
