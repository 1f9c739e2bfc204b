/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Depositing: what a process with a deposit key alone does, that it can read none of it, that it can
 * hasten no purge by lying about time, and that it is cut off with its slot.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/blocks.h"
#include "index/due.h"
#include "index/epoch.h"
#include "scene.h"

#define RETENTION SDX_RETENTION_DEFAULT

static const sdx_secret new_key = { SDX_SECRET_KEY, "another key of thirty-two bytes .", 32 };

/* The deposit file's contents; one slot for each scene that asks. */
static void export_key(scene *s, char contents[SDX_DEPOSIT_FILE_SIZE]) {
  sdx_error err = { 0 };
  scene_ok(sdx_deposit_key(s->index, contents, &err), &err);
}

static sdx_status try_open(const scene *s, const char contents[SDX_DEPOSIT_FILE_SIZE],
                           sdx_deposit **out) {
  const sdx_secret file = { SDX_SECRET_DEPOSIT, contents, SDX_DEPOSIT_FILE_SIZE };
  return sdx_deposit_open(out, s->path, &file, NULL, NULL);
}

static sdx_deposit *depositor(const scene *s, const char contents[SDX_DEPOSIT_FILE_SIZE]) {
  sdx_deposit *d = NULL;
  assert_int_equal(try_open(s, contents, &d), SDX_OK);
  return d;
}

static sdx_bytes name_of(unsigned number, char out[24]) {
  return (sdx_bytes){ out, (size_t)snprintf(out, 24, "item/%u", number) };
}

static sdx_outcome deposit_at(sdx_deposit *d, unsigned number, const char *text, int64_t now,
                              int64_t expires) {
  char id[24];
  const sdx_field fields[1] = { { "body", { text, strlen(text) } } };
  const sdx_bytes folders[1] = { { "INBOX", 5 } };
  sdx_item item = SDX_ITEM_INIT;
  sdx_write_options options = SDX_WRITE_OPTIONS_INIT;
  sdx_outcome outcome = 0;
  sdx_error err = { 0 };
  item.id = name_of(number, id);
  item.date = SCENE_START - (int64_t)number * 60;
  item.fields = fields;
  item.field_count = 1;
  item.folders = folders;
  item.folder_count = 1;
  item.expires = expires;
  options.now = now;
  scene_ok(sdx_deposit_add(d, &item, &options, &outcome, &err), &err);
  return outcome;
}

static sdx_outcome deposit(scene *s, sdx_deposit *d, unsigned number, const char *text) {
  return deposit_at(d, number, text, s->now, 0);
}

static sdx_status deposit_delete(sdx_deposit *d, unsigned number, int64_t now) {
  char id[24];
  return sdx_deposit_delete(d, name_of(number, id), now, NULL);
}

static sdx_status deposit_restore(sdx_deposit *d, unsigned number, int64_t now) {
  char id[24];
  return sdx_deposit_restore(d, name_of(number, id), now, NULL);
}

/* ------------------------------------------------------------------ what it does */

/* A version that would have expired one day goes as any other that is superseded. */
static void what_it_supersedes_is_purged_in_time(void **state) {
  scene *s = *state;
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  export_key(s, contents);
  scene_add_full(s, 1, "zebra", "INBOX", "", s->now + 40 * SDX_DAY, false);
  scene_maintain(s, false);
  sdx_deposit *d = depositor(s, contents);
  assert_int_equal(deposit(s, d, 1, "oak"), SDX_UPDATED);
  sdx_deposit_close(d);
  (void)scene_sweep(s, false, true);
  s->now += RETENTION - 1;
  assert_int_equal(scene_sweep(s, false, true).items_purged, 0);
  s->now += 1;
  assert_int_equal(scene_sweep(s, false, true).items_purged, 1);
}

