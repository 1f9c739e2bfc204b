/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/rebuild/salvage.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "index/build.h"
#include "index/due.h"
#include "indexer/found.h"
#include "indexer/lost.h"
#include "segment/builder.h"

#define MEMORY_DEFAULT ((size_t)48 << 20)
#define MEMORY_OTHER ((size_t)24 << 20) /* of a budget, for what is not postings */
#define MEMORY_MIN ((size_t)8 << 20)

typedef struct saved {
  uint8_t blind[BLIND_SIZE];
  uint32_t from, to;
} saved;

/* A new segment, not published yet. */
typedef struct part {
  segment_build build;
  segment_info info;
  saved *items;
  size_t count;
} part;

typedef struct salvaging {
  reindexing *r;
  sdx_index *index;
  holder_row row; /* of the damaged segment */
  text_analyser *analyser;
  inverter *inverter;
  item_work work;
  sdx_found found;
  saved *items; /* of what is in the inverter */
  size_t count, capacity;
  part **parts;
  size_t part_count;
  bool without_attributes; /* they do not open */
  uint64_t moved;          /* live and deleted */
  uint64_t hidden;         /* deleted, and unreadable */
  uint64_t superseded;
} salvaging;

static void salvaging_free(salvaging *s) {
  for (size_t i = 0; i < s->part_count; i++) {
    build_end(&s->parts[i]->build);
    plain_free(s->parts[i]->items);
    plain_free(s->parts[i]);
  }
  plain_free(s->parts);
  plain_free(s->items);
  found_clear(&s->found);
  item_work_free(&s->work);
  inverter_free(s->inverter);
  text_analyser_close(s->analyser);
}

/* ------------------------------------------------------------------ new segments */

static sdx_status flush(salvaging *s, sdx_error *err) {
  attributes *a = NULL;
  uint32_t *ordinals = plain_array(s->count + 1, sizeof *ordinals);
  part **grown = plain_resize(s->parts, (s->part_count + 1) * sizeof *grown);
  if (grown != NULL) s->parts = grown;
  part *p = plain_alloc(sizeof *p);
  sdx_status status = ordinals == NULL || grown == NULL || p == NULL
                          ? error_memory(err)
                          : build_begin(&p->build, s->index, s->r->now, NULL, err);
  if (status != SDX_OK) {
    plain_free(p);
    goto out;
  }
  s->parts[s->part_count++] = p;
  p->items = s->items;
  p->count = s->count;
  s->items = NULL;
  s->count = s->capacity = 0;
  const block_sink sink = build_sink(&p->build);
  status = inverter_write(s->inverter, p->build.id, &sink, &a, ordinals, &p->info, err);
  if (status == SDX_OK) status = build_finish(&p->build, a, err);
  for (size_t i = 0; i < p->count && status == SDX_OK; i++) p->items[i].to = ordinals[i];
  text_vocabulary_reset(s->analyser);
out:
  attributes_free(a);
  plain_free(ordinals);
  return status;
}

static bool is_full(const salvaging *s) {
  const size_t given = s->r->options->memory;
  size_t memory = given == 0 ? MEMORY_DEFAULT : given > MEMORY_OTHER ? given - MEMORY_OTHER : 0;
  if (memory < MEMORY_MIN) memory = MEMORY_MIN;
  const size_t inverted = inverter_bytes(s->inverter);
  return inverted >= memory / 4 && inverted + text_vocabulary_bytes(s->analyser) >= memory;
}

static sdx_status push(salvaging *s, uint32_t ordinal, sdx_error *err) {
  if (s->count == s->capacity) {
    const size_t wider = s->capacity != 0 ? s->capacity * 2 : 1024;
    saved *grown = plain_resize(s->items, wider * sizeof *grown);
    if (grown == NULL) return error_memory(err);
    s->items = grown;
    s->capacity = wider;
  }
  saved *one = &s->items[s->count++];
  *one = (saved){ .from = ordinal };
  memcpy(one->blind, s->work.blind, BLIND_SIZE);
  return SDX_OK;
}

/* ------------------------------------------------------------------ reading */

/* Whether this ordinal is the version that its id stands for. SDX_DAMAGED where the item does not
 * open. */
