/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/lost.h"

#include <stdlib.h>

#include "base/plain.h"
#include "index/due.h"
#include "index/place.h"

static sdx_status count_missing(write_txn *w, holder_row *rows, size_t count, sdx_error *err) {
  store_cursor *cursor = NULL;
  sdx_bytes key, value;
  sdx_status status = store_cursor_open(w->store, STORE_IDS, &cursor, err);
  if (status == SDX_OK) status = store_cursor_seek(cursor, NULL, 0, &key, &value, err);
  for (; status == SDX_OK; status = store_cursor_next(cursor, &key, &value, err)) {
    place p;
    if (key.size != BLIND_SIZE ||
        place_decode(&p, w->index->table_key, (const uint8_t *)key.data, value, NULL) != SDX_OK)
      continue; /* verify names it */
    for (size_t i = 0; i < count && !place_dead(&p, w->now); i++)
      if (rows[i].id == p.holder && rows[i].number == 0) rows[i].items++;
  }
  store_cursor_close(cursor);
  return status == SDX_NOT_FOUND ? SDX_OK : status;
}

static sdx_status recount(write_txn *w, sdx_error *err) {
  holder_row *rows = NULL;
  size_t count = 0;
  sdx_status status = holder_list(w->store, NULL, HOLDER_LOST, &rows, &count, err);
  for (size_t i = 0; i < count; i++)
    if (rows[i].number == 0) rows[i].items = 0;
  if (status == SDX_OK && count > 0) status = count_missing(w, rows, count, err);
  for (size_t i = 0; i < count && status == SDX_OK; i++)
    status = rows[i].items > 0 ? holder_put(w->store, NULL, &rows[i], err)
                               : holder_delete(w->store, HOLDER_LOST, rows[i].id, err);
  plain_free(rows);
  return status;
}

/* Places of living items that name a holder that is no more, and when these would have expired. */
static sdx_status delete_places(write_txn *w, const holder_row *rows, size_t count, sdx_error *err) {
  store_cursor *cursor = NULL;
  sdx_bytes key, value;
  sdx_status status = store_cursor_open(w->store, STORE_IDS, &cursor, err);
  if (status == SDX_OK) status = store_cursor_seek(cursor, NULL, 0, &key, &value, err);
  while (status == SDX_OK) {
    place p;
    bool gone = false;
    if (key.size == BLIND_SIZE &&
        place_decode(&p, w->index->table_key, (const uint8_t *)key.data, value, NULL) == SDX_OK)
      for (size_t i = 0; i < count && !place_dead(&p, w->now); i++) gone |= rows[i].id == p.holder;
    if (gone) status = store_cursor_delete(cursor, err);
    if (gone && status == SDX_OK && p.due != 0) {
      w->due_changed = true;
      status = due_delete(w->store, p.due, p.holder, p.ordinal, err);
    }
    if (status == SDX_OK) status = store_cursor_next(cursor, &key, &value, err);
  }
  store_cursor_close(cursor);
  return status == SDX_NOT_FOUND ? SDX_OK : status;
}

static sdx_status forget(write_txn *w, sdx_error *err) {
  holder_row *rows = NULL;
  size_t count = 0;
  sdx_status status = holder_list(w->store, NULL, HOLDER_LOST, &rows, &count, err);
  if (status == SDX_OK && count > 0) status = delete_places(w, rows, count, err);
  for (size_t i = 0; i < count && status == SDX_OK; i++)
    status = holder_delete(w->store, HOLDER_LOST, rows[i].id, err);
  plain_free(rows);
  return status;
}

sdx_status sdx_forget_missing(sdx_index *index, int64_t now, sdx_error *err) {
  write_txn w;
  sdx_status status = index_check(index, err);
  if (status == SDX_OK) status = write_begin(&w, index, index_now(index, now), false, err);
  if (status != SDX_OK) return status;
  status = forget(&w, err);
  if (status == SDX_OK) return write_commit(&w, err);
  write_abort(&w);
  return status;
}

sdx_status lost_recount(sdx_index *index, int64_t now, sdx_error *err) {
  write_txn w;
  bool any = false;
  sdx_status status = write_begin(&w, index, now, false, err);
  if (status != SDX_OK) return status;
  status = holder_any(w.store, HOLDER_LOST, &any, err);
  if (status == SDX_OK && any) status = recount(&w, err);
  if (status == SDX_OK && any) return write_commit(&w, err);
  write_abort(&w);
  return status;
}
