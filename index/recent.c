/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/recent.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/wipe.h"
#include "index/epoch.h"
#include "segment/builder.h"

#define LATER_AT_ONCE 64 /* records between two looks at the clock */

static const block_memory part_memory = { .alloc = opened_alloc, .free = opened_free };

/* ------------------------------------------------------------------ parts */

recent_part *recent_part_hold(recent_part *p) {
  atomic_fetch_add(&p->references, 1);
  return p;
}

void recent_part_release(recent_part *p) {
  if (p == NULL || atomic_fetch_sub(&p->references, 1) != 1) return;
  if (p->seg != NULL) segment_close(p->seg);
  if (p->blocks != NULL) memory_blocks_free(p->blocks);
  attributes_free(p->attributes);
  plain_free(p->places);
  plain_free(p->order);
  plain_free(p);
}

static int compare_places(const recent_place *a, const recent_place *b) {
  if (a->epoch != b->epoch) return a->epoch < b->epoch ? -1 : 1;
  return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

static int by_place(const void *a, const void *b, void *context) {
  const recent_place *places = context;
  return compare_places(&places[*(const uint32_t *)a], &places[*(const uint32_t *)b]);
}

uint32_t recent_part_find(const recent_part *p, holder_id epoch, uint32_t sequence) {
  const recent_place wanted = { epoch, sequence };
  uint32_t low = 0, high = p->items;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    const int order = compare_places(&p->places[p->order[middle]], &wanted);
    if (order == 0) return p->order[middle];
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return SEGMENT_END;
}

static sdx_status part_new(recent_part **out, uint32_t items, sdx_error *err) {
  recent_part *p = plain_alloc(sizeof *p);
  if (p == NULL) return error_memory(err);
  atomic_init(&p->references, 1);
  p->items = items;
  p->places = plain_array(items, sizeof *p->places);
  p->order = plain_array(items, sizeof *p->order);
  sdx_status status = p->places == NULL || p->order == NULL ? error_memory(err) : SDX_OK;
  if (status == SDX_OK) status = memory_blocks_new(&p->blocks, &part_memory, err);
  if (status == SDX_OK) *out = p;
  else recent_part_release(p);
  return status;
}

/* Places and attributes are set, and the blocks written. */
static sdx_status part_open(recent_part *p, sdx_index *index, sdx_error *err) {
  const block_source source = memory_blocks_source(p->blocks);
  segment_session session = { 0 };
  const uint32_t number = (uint32_t)atomic_fetch_add(&index->next_segment_number, 1);
  for (uint32_t i = 0; i < p->items; i++) p->order[i] = i;
  qsort_r(p->order, p->items, sizeof *p->order, by_place, p->places);
  attributes_index(p->attributes);
  return segment_open(&p->seg, 0, number, &source, NULL, &session, err);
}

/* ------------------------------------------------------------------ changes */

static void change_release(recent_change *c) {
  if (c == NULL || atomic_fetch_sub(&c->references, 1) != 1) return;
  wipe(c->bytes, c->size);
  plain_free(c->bytes);
  plain_free(c);
}

static sdx_status change_new(recent_change **out, uint64_t epoch_number, uint32_t sequence,
                             const journal_record *r, sdx_error *err) {
  recent_change *c = plain_alloc(sizeof *c);
  if (c == NULL) return error_memory(err);
  atomic_init(&c->references, 1);
  c->epoch_number = epoch_number;
  c->sequence = sequence;
  c->version = r->version;
  memcpy(c->blind, r->blind, BLIND_SIZE);
  c->bytes = plain_alloc(r->body.size + 1);
  if (c->bytes == NULL) {
    plain_free(c);
    return error_memory(err);
  }
  memcpy(c->bytes, r->body.data, r->body.size);
  c->size = r->body.size;
  *out = c;
  return SDX_OK;
}

static int by_time(const void *a, const void *b) {
  const recent_change *x = *(recent_change *const *)a, *y = *(recent_change *const *)b;
  if (x->epoch_number != y->epoch_number) return x->epoch_number < y->epoch_number ? -1 : 1;
  return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

/* ------------------------------------------------------------------ the whole */

recent *recent_hold(recent *r) {
  atomic_fetch_add(&r->references, 1);
  return r;
}

void recent_release(recent *r) {
  if (r == NULL || atomic_fetch_sub(&r->references, 1) != 1) return;
  for (size_t i = 0; i < r->part_count; i++) recent_part_release(r->parts[i]);
  for (size_t i = 0; i < r->change_count; i++) change_release(r->changes[i]);
  plain_free(r->parts);
  plain_free(r->changes);
  plain_free(r->epochs);
  plain_free(r);
}

static sdx_status push(void *array, size_t *count, void *pointer, sdx_error *err) {
  void ***items = array;
  void **grown = plain_resize(*items, (*count + 1) * sizeof *grown);
  if (grown == NULL) return error_memory(err);
  grown[(*count)++] = pointer;
  *items = grown;
  return SDX_OK;
}

/* Everything that one load needs. */
typedef struct reading {
  sdx_index *index;
  store_txn *txn;
  recent *result;
  uint64_t *numbers;      /* of the result's epochs */
  text_analyser *analyser;
  inverter *inverter;
  epoch_reader epoch;     /* the one last read from */
  recent_place *added;    /* places of the items in the inverter */
  size_t added_count;
  buffer plain;
  record_arena arena;
} reading;

static int newest_first(const void *a, const void *b) {
  const holder_row *x = a, *y = b;
  return x->number > y->number ? -1 : x->number < y->number;
}

static bool bit_is_set(const recent_epoch *e, uint32_t i) { return (e->read >> i & 1) != 0; }

/* Takes over what an earlier picture read, unless an epoch of it is gone: then a fold came. */
static sdx_status take_over(recent *r, const recent *before, sdx_error *err) {
  for (size_t i = 0; i < before->epoch_count; i++) {
    recent_epoch *now = NULL;
    for (size_t k = 0; k < r->epoch_count && now == NULL; k++)
      if (r->epochs[k].id == before->epochs[i].id) now = &r->epochs[k];
    if (now == NULL) {
      for (size_t k = 0; k < r->epoch_count; k++) r->epochs[k].read = 0;
      return SDX_OK;
    }
    now->read = before->epochs[i].read;
  }
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < before->part_count && status == SDX_OK; i++) {
    status = push(&r->parts, &r->part_count, before->parts[i], err);
    if (status == SDX_OK) recent_part_hold(before->parts[i]);
  }
  for (size_t i = 0; i < before->change_count && status == SDX_OK; i++) {
    status = push(&r->changes, &r->change_count, before->changes[i], err);
    if (status == SDX_OK) atomic_fetch_add(&before->changes[i]->references, 1);
  }
  r->damaged = before->damaged;
  return status;
}

static sdx_status list_epochs(reading *g, const recent *before, sdx_error *err) {
  recent *r = g->result;
  holder_row *rows = NULL;
  size_t count = 0;
  sdx_status status = holder_list(g->txn, g->index->row_key, HOLDER_EPOCH, &rows, &count, err);
  if (status != SDX_OK) return status;
  if (count > 1) qsort(rows, count, sizeof *rows, newest_first);
  r->epochs = plain_array(count + 1, sizeof *r->epochs);
  g->numbers = plain_array(count + 1, sizeof *g->numbers);
  if (r->epochs == NULL || g->numbers == NULL) status = error_memory(err);
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    if (rows[i].damaged || rows[i].records > JOURNAL_EPOCH_RECORDS) r->damaged++;
    else {
      g->numbers[r->epoch_count] = rows[i].number;
      r->epochs[r->epoch_count++] = (recent_epoch){ .id = rows[i].id, .kind = rows[i].was, .records = rows[i].records };
    }
  }
  plain_free(rows);
  return status == SDX_OK && before != NULL ? take_over(r, before, err) : status;
}

