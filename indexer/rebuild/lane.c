/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/rebuild/lane.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/plain.h"
#include "indexer/rebuild/ahead.h"
#include "indexer/rebuild/compare.h"
#include "segment/builder.h"

static int64_t seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec;
}

sdx_status lane_open(lane *l, rebuild *b, const source_share *share, size_t memory,
                     sdx_error *err) {
  *l = (lane){ .b = b, .memory = memory, .flushed = seconds() };
  sdx_status status = source_share_open(&l->source, b->r->source, share, err);
  if (status == SDX_OK)
    status = text_analyser_open(&l->analyser, b->r->index->settings.languages, err);
  return status == SDX_OK ? inverter_new(&l->inverter, l->analyser, err) : status;
}

void lane_close(lane *l) {
  inverter_free(l->inverter);
  text_analyser_close(l->analyser);
  item_work_free(&l->work);
  sdx_source_close(l->source);
  plain_free(l->entries);
  *l = (lane){ 0 };
}

/* ------------------------------------------------------------------ writing */

static sdx_status note_own(rebuild *b, holder_id id, sdx_error *err) {
  pthread_mutex_lock(&b->lock);
  if (b->own_count == b->own_capacity) {
    const size_t wider = b->own_capacity != 0 ? b->own_capacity * 2 : 64;
    holder_id *grown = plain_resize(b->own, wider * sizeof *grown);
    if (grown != NULL) {
      b->own = grown;
      b->own_capacity = wider;
    }
  }
  const bool room = b->own_count < b->own_capacity;
  if (room) b->own[b->own_count++] = id;
  pthread_mutex_unlock(&b->lock);
  return room ? SDX_OK : error_memory(err);
}

static sdx_status flush(lane *l, sdx_error *err) {
  const size_t items = inverter_count(l->inverter);
  segment_build build = { .lock = -1 };
  segment_info info;
  attributes *a = NULL;
  l->flushed = seconds();
  if (items == 0) return SDX_OK;
  uint32_t *ordinals = plain_array(items, sizeof *ordinals);
  if (ordinals == NULL) return error_memory(err);
  sdx_status status = build_begin(&build, l->b->r->index, l->b->r->now, NULL, err);
  if (status == SDX_OK) {
    const block_sink sink = build_sink(&build);
    status = inverter_write(l->inverter, build.id, &sink, &a, ordinals, &info, err);
  }
  if (status == SDX_OK) status = build_finish(&build, a, err);
  for (size_t i = 0; i < l->count && status == SDX_OK; i++) l->entries[i].ordinal = ordinals[i];
  if (status == SDX_OK) status = note_own(l->b, build.id, err);
  if (status == SDX_OK) status = fresh_keep(&build, &info, l->entries, l->count, err);
  build_end(&build);
  attributes_free(a);
  plain_free(ordinals);
  l->count = 0;
  text_vocabulary_reset(l->analyser);
  l->flushed = seconds();
  return status;
}

static bool is_full(const lane *l) {
  const size_t inverted = inverter_bytes(l->inverter);
  if (inverted + text_vocabulary_bytes(l->analyser) >= l->memory && inverted >= l->memory / 4)
    return true;
  return seconds() - l->flushed >= LANE_SECONDS;
}

/* ------------------------------------------------------------------ taking */

/* True where no lane has taken the item. */
static sdx_status claim(lane *l, bool *first, sdx_error *err) {
  rebuild *b = l->b;
  pthread_mutex_lock(&b->lock);
  *first = !seen_set_has(&b->seen, l->work.blind);
  const bool room = !*first || seen_set_add(&b->seen, l->work.blind);
  pthread_mutex_unlock(&b->lock);
  return room ? SDX_OK : error_memory(err);
}

/* What stands in the index under the item's id; `wanted` false where it stays as it is there. A
 * version that came after the walk began may be newer than what the walk has read: it is as one
 * that comes later (*seen 0), and goes on. */
static sdx_status look(lane *l, uint64_t *seen, bool *wanted, sdx_finding *what, sdx_error *err) {
  sdx_index *index = l->b->r->index;
  store_txn *t = NULL;
  place p;
  *wanted = true;
  *seen = 0;
  *what = SDX_FINDING_MISSING;
  sdx_status status = store_read_begin(index->store, &t, err);
  if (status != SDX_OK) return status;
  status = place_get(t, index->table_key, l->work.blind, &p, NULL);
  const bool known = status == SDX_OK;
  if (known) status = holder_published(t, p.holder, NULL, err);
  store_read_end(t);
  if (!known) return status == SDX_NOT_FOUND || status == SDX_DAMAGED ? SDX_OK : status;
  if (status != SDX_OK) return status == SDX_NOT_FOUND ? SDX_OK : status;
  const bool dead = place_dead(&p, l->b->r->now);
  if (dead && p.due <= l->b->r->now) return SDX_OK;
  *what = dead ? SDX_FINDING_HIDDEN : p.content != l->work.content ? SDX_FINDING_STALE : 0;
  if (dead)
    *wanted = false;
  else
    *seen = p.version <= l->b->since ? p.version : 0;
  return SDX_OK;
}

