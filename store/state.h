/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state.h - the store's own record, in LMDB's main table beside the names of the tables.
 *
 * Every transaction that changes something writes its number there, for two reasons:
 *
 * LMDB hands a reader the newest snapshot by number, then copies the roots from that snapshot's
 * meta page. Two commits later that page is written over: a reader that lost the processor in
 * between gets a later snapshot under the old number, and its next one may be older again. The
 * record tells, and the reader begins anew.
 *
 * An environment that has been succeeded by other files (swap.h) says so, with their token.
 *
 * And it has, for each table but "blocks", the sum of all its rows (row_sum), kept up by every
 * write: so a row that vanished, or a page that is older than the others, shows where a table is
 * read as a whole. It is no protection against somebody who writes to the file on purpose.
 *
 *   "state" -> transaction 8, sums of meta, ids, due, journal 8 each, little-endian [, token 16 hex
 *   digits]
 */
#ifndef SEALDEX_STORE_STATE_H
#define SEALDEX_STORE_STATE_H

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

#define STATE_KEY "state"
#define TOKEN_SIZE 16
/* The first transaction of a copy: it has the record of the file that was copied. */
#define FIRST_TRANSACTION 1

typedef struct state {
  uint64_t transaction;
  uint64_t sums[STORE_TABLES];
  bool retired;
  char token[TOKEN_SIZE + 1]; /* "" unless retired */
} state;

bool state_decode(state *out, const void *bytes, size_t size);
/* Results of LMDB: MDB_INVALID where the record is missing or malformed. */
int state_get(MDB_txn *txn, MDB_dbi main_table, state *out);
/* `token` NULL: not retired. */
int state_put(MDB_txn *txn, MDB_dbi main_table, const uint64_t sums[STORE_TABLES],
              const char *token);

/* Blocks are authenticated one by one, and asked for by name: they need no sum. */
static inline bool state_sums(store_table table) {
  return table != STORE_BLOCKS;
}
/* What a row adds to its table's sum (modulo 2^64): its key size 8 and value size 8, then key and
 * value, each padded with zeros to words of 8, little-endian; h = 0; for each word h = (h ^ word) *
 * M, h ^= h >> 32, where M is 0x9e3779b97f4a7c15. */
uint64_t row_sum(const void *key, size_t key_size, const void *value, size_t value_size);

bool state_token_valid(const char *token, size_t size);

#endif
