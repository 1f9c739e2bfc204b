/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * due.h - one row for every dead or expiring version: what a sweep without a key goes by.
 *
 *   key    due (8, big-endian, sign flipped) | holder (8) | ordinal (4)
 *   value  reason (1), 0x80 added where it was deposited | since (8) | blind id (16) | keep (8)
 *          | tag (16) | seen (8)
 *
 * A version that expires has its row from the start: it counts as deleted from `since` on, and falls
 * due one retention time after. So nobody needs to be there when it expires.
 *
 * A deposited row stands at DUE_UNSEEN: when it falls due is not for a depositor to say. The first sweep
 * writes when it saw it (`seen`, which no tag covers, since sweeps have no key), and it falls due `keep`
 * after the later of that and its stated time. Upkeep with the read key adopts it (indexer/deposited.h):
 * makes it an ordinary row.
 */
#ifndef SEALDEX_INDEX_DUE_H
#define SEALDEX_INDEX_DUE_H

#include "index/index.h"

#define DUE_KEY_SIZE 20
#define DUE_VALUE_SIZE 57
#define DUE_UNSEEN INT64_MAX

typedef enum due_reason { DUE_DELETED = 1, DUE_SUPERSEDED = 2, DUE_EXPIRES = 3 } due_reason;

typedef struct due_row {
  int64_t due;
  holder_id holder;
  uint32_t ordinal;
  due_reason reason;
  int64_t since; /* deleted, superseded or expired then */
  uint8_t blind[16];
  bool deposited;     /* by a depositor, and authenticated by its key alone */
  int64_t keep, seen; /* where it stands at DUE_UNSEEN */
} due_row;

/* When the row falls due; DUE_UNSEEN where no sweep has seen it. */
int64_t due_time(const due_row *row);

/* From when on the version is dead, as its due time has it: before `since` where it took over the due time of
 * one that an earlier write had ended. */
static inline int64_t due_counts_from(const due_row *row, int64_t retention) {
  return row->due != DUE_UNSEEN && row->due - retention < row->since ? row->due - retention : row->since;
}

/* True where the version is dead at `now`. */
static inline bool due_dead(const due_row *row, int64_t now) {
  return row->reason != DUE_EXPIRES || row->since <= now;
}

sdx_status due_put(store_txn *t, const row_keys *row_key, const due_row *row, sdx_error *err) SDX_CHECK;
sdx_status due_delete(store_txn *t, int64_t due, holder_id holder, uint32_t ordinal,
                      sdx_error *err) SDX_CHECK;
/* Notes in a deposited row when a sweep first saw it. Needs no key. */
sdx_status due_mark_seen(store_txn *t, const due_row *row, int64_t now, sdx_error *err) SDX_CHECK;
/* SDX_NOT_FOUND. `row_key` NULL: authentication is not checked. */
sdx_status due_get(store_txn *t, const row_keys *row_key, int64_t due, holder_id holder,
                   uint32_t ordinal, due_row *out, sdx_error *err) SDX_CHECK;
/* Reads one entry of the table; SDX_DAMAGED. */
sdx_status due_decode(due_row *out, const row_keys *row_key, sdx_bytes key, sdx_bytes value,
                      sdx_error *err) SDX_CHECK;

/* Every row of the table as one picture, grouped by holder. Shared and counted. */
typedef struct due_set {
  due_row *rows;          /* those of one holder stand together */
  size_t count;
  struct due_group *groups; /* by holder */
  size_t group_count;
  uint8_t *verified;      /* the entries as they were read, in the table's order */
  size_t damaged;         /* rows that do not open, left out: only where they may be */
  atomic_uint references;
} due_set;
/* Rows that stand in `before` (may be NULL) with the same bytes are not authenticated again. */
sdx_status due_set_load(due_set **out, store_txn *t, const row_keys *row_key, const due_set *before,
                        sdx_error *err) SDX_CHECK;
/* The same, without the rows that do not open, which are counted: not for whoever destroys or rewrites
 * what is dead. */
sdx_status due_set_load_some(due_set **out, store_txn *t, const row_keys *row_key,
                             const due_set *before, sdx_error *err) SDX_CHECK;
due_set *due_set_hold(due_set *s);
void due_set_release(due_set *s); /* NULL is fine */
/* The rows of one holder, in no order. */
const due_row *due_set_of(const due_set *s, holder_id holder, size_t *count);

#endif