static void what_is_deposited_is_found(void **state) {
  scene *s = *state;
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  export_key(s, contents);
  scene_add(s, 1, "zebra");
  sdx_deposit *d = depositor(s, contents);
  assert_int_equal(deposit(s, d, 2, "zebra"), SDX_ADDED);
  assert_int_equal(deposit(s, d, 2, "zebra"), SDX_UNCHANGED);
  assert_int_equal(deposit(s, d, 3, "zebra walnut"), SDX_ADDED);
  assert_int_equal(scene_count(s, "zebra"), 3); /* the handle that is open, too */
  assert_int_equal(deposit(s, d, 3, "oak"), SDX_UPDATED);
  assert_int_equal(scene_count(s, "zebra"), 2);
  scene_reopen(s);
  assert_int_equal(scene_count(s, "oak"), 1);
  assert_int_equal(scene_count(s, "walnut"), 0);
  scene_add(s, 4, "zebra"); /* in turns */
  assert_int_equal(deposit(s, d, 5, "zebra"), SDX_ADDED);
  scene_add(s, 6, "zebra");
  assert_int_equal(scene_count(s, "zebra"), 5);
  scene_maintain(s, true);
  assert_int_equal(scene_count(s, "zebra"), 5);
  assert_int_equal(deposit(s, d, 7, "zebra"), SDX_ADDED); /* after the fold */
  assert_int_equal(scene_count(s, "zebra"), 6);
  uint64_t problems = 1;
  assert_int_equal(sdx_verify(s->index, NULL, NULL, &problems, NULL), SDX_OK);
  assert_int_equal(problems, 0);
  sdx_deposit_close(d);
}

static void many_in_several_epochs(void **state) {
  scene *s = *state;
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  export_key(s, contents);
  sdx_deposit *d = depositor(s, contents), *e = depositor(s, contents);
  for (unsigned i = 0; i < 200; i++) assert_int_equal(deposit(s, i % 3 ? d : e, i, "zebra"), SDX_ADDED);
  sdx_deposit_close(e);
  assert_int_equal(scene_count(s, "zebra"), 200);
  scene_maintain(s, false);
  assert_int_equal(scene_count(s, "zebra"), 200);
  for (size_t i = 0; i < keyring_count(s->index->keyring); i++)
    assert_int_not_equal(keyring_at(s->index->keyring, i).kind, KEYRING_DEPOSIT_EPOCH);
  sdx_deposit_close(d);
}

/* A version that was deleted and is then superseded keeps the time at which it falls due. */
static void superseding_delays_no_purge(void **state) {
  scene *s = *state;
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  export_key(s, contents);
  scene_add(s, 1, "zebra");
  scene_add(s, 2, "zebra");
  scene_maintain(s, false);
  sdx_deposit *d = depositor(s, contents);
  assert_int_equal(deposit_delete(d, 1, s->now), SDX_OK);
  assert_int_equal(deposit_delete(d, 2, s->now), SDX_OK);
  scene_sweep(s, false, true); /* sees them */
  s->now += 40 * SDX_DAY;
  assert_int_equal(deposit(s, d, 1, "walnut"), SDX_ADDED);
  assert_int_equal(scene_add(s, 2, "walnut"), SDX_ADDED);
  scene_sweep(s, false, true);
  s->now += 5 * SDX_DAY;
  assert_int_equal(scene_sweep(s, false, true).items_purged, 2);
  assert_int_equal(scene_count(s, "walnut"), 2);
  sdx_deposit_close(d);
}

