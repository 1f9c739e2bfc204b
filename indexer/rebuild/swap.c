/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/rebuild/swap.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "index/due.h"
#include "index/fresh.h"
#include "indexer/merge.h"

#define RELEASE_ENTRIES 4096 /* the kernel maps what is around each page that is read, too */

/* A segment that goes, and where its items stand from now on. */
typedef struct old_segment {
  holder_row row;
  merge_place *to;
} old_segment;

/* A segment that comes. */
typedef struct new_segment {
  holder_row row;
  bool own; /* of this run: all of it was met */
  seal_key *key;
  sealed_blocks blocks;
  attributes *attributes; /* with what was carried over */
  roaring_bitmap_t *kept; /* ordinals whose attributes are carried over */
  fresh_walk walk;
  fresh_entry next; /* of the walk */
  bool more;
} new_segment;

typedef struct swapping {
  rebuild *b;
  sdx_index *index;
  store_txn *txn; /* of the preparation, or of the publication ... */
  write_txn *w;   /* ... which is this; else NULL */
  int64_t begun;  /* nothing was read before */
  old_segment *olds;
  size_t old_count;
  new_segment *news;
  size_t new_count;
  uint64_t changed; /* items that the source gave, and whose own version goes on */
  bool no_ids;      /* `ids` is empty: rows are appended */
  bool again;
} swapping;

/* ------------------------------------------------------------------ opening */

static sdx_status open_olds(swapping *s, sdx_error *err) {
  holder_row *rows = NULL;
  size_t count = 0;
  sdx_status status = holder_list(s->txn, s->index->row_key, HOLDER_SEGMENT, &rows, &count, err);
  s->olds = plain_array(count + 1, sizeof *s->olds);
  if (s->olds == NULL && status == SDX_OK) status = error_memory(err);
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    if (rows[i].damaged) {
      status = error_set(err, SDX_DAMAGED, "the row of a segment is damaged: salvage it first");
      break;
    }
    old_segment *o = &s->olds[s->old_count++];
    o->row = rows[i];
    o->to = plain_array((size_t)rows[i].items + 1, sizeof *o->to);
    if (o->to == NULL) status = error_memory(err);
  }
  plain_free(rows);
  return status;
}

static int by_number(const void *a, const void *b) {
  const new_segment *x = a, *y = b;
  return x->row.records < y->row.records ? -1 : x->row.records > y->row.records;
}

static sdx_status open_new(swapping *s, new_segment *n, sdx_error *err) {
  n->own = rebuild_is_own(s->b, n->row.id);
  n->kept = roaring_bitmap_create();
  if (n->kept == NULL) return error_memory(err);
  sdx_status status = index_holder_key(s->index, KEYRING_SEGMENT, n->row.id, &n->key, err);
  if (status == SDX_NOT_FOUND)
    return error_set(err, SDX_DAMAGED, "a segment of the rebuild has lost its key: start it anew");
  if (status == SDX_OK) blocks_of(&n->blocks, s->index->index_id, n->row.id, n->key);
  return status;
}

static sdx_status open_news(swapping *s, sdx_error *err) {
  holder_row *rows = NULL;
  size_t count = 0;
  const int64_t retention = s->index->settings.retention;
  sdx_status status = fresh_list(s->txn, s->index->row_key, &rows, &count, err);
  s->news = plain_array(count + 1, sizeof *s->news);
  if (s->news == NULL && status == SDX_OK) status = error_memory(err);
  s->begun = s->b->r->now;
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    const int64_t begun = rows[i].time - (retention < FRESH_KEEP ? retention : FRESH_KEEP);
    if (begun < s->begun) s->begun = begun;
    s->news[i].row = rows[i];
    s->new_count++;
    status = rows[i].damaged
                 ? error_set(err, SDX_DAMAGED, "a row of the rebuild is damaged: start it anew")
                 : open_new(s, &s->news[i], err);
  }
  plain_free(rows);
  if (status == SDX_OK) qsort(s->news, s->new_count, sizeof *s->news, by_number);
  for (size_t i = 0; i < s->new_count; i++) /* the sort moved the keys' owners */
    if (s->news[i].key != NULL)
      blocks_of(&s->news[i].blocks, s->index->index_id, s->news[i].row.id, s->news[i].key);
  return status;
}

