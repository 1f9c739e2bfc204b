/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/fold.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/wipe.h"
#include "index/build.h"
#include "index/change.h"
#include "index/epoch.h"
#include "index/fresh.h"
#include "indexer/deposited.h"
#include "indexer/trash.h"
#include "segment/builder.h"

/* An item whose record is the current version: it goes on, live or to the trash. */
typedef struct folded_item {
  uint8_t blind[BLIND_SIZE];
  place at;          /* where it stands: in the journal, then where it went */
  place from;
  uint8_t *body;     /* of what goes to the trash: its record */
  size_t body_size;
  uint64_t version;
} folded_item;

/* A change of attributes of an item that stands at a place. */
typedef struct folded_change {
  holder_id holder;
  uint32_t ordinal;
  uint8_t *bytes;
  size_t size;
  size_t order;      /* of writing */
} folded_change;

typedef struct folding {
  write_txn w;
  sdx_index *index;
  holder_row *epochs;  /* oldest first */
  size_t epoch_count;
  size_t left;         /* sound epochs that this transaction leaves */
  due_set *due;
  text_analyser *analyser;
  inverter *inverter;
  folded_item *live, *trash; /* for the segment, for the trash */
  size_t live_count, trash_count, live_capacity, trash_capacity;
  folded_change *changes;
  size_t change_count, change_capacity;
  buffer plain;
  record_arena arena;
  maintain_tally tally;
} folding;

static void *grow(void *array, size_t count, size_t *capacity, size_t size) {
  if (count < *capacity) return array;
  const size_t wider = *capacity != 0 ? *capacity * 2 : 64;
  void *grown = plain_resize(array, wider * size);
  if (grown != NULL) *capacity = wider;
  return grown;
}

static uint8_t *copy_bytes(sdx_bytes b) {
  uint8_t *copy = plain_alloc(b.size + 1);
  if (copy != NULL && b.size > 0) memcpy(copy, b.data, b.size);
  return copy;
}

static void folding_free(folding *f) {
  for (size_t i = 0; i < f->trash_count; i++) {
    wipe(f->trash[i].body, f->trash[i].body_size);
    plain_free(f->trash[i].body);
  }
  for (size_t i = 0; i < f->change_count; i++) {
    wipe(f->changes[i].bytes, f->changes[i].size);
    plain_free(f->changes[i].bytes);
  }
  inverter_free(f->inverter);
  index_return_analyser(f->index, f->analyser);
  due_set_release(f->due);
  buffer_free(&f->plain);
  record_arena_free(&f->arena);
  plain_free(f->live);
  plain_free(f->trash);
  plain_free(f->changes);
  plain_free(f->epochs);
}

/* ------------------------------------------------------------------ reading */

static sdx_status keep(folding *f, const journal_record *j, const place *p, sdx_error *err) {
  record r;
  record_arena_reset(&f->arena);
  sdx_status status = record_decode(&r, &f->arena, j->body.data, j->body.size, err);
  if (status != SDX_OK) return status;
  folded_item *grown = grow(f->live, f->live_count, &f->live_capacity, sizeof *grown);
  if (grown == NULL) return error_memory(err);
  f->live = grown;
  r.expires = p->expires;
  status = inverter_add_record(f->inverter, &r, err);
  if (status != SDX_OK) return status;
  folded_item *item = &f->live[f->live_count++];
  *item = (folded_item){ .at = *p, .from = *p };
  memcpy(item->blind, j->blind, BLIND_SIZE);
  return SDX_OK;
}

static sdx_status keep_for_trash(folding *f, const journal_record *j, const place *p, sdx_error *err) {
  folded_item *grown = grow(f->trash, f->trash_count, &f->trash_capacity, sizeof *grown);
  if (grown == NULL) return error_memory(err);
  f->trash = grown;
  folded_item *item = &f->trash[f->trash_count];
  *item = (folded_item){ .at = *p, .from = *p, .body = copy_bytes(j->body),
                         .body_size = j->body.size, .version = j->version };
  if (item->body == NULL) return error_memory(err);
  f->trash_count++;
  memcpy(item->blind, j->blind, BLIND_SIZE);
  return SDX_OK;
}

