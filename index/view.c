/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/view.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/stack.h"
#include "index/change.h"
#include "index/due.h"
#include "index/living.h"
#include "index/opened.h"
#include "index/place.h"
#include "index/recent.h"

#define ATTEMPTS 20 /* snapshots that a call takes while writers overtake it */

/* The dead ordinals of one segment; shared by the views in which they are the same. */
typedef struct dead_items {
  roaring_bitmap_t *bitmap; /* NULL: none */
  uint32_t count;
  bool failed; /* memory ran out */
  atomic_uint references;
} dead_items;

/* What stands behind one view_segment. */
typedef struct slot {
  opened_segment *published; /* one of the two */
  recent_part *part;
  holder_row row;
  dead_items *dead;
  opened_attributes *shared;              /* as they are sealed ... */
  attributes *changed;                    /* ... and with the journal's changes, if there are any */
  _Atomic(const attributes *) attributes; /* what to show; NULL: not loaded yet */
} slot;

/* A change of attributes with the place where its item stands in this view. */
typedef struct located_change {
  size_t slot;
  uint32_t ordinal;
  const recent_change *change;
} located_change;

typedef struct picture {
  view shown; /* first: a view is the beginning of its picture */
  sdx_index *index;
  slot *slots; /* as many as shown.segments */
  due_set *due;
  uint64_t due_generation;
  recent *recent;
  int64_t valid_from, valid_until; /* nothing expires within */
  store_moment made;               /* the state of the store that it was made of, ... */
  uint64_t keys;                   /* ... and the set of keys that its head named */
  bool unread;
  bool key_missing;        /* a published segment's key was not there */
  pthread_mutex_t lock;    /* guards the loading of attributes */
  located_change *located;
  size_t located_count;
  bool is_located;
  atomic_uint references;
} picture;

static void read_tops_ahead(view_read *r);

static picture *picture_of(view *v) { return (picture *)(void *)v; }

/* ------------------------------------------------------------------ the dead */

static dead_items *dead_hold(dead_items *d) {
  atomic_fetch_add(&d->references, 1);
  return d;
}

static void dead_release(dead_items *d) {
  if (d == NULL || atomic_fetch_sub(&d->references, 1) != 1) return;
  if (d->bitmap != NULL) roaring_bitmap_free(d->bitmap);
  plain_free(d);
}

static void add_dead(dead_items *d, uint32_t ordinal) {
  if (d->bitmap == NULL) d->bitmap = roaring_bitmap_create();
  if (d->bitmap == NULL) d->failed = true;
  else if (roaring_bitmap_add_checked(d->bitmap, ordinal)) d->count++;
}

static sdx_status dead_new(dead_items **out, sdx_error *err) {
  *out = plain_alloc(sizeof **out);
  if (*out == NULL) return error_memory(err);
  atomic_init(&(*out)->references, 1);
  return SDX_OK;
}

static void collect_published(dead_items *d, const due_set *due, const slot *s, int64_t now) {
  size_t count;
  const due_row *rows = due_set_of(due, s->published->id, &count);
  for (size_t i = 0; i < count; i++)
    if (rows[i].ordinal < s->row.items && due_dead(&rows[i], now)) add_dead(d, rows[i].ordinal);
}

static void collect_recent(dead_items *d, const due_set *due, const recent *r, const slot *s,
                           int64_t now) {
  for (size_t e = 0; e < r->epoch_count; e++) {
    size_t count;
    const due_row *rows = due_set_of(due, r->epochs[e].id, &count);
    for (size_t i = 0; i < count; i++) {
      if (!due_dead(&rows[i], now)) continue;
      const uint32_t ordinal = recent_part_find(s->part, rows[i].holder, rows[i].ordinal);
      if (ordinal != SEGMENT_END) add_dead(d, ordinal);
    }
  }
}

/* Ordinals that no living item stands at; `items` in all. */
static void collect_others(dead_items *d, const roaring_bitmap_t *alive, uint32_t items) {
  for (uint32_t i = 0; i < items; i++)
    if (!roaring_bitmap_contains(alive, i)) add_dead(d, i);
}

