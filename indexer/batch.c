/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many items that commit whole or not at all. A small batch becomes journal records; a big one writes
 * segments as memory fills up, on several threads where the caller asks for them, under unpublished
 * ids, and publishes them all in one transaction.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/extent.h"
#include "base/plain.h"
#include "index/journal.h"
#include "indexer/attribute.h"
#include "indexer/crew.h"
#include "indexer/maintain.h"
#include "indexer/upsert.h"

#define MEMORY_ALONE ((size_t)32 << 20) /* where no more is said: of one thread, ... */
#define MEMORY_SHARED ((size_t)26 << 20) /* ... of several: two stay within 64 MB with all that they need */
#define MEMORY_THREAD ((size_t)2 << 20)  /* and for each of them */
#define SMALL_ITEMS 64           /* up to so many items, and bytes, go to the journal */
#define SMALL_BYTES (2U << 20)

/* One version that the batch adds. */
typedef struct entry {
  uint8_t blind[BLIND_SIZE];
  uint64_t content;
  int64_t expires;
  uint32_t attributes;
  bulk_part *part; /* the segment it stands in, once all are written ... */
  uint32_t ordinal; /* ... and where */
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

struct sdx_batch {
  sdx_index *index;
  int64_t now;
  bool undelete;
  int lock;          /* says that we live: the keys of ids stay as they are */
  bool no_ids;       /* the index had no item when the batch began */
  sdx_status broken; /* an item went in half: nothing more does */
  bool big;          /* it becomes segments */
  bulk *bulks[CREW_THREADS_MAX]; /* the first is there from the beginning */
  unsigned threads;
  size_t memory;     /* of each */
  crew *crew;        /* NULL: the caller's thread builds */
  item_work work;
  entry *entries;    /* in `room` */
  size_t count;
  extent room;
  uint32_t *slots;   /* hash table: the newest entry of each blind id, + 1 */
  size_t slot_count;
  buffer records;    /* of a small batch, one behind the other */
  size_t record_ends[SMALL_ITEMS];
  touch *touches;
  size_t touch_count;
};

static void batch_free(sdx_batch *b) {
  if (index_check(b->index, NULL) != SDX_OK) return; /* a forked child: all is the parent's */
  crew_free(b->crew);
  for (unsigned i = 0; i < b->threads; i++) bulk_free(b->bulks[i]);
  for (size_t i = 0; i < b->touch_count; i++) buffer_free(&b->touches[i].keys);
  item_work_free(&b->work);
  buffer_free(&b->records);
  plain_free(b->touches);
  extent_free(&b->room, b->count * sizeof(entry));
  plain_free(b->slots);
  if (b->lock >= 0) close(b->lock);
  plain_free(b);
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
  if (out == NULL) return error_no_place(err);
  sdx_status status = index_check(index, err);
  if (status != SDX_OK) return status;
  if (o->version != 1) return error_set(err, SDX_INVALID, "batch: options of version 1 are needed");
  sdx_batch *b = plain_alloc(sizeof *b);
  if (b == NULL) return error_memory(err);
  b->index = index;
  b->lock = -1;
  b->now = index_now(index, o->now);
  b->undelete = o->undelete;
  b->threads = crew_size(o->threads);
  const size_t usual =
      b->threads > 1 ? MEMORY_SHARED + b->threads * MEMORY_THREAD : MEMORY_ALONE;
  b->memory = (o->memory != 0 ? o->memory : usual) / b->threads;
  b->slot_count = 256;
  b->slots = plain_array(b->slot_count, sizeof *b->slots);
  if (b->slots == NULL) status = error_memory(err);
  if (status == SDX_OK) status = pin_keys(b, err);
  if (status == SDX_OK) status = bulk_new(&b->bulks[0], index, b->now, b->memory, b->memory, err);
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
  if (!extent_reserve(&b->room, b->count * sizeof(entry), (b->count + 1) * sizeof(entry)))
    return error_memory(err);
  b->entries = b->room.at;
  if ((b->count + 1) * 4 <= b->slot_count * 3) return SDX_OK;
  uint32_t *slots = plain_array(b->slot_count * 2, sizeof *slots);
  if (slots == NULL) return error_memory(err);
  plain_free(b->slots);
  b->slots = slots;
  b->slot_count *= 2;
  for (size_t i = 0; i < b->count; i++) *slot_of(b, b->entries[i].blind) = (uint32_t)i + 1;
  return SDX_OK;
}

static void push_entry(sdx_batch *b) {
  entry *e = &b->entries[b->count];
  *e = (entry){ .content = b->work.content, .expires = b->work.built.expires,
                .attributes = b->work.attributes };
  memcpy(e->blind, b->work.blind, BLIND_SIZE);
  *slot_of(b, e->blind) = (uint32_t)++b->count;
}

/* ------------------------------------------------------------------ segments */

/* The batch is small no more: its records go where all that follow go. */
static sdx_status outgrow(sdx_batch *b, sdx_error *err) {
  record_arena arena = RECORD_ARENA_INIT;
  sdx_status status = SDX_OK;
  size_t at = 0;
  for (size_t i = 0; i < b->count && status == SDX_OK; i++) {
    record r;
    record_arena_reset(&arena);
    status = record_decode(&r, &arena, b->records.data + at, b->record_ends[i] - at, err);
    if (status == SDX_OK) status = bulk_add_record(b->bulks[0], (uint32_t)i, &r, err);
    at = b->record_ends[i];
  }
  record_arena_free(&arena);
  buffer_free(&b->records);
  b->big = true;
  return status;
}

static sdx_status start_crew(sdx_batch *b, sdx_error *err) {
  sdx_status status = SDX_OK;
  for (unsigned i = 1; i < b->threads && status == SDX_OK; i++)
    status = bulk_new(&b->bulks[i], b->index, b->now, b->memory, b->memory / b->threads * i, err);
  return status == SDX_OK ? crew_start(&b->crew, b->bulks, b->threads, err) : status;
}

/* Writes all that is in memory, and says of each entry where it stands. */
static sdx_status finish_segments(sdx_batch *b, sdx_error *err) {
  sdx_status status = b->crew != NULL ? crew_finish(b->crew, err) : bulk_flush(b->bulks[0], err);
  for (unsigned i = 0; i < b->threads && status == SDX_OK; i++)
    for (size_t k = 0; b->bulks[i] != NULL && k < b->bulks[i]->part_count; k++) {
      bulk_part *p = b->bulks[i]->parts[k];
      for (uint32_t n = 0; n < p->items; n++) {
        b->entries[p->numbers[n]].part = p;
        b->entries[p->numbers[n]].ordinal = p->ordinals[n];
      }
    }
  return status;
}

static sdx_status publish_segments(sdx_batch *b, write_txn *w, sdx_error *err) {
  sdx_status status = SDX_OK;
  for (unsigned i = 0; i < b->threads; i++)
    for (size_t k = 0; b->bulks[i] != NULL && k < b->bulks[i]->part_count && status == SDX_OK; k++)
      status = build_publish(&b->bulks[i]->parts[k]->build, w, &b->bulks[i]->parts[k]->info, err);
  return status;
}

/* ------------------------------------------------------------------ adding */

static sdx_status take_small(sdx_batch *b, sdx_error *err) {
  text_analyser *a = b->bulks[0]->analyser;
  sdx_status status = item_analyse(a, item_fields(&b->work), &b->work.terms, err);
  if (status == SDX_OK) status = item_encode(&b->work, a, &b->records, err);
  if (status == SDX_OK) b->record_ends[b->count] = b->records.size;
  return status;
}

static sdx_status take_big(sdx_batch *b, sdx_error *err) {
  const uint32_t number = (uint32_t)b->count;
  const sdx_bytes fields = item_fields(&b->work);
  if (b->crew == NULL && b->threads > 1) {
    const sdx_status status = start_crew(b, err);
    if (status != SDX_OK) return status;
  }
  return b->crew != NULL ? crew_add(b->crew, number, &b->work.built, fields, err)
                         : bulk_add(b->bulks[0], number, &b->work.built, fields, err);
}

static sdx_status take(sdx_batch *b, sdx_error *err) {
  sdx_status status = reserve_entry(b, err);
  if (status == SDX_OK && !b->big && (b->count == SMALL_ITEMS || b->records.size >= SMALL_BYTES))
    status = outgrow(b, err);
  if (status == SDX_OK) status = b->big ? take_big(b, err) : take_small(b, err);
  if (status == SDX_OK) push_entry(b);
  return status;
}

static sdx_status push_touch(sdx_batch *b, sdx_error *err) {
  touch *grown = plain_resize(b->touches, (b->touch_count + 1) * sizeof *grown);
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
  else if (v != VERDICT_SAME) status = take(b, err);
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
  sdx_bytes *keys = plain_array(t->key_count + 1, sizeof *keys);
  if (keys == NULL) return error_memory(err);
  cursor c = cursor_over(t->keys.data, t->keys.size);
  for (size_t i = 0; i < t->key_count; i++)
    keys[i].data = (const char *)cursor_get_string(&c, &keys[i].size);
  if (p.attributes != u.attributes)
    status = attribute_replace(w, t->blind, p.version, keys, t->key_count, err);
  p.attributes = u.attributes;
  if (status == SDX_OK && p.expires != u.expires)
    status = upsert_expiry(w, t->blind, &p, u.expires, err);
  plain_free(keys);
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
  const holder_id holder = e->part->build.id;
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
  uint32_t *order = plain_alloc((b->count + 1) * sizeof *order);
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
  plain_free(order);
  return status == SDX_OK ? publish_segments(b, w, err) : status;
}

static sdx_status write_all(sdx_batch *b, meta_head *head, sdx_error *err) {
  write_txn w;
  sdx_status status = b->big ? finish_segments(b, err) : SDX_OK;
  if (status == SDX_OK) status = write_begin(&w, b->index, b->now, false, err);
  if (status != SDX_OK) return status;
  for (size_t i = 0; i < b->touch_count && status == SDX_OK; i++)
    status = write_touch(&w, &b->touches[i], err);
  if (status == SDX_OK) status = b->big ? write_entries(b, &w, err) : write_records(b, &w, err);
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
  const bool big = b->big;
  batch_free(b);
  if (status == SDX_OK && any) maintain_after_write(index, &head, big, now);
  return status;
}

void sdx_batch_abort(sdx_batch *b) {
  if (b != NULL) batch_free(b);
}
