/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/key_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "index/due.h"
#include "index/fresh.h"
#include "index/journal.h"
#include "index/opened.h"
#include "indexer/deposited.h"
#include "indexer/fold.h"
#include "indexer/reseal.h"
#include "segment/record.h"

#define CACHE_BYTES (2U << 20)
#define MENDING_TIME (7 * (int64_t)SDX_DAY)

/* ------------------------------------------------------------------ when */

static bool has_lasted(const meta_head *head, int64_t now, int64_t time) {
  return now - head->keys_since >= (time > SDX_DAY ? time : SDX_DAY);
}

bool key_set_is_due(const sdx_index *index, const meta_head *head, int64_t now) {
  return has_lasted(head, now, index->settings.retention / 3 * 2);
}

bool key_set_is_overdue(const sdx_index *index, const meta_head *head, int64_t now) {
  return has_lasted(head, now, index->settings.retention);
}

/* ------------------------------------------------------------------ state */

/* An id under both keys. */
typedef struct pair {
  uint8_t was[BLIND_SIZE], is[BLIND_SIZE];
} pair;

typedef struct renamed_place {
  uint8_t blind[BLIND_SIZE];
  place at;
} renamed_place;

typedef struct replacing {
  write_txn *w;
  sdx_index *index;
  index_keys fresh;
  block_cache *cache;
  pair *pairs; /* sorted by `was` once all are there */
  size_t count, capacity;
  renamed_place *places;
  size_t place_count, place_capacity;
  buffer plain;
  record_arena arena;
} replacing;

static void *grow(void *array, size_t count, size_t *capacity, size_t size) {
  if (count < *capacity) return array;
  const size_t wider = *capacity != 0 ? *capacity * 2 : 1024;
  void *grown = plain_resize(array, wider * size);
  if (grown != NULL) *capacity = wider;
  return grown;
}

static sdx_status add_pair(replacing *r, sdx_bytes id, pair **out, sdx_error *err) {
  pair *grown = grow(r->pairs, r->count, &r->capacity, sizeof *grown);
  if (grown == NULL) return error_memory(err);
  r->pairs = grown;
  *out = &r->pairs[r->count++];
  place_blind((*out)->was, r->index->id_key, id);
  place_blind((*out)->is, r->fresh.id, id);
  return SDX_OK;
}

static int by_old_blind(const void *a, const void *b) {
  return memcmp(((const pair *)a)->was, ((const pair *)b)->was, BLIND_SIZE);
}

static int by_new_blind(const void *a, const void *b) {
  return memcmp(((const renamed_place *)a)->blind, ((const renamed_place *)b)->blind, BLIND_SIZE);
}

/* NULL where no holder has an item of this blind id. */
static const uint8_t *new_blind(const replacing *r, const uint8_t was[BLIND_SIZE]) {
  pair wanted;
  memcpy(wanted.was, was, BLIND_SIZE);
  const pair *found = bsearch(&wanted, r->pairs, r->count, sizeof wanted, by_old_blind);
  return found != NULL ? found->is : NULL;
}

/* ------------------------------------------------------------------ the new keys */

static sdx_status add_keys(replacing *r, bool revoke, sdx_error *err) {
  sdx_index *index = r->index;
  uint64_t set = 0;
  pthread_mutex_lock(&index->keyring_lock);
  sdx_status status = keyring_stage_set(index->keyring, revoke, &set, err);
  if (status == SDX_OK) status = keyring_commit(index->keyring, r->w->base, err);
  else keyring_rollback(index->keyring);
  index->checked_keyring = status == SDX_OK ? keyring_generation(index->keyring) : 0;
  pthread_mutex_unlock(&index->keyring_lock);
  r->w->keys_added = true;
  return status == SDX_OK ? index_keys_open(&r->fresh, index, set, err) : status;
}

/* ------------------------------------------------------------------ ids, where they stand in clear */