static sdx_status collect_by_living(dead_items *d, const living *l, const recent *r, const slot *s,
                                    sdx_error *err) {
  roaring_bitmap_t *bitmap = roaring_bitmap_create();
  if (bitmap == NULL) return error_memory(err);
  size_t count;
  const living_place *at = NULL;
  if (s->published != NULL) {
    at = living_of(l, s->published->id, &count);
    for (size_t i = 0; i < count; i++) roaring_bitmap_add(bitmap, at[i].ordinal);
  }
  for (size_t e = 0; s->published == NULL && e < r->epoch_count; e++) {
    at = living_of(l, r->epochs[e].id, &count);
    for (size_t i = 0; i < count; i++) {
      const uint32_t ordinal = recent_part_find(s->part, at[i].holder, at[i].ordinal);
      if (ordinal != SEGMENT_END) roaring_bitmap_add(bitmap, ordinal);
    }
  }
  collect_others(d, bitmap, s->published != NULL ? s->row.items : s->part->items);
  roaring_bitmap_free(bitmap);
  return SDX_OK;
}

/* ------------------------------------------------------------------ pictures */

static void slot_close(slot *s) {
  attributes_free(s->changed);
  opened_attributes_release(s->shared);
  dead_release(s->dead);
  opened_segment_release(s->published);
  recent_part_release(s->part);
}

static void picture_release(picture *p) {
  if (p == NULL || atomic_fetch_sub(&p->references, 1) != 1) return;
  for (size_t i = 0; i < p->shown.segment_count; i++) slot_close(&p->slots[i]);
  due_set_release(p->due);
  recent_release(p->recent);
  pthread_mutex_destroy(&p->lock);
  plain_free(p->located);
  plain_free(p->slots);
  plain_free(p->shown.segments);
  plain_free(p);
}

static slot *find_published(const picture *p, holder_id id) {
  for (size_t i = 0; p != NULL && i < p->shown.segment_count; i++)
    if (p->slots[i].published != NULL && p->slots[i].published->id == id) return &p->slots[i];
  return NULL;
}

static bool is_known_damaged(const sdx_index *index, holder_id id) {
  for (size_t i = 0; i < index->damaged_count; i++)
    if (index->damaged[i] == id) return true;
  return false;
}

/* A segment on its way into a picture. */
typedef struct taking {
  opened_segment *seg;
  sdx_status status;
  bool read; /* its manifest is */
} taking;

static taking prepare_segment(const picture *p, const picture *before, const holder_row *row,
                              sdx_error *err) {
  const slot *old = find_published(before, row->id);
  taking t = { .status = SDX_DAMAGED };
  if (row->damaged || is_known_damaged(p->index, row->id)) return t;
  t.read = old != NULL;
  t.seg = old != NULL ? opened_segment_hold(old->published) : NULL;
  t.status = old != NULL ? SDX_OK
                         : opened_segment_prepare(&t.seg, p->index, p->index->cache, row, err);
  return t;
}

/* Keys of blocks that are named before it is known which there are. */
typedef struct guessing {
  uint8_t keys[VIEW_AHEAD_MAX][BLOCKS_KEY_SIZE];
  size_t count;
} guessing;

static void guess(guessing *g, const taking *t, segment_stream stream, uint32_t count) {
  if (t->status != SDX_OK || t->read) return;
  for (uint32_t i = 0; i < count && g->count < VIEW_AHEAD_MAX; i++)
    blocks_key(&t->seg->blocks, stream, i, g->keys[g->count++]);
}

static bool read_guessed(const guessing *g, store_txn *t) {
  return g->count > 0 && store_ahead(t, STORE_BLOCKS, g->keys[0], BLOCKS_KEY_SIZE, g->count);
}

#define ASKED_FOR 2 /* manifests: whether these are in memory */
#define TOPS_GUESSED 3

/* The manifests are in as many places as there are segments. Where they are not in memory, the rest of what
 * any search needs is not either: it is on its way before they are opened. */
static void read_manifests_ahead(picture *p, store_txn *t, const taking *all, size_t count) {
  guessing g = { .count = 0 };
  for (size_t i = 0; i < count && g.count < ASKED_FOR; i++) guess(&g, &all[i], STREAM_MANIFEST, 1);
  if (!read_guessed(&g, t)) return;
  atomic_store(&p->index->cold, true);
  g.count = 0;
  for (size_t i = 0; i < count; i++) {
    guess(&g, &all[i], STREAM_MANIFEST, 1);
    guess(&g, &all[i], STREAM_TERM_TOP, TOPS_GUESSED);
    guess(&g, &all[i], STREAM_CLASS_TOP, TOPS_GUESSED);
  }
  (void)read_guessed(&g, t);
}