static void marks(void **state) {
  scene *s = *state;
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 }, id[24];
  export_key(s, contents);
  for (unsigned i = 1; i <= 4; i++) scene_add(s, i, "zebra");
  scene_maintain(s, false);
  sdx_deposit *d = depositor(s, contents);
  assert_int_equal(deposit_delete(d, 1, s->now), SDX_OK);
  assert_int_equal(deposit_delete(d, 1, s->now), SDX_NOT_FOUND);
  assert_int_equal(deposit_delete(d, 9, s->now), SDX_NOT_FOUND);
  assert_int_equal(scene_count(s, "zebra"), 3);
  assert_int_equal(deposit_restore(d, 1, s->now), SDX_OK);
  assert_int_equal(scene_count(s, "zebra"), 4);
  assert_int_equal(deposit_delete(d, 2, s->now), SDX_OK);
  assert_int_equal(scene_restore(s, 2), SDX_OK); /* the owner takes back what it deleted */
  assert_int_equal(scene_delete(s, 3), SDX_OK);
  assert_int_equal(deposit_restore(d, 3, s->now), SDX_OK); /* and the other way round */
  assert_int_equal(scene_count(s, "zebra"), 4);

  const sdx_change change = { SDX_ADD_FLAG, { "seen", 4 } };
  assert_int_equal(sdx_deposit_set(d, name_of(4, id), &change, 1, s->now, NULL), SDX_OK);
  for (int folded = 0; folded < 2; folded++) {
    sdx_found *found = NULL;
    sdx_error err = { 0 };
    scene_ok(sdx_show(s->index, name_of(4, id), s->now, &found, &err), &err);
    assert_int_equal(sdx_found_item(found)->flag_count, 1);
    sdx_found_free(found);
    scene_maintain(s, true);
  }
  sdx_deposit_close(d);
}

static void restoring_from_the_trash(void **state) {
  scene *s = *state;
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  export_key(s, contents);
  scene_add(s, 1, "zebra");
  scene_add(s, 2, "zebra");
  scene_delete(s, 1);
  scene_maintain(s, true); /* to the trash, which a depositor cannot open */
  sdx_deposit *d = depositor(s, contents);
  assert_int_equal(deposit_restore(d, 2, s->now), SDX_NOT_FOUND);
  assert_int_equal(deposit_restore(d, 1, s->now), SDX_OK);
  scene_maintain(s, false);
  assert_int_equal(scene_count(s, "zebra"), 2);
  assert_true(scene_shows(s, 1, "zebra"));
  scene_delete(s, 1);
  scene_maintain(s, true);
  assert_int_equal(deposit_restore(d, 1, s->now + RETENTION), SDX_NOT_FOUND); /* due */
  sdx_deposit_close(d);
}

/* ------------------------------------------------------------------ what it cannot read */

/* Every key that the depositor's handle has or can derive without guessing. */
static size_t known_keys(const sdx_index *index, const char contents[SDX_DEPOSIT_FILE_SIZE],
                         secret *out[16]) {
  size_t n = 0;
  const secret *have[] = { index->id_key, index->table_key, index->row_key->depositor,
                           index->thread_key, index->content_key };
  static const char *const contexts[] = { "sealdex row authentication", "sealdex deposit record 1",
                                          "sealdex keyring wrap 1", "sealdex slot seed 1" };
  uint8_t raw[32];
  for (size_t i = 0; i < sizeof have / sizeof *have; i++)
    assert_int_equal(secret_copy(&out[n++], secret_view(have[i]), NULL), SDX_OK);
  for (size_t i = 0; i < 32; i++) {
    const char pair[3] = { contents[18 + 2 * i], contents[19 + 2 * i], 0 };
    raw[i] = (uint8_t)strtoul(pair, NULL, 16);
  }
  assert_int_equal(secret_copy(&out[n++], raw, NULL), SDX_OK);
  assert_int_equal(secret_copy(&out[n++], keyring_intake_public(index->keyring), NULL), SDX_OK);
  for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++)
    assert_int_equal(secret_derive(&out[n++], out[i == 3 ? 5 : 1], contexts[i], index->index_id, 16, NULL),
                     SDX_OK);
  return n;
}

