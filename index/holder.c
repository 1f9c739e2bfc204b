/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/holder.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "index/authentic.h"
#include "index/bytes.h"

#define KEY_SIZE 9
#define BODY_SIZE 44
#define ROW_SIZE (BODY_SIZE + AUTHENTIC_SIZE)

static void make_key(uint8_t key[KEY_SIZE], holder_kind kind, holder_id id) {
  key[0] = (uint8_t)kind;
  put_be(key + 1, id, 8);
}

static bool authenticated(holder_kind kind) {
  return kind == HOLDER_SEGMENT || kind == HOLDER_EPOCH || kind == HOLDER_TRASH ||
         kind == HOLDER_FRESH;
}

/* The key for a row of this kind. NULL: it is not checked, or cannot be made. */
static const secret *key_for(const row_keys *keys, holder_kind kind, keyring_kind was) {
  if (keys == NULL || !authenticated(kind)) return NULL;
  return kind == HOLDER_EPOCH && was == KEYRING_DEPOSIT_EPOCH ? keys->depositor : keys->owner;
}

static sdx_status decode(holder_row *out, const row_keys *row_key, const uint8_t key[KEY_SIZE],
                         sdx_bytes value, sdx_error *err) {
  const uint8_t *p = (const uint8_t *)value.data;
  *out = (holder_row){ .kind = (holder_kind)key[0], .id = get_be(key + 1, 8) };
  const secret *own = value.size == ROW_SIZE ? key_for(row_key, out->kind, (keyring_kind)p[36]) : NULL;
  if (value.size != ROW_SIZE ||
      (own != NULL && !authentic_check(own, STORE_META, key, KEY_SIZE, p, BODY_SIZE)))
    return error_set(err, SDX_DAMAGED, "the row of holder %c %016llx is damaged", key[0],
                     (unsigned long long)out->id);
  out->items = (uint32_t)get_le(p, 4);
  out->records = (uint32_t)get_le(p + 4, 4);
  out->time = (int64_t)get_le(p + 8, 8);
  out->number = get_le(p + 16, 8);
  out->attributes_version = (uint32_t)get_le(p + 24, 4);
  out->attributes_size = (uint32_t)get_le(p + 28, 4);
  out->format = (uint16_t)get_le(p + 32, 2);
  out->analyser = (uint16_t)get_le(p + 34, 2);
  out->was = (keyring_kind)p[36];
  out->reason = (keyring_reason)p[37];
  out->kib = (uint32_t)get_le(p + 40, 4);
  return SDX_OK;
}

sdx_status holder_get(store_txn *t, const row_keys *row_key, holder_kind kind, holder_id id,
                      holder_row *out, sdx_error *err) {
  uint8_t key[KEY_SIZE];
  sdx_bytes value;
  make_key(key, kind, id);
  const sdx_status status = store_get(t, STORE_META, key, sizeof key, &value, err);
  return status == SDX_OK ? decode(out, row_key, key, value, err) : status;
}

sdx_status holder_put(store_txn *t, const row_keys *row_key, const holder_row *row, sdx_error *err) {
  uint8_t key[KEY_SIZE], p[ROW_SIZE] = { 0 };
  make_key(key, row->kind, row->id);
  put_le(p, row->items, 4);
  put_le(p + 4, row->records, 4);
  put_le(p + 8, (uint64_t)row->time, 8);
  put_le(p + 16, row->number, 8);
  put_le(p + 24, row->attributes_version, 4);
  put_le(p + 28, row->attributes_size, 4);
  put_le(p + 32, row->format, 2);
  put_le(p + 34, row->analyser, 2);
  p[36] = (uint8_t)row->was;
  p[37] = (uint8_t)row->reason;
  put_le(p + 40, row->kib, 4);
  if (authenticated(row->kind)) {
    const secret *own = key_for(row_key, row->kind, row->was);
    if (own == NULL) return error_set(err, SDX_WRONG_KEY, "this write needs the read key");
    authentic_make(p + BODY_SIZE, own, STORE_META, key, sizeof key, p, BODY_SIZE);
  }
  return store_put(t, STORE_META, key, sizeof key, p, sizeof p, err);
}

sdx_status holder_delete(store_txn *t, holder_kind kind, holder_id id, sdx_error *err) {
  uint8_t key[KEY_SIZE];
  make_key(key, kind, id);
  return store_delete(t, STORE_META, key, sizeof key, err);
}

sdx_status holder_list(store_txn *t, const row_keys *row_key, holder_kind kind, holder_row **rows,
                       size_t *count, sdx_error *err) {
  store_cursor *cursor = NULL;
  uint8_t first[KEY_SIZE];
  sdx_bytes key, value;
  size_t capacity = 0;
  *rows = NULL;
  *count = 0;
  make_key(first, kind, 0);
  sdx_status status = store_cursor_open(t, STORE_META, &cursor, err);
  if (status != SDX_OK) return status;
  for (status = store_cursor_seek(cursor, first, sizeof first, &key, &value, err); status == SDX_OK;
       status = store_cursor_next(cursor, &key, &value, err)) {
    if (key.data[0] != (char)kind) break;
    if (key.size != KEY_SIZE) continue;
    if (*count == capacity) {
      capacity = capacity != 0 ? capacity * 2 : 8;
      holder_row *grown = plain_resize(*rows, capacity * sizeof *grown);
      if (grown == NULL) {
        status = error_memory(err);
        break;
      }
      *rows = grown;
    }
    holder_row *row = &(*rows)[(*count)++];
    row->damaged = decode(row, row_key, (const uint8_t *)key.data, value, NULL) != SDX_OK;
  }
  store_cursor_close(cursor);
  if (status == SDX_OK || status == SDX_NOT_FOUND) return SDX_OK;
  plain_free(*rows);
  *rows = NULL;
  *count = 0;
  return status;
}

sdx_status holder_any(store_txn *t, holder_kind kind, bool *any, sdx_error *err) {
  store_cursor *cursor = NULL;
  uint8_t first[KEY_SIZE];
  sdx_bytes key, value;
  make_key(first, kind, 0);
  sdx_status status = store_cursor_open(t, STORE_META, &cursor, err);
  if (status != SDX_OK) return status;
  *any = false;
  for (status = store_cursor_seek(cursor, first, sizeof first, &key, &value, err);
       status == SDX_OK && key.data[0] == (char)kind && !*any;
       status = *any ? SDX_OK : store_cursor_next(cursor, &key, &value, err))
    *any = key.size == KEY_SIZE;
  store_cursor_close(cursor);
  return status == SDX_NOT_FOUND ? SDX_OK : status;
}

sdx_status holder_published(store_txn *t, holder_id id, holder_kind *kind, sdx_error *err) {
  static const holder_kind kinds[] = { HOLDER_SEGMENT, HOLDER_EPOCH, HOLDER_TRASH };
  uint8_t key[KEY_SIZE];
  sdx_bytes value;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    make_key(key, kinds[i], id);
    const sdx_status status = store_get(t, STORE_META, key, sizeof key, &value, err);
    if (status == SDX_OK && kind != NULL) *kind = kinds[i];
    if (status != SDX_NOT_FOUND) return status;
  }
  return SDX_NOT_FOUND;
}