static sdx_status find_key(reading *g, const recent_epoch *e, sdx_error *err) {
  return g->epoch.id == e->id ? SDX_OK : epoch_open(&g->epoch, g->index, e->kind, e->id, err);
}

static sdx_status read_item(reading *g, const recent_epoch *e, uint32_t sequence,
                            const journal_record *j, sdx_error *err) {
  record r;
  record_arena_reset(&g->arena);
  sdx_status status = record_decode(&r, &g->arena, j->body.data, j->body.size, err);
  if (status == SDX_OK) status = inverter_add_record(g->inverter, &r, err);
  if (status == SDX_OK) g->added[g->added_count++] = (recent_place){ e->id, sequence };
  return status;
}

static sdx_status read_record(reading *g, size_t epoch, uint32_t sequence, sdx_error *err) {
  recent_epoch *e = &g->result->epochs[epoch];
  journal_record j;
  recent_change *change = NULL;
  sdx_status status = find_key(g, e, err);
  if (status == SDX_OK)
    status = epoch_get(&g->epoch, g->index, g->txn, sequence, &g->plain, &j, err);
  if (status == SDX_OK && j.type == JOURNAL_ITEM) status = read_item(g, e, sequence, &j, err);
  else if (status == SDX_OK) {
    status = change_new(&change, g->numbers[epoch], sequence, &j, err);
    if (status == SDX_OK)
      status = push(&g->result->changes, &g->result->change_count, change, err);
    if (status != SDX_OK) change_release(change);
  }
  if (status == SDX_NOT_FOUND || status == SDX_DAMAGED) {
    g->result->damaged++;
    status = SDX_OK;
  }
  if (status == SDX_OK) e->read |= 1ULL << sequence;
  return status;
}

