/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fold.h - journal records become a segment.
 *
 * One transaction: the segment, its items' places, the attribute objects that the journal changed, and
 * the retirement of the epochs. Deleted items go to the trash at once; superseded versions and what
 * is due are dropped with the epochs' keys.
 */
#ifndef SEALDEX_INDEXER_FOLD_H
#define SEALDEX_INDEXER_FOLD_H

#include "indexer/maintain.h"

#define FOLD_RECORDS 1024          /* of one transaction, whole epochs; more take several */
#define FOLD_BYTES (64U << 20)

/* Under the maintenance lock. Folds the whole journal. */
sdx_status fold_run(sdx_index *index, int64_t now, maintain_tally *tally, sdx_error *err) SDX_CHECK;

/* One transaction's worth in `w`; *any: something was folded, *more: something is left. */
sdx_status fold_within(write_txn *w, maintain_tally *tally, bool *any, bool *more,
                       sdx_error *err) SDX_CHECK;

#endif
