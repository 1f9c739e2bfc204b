/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A rebuild from a host's own store, beside a live index: what is carried over, what stays hidden,
 * what comes anew; interrupted at any item and taken up again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/plain.h"
#include "index/fresh.h"
#include "index/journal.h"
#include "indexer/item.h"
#include "indexer/upsert.h"
#include "scene.h"

#define ITEMS 200

/* The host's store: item i says `text[i]`, or is not there. */
typedef struct shelf {
  const char *text[ITEMS];
  const char *folder[ITEMS];
  unsigned at;
  unsigned stop; /* the caller stops the run when so many were given; 0: never */
  void (*meanwhile)(scene *s, unsigned given); /* what others do while the source is read, */
  void (*late)(scene *s, unsigned given);      /* and when an item of it was just read */
  scene *s;
  char id[24];
  sdx_field fields[2];
  sdx_bytes folders[1];
  sdx_item item;
} shelf;

static sdx_status begin(void *context, sdx_error *err) {
  shelf *h = context;
  (void)err;
  h->at = 0;
  return SDX_OK;
}

static sdx_status next(void *context, sdx_original *out, sdx_error *err) {
  shelf *h = context;
  (void)err;
  while (h->at < ITEMS && h->text[h->at] == NULL) h->at++;
  if (h->at == ITEMS) return SDX_NOT_FOUND;
  const unsigned i = h->at++;
  if (h->meanwhile != NULL) h->meanwhile(h->s, i);
  h->item = (sdx_item)SDX_ITEM_INIT;
  h->item.id = (sdx_bytes){ h->id, (size_t)snprintf(h->id, sizeof h->id, "item/%u", i) };
  h->fields[0] = (sdx_field){ "subject", { "about it", 8 } };
  h->fields[1] = (sdx_field){ "body", { h->text[i], strlen(h->text[i]) } };
  h->item.fields = h->fields;
  h->item.field_count = 2;
  h->item.date = SCENE_START - (int64_t)i * 60;
  h->folders[0] = (sdx_bytes){ h->folder[i], strlen(h->folder[i]) };
  h->item.folders = h->folders;
  h->item.folder_count = 1;
  out->item = &h->item;
  if (h->late != NULL) h->late(h->s, i);
  return SDX_OK;
}

static void fill(shelf *h, scene *s) {
  *h = (shelf){ .s = s };
  for (unsigned i = 0; i < ITEMS; i++) {
    h->text[i] = i % 2 == 0 ? "an even letter about gryphons" : "an odd letter about walruses";
    h->folder[i] = "INBOX";
  }
}

static void add_all(scene *s, const shelf *h) {
  for (unsigned i = 0; i < ITEMS; i++)
    if (h->text[i] != NULL) (void)scene_add_full(s, i, h->text[i], h->folder[i], "", 0, false);
}

/* The store, and an index of all that is in it. */
static void stock(shelf *h, scene *s) {
  fill(h, s);
  add_all(s, h);
}

static bool go_on(void *context, const sdx_reindex_report *so_far, uint64_t total) {
  const shelf *h = context;
  (void)total, (void)so_far;
  return h->stop == 0 || h->at < h->stop;
}

static sdx_status reindex(scene *s, shelf *h, sdx_reindex_mode mode, sdx_reindex_report *report) {
  const sdx_source_calls calls = { .version = 1, .context = h, .begin = begin, .next = next };
  sdx_reindex_options options = SDX_REINDEX_OPTIONS_INIT;
  sdx_source *source = NULL;
  sdx_error err = { 0 };
  options.mode = mode;
  options.now = s->now;
  options.jobs = 2;
  options.context = h;
  options.progress = go_on;
  scene_ok(sdx_source_own(&source, &calls, &err), &err);
  const sdx_status status = sdx_reindex(s->index, source, &options, report, &err);
  sdx_source_close(source);
  if (status != SDX_CANCELLED) scene_ok(status, &err);
  return status;
}

/* A rebuild that comes to its end. */
static sdx_reindex_report rebuild(scene *s, shelf *h) {
  sdx_reindex_report report;
  reindex(s, h, SDX_REINDEX_ALL, &report);
  assert_true(report.swapped);
  return report;
}

