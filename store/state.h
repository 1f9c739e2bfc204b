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
 *   "state" -> transaction 8 little-endian [, token 16 hex digits]
 */
#ifndef SEALDEX_STORE_STATE_H
#define SEALDEX_STORE_STATE_H

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>

#define STATE_KEY "state"
#define TOKEN_SIZE 16

typedef struct state {
  uint64_t transaction;
  bool retired;
  char token[TOKEN_SIZE + 1]; /* "" unless retired */
} state;

bool state_decode(state *out, const void *bytes, size_t size);
/* Results of LMDB: MDB_INVALID where the record is missing or malformed. */
int state_get(MDB_txn *txn, MDB_dbi main_table, state *out);
/* `token` NULL: not retired. */
int state_put(MDB_txn *txn, MDB_dbi main_table, const char *token);

bool state_token_valid(const char *token, size_t size);

#endif