/* `t->seg` goes over to the picture, or is released. */
static sdx_status take_segment(picture *p, store_txn *txn, taking *t, const holder_row *row,
                               sdx_error *err) {
  slot *s = &p->slots[p->shown.segment_count];
  sdx_status status = t->status;
  if (status == SDX_OK && !t->read) status = opened_segment_read(t->seg, txn, row, err);
  if (status != SDX_OK) opened_segment_release(t->seg);
  else s->published = t->seg;
  t->seg = NULL;
  if (status == SDX_OK) {
    s->row = *row;
    p->shown.segment_count++;
    return SDX_OK;
  }
  if (status != SDX_NOT_FOUND && status != SDX_DAMAGED) return status;
  p->shown.partial |= status == SDX_NOT_FOUND ? VIEW_SEGMENT_MISSING : VIEW_SEGMENT_DAMAGED;
  p->shown.missing_items += row->items;
  if (status == SDX_NOT_FOUND) p->key_missing = true;
  return SDX_OK;
}

static sdx_status take_rows(picture *p, store_txn *t, const picture *before, const holder_row *rows,
                            size_t count, sdx_error *err) {
  sdx_status status = SDX_OK;
  taking *all = plain_array(count + 1, sizeof *all);
  if (all == NULL) return error_memory(err);
  for (size_t i = 0; i < count; i++) all[i] = prepare_segment(p, before, &rows[i], err);
  read_manifests_ahead(p, t, all, count);
  for (size_t i = 0; i < count && status == SDX_OK; i++)
    status = take_segment(p, t, &all[i], &rows[i], err);
  for (size_t i = 0; i < count; i++) opened_segment_release(all[i].seg);
  plain_free(all);
  return status;
}

static sdx_status take_segments(picture *p, store_txn *t, const picture *before, sdx_error *err) {
  holder_row *rows = NULL, *lost = NULL;
  size_t count = 0, lost_count = 0;
  sdx_status status = holder_list(t, p->index->row_key, HOLDER_SEGMENT, &rows, &count, err);
  if (status == SDX_OK) status = holder_list(t, NULL, HOLDER_LOST, &lost, &lost_count, err);
  if (status == SDX_OK) {
    p->slots = plain_array(count + p->recent->part_count + 1, sizeof *p->slots);
    if (p->slots == NULL) status = error_memory(err);
  }
  if (status == SDX_OK) status = take_rows(p, t, before, rows, count, err);
  for (size_t i = 0; i < lost_count && status == SDX_OK; i++) {
    p->shown.partial |= VIEW_SEGMENT_MISSING;
    p->shown.missing_items += lost[i].items;
  }
  plain_free(rows);
  plain_free(lost);
  return status;
}

static void take_journal(picture *p) {
  const recent *r = p->recent;
  for (size_t i = 0; i < r->part_count; i++)
    p->slots[p->shown.segment_count++].part = recent_part_hold(r->parts[i]);
  if (r->unread) p->shown.partial |= VIEW_JOURNAL_UNREAD;
  if (r->damaged > 0) p->shown.partial |= VIEW_JOURNAL_DAMAGED;
  p->unread = r->unread;
}

static void bound_validity(picture *p, int64_t now) {
  p->valid_from = INT64_MIN;
  p->valid_until = INT64_MAX;
  for (size_t i = 0; i < p->due->count; i++) {
    const due_row *row = &p->due->rows[i];
    if (row->reason != DUE_EXPIRES) continue;
    if (row->since <= now && row->since > p->valid_from) p->valid_from = row->since;
    if (row->since > now && row->since < p->valid_until) p->valid_until = row->since;
  }
}

static sdx_status find_dead(picture *p, const picture *before, int64_t now, sdx_error *err) {
  const bool same = before != NULL && before->due == p->due && now >= before->valid_from &&
                    now < before->valid_until;
  for (size_t i = 0; i < p->shown.segment_count; i++) {
    slot *s = &p->slots[i];
    const slot *old = same && s->published != NULL ? find_published(before, s->published->id) : NULL;
    if (old != NULL) {
      s->dead = dead_hold(old->dead);
      continue;
    }
    const sdx_status status = dead_new(&s->dead, err);
    if (status != SDX_OK) return status;
    if (s->published != NULL) collect_published(s->dead, p->due, s, now);
    else collect_recent(s->dead, p->due, p->recent, s, now);
    if (s->dead->failed) return error_memory(err);
  }
  return SDX_OK;
}

