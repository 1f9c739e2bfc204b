/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "opening.h"

#include <stdio.h>
#include <string.h>

#include "index/bytes.h"
#include "index/epoch.h"
#include "index/meta.h"
#include "index/opened.h"
#include "segment/builder.h"

static void tell(opening *o, holder_id holder, sdx_bytes text) {
  o->text(o->context, holder, text.data, text.size);
}

static void tell_record(opening *o, holder_id holder, const record *r) {
  o->items++;
  tell(o, holder, r->id);
  tell(o, holder, r->text);
  tell(o, holder, r->payload);
  for (size_t i = 0; i < r->attribute_count; i++) tell(o, holder, r->attributes[i]);
  for (size_t i = 0; i < r->term_count; i++) tell(o, holder, r->terms[i].term);
}

/* ------------------------------------------------------------------ segments */

typedef struct taking {
  opening *o;
  holder_id holder;
} taking;

static sdx_status take(void *context, uint32_t ordinal, const record *r, sdx_error *err) {
  taking *t = context;
  (void)ordinal, (void)err;
  tell_record(t->o, t->holder, r);
  return SDX_OK;
}

static sdx_status open_segment(opening *o, sdx_index *index, store_txn *t, holder_id id,
                               sdx_error *err) {
  static const block_memory memory = { .alloc = opened_alloc, .free = opened_free };
  block_cache *cache = NULL;
  opened_segment *seg = NULL;
  attributes *a = NULL;
  holder_row row;
  sdx_status status = holder_get(t, NULL, HOLDER_SEGMENT, id, &row, err);
  if (status == SDX_NOT_FOUND) return SDX_OK; /* not of this version's time */
  if (status == SDX_OK) status = block_cache_new(&cache, 4U << 20, &memory, err);
  if (status == SDX_OK) status = opened_segment_new(&seg, index, cache, t, &row, err);
  if (status == SDX_OK) status = opened_attributes_load(&a, &seg->blocks, t, &row, err);
  if (status == SDX_OK) {
    roaring_bitmap_t *all = roaring_bitmap_from_range(0, row.items, 1);
    segment_session session = { .context = t, .err = err };
    taking taken = { o, id };
    status = segment_take(seg->seg, &session, a, all, take, &taken, err);
    roaring_bitmap_free(all);
    o->holders++;
  }
  attributes_free(a);
  opened_segment_release(seg);
  block_cache_free(cache);
  return status;
}

/* ------------------------------------------------------------------ records */

static sdx_status open_record(opening *o, sdx_index *index, store_txn *t, epoch_reader *reader,
                              uint32_t sequence, sdx_error *err) {
  buffer plain = BUFFER_INIT;
  record_arena arena = RECORD_ARENA_INIT;
  journal_record j;
  record r;
  sdx_status status = epoch_get(reader, index, t, sequence, &plain, &j, err);
  if (status == SDX_OK && j.type == JOURNAL_CHANGE) tell(o, reader->id, j.body);
  if (status == SDX_OK && j.type == JOURNAL_ITEM) {
    record_arena_reset(&arena);
    status = record_decode(&r, &arena, j.body.data, j.body.size, err);
    if (status == SDX_OK) tell_record(o, reader->id, &r);
  }
  buffer_free(&plain);
  record_arena_free(&arena);
  return status;
}

/* By the rows that stand in the journal, whether or not something names them. */
static sdx_status open_records(opening *o, sdx_index *index, store_txn *t, keyring_kind kind,
                               holder_id id, sdx_error *err) {
  epoch_reader reader = { 0 };
  store_cursor *c = NULL;
  sdx_bytes key, value;
  uint8_t first[8];
  bool any = false;
  put_be(first, id, 8);
  sdx_status status = epoch_open(&reader, index, kind, id, err);
  if (status == SDX_OK) status = store_cursor_open(t, STORE_JOURNAL, &c, err);
  if (status == SDX_OK) status = store_cursor_seek(c, first, sizeof first, &key, &value, err);
  while (status == SDX_OK && memcmp(key.data, first, sizeof first) == 0) {
    const uint8_t *k = (const uint8_t *)key.data;
    if (get_be(k + 12, 2) == 0) {
      status = open_record(o, index, t, &reader, (uint32_t)get_be(k + 8, 4), err);
      any = true;
    }
    if (status == SDX_OK) status = store_cursor_next(c, &key, &value, err);
  }
  store_cursor_close(c);
  epoch_close(&reader);
  if (any) o->holders++;
  return status == SDX_NOT_FOUND ? SDX_OK : status;
}