static void swapping_free(swapping *s) {
  for (size_t i = 0; i < s->old_count; i++) plain_free(s->olds[i].to);
  for (size_t i = 0; i < s->new_count; i++) {
    new_segment *n = &s->news[i];
    seal_key_free(n->key);
    attributes_free(n->attributes);
    if (n->kept != NULL) roaring_bitmap_free(n->kept);
    fresh_walk_close(&n->walk);
  }
  plain_free(s->olds);
  plain_free(s->news);
}

static old_segment *find_old(const swapping *s, holder_id id) {
  for (size_t i = 0; i < s->old_count; i++)
    if (s->olds[i].row.id == id) return &s->olds[i];
  return NULL;
}

/* ------------------------------------------------------------------ all entries, by blind id */

static sdx_status advance(new_segment *n, sdx_error *err) {
  const sdx_status status = fresh_walk_next(&n->walk, &n->next, err);
  n->more = status == SDX_OK;
  return status == SDX_NOT_FOUND ? SDX_OK : status;
}

static sdx_status rewind_walks(swapping *s, sdx_error *err) {
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < s->new_count && status == SDX_OK; i++) {
    new_segment *n = &s->news[i];
    fresh_walk_close(&n->walk);
    status = fresh_walk_open(&n->walk, s->txn, s->index->table_key, n->row.id, err);
    if (status == SDX_OK) status = advance(n, err);
  }
  return status;
}

static bool was_met(const swapping *s, const new_segment *n) {
  return n->own || done_set_was_met(&s->b->done, n->next.origin);
}

typedef sdx_status (*swap_each)(swapping *s, new_segment *n, const fresh_entry *e, bool good,
                                sdx_error *err);

/* Calls `each` for every entry in order of blind ids. `good`: it is the last word on its item. */
static sdx_status each_entry(swapping *s, swap_each each, sdx_error *err) {
  sdx_status status = rewind_walks(s, err);
  for (unsigned met = 1; status == SDX_OK; met++) {
    if (met % RELEASE_ENTRIES == 0) store_release_map(s->index->store);
    uint8_t least[BLIND_SIZE];
    new_segment *best = NULL; /* of those at the least id: the last that was met */
    bool any = false;
    for (size_t i = 0; i < s->new_count; i++) {
      new_segment *n = &s->news[i];
      if (!n->more) continue;
      const int order = any ? memcmp(n->next.blind, least, BLIND_SIZE) : -1;
      if (order > 0) continue;
      if (order < 0) best = NULL;
      memcpy(least, n->next.blind, BLIND_SIZE);
      any = true;
      if (was_met(s, n)) best = n;
    }
    if (!any) break;
    for (size_t i = 0; i < s->new_count && status == SDX_OK; i++) {
      new_segment *n = &s->news[i];
      if (!n->more || memcmp(n->next.blind, least, BLIND_SIZE) != 0) continue;
      status = each(s, n, &n->next, n == best, err);
      if (status == SDX_OK) status = advance(n, err);
    }
  }
  return status;
}

/* ------------------------------------------------------------------ what becomes of an entry */

typedef enum fate {
  FATE_NEW,    /* nothing stands there that could go on */
  FATE_HIDDEN, /* deleted, and what was deleted is lost: this stands for it */
  FATE_KEEP,   /* the same version from now on stands here */
  FATE_CHANGE, /* a new version in its place */
  FATE_DROP    /* the index's own goes on */
} fate;

static sdx_status decide(swapping *s, const fresh_entry *e, place *p, fate *out, sdx_error *err) {
  const int64_t now = s->b->r->now;
  sdx_status status = place_get(s->txn, s->index->table_key, e->blind, p, NULL);
  if (status != SDX_OK) { /* not there; or purged since it was read */
    p->state = 0;
    *out = status == SDX_NOT_FOUND && e->seen != 0 ? FATE_DROP : FATE_NEW;
    return status == SDX_NOT_FOUND || status == SDX_DAMAGED
               ? SDX_OK
               : error_set(err, status, "an id could not be read");
  }
  const bool old = find_old(s, p->holder) != NULL;
  status = old ? SDX_OK : holder_published(s->txn, p->holder, NULL, err);
  if (status == SDX_NOT_FOUND) {
    *out = place_dead(p, now) && p->due > now ? FATE_HIDDEN : FATE_NEW;
    return SDX_OK;
  }
  if (!old || p->version != e->seen)
    *out = FATE_DROP;
  else
    *out = p->content == e->content && p->attributes == e->attributes ? FATE_KEEP : FATE_CHANGE;
  return status;
}

