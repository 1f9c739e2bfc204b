/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many items that commit whole or not at all. A small batch becomes journal records; a big one writes
 * segments as memory fills up, under unpublished ids, and publishes them all in one transaction.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "index/build.h"
#include "index/journal.h"
#include "indexer/attribute.h"
#include "indexer/item.h"
#include "indexer/maintain.h"
#include "indexer/upsert.h"

#define MEMORY_DEFAULT (48U << 20)
#define SMALL_ITEMS 64           /* up to so many items, and bytes, go to the journal */
#define SMALL_BYTES (2U << 20)
#define IN_JOURNAL UINT32_MAX    /* an entry's segment while the batch is small */

/* One version that the batch adds. */
typedef struct entry {
  uint8_t blind[BLIND_SIZE];
  uint64_t content;
  int64_t expires;
  uint32_t attributes;
  uint32_t segment; /* among the batch's */
  uint32_t ordinal; /* before its segment is written: its number among the segment's items */
} entry;

/* Attributes or expiry of a version that stands already. */
typedef struct touch {
  uint8_t blind[BLIND_SIZE];
  uint64_t content;
  int64_t expires;
  uint32_t attributes;
  buffer keys;      /* attribute keys as strings */
  size_t key_count;
} touch;

typedef struct part {
  segment_build build;
  segment_info info;
} part;

struct sdx_batch {
  sdx_index *index;
  int64_t now;
  bool undelete;
  int lock;          /* says that we live: the keys of ids stay as they are */
  bool no_ids;       /* the index had no item when the batch began */
  size_t memory;
  sdx_status broken; /* an item went in half: nothing more does */
  text_analyser *analyser;
  inverter *inverter;
  item_work work;
  entry *entries;
  size_t count, capacity;
  uint32_t *slots;   /* hash table: the newest entry of each blind id, + 1 */
  size_t slot_count;
  size_t first;      /* entry of the first item in the inverter */
  part **parts;
  size_t part_count;
  buffer records;    /* of a small batch, one behind the other */
  size_t record_ends[SMALL_ITEMS];
  touch *touches;
  size_t touch_count;
};

static void batch_free(sdx_batch *b) {
  for (size_t i = 0; i < b->part_count; i++) {
    build_end(&b->parts[i]->build);
    free(b->parts[i]);
  }
  for (size_t i = 0; i < b->touch_count; i++) buffer_free(&b->touches[i].keys);
  inverter_free(b->inverter);
  text_analyser_close(b->analyser);
  item_work_free(&b->work);
  buffer_free(&b->records);
  free(b->parts);
  free(b->touches);
  free(b->entries);
  free(b->slots);
  if (b->lock >= 0) close(b->lock);
  free(b);
}

/* ------------------------------------------------------------------ beginning */

static sdx_status ids_are_empty(store_txn *t, bool *empty, sdx_error *err) {
  store_cursor *c = NULL;
  sdx_bytes key, value;
  sdx_status status = store_cursor_open(t, STORE_IDS, &c, err);
  if (status != SDX_OK) return status;
  status = store_cursor_seek(c, NULL, 0, &key, &value, err);
  store_cursor_close(c);
  *empty = status == SDX_NOT_FOUND;
  return status == SDX_NOT_FOUND ? SDX_OK : status;
}

/* Once we have the lock, a replacement of keys that was under way is waited for, and none follows. */
static sdx_status pin_keys(sdx_batch *b, sdx_error *err) {
  write_txn w;
  b->lock = index_batch_lock(b->index);
  if (b->lock < 0) return error_system(err, errno, "cannot lock the index directory");
  const sdx_status status = write_begin(&w, b->index, b->now, false, err);
  if (status == SDX_OK) write_abort(&w);
  return status;
}

