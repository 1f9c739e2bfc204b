/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/deposited.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "index/authentic.h"
#include "index/bytes.h"
#include "indexer/trash.h"
#include "indexer/upsert.h"

/* ------------------------------------------------------------------ rows */

typedef struct row_list {
  due_row *rows;
  size_t count, capacity;
} row_list;

static sdx_status push(row_list *l, const due_row *row, sdx_error *err) {
  if (l->count == l->capacity) {
    const size_t wider = l->capacity != 0 ? l->capacity * 2 : 64;
    due_row *grown = plain_resize(l->rows, wider * sizeof *grown);
    if (grown == NULL) return error_memory(err);
    l->rows = grown;
    l->capacity = wider;
  }
  l->rows[l->count++] = *row;
  return SDX_OK;
}

/* Calls `each` for every row at DUE_UNSEEN: they stand together at the end of the table. */
static sdx_status walk(store_txn *t, const row_keys *keys,
                       sdx_status (*each)(void *context, const due_row *row, sdx_error *err),
                       void *context, sdx_error *err) {
  store_cursor *c = NULL;
  uint8_t first[8];
  sdx_bytes key, value;
  put_be_time(first, DUE_UNSEEN);
  sdx_status status = store_cursor_open(t, STORE_DUE, &c, err);
  if (status != SDX_OK) return status;
  for (status = store_cursor_seek(c, first, sizeof first, &key, &value, err); status == SDX_OK;
       status = store_cursor_next(c, &key, &value, err)) {
    due_row row;
    if (due_decode(&row, keys, key, value, NULL) != SDX_OK) continue; /* verify names it */
    status = each(context, &row, err);
    if (status != SDX_OK) break;
  }
  store_cursor_close(c);
  return status == SDX_NOT_FOUND ? SDX_OK : status;
}

static sdx_status collect(void *context, const due_row *row, sdx_error *err) {
  return push(context, row, err);
}

static sdx_status collect_unseen(void *context, const due_row *row, sdx_error *err) {
  return row->seen == 0 ? push(context, row, err) : SDX_OK;
}

typedef struct asking {
  int64_t now;
  bool due, unseen;
} asking;

static sdx_status ask(void *context, const due_row *row, sdx_error *err) {
  asking *a = context;
  (void)err;
  a->unseen |= row->seen == 0;
  a->due |= due_time(row) <= a->now;
  return SDX_OK;
}

sdx_status deposited_is_due(store_txn *t, int64_t now, bool *yes, sdx_error *err) {
  asking a = { .now = now };
  const sdx_status status = walk(t, NULL, ask, &a, err);
  if (a.due) *yes = true;
  return status;
}

sdx_status deposited_unseen(store_txn *t, bool *yes, sdx_error *err) {
  asking a = { .now = INT64_MIN };
  const sdx_status status = walk(t, NULL, ask, &a, err);
  *yes = a.unseen;
  return status;
}

sdx_status deposited_mark(sdx_index *index, int64_t now, sdx_error *err) {
  row_list list = { 0 };
  write_txn w;
  sdx_status status = write_begin(&w, index, now, true, err);
  if (status != SDX_OK) return status;
  status = walk(w.store, NULL, collect_unseen, &list, err);
  for (size_t i = 0; i < list.count && status == SDX_OK; i++)
    status = due_mark_seen(w.store, &list.rows[i], now, err);
  w.due_changed = true;
  if (status == SDX_OK && list.count > 0) status = write_commit(&w, err);
  else write_abort(&w);
  plain_free(list.rows);
  return status;
}

/* ------------------------------------------------------------------ adopting */

/* The row as its owner would have written it: it counts from the later of its own time and the first
 * look at it, which is now where no sweep came before. */
static sdx_status adopt_row(write_txn *w, const due_row *deposited, sdx_error *err) {
  due_row row = *deposited;
  place p;
  const int64_t seen = row.seen != 0 && row.seen < w->now ? row.seen : w->now;
  row.deposited = false;
  row.keep = row.seen = 0;
  row.due = upsert_due(w->index, row.since > seen ? row.since : seen);
  sdx_status status = due_delete(w->store, DUE_UNSEEN, row.holder, row.ordinal, err);
  if (status == SDX_OK) status = due_put(w->store, w->index->row_key, &row, err);
  if (status != SDX_OK || row.reason == DUE_SUPERSEDED) return status;
  status = place_get(w->store, w->index->table_key, row.blind, &p, err);
  if (status == SDX_NOT_FOUND) return SDX_OK;
  if (status != SDX_OK || p.holder != row.holder || p.ordinal != row.ordinal) return status;
  p.due = row.due;
  return place_put(w->store, w->index->table_key, &w->pool, row.blind, &p, false, err);
}

/* ------------------------------------------------------------------ wishes */

#define WISH_KEY (1 + BLIND_SIZE)
#define WISH_SIZE (8 + AUTHENTIC_SIZE)

typedef struct wish {
  uint8_t key[WISH_KEY];
  int64_t time;
} wish;