/* ------------------------------------------------------------------ preparing */

static sdx_status map_entry(swapping *s, new_segment *n, const fresh_entry *e, bool good,
                            sdx_error *err) {
  place p;
  fate f;
  sdx_status status = good ? decide(s, e, &p, &f, err) : SDX_OK;
  if (status != SDX_OK || !good) return status;
  old_segment *o = find_old(s, p.holder);
  if (f == FATE_DROP && o != NULL && !place_dead(&p, s->b->r->now)) s->changed++;
  if (f != FATE_KEEP && f != FATE_CHANGE) return SDX_OK;
  if (place_dead(&p, s->b->r->now) || p.ordinal >= o->row.items) return SDX_OK;
  o->to[p.ordinal] = (merge_place){ n->row.id, e->ordinal };
  if (f == FATE_KEEP) roaring_bitmap_add(n->kept, e->ordinal);
  return SDX_OK;
}

static new_segment *find_new(const swapping *s, holder_id id) {
  for (size_t i = 0; i < s->new_count; i++)
    if (s->news[i].row.id == id) return &s->news[i];
  return NULL;
}

static bool is_carried(sdx_bytes key) {
  return key.size > 0 && strchr("fgl", key.data[0]) != NULL;
}

/* Takes folders, flags and labels off what will have them from the index. */
static sdx_status strip(new_segment *n, sdx_error *err) {
  attributes *stripped = NULL;
  const roaring_bitmap_t *items;
  sdx_bytes key;
  sdx_status status = attributes_clone(&stripped, n->attributes, err);
  for (size_t i = 0; status == SDX_OK && attributes_at(n->attributes, i, &key, &items); i++) {
    if (!is_carried(key)) continue;
    roaring_bitmap_t *hit = roaring_bitmap_and(items, n->kept);
    roaring_uint32_iterator_t at;
    if (hit == NULL) status = error_memory(err);
    for (roaring_init_iterator(hit, &at); status == SDX_OK && at.has_value;
         roaring_advance_uint32_iterator(&at))
      attributes_remove(stripped, key.data, key.size, at.current_value);
    roaring_bitmap_free(hit);
  }
  attributes_free(n->attributes);
  n->attributes = stripped;
  return status;
}

static sdx_status carry_one(swapping *s, const old_segment *o, sdx_bytes key, uint32_t ordinal,
                            sdx_error *err) {
  if (ordinal >= o->row.items || o->to[ordinal].holder == 0) return SDX_OK;
  new_segment *n = find_new(s, o->to[ordinal].holder);
  if (n == NULL || !roaring_bitmap_contains(n->kept, o->to[ordinal].ordinal)) return SDX_OK;
  return attributes_add(n->attributes, key.data, key.size, o->to[ordinal].ordinal, err);
}

/* Folders, flags and labels as the old segment's sealed object has them; changes in the journal
 * name the version, and so go on by themselves. */
static sdx_status carry_attributes(swapping *s, const old_segment *o, sdx_error *err) {
  seal_key *key = NULL;
  sealed_blocks blocks;
  attributes *a = NULL;
  const roaring_bitmap_t *items;
  sdx_bytes name;
  sdx_status status = index_holder_key(s->index, KEYRING_SEGMENT, o->row.id, &key, err);
  if (status == SDX_OK) {
    blocks_of(&blocks, s->index->index_id, o->row.id, key);
    status = opened_attributes_load(&a, &blocks, s->txn, &o->row, err);
  }
  for (size_t i = 0; status == SDX_OK && attributes_at(a, i, &name, &items); i++) {
    roaring_uint32_iterator_t at;
    if (!is_carried(name)) continue;
    for (roaring_init_iterator(items, &at); status == SDX_OK && at.has_value;
         roaring_advance_uint32_iterator(&at))
      status = carry_one(s, o, name, at.current_value, err);
  }
  attributes_free(a);
  seal_key_free(key);
  return status == SDX_NOT_FOUND ? error_set(err, SDX_DAMAGED, "a segment has lost its key")
                                 : status;
}