static sdx_status is_current(salvaging *s, view_read *v, const segment *seg, uint32_t ordinal,
                             bool *yes) {
  block_ref hold = BLOCK_REF_INIT;
  segment_item item;
  uint8_t blind[BLIND_SIZE];
  place p;
  *yes = false;
  sdx_status status = segment_item_get(seg, &v->session, ordinal, &item, &hold);
  if (status == SDX_OK) {
    place_blind(blind, s->index->id_key, item.id);
    status = place_get(v->txn, s->index->table_key, blind, &p, NULL);
    if (status == SDX_NOT_FOUND)
      status = SDX_OK;
    else if (status == SDX_OK)
      *yes = p.holder == s->row.id && p.ordinal == ordinal;
  }
  block_release(&hold);
  return status == SDX_OK && !s->index->settings.store_text ? SDX_DAMAGED : status;
}

static sdx_status take(salvaging *s, view_read *v, size_t number, uint32_t ordinal,
                       const attributes *a, sdx_error *err) {
  bool current = false;
  sdx_status status = is_current(s, v, v->view->segments[number].seg, ordinal, &current);
  if (status != SDX_OK || !current) return status;
  status = found_read(&s->found, v, number, ordinal, a, NULL);
  if (status == SDX_OK) status = item_prepare(&s->work, s->index, &s->found.item, NULL);
  if (status == SDX_OK)
    status = item_analyse(s->analyser, item_fields(&s->work), &s->work.terms, err);
  if (status == SDX_OK) status = inverter_add(s->inverter, &s->work.built, &s->work.terms, err);
  if (status == SDX_OK) status = push(s, ordinal, err);
  if (status == SDX_OK && is_full(s)) status = flush(s, err);
  return status;
}

static sdx_status read_items(salvaging *s, view_read *v, size_t number, sdx_error *err) {
  const uint32_t items = segment_about(v->view->segments[number].seg)->items;
  const attributes *a = NULL;
  sdx_status status = view_attributes(v, number, &a, NULL);
  s->without_attributes = status != SDX_OK;
  status = SDX_OK;
  for (uint32_t i = 0; i < items && status == SDX_OK; i++) {
    v->session.err = NULL;
    status = take(s, v, number, i, s->without_attributes ? NULL : a, err);
    if (status == SDX_DAMAGED || status == SDX_INVALID || status == SDX_NOT_FOUND) status = SDX_OK;
    v->session.status = SDX_OK;
  }
  return status == SDX_OK && s->count > 0 ? flush(s, err) : status;
}

static sdx_status read_segment(salvaging *s, sdx_error *err) {
  view_read v;
  sdx_status status = view_begin_at(&v, s->index, 0, s->r->now, err);
  if (status != SDX_OK) return status;
  for (size_t i = 0; i < v.view->segment_count; i++)
    if (v.view->segments[i].holder == s->row.id) {
      status = read_items(s, &v, i, err);
      break;
    }
  view_end(&v);
  return status;
}

/* ------------------------------------------------------------------ publishing */

static sdx_status move_due(salvaging *s, write_txn *w, const place *p, holder_id to,
                           uint32_t ordinal, sdx_error *err) {
  due_row row;
  if (p->due == 0) return SDX_OK;
  sdx_status status =
      due_get(w->store, w->index->row_key, p->due, s->row.id, p->ordinal, &row, err);
  if (status != SDX_OK) return status == SDX_NOT_FOUND ? SDX_OK : status;
  status = due_delete(w->store, p->due, s->row.id, p->ordinal, err);
  row.holder = to;
  row.ordinal = ordinal;
  w->due_changed = true;
  return status == SDX_OK ? due_put(w->store, w->index->row_key, &row, err) : status;
}

static sdx_status move_item(salvaging *s, write_txn *w, const part *to_part, const saved *item,
                            sdx_error *err) {
  const holder_id to = to_part->build.id;
  place p;
  sdx_status status = place_get(w->store, s->index->table_key, item->blind, &p, err);
  const bool there = status == SDX_OK && p.holder == s->row.id && p.ordinal == item->from;
  if (status != SDX_OK && status != SDX_NOT_FOUND) return status;
  if (!there) /* it was replaced, or purged, meanwhile */
    return upsert_supersede(w, item->blind, to, item->to,
                            status == SDX_OK ? upsert_due(s->index, w->now) : w->now, err);
  s->moved++;
  status = move_due(s, w, &p, to, item->to, err);
  p.holder = to;
  p.ordinal = item->to;
  if (s->without_attributes) p.attributes = 0; /* whoever adds it again says them */
  if (status != SDX_OK) return status;
  return place_put(w->store, s->index->table_key, &w->pool, item->blind, &p, false, err);
}

