/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fresh.h - segments of a rebuild on its way: finished and durable, and read by nobody until the
 * rebuild publishes them all at once.
 *
 *   'F' | id (8)                    holder.h's row of the segment to be; `time`: when it is given
 * up 'M' | id (8) | blind id (16)    what it holds: sealed under the table key (seal_row): ordinal
 * (4) | seen (5) | content (8) | attributes (4) | expires (8) | origin (8)
 *
 * Both stand in `meta`. A killed rebuild finds here what it has done. Blind ids stand in clear, as
 * in `ids` and `due`, for the sake of sweeps without a key: what is purged must be in no fresh
 * segment, so one that holds it is given up. So is one whose rebuild nobody took up again by
 * `time`.
 */
#ifndef SEALDEX_INDEX_FRESH_H
#define SEALDEX_INDEX_FRESH_H

#include "index/build.h"
#include "index/place.h"

#define FRESH_KEEP (7 * (int64_t)SDX_DAY) /* or the retention time, where that is less */

typedef struct fresh_entry {
  uint8_t blind[BLIND_SIZE];
  uint32_t ordinal;
  uint64_t seen;    /* version of the item that stood in the index when this was read; 0: none */
  uint64_t content; /* as in place.h */
  uint32_t attributes;
  int64_t expires;
  uint64_t origin; /* where it was read from (extract/share.h) */
} fresh_entry;

/* Makes a finished build a fresh segment, in a transaction of its own. Sorts the entries. */
sdx_status fresh_keep(segment_build *b, const segment_info *info, fresh_entry *entries,
                      size_t count, sdx_error *err) SDX_CHECK;

/* Their rows, in no order; the caller frees *rows. */
sdx_status fresh_list(store_txn *t, const row_keys *row_key, holder_row **rows, size_t *count,
                      sdx_error *err) SDX_CHECK;

/* The entries of one segment in order of blind ids. */
typedef struct fresh_walk {
  store_cursor *cursor;
  const secret *table_key;
  uint8_t key[9];
  bool begun;
} fresh_walk;
sdx_status fresh_walk_open(fresh_walk *w, store_txn *t, const secret *table_key, holder_id id,
                           sdx_error *err) SDX_CHECK;
/* SDX_NOT_FOUND at the end. */
sdx_status fresh_walk_next(fresh_walk *w, fresh_entry *out, sdx_error *err) SDX_CHECK;
void fresh_walk_close(fresh_walk *w);

/* It becomes a segment that is read: its row from 'F' to 'S', its entries go. */
sdx_status fresh_publish(write_txn *w, const holder_row *fresh, sdx_error *err) SDX_CHECK;

/* Its key retires with this commit, and its entries go. */
sdx_status fresh_give_up(write_txn *w, holder_id id, sdx_error *err) SDX_CHECK;
/* All of them; and in a transaction of its own. */
sdx_status fresh_give_up_each(write_txn *w, sdx_error *err) SDX_CHECK;
sdx_status fresh_give_up_all(sdx_index *index, int64_t now, sdx_error *err) SDX_CHECK;
/* Those that hold this item, which is purged in `w`. Needs no key. */
sdx_status fresh_forget(write_txn *w, const uint8_t blind[BLIND_SIZE], sdx_error *err) SDX_CHECK;
/* Those whose time has come. Needs no key. */
sdx_status fresh_expire(write_txn *w, sdx_error *err) SDX_CHECK;
/* True where some fresh segment's time has come. */
sdx_status fresh_is_due(store_txn *t, int64_t now, bool *yes, sdx_error *err) SDX_CHECK;

#endif
