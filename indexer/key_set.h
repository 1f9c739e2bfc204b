/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * key_set.h - another id key, and other keys of rows.
 *
 * Rows of `ids` and `due` stand under keyed hashes of external ids, and rows of `ids` hold keyed digests
 * of contents. So whoever has the user's key and an old copy of the store could find out whether an item
 * that he guesses was there once. Hence id key, table key and intake pair are replaced at least once per
 * retention time, and the old ones destroyed: every id is blinded anew from where it stands in clear
 * (sealed, in segments and trash records), and every row is sealed or authenticated anew, in one
 * transaction. It begins with a fold, so that no journal record has to be rewritten.
 */
#ifndef SEALDEX_INDEXER_KEY_SET_H
#define SEALDEX_INDEXER_KEY_SET_H

#include "index/write.h"

/* True where the keys have been in use for two thirds of the retention time (a day at least); `overdue`:
 * for all of it. */
bool key_set_is_due(const sdx_index *index, const meta_head *head, int64_t now);
bool key_set_is_overdue(const sdx_index *index, const meta_head *head, int64_t now);

/* Under the maintenance lock. `revoke`: deposit keys are taken back (else they stay good), and the mark of
 * indexer/reseal.h goes with the same transaction. SDX_LOCKED where a batch is being made; SDX_DAMAGED where
 * ids cannot be read: then nothing changed. Items that went with a destroyed holder can no longer be
 * told apart by their ids: how many are missing stays as it is from then on. */
sdx_status key_set_replace(sdx_index *index, bool revoke, int64_t now, sdx_error *err) SDX_CHECK;

/* Upkeep: replaces the keys where it is time, and nothing speaks against it today. Where items are missing
 * it waits a week, so that adding them again can be seen. */
sdx_status key_set_keep_fresh(sdx_index *index, int64_t now, sdx_error *err) SDX_CHECK;

#endif