sdx_status deposited_wish(write_txn *w, const uint8_t blind[BLIND_SIZE], sdx_error *err) {
  uint8_t key[WISH_KEY] = { 'W' }, value[WISH_SIZE];
  memcpy(key + 1, blind, BLIND_SIZE);
  put_le(value, (uint64_t)w->now, 8);
  authentic_make(value + 8, w->index->row_key->depositor, STORE_META, key, sizeof key, value, 8);
  return store_put(w->store, STORE_META, key, sizeof key, value, sizeof value, err);
}

static sdx_status list_wishes(write_txn *w, wish **out, size_t *count, sdx_error *err) {
  store_cursor *c = NULL;
  sdx_bytes key, value;
  *out = NULL;
  *count = 0;
  sdx_status status = store_cursor_open(w->store, STORE_META, &c, err);
  if (status != SDX_OK) return status;
  for (status = store_cursor_seek(c, "W", 1, &key, &value, err); status == SDX_OK;
       status = store_cursor_next(c, &key, &value, err)) {
    if (key.data[0] != 'W' || key.size != WISH_KEY) break;
    wish *grown = plain_resize(*out, (*count + 1) * sizeof *grown);
    if (grown == NULL) {
      status = error_memory(err);
      break;
    }
    *out = grown;
    wish *one = &grown[(*count)++];
    memcpy(one->key, key.data, WISH_KEY);
    one->time = INT64_MAX; /* of a row that nobody with a deposit key made: not granted */
    if (value.size == WISH_SIZE && authentic_check(w->index->row_key->depositor, STORE_META, key.data,
                                                   key.size, value.data, 8))
      one->time = (int64_t)get_le((const uint8_t *)value.data, 8);
  }
  store_cursor_close(c);
  return status == SDX_NOT_FOUND ? SDX_OK : status;
}

/* As sdx_restore does it; an item that is gone, or back already, stays as it is. */
static sdx_status grant(write_txn *w, const wish *one, sdx_error *err) {
  const uint8_t *blind = one->key + 1;
  holder_kind kind = HOLDER_SEGMENT;
  place p;
  sdx_status status = store_delete(w->store, STORE_META, one->key, sizeof one->key, err);
  if (status == SDX_OK) status = place_get(w->store, w->index->table_key, blind, &p, err);
  if (status == SDX_OK) status = holder_published(w->store, p.holder, &kind, err);
  if (status == SDX_NOT_FOUND) return SDX_OK;
  if (status != SDX_OK || !place_dead(&p, w->now) || one->time >= p.due) return status;
  if (kind == HOLDER_TRASH) status = trash_take_back(w, blind, &p, err);
  if (status == SDX_NOT_FOUND || status == SDX_DAMAGED) return SDX_OK; /* its bucket does not open */
  if (status != SDX_OK) return status;
  p.state = PLACE_LIVE;
  p.changed = 0;
  status = upsert_expiry(w, blind, &p, p.expires > w->now ? p.expires : 0, err);
  if (status != SDX_OK) return status;
  return place_put(w->store, w->index->table_key, &w->pool, blind, &p, false, err);
}

/* ------------------------------------------------------------------ both */

static sdx_status is_anything(sdx_index *index, bool *yes, sdx_error *err) {
  store_txn *t = NULL;
  store_cursor *c = NULL;
  sdx_bytes key, value;
  row_list list = { 0 };
  sdx_status status = store_read_begin(index->store, &t, err);
  if (status != SDX_OK) return status;
  status = walk(t, NULL, collect, &list, err);
  *yes = list.count > 0;
  if (status == SDX_OK) status = store_cursor_open(t, STORE_META, &c, err);
  if (status == SDX_OK) {
    status = store_cursor_seek(c, "W", 1, &key, &value, err);
    *yes |= status == SDX_OK && key.data[0] == 'W' && key.size == WISH_KEY;
    store_cursor_close(c);
  }
  plain_free(list.rows);
  store_read_end(t);
  return status == SDX_NOT_FOUND ? SDX_OK : status;
}

sdx_status deposited_adopt_in(write_txn *w, sdx_error *err) {
  row_list list = { 0 };
  wish *wishes = NULL;
  size_t count = 0;
  sdx_status status = list_wishes(w, &wishes, &count, err);
  for (size_t i = 0; i < count && status == SDX_OK; i++) status = grant(w, &wishes[i], err);
  if (status == SDX_OK) status = walk(w->store, w->index->row_key, collect, &list, err);
  for (size_t i = 0; i < list.count && status == SDX_OK; i++)
    status = adopt_row(w, &list.rows[i], err);
  w->due_changed = true;
  plain_free(list.rows);
  plain_free(wishes);
  return status;
}

sdx_status deposited_adopt(sdx_index *index, int64_t now, sdx_error *err) {
  bool any = false;
  write_txn w;
  sdx_status status = is_anything(index, &any, err);
  if (status != SDX_OK || !any) return status;
  status = write_begin(&w, index, now, false, err);
  if (status != SDX_OK) return status;
  status = deposited_adopt_in(&w, err);
  if (status == SDX_OK) return write_commit(&w, err);
  write_abort(&w);
  return status;
}
