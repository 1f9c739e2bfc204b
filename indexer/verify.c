/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verifying: the keyring's copies, the store's pages, every row, every block, every record, and that
 * they agree: a place points at something that is there, what is published has a key, what has a key is
 * published.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/plain.h"
#include "index/due.h"
#include "index/epoch.h"
#include "index/journal.h"
#include "index/view.h"
#include "indexer/rederive.h"
#include "segment/builder.h"

#define REDERIVED_AT_ONCE 4096 /* items that one pass over a segment's terms takes */

typedef struct verifier {
  sdx_index *index;
  view_read *read;
  void (*report)(void *context, const char *line);
  void *context;
  uint64_t problems;
  holder_row *holders; /* everything that is published or known to be lost, by kind and id */
  size_t holder_count;
  rederive *deep;      /* NULL: terms are not held against texts */
  uint64_t live_items, live_places; /* items that live and are where their rows say; such rows */
} verifier;

static void complain(verifier *v, const char *format, ...) SDX_PRINTF(2, 3);
static void complain(verifier *v, const char *format, ...) {
  char line[200];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(line, sizeof line, format, args);
  va_end(args);
  v->problems++;
  if (v->report != NULL) v->report(v->context, line);
}

static const char *kind_name(holder_kind kind) {
  return kind == HOLDER_SEGMENT ? "segment" : kind == HOLDER_EPOCH ? "epoch" : "trash bucket";
}

static keyring_kind key_kind(const holder_row *h) {
  return h->kind == HOLDER_SEGMENT ? KEYRING_SEGMENT : h->kind == HOLDER_TRASH ? KEYRING_TRASH : h->was;
}

/* ------------------------------------------------------------------ holders and keys */

static sdx_status gather_holders(verifier *v, sdx_error *err) {
  static const holder_kind kinds[] = { HOLDER_SEGMENT, HOLDER_EPOCH, HOLDER_TRASH, HOLDER_LOST };
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    holder_row *rows = NULL;
    size_t count = 0;
    const row_keys *row_key = kinds[k] == HOLDER_LOST ? NULL : v->index->row_key;
    const sdx_status status = holder_list(v->read->txn, row_key, kinds[k], &rows, &count, err);
    if (status != SDX_OK) return status;
    holder_row *more = plain_resize(v->holders, (v->holder_count + count + 1) * sizeof *more);
    if (more == NULL) {
      plain_free(rows);
      return error_memory(err);
    }
    v->holders = more;
    for (size_t i = 0; i < count; i++) v->holders[v->holder_count++] = rows[i];
    plain_free(rows);
  }
  return SDX_OK;
}

static const holder_row *find_holder(const verifier *v, holder_id id) {
  for (size_t i = 0; i < v->holder_count; i++)
    if (v->holders[i].id == id) return &v->holders[i];
  return NULL;
}

/* With one copy damaged all still works; with the other one, too, everything is lost. */
static sdx_status check_copies(verifier *v, sdx_error *err) {
  bool whole;
  pthread_mutex_lock(&v->index->keyring_lock);
  const sdx_status status = keyring_check(v->index->keyring, &whole, err);
  pthread_mutex_unlock(&v->index->keyring_lock);
  if (status == SDX_OK && !whole)
    complain(v, "one of the two copies of the keyring is damaged; the next write mends it");
  return status;
}

static void check_keys(verifier *v) {
  for (size_t i = 0; i < v->holder_count; i++) {
    const holder_row *h = &v->holders[i];
    if (h->kind == HOLDER_LOST) continue;
    if (h->damaged) complain(v, "the row of %s %016" PRIx64 " fails authentication", kind_name(h->kind), h->id);
    pthread_mutex_lock(&v->index->keyring_lock);
    const bool there = keyring_has(v->index->keyring, key_kind(h), h->id);
    pthread_mutex_unlock(&v->index->keyring_lock);
    if (!there) complain(v, "%s %016" PRIx64 " has no key", kind_name(h->kind), h->id);
  }
}

/* ------------------------------------------------------------------ rows */

static sdx_status scan(verifier *v, store_table table,
                       void (*check)(verifier *, sdx_bytes key, sdx_bytes value), sdx_error *err) {
  store_cursor *c = NULL;
  sdx_bytes key, value;
  sdx_status status = store_cursor_open(v->read->txn, table, &c, err);
  if (status != SDX_OK) return status;
  for (status = store_cursor_seek(c, NULL, 0, &key, &value, err); status == SDX_OK;
       status = store_cursor_next(c, &key, &value, err))
    check(v, key, value);
  store_cursor_close(c);
  return status == SDX_NOT_FOUND ? SDX_OK : status;
}