static sdx_status take_item(folding *f, holder_id epoch, uint32_t sequence, const journal_record *j,
                            sdx_error *err) {
  place p;
  sdx_status status = place_get(f->w.store, f->index->table_key, j->blind, &p, err);
  const bool current = status == SDX_OK && p.holder == epoch && p.ordinal == sequence;
  if (status != SDX_OK && status != SDX_NOT_FOUND) return status;
  if (!current) {
    f->tally.purged++; /* superseded: it goes with the epoch's key */
    return SDX_OK;
  }
  /* A dead item may have changes in epochs that are left: it goes to the trash by a merge. */
  if (!place_dead(&p, f->w.now) || (p.due > f->w.now && f->left > 0)) return keep(f, j, &p, err);
  if (p.due > f->w.now) return keep_for_trash(f, j, &p, err);
  f->tally.purged++;
  status = place_delete(f->w.store, j->blind, err);
  return status == SDX_OK ? fresh_forget(&f->w, j->blind, err) : status;
}

static sdx_status take_change(folding *f, const journal_record *j, sdx_error *err) {
  place p;
  const sdx_status status = place_get(f->w.store, f->index->table_key, j->blind, &p, err);
  if (status == SDX_NOT_FOUND) return SDX_OK;
  if (status != SDX_OK) return status;
  if (p.version != j->version) return SDX_OK;
  folded_change *grown = grow(f->changes, f->change_count, &f->change_capacity, sizeof *grown);
  if (grown == NULL) return error_memory(err);
  f->changes = grown;
  folded_change *c = &f->changes[f->change_count];
  *c = (folded_change){ p.holder, p.ordinal, copy_bytes(j->body), j->body.size,
                         f->change_count };
  if (c->bytes == NULL) return error_memory(err);
  f->change_count++;
  return SDX_OK;
}

/* What does not open is lost with the epoch: a row says how much. */
static sdx_status note_lost(folding *f, const holder_row *epoch, uint32_t lost, sdx_error *err) {
  const holder_row row = { .kind = HOLDER_LOST, .id = epoch->id, .items = lost, .time = f->w.now,
                           .was = epoch->was };
  f->tally.damaged += lost;
  return lost > 0 ? holder_put(f->w.store, NULL, &row, err) : SDX_OK;
}

static sdx_status read_epoch(folding *f, const holder_row *epoch, sdx_error *err) {
  epoch_reader reader = { 0 };
  uint32_t lost = 0;
  sdx_status status = epoch_open(&reader, f->index, epoch->was, epoch->id, err);
  if (status == SDX_NOT_FOUND) return note_lost(f, epoch, epoch->items, err);
  for (uint32_t i = 0; i < epoch->records && status == SDX_OK; i++) {
    journal_record j;
    status = epoch_get(&reader, f->index, f->w.store, i, &f->plain, &j, err);
    if (status == SDX_OK)
      status = j.type == JOURNAL_ITEM ? take_item(f, epoch->id, i, &j, err) : take_change(f, &j, err);
    if (status == SDX_NOT_FOUND || status == SDX_DAMAGED) {
      lost++;
      status = SDX_OK;
    }
  }
  epoch_close(&reader);
  return status == SDX_OK ? note_lost(f, epoch, lost, err) : status;
}

static int oldest_first(const void *a, const void *b) {
  const holder_row *x = a, *y = b;
  return x->number < y->number ? -1 : x->number > y->number;
}

/* Whole epochs, the oldest, as many as one transaction takes. */
static sdx_status choose_epochs(folding *f, sdx_error *err) {
  size_t count = 0;
  uint64_t records = 0, kib = 0;
  sdx_status status =
      holder_list(f->w.store, f->index->row_key, HOLDER_EPOCH, &f->epochs, &count, err);
  if (status != SDX_OK) return status;
  size_t sound = 0;
  for (size_t i = 0; i < count; i++) /* a damaged row stays for verify to name */
    if (!f->epochs[i].damaged) f->epochs[sound++] = f->epochs[i];
  count = sound;
  if (count > 1) qsort(f->epochs, count, sizeof *f->epochs, oldest_first);
  while (f->epoch_count < count &&
         (f->epoch_count == 0 || (records < FOLD_RECORDS && kib < FOLD_BYTES / 1024))) {
    records += f->epochs[f->epoch_count].records;
    kib += f->epochs[f->epoch_count++].kib;
  }
  f->left = count - f->epoch_count;
  return SDX_OK;
}

/* ------------------------------------------------------------------ writing */

