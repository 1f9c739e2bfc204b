/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reindexing.h - one call of sdx_reindex: what it works on, and how it tells its news.
 */
#ifndef SEALDEX_INDEXER_REBUILD_REINDEXING_H
#define SEALDEX_INDEXER_REBUILD_REINDEXING_H

#include "indexer/item.h"
#include "indexer/upsert.h"

typedef struct reindexing {
  sdx_index *index;
  sdx_source *source;
  const sdx_reindex_options *options;
  sdx_reindex_report *report;
  int64_t now;
} reindexing;

/* Counts the finding and tells the caller of it. */
void reindexing_tell(reindexing *r, sdx_finding what, sdx_bytes id, const char *reason);

/* Walks the source: calls `each` with every item, prepared (indexer/item.h), and tells of all
 * others. SDX_INVALID from `each` fails the item alone. SDX_CANCELLED where the caller stopped it.
 */
typedef sdx_status (*reindexing_each)(void *context, const sdx_item *item, item_work *work,
                                      sdx_error *err);
sdx_status reindexing_walk(reindexing *r, reindexing_each each, void *context,
                           sdx_error *err) SDX_CHECK;

#endif