static void verify(scene *s) {
  sdx_error err = { 0 };
  uint64_t problems = 0;
  scene_ok(sdx_verify(s->index, NULL, NULL, &problems, &err), &err);
}

static void set(scene *s, unsigned number, sdx_change_kind kind, const char *value) {
  char id[24];
  sdx_error err = { 0 };
  const sdx_change change = { kind, { value, strlen(value) } };
  const sdx_bytes name = { id, (size_t)snprintf(id, sizeof id, "item/%u", number) };
  scene_ok(sdx_set(s->index, name, &change, 1, s->now, &err), &err);
}

static bool has(scene *s, const char *query, unsigned number) {
  char id[24];
  sdx_error err = { 0 };
  sdx_found *found = NULL;
  const sdx_bytes name = { id, (size_t)snprintf(id, sizeof id, "item/%u", number) };
  bool yes = false;
  if (sdx_show(s->index, name, s->now, &found, &err) != SDX_OK) return false;
  const sdx_item *item = sdx_found_item(found);
  const sdx_bytes *list = query[0] == 'f'   ? item->folders
                          : query[0] == 'g' ? item->flags
                                            : item->labels;
  const size_t count = query[0] == 'f'   ? item->folder_count
                       : query[0] == 'g' ? item->flag_count
                                         : item->label_count;
  for (size_t i = 0; i < count; i++)
    yes |= list[i].size == strlen(query + 1) && memcmp(list[i].data, query + 1, list[i].size) == 0;
  sdx_found_free(found);
  return yes;
}

static size_t fresh_count(scene *s) {
  sdx_error err = { 0 };
  store_txn *t = NULL;
  holder_row *rows = NULL;
  size_t count = 0;
  scene_ok(store_read_begin(s->index->store, &t, &err), &err);
  scene_ok(fresh_list(t, s->index->row_key, &rows, &count, &err), &err);
  store_read_end(t);
  plain_free(rows);
  return count;
}

static void fills_an_empty_index(void **state) {
  scene *s = *state;
  sdx_reindex_report report;
  shelf h;
  fill(&h, s);
  report = rebuild(s, &h);
  assert_int_equal(report.missing, ITEMS);
  assert_int_equal(scene_count(s, "gryphons"), ITEMS / 2);
  assert_int_equal(scene_count(s, "walruses"), ITEMS / 2);
  assert_true(scene_shows(s, 7, h.text[7]));
  reindex(s, &h, SDX_REINDEX_COMPARE, &report);
  assert_int_equal(report.synced, ITEMS);
  verify(s);
  assert_int_equal(fresh_count(s), 0);
}

static void replaces_a_live_index(void **state) {
  scene *s = *state;
  sdx_reindex_report report;
  shelf h;
  stock(&h, s);
  set(s, 3, SDX_ADD_FLAG, "flagged"); /* of these some are folded, some in the journal */
  scene_maintain(s, false);
  set(s, 4, SDX_ADD_LABEL, "travel");
  set(s, 4, SDX_SET_FOLDER, "Archive");
  assert_int_equal(scene_delete(s, 5), SDX_OK);
  scene_maintain(s, true); /* to the trash */
  assert_int_equal(scene_delete(s, 6), SDX_OK);
  assert_int_equal(scene_delete(s, 8), SDX_OK);
  assert_int_equal(scene_restore(s, 8), SDX_OK);
  h.text[9] = "now about dodos";
  h.text[11] = NULL; /* the source has it no more */
  h.folder[12] = "Moved";
  reindex(s, &h, SDX_REINDEX_ALL, &report);
  assert_int_equal(report.hidden, 2);
  assert_int_equal(report.stale, 1);
  assert_int_equal(report.extra, 1);
  assert_int_equal(report.missing, 0);
  assert_true(has(s, "gflagged", 3));
  assert_true(has(s, "ltravel", 4));
  assert_true(has(s, "fArchive", 4));
  assert_false(has(s, "fINBOX", 4));
  assert_true(has(s, "fMoved", 12));
  assert_false(has(s, "fINBOX", 12));
  assert_true(scene_shows(s, 9, "now about dodos"));
  assert_true(scene_shows(s, 11, "an odd letter about walruses"));
  assert_int_equal(scene_count(s, "walruses"), ITEMS / 2 - 2);
  assert_int_equal(scene_count(s, "gryphons"), ITEMS / 2 - 1);
  assert_false(scene_shows(s, 5, h.text[5]));
  assert_false(scene_shows(s, 6, h.text[6]));
  assert_true(scene_shows(s, 8, h.text[8]));
  verify(s);
  /* The clocks of the deleted go on. */
  s->now += SDX_RETENTION_DEFAULT - 1;
  assert_int_equal(scene_restore(s, 5), SDX_OK);
  assert_true(scene_shows(s, 5, h.text[5]));
  s->now += 1;
  assert_int_equal(scene_restore(s, 6), SDX_NOT_FOUND);
  (void)scene_sweep(s, true, true);
  verify(s);
  reindex(s, &h, SDX_REINDEX_COMPARE, &report);
  assert_int_equal(report.synced, ITEMS - 2); /* what was purged is a new item */
  assert_int_equal(report.missing, 1);
}