/* Tries the keys on every sealed value of the store, with the associated data that fits it. */
static void open_none(const sdx_index *index, secret *const *keys, size_t count) {
  static const seal_cipher ciphers[] = { SEAL_XCHACHA20_POLY1305, SEAL_AES256_GCM };
  store_txn *t = NULL;
  store_cursor *c = NULL;
  sdx_bytes key, value;
  buffer plain = BUFFER_INIT;
  journal_record r;
  size_t tried = 0;
  for (size_t i = 0; i < count * 2; i++) {
    seal_key *k = NULL;
    if (!seal_available(ciphers[i % 2])) continue;
    assert_int_equal(seal_key_new(&k, ciphers[i % 2], keys[i / 2], NULL), SDX_OK);
    assert_int_equal(store_read_begin(index->store, &t, NULL), SDX_OK);
    assert_int_equal(store_cursor_open(t, STORE_JOURNAL, &c, NULL), SDX_OK);
    sdx_status status = store_cursor_seek(c, NULL, 0, &key, &value, NULL);
    for (; status == SDX_OK; status = store_cursor_next(c, &key, &value, NULL)) {
      holder_id holder = 0;
      uint32_t sequence = 0;
      for (size_t b = 0; b < 8; b++) holder = holder << 8 | (uint8_t)key.data[b];
      for (size_t b = 8; b < 12; b++) sequence = sequence << 8 | (uint8_t)key.data[b];
      const sdx_status opened =
          journal_get(t, index->index_id, k, holder, sequence, &plain, &r, NULL);
      assert_true(opened == SDX_DAMAGED || opened == SDX_NOT_FOUND);
      tried++;
    }
    store_cursor_close(c);
    assert_int_equal(store_cursor_open(t, STORE_BLOCKS, &c, NULL), SDX_OK);
    status = store_cursor_seek(c, NULL, 0, &key, &value, NULL);
    for (; status == SDX_OK; status = store_cursor_next(c, &key, &value, NULL)) {
      uint8_t block[BLOCK_PLAIN], ad[BLOCKS_AD_SIZE] = { 0 };
      sealed_blocks b;
      holder_id holder = 0;
      for (size_t i2 = 0; i2 < 8; i2++) holder = holder << 8 | (uint8_t)key.data[i2];
      blocks_of(&b, index->index_id, holder, k);
      memcpy(ad, b.ad, sizeof ad);
      for (uint8_t stream = 0; stream < 16; stream++)
        for (uint8_t number = 0; number < 8; number++) {
          ad[39] = stream;
          ad[40] = number;
          for (size_t at = 0; at < value.size; at += STORE_BLOCK_SIZE) {
            assert_int_equal(unseal(block, k, ad, sizeof ad, (const uint8_t *)value.data + at,
                                    STORE_BLOCK_SIZE),
                             SDX_DAMAGED);
            tried++;
          }
        }
    }
    store_cursor_close(c);
    store_read_end(t);
    seal_key_free(k);
  }
  buffer_free(&plain);
  assert_true(tried > 1000);
}

static void it_opens_no_block_and_no_record(void **state) {
  scene *s = *state;
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  secret *keys[16];
  export_key(s, contents);
  scene_add(s, 1, "zebra");
  scene_add(s, 2, "zebra");
  scene_delete(s, 2);
  scene_maintain(s, true); /* a segment and a trash bucket */
  scene_add(s, 3, "zebra"); /* an epoch */
  sdx_deposit *d = depositor(s, contents);
  deposit(s, d, 4, "zebra"); /* a deposit epoch: not even its own */
  sdx_deposit_close(d);

  const sdx_secret file = { SDX_SECRET_DEPOSIT, contents, SDX_DEPOSIT_FILE_SIZE };
  sdx_index *index = NULL;
  view_read v;
  sdx_found *found = NULL;
  assert_int_equal(index_open_deposit(&index, s->path, &file, NULL, NULL), SDX_OK);
  for (size_t i = 0; i < keyring_count(index->keyring); i++) {
    const keyring_entry e = keyring_at(index->keyring, i);
    seal_key *key = NULL;
    epoch_reader r = { 0 };
    if (e.kind == KEYRING_ID || e.kind == KEYRING_TABLE) continue;
    assert_int_equal(index_holder_key(index, e.kind, e.id, &key, NULL), SDX_WRONG_KEY);
    assert_int_equal(epoch_open(&r, index, e.kind, e.id, NULL), SDX_WRONG_KEY);
  }
  assert_int_not_equal(view_begin(&v, index, 0, NULL), SDX_OK);
  assert_int_not_equal(sdx_show(index, (sdx_bytes){ "item/4", 6 }, s->now, &found, NULL), SDX_OK);
  assert_int_equal(sdx_maintain(index, true, s->now, NULL), SDX_WRONG_KEY);
  const size_t count = known_keys(index, contents, keys);
  open_none(index, keys, count);
  for (size_t i = 0; i < count; i++) secret_free(keys[i]);
  sdx_close(index);
  index = NULL;
  assert_int_equal(sdx_open(&index, s->path, &file, NULL, NULL), SDX_WRONG_KEY);
}

