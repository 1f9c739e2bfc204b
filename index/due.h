/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * due.h - one row for every dead or expiring version: what a sweep without a key goes by.
 *
 *   key    due (8, big-endian, sign flipped) | holder (8) | ordinal (4)
 *   value  reason (1) | since (8) | blind id (16) | tag (16)
 *
 * A version that expires has its row from the start: it counts as deleted from `since` on, and falls
 * due one retention time after. So nobody needs to be there when it expires.
 */
#ifndef SEALDEX_INDEX_DUE_H
#define SEALDEX_INDEX_DUE_H

#include "index/index.h"

#define DUE_KEY_SIZE 20
#define DUE_VALUE_SIZE 41

typedef enum due_reason { DUE_DELETED = 1, DUE_SUPERSEDED = 2, DUE_EXPIRES = 3 } due_reason;

typedef struct due_row {
  int64_t due;
  holder_id holder;
  uint32_t ordinal;
  due_reason reason;
  int64_t since; /* deleted, superseded or expired then */
  uint8_t blind[16];
} due_row;

/* True where the version is dead at `now`. */
static inline bool due_dead(const due_row *row, int64_t now) {
  return row->reason != DUE_EXPIRES || row->since <= now;
}

sdx_status due_put(store_txn *t, const secret *row_key, const due_row *row, sdx_error *err) SDX_CHECK;
sdx_status due_delete(store_txn *t, int64_t due, holder_id holder, uint32_t ordinal,
                      sdx_error *err) SDX_CHECK;
/* SDX_NOT_FOUND. `row_key` NULL: authentication is not checked. */
sdx_status due_get(store_txn *t, const secret *row_key, int64_t due, holder_id holder,
                   uint32_t ordinal, due_row *out, sdx_error *err) SDX_CHECK;
/* Reads one entry of the table; SDX_DAMAGED. */
sdx_status due_decode(due_row *out, const secret *row_key, sdx_bytes key, sdx_bytes value,
                      sdx_error *err) SDX_CHECK;

/* Every row of the table as one picture, grouped by holder. Shared and counted. */
typedef struct due_set {
  due_row *rows;          /* those of one holder stand together */
  size_t count;
  struct due_group *groups; /* by holder */
  size_t group_count;
  uint8_t *verified;      /* the entries as they were read, in the table's order */
  atomic_uint references;
} due_set;
/* Rows that stand in `before` (may be NULL) with the same bytes are not authenticated again. */
sdx_status due_set_load(due_set **out, store_txn *t, const secret *row_key, const due_set *before,
                        sdx_error *err) SDX_CHECK;
due_set *due_set_hold(due_set *s);
void due_set_release(due_set *s); /* NULL is fine */
/* The rows of one holder, in no order. */
const due_row *due_set_of(const due_set *s, holder_id holder, size_t *count);

#endif