/* The item's row in `due`, if it has one, follows it. */
static sdx_status move_due(folding *f, const folded_item *item, due_reason reason, int64_t since,
                           sdx_error *err) {
  if (item->from.due == 0) return SDX_OK;
  due_row row = { .due = item->at.due, .holder = item->at.holder, .ordinal = item->at.ordinal,
                  .reason = reason, .since = since };
  memcpy(row.blind, item->blind, BLIND_SIZE);
  f->w.due_changed = true;
  return due_put(f->w.store, f->index->row_key, &row, err);
}

static sdx_status write_place(folding *f, const folded_item *item, sdx_error *err) {
  return place_put(f->w.store, f->index->table_key, &f->w.pool, item->blind, &item->at, false, err);
}

/* Changes that meet an item in one of these epochs are made to it on its way. */
static sdx_status change_on_the_way(folding *f, const place *from, attributes *a, uint32_t ordinal,
                                    sdx_error *err) {
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < f->change_count && status == SDX_OK; i++) {
    const folded_change *c = &f->changes[i];
    if (c->holder != from->holder || c->ordinal != from->ordinal) continue;
    status = change_apply(a, ordinal, (sdx_bytes){ (const char *)c->bytes, c->size }, err);
  }
  return status;
}

static sdx_status write_segment(folding *f, sdx_error *err) {
  segment_build build = { 0 };
  segment_info info;
  attributes *a = NULL;
  if (f->live_count == 0) return SDX_OK;
  uint32_t *ordinals = plain_array(f->live_count, sizeof *ordinals);
  sdx_status status = ordinals == NULL ? error_memory(err)
                                       : build_begin(&build, f->index, f->w.now, &f->w, err);
  if (status != SDX_OK) goto out;
  const block_sink sink = build_sink(&build);
  status = inverter_write(f->inverter, build.id, &sink, &a, ordinals, &info, err);
  for (size_t i = 0; i < f->live_count && status == SDX_OK; i++)
    status = change_on_the_way(f, &f->live[i].from, a, ordinals[i], err);
  if (status == SDX_OK) status = build_finish(&build, a, err);
  if (status == SDX_OK) status = build_publish(&build, &f->w, &info, err);
  for (size_t i = 0; i < f->live_count && status == SDX_OK; i++) {
    folded_item *item = &f->live[i];
    item->at.holder = build.id;
    item->at.ordinal = ordinals[i];
    status = item->at.state == PLACE_DELETED
                 ? move_due(f, item, DUE_DELETED, item->at.changed, err)
                 : move_due(f, item, DUE_EXPIRES, item->at.expires, err);
    if (status == SDX_OK) status = write_place(f, item, err);
  }
out:
  attributes_free(a);
  build_end(&build);
  plain_free(ordinals);
  return status;
}

static bool has_change(const folding *f, const place *from) {
  for (size_t i = 0; i < f->change_count; i++)
    if (f->changes[i].holder == from->holder && f->changes[i].ordinal == from->ordinal) return true;
  return false;
}

/* The record with its attributes as the changes left them. */
static sdx_status encode_changed(folding *f, const folded_item *item, buffer *out, sdx_error *err) {
  record r;
  attributes *a = NULL;
  buffer strings = BUFFER_INIT;
  sdx_bytes *list = NULL;
  size_t n = 0;
  record_arena_reset(&f->arena);
  sdx_status status = record_decode(&r, &f->arena, item->body, item->body_size, err);
  if (status == SDX_OK) status = attributes_new(&a, err);
  for (size_t i = 0; i < r.attribute_count && status == SDX_OK; i++)
    status = attributes_add(a, r.attributes[i].data, r.attributes[i].size, 0, err);
  if (status == SDX_OK) status = change_on_the_way(f, &item->from, a, 0, err);
  if (status != SDX_OK) goto out;
  attributes_of(a, 0, &strings);
  list = plain_array(strings.size + 1, sizeof *list);
  if (strings.failed || list == NULL) {
    status = error_memory(err);
    goto out;
  }
  cursor c = cursor_over(strings.data, strings.size);
  while (cursor_left(&c) > 0 && !c.failed) {
    list[n].data = (const char *)cursor_get_string(&c, &list[n].size);
    n++;
  }
  r.attributes = list;
  r.attribute_count = n;
  record_encode(out, &r);
  if (out->failed) status = error_memory(err);
out:
  plain_free(list);
  buffer_free(&strings);
  attributes_free(a);
  return status;
}