/* It makes no row that counts as the owner's. */
static void it_forges_no_row(void **state) {
  scene *s = *state;
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  export_key(s, contents);
  scene_add(s, 1, "zebra");
  scene_maintain(s, false);
  const sdx_secret file = { SDX_SECRET_DEPOSIT, contents, SDX_DEPOSIT_FILE_SIZE };
  sdx_index *index = NULL;
  write_txn w;
  assert_int_equal(index_open_deposit(&index, s->path, &file, NULL, NULL), SDX_OK);
  assert_int_equal(write_begin(&w, index, s->now, false, NULL), SDX_OK);
  for (int kind = 0; kind < 3; kind++) {
    const holder_row row = { .kind = (holder_kind)"SET"[kind], .id = 77, .items = 1,
                             .was = (keyring_kind)(kind == 0 ? KEYRING_SEGMENT
                                                  : kind == 1 ? KEYRING_EPOCH : KEYRING_TRASH) };
    assert_int_equal(holder_put(w.store, index->row_key, &row, NULL), SDX_WRONG_KEY);
  }
  due_row row = { .due = s->now, .holder = 77, .reason = DUE_DELETED, .since = s->now }, read;
  assert_int_equal(due_put(w.store, index->row_key, &row, NULL), SDX_OK);
  assert_int_equal(due_get(w.store, s->index->row_key, s->now, 77, 0, &read, NULL), SDX_OK);
  assert_true(read.deposited);
  write_abort(&w);
  sdx_close(index);
}

/* ------------------------------------------------------------------ time */

static const int64_t lies[] = { -400 * (int64_t)SDX_DAY, -44 * (int64_t)SDX_DAY, 0 };

/* It deletes with a time long past; only sweeps without a key come. */
static void lying_hastens_no_keyless_purge(void **state) {
  scene *s = *state;
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  export_key(s, contents);
  for (unsigned i = 0; i < 3; i++) scene_add(s, i, "zebra");
  scene_maintain(s, false);
  sdx_deposit *d = depositor(s, contents);
  for (unsigned i = 0; i < 3; i++) assert_int_equal(deposit_delete(d, i, s->now + lies[i]), SDX_OK);
  sdx_deposit_close(d);
  s->now += 3 * SDX_DAY;
  const int64_t seen = s->now;
  assert_int_equal(scene_sweep(s, false, true).items_purged, 0); /* sees them first */
  s->now += RETENTION - 1;
  assert_int_equal(scene_sweep(s, false, true).items_purged, 0);
  scene_reopen(s);
  assert_int_equal(scene_restore(s, 2), SDX_OK);
  assert_int_equal(scene_count(s, "zebra"), 1);
  assert_int_equal(scene_delete(s, 2), SDX_OK);
  s->now = seen + RETENTION;
  const sdx_sweep_report r = scene_sweep(s, false, true);
  assert_int_equal(r.items_purged, 2);
  assert_int_equal(r.restorable_lost, 1);
}

static void a_time_to_come_is_believed(void **state) {
  scene *s = *state;
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  export_key(s, contents);
  scene_add(s, 1, "zebra");
  scene_maintain(s, false);
  const int64_t stated = s->now + 10 * SDX_DAY;
  sdx_deposit *d = depositor(s, contents);
  assert_int_equal(deposit_delete(d, 1, stated), SDX_OK);
  sdx_deposit_close(d);
  assert_int_equal(scene_sweep(s, false, true).items_purged, 0);
  s->now = stated + RETENTION - 1;
  assert_int_equal(scene_sweep(s, false, true).items_purged, 0);
  s->now++;
  assert_int_equal(scene_sweep(s, false, true).items_purged, 1);
}

