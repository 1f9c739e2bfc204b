/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * merge.h - segments become one, without what was superseded, is due, or goes to the trash.
 *
 * The new segment is written in small transactions beside readers and writers; the transaction that
 * publishes it resolves again what they changed meanwhile.
 */
#ifndef SEALDEX_INDEXER_MERGE_H
#define SEALDEX_INDEXER_MERGE_H

#include "indexer/maintain.h"

/* Under the maintenance lock. SDX_DAMAGED where one of them does not open: then nothing changed. */
sdx_status merge_run(sdx_index *index, const holder_id *ids, size_t count, int64_t now,
                     maintain_tally *tally, sdx_error *err) SDX_CHECK;

#endif