static void check_reach(verifier *v, const char *table, holder_id holder, uint32_t ordinal) {
  const holder_row *h = find_holder(v, holder);
  if (h == NULL)
    complain(v, "a row of \"%s\" names holder %016" PRIx64 ", which is not there", table, holder);
  else if (!h->damaged && h->kind == HOLDER_SEGMENT && ordinal >= h->items)
    complain(v, "a row of \"%s\" points behind segment %016" PRIx64, table, holder);
  else if (!h->damaged && (h->kind == HOLDER_EPOCH || h->kind == HOLDER_TRASH) && ordinal >= h->records)
    complain(v, "a row of \"%s\" points behind the records of %016" PRIx64, table, holder);
}

/* A tombstone outlives what it stood on, where a purge or damage took that: it keeps the item hidden. */
static bool is_stray_tombstone(const verifier *v, holder_id holder, bool dead) {
  return dead && find_holder(v, holder) == NULL;
}

/* A version that is dead, or will be at a date, has its row in "due", as long as its holder is there. */
static void check_its_due(verifier *v, const place *p) {
  const holder_row *h = find_holder(v, p->holder);
  due_row row;
  if (h == NULL || h->kind == HOLDER_LOST || (p->due == 0 && p->state == PLACE_LIVE)) return;
  if (due_get(v->read->txn, v->index->row_key, p->due, p->holder, p->ordinal, &row, NULL) != SDX_OK)
    complain(v, "a row of \"ids\" has no row in \"due\": holder %016" PRIx64 ", ordinal %" PRIu32,
             p->holder, p->ordinal);
}

static void check_place(verifier *v, sdx_bytes key, sdx_bytes value) {
  place p;
  if (key.size != BLIND_SIZE ||
      place_decode(&p, v->index->table_key, (const uint8_t *)key.data, value, NULL) != SDX_OK) {
    complain(v, "a row of \"ids\" does not open");
    return;
  }
  if (is_stray_tombstone(v, p.holder, place_dead(&p, v->read->now))) return;
  check_reach(v, "ids", p.holder, p.ordinal);
  check_its_due(v, &p);
  const holder_row *h = find_holder(v, p.holder);
  if (h != NULL && h->kind != HOLDER_LOST && !place_dead(&p, v->read->now)) v->live_places++;
}

static void check_due(verifier *v, sdx_bytes key, sdx_bytes value) {
  due_row row;
  if (due_decode(&row, v->index->row_key, key, value, NULL) != SDX_OK)
    complain(v, "a row of \"due\" fails authentication");
  else if (!is_stray_tombstone(v, row.holder, row.reason != DUE_SUPERSEDED))
    check_reach(v, "due", row.holder, row.ordinal);
}

/* ------------------------------------------------------------------ records */

/* An item of the journal that lives, and whose row says so. */
static void count_record(verifier *v, const holder_row *h, uint32_t sequence, const journal_record *r) {
  place p;
  if (h->kind == HOLDER_EPOCH && r->type == JOURNAL_ITEM &&
      place_get(v->read->txn, v->index->table_key, r->blind, &p, NULL) == SDX_OK &&
      p.holder == h->id && p.ordinal == sequence && !place_dead(&p, v->read->now))
    v->live_items++;
}

static void check_record(verifier *v, const holder_row *h, epoch_reader *reader, uint32_t sequence,
                         buffer *plain, record_arena *arena) {
  journal_record r;
  record item;
  sdx_status status = epoch_get(reader, v->index, v->read->txn, sequence, plain, &r, NULL);
  /* Records of the trash go one by one as their items are restored. */
  if (status == SDX_NOT_FOUND && h->kind == HOLDER_TRASH) return;
  if (status == SDX_OK && r.type == JOURNAL_ITEM) {
    record_arena_reset(arena);
    status = record_decode(&item, arena, r.body.data, r.body.size, NULL);
  }
  if (status == SDX_OK) count_record(v, h, sequence, &r);
  if (status == SDX_OK && r.type == JOURNAL_ITEM && v->deep != NULL) {
    bool agrees = false;
    status = rederive_check(v->deep, &item, &agrees, NULL);
    if (status == SDX_OK && !agrees)
      complain(v, "record %" PRIu32 " of %s %016" PRIx64 ": its terms are not those of its text", sequence,
               kind_name(h->kind), h->id);
  }
  if (status != SDX_OK)
    complain(v, "record %" PRIu32 " of %s %016" PRIx64 " does not open", sequence, kind_name(h->kind), h->id);
}

