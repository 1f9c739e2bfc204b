/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/purge.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "index/due.h"
#include "index/fresh.h"
#include "index/place.h"
#include "indexer/deposited.h"
#include "indexer/trash.h"

sdx_status purge_is_due(store_txn *t, int64_t now, bool *yes, sdx_error *err) {
  store_cursor *c = NULL;
  holder_row *rows = NULL;
  size_t count = 0;
  sdx_bytes key, value;
  due_row row;
  *yes = false;
  sdx_status status = store_cursor_open(t, STORE_DUE, &c, err);
  if (status != SDX_OK) return status;
  status = store_cursor_seek(c, NULL, 0, &key, &value, err);
  if (status == SDX_OK) status = due_decode(&row, NULL, key, value, err);
  store_cursor_close(c);
  if (status == SDX_OK) *yes = row.due <= now;
  if (status == SDX_OK || status == SDX_NOT_FOUND) status = deposited_is_due(t, now, yes, err);
  if (status != SDX_OK) return status;
  status = holder_list(t, NULL, HOLDER_TRASH, &rows, &count, err);
  for (size_t i = 0; i < count; i++) *yes |= !rows[i].damaged && rows[i].time <= now;
  plain_free(rows);
  return status == SDX_OK ? fresh_is_due(t, now, yes, err) : status;
}

/* ------------------------------------------------------------------ giving up a holder */

typedef struct giving_up {
  write_txn *w;
  const due_set *due;
  purge_tally *tally;
  int64_t last_death; /* of all that is purged */
} giving_up;

/* The row goes, and the place of what was deleted: its id leaves no trace. */
static sdx_status forget_row(giving_up *g, const due_row *row, sdx_error *err) {
  g->w->due_changed = true;
  sdx_status status = due_delete(g->w->store, row->due, row->holder, row->ordinal, err);
  if (status == SDX_OK && row->reason != DUE_SUPERSEDED && due_dead(row, g->w->now))
    status = place_delete(g->w->store, row->blind, err);
  if (status == SDX_OK && row->reason != DUE_SUPERSEDED) status = fresh_forget(g->w, row->blind, err);
  return status;
}

static sdx_status note_missing(giving_up *g, const holder_row *row, uint64_t missing, sdx_error *err) {
  const holder_row lost = { .kind = HOLDER_LOST, .id = row->id, .items = (uint32_t)missing,
                            .time = g->w->now, .was = row->was };
  g->tally->missing += missing;
  return missing > 0 ? holder_put(g->w->store, NULL, &lost, err) : SDX_OK;
}

static void take_from_journal(meta_head *head, const holder_row *epoch) {
  const uint64_t bytes = (uint64_t)epoch->kib * 1024;
  if (head->epoch == epoch->id) head->epoch = 0;
  head->journal_records -=
      epoch->records < head->journal_records ? epoch->records : head->journal_records;
  head->journal_bytes -= bytes < head->journal_bytes ? bytes : head->journal_bytes;
}

static uint32_t changes_in(const holder_row *epoch) {
  return epoch->records > epoch->items ? epoch->records - epoch->items : 0;
}

/* What falls due later stays as a row after its holder: of a deletion, so that nobody takes the item for one
 * that is missing, and adds it again; of a date to come, so that it has an end where nobody adds it again. */
static bool outlives_holder(const due_row *row, int64_t now) {
  return row->reason != DUE_SUPERSEDED && due_time(row) > now;
}

