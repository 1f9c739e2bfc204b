/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deleting and restoring: a row in `ids` and a row in `due`, and nothing else. */
#include <string.h>

#include "base/error.h"
#include "indexer/deposited.h"
#include "indexer/maintain.h"
#include "indexer/trash.h"
#include "indexer/upsert.h"

static sdx_status begin(write_txn *w, sdx_index *index, sdx_bytes id, int64_t now,
                        uint8_t blind[BLIND_SIZE], place *p, sdx_error *err) {
  sdx_status status = index_check(index, err);
  if (status != SDX_OK) return status;
  if (id.data == NULL || id.size == 0 || id.size > SDX_ID_MAX)
    return error_set(err, SDX_INVALID, "an id has 1 to %d bytes", SDX_ID_MAX);
  status = write_begin(w, index, index_now(index, now), false, err);
  if (status != SDX_OK) return status;
  place_blind(blind, index->id_key, id);
  status = place_get(w->store, index->table_key, blind, p, err);
  if (status == SDX_OK) return SDX_OK;
  write_abort(w);
  return status == SDX_NOT_FOUND ? error_set(err, SDX_NOT_FOUND, "no such item") : status;
}

/* The row of a living item that went with a destroyed holder says nothing any more. */
static sdx_status forget_lost(write_txn *w, const uint8_t blind[BLIND_SIZE], const place *p,
                              sdx_error *err) {
  w->due_changed = true;
  sdx_status status = place_delete(w->store, blind, err);
  if (status == SDX_OK && p->due != 0)
    status = due_delete(w->store, p->due, p->holder, p->ordinal, err);
  if (status == SDX_OK) status = upsert_found_again(w, p->holder, err);
  if (status == SDX_OK) status = write_commit(w, err);
  else write_abort(w);
  return status == SDX_OK ? error_set(err, SDX_NOT_FOUND, "no such item") : status;
}

static sdx_status put_tombstone(write_txn *w, const uint8_t blind[BLIND_SIZE], place *p,
                                sdx_error *err) {
  sdx_status status = SDX_OK;
  if (p->due != 0) status = due_delete(w->store, p->due, p->holder, p->ordinal, err);
  p->state = PLACE_DELETED;
  p->changed = w->now;
  p->due = upsert_due(w->index, w->now);
  due_row row = { .due = p->due, .holder = p->holder, .ordinal = p->ordinal, .reason = DUE_DELETED,
                  .since = w->now };
  memcpy(row.blind, blind, BLIND_SIZE);
  w->due_changed = true;
  if (status == SDX_OK) status = due_put(w->store, w->index->row_key, &row, err);
  if (status != SDX_OK) return status;
  return place_put(w->store, w->index->table_key, &w->pool, blind, p, false, err);
}

sdx_status sdx_delete(sdx_index *index, sdx_bytes id, int64_t now, sdx_error *err) {
  uint8_t blind[BLIND_SIZE];
  write_txn w;
  place p;
  sdx_status status = begin(&w, index, id, now, blind, &p, err);
  if (status != SDX_OK) return status;
  if (place_dead(&p, w.now)) {
    write_abort(&w);
    return error_set(err, SDX_NOT_FOUND, "no such item: it is deleted already");
  }
  status = holder_published(w.store, p.holder, NULL, err);
  if (status == SDX_NOT_FOUND) return forget_lost(&w, blind, &p, err);
  if (status == SDX_OK) status = put_tombstone(&w, blind, &p, err);
  if (status == SDX_OK) return write_commit(&w, err);
  write_abort(&w);
  return status;
}

/* Where it stands nothing of it was touched: only the mark goes. */
static sdx_status remove_tombstone(write_txn *w, const uint8_t blind[BLIND_SIZE], place *p,
                                   sdx_error *err) {
  const int64_t expires = p->expires > w->now ? p->expires : 0;
  p->state = PLACE_LIVE;
  p->changed = 0;
  w->due_changed = true;
  const sdx_status status = upsert_expiry(w, blind, p, expires, err);
  if (status != SDX_OK) return status;
  return place_put(w->store, w->index->table_key, &w->pool, blind, p, false, err);
}

sdx_status sdx_restore(sdx_index *index, sdx_bytes id, int64_t now, sdx_error *err) {
  uint8_t blind[BLIND_SIZE];
  write_txn w;
  place p;
  holder_kind kind = HOLDER_SEGMENT;
  sdx_status status = begin(&w, index, id, now, blind, &p, err);
  if (status != SDX_OK) return status;
  if (!place_dead(&p, w.now) || w.now >= p.due) {
    write_abort(&w);
    return error_set(err, SDX_NOT_FOUND, "no deleted item that can be restored");
  }
  status = holder_published(w.store, p.holder, &kind, err);
  if (status == SDX_NOT_FOUND) { /* its tombstone alone is left, and stays until it is due */
    write_abort(&w);
    return error_set(err, SDX_NOT_FOUND, "the deleted item went along with a purge");
  }
  if (status == SDX_OK && kind == HOLDER_TRASH && index_deposits(index)) {
    status = deposited_wish(&w, blind, err);
    if (status == SDX_OK) return write_commit(&w, err);
    write_abort(&w);
    return status;
  }
  if (status == SDX_OK && kind == HOLDER_TRASH) status = trash_take_back(&w, blind, &p, err);
  if (status == SDX_OK) status = remove_tombstone(&w, blind, &p, err);
  const meta_head head = w.head;
  if (status != SDX_OK) {
    write_abort(&w);
    return status;
  }
  const int64_t at = w.now;
  status = write_commit(&w, err);
  if (status == SDX_OK) maintain_after_write(index, &head, false, at);
  return status;
}