static void meddle(scene *s, unsigned given) {
  if (given == 50) { /* what was read, and what was not */
    assert_int_equal(scene_delete(s, 10), SDX_OK);
    assert_int_equal(scene_delete(s, 150), SDX_OK);
    (void)scene_add(s, 12, "rewritten about quokkas");
    (void)scene_add(s, 152, "rewritten about quokkas");
    (void)scene_add(s, 500, "brand new about quokkas");
    set(s, 14, SDX_ADD_FLAG, "flagged");
    set(s, 154, SDX_ADD_FLAG, "flagged");
    assert_int_equal(scene_restore(s, 20), SDX_OK);
  }
  if (given == 60) scene_maintain(s, false);
  if (given == 70) {
    set(s, 16, SDX_ADD_FLAG, "answered");
    scene_maintain(s, true);
    assert_int_equal(scene_restore(s, 150), SDX_OK);
  }
}

static void carries_over_what_happens_meanwhile(void **state) {
  scene *s = *state;
  shelf h;
  stock(&h, s);
  scene_maintain(s, true);
  assert_int_equal(scene_delete(s, 20), SDX_OK);
  assert_int_equal(scene_delete(s, 22), SDX_OK);
  h.meanwhile = meddle;
  (void)rebuild(s, &h);
  assert_false(scene_shows(s, 10, h.text[10]));
  assert_true(scene_shows(s, 150, h.text[150]));
  assert_true(scene_shows(s, 12, "rewritten about quokkas"));
  assert_true(scene_shows(s, 500, "brand new about quokkas"));
  assert_true(scene_shows(s, 20, h.text[20]));
  assert_false(scene_shows(s, 22, h.text[22]));
  assert_true(has(s, "gflagged", 14));
  assert_true(has(s, "gflagged", 154));
  assert_true(has(s, "ganswered", 16));
  assert_true(scene_count(s, "quokkas") >= 2);
  assert_int_equal(scene_restore(s, 10), SDX_OK);
  assert_true(scene_shows(s, 10, h.text[10]));
  verify(s);
}

/* The source was read before the host changed it, and is held against the index afterwards. */
static void change_late(scene *s, unsigned given) {
  if (given == 100) (void)scene_add(s, 100, "rewritten about quokkas");
  if (given == 102) assert_int_equal(scene_delete(s, 102), SDX_OK);
  if (given == 104) {
    assert_int_equal(scene_delete(s, 104), SDX_OK);
    assert_int_equal(scene_restore(s, 104), SDX_OK);
  }
}