static sdx_status write_trashed(folding *f, trash_plan *plan, folded_item *item, sdx_error *err) {
  buffer encoded = BUFFER_INIT;
  journal_record r = { .type = JOURNAL_ITEM, .time = place_died(&item->from),
                       .version = item->version,
                       .body = { (const char *)item->body, item->body_size } };
  sdx_status status = SDX_OK;
  memcpy(r.blind, item->blind, BLIND_SIZE);
  if (has_change(f, &item->from)) {
    status = encode_changed(f, item, &encoded, err);
    r.body = (sdx_bytes){ (const char *)encoded.data, encoded.size };
  }
  if (status == SDX_OK)
    status = trash_put(plan, &f->w, &r, item->at.due, &item->at.holder, &item->at.ordinal, err);
  buffer_free(&encoded);
  if (status != SDX_OK) return status;
  item->at.changed = place_died(&item->from);
  item->at.state = PLACE_DELETED;
  status = move_due(f, item, DUE_DELETED, item->at.changed, err);
  return status == SDX_OK ? write_place(f, item, err) : status;
}

static sdx_status write_trash(folding *f, sdx_error *err) {
  trash_plan plan = { 0 };
  if (f->trash_count == 0) return SDX_OK;
  int64_t *dues = plain_array(f->trash_count, sizeof *dues);
  if (dues == NULL) return error_memory(err);
  for (size_t i = 0; i < f->trash_count; i++) dues[i] = f->trash[i].at.due;
  sdx_status status = trash_plan_make(&plan, &f->w, dues, f->trash_count, err);
  for (size_t i = 0; i < f->trash_count && status == SDX_OK; i++)
    status = write_trashed(f, &plan, &f->trash[i], err);
  if (status == SDX_OK) status = trash_plan_store(&plan, &f->w, err);
  trash_plan_free(&plan);
  plain_free(dues);
  return status;
}

/* ------------------------------------------------------------------ changes of older segments */

static int by_holder(const void *a, const void *b) {
  const folded_change *x = a, *y = b;
  if (x->holder != y->holder) return x->holder < y->holder ? -1 : 1;
  return x->order < y->order ? -1 : x->order > y->order;
}

static sdx_status replace_attributes(folding *f, holder_row *row, const sealed_blocks *blocks,
                                     const folded_change *changes, size_t count, sdx_error *err) {
  attributes *a = NULL;
  buffer encoded = BUFFER_INIT;
  const uint32_t version = (row->attributes_version + 1) & 0xffff;
  sdx_status status = opened_attributes_load(&a, blocks, f->w.store, row, err);
  for (size_t i = 0; i < count && status == SDX_OK; i++)
    if (changes[i].ordinal < row->items)
      status = change_apply(a, changes[i].ordinal,
                            (sdx_bytes){ (const char *)changes[i].bytes, changes[i].size }, err);
  if (status == SDX_OK) {
    attributes_encode(&encoded, a);
    status = encoded.failed ? error_memory(err) : blocks_attributes_pad(&encoded, err);
  }
  if (status == SDX_OK)
    status = blocks_attributes_put(blocks, f->w.store, &f->w.pool, version, &encoded, err);
  if (status == SDX_OK)
    status = blocks_attributes_delete(blocks, f->w.store, row->attributes_version,
                                      row->attributes_size, err);
  row->attributes_version = version;
  row->attributes_size = (uint32_t)encoded.size;
  if (status == SDX_OK) status = holder_put(f->w.store, f->index->row_key, row, err);
  buffer_free(&encoded);
  attributes_free(a);
  return status;
}

/* All changes of one holder. One that does not open keeps what it has: verify names it. */
static sdx_status change_segment(folding *f, const folded_change *changes, size_t count,
                                 sdx_error *err) {
  holder_row row;
  seal_key *key = NULL;
  sealed_blocks blocks;
  sdx_status status = holder_get(f->w.store, f->index->row_key, HOLDER_SEGMENT, changes[0].holder,
                                 &row, err);
  if (status == SDX_OK) status = index_holder_key(f->index, KEYRING_SEGMENT, row.id, &key, err);
  if (status == SDX_OK) {
    blocks_of(&blocks, f->index->index_id, row.id, key);
    status = replace_attributes(f, &row, &blocks, changes, count, err);
  }
  seal_key_free(key);
  return status == SDX_NOT_FOUND || status == SDX_DAMAGED ? SDX_OK : status;
}

