/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/reseal.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "index/bytes.h"
#include "index/due.h"
#include "index/fresh.h"
#include "index/journal.h"
#include "indexer/fold.h"
#include "indexer/merge.h"

#define ROW "reseal"

/* ------------------------------------------------------------------ how far */

static sdx_status get_floor(store_txn *t, uint64_t *out, sdx_error *err) {
  sdx_bytes value;
  const sdx_status status = store_get(t, STORE_META, ROW, strlen(ROW), &value, err);
  if (status != SDX_OK) return status;
  if (value.size != 8) return SDX_NOT_FOUND;
  *out = get_le((const uint8_t *)value.data, 8);
  return SDX_OK;
}

static sdx_status begin(sdx_index *index, int64_t now, uint64_t *born_by, sdx_error *err) {
  uint8_t value[8];
  write_txn w;
  sdx_status status = write_begin(&w, index, now, false, err);
  if (status != SDX_OK) return status;
  status = get_floor(w.store, born_by, err);
  if (status == SDX_NOT_FOUND) {
    pthread_mutex_lock(&index->keyring_lock);
    *born_by = keyring_generation(index->keyring);
    pthread_mutex_unlock(&index->keyring_lock);
    put_le(value, *born_by, 8);
    w.visible = false;
    status = store_put(w.store, STORE_META, ROW, strlen(ROW), value, sizeof value, err);
    if (status == SDX_OK) return write_commit(&w, err);
  }
  write_abort(&w);
  return status;
}

sdx_status reseal_forget(write_txn *w, sdx_error *err) {
  return store_delete(w->store, STORE_META, ROW, strlen(ROW), err);
}

/* The holders whose key is too old. */
static sdx_status list_old(sdx_index *index, keyring_kind kind, uint64_t born_by, holder_id **ids,
                           size_t *count, sdx_error *err) {
  pthread_mutex_lock(&index->keyring_lock);
  sdx_status status = keyring_refresh(index->keyring, err);
  const size_t all = status == SDX_OK ? keyring_count(index->keyring) : 0;
  *count = 0;
  *ids = plain_array(all + 1, sizeof **ids);
  if (status == SDX_OK && *ids == NULL) status = error_memory(err);
  for (size_t i = 0; i < all && status == SDX_OK; i++) {
    const keyring_entry e = keyring_at(index->keyring, i);
    if (e.kind == kind && e.born <= born_by) (*ids)[(*count)++] = e.id;
  }
  pthread_mutex_unlock(&index->keyring_lock);
  return status;
}

/* ------------------------------------------------------------------ a trash bucket */

typedef struct moving {
  write_txn w;
  holder_row from, to;
  seal_key *old_key, *new_key;
  buffer plain;
} moving;

static sdx_status open_keys(moving *m, sdx_error *err) {
  key_request request = { .kind = KEYRING_TRASH, .due = m->from.time };
  sdx_status status = index_holder_key(m->w.index, KEYRING_TRASH, m->from.id, &m->old_key, err);
  if (status == SDX_OK) status = write_add_keys(&m->w, &request, 1, err);
  m->new_key = request.key;
  m->to = m->from;
  m->to.id = request.id;
  return status;
}

/* The record keeps its sequence, so that what names it changes the holder alone. */
static sdx_status move_record(moving *m, uint32_t sequence, sdx_error *err) {
  journal_record r;
  const sdx_status status = journal_get(m->w.store, m->w.index->index_id, m->old_key, m->from.id,
                                        sequence, &m->plain, &r, err);
  if (status == SDX_NOT_FOUND) return SDX_OK; /* it was restored */
  return status == SDX_OK ? journal_put(&m->w, m->new_key, m->to.id, sequence, &r, NULL, err) : status;
}

static sdx_status move_row(moving *m, const due_row *row, sdx_error *err) {
  write_txn *w = &m->w;
  due_row moved = *row;
  place p;
  moved.holder = m->to.id;
  w->due_changed = true;
  sdx_status status = due_delete(w->store, row->due, row->holder, row->ordinal, err);
  if (status == SDX_OK) status = due_put(w->store, w->index->row_key, &moved, err);
  if (status != SDX_OK || row->reason == DUE_SUPERSEDED) return status;
  status = place_get(w->store, w->index->table_key, row->blind, &p, err);
  if (status == SDX_NOT_FOUND) return SDX_OK;
  if (status != SDX_OK || p.holder != row->holder || p.ordinal != row->ordinal) return status;
  p.holder = m->to.id;
  return place_put(w->store, w->index->table_key, &w->pool, row->blind, &p, false, err);
}