sdx_status sdx_batch_begin(sdx_batch **out, sdx_index *index, const sdx_batch_options *options,
                           sdx_error *err) {
  const sdx_batch_options defaults = SDX_BATCH_OPTIONS_INIT;
  const sdx_batch_options *o = options != NULL ? options : &defaults;
  store_txn *t = NULL;
  sdx_status status = index_check(index, err);
  if (status != SDX_OK) return status;
  sdx_batch *b = calloc(1, sizeof *b);
  if (b == NULL) return error_memory(err);
  b->index = index;
  b->lock = -1;
  b->now = index_now(index, o->now);
  b->undelete = o->undelete;
  b->memory = o->memory != 0 ? o->memory : MEMORY_DEFAULT;
  b->slot_count = 256;
  b->slots = calloc(b->slot_count, sizeof *b->slots);
  if (b->slots == NULL) status = error_memory(err);
  if (status == SDX_OK) status = pin_keys(b, err);
  if (status == SDX_OK) status = text_analyser_open(&b->analyser, index->settings.languages, err);
  if (status == SDX_OK) status = inverter_new(&b->inverter, b->analyser, err);
  if (status == SDX_OK) status = store_read_begin(index->store, &t, err);
  if (status == SDX_OK) {
    status = ids_are_empty(t, &b->no_ids, err);
    store_read_end(t);
  }
  if (status == SDX_OK) *out = b;
  else batch_free(b);
  return status;
}

/* ------------------------------------------------------------------ entries by blind id */

static uint32_t *slot_of(const sdx_batch *b, const uint8_t blind[BLIND_SIZE]) {
  uint64_t hash; /* a blind id is a keyed hash already */
  memcpy(&hash, blind, sizeof hash);
  for (size_t i = hash & (b->slot_count - 1);; i = (i + 1) & (b->slot_count - 1)) {
    uint32_t *slot = &b->slots[i];
    if (*slot == 0 || memcmp(b->entries[*slot - 1].blind, blind, BLIND_SIZE) == 0) return slot;
  }
}

static sdx_status reserve_entry(sdx_batch *b, sdx_error *err) {
  if (b->count == b->capacity) {
    const size_t capacity = b->capacity != 0 ? b->capacity * 2 : 128;
    entry *grown = realloc(b->entries, capacity * sizeof *grown);
    if (grown == NULL) return error_memory(err);
    b->entries = grown;
    b->capacity = capacity;
  }
  if ((b->count + 1) * 2 <= b->slot_count) return SDX_OK;
  uint32_t *slots = calloc(b->slot_count * 2, sizeof *slots);
  if (slots == NULL) return error_memory(err);
  free(b->slots);
  b->slots = slots;
  b->slot_count *= 2;
  for (size_t i = 0; i < b->count; i++) *slot_of(b, b->entries[i].blind) = (uint32_t)i + 1;
  return SDX_OK;
}

static void push_entry(sdx_batch *b, uint32_t into, uint32_t number) {
  entry *e = &b->entries[b->count];
  *e = (entry){ .content = b->work.content, .expires = b->work.built.expires,
                .attributes = b->work.attributes, .segment = into, .ordinal = number };
  memcpy(e->blind, b->work.blind, BLIND_SIZE);
  *slot_of(b, e->blind) = (uint32_t)++b->count;
}

/* ------------------------------------------------------------------ segments */

static sdx_status flush(sdx_batch *b, sdx_error *err) {
  const size_t items = inverter_count(b->inverter);
  attributes *a = NULL;
  if (items == 0) return SDX_OK;
  uint32_t *ordinals = calloc(items, sizeof *ordinals);
  part **grown = realloc(b->parts, (b->part_count + 1) * sizeof *grown);
  if (grown != NULL) b->parts = grown;
  part *p = calloc(1, sizeof *p);
  sdx_status status = ordinals == NULL || grown == NULL || p == NULL
                          ? error_memory(err)
                          : build_begin(&p->build, b->index, b->now, NULL, err);
  if (status != SDX_OK) {
    free(p);
    goto out;
  }
  b->parts[b->part_count++] = p;
  const block_sink sink = build_sink(&p->build);
  status = inverter_write(b->inverter, p->build.id, &sink, &a, ordinals, &p->info, err);
  if (status == SDX_OK) status = build_finish(&p->build, a, err);
  for (size_t i = 0; i < items && status == SDX_OK; i++)
    b->entries[b->first + i].ordinal = ordinals[b->entries[b->first + i].ordinal];
  b->first = b->count;
  text_vocabulary_reset(b->analyser);
out:
  attributes_free(a);
  free(ordinals);
  return status;
}

