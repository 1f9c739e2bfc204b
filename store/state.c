/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/state.h"

#include <string.h>

#include "base/cursor.h"
#include "store/fault.h"

#define NUMBER_SIZE 8

static MDB_val key_of(void) {
  return (MDB_val){ sizeof STATE_KEY - 1, (void *)(uintptr_t)STATE_KEY };
}

bool state_token_valid(const char *token, size_t size) {
  if (size != TOKEN_SIZE) return false;
  for (size_t i = 0; i < size; i++)
    if (token[i] == '\0' || strchr("0123456789abcdef", token[i]) == NULL) return false;
  return true;
}

bool state_decode(state *out, const void *bytes, size_t size) {
  cursor c = cursor_over(bytes, size);
  out->transaction = cursor_get_u64(&c);
  out->retired = cursor_left(&c) > 0;
  out->token[0] = '\0';
  if (c.failed) return false;
  if (!out->retired) return true;
  if (!state_token_valid((const char *)c.at, cursor_left(&c))) return false;
  memcpy(out->token, c.at, TOKEN_SIZE);
  out->token[TOKEN_SIZE] = '\0';
  return true;
}

int state_get(MDB_txn *txn, MDB_dbi main_table, state *out) {
  MDB_val key = key_of(), value;
  int rc;
  LMDB(rc, mdb_get(txn, main_table, &key, &value));
  if (rc == MDB_NOTFOUND) return MDB_INVALID;
  if (rc != 0) return rc;
  return state_decode(out, value.mv_data, value.mv_size) ? 0 : MDB_INVALID;
}

int state_put(MDB_txn *txn, MDB_dbi main_table, const char *token) {
  uint8_t bytes[NUMBER_SIZE + TOKEN_SIZE];
  const uint64_t number = mdb_txn_id(txn);
  for (int i = 0; i < NUMBER_SIZE; i++) bytes[i] = (uint8_t)(number >> (8 * i));
  if (token != NULL) memcpy(bytes + NUMBER_SIZE, token, TOKEN_SIZE);
  MDB_val key = key_of(), value = { token != NULL ? sizeof bytes : NUMBER_SIZE, bytes };
  int rc;
  LMDB(rc, mdb_put(txn, main_table, &key, &value, 0));
  return rc;
}
