/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Id key and keys of rows are replaced by upkeep: nothing is lost, the old ones are gone, other handles and
 * depositors follow, and it may be killed anywhere. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "index/due.h"
#include "index/place.h"
#include "scene.h"

#define RETENTION SDX_RETENTION_DEFAULT

/* Segments, trash, tombstones, an expiry, a superseded version, and records and changes in the journal. */
static void fill(scene *s) {
  static const sdx_change label = { SDX_ADD_LABEL, { "boat", 4 } };
  for (unsigned i = 0; i < 40; i++) scene_add(s, i, "zebra");
  scene_maintain(s, false);
  scene_delete(s, 1);
  s->now += SDX_DAY;
  scene_delete(s, 2);
  scene_maintain(s, true);
  for (unsigned i = 40; i < 60; i++) scene_add(s, i, "zebra");
  scene_add_full(s, 60, "zebra", "INBOX", "seen", s->now + 400 * SDX_DAY, false);
  scene_maintain(s, false);
  scene_delete(s, 45);
  for (unsigned i = 61; i < 70; i++) scene_add(s, i, "zebra");
  scene_add(s, 3, "walnut");
  scene_delete(s, 61);
  assert_int_equal(sdx_set(s->index, (sdx_bytes){ "item/5", 6 }, &label, 1, s->now, NULL), SDX_OK);
}

static void nothing_is_lost(scene *s) {
  uint64_t problems = 1;
  sdx_error err = { 0 };
  assert_int_equal(scene_count(s, "zebra"), 70 - 5);
  assert_int_equal(scene_count(s, "walnut"), 1);
  scene_ok(sdx_verify(s->index, NULL, NULL, &problems, &err), &err);
  assert_int_equal(scene_add(s, 7, "zebra"), SDX_UNCHANGED);
  static const unsigned deleted[] = { 1, 2, 45, 61 };
  for (size_t i = 0; i < 4; i++) assert_int_equal(scene_restore(s, deleted[i]), SDX_OK);
  assert_int_equal(scene_count(s, "zebra"), 69);
  assert_int_equal(scene_delete(s, 8), SDX_OK);
  assert_int_equal(scene_restore(s, 8), SDX_OK);
  sdx_found *found = NULL;
  scene_ok(sdx_show(s->index, (sdx_bytes){ "item/5", 6 }, s->now, &found, &err), &err);
  assert_int_equal(sdx_found_item(found)->label_count, 1);
  sdx_found_free(found);
}

/* The set that the store names, which is the only one there. */
static uint64_t set_of(const scene *s) {
  keyring *k = NULL;
  uint64_t set = 0;
  size_t sets = 0;
  assert_int_equal(keyring_open(&k, s->path, NULL), SDX_OK);
  for (size_t i = 0; i < keyring_count(k); i++) {
    if (keyring_at(k, i).kind == KEYRING_ID) {
      set = keyring_at(k, i).id;
      sets++;
    }
  }
  keyring_close(k);
  assert_int_equal(sets, 1);
  return set;
}

static void upkeep(scene *s, int64_t later) {
  s->now += later;
  scene_maintain(s, false);
}

static void replaced_in_time(void **state) {
  scene *s = *state;
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  sdx_error err = { 0 };
  sdx_deposit *d = NULL;
  scene other = *s;
  fill(s);
  scene_ok(sdx_deposit_key(s->index, contents, &err), &err);
  const sdx_secret file = { SDX_SECRET_DEPOSIT, contents, sizeof contents };
  scene_ok(sdx_deposit_open(&d, s->path, &file, NULL, &err), &err);
  other.index = NULL;
  other.now = s->now;
  scene_reopen(&other);
  assert_int_equal(scene_count(&other, "zebra"), 65);
  upkeep(s, 28 * SDX_DAY);
  assert_int_equal(set_of(s), 0);
  upkeep(s, SDX_DAY);
  const uint64_t first = set_of(s);
  assert_int_not_equal(first, 0);
  upkeep(s, SDX_DAY);
  assert_int_equal(set_of(s), first);
  scene_reopen(&other); /* at today's time */
  nothing_is_lost(s);
  assert_int_equal(scene_count(&other, "zebra"), 69);

  scene_ok(sdx_deposit_delete(d, (sdx_bytes){ "item/9", 6 }, s->now, &err), &err);
  assert_int_equal(scene_count(s, "zebra"), 68);
  upkeep(s, 31 * SDX_DAY);
  assert_int_not_equal(set_of(s), first);
  assert_int_equal(scene_count(&other, "zebra"), 68); /* a handle that did not look for a month */
  assert_int_equal(scene_add(&other, 11, "zebra"), SDX_UNCHANGED);
  scene_ok(sdx_deposit_delete(d, (sdx_bytes){ "item/10", 7 }, s->now, &err), &err);
  assert_int_equal(scene_count(s, "zebra"), 67);
  assert_int_equal(scene_restore(s, 10), SDX_OK);
  sdx_deposit_close(d);
  sdx_close(other.index);
}