static sdx_status prepare(swapping *s, sdx_error *err) {
  sdx_status status = store_read_begin(s->index->store, &s->txn, err);
  if (status != SDX_OK) return status;
  status = open_olds(s, err);
  if (status == SDX_OK) status = open_news(s, err);
  if (status == SDX_OK) status = each_entry(s, map_entry, err);
  for (size_t i = 0; i < s->new_count && status == SDX_OK; i++) {
    new_segment *n = &s->news[i];
    status = opened_attributes_load(&n->attributes, &n->blocks, s->txn, &n->row, err);
    if (status == SDX_OK && !roaring_bitmap_is_empty(n->kept)) status = strip(n, err);
  }
  for (size_t i = 0; i < s->old_count && status == SDX_OK; i++)
    status = carry_attributes(s, &s->olds[i], err);
  for (size_t i = 0; i < s->new_count; i++) fresh_walk_close(&s->news[i].walk);
  store_read_end(s->txn);
  s->txn = NULL;
  return status;
}

/* ------------------------------------------------------------------ publishing */

static merge_place *places_of(void *context, holder_id id) {
  const old_segment *o = find_old(context, id);
  return o != NULL ? o->to : NULL;
}

/* The fresh segment has it, and nobody may find it there. It was superseded when the rebuild began at the
 * earliest, and is gone no later than what it was read as. (What was purged since is in no fresh segment:
 * fresh.h.) Where there is no telling what it was read as, it is due at once. */
static sdx_status drop(write_txn *w, swapping *s, const new_segment *n, const fresh_entry *e,
                       const place *p, sdx_error *err) {
  int64_t due = p->state == 0 && e->seen != 0 ? w->now : upsert_due(s->index, s->begun);
  if (p->state != 0 && p->due != 0 && p->due < due) due = p->due;
  return upsert_supersede(w, e->blind, n->row.id, e->ordinal, due, err);
}

static sdx_status put(write_txn *w, const fresh_entry *e, const place *p, bool append,
                      sdx_error *err) {
  return place_put(w->store, w->index->table_key, &w->pool, e->blind, p, append, err);
}

/* The tombstone of what is lost, on what the source still has of it. */
static sdx_status hide(write_txn *w, const new_segment *n, const fresh_entry *e, place *p,
                       sdx_error *err) {
  due_row row;
  sdx_status status =
      due_get(w->store, w->index->row_key, p->due, p->holder, p->ordinal, &row, err);
  if (status == SDX_NOT_FOUND) {
    row = (due_row){ .due = p->due, .reason = DUE_DELETED, .since = place_died(p) };
    memcpy(row.blind, e->blind, BLIND_SIZE);
    status = SDX_OK;
  }
  if (status == SDX_OK) status = due_delete(w->store, p->due, p->holder, p->ordinal, err);
  w->due_changed = true;
  row.holder = p->holder = n->row.id;
  row.ordinal = p->ordinal = e->ordinal;
  p->content = e->content;
  p->attributes = e->attributes;
  if (status == SDX_OK) status = due_put(w->store, w->index->row_key, &row, err);
  return status == SDX_OK ? put(w, e, p, false, err) : status;
}

/* The successor of a version: its row in `due` has come along already. */
static sdx_status succeed(write_txn *w, const new_segment *n, const fresh_entry *e, place *p,
                          bool change, sdx_error *err) {
  sdx_status status = SDX_OK;
  p->holder = n->row.id;
  p->ordinal = e->ordinal;
  if (change) {
    p->version = w->head.generation;
    p->content = e->content;
    p->attributes = e->attributes;
  }
  if (p->state == PLACE_LIVE && (p->expires != e->expires || change))
    status = upsert_expiry(w, e->blind, p, e->expires, err);
  return status == SDX_OK ? put(w, e, p, false, err) : status;
}