static sdx_status move_all(moving *m, sdx_error *err) {
  due_set *due = NULL;
  size_t count = 0;
  sdx_status status = open_keys(m, err);
  for (uint32_t i = 0; i < m->from.records && status == SDX_OK; i++) status = move_record(m, i, err);
  if (status == SDX_OK) status = due_set_load(&due, m->w.store, m->w.index->row_key, NULL, err);
  const due_row *rows = status == SDX_OK ? due_set_of(due, m->from.id, &count) : NULL;
  for (size_t i = 0; i < count && status == SDX_OK; i++) status = move_row(m, &rows[i], err);
  if (due != NULL) due_set_release(due);
  if (status == SDX_OK) status = holder_put(m->w.store, m->w.index->row_key, &m->to, err);
  if (status == SDX_OK) status = holder_delete(m->w.store, HOLDER_TRASH, m->from.id, err);
  if (status == SDX_OK)
    status = write_retire(&m->w, KEYRING_TRASH, m->from.id, KEYRING_MERGED, m->from.items, err);
  return status;
}

static sdx_status reseal_bucket(sdx_index *index, holder_id id, int64_t now, sdx_error *err) {
  moving m = { .plain = BUFFER_INIT };
  sdx_status status = write_begin(&m.w, index, now, false, err);
  if (status != SDX_OK) return status;
  status = holder_get(m.w.store, index->row_key, HOLDER_TRASH, id, &m.from, err);
  const bool there = status == SDX_OK;
  if (there) status = move_all(&m, err);
  if (there && status == SDX_OK) status = write_commit(&m.w, err);
  else write_abort(&m.w);
  buffer_free(&m.plain);
  seal_key_free(m.old_key);
  seal_key_free(m.new_key);
  if (!there && status == SDX_NOT_FOUND) return SDX_OK; /* a sweep was there first */
  return status == SDX_OK ? write_settle(index, now, err) : status;
}

/* ------------------------------------------------------------------ the whole */

static sdx_status reseal_segment(sdx_index *index, holder_id id, int64_t now, sdx_error *err) {
  maintain_tally tally = { 0 };
  return merge_run(index, &id, 1, now, &tally, err);
}

static sdx_status reseal_kind(sdx_index *index, keyring_kind kind, uint64_t born_by, int64_t now,
                              size_t *damaged, sdx_error *err) {
  holder_id *ids = NULL;
  size_t count = 0;
  sdx_status status = list_old(index, kind, born_by, &ids, &count, err);
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    status = kind == KEYRING_SEGMENT ? reseal_segment(index, ids[i], now, err)
                                     : reseal_bucket(index, ids[i], now, err);
    if (status == SDX_DAMAGED) {
      ++*damaged;
      status = SDX_OK;
    }
  }
  plain_free(ids);
  return status;
}

sdx_status reseal_all(sdx_index *index, int64_t now, sdx_error *err) {
  maintain_tally tally = { 0 };
  uint64_t born_by = 0;
  size_t damaged = 0;
  sdx_status status = write_settle(index, now, err);
  /* What an unfinished rebuild has made is sealed under keys that have to go; it starts anew. */
  if (status == SDX_OK) status = fresh_give_up_all(index, now, err);
  if (status == SDX_OK) status = begin(index, now, &born_by, err);
  if (status == SDX_OK) status = fold_run(index, now, &tally, err);
  if (status == SDX_OK)
    status = reseal_kind(index, KEYRING_SEGMENT, born_by, now, &damaged, err);
  if (status == SDX_OK) status = reseal_kind(index, KEYRING_TRASH, born_by, now, &damaged, err);
  if (status == SDX_OK && damaged > 0)
    return error_set(err, SDX_DAMAGED, "%zu segments or buckets do not open: verify names them",
                     damaged);
  return status;
}