/* Where rows of `due` do not open: by the table `ids`. */
static sdx_status find_dead_by_living(picture *p, store_txn *t, int64_t now, sdx_error *err) {
  living *l = NULL;
  sdx_status status = living_load(&l, t, p->index->table_key, now, err);
  for (size_t i = 0; i < p->shown.segment_count && status == SDX_OK; i++) {
    slot *s = &p->slots[i];
    status = dead_new(&s->dead, err);
    if (status == SDX_OK) status = collect_by_living(s->dead, l, p->recent, s, err);
    if (status == SDX_OK && s->dead->failed) status = error_memory(err);
  }
  if (status == SDX_OK) {
    p->valid_from = l->valid_from;
    p->valid_until = l->valid_until;
    p->shown.partial |= VIEW_ROWS_DAMAGED;
  }
  living_free(l);
  return status;
}

/* The part that a search sees. */
static sdx_status show(picture *p, sdx_error *err) {
  view *v = &p->shown;
  v->segments = plain_array(v->segment_count + 1, sizeof *v->segments);
  if (v->segments == NULL) return error_memory(err);
  for (size_t i = 0; i < v->segment_count; i++) {
    const slot *s = &p->slots[i];
    const segment *seg = s->published != NULL ? s->published->seg : s->part->seg;
    const segment_info *info = segment_about(seg);
    v->segments[i] = (view_segment){ .seg = seg,
                                     .holder = s->published != NULL ? s->published->id : 0,
                                     .dead = s->dead->bitmap,
                                     .live = info->items - s->dead->count };
    v->items += info->items;
    v->length += info->length;
    v->live += v->segments[i].live;
  }
  return SDX_OK;
}

static sdx_status picture_new(picture **out, sdx_index *index, store_txn *t, const meta_head *head,
                              const picture *before, int64_t deadline, int64_t now, sdx_error *err) {
  picture *p = plain_alloc(sizeof *p);
  if (p == NULL) return error_memory(err);
  atomic_init(&p->references, 1);
  pthread_mutex_init(&p->lock, NULL);
  p->index = index;
  p->shown.generation = head->generation;
  p->due_generation = head->due_generation;
  p->made = store_moment_of(t);
  p->keys = head->keys;
  sdx_status status = SDX_OK;
  if (before != NULL && before->due_generation == head->due_generation)
    p->due = due_set_hold(before->due);
  else
    status = due_set_load_some(&p->due, t, index->row_key, before != NULL ? before->due : NULL, err);
  if (status == SDX_OK)
    status = recent_load(&p->recent, index, t, before != NULL ? before->recent : NULL, deadline, err);
  if (status == SDX_OK) status = take_segments(p, t, before, err);
  if (status == SDX_OK) {
    take_journal(p);
    bound_validity(p, now);
    status = p->due->damaged > 0 ? find_dead_by_living(p, t, now, err)
                                 : find_dead(p, before, now, err);
  }
  if (status == SDX_OK) status = show(p, err);
  if (status == SDX_OK) {
    const sdx_status rows = store_check_rows(t, STORE_META, err);
    if (rows == SDX_DAMAGED) p->shown.partial |= VIEW_ROWS_DAMAGED;
    else status = rows;
  }
  if (status == SDX_OK) *out = p;
  else picture_release(p);
  return status;
}

/* ------------------------------------------------------------------ calls */

static sdx_status check_head(sdx_index *index, store_txn *t, meta_head *head, sdx_error *err) {
  int64_t closed;
  sdx_status status = meta_head_get(t, head, err);
  if (status == SDX_OK) status = meta_closed_get(t, &closed, err);
  if (status != SDX_OK) return status;
  if (closed != 0) return error_set(err, SDX_CLOSED, "the account is closed");
  if (memcmp(head->index_id, index->index_id, 16) != 0)
    return error_set(err, SDX_DAMAGED, "the store and the keyring belong to different indexes");
  return SDX_OK;
}

typedef enum attempt { ATTEMPT_DONE, ATTEMPT_AGAIN, ATTEMPT_NEW_KEYS } attempt;

/* What a call wants a picture of. */
typedef struct wanted {
  store_moment moment;
  const meta_head *head; /* NULL: not read; then of this very moment */
  uint64_t keys;
  int64_t deadline, now;
} wanted;

static bool same_moment(const store_moment *a, const store_moment *b) {
  return a->files == b->files && a->transaction == b->transaction && a->root == b->root;
}

static bool fits(const picture *p, const wanted *w) {
  if (p == NULL || w->now < p->valid_from || w->now >= p->valid_until ||
      (p->unread && w->deadline == 0))
    return false;
  return w->head != NULL ? p->shown.generation == w->head->generation
                         : p->keys == w->keys && same_moment(&p->made, &w->moment);
}

