/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trash.h - deleted items, sealed again under the key of the bucket in which they fall due.
 *
 * Items that fall due at one second share a bucket. While a due day has fewer than TRASH_PER_DAY
 * buckets, its due seconds get buckets of their own; when more are needed at once they are spread
 * over what is left; after that items join the latest bucket that falls due no later than they do.
 * A bucket falls due with its earliest item: purging is never late.
 */
#ifndef SEALDEX_INDEXER_TRASH_H
#define SEALDEX_INDEXER_TRASH_H

#include "index/due.h"
#include "index/journal.h"

#define TRASH_PER_DAY 8

/* Moves an item out of the trash into the journal; it stays the same version. Changes *p to its new
 * place and removes its row in `due`; the caller writes the place. */
sdx_status trash_take_back(write_txn *w, const uint8_t blind[BLIND_SIZE], place *p,
                           sdx_error *err) SDX_CHECK;

/* The buckets for a set of due times. */
typedef struct trash_bucket {
  holder_row row;
  seal_key *key;
} trash_bucket;
typedef struct trash_plan {
  trash_bucket *buckets; /* ascending by due time */
  size_t count;
} trash_plan;
/* Chooses buckets that take items of all these due times (any order), and publishes new ones in `w`. */
sdx_status trash_plan_make(trash_plan *out, write_txn *w, const int64_t *dues, size_t count,
                           sdx_error *err) SDX_CHECK;
/* Reads the buckets' rows again in a later transaction under the same maintenance lock. */
sdx_status trash_plan_reload(trash_plan *plan, write_txn *w, sdx_error *err) SDX_CHECK;
void trash_plan_free(trash_plan *p);

/* Puts a record (an encoded item) into the bucket for its due time. */
sdx_status trash_put(trash_plan *plan, write_txn *w, const journal_record *r, int64_t due,
                     holder_id *holder, uint32_t *sequence, sdx_error *err) SDX_CHECK;
/* Writes the rows of the buckets that took something. */
sdx_status trash_plan_store(trash_plan *plan, write_txn *w, sdx_error *err) SDX_CHECK;

#endif