static sdx_status read_segment_ids(replacing *r, opened_segment *seg, uint32_t items, sdx_error *err) {
  segment_session session = { .context = r->w->store, .err = err };
  block_ref hold = BLOCK_REF_INIT;
  sdx_status status = SDX_OK;
  for (uint32_t i = 0; i < items && status == SDX_OK; i++) {
    segment_item item;
    pair *p;
    status = segment_item_get(seg->seg, &session, i, &item, &hold);
    if (status == SDX_OK) status = add_pair(r, item.id, &p, err);
  }
  block_release(&hold);
  return status;
}

static sdx_status take_segment(replacing *r, const holder_row *row, sdx_error *err) {
  opened_segment *seg = NULL;
  sdx_status status = opened_segment_new(&seg, r->index, r->cache, r->w->store, row, err);
  if (status == SDX_NOT_FOUND)
    return error_set(err, SDX_DAMAGED, "segment %016llx: its key is missing",
                     (unsigned long long)row->id);
  if (status == SDX_OK) status = read_segment_ids(r, seg, row->items, err);
  opened_segment_release(seg);
  return status == SDX_OK ? holder_put(r->w->store, r->fresh.row, row, err) : status;
}

/* A trash record names its blind id inside the seal. */
static sdx_status rename_record(replacing *r, const seal_key *key, holder_id bucket, uint32_t sequence,
                                sdx_error *err) {
  journal_record j;
  record item;
  pair *p;
  sdx_status status = journal_get(r->w->store, r->index->index_id, key, bucket, sequence, &r->plain,
                                  &j, err);
  if (status == SDX_NOT_FOUND) return SDX_OK; /* it was restored */
  if (status != SDX_OK) return status;
  record_arena_reset(&r->arena);
  status = record_decode(&item, &r->arena, j.body.data, j.body.size, err);
  if (status == SDX_OK) status = add_pair(r, item.id, &p, err);
  if (status != SDX_OK) return status;
  memcpy(j.blind, p->is, BLIND_SIZE);
  return journal_put(r->w, key, bucket, sequence, &j, NULL, err);
}

static sdx_status take_bucket(replacing *r, const holder_row *row, sdx_error *err) {
  seal_key *key = NULL;
  sdx_status status = index_holder_key(r->index, KEYRING_TRASH, row->id, &key, err);
  if (status == SDX_NOT_FOUND)
    return error_set(err, SDX_DAMAGED, "trash bucket %016llx: its key is missing",
                     (unsigned long long)row->id);
  for (uint32_t i = 0; i < row->records && status == SDX_OK; i++)
    status = rename_record(r, key, row->id, i, err);
  seal_key_free(key);
  return status == SDX_OK ? holder_put(r->w->store, r->fresh.row, row, err) : status;
}

static sdx_status take_holders(replacing *r, holder_kind kind,
                               sdx_status (*take)(replacing *, const holder_row *, sdx_error *),
                               sdx_error *err) {
  holder_row *rows = NULL;
  size_t count = 0;
  sdx_status status = holder_list(r->w->store, r->index->row_key, kind, &rows, &count, err);
  for (size_t i = 0; i < count && status == SDX_OK; i++)
    status = rows[i].damaged ? error_set(err, SDX_DAMAGED, "the row of holder %c %016llx is damaged",
                                         (char)kind, (unsigned long long)rows[i].id)
                             : take(r, &rows[i], err);
  plain_free(rows);
  return status;
}

/* ------------------------------------------------------------------ rows */

static sdx_status clear_table(replacing *r, store_table table, sdx_error *err) {
  store_cursor *c = NULL;
  sdx_bytes key, value;
  sdx_status status = store_cursor_open(r->w->store, table, &c, err);
  if (status == SDX_OK) status = store_cursor_seek(c, NULL, 0, &key, &value, err);
  while (status == SDX_OK) {
    status = store_cursor_delete(c, err);
    if (status == SDX_OK) status = store_cursor_next(c, &key, &value, err);
  }
  store_cursor_close(c);
  return status == SDX_NOT_FOUND ? SDX_OK : status;
}

/* A row whose item is nowhere: its holder was destroyed, or something is damaged. */
static sdx_status is_lost(replacing *r, holder_id holder, sdx_error *err) {
  const sdx_status status = holder_published(r->w->store, holder, NULL, err);
  if (status == SDX_NOT_FOUND) return SDX_OK;
  return status == SDX_OK ? error_set(err, SDX_DAMAGED, "holder %016llx lacks an item that a row names",
                                      (unsigned long long)holder)
                          : status;
}