/* The batch is small no more: its records go where all that follow go. */
static sdx_status outgrow(sdx_batch *b, sdx_error *err) {
  record_arena arena = RECORD_ARENA_INIT;
  sdx_status status = SDX_OK;
  size_t at = 0;
  for (size_t i = 0; i < b->count && status == SDX_OK; i++) {
    record r;
    record_arena_reset(&arena);
    status = record_decode(&r, &arena, b->records.data + at, b->record_ends[i] - at, err);
    if (status == SDX_OK) status = inverter_add_record(b->inverter, &r, err);
    at = b->record_ends[i];
    b->entries[i].segment = 0;
    b->entries[i].ordinal = (uint32_t)i;
  }
  record_arena_free(&arena);
  buffer_free(&b->records);
  return status;
}

static bool is_small(const sdx_batch *b) {
  return b->part_count == 0 && (b->count == 0 || b->entries[0].segment == IN_JOURNAL);
}

/* ------------------------------------------------------------------ adding */

static sdx_status take(sdx_batch *b, const sdx_item *item, sdx_error *err) {
  sdx_status status = reserve_entry(b, err);
  if (status == SDX_OK) status = item_analyse(&b->work, b->analyser, item, err);
  if (status != SDX_OK) return status;
  if (is_small(b) && b->count < SMALL_ITEMS && b->records.size < SMALL_BYTES) {
    status = item_encode(&b->work, b->analyser, &b->records, err);
    if (status != SDX_OK) return status;
    b->record_ends[b->count] = b->records.size;
    push_entry(b, IN_JOURNAL, 0);
    return SDX_OK;
  }
  if (is_small(b)) {
    /* The terms just found borrow the vocabulary, which only grows: they stay good. */
    status = outgrow(b, err);
    if (status != SDX_OK) return status;
  }
  status = inverter_add(b->inverter, &b->work.built, &b->work.terms, err);
  if (status != SDX_OK) return status;
  push_entry(b, (uint32_t)b->part_count, (uint32_t)(b->count - b->first));
  /* The vocabulary keeps words over a flush: a quarter of the memory at least is for postings. */
  const size_t inverted = inverter_bytes(b->inverter);
  if (inverted + text_vocabulary_bytes(b->analyser) < b->memory || inverted < b->memory / 4)
    return SDX_OK;
  return flush(b, err);
}

static sdx_status push_touch(sdx_batch *b, sdx_error *err) {
  touch *grown = realloc(b->touches, (b->touch_count + 1) * sizeof *grown);
  if (grown == NULL) return error_memory(err);
  b->touches = grown;
  touch *t = &b->touches[b->touch_count];
  *t = (touch){ .content = b->work.content, .expires = b->work.built.expires,
                .attributes = b->work.attributes, .key_count = b->work.built.attribute_count };
  memcpy(t->blind, b->work.blind, BLIND_SIZE);
  for (size_t i = 0; i < t->key_count; i++)
    buffer_put_string(&t->keys, b->work.key_list[i].data, b->work.key_list[i].size);
  if (t->keys.failed) {
    buffer_free(&t->keys);
    return error_memory(err);
  }
  b->touch_count++;
  return SDX_OK;
}