static sdx_status place_entry(swapping *s, new_segment *n, const fresh_entry *e, bool good,
                              sdx_error *err) {
  write_txn *w = s->w;
  place p = { 0 };
  fate f;
  sdx_status status = decide(s, e, &p, &f, err);
  if (status != SDX_OK) return status;
  if (!good) f = FATE_DROP;
  if (f == FATE_KEEP || f == FATE_CHANGE) {
    const old_segment *o = find_old(s, p.holder);
    const merge_place *to = p.ordinal < o->row.items ? &o->to[p.ordinal] : NULL;
    if (to == NULL || to->holder != n->row.id || to->ordinal != e->ordinal)
      f = FATE_DROP;
    else if (f == FATE_CHANGE && p.state == PLACE_DELETED)
      s->again = true; /* it must come back as it was */
  }
  const upsert u = { e->blind, e->content, e->attributes, e->expires };
  switch (f) {
  case FATE_NEW:
    return upsert_place(w, &u, &p, n->row.id, e->ordinal, s->no_ids, err);
  case FATE_HIDDEN:
    return hide(w, n, e, &p, err);
  case FATE_KEEP:
    return succeed(w, n, e, &p, false, err);
  case FATE_CHANGE:
    return succeed(w, n, e, &p, true, err);
  case FATE_DROP:
    return drop(w, s, n, e, &p, err);
  }
  return SDX_OK;
}

static sdx_status put_attributes(write_txn *w, new_segment *n, sdx_error *err) {
  buffer encoded = BUFFER_INIT;
  sdx_status status = SDX_OK;
  if (!roaring_bitmap_is_empty(n->kept)) {
    const uint32_t version = (n->row.attributes_version + 1) & 0xffff;
    attributes_encode(&encoded, n->attributes);
    status = encoded.failed ? error_memory(err) : blocks_attributes_pad(&encoded, err);
    if (status == SDX_OK)
      status = blocks_attributes_put(&n->blocks, w->store, &w->pool, version, &encoded, err);
    if (status == SDX_OK)
      status = blocks_attributes_delete(&n->blocks, w->store, n->row.attributes_version,
                                        n->row.attributes_size, err);
    n->row.attributes_version = version;
    n->row.attributes_size = (uint32_t)encoded.size;
  }
  buffer_free(&encoded);
  return status == SDX_OK ? fresh_publish(w, &n->row, err) : status;
}

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

static sdx_status publish(void *context, write_txn *w, sdx_error *err) {
  swapping *s = context;
  s->w = w;
  s->txn = w->store;
  sdx_status status = ids_are_empty(s->txn, &s->no_ids, err);
  if (status == SDX_OK) status = each_entry(s, place_entry, err);
  for (size_t i = 0; i < s->new_count; i++) fresh_walk_close(&s->news[i].walk);
  for (size_t i = 0; i < s->new_count && status == SDX_OK; i++) {
    status = put_attributes(w, &s->news[i], err);
    store_release_map(s->index->store);
  }
  s->w = NULL;
  s->txn = NULL;
  if (status == SDX_OK && s->again)
    return error_set(err, SDX_LOCKED, "an item was deleted while its segment was replaced");
  return status;
}

sdx_status swap_run(rebuild *b, sdx_error *err) {
  swapping s = { .b = b, .index = b->r->index };
  merge_successors successors = { .context = &s, .of = places_of, .publish = publish };
  maintain_tally tally = { 0 };
  holder_id *ids = NULL;
  sdx_status status = prepare(&s, err);
  if (status == SDX_OK) {
    ids = plain_array(s.old_count + 1, sizeof *ids);
    if (ids == NULL) status = error_memory(err);
  }
  for (size_t i = 0; i < s.old_count && status == SDX_OK; i++) ids[i] = s.olds[i].row.id;
  if (status == SDX_OK)
    status = merge_replace(s.index, ids, s.old_count, &successors, b->r->now, &tally, err);
  if (status == SDX_OK)
    b->r->report->extra = successors.carried > s.changed ? successors.carried - s.changed : 0;
  plain_free(ids);
  swapping_free(&s);
  return status;
}
