/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/state.h"

#include <string.h>

#include "base/cursor.h"
#include "store/fault.h"

#define NUMBER_SIZE 8
#define SUMS 4
#define FIXED_SIZE (NUMBER_SIZE + 8 * SUMS)

static const store_table summed[SUMS] = { STORE_META, STORE_IDS, STORE_DUE, STORE_JOURNAL };

/* ------------------------------------------------------------------ sums */

static uint64_t mix(uint64_t h, uint64_t word) {
  h = (h ^ word) * 0x9e3779b97f4a7c15U;
  return h ^ h >> 32;
}

static uint64_t mix_bytes(uint64_t h, const uint8_t *bytes, size_t size) {
  uint64_t word;
  for (; size >= 8; size -= 8, bytes += 8) {
    memcpy(&word, bytes, 8);
    h = mix(h, le64toh(word));
  }
  if (size == 0) return h;
  word = 0;
  memcpy(&word, bytes, size);
  return mix(h, le64toh(word));
}

uint64_t row_sum(const void *key, size_t key_size, const void *value, size_t value_size) {
  uint64_t h = mix(mix(0, key_size), value_size);
  h = mix_bytes(h, key, key_size);
  return mix_bytes(h, value, value_size);
}

/* ------------------------------------------------------------------ the record */

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
  memset(out->sums, 0, sizeof out->sums);
  for (size_t i = 0; i < SUMS; i++) out->sums[summed[i]] = cursor_get_u64(&c);
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

static void put_number(uint8_t *out, uint64_t number) {
  for (int i = 0; i < NUMBER_SIZE; i++) out[i] = (uint8_t)(number >> (8 * i));
}

int state_put(MDB_txn *txn, MDB_dbi main_table, const uint64_t sums[STORE_TABLES],
              const char *token) {
  uint8_t bytes[FIXED_SIZE + TOKEN_SIZE];
  put_number(bytes, mdb_txn_id(txn));
  for (size_t i = 0; i < SUMS; i++) put_number(bytes + NUMBER_SIZE * (i + 1), sums[summed[i]]);
  if (token != NULL) memcpy(bytes + FIXED_SIZE, token, TOKEN_SIZE);
  MDB_val key = key_of(), value = { token != NULL ? sizeof bytes : FIXED_SIZE, bytes };
  int rc;
  LMDB(rc, mdb_put(txn, main_table, &key, &value, 0));
  return rc;
}
