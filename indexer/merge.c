/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/wipe.h"
#include "index/build.h"
#include "index/fresh.h"
#include "index/recent.h"
#include "indexer/trash.h"
#include "indexer/upsert.h"
#include "segment/builder.h"

#define CACHE_BYTES (4U << 20)
#define RELEASE_BLOCKS 256 /* the kernel maps what is around each that is read, too: 64 KiB */
#define TRIES 8 /* of a merge while others restore what is due */
#define TRASH_FLUSH_BYTES (4U << 20) /* of records in one small transaction */

typedef struct input {
  holder_row row;
  opened_segment *seg;
  attributes *attributes;
  segment_session session;
  roaring_bitmap_t *dropped; /* all that does not go on ... */
  roaring_bitmap_t *trashed; /* ... and what of it goes to the trash */
  uint32_t *ordinals;        /* new ones; SEGMENT_END: dropped */
  merge_place *successors;   /* borrowed; NULL: none */
} input;

/* An item that goes on in the new segment. */
typedef struct moved_item {
  uint8_t blind[BLIND_SIZE];
  uint32_t input, from, to;
} moved_item;

/* A deleted item that goes to the trash. */
typedef struct trashed_item {
  due_row tombstone; /* where it stood */
  holder_id bucket;
  uint32_t sequence;
  uint8_t *record;   /* encoded, until it is written */
  size_t size;
} trashed_item;

typedef struct merging {
  sdx_index *index;
  merge_successors *successors; /* NULL: none */
  int64_t now;
  store_txn *txn;      /* the present snapshot */
  block_cache *cache;
  input *inputs;
  size_t count;
  due_set *due;
  recent *recent;      /* which versions have changes that no fold has carried out */
  trashed_item *trashed;
  size_t trashed_count, written;
  size_t waiting_bytes; /* of records that are not written yet */
  trash_plan plan;
  bool planned;
  moved_item *moved;
  size_t moved_count;
  segment_build build;
  segment_info info;
  maintain_tally tally;
} merging;

/* ------------------------------------------------------------------ the snapshot */

static const block_memory cache_memory = { .alloc = opened_alloc, .free = opened_free };

static void set_snapshot(merging *m, store_txn *t) {
  m->txn = t;
  for (size_t i = 0; i < m->count; i++) m->inputs[i].session.context = t;
}

/* Segments do not change and nobody may retire them while we hold the maintenance lock: so a later
 * snapshot will do as well, and pins fewer pages. */
static void renew_snapshot(void *context) {
  merging *m = context;
  store_txn *t = NULL;
  if (store_read_begin(m->index->store, &t, NULL) != SDX_OK) return;
  store_read_end(m->txn);
  set_snapshot(m, t);
}

static sdx_status open_input(merging *m, input *in, holder_id id, sdx_error *err) {
  sdx_status status =
      holder_get(m->txn, m->index->row_key, HOLDER_SEGMENT, id, &in->row, err);
  if (status == SDX_OK)
    status = opened_segment_new(&in->seg, m->index, m->cache, m->txn, &in->row, err);
  if (status == SDX_OK)
    status = opened_attributes_load(&in->attributes, &in->seg->blocks, m->txn, &in->row, err);
  if (status == SDX_NOT_FOUND)
    return error_set(err, SDX_DAMAGED, "segment %016llx: its key is missing", (unsigned long long)id);
  if (status != SDX_OK) return status;
  in->seg->release_every = (unsigned)(RELEASE_BLOCKS / m->count) + 1;
  in->session = (segment_session){ .context = m->txn, .err = err };
  in->dropped = roaring_bitmap_create();
  in->trashed = roaring_bitmap_create();
  in->ordinals = plain_array(in->row.items + 1, sizeof *in->ordinals);
  return in->dropped == NULL || in->trashed == NULL || in->ordinals == NULL ? error_memory(err) : SDX_OK;
}

static bool has_pending_change(const recent *journal, const uint8_t blind[BLIND_SIZE]) {
  for (size_t i = 0; i < journal->change_count; i++)
    if (memcmp(journal->changes[i]->blind, blind, BLIND_SIZE) == 0) return true;
  return false;
}