static void check_records(verifier *v, const holder_row *h) {
  epoch_reader reader = { 0 };
  buffer plain = BUFFER_INIT;
  record_arena arena = RECORD_ARENA_INIT;
  const sdx_status status = epoch_open(&reader, v->index, key_kind(h), h->id, NULL);
  for (uint32_t i = 0; status == SDX_OK && i < h->records; i++)
    check_record(v, h, &reader, i, &plain, &arena);
  record_arena_free(&arena);
  buffer_free(&plain);
  epoch_close(&reader);
}

/* ------------------------------------------------------------------ segments */

/* The row of an item's id must name the place where it stands, if it lives, and else must not. */
static sdx_status check_item(verifier *v, const view_segment *s, uint32_t ordinal, sdx_error *err) {
  const bool dead = s->dead != NULL && roaring_bitmap_contains(s->dead, ordinal);
  block_ref hold = BLOCK_REF_INIT;
  uint8_t blind[BLIND_SIZE];
  segment_item item;
  place p;
  sdx_status status = segment_item_get(s->seg, &v->read->session, ordinal, &item, &hold);
  if (status == SDX_OK) place_blind(blind, v->index->id_key, item.id);
  block_release(&hold);
  v->read->session.status = SDX_OK;
  if (status != SDX_OK) return status == SDX_DAMAGED ? SDX_OK : status; /* named already */
  status = place_get(v->read->txn, v->index->table_key, blind, &p, err);
  if (status != SDX_OK && status != SDX_NOT_FOUND && status != SDX_DAMAGED) return status;
  const bool here = status == SDX_OK && p.holder == s->holder && p.ordinal == ordinal &&
                    !place_dead(&p, v->read->now);
  if (here && !dead) v->live_items++;
  if (here != dead || status == SDX_DAMAGED) return SDX_OK; /* rows that do not open are named by the scan */
  complain(v, here ? "segment %016" PRIx64 ", item %" PRIu32 ": it is dead, and its row in \"ids\" lives"
                   : "segment %016" PRIx64 ", item %" PRIu32 ": no row in \"ids\" points at it",
           s->holder, ordinal);
  return SDX_OK;
}

static sdx_status check_items(verifier *v, sdx_error *err) {
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < v->read->view->segment_count && status == SDX_OK; i++) {
    const view_segment *s = &v->read->view->segments[i];
    const uint32_t items = s->holder != 0 ? segment_about(s->seg)->items : 0;
    for (uint32_t k = 0; k < items && status == SDX_OK; k++) status = check_item(v, s, k, err);
  }
  return status;
}

static void forward(void *context, const char *line) {
  verifier *v = context;
  if (v->report != NULL) v->report(v->context, line);
}

static sdx_status check_segments(verifier *v, sdx_error *err) {
  const view *picture = v->read->view;
  if ((picture->partial & VIEW_SEGMENT_DAMAGED) != 0)
    complain(v, "a segment does not open (%" PRIu64 " items cannot be read)", picture->missing_items);
  if ((picture->partial & VIEW_SEGMENT_MISSING) != 0)
    complain(v, "%" PRIu64 " items are missing; sealdex-reindex --missing brings them back",
             picture->missing_items);
  for (size_t i = 0; i < picture->segment_count; i++) {
    const attributes *a = NULL;
    uint64_t problems = 0;
    if (picture->segments[i].holder == 0) continue; /* the journal's: checked record by record */
    v->read->session.status = SDX_OK;
    const sdx_status status =
        segment_check(picture->segments[i].seg, &v->read->session, forward, v, &problems, err);
    if (status != SDX_OK && status != SDX_DAMAGED) return status;
    v->problems += problems;
    if (problems == 0 && status == SDX_DAMAGED)
      complain(v, "segment %016" PRIx64 " is damaged", picture->segments[i].holder);
    v->read->session.status = SDX_OK;
    if (view_attributes(v->read, i, &a, NULL) != SDX_OK)
      complain(v, "the attributes of segment %016" PRIx64 " do not open", picture->segments[i].holder);
  }
  return SDX_OK;
}

/* ------------------------------------------------------------------ terms and texts */

typedef struct rederiving {
  verifier *v;
  holder_id holder;
} rederiving;

static sdx_status check_terms(void *context, uint32_t ordinal, const record *r, sdx_error *err) {
  rederiving *d = context;
  bool agrees = false;
  const sdx_status status = rederive_check(d->v->deep, r, &agrees, err);
  if (status == SDX_OK && !agrees)
    complain(d->v, "segment %016" PRIx64 ", item %" PRIu32 ": its terms are not those of its text", d->holder,
             ordinal);
  return status;
}