/* Upkeep with the read key adopts what was deposited: it counts from when it was first seen. */
static void lying_hastens_no_keyed_purge(void **state) {
  scene *s = *state;
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  export_key(s, contents);
  for (unsigned i = 0; i < 3; i++) scene_add(s, i, "zebra");
  sdx_deposit *d = depositor(s, contents);
  for (unsigned i = 0; i < 3; i++) assert_int_equal(deposit_delete(d, i, s->now + lies[i]), SDX_OK);
  sdx_deposit_close(d);
  s->now += SDX_DAY;
  const int64_t seen = s->now;
  (void)scene_sweep(s, false, true);
  s->now += 2 * SDX_DAY;
  scene_maintain(s, true);
  s->now = seen + RETENTION - 1;
  scene_reopen(s);
  assert_int_equal(scene_sweep(s, true, true).items_purged, 0);
  assert_int_equal(scene_restore(s, 0), SDX_OK);
  assert_int_equal(scene_count(s, "zebra"), 1);
  s->now++;
  assert_int_equal(scene_sweep(s, true, true).items_purged, 2);
  assert_int_equal(scene_restore(s, 1), SDX_NOT_FOUND);
  assert_int_equal(scene_count(s, "zebra"), 1);
}

static void expiry(void **state) {
  scene *s = *state;
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  export_key(s, contents);
  sdx_deposit *d = depositor(s, contents);
  deposit_at(d, 1, "zebra", s->now, s->now - 100 * SDX_DAY); /* long past, it says */
  deposit_at(d, 2, "zebra", s->now, s->now + 5 * SDX_DAY);
  sdx_deposit_close(d);
  assert_int_equal(scene_count(s, "zebra"), 1);
  const int64_t seen = s->now;
  (void)scene_sweep(s, false, true);
  s->now = seen + RETENTION - 1;
  assert_int_equal(scene_sweep(s, false, true).items_purged, 0);
  scene_reopen(s);
  assert_int_equal(scene_count(s, "zebra"), 0);
  s->now = seen + RETENTION;
  const sdx_sweep_report r = scene_sweep(s, false, true); /* the epoch that holds both goes */
  assert_int_equal(r.items_purged, 1);
  assert_int_equal(r.restorable_lost, 1);
}

/* What it replaced goes no later than 45 days after a sweep saw that. */
static void superseded_versions(void **state) {
  scene *s = *state;
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  export_key(s, contents);
  scene_add(s, 1, "zebra");
  scene_maintain(s, false);
  sdx_deposit *d = depositor(s, contents);
  assert_int_equal(deposit(s, d, 1, "oak"), SDX_UPDATED);
  sdx_deposit_close(d);
  assert_int_equal(scene_count(s, "zebra"), 0);
  (void)scene_sweep(s, false, true);
  s->now += RETENTION;
  const sdx_sweep_report r = scene_sweep(s, false, true);
  assert_int_equal(r.items_purged, 1);
  assert_int_equal(r.items_missing, 0);
  scene_reopen(s);
  assert_int_equal(scene_count(s, "oak"), 1);
}

/* ------------------------------------------------------------------ keys */

static void removing_the_slot_cuts_it_off(void **state) {
  scene *s = *state;
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 }, id[24];
  sdx_deposit *again = NULL;
  sdx_error err = { 0 };
  export_key(s, contents);
  sdx_deposit *d = depositor(s, contents);
  deposit(s, d, 1, "zebra");
  const sdx_secret file = { SDX_SECRET_DEPOSIT, contents, SDX_DEPOSIT_FILE_SIZE };
  scene_ok(sdx_slot_remove(s->index, &file, &err), &err);
  assert_int_equal(deposit_delete(d, 1, s->now), SDX_WRONG_KEY);
  sdx_item item = SDX_ITEM_INIT;
  item.id = name_of(2, id);
  assert_int_equal(sdx_deposit_add(d, &item, NULL, NULL, NULL), SDX_WRONG_KEY);
  sdx_deposit_close(d);
  assert_int_equal(try_open(s, contents, &again), SDX_WRONG_KEY);
  assert_int_equal(scene_count(s, "zebra"), 1);
}