/* The newest picture, referenced, where it fits; without a lock. */
static picture *take_fitting(sdx_index *index, const wanted *w) {
  atomic_fetch_add(&index->view_takers, 1);
  struct view *v = atomic_load(&index->view);
  picture *p = v != NULL ? picture_of(v) : NULL;
  if (fits(p, w))
    atomic_fetch_add(&p->references, 1);
  else
    p = NULL;
  atomic_fetch_sub(&index->view_takers, 1);
  return p;
}

/* Under view_lock. The one before is let go of when nobody is about to take it: whoever begins to
 * after the exchange finds the new one. */
static void exchange_newest(sdx_index *index, picture *p) {
  struct view *old = atomic_exchange(&index->view, p != NULL ? &p->shown : NULL);
  while (atomic_load(&index->view_takers) != 0) sched_yield();
  if (old != NULL) picture_release(picture_of(old));
}

/* Makes the picture of this snapshot the newest. A snapshot that a writer has overtaken may lack keys
 * that it names: then a later one is taken. */
static sdx_status renew(sdx_index *index, store_txn *t, const meta_head *head, int64_t deadline,
                        int64_t now, bool last, attempt *done, sdx_error *err) {
  struct view *newest = atomic_load(&index->view);
  const picture *old = newest != NULL ? picture_of(newest) : NULL;
  picture *p = NULL;
  *done = ATTEMPT_AGAIN;
  pthread_mutex_lock(&index->keyring_lock);
  sdx_status status = keyring_refresh(index->keyring, err);
  const uint64_t seen = keyring_store_generation(index->keyring);
  pthread_mutex_unlock(&index->keyring_lock);
  if (status != SDX_OK) return status;
  if (head->generation < seen && !index->accept_restored)
    return !last ? SDX_OK
                 : error_set(err, SDX_ROLLED_BACK, "the store is older than the keyring: a restored "
                                                   "backup? verify or accept it");
  status = picture_new(&p, index, t, head, old, deadline, now, err);
  if (status != SDX_OK) return status;
  if ((p->key_missing || p->recent->damaged > 0) && !last) {
    meta_head later = *head;
    store_txn *again = NULL;
    if (store_read_begin(index->store, &again, NULL) == SDX_OK) {
      if (meta_head_get(again, &later, NULL) != SDX_OK) later = *head;
      store_read_end(again);
    }
    if (later.generation != head->generation) {
      picture_release(p);
      return SDX_OK;
    }
  }
  exchange_newest(index, p);
  *done = ATTEMPT_DONE;
  return SDX_OK;
}

/* One thread makes a new picture; those that waited for it may find that it fits them, too. */
static sdx_status take_renewed(view_read *out, const wanted *w, bool last, attempt *done,
                               sdx_error *err) {
  sdx_index *index = out->index;
  const meta_head *head = w->head;
  sdx_status status = SDX_OK;
  pthread_mutex_lock(&index->view_lock);
  struct view *v = atomic_load(&index->view);
  const picture *p = v != NULL ? picture_of(v) : NULL;
  if (fits(p, w))
    *done = ATTEMPT_DONE;
  else if (p == NULL || p->shown.generation <= head->generation || last)
    status = renew(index, out->txn, head, w->deadline, out->now, last, done, err);
  if (*done == ATTEMPT_DONE) {
    out->view = atomic_load(&index->view);
    atomic_fetch_add(&picture_of(out->view)->references, 1);
  }
  pthread_mutex_unlock(&index->view_lock);
  return status;
}

/* The head of a state of which there is a picture was read and checked as that was made. */
static sdx_status take_by_head(view_read *out, const wanted *moment, bool last, attempt *done,
                               sdx_error *err) {
  meta_head head;
  wanted w = *moment;
  const sdx_status status = check_head(out->index, out->txn, &head, err);
  if (status != SDX_OK) return status;
  if (head.keys != w.keys) {
    *done = ATTEMPT_NEW_KEYS;
    return SDX_OK;
  }
  w.head = &head;
  picture *p = take_fitting(out->index, &w);
  if (p == NULL) return take_renewed(out, &w, last, done, err);
  out->view = &p->shown;
  *done = ATTEMPT_DONE;
  return SDX_OK;
}

static sdx_status try_once(view_read *out, int64_t deadline, bool last, attempt *done,
                           sdx_error *err) {
  sdx_index *index = out->index;
  *done = ATTEMPT_AGAIN;
  sdx_status status = store_read_begin(index->store, &out->txn, err);
  if (status != SDX_OK) return status;
  const wanted w = { .moment = store_moment_of(out->txn),
                     .keys = index->key_set,
                     .deadline = deadline,
                     .now = out->now };
  picture *p = take_fitting(index, &w);
  if (p != NULL)
    out->view = &p->shown, *done = ATTEMPT_DONE;
  else
    status = take_by_head(out, &w, last, done, err);
  if (*done != ATTEMPT_DONE) {
    store_read_end(out->txn);
    out->txn = NULL;
  }
  return status;
}

