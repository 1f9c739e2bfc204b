/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * purge.h - destroying the keys of what is due.
 *
 * A trash bucket goes as it was meant to. A segment or epoch that still holds a due version goes whole
 * where nobody with a key came in time to rewrite it: what lived in it is counted as missing. So does an
 * epoch with changes of attributes that may be of a purged item: which item they are of is sealed, so
 * all that were opened before one of the purged died count.
 */
#ifndef SEALDEX_INDEXER_PURGE_H
#define SEALDEX_INDEXER_PURGE_H

#include "index/write.h"

typedef struct purge_tally {
  uint64_t purged;   /* versions that were due, or superseded */
  uint64_t keys;
  uint64_t missing;  /* living items that went along */
  uint64_t lost;     /* younger deleted items that went along */
} purge_tally;

/* True where something is due: a cheap look at the first row and at the trash. */
sdx_status purge_is_due(store_txn *t, int64_t now, bool *yes, sdx_error *err) SDX_CHECK;

/* Gives up, in `w`, every holder that holds something due. Needs no key. */
sdx_status purge_due(write_txn *w, purge_tally *tally, sdx_error *err) SDX_CHECK;

/* With a key, before: moves what is not due out of the buckets that are. */
sdx_status purge_rescue(write_txn *w, uint64_t *moved, sdx_error *err) SDX_CHECK;

#endif
