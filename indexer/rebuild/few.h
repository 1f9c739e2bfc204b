/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * few.h - the smallest of many segments become one for each thread, so that few are left: as many
 * as are searched well enough until the next upkeep joins them all.
 */
#ifndef SEALDEX_INDEXER_REBUILD_FEW_H
#define SEALDEX_INDEXER_REBUILD_FEW_H

#include "index/index.h"

#define FEW_SEGMENTS 8 /* are left at most */
#define FEW_THREADS_MAX 4

/* Under the maintenance lock. */
sdx_status few_make(sdx_index *index, unsigned threads, int64_t now, sdx_error *err) SDX_CHECK;

#endif