static sdx_status decide(sdx_batch *b, const sdx_item *item, verdict *v, sdx_error *err) {
  const item_work *w = &b->work;
  const uint32_t earlier = *slot_of(b, w->blind);
  const upsert u = { w->blind, w->content, w->attributes, w->built.expires };
  store_txn *t = NULL;
  place old;
  *v = VERDICT_NEW;
  if (earlier != 0) { /* in this batch: the later version supersedes it */
    const entry *e = &b->entries[earlier - 1];
    *v = e->content == u.content && e->attributes == u.attributes && e->expires == u.expires
             ? VERDICT_SAME
             : VERDICT_REPLACED;
    return SDX_OK;
  }
  if (b->no_ids) return SDX_OK;
  sdx_status status = store_read_begin(b->index->store, &t, err);
  if (status != SDX_OK) return status;
  status = upsert_decide(b->index, t, &u, b->now, b->undelete, &old, v, err);
  store_read_end(t);
  if (status == SDX_OK && *v == VERDICT_TOUCHED && old.expires == u.expires &&
      attribute_is(b->index, item->id, w->built.attributes, w->built.attribute_count, b->now))
    *v = VERDICT_SAME;
  return status;
}

sdx_status sdx_batch_add(sdx_batch *b, const sdx_item *item, sdx_outcome *outcome, sdx_error *err) {
  static const sdx_outcome outcomes[] = {
    [VERDICT_NEW] = SDX_ADDED,       [VERDICT_REVIVED] = SDX_ADDED, [VERDICT_REPLACED] = SDX_UPDATED,
    [VERDICT_TOUCHED] = SDX_UPDATED, [VERDICT_SAME] = SDX_UNCHANGED
  };
  verdict v;
  if (b == NULL) return error_set(err, SDX_INVALID, "no batch was given");
  sdx_status status = index_check(b->index, err);
  if (status != SDX_OK) return status;
  if (b->broken != SDX_OK) return error_set(err, b->broken, "the batch failed before: abort it");
  status = item_prepare(&b->work, b->index, item, err);
  if (status == SDX_OK) status = decide(b, item, &v, err);
  if (status != SDX_OK) return status;
  if (v == VERDICT_TOUCHED) status = push_touch(b, err);
  else if (v != VERDICT_SAME) status = take(b, item, err);
  if (status != SDX_OK) b->broken = status;
  else if (outcome != NULL) *outcome = outcomes[v];
  return status;
}

/* ------------------------------------------------------------------ committing */

static sdx_status write_touch(write_txn *w, touch *t, sdx_error *err) {
  const upsert u = { t->blind, t->content, t->attributes, t->expires };
  place p;
  verdict v;
  sdx_status status = upsert_decide(w->index, w->store, &u, w->now, false, &p, &v, err);
  if (status != SDX_OK || v != VERDICT_TOUCHED) return status; /* it changed meanwhile, or went */
  sdx_bytes *keys = calloc(t->key_count + 1, sizeof *keys);
  if (keys == NULL) return error_memory(err);
  cursor c = cursor_over(t->keys.data, t->keys.size);
  for (size_t i = 0; i < t->key_count; i++)
    keys[i].data = (const char *)cursor_get_string(&c, &keys[i].size);
  if (p.attributes != u.attributes)
    status = attribute_replace(w, t->blind, p.version, keys, t->key_count, err);
  p.attributes = u.attributes;
  if (status == SDX_OK && p.expires != u.expires)
    status = upsert_expiry(w, t->blind, &p, u.expires, err);
  free(keys);
  if (status != SDX_OK) return status;
  return place_put(w->store, w->index->table_key, &w->pool, t->blind, &p, false, err);
}

static sdx_status write_records(sdx_batch *b, write_txn *w, sdx_error *err) {
  sdx_status status = SDX_OK;
  size_t at = 0;
  for (size_t i = 0; i < b->count && status == SDX_OK; i++) {
    const entry *e = &b->entries[i];
    const upsert u = { e->blind, e->content, e->attributes, e->expires };
    journal_record r = { .type = JOURNAL_ITEM, .time = w->now, .version = w->head.generation,
                         .body = { (const char *)b->records.data + at, b->record_ends[i] - at } };
    holder_id holder;
    uint32_t sequence;
    place old;
    verdict v;
    memcpy(r.blind, e->blind, BLIND_SIZE);
    at = b->record_ends[i];
    status = upsert_decide(b->index, w->store, &u, w->now, true, &old, &v, err);
    if (status == SDX_OK) status = journal_append(w, &r, &holder, &sequence, err);
    if (status == SDX_OK) status = upsert_place(w, &u, &old, holder, sequence, false, err);
  }
  return status;
}

