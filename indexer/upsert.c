/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/upsert.h"

#include <string.h>

static int64_t within(int64_t since, int64_t retention) {
  return since <= INT64_MAX - retention ? since + retention : INT64_MAX;
}

int64_t upsert_due(const sdx_index *index, int64_t since) {
  return index_deposits(index) ? DUE_UNSEEN : within(since, index->settings.retention);
}

sdx_status upsert_decide(sdx_index *index, store_txn *t, const upsert *u, int64_t now, bool undelete,
                         place *old, verdict *out, sdx_error *err) {
  *out = VERDICT_NEW;
  sdx_status status = place_get(t, index->table_key, u->blind, old, err);
  if (status != SDX_OK) {
    old->state = 0;
    return status == SDX_NOT_FOUND ? SDX_OK : status;
  }
  status = holder_published(t, old->holder, NULL, err);
  if (status != SDX_OK && status != SDX_NOT_FOUND) return status;
  const bool same = old->content == u->content, lost = status == SDX_NOT_FOUND;
  if (lost && !(place_dead(old, now) && old->due > now && same && !undelete))
    return SDX_OK; /* its old place is mended by the new one */
  if (place_dead(old, now)) {
    if (old->due <= now) *out = VERDICT_NEW;
    else *out = same && !undelete ? VERDICT_SAME : VERDICT_REVIVED;
  } else if (!same) {
    *out = VERDICT_REPLACED;
  } else {
    *out = old->attributes == u->attributes && old->expires == u->expires ? VERDICT_SAME
                                                                         : VERDICT_TOUCHED;
  }
  return SDX_OK;
}

sdx_status upsert_supersede(write_txn *w, const uint8_t blind[BLIND_SIZE], holder_id holder,
                            uint32_t ordinal, int64_t due, sdx_error *err) {
  due_row row = { .due = due, .holder = holder, .ordinal = ordinal, .reason = DUE_SUPERSEDED,
                  .since = w->now };
  memcpy(row.blind, blind, BLIND_SIZE);
  w->due_changed = true;
  return due_put(w->store, w->index->row_key, &row, err);
}

/* What the old row said of when it falls due holds on where that is earlier; of one that was deposited,
 * also when a sweep first saw it. A depositor's row falls due one retention after a sweep saw it, which is
 * after now: so an owner's row, of an expiry, stays only where it comes before that. */
static sdx_status take_over_due(write_txn *w, const place *old, due_row *row, sdx_error *err) {
  due_row was;
  sdx_status status = due_get(w->store, w->index->row_key, old->due, old->holder, old->ordinal, &was,
                              err);
  if (status == SDX_OK && row->due == DUE_UNSEEN && was.due == DUE_UNSEEN) {
    row->since = was.since < row->since ? was.since : row->since;
    row->seen = was.seen;
    row->keep = was.keep;
  } else if (status == SDX_OK && due_time(&was) < within(row->since, w->index->settings.retention)) {
    row->due = due_time(&was);
  }
  if (status == SDX_OK || status == SDX_NOT_FOUND || status == SDX_DAMAGED)
    status = due_delete(w->store, old->due, old->holder, old->ordinal, err);
  return status;
}

/* The old version's row in `due` says from now on that it is superseded; it falls due no later. */
static sdx_status retire_old(write_txn *w, const upsert *u, const place *old, sdx_error *err) {
  due_row row = { .due = upsert_due(w->index, w->now), .since = w->now };
  sdx_status status = old->due != 0 ? take_over_due(w, old, &row, err) : SDX_OK;
  if (status == SDX_OK) status = holder_published(w->store, old->holder, NULL, err);
  w->due_changed = true;
  if (status == SDX_NOT_FOUND) /* a deleted one was not counted as missing */
    return place_dead(old, w->now) ? SDX_OK : upsert_found_again(w, old->holder, err);
  if (status != SDX_OK) return status;
  row.holder = old->holder;
  row.ordinal = old->ordinal;
  row.reason = DUE_SUPERSEDED;
  memcpy(row.blind, u->blind, BLIND_SIZE);
  return due_put(w->store, w->index->row_key, &row, err);
}

static sdx_status put_expiry(write_txn *w, const uint8_t blind[BLIND_SIZE], place *p, int64_t expires,
                             sdx_error *err) {
  p->expires = expires;
  p->due = expires != 0 ? upsert_due(w->index, expires) : 0;
  if (expires == 0) return SDX_OK;
  due_row row = { .due = p->due, .holder = p->holder, .ordinal = p->ordinal, .reason = DUE_EXPIRES,
                  .since = expires };
  memcpy(row.blind, blind, BLIND_SIZE);
  w->due_changed = true;
  return due_put(w->store, w->index->row_key, &row, err);
}

sdx_status upsert_expiry(write_txn *w, const uint8_t blind[BLIND_SIZE], place *p, int64_t expires,
                         sdx_error *err) {
  sdx_status status = SDX_OK;
  if (p->due != 0) {
    w->due_changed = true;
    status = due_delete(w->store, p->due, p->holder, p->ordinal, err);
  }
  return status == SDX_OK ? put_expiry(w, blind, p, expires, err) : status;
}

sdx_status upsert_place(write_txn *w, const upsert *u, const place *old, holder_id holder,
                        uint32_t ordinal, bool append, sdx_error *err) {
  place p = { .state = PLACE_LIVE, .holder = holder, .ordinal = ordinal,
              .version = w->head.generation, .content = u->content, .attributes = u->attributes };
  sdx_status status = old->state != 0 ? retire_old(w, u, old, err) : SDX_OK;
  if (status == SDX_OK) status = put_expiry(w, u->blind, &p, u->expires, err);
  if (status != SDX_OK) return status;
  return place_put(w->store, w->index->table_key, &w->pool, u->blind, &p, append, err);
}

sdx_status upsert_found_again(write_txn *w, holder_id lost, sdx_error *err) {
  holder_row row;
  const sdx_status status = holder_get(w->store, NULL, HOLDER_LOST, lost, &row, err);
  if (status == SDX_NOT_FOUND) return SDX_OK;
  if (status != SDX_OK || row.number != 0) return status;
  if (row.items <= 1) return holder_delete(w->store, HOLDER_LOST, lost, err);
  row.items--;
  return holder_put(w->store, NULL, &row, err);
}