static sdx_status rename_due(replacing *r, sdx_error *err) {
  due_set *due = NULL;
  sdx_status status = due_set_load(&due, r->w->store, r->index->row_key, NULL, err);
  if (status != SDX_OK) return status;
  status = clear_table(r, STORE_DUE, err);
  for (size_t i = 0; i < due->count && status == SDX_OK; i++) {
    due_row row = due->rows[i];
    const uint8_t *blind = new_blind(r, row.blind);
    if (blind == NULL) {
      status = is_lost(r, row.holder, err);
      continue;
    }
    memcpy(row.blind, blind, BLIND_SIZE);
    status = due_put(r->w->store, r->fresh.row, &row, err);
  }
  due_set_release(due);
  return status;
}

static sdx_status take_place(replacing *r, sdx_bytes key, sdx_bytes value, sdx_error *err) {
  place p;
  const uint8_t *was = (const uint8_t *)key.data;
  if (key.size != BLIND_SIZE)
    return error_set(err, SDX_DAMAGED, "a row of the table \"ids\" is damaged");
  const sdx_status status = place_decode(&p, r->index->table_key, was, value, err);
  if (status != SDX_OK) return status;
  const uint8_t *is = new_blind(r, was);
  if (is == NULL) return is_lost(r, p.holder, err);
  renamed_place *grown = grow(r->places, r->place_count, &r->place_capacity, sizeof *grown);
  if (grown == NULL) return error_memory(err);
  r->places = grown;
  renamed_place *one = &r->places[r->place_count++];
  memcpy(one->blind, is, BLIND_SIZE);
  one->at = p;
  return SDX_OK;
}

static sdx_status rename_places(replacing *r, sdx_error *err) {
  store_cursor *c = NULL;
  sdx_bytes key, value;
  sdx_status status = store_cursor_open(r->w->store, STORE_IDS, &c, err);
  if (status == SDX_OK) status = store_cursor_seek(c, NULL, 0, &key, &value, err);
  while (status == SDX_OK) {
    status = take_place(r, key, value, err);
    if (status == SDX_OK) status = store_cursor_next(c, &key, &value, err);
  }
  store_cursor_close(c);
  if (status == SDX_NOT_FOUND) status = clear_table(r, STORE_IDS, err);
  if (r->place_count > 1) qsort(r->places, r->place_count, sizeof *r->places, by_new_blind);
  for (size_t i = 0; i < r->place_count && status == SDX_OK; i++)
    status = place_put(r->w->store, r->fresh.table, &r->w->pool, r->places[i].blind,
                       &r->places[i].at, true, err);
  return status;
}

static sdx_status rename_lost(replacing *r, sdx_error *err) {
  holder_row *rows = NULL;
  size_t count = 0;
  sdx_status status = holder_list(r->w->store, NULL, HOLDER_LOST, &rows, &count, err);
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    if (rows[i].damaged) continue;
    rows[i].number = 1;
    status = holder_put(r->w->store, NULL, &rows[i], err);
  }
  plain_free(rows);
  return status;
}

static sdx_status reseal_settings(replacing *r, sdx_error *err) {
  index_settings settings;
  secret *digest = NULL;
  const uint8_t *id = r->index->index_id;
  sdx_status status =
      meta_settings_get(r->w->store, r->index->table_key, id, &settings, &digest, err);
  if (status == SDX_OK)
    status = meta_settings_put(r->w->store, r->fresh.table, &r->w->pool, id, &settings, digest, err);
  secret_free(digest);
  return status;
}

/* ------------------------------------------------------------------ the whole */

/* Nothing of the journal may be left, and nothing that depositors left to be decided. */
static sdx_status empty_journal(write_txn *w, sdx_error *err) {
  maintain_tally tally = { 0 };
  bool any, more = true, left = false;
  sdx_status status = deposited_adopt_in(w, err);
  while (status == SDX_OK && more) status = fold_within(w, &tally, &any, &more, err);
  if (status == SDX_OK) status = holder_any(w->store, HOLDER_EPOCH, &left, err);
  return status == SDX_OK && left
             ? error_set(err, SDX_DAMAGED, "an epoch of the journal does not open: verify names it")
             : status;
}