static sdx_status give_up(giving_up *g, const holder_row *row, sdx_error *err) {
  size_t count;
  const due_row *rows = due_set_of(g->due, row->id, &count);
  uint64_t dead = 0;
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    const bool is_dead = due_dead(&rows[i], g->w->now), stays = outlives_holder(&rows[i], g->w->now);
    if (is_dead) {
      dead++;
      if (stays) g->tally->lost++;
      else g->tally->purged++;
    }
    if (!stays) status = forget_row(g, &rows[i], err);
  }
  if (status == SDX_OK && row->kind != HOLDER_TRASH) {
    const uint64_t changes = row->kind == HOLDER_EPOCH ? changes_in(row) : 0;
    status = note_missing(g, row, changes + (row->items > dead ? row->items - dead : 0), err);
  }
  if (row->kind == HOLDER_EPOCH) take_from_journal(&g->w->head, row);
  if (status == SDX_OK) status = holder_delete(g->w->store, row->kind, row->id, err);
  if (status == SDX_OK)
    status = write_retire(g->w, row->was, row->id, KEYRING_PURGED, row->items, err);
  g->tally->keys++;
  return status;
}

static bool holds_due(const due_set *due, const holder_row *row, int64_t now) {
  size_t count;
  const due_row *rows = due_set_of(due, row->id, &count);
  if (row->kind == HOLDER_TRASH && row->time <= now) return true;
  for (size_t i = 0; i < count; i++)
    if (due_time(&rows[i]) <= now) return true;
  return false;
}

/* An item changes while it lives. When a depositor's epoch was opened is its own word. */
static bool may_tell(const giving_up *g, const holder_row *row) {
  return row->kind == HOLDER_EPOCH && changes_in(row) > 0 && g->last_death != INT64_MIN &&
         (row->was == KEYRING_DEPOSIT_EPOCH || row->time <= g->last_death);
}

static int64_t find_last_death(const due_set *due, int64_t now) {
  int64_t last = INT64_MIN;
  for (size_t i = 0; i < due->count; i++) {
    const due_row *row = &due->rows[i];
    if (due_time(row) <= now && row->since > last) last = row->since;
  }
  return last;
}

static sdx_status give_up_kind(giving_up *g, holder_kind kind, sdx_error *err) {
  static const keyring_kind keys[] = { ['S'] = KEYRING_SEGMENT, ['E'] = KEYRING_EPOCH,
                                       ['T'] = KEYRING_TRASH };
  holder_row *rows = NULL;
  size_t count = 0;
  sdx_status status = holder_list(g->w->store, NULL, kind, &rows, &count, err);
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    if (rows[i].damaged) rows[i].was = keys[kind]; /* what it says is lost, its key is not */
    if (holds_due(g->due, &rows[i], g->w->now) || may_tell(g, &rows[i]))
      status = give_up(g, &rows[i], err);
  }
  plain_free(rows);
  return status;
}

/* Rows whose holder is no more: those that outlived it, or were left by damage. */
static sdx_status forget_strays(giving_up *g, sdx_error *err) {
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < g->due->count && status == SDX_OK; i++) {
    const due_row *row = &g->due->rows[i];
    if (due_time(row) > g->w->now) continue;
    status = holder_published(g->w->store, row->holder, NULL, err);
    if (status == SDX_NOT_FOUND) status = forget_row(g, row, err);
  }
  return status;
}

sdx_status purge_due(write_txn *w, purge_tally *tally, sdx_error *err) {
  due_set *due = NULL;
  /* Unauthenticated, with a key too: a damaged row must not keep what is due. */
  sdx_status status = due_set_load(&due, w->store, NULL, NULL, err);
  giving_up g = { w, due, tally, status == SDX_OK ? find_last_death(due, w->now) : 0 };
  if (status == SDX_OK) status = give_up_kind(&g, HOLDER_TRASH, err);
  if (status == SDX_OK) status = give_up_kind(&g, HOLDER_SEGMENT, err);
  if (status == SDX_OK) status = give_up_kind(&g, HOLDER_EPOCH, err);
  if (status == SDX_OK) status = forget_strays(&g, err);
  if (status == SDX_OK) status = fresh_expire(w, err);
  due_set_release(due);
  return status;
}

/* ------------------------------------------------------------------ rescue */