static void what_changes_after_it_was_read_stays(void **state) {
  scene *s = *state;
  sdx_reindex_report report;
  shelf h;
  stock(&h, s);
  scene_maintain(s, true);
  h.late = change_late;
  report = rebuild(s, &h);
  assert_int_equal(report.extra, 0);
  assert_true(scene_shows(s, 100, "rewritten about quokkas"));
  assert_false(scene_shows(s, 102, h.text[102]));
  assert_true(scene_shows(s, 104, h.text[104]));
  assert_int_equal(scene_count(s, "gryphons"), ITEMS / 2 - 2);
  verify(s);
}

static void goes_on_where_it_was(void **state) {
  scene *s = *state;
  sdx_reindex_report report;
  shelf h;
  stock(&h, s);
  assert_int_equal(scene_delete(s, 30), SDX_OK);
  h.stop = 1; /* at the first tick, which comes before the end or not at all */
  const sdx_status status = reindex(s, &h, SDX_REINDEX_ALL, &report);
  assert_true(status == SDX_CANCELLED || report.swapped);
  scene_reopen(s);
  h.stop = 0;
  h.text[40] = NULL;
  h.text[41] = "now about dodos";
  report = rebuild(s, &h);
  assert_int_equal(fresh_count(s), 0);
  assert_true(scene_shows(s, 41, "now about dodos"));
  assert_true(scene_shows(s, 40, "an even letter about gryphons"));
  assert_false(scene_shows(s, 30, "an even letter about gryphons"));
  h.text[40] = "an even letter about gryphons";
  reindex(s, &h, SDX_REINDEX_COMPARE, &report);
  assert_int_equal(report.synced, ITEMS - 1);
  assert_int_equal(report.hidden, 1);
  verify(s);
}

/* What an earlier part of a rebuild read, and the later one did not meet or met otherwise, is superseded as other
 * versions are: a sweep that comes first, without the key, takes no living item along with it. */
static void what_was_read_twice_takes_nothing_along(void **state) {
  scene *s = *state;
  sdx_reindex_report report;
  shelf h;
  stock(&h, s);
  h.stop = 150;
  assert_int_equal(reindex(s, &h, SDX_REINDEX_ALL, &report), SDX_CANCELLED);
  assert_true(fresh_count(s) > 0);
  scene_reopen(s);
  h.stop = 0;
  for (unsigned i = 0; i < 40; i++) h.text[i] = i < 20 ? "now about dodos" : NULL;
  (void)rebuild(s, &h);
  const sdx_sweep_report swept = scene_sweep(s, false, true);
  assert_int_equal(swept.items_missing, 0);
  for (unsigned i = 0; i < ITEMS; i++)
    assert_true(scene_shows(s, i, h.text[i] != NULL ? h.text[i] : i % 2 == 0 ? "an even letter about gryphons"
                                                                            : "an odd letter about walruses"));
  verify(s);
}

/* Purges what was read, without the key, in the middle of it. */
static void purge(scene *s, unsigned given) {
  if (given == 40) assert_int_equal(scene_delete(s, 10), SDX_OK);
  if (given != 180 || s->now != SCENE_START) return;
  scene_maintain(s, true);
  s->now += SDX_RETENTION_DEFAULT;
  (void)scene_sweep(s, false, true);
}

static void a_purge_meanwhile_takes_what_was_read(void **state) {
  scene *s = *state;
  shelf h;
  stock(&h, s);
  scene_maintain(s, true);
  h.meanwhile = purge;
  (void)rebuild(s, &h);
  verify(s);
  assert_int_equal(fresh_count(s), 0);
}

/* A younger tombstone outlives the segment that a purge without the key took: what it hides comes back by
 * nothing but a wish for it, and no trace is left when its own time is up. */
