/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * salvage.h - what can still be read of damaged segments goes into new ones, and the damaged ones
 * go.
 *
 * An item is taken as its stored text and its payload say (with its version, its tombstone and its
 * clocks); where the segment's attributes do not open, without folders, flags and labels, until its
 * source is added again. What cannot be read counts as missing; a tombstone stays, so that nothing
 * deleted comes back. An index that keeps no text has nothing to take.
 */
#ifndef SEALDEX_INDEXER_REBUILD_SALVAGE_H
#define SEALDEX_INDEXER_REBUILD_SALVAGE_H

#include "indexer/rebuild/damage.h"
#include "indexer/rebuild/reindexing.h"

/* Takes the maintenance lock. Adds to the report's `salvaged` and `unreadable`; *d is empty
 * afterwards. */
sdx_status salvage_run(reindexing *r, damage *d, sdx_error *err) SDX_CHECK;

#endif