/* With all keys that are there now, an old copy of the store does not say whether an item was in it. */
static void an_old_copy_confirms_no_id(void **state) {
  scene *s = *state;
  uint8_t before[BLIND_SIZE], after[BLIND_SIZE];
  const sdx_bytes id = { "item/5", 6 };
  fill(s);
  place_blind(before, s->index->id_key, id);
  upkeep(s, 31 * SDX_DAY);
  place_blind(after, s->index->id_key, id);
  assert_memory_not_equal(before, after, BLIND_SIZE);
  place p;
  store_txn *t = NULL;
  assert_int_equal(store_read_begin(s->index->store, &t, NULL), SDX_OK);
  assert_int_equal(place_get(t, s->index->table_key, before, &p, NULL), SDX_NOT_FOUND);
  assert_int_equal(place_get(t, s->index->table_key, after, &p, NULL), SDX_OK);
  store_read_end(t);
}

static void not_under_a_batch(void **state) {
  scene *s = *state;
  sdx_batch *b = NULL;
  sdx_error err = { 0 };
  sdx_batch_options options = SDX_BATCH_OPTIONS_INIT;
  fill(s);
  options.now = s->now + 31 * SDX_DAY;
  scene_ok(sdx_batch_begin(&b, s->index, &options, &err), &err);
  for (unsigned i = 100; i < 200; i++) {
    char name[24];
    sdx_item item = SDX_ITEM_INIT;
    const sdx_field field = { "body", { "giraffe", 7 } };
    item.id = (sdx_bytes){ name, (size_t)snprintf(name, sizeof name, "item/%u", i) };
    item.fields = &field;
    item.field_count = 1;
    scene_ok(sdx_batch_add(b, &item, NULL, &err), &err);
  }
  upkeep(s, 31 * SDX_DAY);
  assert_int_equal(set_of(s), 0);
  scene_ok(sdx_batch_commit(b, &err), &err);
  upkeep(s, 0);
  assert_int_not_equal(set_of(s), 0);
  assert_int_equal(scene_count(s, "giraffe"), 100);
  nothing_is_lost(s);
}

static void maintain(sdx_index *index, int64_t now) { (void)!sdx_maintain(index, false, now, NULL); }

static void killed_anywhere(void **state) {
  scene *s = *state;
  fill(s);
  s->now += 31 * SDX_DAY;
  for (long wait = 200; wait < 30000; wait = wait * 4 / 3) {
    scene_killed(s, wait, maintain);
    scene_reopen(s);
    assert_int_equal(scene_count(s, "zebra"), 65);
    sdx_close(s->index);
    s->index = NULL;
    s->now += SDX_DAY / 24;
  }
  scene_reopen(s);
  upkeep(s, 0);
  assert_int_not_equal(set_of(s), 0);
  nothing_is_lost(s);
}

/* What a keyless purge took along stays counted, until somebody says that it is not to be had. */
static void lost_items_stay_counted(void **state) {
  scene *s = *state;
  sdx_state status;
  sdx_error err = { 0 };
  for (unsigned i = 0; i < 10; i++) scene_add(s, i, "zebra");
  scene_maintain(s, false);
  scene_delete(s, 1);
  s->now += RETENTION;
  sdx_close(s->index);
  s->index = NULL;
  assert_int_equal(scene_sweep(s, false, true).items_missing, 9);
  scene_reopen(s);
  scene_add(s, 2, "zebra");
  upkeep(s, 6 * SDX_DAY);
  assert_int_equal(set_of(s), 0); /* there is time to add the others again */
  scene_ok(sdx_status_of(s->index, s->now, &status, &err), &err);
  assert_int_equal(status.missing, 8);
  upkeep(s, 2 * SDX_DAY);
  assert_int_not_equal(set_of(s), 0);
  scene_maintain(s, true);
  scene_ok(sdx_status_of(s->index, s->now, &status, &err), &err);
  assert_int_equal(status.missing, 8);
  assert_int_equal(scene_add(s, 3, "zebra"), SDX_ADDED);
  assert_int_equal(scene_count(s, "zebra"), 2);
  scene_ok(sdx_forget_missing(s->index, s->now, &err), &err);
  scene_ok(sdx_status_of(s->index, s->now, &status, &err), &err);
  assert_int_equal(status.missing, 0);
}

#define in_scene(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)

int main(void) {
  const struct CMUnitTest tests[] = {
    in_scene(replaced_in_time),  in_scene(an_old_copy_confirms_no_id), in_scene(not_under_a_batch),
    in_scene(killed_anywhere), in_scene(lost_items_stay_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