/* Replaced, or due: nobody gets it back. */
static bool is_gone(const due_row *row, int64_t now) {
  return row->reason == DUE_SUPERSEDED || row->due <= now;
}

bool merge_leaves_out(const due_row *row, const recent *journal, int64_t now) {
  if (!due_dead(row, now)) return false;
  return is_gone(row, now) ||
         (row->due != DUE_UNSEEN && !has_pending_change(journal, row->blind));
}

/* What of an input does not go on. */
static sdx_status sort_out(merging *m, input *in, sdx_error *err) {
  size_t count;
  const due_row *rows = due_set_of(m->due, in->row.id, &count);
  for (size_t i = 0; i < count; i++) {
    const due_row *row = &rows[i];
    if (row->ordinal >= in->row.items || !due_dead(row, m->now)) continue;
    if (in->successors != NULL) in->successors[row->ordinal].holder = 0;
    if (!merge_leaves_out(row, m->recent, m->now)) continue;
    roaring_bitmap_add(in->dropped, row->ordinal);
    if (is_gone(row, m->now)) {
      m->tally.purged++;
      continue;
    }
    trashed_item *grown = plain_resize(m->trashed, (m->trashed_count + 1) * sizeof *grown);
    if (grown == NULL) return error_memory(err);
    m->trashed = grown;
    m->trashed[m->trashed_count++] = (trashed_item){ .tombstone = *row };
    roaring_bitmap_add(in->trashed, row->ordinal);
  }
  for (uint32_t k = 0; in->successors != NULL && k < in->row.items; k++)
    if (in->successors[k].holder != 0) roaring_bitmap_add(in->dropped, k);
  return SDX_OK;
}

static sdx_status open_inputs(merging *m, const holder_id *ids, sdx_error *err) {
  sdx_status status = store_read_begin(m->index->store, &m->txn, err);
  if (status == SDX_OK) status = block_cache_new(&m->cache, CACHE_BYTES, &cache_memory, err);
  if (status == SDX_OK) status = due_set_load(&m->due, m->txn, m->index->row_key, NULL, err);
  if (status == SDX_OK) status = recent_load(&m->recent, m->index, m->txn, NULL, 0, err);
  for (size_t i = 0; i < m->count && status == SDX_OK; i++) {
    status = open_input(m, &m->inputs[i], ids[i], err);
    if (status == SDX_OK && m->successors != NULL)
      m->inputs[i].successors = m->successors->of(m->successors->context, ids[i]);
    if (status == SDX_OK) status = sort_out(m, &m->inputs[i], err);
  }
  return status;
}

/* ------------------------------------------------------------------ the trash */

static sdx_status write_trash(merging *m, sdx_error *err) {
  write_txn w;
  sdx_status status = write_begin(&w, m->index, m->now, false, err);
  if (status != SDX_OK) return status;
  w.visible = false;
  if (!m->planned) {
    int64_t *dues = plain_array(m->trashed_count, sizeof *dues);
    if (dues == NULL) status = error_memory(err);
    for (size_t i = 0; i < m->trashed_count && dues != NULL; i++) dues[i] = m->trashed[i].tombstone.due;
    if (status == SDX_OK) status = trash_plan_make(&m->plan, &w, dues, m->trashed_count, err);
    plain_free(dues);
    m->planned = status == SDX_OK;
  } else {
    status = trash_plan_reload(&m->plan, &w, err);
  }
  for (size_t i = 0; i < m->trashed_count && status == SDX_OK; i++) {
    trashed_item *item = &m->trashed[i];
    if (item->record == NULL) continue;
    journal_record r = { .type = JOURNAL_ITEM, .time = item->tombstone.since,
                         .body = { (const char *)item->record, item->size } };
    memcpy(r.blind, item->tombstone.blind, BLIND_SIZE);
    status = trash_put(&m->plan, &w, &r, item->tombstone.due, &item->bucket, &item->sequence, err);
    wipe(item->record, item->size);
    plain_free(item->record);
    item->record = NULL;
  }
  if (status == SDX_OK) status = trash_plan_store(&m->plan, &w, err);
  m->waiting_bytes = 0;
  if (status == SDX_OK) return write_commit(&w, err);
  write_abort(&w);
  return status;
}