static sdx_status replace_all(replacing *r, bool revoke, sdx_error *err) {
  write_txn *w = r->w;
  static const block_memory memory = { .alloc = opened_alloc, .free = opened_free };
  sdx_status status = empty_journal(w, err);
  /* What an interrupted rebuild left names its items by the old keys: it starts anew. */
  if (status == SDX_OK) status = fresh_give_up_each(w, err);
  if (status == SDX_OK) status = block_cache_new(&r->cache, CACHE_BYTES, &memory, err);
  if (status == SDX_OK) status = add_keys(r, revoke, err);
  if (status == SDX_OK) status = take_holders(r, HOLDER_SEGMENT, take_segment, err);
  if (status == SDX_OK) status = take_holders(r, HOLDER_TRASH, take_bucket, err);
  if (status == SDX_OK && r->count > 1) qsort(r->pairs, r->count, sizeof *r->pairs, by_old_blind);
  if (status == SDX_OK) status = rename_due(r, err);
  if (status == SDX_OK) status = rename_places(r, err);
  if (status == SDX_OK) status = rename_lost(r, err);
  if (status == SDX_OK) status = reseal_settings(r, err);
  if (status == SDX_OK && revoke) status = reseal_forget(w, err);
  w->head.keys = r->fresh.set;
  w->head.keys_since = w->now;
  w->due_changed = true;
  return status;
}

sdx_status key_set_replace(sdx_index *index, bool revoke, int64_t now, sdx_error *err) {
  maintain_tally tally = { 0 };
  write_txn w;
  replacing r = { .w = &w, .index = index, .plain = BUFFER_INIT, .arena = RECORD_ARENA_INIT };
  sdx_status status = fold_run(index, now, &tally, err); /* most of it, beside other writers */
  if (status == SDX_OK) status = write_begin(&w, index, now, false, err);
  if (status != SDX_OK) return status;
  status = index_batch_lives(index)
               ? error_set(err, SDX_LOCKED, "items are being added in bulk: try again later")
               : replace_all(&r, revoke, err);
  if (status == SDX_OK) status = write_commit(&w, err);
  else write_abort(&w);
  index->checked_keyring = 0; /* the old keys are to go */
  index_keys_free(&r.fresh);
  block_cache_free(r.cache);
  buffer_free(&r.plain);
  record_arena_free(&r.arena);
  plain_free(r.pairs);
  plain_free(r.places);
  return status == SDX_OK ? write_settle(index, now, err) : status;
}

/* *lost: when items were last lost whose places are still there; INT64_MIN: none. */
static sdx_status look(sdx_index *index, meta_head *head, int64_t *lost, sdx_error *err) {
  store_txn *t = NULL;
  holder_row *rows = NULL;
  size_t count = 0;
  sdx_status status = store_read_begin(index->store, &t, err);
  if (status != SDX_OK) return status;
  status = meta_head_get(t, head, err);
  if (status == SDX_OK) status = holder_list(t, NULL, HOLDER_LOST, &rows, &count, err);
  for (size_t i = 0; i < count; i++)
    if (!rows[i].damaged && rows[i].number == 0 && rows[i].time > *lost) *lost = rows[i].time;
  plain_free(rows);
  store_read_end(t);
  return status;
}

sdx_status key_set_keep_fresh(sdx_index *index, int64_t now, sdx_error *err) {
  meta_head head;
  int64_t lost = INT64_MIN;
  sdx_status status = look(index, &head, &lost, err);
  if (status != SDX_OK || !key_set_is_due(index, &head, now)) return status;
  if (lost != INT64_MIN && now - lost < MENDING_TIME) return SDX_OK;
  status = key_set_replace(index, false, now, err);
  return status == SDX_LOCKED || status == SDX_DAMAGED ? SDX_OK : status; /* another day */
}