static sdx_status change_segments(folding *f, sdx_error *err) {
  sdx_status status = SDX_OK;
  if (f->change_count > 1) qsort(f->changes, f->change_count, sizeof *f->changes, by_holder);
  for (size_t i = 0, n; i < f->change_count && status == SDX_OK; i += n) {
    for (n = 1; i + n < f->change_count && f->changes[i + n].holder == f->changes[i].holder;) n++;
    status = change_segment(f, f->changes + i, n, err);
  }
  return status;
}

/* ------------------------------------------------------------------ the whole */

static sdx_status retire_epoch(folding *f, const holder_row *epoch, sdx_error *err) {
  size_t count;
  const due_row *rows = due_set_of(f->due, epoch->id, &count);
  sdx_status status = holder_delete(f->w.store, HOLDER_EPOCH, epoch->id, err);
  if (status == SDX_OK)
    status = write_retire(&f->w, epoch->was, epoch->id, KEYRING_MERGED, epoch->items, err);
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    f->w.due_changed = true;
    status = due_delete(f->w.store, rows[i].due, rows[i].holder, rows[i].ordinal, err);
  }
  f->tally.keys++;
  return status;
}

/* The counts are a hint: they are set right whenever nothing is left. */
static void settle_counts(folding *f, bool everything) {
  meta_head *head = &f->w.head;
  for (size_t i = 0; i < f->epoch_count; i++) {
    const uint64_t bytes = (uint64_t)f->epochs[i].kib * 1024;
    if (f->epochs[i].id == head->epoch) head->epoch = 0;
    head->journal_records -= f->epochs[i].records < head->journal_records ? f->epochs[i].records
                                                                          : head->journal_records;
    head->journal_bytes -= bytes < head->journal_bytes ? bytes : head->journal_bytes;
  }
  if (!everything) return;
  head->epoch = 0;
  head->journal_records = 0;
  head->journal_bytes = 0;
}

static sdx_status fold_epochs(folding *f, sdx_error *err) {
  sdx_status status = due_set_load(&f->due, f->w.store, f->index->row_key, NULL, err);
  if (status == SDX_OK) status = index_borrow_analyser(f->index, &f->analyser, err);
  if (status == SDX_OK) status = inverter_new(&f->inverter, f->analyser, err);
  for (size_t i = 0; i < f->epoch_count && status == SDX_OK; i++)
    status = read_epoch(f, &f->epochs[i], err);
  if (status == SDX_OK) status = write_segment(f, err);
  if (status == SDX_OK) status = write_trash(f, err);
  if (status == SDX_OK) status = change_segments(f, err);
  /* Rows in `due` of what went on have been written anew: the old ones go with the epochs. */
  for (size_t i = 0; i < f->epoch_count && status == SDX_OK; i++)
    status = retire_epoch(f, &f->epochs[i], err);
  return status;
}

sdx_status fold_within(write_txn *w, maintain_tally *tally, bool *any, bool *more,
                       sdx_error *err) {
  folding f = { .w = *w, .index = w->index, .plain = BUFFER_INIT, .arena = RECORD_ARENA_INIT };
  sdx_status status = choose_epochs(&f, err);
  *any = f.epoch_count > 0;
  *more = false;
  if (status == SDX_OK && *any) status = fold_epochs(&f, err);
  if (status == SDX_OK && *any) {
    *more = f.left > 0;
    settle_counts(&f, f.left == 0);
    tally->purged += f.tally.purged;
    tally->keys += f.tally.keys;
    tally->damaged += f.tally.damaged;
  }
  *w = f.w;
  folding_free(&f);
  return status;
}

static sdx_status fold_some(sdx_index *index, int64_t now, maintain_tally *tally, bool *more,
                            sdx_error *err) {
  maintain_tally folded = { 0 };
  write_txn w;
  bool any = false;
  *more = false;
  sdx_status status = write_begin(&w, index, now, false, err);
  if (status != SDX_OK) return status;
  status = fold_within(&w, &folded, &any, more, err);
  if (status == SDX_OK && any) status = write_commit(&w, err);
  else write_abort(&w);
  if (status != SDX_OK || !any) return status;
  atomic_fetch_add(&index->count_folds, 1);
  tally->purged += folded.purged;
  tally->keys += folded.keys;
  tally->damaged += folded.damaged;
  return write_settle(index, now, err);
}

sdx_status fold_run(sdx_index *index, int64_t now, maintain_tally *tally, sdx_error *err) {
  bool more = true;
  sdx_status status = deposited_adopt(index, now, err);
  while (more && status == SDX_OK) status = fold_some(index, now, tally, &more, err);
  return status;
}