sdx_status view_begin_at(view_read *out, sdx_index *index, int64_t deadline, int64_t now,
                         sdx_error *err) {
  attempt done = ATTEMPT_AGAIN;
  *out = (view_read){ .index = index };
  sdx_status status = index_check(index, err);
  if (status != SDX_OK) return status;
  out->now = index_now(index, now);
  for (int i = 1; i <= ATTEMPTS && status == SDX_OK && done != ATTEMPT_DONE; i++) {
    index_keys_hold(index);
    status = try_once(out, deadline, i == ATTEMPTS, &done, err);
    if (status == SDX_OK && done == ATTEMPT_DONE) break;
    index_keys_release(index);
    if (status == SDX_OK && done == ATTEMPT_NEW_KEYS) status = index_keys_follow(index, err);
  }
  if (status == SDX_OK && done != ATTEMPT_DONE)
    status = error_set(err, SDX_LOCKED, "writers overtook every look at the index: try again");
  if (status != SDX_OK) return status;
  out->session = (segment_session){ .context = out->txn, .err = err };
  if (view_ahead_wanted(out)) read_tops_ahead(out);
  return SDX_OK;
}

sdx_status view_begin(view_read *out, sdx_index *index, int64_t deadline, sdx_error *err) {
  return view_begin_at(out, index, deadline, 0, err);
}

/* ------------------------------------------------------------------ reading ahead */

bool view_ahead_wanted(const view_read *r) {
  return atomic_load_explicit(&r->index->cold, memory_order_relaxed);
}

void view_ahead_begin(view_ahead *a, view_read *r) {
  a->read = r;
  a->count = 0;
}

static void want_block(void *context, segment_stream stream, uint32_t number) {
  view_ahead *a = context;
  const slot *s = &picture_of(a->read->view)->slots[a->segment];
  if (s->published == NULL) return;
  if (a->count == VIEW_AHEAD_MAX) view_ahead_go(a);
  blocks_key(&s->published->blocks, stream, number, a->keys[a->count]);
  if (a->count == 0 || memcmp(a->keys[a->count], a->keys[a->count - 1], BLOCKS_KEY_SIZE) != 0)
    a->count++; /* one value may hold many */
}

segment_ahead view_ahead_of(view_ahead *a, size_t i) {
  a->segment = i;
  return (segment_ahead){ .want = want_block, .context = a };
}

void view_ahead_go(view_ahead *a) {
  if (a->count > 0 &&
      store_ahead(a->read->txn, STORE_BLOCKS, a->keys[0], BLOCKS_KEY_SIZE, a->count))
    a->read->missed = true;
  a->count = 0;
}

/* Of a picture whose pages are not in memory: what every search needs first. */
static __attribute__((noinline)) void read_tops_ahead(view_read *r) {
  view_ahead a;
  view_ahead_begin(&a, r);
  for (size_t i = 0; i < r->view->segment_count; i++) {
    const segment_ahead of = view_ahead_of(&a, i);
    segment_ahead_tops(r->view->segments[i].seg, &of);
  }
  view_ahead_go(&a);
}

/* A call that read something, and all of it was in memory: the next ones need not look ahead. That may
 * change while a handle is open, so it is asked again now and then. */
#define ASK_EVERY 256

static void note_warmth(const view_read *r) {
  sdx_index *index = r->index;
  if (r->session.blocks_opened == 0) return;
  if (atomic_load_explicit(&index->cold, memory_order_relaxed)) {
    if (!r->missed) atomic_store_explicit(&index->cold, false, memory_order_relaxed);
  } else if (atomic_load_explicit(&index->count_searches, memory_order_relaxed) % ASK_EVERY == 0) {
    atomic_store_explicit(&index->cold, true, memory_order_relaxed);
  }
}

void view_end(view_read *r) {
  if (r->view == NULL) return;
  note_warmth(r);
  atomic_fetch_add_explicit(&r->index->count_blocks_opened, r->session.blocks_opened,
                            memory_order_relaxed);
  atomic_fetch_add_explicit(&r->index->count_blocks_hit, r->session.blocks_hit,
                            memory_order_relaxed);
  sdx_index *index = r->index;
  store_read_end(r->txn);
  picture_release(picture_of(r->view));
  *r = (view_read){ 0 };
  index_keys_release(index);
}