/* Rows of what could not be read: tombstones stay until they are due, all others go. */
static sdx_status leave_rows(salvaging *s, write_txn *w, sdx_error *err) {
  due_set *due = NULL;
  size_t count = 0;
  sdx_status status = due_set_load(&due, w->store, NULL, NULL, err);
  const due_row *rows = status == SDX_OK ? due_set_of(due, s->row.id, &count) : NULL;
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    if (rows[i].reason == DUE_DELETED ||
        (rows[i].reason == DUE_EXPIRES && due_dead(&rows[i], w->now))) {
      s->hidden++;
      continue;
    }
    if (rows[i].reason == DUE_SUPERSEDED) s->superseded++;
    w->due_changed = true;
    status = due_delete(w->store, rows[i].due, rows[i].holder, rows[i].ordinal, err);
  }
  due_set_release(due);
  return status;
}

static sdx_status give_up(salvaging *s, write_txn *w, sdx_error *err) {
  const uint64_t known = s->moved + s->hidden + s->superseded;
  const uint64_t lost = s->row.items > known ? s->row.items - known : 0;
  const holder_row row = { .kind = HOLDER_LOST,
                           .id = s->row.id,
                           .items = (uint32_t)lost,
                           .time = w->now,
                           .was = KEYRING_SEGMENT };
  sdx_status status = lost > 0 ? holder_put(w->store, NULL, &row, err) : SDX_OK;
  if (status == SDX_OK) status = holder_delete(w->store, HOLDER_SEGMENT, s->row.id, err);
  s->r->report->salvaged += s->moved;
  s->r->report->unreadable += lost + s->hidden;
  if (status != SDX_OK) return status;
  return write_retire(w, KEYRING_SEGMENT, s->row.id, KEYRING_MERGED, s->row.items, err);
}

static sdx_status publish(salvaging *s, sdx_error *err) {
  write_txn w;
  sdx_status status = write_begin(&w, s->index, s->r->now, false, err);
  if (status != SDX_OK) return status;
  for (size_t i = 0; i < s->part_count && status == SDX_OK; i++) {
    const part *p = s->parts[i];
    for (size_t k = 0; k < p->count && status == SDX_OK; k++)
      status = move_item(s, &w, p, &p->items[k], err);
    if (status == SDX_OK) status = build_publish(&s->parts[i]->build, &w, &p->info, err);
  }
  if (status == SDX_OK) status = leave_rows(s, &w, err);
  if (status == SDX_OK) status = give_up(s, &w, err);
  if (status == SDX_OK) return write_commit(&w, err);
  write_abort(&w);
  return status;
}

/* ------------------------------------------------------------------ the whole */

static sdx_status salvage_segment(reindexing *r, holder_id id, sdx_error *err) {
  salvaging s = { .r = r, .index = r->index };
  store_txn *t = NULL;
  sdx_status status = store_read_begin(r->index->store, &t, err);
  if (status != SDX_OK) return status;
  status = holder_get(t, NULL, HOLDER_SEGMENT, id, &s.row, err);
  store_read_end(t);
  if (status == SDX_NOT_FOUND) return SDX_OK; /* a merge dropped it meanwhile */
  if (status == SDX_OK) status = text_analyser_open(&s.analyser, r->index->settings.languages, err);
  if (status == SDX_OK) status = inverter_new(&s.inverter, s.analyser, err);
  if (status == SDX_OK) status = read_segment(&s, err);
  if (status == SDX_OK) status = publish(&s, err);
  salvaging_free(&s);
  return status == SDX_OK ? write_settle(r->index, r->now, err) : status;
}

sdx_status salvage_run(reindexing *r, damage *d, sdx_error *err) {
  sdx_status status = SDX_OK;
  if (d->count == 0) return SDX_OK;
  status = index_maintenance_begin(r->index, true, err);
  if (status != SDX_OK) return status;
  for (size_t i = 0; i < d->count && status == SDX_OK; i++)
    status = salvage_segment(r, d->segments[i], err);
  if (status == SDX_OK) status = lost_recount(r->index, r->now, err);
  index_maintenance_end(r->index);
  if (status == SDX_OK) damage_free(d);
  return status;
}