static sdx_status push(lane *l, uint64_t seen, sdx_error *err) {
  if (l->count == l->capacity) {
    const size_t wider = l->capacity != 0 ? l->capacity * 2 : 1024;
    fresh_entry *grown = plain_resize(l->entries, wider * sizeof *grown);
    if (grown == NULL) return error_memory(err);
    l->entries = grown;
    l->capacity = wider;
  }
  fresh_entry *e = &l->entries[l->count++];
  *e = (fresh_entry){ .seen = seen,
                      .content = l->work.content,
                      .attributes = l->work.attributes,
                      .expires = l->work.built.expires,
                      .origin = l->unit };
  memcpy(e->blind, l->work.blind, BLIND_SIZE);
  return SDX_OK;
}

static void count(lane *l, sdx_finding what) {
  rebuild *b = l->b;
  sdx_reindex_report *report = b->r->report;
  pthread_mutex_lock(&b->lock);
  report->items++;
  if (what == SDX_FINDING_HIDDEN)
    report->hidden++;
  else if (what == SDX_FINDING_MISSING)
    report->missing++;
  else if (what == SDX_FINDING_STALE)
    report->stale++;
  else
    report->synced++;
  pthread_mutex_unlock(&b->lock);
}

static sdx_status take_item(lane *l, const sdx_entry *e, sdx_error *err) {
  bool first = true, wanted = true;
  uint64_t seen = 0;
  sdx_finding what = 0;
  sdx_status status = item_prepare(&l->work, l->b->r->index, e->item, err);
  if (status == SDX_OK) status = claim(l, &first, err);
  if (status != SDX_OK) return status;
  if (!first) {
    rebuild_tell(l->b, SDX_FINDING_DUPLICATE, e->id, "its id was met before in this run");
    return SDX_OK;
  }
  status = look(l, &seen, &wanted, &what, err);
  if (status == SDX_OK && wanted && !l->b->r->options->dry_run) {
    status = item_analyse(l->analyser, item_fields(&l->work), &l->work.terms, err);
    if (status == SDX_OK) status = inverter_add(l->inverter, &l->work.built, &l->work.terms, err);
    if (status == SDX_OK) status = push(l, seen, err);
  }
  if (status != SDX_OK) return status;
  count(l, what);
  if (e->state == SDX_ENTRY_PARTIAL) rebuild_tell(l->b, SDX_FINDING_PARTIAL, e->id, e->reason);
  return SDX_OK;
}

static sdx_status take(lane *l, const sdx_entry *e, sdx_error *err) {
  sdx_error refused = { 0 };
  if (e->item == NULL) {
    rebuild_tell(l->b,
                 e->state == SDX_ENTRY_SKIPPED ? SDX_FINDING_SKIPPED
                 : e->repeated                 ? SDX_FINDING_DUPLICATE
                                               : SDX_FINDING_FAILED,
                 e->id, e->reason);
    return SDX_OK;
  }
  const sdx_status status = take_item(l, e, &refused);
  if (status == SDX_INVALID) {
    rebuild_tell(l->b, SDX_FINDING_FAILED, e->id, refused.message);
    return SDX_OK;
  }
  if (status != SDX_OK) *err = refused;
  return status;
}

static sdx_status run(lane *l) {
  ahead *entries = NULL;
  const sdx_entry *e;
  uint64_t unit;
  sdx_status status = ahead_open(&entries, l->source, &l->err);
  if (status != SDX_OK) return status;
  while ((status = ahead_next(entries, &e, &unit, &l->err)) == SDX_OK) {
    if (unit != l->unit) {
      if (is_full(l)) status = flush(l, &l->err);
      l->unit = unit;
      if (status == SDX_OK && atomic_load_explicit(&l->b->stop, memory_order_relaxed))
        status = SDX_CANCELLED;
    }
    if (status != SDX_OK) break;
    atomic_store_explicit(&l->bytes, e->bytes_done, memory_order_relaxed);
    status = take(l, e, &l->err);
    if (status != SDX_OK) break;
  }
  ahead_close(entries);
  if (status != SDX_NOT_FOUND && status != SDX_CANCELLED) return status;
  const sdx_status written = flush(l, &l->err);
  if (written != SDX_OK) return written;
  return status == SDX_NOT_FOUND ? SDX_OK : SDX_CANCELLED;
}

void *lane_run(void *context) {
  lane *l = context;
  l->status = run(l);
  if (l->status != SDX_OK) atomic_store(&l->b->stop, true); /* the others keep what they have */
  return NULL;
}
