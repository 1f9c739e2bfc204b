/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * holder.h - one row of the `meta` table per holder: what is published, and what is on its way.
 *
 * The key is a letter and the holder's id. Rows of segments, epochs and trash buckets are
 * authenticated: only a writer with a key makes or changes them (a depositor, those of deposit
 * epochs), while anyone who can write the file can remove them. The other rows are written by sweeps without a key too.
 */
#ifndef SEALDEX_INDEX_HOLDER_H
#define SEALDEX_INDEX_HOLDER_H

#include "index/index.h"

typedef enum holder_kind {
  HOLDER_BUILD = 'B',   /* a segment being written: its blocks stand there, nobody reads them */
  HOLDER_EPOCH = 'E',
  HOLDER_FRESH = 'F',   /* a segment of a rebuild, finished and not published (fresh.h) */
  HOLDER_RETIRED = 'R', /* its key must leave the keyring, then its blocks and records the store */
  HOLDER_SEGMENT = 'S',
  HOLDER_TRASH = 'T',
  HOLDER_LOST = 'X'     /* destroyed with living items in it */
} holder_kind;

typedef struct holder_row {
  holder_kind kind;
  holder_id id;
  uint32_t items;   /* S: items; E: item records; T: records; R: versions it held; X: items missing */
  uint32_t records; /* E, T: the next sequence; F: its number among its rebuild's */
  int64_t time;     /* E: opened; T: falls due; B: begun; F: to be given up; R, X: when it was */
  uint64_t number;  /* S: blocks, attributes left out; E: its number among the epochs; X: 1 where the
                       places of its items are gone, so that nothing counts them any more */
  uint32_t attributes_version, attributes_size; /* S */
  uint32_t kib;     /* E: of its sealed records */
  uint16_t format, analyser;                    /* S */
  keyring_kind was;       /* of its key; E: KEYRING_EPOCH or KEYRING_DEPOSIT_EPOCH */
  keyring_reason reason;  /* R */
  bool damaged;           /* in a list: the row fails authentication; only kind and id are set */
} holder_row;

/* `row_key` NULL: authentication is not checked (a sweep without a key). SDX_NOT_FOUND. */
sdx_status holder_get(store_txn *t, const row_keys *row_key, holder_kind kind, holder_id id,
                      holder_row *out, sdx_error *err) SDX_CHECK;
sdx_status holder_put(store_txn *t, const row_keys *row_key, const holder_row *row,
                      sdx_error *err) SDX_CHECK;
sdx_status holder_delete(store_txn *t, holder_kind kind, holder_id id, sdx_error *err) SDX_CHECK;

/* All rows of one kind, by id, damaged ones among them. The caller frees *rows. */
sdx_status holder_list(store_txn *t, const row_keys *row_key, holder_kind kind, holder_row **rows,
                       size_t *count, sdx_error *err) SDX_CHECK;
/* True where there is a row of this kind. */
sdx_status holder_any(store_txn *t, holder_kind kind, bool *any, sdx_error *err) SDX_CHECK;

/* SDX_OK where the holder is published (a segment, epoch or trash bucket), SDX_NOT_FOUND where not: then what it
 * held was purged, if the table is whole. Writers and views look at that once, when they begin. */
sdx_status holder_published(store_txn *t, holder_id id, holder_kind *kind, sdx_error *err) SDX_CHECK;

#endif