static sdx_status rederive_some(verifier *v, size_t number, uint32_t first, uint32_t end, sdx_error *err) {
  const view_segment *s = &v->read->view->segments[number];
  rederiving d = { v, s->holder };
  const attributes *a = NULL;
  roaring_bitmap_t *which = roaring_bitmap_from_range(first, end, 1);
  if (which == NULL) return error_memory(err);
  sdx_status status = view_attributes(v->read, number, &a, err);
  if (status == SDX_OK) status = segment_take(s->seg, &v->read->session, a, which, check_terms, &d, err);
  roaring_bitmap_free(which);
  return status;
}

/* Also of versions that are dead: they may come back. Segments with damage have been named. */
static sdx_status rederive_segments(verifier *v, sdx_error *err) {
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < v->read->view->segment_count && status == SDX_OK; i++) {
    const view_segment *s = &v->read->view->segments[i];
    const uint32_t items = s->holder != 0 ? segment_about(s->seg)->items : 0;
    for (uint32_t k = 0; k < items && status == SDX_OK; k += REDERIVED_AT_ONCE)
      status = rederive_some(v, i, k, items - k < REDERIVED_AT_ONCE ? items : k + REDERIVED_AT_ONCE, err);
    v->read->session.status = SDX_OK;
    if (status == SDX_DAMAGED) {
      complain(v, "segment %016" PRIx64 ": its items cannot be taken out of it", s->holder);
      status = SDX_OK;
    }
  }
  return status;
}

static sdx_status verify_all(verifier *v, sdx_error *err) {
  sdx_status status = check_copies(v, err);
  if (status == SDX_OK) status = gather_holders(v, err);
  if (status != SDX_OK) return status;
  check_keys(v);
  status = check_segments(v, err);
  if (status == SDX_OK) status = check_items(v, err);
  if (status == SDX_OK && v->deep != NULL) status = rederive_segments(v, err);
  if (status == SDX_OK) status = scan(v, STORE_IDS, check_place, err);
  if (status == SDX_OK) status = scan(v, STORE_DUE, check_due, err);
  for (size_t i = 0; status == SDX_OK && i < v->holder_count; i++)
    if (v->holders[i].kind == HOLDER_EPOCH || v->holders[i].kind == HOLDER_TRASH)
      if (!v->holders[i].damaged) check_records(v, &v->holders[i]);
  if (status == SDX_OK && v->problems == 0 && v->live_items != v->live_places)
    complain(v, "%" PRIu64 " rows of \"ids\" say that an item lives, and %" PRIu64 " items do",
             v->live_places, v->live_items);
  return status;
}

/* The store's pages and rows. What is damaged there is a problem like others: the rest is looked at. */
static sdx_status check_store(verifier *v, sdx_error *err) {
  sdx_error said = { 0 };
  const sdx_status status = store_check(v->index->store, &said);
  if (status == SDX_DAMAGED) complain(v, "%s", said.message);
  else if (status != SDX_OK && err != NULL) *err = said;
  return status == SDX_DAMAGED ? SDX_OK : status;
}

static sdx_status run(sdx_index *index, bool deep, void (*report)(void *, const char *), void *context,
                      uint64_t *problems, sdx_error *err) {
  view_read r;
  sdx_status status = index_check(index, err);
  if (status != SDX_OK) return status;
  verifier v = { .index = index, .read = &r, .report = report, .context = context };
  if (deep) status = rederive_open(&v.deep, index, err);
  if (status == SDX_OK) status = check_store(&v, err);
  if (status == SDX_OK) status = view_begin(&r, index, 0, err);
  if (status == SDX_OK) {
    status = verify_all(&v, err);
    view_end(&r);
  }
  if (status == SDX_DAMAGED && err != NULL) complain(&v, "%s", err->message);
  plain_free(v.holders);
  rederive_close(v.deep);
  if (problems != NULL) *problems = v.problems;
  if ((status == SDX_OK || status == SDX_DAMAGED) && v.problems > 0)
    status = error_set(err, SDX_DAMAGED, "%" PRIu64 " problems; sealdex-reindex mends them", v.problems);
  return status;
}

sdx_status sdx_verify(sdx_index *index, void (*report)(void *, const char *), void *context,
                      uint64_t *problems, sdx_error *err) {
  return run(index, false, report, context, problems, err);
}

sdx_status sdx_verify_deep(sdx_index *index, void (*report)(void *, const char *), void *context,
                           uint64_t *problems, sdx_error *err) {
  return run(index, true, report, context, problems, err);
}
