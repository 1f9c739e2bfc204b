/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/fresh.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/wipe.h"
#include "index/bytes.h"

#define KEY_SIZE (1 + 8 + BLIND_SIZE)
#define ENTRY_SIZE 37

static void make_key(uint8_t key[KEY_SIZE], holder_id id, const uint8_t blind[BLIND_SIZE]) {
  key[0] = 'M';
  put_be(key + 1, id, 8);
  memcpy(key + 9, blind, BLIND_SIZE);
}

/* ------------------------------------------------------------------ writing */

static sdx_status put_entry(write_txn *w, holder_id id, const fresh_entry *e, sdx_error *err) {
  uint8_t key[KEY_SIZE], plain[ENTRY_SIZE], sealed[ENTRY_SIZE + SEAL_ROW_OVERHEAD];
  make_key(key, id, e->blind);
  put_le(plain, e->ordinal, 4);
  put_le(plain + 4, e->seen, 5);
  put_le(plain + 9, e->content, 8);
  put_le(plain + 17, e->attributes, 4);
  put_le(plain + 21, (uint64_t)e->expires, 8);
  put_le(plain + 29, e->origin, 8);
  seal_row(sealed, w->index->table_key, &w->pool, e->blind, plain, ENTRY_SIZE);
  wipe(plain, sizeof plain);
  return store_put(w->store, STORE_META, key, sizeof key, sealed, sizeof sealed, err);
}

static int by_blind(const void *a, const void *b) {
  return memcmp(((const fresh_entry *)a)->blind, ((const fresh_entry *)b)->blind, BLIND_SIZE);
}

static int64_t given_up_at(const segment_build *b) {
  const int64_t retention = b->index->settings.retention;
  return b->now + (retention < FRESH_KEEP ? retention : FRESH_KEEP);
}

/* Of two that hold one item, the one with the greater number was read later. */
static sdx_status next_number(write_txn *w, uint32_t *out, sdx_error *err) {
  holder_row *rows = NULL;
  size_t count = 0;
  const sdx_status status = holder_list(w->store, NULL, HOLDER_FRESH, &rows, &count, err);
  *out = 1;
  for (size_t i = 0; i < count; i++)
    if (rows[i].records >= *out) *out = rows[i].records + 1;
  plain_free(rows);
  return status;
}

static sdx_status replace_build(write_txn *w, const segment_build *b, const segment_info *info,
                                sdx_error *err) {
  holder_row row = { .kind = HOLDER_FRESH,
                     .id = b->id,
                     .items = info->items,
                     .number = info->blocks,
                     .attributes_size = b->attributes_size,
                     .format = info->format,
                     .analyser = info->analyser,
                     .time = given_up_at(b),
                     .was = KEYRING_SEGMENT };
  holder_row unpublished;
  sdx_status status = holder_get(w->store, NULL, HOLDER_BUILD, b->id, &unpublished, err);
  if (status == SDX_NOT_FOUND)
    return error_set(err, SDX_DAMAGED, "segment %016llx was collected before it was finished",
                     (unsigned long long)b->id);
  if (status == SDX_OK) status = holder_delete(w->store, HOLDER_BUILD, b->id, err);
  if (status == SDX_OK) status = next_number(w, &row.records, err);
  return status == SDX_OK ? holder_put(w->store, w->index->row_key, &row, err) : status;
}

sdx_status fresh_keep(segment_build *b, const segment_info *info, fresh_entry *entries,
                      size_t count, sdx_error *err) {
  write_txn w;
  if (count > 1) qsort(entries, count, sizeof *entries, by_blind);
  sdx_status status = write_begin(&w, b->index, b->now, false, err);
  if (status != SDX_OK) return status;
  w.visible = false;
  status = replace_build(&w, b, info, err);
  for (size_t i = 0; i < count && status == SDX_OK; i++)
    status = put_entry(&w, b->id, &entries[i], err);
  if (status == SDX_OK) return write_commit(&w, err);
  write_abort(&w);
  return status;
}

/* ------------------------------------------------------------------ reading */

sdx_status fresh_list(store_txn *t, const row_keys *row_key, holder_row **rows, size_t *count,
                      sdx_error *err) {
  return holder_list(t, row_key, HOLDER_FRESH, rows, count, err);
}

sdx_status fresh_walk_open(fresh_walk *w, store_txn *t, const secret *table_key, holder_id id,
                           sdx_error *err) {
  *w = (fresh_walk){ .table_key = table_key };
  w->key[0] = 'M';
  put_be(w->key + 1, id, 8);
  return store_cursor_open(t, STORE_META, &w->cursor, err);
}