static sdx_status move_record(write_txn *w, trash_plan *plan, const seal_key *key, const due_row *row,
                              buffer *plain, sdx_error *err) {
  journal_record r;
  place p;
  due_row moved = *row;
  sdx_status status = journal_get(w->store, w->index->index_id, key, row->holder, row->ordinal, plain,
                                  &r, err);
  if (status == SDX_OK) status = place_get(w->store, w->index->table_key, row->blind, &p, err);
  if (status == SDX_NOT_FOUND || status == SDX_DAMAGED) return SDX_OK; /* it goes with the bucket */
  if (status != SDX_OK || p.holder != row->holder || p.ordinal != row->ordinal) return status;
  status = trash_put(plan, w, &r, row->due, &moved.holder, &moved.ordinal, err);
  if (status == SDX_OK) status = due_delete(w->store, row->due, row->holder, row->ordinal, err);
  if (status == SDX_OK) status = due_put(w->store, w->index->row_key, &moved, err);
  if (status != SDX_OK) return status;
  w->due_changed = true;
  p.holder = moved.holder;
  p.ordinal = moved.ordinal;
  return place_put(w->store, w->index->table_key, &w->pool, row->blind, &p, false, err);
}

static sdx_status rescue_bucket(write_txn *w, trash_plan *plan, const due_set *due,
                                const holder_row *bucket, uint64_t *moved, sdx_error *err) {
  seal_key *key = NULL;
  buffer plain = BUFFER_INIT;
  size_t count;
  const due_row *rows = due_set_of(due, bucket->id, &count);
  sdx_status status = index_holder_key(w->index, KEYRING_TRASH, bucket->id, &key, err);
  if (status == SDX_NOT_FOUND) return SDX_OK;
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    if (rows[i].reason != DUE_DELETED || rows[i].due <= w->now) continue;
    status = move_record(w, plan, key, &rows[i], &plain, err);
    ++*moved;
  }
  seal_key_free(key);
  buffer_free(&plain);
  return status;
}

/* The due times of all that is in a due bucket and not due itself. */
static sdx_status young_dues(const due_set *due, const holder_row *rows, size_t count, int64_t now,
                             int64_t **dues, size_t *n, sdx_error *err) {
  *n = 0;
  *dues = plain_array(due->count + 1, sizeof **dues);
  if (*dues == NULL) return error_memory(err);
  for (size_t i = 0; i < count; i++) {
    size_t group;
    const due_row *in = due_set_of(due, rows[i].id, &group);
    for (size_t k = 0; k < group && !rows[i].damaged && rows[i].time <= now; k++)
      if (in[k].reason == DUE_DELETED && in[k].due > now) (*dues)[(*n)++] = in[k].due;
  }
  return SDX_OK;
}

sdx_status purge_rescue(write_txn *w, uint64_t *moved, sdx_error *err) {
  due_set *due = NULL;
  holder_row *rows = NULL;
  trash_plan plan = { 0 };
  int64_t *dues = NULL;
  size_t count = 0, n = 0;
  *moved = 0;
  sdx_status status = due_set_load(&due, w->store, w->index->row_key, NULL, err);
  if (status == SDX_OK)
    status = holder_list(w->store, w->index->row_key, HOLDER_TRASH, &rows, &count, err);
  if (status == SDX_OK) status = young_dues(due, rows, count, w->now, &dues, &n, err);
  if (status == SDX_OK && n > 0) {
    status = trash_plan_make(&plan, w, dues, n, err);
    for (size_t i = 0; i < count && status == SDX_OK; i++)
      if (!rows[i].damaged && rows[i].time <= w->now)
        status = rescue_bucket(w, &plan, due, &rows[i], moved, err);
    if (status == SDX_OK) status = trash_plan_store(&plan, w, err);
  }
  trash_plan_free(&plan);
  due_set_release(due);
  plain_free(dues);
  plain_free(rows);
  return status;
}