typedef struct taking {
  merging *m;
  input *in;
} taking;

static int by_old_place(const void *a, const void *b) {
  const due_row *x = &((const trashed_item *)a)->tombstone, *y = &((const trashed_item *)b)->tombstone;
  if (x->holder != y->holder) return x->holder < y->holder ? -1 : 1;
  return x->ordinal < y->ordinal ? -1 : x->ordinal > y->ordinal;
}

static trashed_item *find_trashed(merging *m, holder_id holder, uint32_t ordinal) {
  const trashed_item wanted = { .tombstone = { .holder = holder, .ordinal = ordinal } };
  return bsearch(&wanted, m->trashed, m->trashed_count, sizeof wanted, by_old_place);
}

static sdx_status take_record(void *context, uint32_t ordinal, const record *r, sdx_error *err) {
  taking *t = context;
  merging *m = t->m;
  buffer encoded = BUFFER_INIT;
  trashed_item *item = find_trashed(m, t->in->row.id, ordinal);
  if (item == NULL) return error_set(err, SDX_DAMAGED, "an item was taken that nobody asked for");
  record_encode(&encoded, r);
  item->record = encoded.failed ? NULL : plain_alloc(encoded.size + 1);
  if (item->record != NULL) memcpy(item->record, encoded.data, encoded.size);
  item->size = encoded.size;
  buffer_free(&encoded);
  if (item->record == NULL) return error_memory(err);
  m->waiting_bytes += item->size;
  if (m->waiting_bytes < TRASH_FLUSH_BYTES) return SDX_OK;
  const sdx_status status = write_trash(m, err);
  if (status == SDX_OK) renew_snapshot(m);
  return status;
}

static sdx_status move_to_trash(merging *m, sdx_error *err) {
  sdx_status status = SDX_OK;
  if (m->trashed_count == 0) return SDX_OK;
  qsort(m->trashed, m->trashed_count, sizeof *m->trashed, by_old_place);
  for (size_t i = 0; i < m->count && status == SDX_OK; i++) {
    input *in = &m->inputs[i];
    taking t = { m, in };
    if (roaring_bitmap_is_empty(in->trashed)) continue;
    status = segment_take(in->seg->seg, &in->session, in->attributes, in->trashed, take_record, &t, err);
  }
  if (status == SDX_OK && m->waiting_bytes > 0) status = write_trash(m, err);
  if (status == SDX_OK) renew_snapshot(m);
  return status;
}

/* ------------------------------------------------------------------ the new segment */

/* One segment of which everything goes on, in the format that would be written: only its key is to change. */
static bool is_whole(const merging *m) {
  return m->count == 1 && m->inputs[0].row.format == SEGMENT_FORMAT &&
         roaring_bitmap_is_empty(m->inputs[0].dropped);
}

static sdx_status copy_segment(merging *m, sdx_error *err) {
  input *in = &m->inputs[0];
  sdx_status status = build_begin(&m->build, m->index, m->now, NULL, err);
  if (status != SDX_OK) return status;
  m->build.between = renew_snapshot;
  m->build.context = m;
  const block_sink sink = build_sink(&m->build);
  status = segment_copy(in->seg->seg, &in->session, m->build.id, &sink, &m->info, err);
  if (status == SDX_OK) status = build_finish(&m->build, in->attributes, err);
  for (uint32_t i = 0; i < in->row.items; i++) in->ordinals[i] = i;
  return status;
}