static void what_a_purge_took_along_stays_deleted(void **state) {
  scene *s = *state;
  sdx_reindex_report report;
  shelf h;
  stock(&h, s);
  scene_maintain(s, true);
  assert_int_equal(scene_delete(s, 3), SDX_OK);
  s->now += 10 * SDX_DAY;
  assert_int_equal(scene_delete(s, 5), SDX_OK);
  assert_int_equal(scene_delete(s, 6), SDX_OK);
  s->now += SDX_RETENTION_DEFAULT - 10 * SDX_DAY;
  const sdx_sweep_report r = scene_sweep(s, false, true);
  assert_int_equal(r.items_purged, 1);
  assert_int_equal(r.restorable_lost, 2);
  assert_int_equal(r.items_missing, ITEMS - 3);
  scene_reopen(s);
  assert_int_equal(scene_restore(s, 5), SDX_NOT_FOUND); /* asking changes nothing */
  assert_int_equal(scene_delete(s, 5), SDX_NOT_FOUND);
  assert_int_equal(scene_add(s, 5, h.text[5]), SDX_UNCHANGED);
  reindex(s, &h, SDX_REINDEX_MISSING, &report);
  assert_int_equal(report.hidden, 2);
  assert_int_equal(report.added, ITEMS - 2);
  assert_false(scene_shows(s, 5, h.text[5]));
  assert_false(scene_shows(s, 6, h.text[6]));
  assert_true(scene_shows(s, 7, h.text[7]));
  verify(s);
  /* Wanted again, it is there, and is not counted as one of those that were missing. */
  assert_int_equal(scene_add_full(s, 6, h.text[6], "INBOX", "", 0, true), SDX_ADDED);
  assert_true(scene_shows(s, 6, h.text[6]));
  verify(s);
  reindex(s, &h, SDX_REINDEX_COMPARE, &report);
  assert_int_equal(report.synced, ITEMS - 1);
  assert_int_equal(report.hidden, 1);
  s->now += 10 * SDX_DAY;
  scene_reopen(s);
  assert_int_equal(scene_sweep(s, false, true).items_missing, 0);
  verify(s);
  reindex(s, &h, SDX_REINDEX_COMPARE, &report);
  assert_int_equal(report.hidden, 0);
  assert_int_equal(report.missing, 1);
}

/* Overwrites about one sealed block of `every` with noise, never the manifest of all: what is left
 * of it is to be salvaged. */
static size_t make_noise(scene *s, size_t every) {
  sdx_error err = { 0 };
  store_txn *t = NULL;
  store_cursor *c = NULL;
  sdx_bytes key, value;
  uint8_t keys[4096][16], noise[STORE_BLOCK_SIZE];
  size_t count = 0, hit = 0;
  sdx_close(s->index);
  store *st = NULL;
  scene_ok(store_open(&st, s->path, &err), &err);
  scene_ok(store_write_begin(st, &t, &err), &err);
  scene_ok(store_cursor_open(t, STORE_BLOCKS, &c, &err), &err);
  sdx_status status = store_cursor_seek(c, NULL, 0, &key, &value, &err);
  for (; status == SDX_OK && count < 4096; status = store_cursor_next(c, &key, &value, &err))
    memcpy(keys[count++], key.data, 16);
  store_cursor_close(c);
  for (size_t i = 0; i < sizeof noise; i++) noise[i] = (uint8_t)(i * 97 + 13);
  for (size_t i = every / 2; i < count; i += every, hit++)
    scene_ok(store_put(t, STORE_BLOCKS, keys[i], 16, noise, sizeof noise, &err), &err);
  scene_ok(store_commit(t, &err), &err);
  store_close(st);
  s->index = NULL;
  scene_reopen(s);
  return hit;
}