static int by_blind(const void *a, const void *b, void *context) {
  const entry *entries = context;
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  const int order = memcmp(entries[x].blind, entries[y].blind, BLIND_SIZE);
  return order != 0 ? order : x < y ? -1 : x > y;
}

/* One entry; `last` says whether it is the newest of its id in this batch. */
static sdx_status write_entry(sdx_batch *b, write_txn *w, const entry *e, bool last, bool empty,
                              sdx_error *err) {
  const upsert u = { e->blind, e->content, e->attributes, e->expires };
  const holder_id holder = b->parts[e->segment]->build.id;
  place old = { 0 };
  verdict v;
  if (!last)
    return upsert_supersede(w, e->blind, holder, e->ordinal, upsert_due(b->index, w->now), err);
  sdx_status status =
      empty ? SDX_OK : upsert_decide(b->index, w->store, &u, w->now, true, &old, &v, err);
  return status == SDX_OK ? upsert_place(w, &u, &old, holder, e->ordinal, empty, err) : status;
}

/* In the order of the table that they are written to. */
static sdx_status write_entries(sdx_batch *b, write_txn *w, sdx_error *err) {
  bool empty = false;
  uint32_t *order = malloc((b->count + 1) * sizeof *order);
  if (order == NULL) return error_memory(err);
  for (size_t i = 0; i < b->count; i++) order[i] = (uint32_t)i;
  qsort_r(order, b->count, sizeof *order, by_blind, b->entries);
  sdx_status status = ids_are_empty(w->store, &empty, err);
  for (size_t i = 0; i < b->count && status == SDX_OK; i++) {
    const entry *e = &b->entries[order[i]];
    const bool last = i + 1 == b->count ||
                      memcmp(e->blind, b->entries[order[i + 1]].blind, BLIND_SIZE) != 0;
    status = write_entry(b, w, e, last, empty, err);
  }
  for (size_t i = 0; i < b->part_count && status == SDX_OK; i++)
    status = build_publish(&b->parts[i]->build, w, &b->parts[i]->info, err);
  free(order);
  return status;
}

static sdx_status write_all(sdx_batch *b, meta_head *head, sdx_error *err) {
  write_txn w;
  const bool small = is_small(b);
  sdx_status status = small ? SDX_OK : flush(b, err);
  if (status == SDX_OK) status = write_begin(&w, b->index, b->now, false, err);
  if (status != SDX_OK) return status;
  for (size_t i = 0; i < b->touch_count && status == SDX_OK; i++)
    status = write_touch(&w, &b->touches[i], err);
  if (status == SDX_OK) status = small ? write_records(b, &w, err) : write_entries(b, &w, err);
  *head = w.head;
  if (status == SDX_OK) return write_commit(&w, err);
  write_abort(&w);
  return status;
}

sdx_status sdx_batch_commit(sdx_batch *b, sdx_error *err) {
  meta_head head = { 0 };
  if (b == NULL) return error_set(err, SDX_INVALID, "no batch was given");
  sdx_index *index = b->index;
  sdx_status status = index_check(index, err);
  if (status == SDX_OK && b->broken != SDX_OK)
    status = error_set(err, b->broken, "the batch failed before: nothing of it is kept");
  const bool any = b->count + b->touch_count > 0;
  const int64_t now = b->now;
  if (status == SDX_OK && any) status = write_all(b, &head, err);
  if (status == SDX_OK) atomic_fetch_add(&index->count_adds, b->count);
  const bool bulk = !is_small(b);
  batch_free(b);
  if (status == SDX_OK && any) maintain_after_write(index, &head, bulk, now);
  return status;
}

void sdx_batch_abort(sdx_batch *b) {
  if (b != NULL) batch_free(b);
}