static sdx_status build_segment(merging *m, sdx_error *err) {
  uint64_t left = 0;
  for (size_t i = 0; i < m->count; i++)
    left += m->inputs[i].row.items - roaring_bitmap_get_cardinality(m->inputs[i].dropped);
  if (left == 0) {
    for (size_t i = 0; i < m->count; i++)
      for (uint32_t k = 0; k < m->inputs[i].row.items; k++) m->inputs[i].ordinals[k] = SEGMENT_END;
    return SDX_OK;
  }
  if (is_whole(m)) return copy_segment(m, err);
  merge_input *inputs = plain_array(m->count, sizeof *inputs);
  attributes *a = NULL;
  sdx_status status = inputs == NULL ? error_memory(err)
                                     : build_begin(&m->build, m->index, m->now, NULL, err);
  if (status == SDX_OK) {
    m->build.between = renew_snapshot;
    m->build.context = m;
    for (size_t i = 0; i < m->count; i++)
      inputs[i] = (merge_input){ m->inputs[i].seg->seg, &m->inputs[i].session,
                                 m->inputs[i].attributes, m->inputs[i].dropped,
                                 m->inputs[i].ordinals };
    const block_sink sink = build_sink(&m->build);
    status = segment_merge(inputs, m->count, m->build.id, &sink, &a, &m->info, NULL, NULL, err);
  }
  if (status == SDX_OK) status = build_finish(&m->build, a, err);
  attributes_free(a);
  plain_free(inputs);
  return status;
}

static int by_blind(const void *a, const void *b) {
  return memcmp(((const moved_item *)a)->blind, ((const moved_item *)b)->blind, BLIND_SIZE);
}

/* The blind ids of all that goes on, in the order of the table that names their places. */
static sdx_status list_moved(merging *m, sdx_error *err) {
  size_t room = 1;
  for (size_t i = 0; i < m->count; i++) room += m->inputs[i].row.items;
  m->moved = plain_array(room, sizeof *m->moved);
  if (m->moved == NULL) return error_memory(err);
  sdx_status status = SDX_OK;
  for (uint32_t i = 0; i < m->count && status == SDX_OK; i++) {
    input *in = &m->inputs[i];
    block_ref hold = BLOCK_REF_INIT;
    for (uint32_t k = 0; k < in->row.items && status == SDX_OK; k++) {
      segment_item item;
      if (in->ordinals[k] == SEGMENT_END) continue;
      status = segment_item_get(in->seg->seg, &in->session, k, &item, &hold);
      if (status != SDX_OK) break;
      moved_item *moved = &m->moved[m->moved_count++];
      *moved = (moved_item){ .input = i, .from = k, .to = in->ordinals[k] };
      place_blind(moved->blind, m->index->id_key, item.id);
    }
    block_release(&hold);
    store_release_map(m->index->store);
  }
  if (m->moved_count > 1) qsort(m->moved, m->moved_count, sizeof *m->moved, by_blind);
  return status;
}

/* ------------------------------------------------------------------ publication */

/* The tombstones and expiries of one input, as they are now. */
static sdx_status move_due_rows(merging *m, write_txn *w, const due_set *due, const input *in,
                                sdx_error *err) {
  size_t count;
  const due_row *rows = due_set_of(due, in->row.id, &count);
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    due_row row = rows[i];
    const bool there = row.ordinal < in->row.items;
    const uint32_t to = there ? in->ordinals[row.ordinal] : SEGMENT_END;
    const merge_place *next = there && in->successors != NULL ? &in->successors[row.ordinal] : NULL;
    w->due_changed = true;
    status = due_delete(w->store, row.due, row.holder, row.ordinal, err);
    if (status != SDX_OK) break;
    if (to != SEGMENT_END) {
      row.holder = m->build.id;
      row.ordinal = to;
      status = due_put(w->store, m->index->row_key, &row, err);
    } else if (next != NULL && next->holder != 0) {
      row.holder = next->holder;
      row.ordinal = next->ordinal;
      status = due_put(w->store, m->index->row_key, &row, err);
    } else if (row.reason != DUE_SUPERSEDED && row.due <= m->now) {
      status = place_delete(w->store, row.blind, err); /* purged */
      if (status == SDX_OK && m->successors == NULL) status = fresh_forget(w, row.blind, err);
    }
  }
  return status;
}

#define RELEASE_PLACES 4096 /* in order of blind ids, so that they pass through all of the table */