/* The inverter's items become a part. */
static sdx_status close_part(reading *g, sdx_error *err) {
  const uint32_t items = (uint32_t)g->added_count;
  recent_part *p = NULL;
  segment_info info;
  if (items == 0) return SDX_OK;
  uint32_t *ordinals = plain_array(items, sizeof *ordinals);
  sdx_status status = ordinals == NULL ? error_memory(err) : part_new(&p, items, err);
  if (status == SDX_OK) {
    const block_sink sink = memory_blocks_sink(p->blocks);
    status = inverter_write(g->inverter, 0, &sink, &p->attributes, ordinals, &info, err);
  }
  if (status == SDX_OK) {
    for (uint32_t i = 0; i < items; i++) p->places[ordinals[i]] = g->added[i];
    status = part_open(p, g->index, err);
  }
  if (status == SDX_OK) status = push(&g->result->parts, &g->result->part_count, p, err);
  if (status != SDX_OK) recent_part_release(p);
  plain_free(ordinals);
  g->added_count = 0;
  text_vocabulary_reset(g->analyser);
  return status;
}

static sdx_status merge_two(recent_part **out, sdx_index *index, recent_part *a, recent_part *b,
                            sdx_error *err) {
  recent_part *p = NULL;
  recent_part *const from[2] = { a, b };
  segment_session sessions[2] = { { 0 }, { 0 } };
  merge_input inputs[2];
  segment_info info;
  uint32_t *ordinals = plain_array(a->items + b->items, sizeof *ordinals);
  sdx_status status =
      ordinals == NULL ? error_memory(err) : part_new(&p, a->items + b->items, err);
  if (status != SDX_OK) goto out;
  const block_sink sink = memory_blocks_sink(p->blocks);
  inputs[0] = (merge_input){ a->seg, &sessions[0], a->attributes, NULL, ordinals };
  inputs[1] = (merge_input){ b->seg, &sessions[1], b->attributes, NULL, ordinals + a->items };
  status = segment_merge(inputs, 2, 0, &sink, &p->attributes, &info, NULL, NULL, err);
  if (status != SDX_OK) goto out;
  for (size_t k = 0; k < 2; k++)
    for (uint32_t i = 0; i < from[k]->items; i++)
      p->places[inputs[k].ordinals[i]] = from[k]->places[i];
  status = part_open(p, index, err);
out:
  if (status == SDX_OK) *out = p;
  else recent_part_release(p);
  plain_free(ordinals);
  return status;
}