static void damage_is_salvaged_and_mended(void **state) {
  scene *s = *state;
  sdx_reindex_report report;
  sdx_error err = { 0 };
  uint64_t problems = 0, salvaged = 0;
  shelf h;
  char long_text[ITEMS][4000];
  fill(&h, s);
  for (unsigned i = 0; i < ITEMS; i++) { /* long ones, so that there are many blocks */
    size_t at = (size_t)snprintf(long_text[i], sizeof long_text[i], "%s ", h.text[i]);
    for (uint64_t r = i + 1; at + 12 < sizeof long_text[i]; r = r * 6364136223846793005u + 1)
      at += (size_t)snprintf(long_text[i] + at, sizeof long_text[i] - at, "w%07u ",
                             (unsigned)(r >> 33) % 9999999);
    h.text[i] = long_text[i];
  }
  add_all(s, &h);
  set(s, 3, SDX_ADD_FLAG, "flagged");
  scene_maintain(s, true);
  assert_int_equal(scene_delete(s, 5), SDX_OK);
  assert_int_equal(scene_delete(s, 8), SDX_OK);
  for (size_t every = 100; every >= 6; every /= 4) {
    assert_true(make_noise(s, every) > 0);
    assert_int_equal(sdx_verify(s->index, NULL, NULL, &problems, &err), SDX_DAMAGED);
    reindex(s, &h, SDX_REINDEX_MISSING, &report);
    assert_true(report.salvaged + report.unreadable > ITEMS / 2);
    salvaged += report.salvaged;
    assert_int_equal(report.added, report.missing);
    verify(s);
    reindex(s, &h, SDX_REINDEX_COMPARE, &report);
    assert_int_equal(report.synced, ITEMS - 2);
    assert_int_equal(report.hidden, 2);
    assert_int_equal(scene_count(s, "gryphons"), ITEMS / 2 - 1);
    assert_int_equal(scene_count(s, "walruses"), ITEMS / 2 - 1);
    assert_false(scene_shows(s, 5, h.text[5]));
    scene_maintain(s, true);
  }
  verify(s);
  /* All at once, by a rebuild. */
  assert_true(make_noise(s, 10) > 0);
  reindex(s, &h, SDX_REINDEX_ALL, &report);
  assert_true(salvaged + report.salvaged > ITEMS / 2); /* where no manifest was hit */
  verify(s);
  reindex(s, &h, SDX_REINDEX_COMPARE, &report);
  assert_int_equal(report.synced, ITEMS - 2);
  assert_int_equal(report.hidden, 2);
}

/* ------------------------------------------------------------------ versions of the analyser */

static void by_an_older_analyser(record *r) {
  r->analyser = TEXT_ANALYSER_VERSION - 1;
}

/* The item's record as it would be in the journal, but for a change. */
static void change_record(const scene *s, item_work *work, void (*change)(record *r), buffer *out) {
  sdx_error err = { 0 };
  text_analyser *a = NULL;
  record_arena arena = RECORD_ARENA_INIT;
  record r;
  buffer young = BUFFER_INIT;
  scene_ok(text_analyser_open(&a, s->index->settings.languages, &err), &err);
  scene_ok(item_analyse(a, item_fields(work), &work->terms, &err), &err);
  scene_ok(item_encode(work, a, &young, &err), &err);
  scene_ok(record_decode(&r, &arena, young.data, young.size, &err), &err);
  change(&r);
  record_encode(out, &r);
  assert_false(out->failed);
  record_arena_free(&arena);
  buffer_free(&young);
  text_analyser_close(a);
}

static void add_changed(scene *s, const sdx_item *item, void (*change)(record *r)) {
  sdx_error err = { 0 };
  item_work work = { 0 };
  buffer body = BUFFER_INIT;
  write_txn w;
  place old = { 0 };
  verdict v;
  holder_id holder;
  uint32_t sequence;
  scene_ok(item_prepare(&work, s->index, item, &err), &err);
  change_record(s, &work, change, &body);
  const upsert u = { work.blind, work.content, work.attributes, 0 };
  scene_ok(write_begin(&w, s->index, s->now, false, &err), &err);
  scene_ok(upsert_decide(s->index, w.store, &u, s->now, true, &old, &v, &err), &err);
  journal_record r = { .type = JOURNAL_ITEM, .time = s->now, .version = w.head.generation,
                       .body = { (const char *)body.data, body.size } };
  memcpy(r.blind, work.blind, BLIND_SIZE);
  scene_ok(journal_append(&w, &r, &holder, &sequence, &err), &err);
  scene_ok(upsert_place(&w, &u, &old, holder, sequence, false, &err), &err);
  scene_ok(write_commit(&w, &err), &err);
  buffer_free(&body);
  item_work_free(&work);
}

static bool is_due_for_reindex(scene *s) {
  sdx_error err = { 0 };
  sdx_state state;
  scene_ok(sdx_status_of(s->index, s->now, &state, &err), &err);
  return state.reindex_due;
}