static sdx_status move_places(merging *m, write_txn *w, sdx_error *err) {
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < m->moved_count && status == SDX_OK; i++) {
    const moved_item *item = &m->moved[i];
    place p;
    if (i % RELEASE_PLACES == RELEASE_PLACES - 1) store_release_map(m->index->store);
    status = place_get(w->store, m->index->table_key, item->blind, &p, err);
    if (status == SDX_NOT_FOUND) status = SDX_OK;
    else if (status == SDX_OK && p.holder == m->inputs[item->input].row.id && p.ordinal == item->from) {
      p.holder = m->build.id;
      p.ordinal = item->to;
      status = place_put(w->store, m->index->table_key, &w->pool, item->blind, &p, false, err);
    }
  }
  return status;
}

/* The item is in its bucket. Deleted still: that is its place now. Restored meanwhile: it comes back
 * at once. Followed by another version: the record there is of no use. */
static sdx_status settle_trashed(merging *m, write_txn *w, const trashed_item *item, sdx_error *err) {
  const uint8_t *blind = item->tombstone.blind;
  place p;
  sdx_status status = place_get(w->store, m->index->table_key, blind, &p, err);
  if (status != SDX_OK && status != SDX_NOT_FOUND) return status;
  if (status == SDX_NOT_FOUND || p.holder != item->tombstone.holder ||
      p.ordinal != item->tombstone.ordinal)
    return journal_delete(w->store, item->bucket, item->sequence, err);
  const bool dead = place_dead(&p, m->now);
  p.holder = item->bucket;
  p.ordinal = item->sequence;
  if (!dead) {
    const int64_t expires = p.expires;
    status = trash_take_back(w, blind, &p, err);
    if (status == SDX_OK) status = upsert_expiry(w, blind, &p, expires, err);
  } else {
    due_row row = item->tombstone;
    row.due = p.due; /* it may have been restored and deleted again */
    row.since = place_died(&p);
    row.reason = DUE_DELETED;
    row.holder = item->bucket;
    row.ordinal = item->sequence;
    p.changed = row.since;
    p.state = PLACE_DELETED;
    status = due_put(w->store, m->index->row_key, &row, err);
  }
  if (status != SDX_OK) return status;
  return place_put(w->store, m->index->table_key, &w->pool, blind, &p, false, err);
}

/* True where something was left out as due that is not any more: somebody restored it meanwhile,
 * whose clock is behind ours. */
static sdx_status was_restored(const merging *m, const due_set *due, const input *in, bool *yes,
                               sdx_error *err) {
  size_t count;
  roaring_bitmap_t *gone = roaring_bitmap_create();
  if (gone == NULL) return error_memory(err);
  const due_row *rows = due_set_of(due, in->row.id, &count);
  for (size_t i = 0; i < count; i++)
    if (due_dead(&rows[i], m->now) && is_gone(&rows[i], m->now))
      roaring_bitmap_add(gone, rows[i].ordinal);
  rows = due_set_of(m->due, in->row.id, &count);
  for (size_t i = 0; i < count && !*yes; i++)
    *yes = rows[i].ordinal < in->row.items && due_dead(&rows[i], m->now) &&
           is_gone(&rows[i], m->now) && !roaring_bitmap_contains(gone, rows[i].ordinal);
  roaring_bitmap_free(gone);
  return SDX_OK;
}