/* Keeps each part at least twice as big as the next: few parts, few times that an item is moved. */
static sdx_status merge_small(recent *r, sdx_index *index, sdx_error *err) {
  while (r->part_count >= 2) {
    recent_part *a = r->parts[r->part_count - 2], *b = r->parts[r->part_count - 1], *merged = NULL;
    if (a->items > 2 * b->items) break;
    const sdx_status status = merge_two(&merged, index, a, b, err);
    if (status != SDX_OK) return status;
    r->parts[r->part_count-- - 2] = merged;
    recent_part_release(a);
    recent_part_release(b);
  }
  return SDX_OK;
}

/* Up to `count` unread records, the newest: they are read oldest first, as they were written. */
static size_t choose(const reading *g, size_t count, size_t *epochs, uint32_t *sequences) {
  size_t chosen = 0;
  for (size_t i = 0; i < g->result->epoch_count && chosen < count; i++) {
    const recent_epoch *e = &g->result->epochs[i];
    for (uint32_t s = e->records; s-- > 0 && chosen < count;) {
      if (bit_is_set(e, s)) continue;
      epochs[chosen] = i;
      sequences[chosen++] = s;
    }
  }
  return chosen;
}

static sdx_status read_some(reading *g, size_t count, bool *done, sdx_error *err) {
  size_t epochs[RECENT_AT_ONCE];
  uint32_t sequences[RECENT_AT_ONCE];
  sdx_status status = SDX_OK;
  const size_t chosen = choose(g, count, epochs, sequences);
  *done = chosen == 0;
  if (chosen == 0) return SDX_OK;
  if (g->analyser == NULL) status = index_borrow_analyser(g->index, &g->analyser, err);
  if (status == SDX_OK && g->inverter == NULL) status = inverter_new(&g->inverter, g->analyser, err);
  for (size_t i = chosen; i-- > 0 && status == SDX_OK;)
    status = read_record(g, epochs[i], sequences[i], err);
  if (status == SDX_OK) status = close_part(g, err);
  return status == SDX_OK ? merge_small(g->result, g->index, err) : status;
}

static bool is_past(int64_t deadline) {
  struct timespec t;
  if (deadline == 0) return false;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec >= deadline;
}

sdx_status recent_load(recent **out, sdx_index *index, store_txn *t, const recent *before,
                       int64_t deadline, sdx_error *err) {
  recent_place added[RECENT_AT_ONCE];
  reading g = { .index = index, .txn = t, .added = added, .plain = BUFFER_INIT,
                .arena = RECORD_ARENA_INIT, .result = plain_alloc(sizeof *g.result) };
  if (g.result == NULL) return error_memory(err);
  atomic_init(&g.result->references, 1);
  bool done = false;
  sdx_status status = list_epochs(&g, before, err);
  if (status == SDX_OK) status = read_some(&g, RECENT_AT_ONCE, &done, err);
  while (status == SDX_OK && !done) {
    if (is_past(deadline)) {
      size_t epoch;
      uint32_t sequence;
      g.result->unread = choose(&g, 1, &epoch, &sequence) > 0;
      break;
    }
    status = read_some(&g, LATER_AT_ONCE, &done, err);
  }
  if (status == SDX_OK && g.result->change_count > 1)
    qsort(g.result->changes, g.result->change_count, sizeof *g.result->changes, by_time);
  inverter_free(g.inverter);
  index_return_analyser(index, g.analyser);
  epoch_close(&g.epoch);
  buffer_free(&g.plain);
  record_arena_free(&g.arena);
  plain_free(g.numbers);
  if (status == SDX_OK) *out = g.result;
  else recent_release(g.result);
  return status;
}