static void an_older_analysers_index_is_searched_and_due(void **state) {
  scene *s = *state;
  sdx_reindex_report report;
  sdx_original original;
  shelf h;
  fill(&h, s);
  for (unsigned i = 0; i < ITEMS; i++) {
    assert_int_equal(next(&h, &original, NULL), SDX_OK);
    add_changed(s, original.item, by_an_older_analyser);
    if (i % 50 == 49) scene_maintain(s, false);
  }
  (void)scene_add(s, 500, "an even letter of today");
  for (int all = 0; all < 2; all++) { /* a merge is as old as the oldest in it */
    scene_maintain(s, all != 0);
    assert_true(is_due_for_reindex(s));
    assert_int_equal(scene_count(s, "gryphons"), ITEMS / 2);
    assert_int_equal(scene_count(s, "walruses"), ITEMS / 2);
    assert_true(scene_shows(s, 3, h.text[3]));
    verify(s);
  }
  reindex(s, &h, SDX_REINDEX_COMPARE, &report);
  assert_int_equal(report.synced, ITEMS);
  assert_int_equal(scene_delete(s, 500), SDX_OK);
  scene_maintain(s, true);
  reindex(s, &h, SDX_REINDEX_ALL, &report);
  assert_int_equal(report.synced, ITEMS);
  assert_false(is_due_for_reindex(s));
  assert_int_equal(scene_count(s, "gryphons"), ITEMS / 2);
  verify(s);
}

/* ------------------------------------------------------------------ terms that are not the text's */

static void with_one_occurrence_more(record *r) {
  ((record_term *)(uintptr_t)r->terms)[r->term_count - 1].wdf++;
}
static void with_a_word_elsewhere(record *r) {
  ((uint32_t *)(uintptr_t)r->positions)[r->terms[r->term_count - 1].first] += 50;
}
static void with_another_word(record *r) {
  const sdx_bytes last = r->terms[r->term_count - 1].term;
  ((char *)(uintptr_t)last.data)[last.size - 1]++;
}

static uint64_t problems_of(scene *s, bool deep) {
  sdx_error err = { 0 };
  uint64_t problems = 0;
  const sdx_status status = deep ? sdx_verify_deep(s->index, NULL, NULL, &problems, &err)
                                 : sdx_verify(s->index, NULL, NULL, &problems, &err);
  assert_int_equal(status, problems > 0 ? SDX_DAMAGED : SDX_OK);
  return problems;
}

/* In the journal, in a segment, and as a version that is deleted. */
static void a_deep_look_derives_terms_anew(void **state) {
  static void (*const changes[])(record *) = { with_one_occurrence_more, with_a_word_elsewhere,
                                               with_another_word };
  scene *s = *state;
  sdx_reindex_report report;
  sdx_original original;
  shelf h;
  stock(&h, s);
  assert_int_equal(problems_of(s, true), 0);
  scene_maintain(s, true);
  assert_int_equal(problems_of(s, true), 0);
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
    h.text[i] = "a letter that was indexed wrong";
    assert_int_equal(next(&h, &original, NULL), SDX_OK);
    add_changed(s, original.item, changes[i]);
    assert_int_equal(problems_of(s, true), i + 1);
  }
  assert_int_equal(problems_of(s, false), 0);
  assert_int_equal(scene_delete(s, 1), SDX_OK);
  scene_maintain(s, false);
  assert_int_equal(problems_of(s, true), 3);
  assert_int_equal(scene_restore(s, 1), SDX_OK);
  reindex(s, &h, SDX_REINDEX_ALL, &report);
  assert_int_equal(problems_of(s, true), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(fills_an_empty_index, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(replaces_a_live_index, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(carries_over_what_happens_meanwhile, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(what_changes_after_it_was_read_stays, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(goes_on_where_it_was, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(what_was_read_twice_takes_nothing_along, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(a_purge_meanwhile_takes_what_was_read, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(what_a_purge_took_along_stays_deleted, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(damage_is_salvaged_and_mended, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(an_older_analysers_index_is_searched_and_due, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(a_deep_look_derives_terms_anew, scene_begin, scene_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
