/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * deposited.h - what depositors left to be decided by others.
 *
 * When a deposited deletion or expiry falls due is not theirs to say: a sweep notes when it saw the row,
 * and upkeep with the read key makes an ordinary row of it. An item in the trash they cannot open: that
 * it shall come back stands as a wish in `meta` until upkeep carries it out.
 *
 *   wish   key 'W' | blind id (16); value: time (8) | tag (16), under the depositors' row key
 */
#ifndef SEALDEX_INDEXER_DEPOSITED_H
#define SEALDEX_INDEXER_DEPOSITED_H

#include "index/due.h"
#include "index/place.h"
#include "index/write.h"

/* Sets *yes where a deposited row is due; leaves it alone otherwise. */
sdx_status deposited_is_due(store_txn *t, int64_t now, bool *yes, sdx_error *err) SDX_CHECK;
/* True where some deposited row was seen by no sweep. */
sdx_status deposited_unseen(store_txn *t, bool *yes, sdx_error *err) SDX_CHECK;
/* Notes in each of those that `now` saw it. Needs no key. */
sdx_status deposited_mark(sdx_index *index, int64_t now, sdx_error *err) SDX_CHECK;

/* With the read key: deposited rows become ordinary ones, wishes are carried out. */
sdx_status deposited_adopt(sdx_index *index, int64_t now, sdx_error *err) SDX_CHECK;
/* The same in `w`. */
sdx_status deposited_adopt_in(write_txn *w, sdx_error *err) SDX_CHECK;

/* A depositor's wish that a deleted item come back from the trash. */
sdx_status deposited_wish(write_txn *w, const uint8_t blind[BLIND_SIZE], sdx_error *err) SDX_CHECK;

#endif