void view_drop(sdx_index *index) {
  pthread_mutex_lock(&index->view_lock);
  exchange_newest(index, NULL);
  pthread_mutex_unlock(&index->view_lock);
}

void view_mark_damaged(view_read *r, size_t segment_number) {
  sdx_index *index = r->index;
  const holder_id id = r->view->segments[segment_number].holder;
  pthread_mutex_lock(&index->view_lock);
  if (id != 0 && !is_known_damaged(index, id) && index->damaged_count < INDEX_DAMAGED_MAX)
    index->damaged[index->damaged_count++] = id;
  pthread_mutex_unlock(&index->view_lock);
  view_drop(index);
}

/* What calls have opened goes, where none is running. */
static bool give_back(sdx_index *index) {
  if (!gate_try_close(&index->keys_gate)) return false;
  view_drop(index);
  if (index->cache != NULL) block_cache_empty(index->cache);
  gate_open(&index->keys_gate);
  return true;
}

static sdx_status rest(sdx_index *index, sdx_error *err) {
  view_read r;
  sdx_status status = index_check(index, err);
  if (status != SDX_OK) return status;
  pthread_mutex_lock(&index->keyring_lock);
  status = keyring_refresh(index->keyring, err);
  pthread_mutex_unlock(&index->keyring_lock);
  index_drop_analysers(index);
  if (give_back(index)) return status;
  if (status == SDX_OK) status = view_begin(&r, index, 0, err);
  if (status == SDX_OK) view_end(&r);
  else view_drop(index);
  return status;
}

typedef struct resting {
  sdx_index *index;
  sdx_error *err;
  sdx_status status;
} resting;

static void rest_aside(void *context) {
  resting *a = context;
  a->status = rest(a->index, a->err);
}

sdx_status sdx_idle(sdx_index *index, sdx_error *err) {
  resting a = { .index = index, .err = err };
  return stack_aside(rest_aside, &a) ? a.status : error_memory(err);
}

/* ------------------------------------------------------------------ items and attributes */

/* The segment of the view that has this place. */
static bool locate(const picture *p, holder_id holder, uint32_t at, size_t *number,
                   uint32_t *ordinal) {
  for (size_t i = 0; i < p->shown.segment_count; i++) {
    const slot *s = &p->slots[i];
    *number = i;
    *ordinal = at;
    if (s->published != NULL && s->published->id == holder) return at < s->row.items;
    if (s->part == NULL) continue;
    *ordinal = recent_part_find(s->part, holder, at);
    if (*ordinal != SEGMENT_END) return true;
  }
  return false;
}

/* SDX_NOT_FOUND where the holder is no more, which means that it was purged: a damaged row must not look so. */
static sdx_status is_held(view_read *r, holder_id holder, sdx_error *err) {
  const sdx_status status = holder_published(r->txn, holder, NULL, err);
  if (status != SDX_NOT_FOUND || (r->view->partial & VIEW_ROWS_DAMAGED) == 0) return status;
  return error_set(err, SDX_DAMAGED, "rows of the table \"meta\" are gone, the item's holder among them");
}

/* SDX_NOT_FOUND, unless the item's row is from another time than those in `due`. */
static sdx_status confirm_dead(view_read *r, const place *at, sdx_error *err) {
  due_row row;
  sdx_status status =
      due_get(r->txn, r->index->row_key, at->due, at->holder, at->ordinal, &row, err);
  if (status == SDX_OK) return SDX_NOT_FOUND;
  if (status != SDX_NOT_FOUND) return status;
  status = is_held(r, at->holder, err);
  if (status != SDX_OK) return status; /* purged */
  return error_set(err, SDX_DAMAGED, "a row of \"ids\" and the table \"due\" disagree");
}

/* That the place holds this very item, alive. */
static sdx_status confirm_item(view_read *r, size_t number, uint32_t ordinal, sdx_bytes id,
                               sdx_error *err) {
  const view_segment *s = &r->view->segments[number];
  block_ref hold = BLOCK_REF_INIT;
  segment_item item;
  if (s->dead != NULL && roaring_bitmap_contains(s->dead, ordinal))
    return error_set(err, SDX_DAMAGED, "a row of \"ids\" and the table \"due\" disagree");
  sdx_status status = segment_item_get(s->seg, &r->session, ordinal, &item, &hold);
  if (status == SDX_OK && (item.id.size != id.size || memcmp(item.id.data, id.data, id.size) != 0))
    status = error_set(err, SDX_DAMAGED, "a row of \"ids\" points at another item");
  block_release(&hold);
  return status;
}