/* `again`: nothing was published, the merge has to begin anew. */
static sdx_status publish(merging *m, bool *again, sdx_error *err) {
  write_txn w;
  due_set *due = NULL;
  *again = false;
  sdx_status status = write_begin(&w, m->index, m->now, false, err);
  if (status != SDX_OK) return status;
  status = due_set_load(&due, w.store, m->index->row_key, m->due, err);
  for (size_t i = 0; i < m->count && status == SDX_OK; i++)
    status = was_restored(m, due, &m->inputs[i], again, err);
  if (status == SDX_OK && *again) {
    due_set_release(due);
    write_abort(&w);
    return SDX_OK;
  }
  for (size_t i = 0; i < m->count && status == SDX_OK; i++)
    status = move_due_rows(m, &w, due, &m->inputs[i], err);
  if (status == SDX_OK) status = move_places(m, &w, err);
  for (size_t i = 0; i < m->trashed_count && status == SDX_OK; i++)
    status = settle_trashed(m, &w, &m->trashed[i], err);
  if (status == SDX_OK && m->moved_count > 0) status = build_publish(&m->build, &w, &m->info, err);
  if (status == SDX_OK && m->successors != NULL)
    status = m->successors->publish(m->successors->context, &w, err);
  for (size_t i = 0; i < m->count && status == SDX_OK; i++) {
    const holder_row *row = &m->inputs[i].row;
    status = holder_delete(w.store, HOLDER_SEGMENT, row->id, err);
    if (status == SDX_OK)
      status = write_retire(&w, KEYRING_SEGMENT, row->id, KEYRING_MERGED, row->items, err);
  }
  due_set_release(due);
  if (status == SDX_OK) return write_commit(&w, err);
  write_abort(&w);
  return status;
}

/* ------------------------------------------------------------------ the whole */

static void merging_free(merging *m) {
  build_end(&m->build);
  for (size_t i = 0; i < m->count; i++) {
    input *in = &m->inputs[i];
    opened_segment_release(in->seg);
    attributes_free(in->attributes);
    if (in->dropped != NULL) roaring_bitmap_free(in->dropped);
    if (in->trashed != NULL) roaring_bitmap_free(in->trashed);
    plain_free(in->ordinals);
  }
  for (size_t i = 0; i < m->trashed_count; i++) {
    if (m->trashed[i].record == NULL) continue;
    wipe(m->trashed[i].record, m->trashed[i].size);
    plain_free(m->trashed[i].record);
  }
  if (m->txn != NULL) store_read_end(m->txn);
  trash_plan_free(&m->plan);
  due_set_release(m->due);
  recent_release(m->recent);
  block_cache_free(m->cache);
  plain_free(m->trashed);
  plain_free(m->moved);
  plain_free(m->inputs);
}

static sdx_status merge_once(sdx_index *index, const holder_id *ids, size_t count,
                             merge_successors *successors, int64_t now, maintain_tally *tally,
                             bool *again, sdx_error *err) {
  merging m = { .index = index, .successors = successors, .now = now, .count = count,
                .inputs = plain_array(count + 1, sizeof *m.inputs), .build.lock = -1 };
  if (m.inputs == NULL) return error_memory(err);
  sdx_status status = open_inputs(&m, ids, err);
  if (status == SDX_OK) status = move_to_trash(&m, err);
  if (status == SDX_OK) status = build_segment(&m, err);
  if (status == SDX_OK) status = list_moved(&m, err);
  if (status == SDX_OK) {
    /* The snapshot must not outlive its use: the publication reads through its own transaction. */
    store_read_end(m.txn);
    m.txn = NULL;
    status = publish(&m, again, err);
  }
  if (status == SDX_OK && !*again) {
    atomic_fetch_add(&index->count_merges, 1);
    tally->purged += m.tally.purged;
    tally->keys += count;
    if (successors != NULL) successors->carried = m.moved_count;
  }
  merging_free(&m);
  return status == SDX_OK ? write_settle(index, now, err) : status;
}

sdx_status merge_run(sdx_index *index, const holder_id *ids, size_t count, int64_t now,
                     maintain_tally *tally, sdx_error *err) {
  return merge_replace(index, ids, count, NULL, now, tally, err);
}

sdx_status merge_replace(sdx_index *index, const holder_id *ids, size_t count,
                         merge_successors *successors, int64_t now, maintain_tally *tally,
                         sdx_error *err) {
  bool again = true;
  sdx_status status = SDX_OK;
  for (int i = 0; i < TRIES && again && status == SDX_OK; i++)
    status = merge_once(index, ids, count, successors, now, tally, &again, err);
  if (status == SDX_OK && again)
    return error_set(err, SDX_LOCKED, "others restore what is due faster than it can be merged");
  return status;
}