sdx_status fresh_walk_next(fresh_walk *w, fresh_entry *out, sdx_error *err) {
  sdx_bytes key, value;
  uint8_t p[ENTRY_SIZE];
  const sdx_status status =
      w->begun ? store_cursor_next(w->cursor, &key, &value, err)
               : store_cursor_seek(w->cursor, w->key, sizeof w->key, &key, &value, err);
  w->begun = true;
  if (status != SDX_OK) return status;
  if (key.size < sizeof w->key || memcmp(key.data, w->key, sizeof w->key) != 0)
    return SDX_NOT_FOUND;
  const uint8_t *blind = (const uint8_t *)key.data + sizeof w->key;
  if (key.size != KEY_SIZE || value.size != ENTRY_SIZE + SEAL_ROW_OVERHEAD ||
      unseal_row(p, w->table_key, blind, (const uint8_t *)value.data, value.size) != SDX_OK)
    return error_set(err, SDX_DAMAGED, "a row of an unfinished rebuild is damaged: start it anew");
  *out = (fresh_entry){ .ordinal = (uint32_t)get_le(p, 4),
                        .seen = get_le(p + 4, 5),
                        .content = get_le(p + 9, 8),
                        .attributes = (uint32_t)get_le(p + 17, 4),
                        .expires = (int64_t)get_le(p + 21, 8),
                        .origin = get_le(p + 29, 8) };
  memcpy(out->blind, blind, BLIND_SIZE);
  wipe(p, sizeof p);
  return SDX_OK;
}

void fresh_walk_close(fresh_walk *w) {
  store_cursor_close(w->cursor);
  w->cursor = NULL;
}

/* ------------------------------------------------------------------ the end */

static sdx_status delete_entries(write_txn *w, holder_id id, sdx_error *err) {
  uint8_t prefix[9] = { 'M' };
  put_be(prefix + 1, id, 8);
  return store_delete_prefix(w->store, STORE_META, prefix, sizeof prefix, SIZE_MAX, NULL, err);
}

sdx_status fresh_publish(write_txn *w, const holder_row *fresh, sdx_error *err) {
  holder_row row = *fresh;
  row.kind = HOLDER_SEGMENT;
  row.time = w->now;
  row.records = 0;
  sdx_status status = holder_delete(w->store, HOLDER_FRESH, row.id, err);
  if (status == SDX_OK) status = holder_put(w->store, w->index->row_key, &row, err);
  return status == SDX_OK ? delete_entries(w, row.id, err) : status;
}

sdx_status fresh_give_up(write_txn *w, holder_id id, sdx_error *err) {
  sdx_status status = holder_delete(w->store, HOLDER_FRESH, id, err);
  if (status == SDX_OK) status = delete_entries(w, id, err);
  if (status != SDX_OK) return status;
  return write_retire(w, KEYRING_SEGMENT, id, KEYRING_UNPUBLISHED, 0, err);
}

static bool all(void *context, write_txn *w, const holder_row *row) {
  (void)context, (void)w, (void)row;
  return true;
}

static sdx_status give_up_some(write_txn *w, bool (*which)(void *, write_txn *, const holder_row *),
                               void *context, sdx_error *err) {
  holder_row *rows = NULL;
  size_t count = 0;
  bool any = false;
  sdx_status status = holder_any(w->store, HOLDER_FRESH, &any, err);
  if (status != SDX_OK || !any) return status;
  status = holder_list(w->store, NULL, HOLDER_FRESH, &rows, &count, err);
  for (size_t i = 0; i < count && status == SDX_OK; i++)
    if (which(context, w, &rows[i])) status = fresh_give_up(w, rows[i].id, err);
  plain_free(rows);
  return status;
}

sdx_status fresh_give_up_each(write_txn *w, sdx_error *err) { return give_up_some(w, all, NULL, err); }

sdx_status fresh_give_up_all(sdx_index *index, int64_t now, sdx_error *err) {
  write_txn w;
  sdx_status status = write_begin(&w, index, now, false, err);
  if (status != SDX_OK) return status;
  w.visible = false;
  status = fresh_give_up_each(&w, err);
  if (status == SDX_OK && w.retired) return write_commit(&w, err);
  write_abort(&w);
  return status;
}

static bool holds(void *context, write_txn *w, const holder_row *row) {
  uint8_t key[KEY_SIZE];
  sdx_bytes value;
  make_key(key, row->id, context);
  return store_get(w->store, STORE_META, key, sizeof key, &value, NULL) == SDX_OK;
}

sdx_status fresh_forget(write_txn *w, const uint8_t blind[BLIND_SIZE], sdx_error *err) {
  uint8_t copy[BLIND_SIZE];
  memcpy(copy, blind, BLIND_SIZE);
  return give_up_some(w, holds, copy, err);
}

static bool is_old(void *context, write_txn *w, const holder_row *row) {
  (void)context;
  return row->time <= w->now;
}

sdx_status fresh_expire(write_txn *w, sdx_error *err) {
  return give_up_some(w, is_old, NULL, err);
}

sdx_status fresh_is_due(store_txn *t, int64_t now, bool *yes, sdx_error *err) {
  holder_row *rows = NULL;
  size_t count = 0;
  const sdx_status status = holder_list(t, NULL, HOLDER_FRESH, &rows, &count, err);
  for (size_t i = 0; i < count; i++) *yes |= !rows[i].damaged && rows[i].time <= now;
  plain_free(rows);
  return status;
}