sdx_status view_find(view_read *r, sdx_bytes id, size_t *segment_number, uint32_t *ordinal,
                     sdx_error *err) {
  const picture *p = picture_of(r->view);
  uint8_t blind[BLIND_SIZE];
  place at;
  place_blind(blind, r->index->id_key, id);
  sdx_status status = place_get(r->txn, r->index->table_key, blind, &at, err);
  if (status == SDX_OK && place_dead(&at, r->now)) status = confirm_dead(r, &at, err);
  if (status == SDX_NOT_FOUND) return error_set(err, SDX_NOT_FOUND, "no such item");
  if (status != SDX_OK) return status;
  if (locate(p, at.holder, at.ordinal, segment_number, ordinal))
    return confirm_item(r, *segment_number, *ordinal, id, err);
  status = is_held(r, at.holder, err);
  if (status == SDX_NOT_FOUND) /* it went with the holder that a purge had to destroy */
    return error_set(err, SDX_NOT_FOUND, "the item was lost to a purge: index it again");
  if (status != SDX_OK) return status;
  return error_set(err, SDX_DAMAGED, "the holder %016llx of the item does not open",
                   (unsigned long long)at.holder);
}

static sdx_status locate_changes(view_read *r, picture *p, sdx_error *err) {
  const recent *journal = p->recent;
  p->located = plain_array(journal->change_count + 1, sizeof *p->located);
  if (p->located == NULL) return error_memory(err);
  for (size_t i = 0; i < journal->change_count; i++) {
    const recent_change *c = journal->changes[i];
    located_change *l = &p->located[p->located_count];
    place at;
    const sdx_status status = place_get(r->txn, r->index->table_key, c->blind, &at, err);
    if (status == SDX_NOT_FOUND) continue;
    if (status != SDX_OK) return status;
    if (at.version != c->version || !locate(p, at.holder, at.ordinal, &l->slot, &l->ordinal)) continue;
    l->change = c;
    p->located_count++;
  }
  p->is_located = true;
  return SDX_OK;
}

/* Under the picture's lock. */
static sdx_status load_attributes(view_read *r, picture *p, size_t number, sdx_error *err) {
  slot *s = &p->slots[number];
  const attributes *sealed = NULL;
  sdx_status status = SDX_OK;
  if (!p->is_located) {
    plain_free(p->located);
    p->located = NULL;
    p->located_count = 0;
    status = locate_changes(r, p, err);
  }
  if (status == SDX_OK && s->published != NULL && s->shared == NULL)
    status = opened_segment_attributes(s->published, r->txn, &s->row, &s->shared, err);
  if (status != SDX_OK) return status;
  sealed = s->published != NULL ? s->shared->object : s->part->attributes;
  for (size_t i = 0; i < p->located_count && status == SDX_OK; i++) {
    const located_change *l = &p->located[i];
    if (l->slot != number) continue;
    if (s->changed == NULL) status = attributes_clone(&s->changed, sealed, err);
    if (status == SDX_OK)
      status = change_apply(s->changed, l->ordinal,
                            (sdx_bytes){ (const char *)l->change->bytes, l->change->size }, err);
  }
  if (status == SDX_OK) {
    if (s->changed != NULL) attributes_index(s->changed);
    atomic_store(&s->attributes, s->changed != NULL ? s->changed : sealed);
    return SDX_OK;
  }
  attributes_free(s->changed);
  s->changed = NULL;
  return status;
}

void view_attributes_fetch(const view_read *r, uint32_t hash, bool again) {
  const picture *p = picture_of(r->view);
  for (size_t i = 0; i < p->shown.segment_count; i++) {
    const attributes *a = atomic_load_explicit(&p->slots[i].attributes, memory_order_acquire);
    if (a == NULL) continue;
    if (again)
      attributes_fetch_found(a, hash);
    else
      attributes_fetch(a, hash);
  }
}

sdx_status view_attributes(view_read *r, size_t i, const attributes **out, sdx_error *err) {
  picture *p = picture_of(r->view);
  slot *s = &p->slots[i];
  sdx_status status = SDX_OK;
  *out = atomic_load(&s->attributes);
  if (*out != NULL) return SDX_OK;
  pthread_mutex_lock(&p->lock);
  if (atomic_load(&s->attributes) == NULL) status = load_attributes(r, p, i, err);
  *out = atomic_load(&s->attributes);
  pthread_mutex_unlock(&p->lock);
  return status;
}
