/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compare.h - index and source held against each other, by id; nothing is changed.
 *
 * Content is compared by its keyed digest in `ids`: nothing is analysed. Attributes count as equal
 * where the source gives those that it gave last, whatever was set since.
 */
#ifndef SEALDEX_INDEXER_REBUILD_COMPARE_H
#define SEALDEX_INDEXER_REBUILD_COMPARE_H

#include "indexer/rebuild/damage.h"
#include "indexer/rebuild/reindexing.h"

typedef enum comparison {
  COMPARE_SYNCED,
  COMPARE_MISSING,
  COMPARE_STALE,
  COMPARE_HIDDEN /* deleted, and not due */
} comparison;

/* What stands under a prepared item's id; *reason says more of what differs. */
sdx_status compare_item(reindexing *r, const damage *d, const sdx_item *item, const item_work *work,
                        comparison *out, const char **reason, sdx_error *err) SDX_CHECK;

sdx_status compare_run(reindexing *r, sdx_error *err) SDX_CHECK;

#endif