static void rekey_keeps_deposit_files_good(void **state) {
  scene *s = *state;
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  sdx_error err = { 0 };
  export_key(s, contents);
  sdx_deposit *d = depositor(s, contents);
  deposit(s, d, 1, "zebra");
  scene_ok(sdx_rekey(s->index, &scene_key, &new_key, false, s->now, &err), &err);
  deposit(s, d, 2, "zebra"); /* the handle that is open */
  sdx_deposit_close(d);
  d = depositor(s, contents); /* and a new one */
  deposit(s, d, 3, "zebra");
  sdx_deposit_close(d);
  assert_int_equal(scene_count(s, "zebra"), 3);
  scene_ok(sdx_rekey(s->index, &new_key, &scene_key, false, s->now, &err), &err);
}

static void a_closed_account_takes_no_deposits(void **state) {
  scene *s = *state;
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  sdx_deposit *again = NULL;
  export_key(s, contents);
  sdx_deposit *d = depositor(s, contents);
  deposit(s, d, 1, "zebra");
  assert_int_equal(sdx_close_account(s->path, NULL, s->now, NULL), SDX_OK);
  assert_int_equal(deposit_delete(d, 1, s->now), SDX_CLOSED);
  assert_int_equal(try_open(s, contents, &again), SDX_CLOSED);
  assert_int_equal(sdx_reopen_account(s->path, NULL, s->now, NULL), SDX_OK);
  assert_int_equal(deposit_delete(d, 1, s->now), SDX_OK);
  sdx_deposit_close(d);
}

/* ------------------------------------------------------------------ crashes */

/* A depositor is killed between any two of its writes: what it was told is done is there. */
static void killed_anywhere(void **state) {
  scene *s = *state;
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  export_key(s, contents);
  unsigned acknowledged = 0;
  sdx_close(s->index); /* the child has nothing of ours open */
  s->index = NULL;
  for (unsigned round = 0; round < 12; round++) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      sdx_deposit *d = NULL;
      if (try_open(s, contents, &d) != SDX_OK) _exit(9);
      for (unsigned i = acknowledged;; i++) {
        deposit(s, d, i, "zebra");
        (void)!write(ends[1], "x", 1);
      }
    }
    close(ends[1]);
    char byte;
    for (unsigned i = 0; i < 3 + round * 7 && read(ends[0], &byte, 1) == 1; i++) acknowledged++;
    kill(child, SIGKILL);
    int ended = 0;
    waitpid(child, &ended, 0);
    assert_true(WIFSIGNALED(ended));
    while (read(ends[0], &byte, 1) == 1) acknowledged++;
    close(ends[0]);
  }
  scene_reopen(s);
  const unsigned found = scene_count(s, "zebra");
  assert_true(found == acknowledged || found == acknowledged + 1);
  scene_maintain(s, true);
  assert_int_equal(scene_count(s, "zebra"), found);
  uint64_t problems = 1;
  assert_int_equal(sdx_verify(s->index, NULL, NULL, &problems, NULL), SDX_OK);
}

#define in_scene(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)

int main(void) {
  const struct CMUnitTest tests[] = {
    in_scene(what_is_deposited_is_found),
    in_scene(many_in_several_epochs),
    in_scene(superseding_delays_no_purge),
    in_scene(marks),
    in_scene(restoring_from_the_trash),
    in_scene(it_opens_no_block_and_no_record),
    in_scene(it_forges_no_row),
    in_scene(lying_hastens_no_keyless_purge),
    in_scene(a_time_to_come_is_believed),
    in_scene(lying_hastens_no_keyed_purge),
    in_scene(expiry),
    in_scene(what_it_supersedes_is_purged_in_time),
    in_scene(superseded_versions),
    in_scene(removing_the_slot_cuts_it_off),
    in_scene(rekey_keeps_deposit_files_good),
    in_scene(a_closed_account_takes_no_deposits),
    in_scene(killed_anywhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
