/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * swap.h - the fresh segments take the place of all others, in one transaction.
 *
 * The swap is a merge of all old segments (indexer/merge.h) in which nearly every item has a
 * successor in a fresh segment. What has none goes on in the merge's own new segment: what the
 * source does not have, and what became newer than what was read. Deleted items go to the trash as
 * in every merge. The keys of the old segments retire with the transaction.
 *
 * Of an item that both have:
 *   the version that was there when the source was read is still the current one
 *     and the source gave the same as last time: it stays that version, with the attributes that it
 * has now and the source gave something else: the source's is a new version it is deleted, or was
 * deleted meanwhile: it stays deleted, with its clock it was replaced, or came back, meanwhile: the
 * index's own goes on
 */
#ifndef SEALDEX_INDEXER_REBUILD_SWAP_H
#define SEALDEX_INDEXER_REBUILD_SWAP_H

#include "indexer/rebuild/rebuild.h"

/* Under the maintenance lock, the journal folded. SDX_LOCKED where something stood in the way that
 * is not there next time: call again. */
sdx_status swap_run(rebuild *b, sdx_error *err) SDX_CHECK;

#endif