/* ------------------------------------------------------------------ all */

/* The newest set of keys that the keyring has, whatever the store names. */
static uint64_t newest_set(const keyring *k) {
  uint64_t set = 0, born = 0;
  for (size_t i = 0; i < keyring_count(k); i++) {
    const keyring_entry e = keyring_at(k, i);
    if (e.kind != KEYRING_ID || e.born < born) continue;
    set = e.id;
    born = e.born;
  }
  return set;
}

static sdx_status open_index(sdx_index **out, const char *dir, const sdx_secret *s, sdx_error *err) {
  index_keys keys = { 0 };
  sdx_status status = index_open_locked(out, dir, NULL, err);
  if (status == SDX_OK) status = keyring_unlock((*out)->keyring, s, err);
  if (status != SDX_OK) return status;
  const uint64_t set = newest_set((*out)->keyring);
  status = keyring_use_set((*out)->keyring, set, err);
  if (status == SDX_OK) status = index_keys_open(&keys, *out, set, err);
  if (status != SDX_OK) return status;
  (*out)->key_set = set;
  (*out)->id_key = keys.id;
  (*out)->table_key = keys.table;
  (*out)->row_key = keys.row;
  return SDX_OK;
}

static sdx_status open_holder(opening *o, sdx_index *index, store_txn *t, const keyring_entry *e,
                              sdx_error *err) {
  switch (e->kind) {
  case KEYRING_SEGMENT: return open_segment(o, index, t, e->id, err);
  case KEYRING_EPOCH:
  case KEYRING_DEPOSIT_EPOCH:
  case KEYRING_TRASH: return open_records(o, index, t, e->kind, e->id, err);
  default: return SDX_OK;
  }
}

sdx_status opening_all(opening *o, const char *dir, const sdx_secret *s, sdx_error *err) {
  sdx_index *index = NULL;
  store_txn *t = NULL;
  sdx_status status = open_index(&index, dir, s, err);
  if (status == SDX_OK) status = store_read_begin(index->store, &t, err);
  if (status == SDX_OK) {
    const size_t count = keyring_count(index->keyring);
    for (size_t i = 0; i < count && status == SDX_OK; i++) {
      const keyring_entry e = keyring_at(index->keyring, i);
      status = open_holder(o, index, t, &e, err);
    }
    store_read_end(t);
  }
  sdx_close(index);
  return status;
}

sdx_status opening_keys(const char *dir, void (*each)(void *, int, uint64_t), void *context,
                        sdx_error *err) {
  keyring *k = NULL;
  const sdx_status status = keyring_open(&k, dir, err);
  if (status != SDX_OK) return status;
  for (size_t i = 0; i < keyring_count(k); i++) each(context, (int)keyring_at(k, i).kind, keyring_at(k, i).id);
  keyring_close(k);
  return SDX_OK;
}

sdx_status opening_ids_since(const char *dir, int64_t *since, sdx_error *err) {
  sdx_index *index = NULL;
  store_txn *t = NULL;
  meta_head head;
  sdx_status status = index_open_locked(&index, dir, NULL, err);
  if (status == SDX_OK) status = store_read_begin(index->store, &t, err);
  if (status == SDX_OK) {
    status = meta_head_get(t, &head, err);
    store_read_end(t);
  }
  if (status == SDX_OK) *since = head.keys_since;
  sdx_close(index);
  return status;
}

sdx_status opening_ids(const char *dir, const sdx_secret *s, const sdx_bytes *ids, size_t count,
                       uint64_t *found, sdx_error *err) {
  sdx_index *index = NULL;
  store_txn *t = NULL;
  sdx_bytes value;
  sdx_status status = open_index(&index, dir, s, err);
  if (status == SDX_OK) status = store_read_begin(index->store, &t, err);
  if (status == SDX_OK) {
    for (size_t i = 0; i < count && status == SDX_OK; i++) {
      uint8_t blind[BLIND_SIZE];
      place_blind(blind, index->id_key, ids[i]);
      status = store_get(t, STORE_IDS, blind, sizeof blind, &value, NULL);
      if (status == SDX_OK) ++*found;
      if (status == SDX_NOT_FOUND) status = SDX_OK;
    }
    store_read_end(t);
  }
  sdx_close(index);
  return status;
}
