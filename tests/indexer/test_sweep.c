/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Retention to the second: what a sweep with the key, and one without, destroys and leaves. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "scene.h"

#define RETENTION SDX_RETENTION_DEFAULT

static void advance(scene *s, int64_t by) {
  s->now += by;
  scene_reopen(s);
}

/* Deletes item 1 of three, lets it stand where `maintained` says, and looks at both sides of its due
 * second. */
static void check_boundary(scene *s, bool maintained, bool keyed) {
  for (unsigned i = 0; i < 3; i++) scene_add(s, i, "zebra");
  if (maintained) scene_maintain(s, false);
  s->now += 100;
  assert_int_equal(scene_delete(s, 1), SDX_OK);
  if (maintained) scene_maintain(s, true);
  s->now += RETENTION - 1;
  scene_reopen(s);
  sdx_sweep_report r = scene_sweep(s, keyed, true);
  assert_int_equal(r.items_purged, 0);
  assert_int_equal(r.items_missing, 0);
  assert_int_equal(scene_restore(s, 1), SDX_OK);
  assert_int_equal(scene_count(s, "zebra"), 3);
  assert_int_equal(scene_delete(s, 1), SDX_OK);
  if (maintained) scene_maintain(s, true);
  s->now += RETENTION;
  scene_reopen(s);
  assert_int_equal(scene_restore(s, 1), SDX_NOT_FOUND); /* due, though nobody swept yet */
  r = scene_sweep(s, keyed, true);
  assert_int_equal(r.items_purged, 1);
  assert_true(r.keys_destroyed >= 1);
  assert_int_equal(r.restorable_lost, 0);
  const bool lost = !keyed && !maintained;
  assert_int_equal(r.items_missing, lost ? 2 : 0);
  assert_int_equal(scene_count(s, "zebra"), lost ? 0 : 2);
  assert_int_equal(scene_restore(s, 1), SDX_NOT_FOUND);
  assert_int_equal(scene_add(s, 1, "zebra"), SDX_ADDED); /* no trace is left of it */
  assert_int_equal(scene_add(s, 2, "zebra"), lost ? SDX_ADDED : SDX_UNCHANGED);
  assert_int_equal(scene_add(s, 0, "zebra"), lost ? SDX_ADDED : SDX_UNCHANGED);
  assert_int_equal(scene_count(s, "zebra"), 3);
  view_read v;
  sdx_error err = { 0 };
  scene_ok(view_begin(&v, s->index, 0, &err), &err);
  assert_int_equal(v.view->partial, 0); /* what was missing is back */
  assert_int_equal(v.view->missing_items, 0);
  view_end(&v);
}

static void test_keyed_journal(void **state) { check_boundary(*state, false, true); }
static void test_keyed_trash(void **state) { check_boundary(*state, true, true); }
static void test_keyless_journal(void **state) { check_boundary(*state, false, false); }
static void test_keyless_trash(void **state) { check_boundary(*state, true, false); }

static void test_keyless_takes_a_segment(void **state) {
  scene *s = *state;
  for (unsigned i = 0; i < 10; i++) scene_add(s, i, "zebra");
  scene_maintain(s, false);
  scene_delete(s, 3);
  s->now += 10 * SDX_DAY;
  scene_delete(s, 4); /* younger */
  scene_add(s, 5, "walnut"); /* supersedes one */
  s->now += RETENTION - 10 * SDX_DAY;
  scene_reopen(s);
  const sdx_sweep_report r = scene_sweep(s, false, true);
  assert_int_equal(r.items_purged, 2); /* the deleted one and the superseded one */
  assert_int_equal(r.restorable_lost, 1);
  assert_int_equal(r.items_missing, 7);
  assert_int_equal(scene_count(s, "zebra"), 0);
  assert_int_equal(scene_count(s, "walnut"), 1);
  assert_int_equal(scene_restore(s, 4), SDX_NOT_FOUND);
  view_read v;
  sdx_error err = { 0 };
  scene_ok(view_begin(&v, s->index, 0, &err), &err);
  assert_int_equal(v.view->partial, VIEW_SEGMENT_MISSING);
  assert_int_equal(v.view->missing_items, 7);
  view_end(&v);
}

/* Items deleted at different seconds of a day share buckets in the end: with the key none is purged
 * early, without it those that are taken along are counted. */
static void check_buckets(scene *s, bool keyed) {
  for (unsigned i = 0; i < 40; i++) scene_add(s, i, "zebra");
  scene_maintain(s, false);
  const int64_t first = s->now;
  for (unsigned i = 0; i < 30; i++) {
    s->now = first + i * 60;
    assert_int_equal(scene_delete(s, i), SDX_OK);
  }
  scene_maintain(s, true);
  s->now = first + RETENTION + 15 * 60;
  scene_reopen(s);
  const sdx_sweep_report r = scene_sweep(s, keyed, true);
  assert_int_equal(r.items_missing, 0);
  if (keyed) {
    assert_int_equal(r.items_purged, 16);
    assert_int_equal(r.restorable_lost, 0);
    for (unsigned i = 0; i < 30; i++)
      assert_int_equal(scene_restore(s, i), i <= 15 ? SDX_NOT_FOUND : SDX_OK);
    assert_int_equal(scene_count(s, "zebra"), 24);
  } else {
    assert_int_equal(r.items_purged, 16);
    assert_in_range(r.restorable_lost, 0, 3);
    assert_int_equal(scene_count(s, "zebra"), 10);
  }
}
static void test_buckets_keyed(void **state) { check_buckets(*state, true); }
static void test_buckets_keyless(void **state) { check_buckets(*state, false); }

static void test_clock_rule(void **state) {
  scene *s = *state;
  scene_add(s, 1, "zebra");
  scene_maintain(s, false);
  scene_delete(s, 1);
  s->now += 46 * SDX_DAY;
  sdx_sweep_report r = scene_sweep(s, false, false);
  assert_true(r.clock_refused);
  assert_int_equal(r.items_purged, 0);
  s->now += SDX_DAY - 1;
  assert_true(scene_sweep(s, false, false).clock_refused);
  s->now += 1;
  r = scene_sweep(s, false, false);
  assert_false(r.clock_refused);
  assert_int_equal(r.items_purged, 1);
}

/* `missing`: an item is, and nothing else is wrong. */
static void expect_rows(scene *s, bool missing, size_t ids, size_t dues) {
  sdx_error err = { 0 };
  uint64_t problems = 0;
  store_space space;
  scene_reopen(s);
  assert_int_equal(sdx_verify(s->index, NULL, NULL, &problems, &err), missing ? SDX_DAMAGED : SDX_OK);
  assert_int_equal(problems, missing ? 1 : 0);
  scene_ok(store_measure(s->index->store, &space, &err), &err);
  assert_int_equal(space.entries[STORE_IDS], ids);
  assert_int_equal(space.entries[STORE_DUE], dues);
}

/* A living item that has a date goes along with what is due beside it. */
static void lose_one_with_a_date(scene *s) {
  for (unsigned i = 0; i < 2; i++) scene_add(s, i, "zebra");
  scene_add_full(s, 2, "zebra", "INBOX", "", s->now + RETENTION + 5 * SDX_DAY, false);
  scene_maintain(s, true);
  scene_delete(s, 0);
  s->now += RETENTION;
  assert_int_equal(scene_sweep(s, false, true).items_missing, 2);
  scene_reopen(s);
  assert_int_equal(scene_add(s, 1, "zebra"), SDX_ADDED);
  expect_rows(s, true, 2, 1);
}

/* It is missing until then; from then on it is one that was deleted, and goes without a trace. */
static void test_missing_until_its_date(void **state) {
  scene *s = *state;
  lose_one_with_a_date(s);
  s->now += 5 * SDX_DAY;
  scene_reopen(s);
  scene_maintain(s, true);
  expect_rows(s, false, 2, 1);
  s->now += RETENTION;
  assert_int_equal(scene_sweep(s, false, true).items_missing, 0);
  expect_rows(s, false, 1, 0);
}

/* What is added in its place, however that is brought about, does not go with it. */
static void test_missing_and_added_without_its_date(void **state) {
  scene *s = *state;
  sdx_error err = { 0 };
  for (int i = 0; i < 3; i++) {
    lose_one_with_a_date(s);
    if (i == 1) assert_int_equal(scene_delete(s, 2), SDX_NOT_FOUND);
    if (i == 2) scene_ok(sdx_forget_missing(s->index, s->now, &err), &err);
    if (i > 0) expect_rows(s, false, 1, 0);
    assert_int_equal(scene_add(s, 2, "zebra"), SDX_ADDED);
    expect_rows(s, false, 2, 0);
    s->now += 5 * SDX_DAY + RETENTION;
    (void)scene_sweep(s, false, true);
    expect_rows(s, false, 2, 0);
    assert_int_equal(scene_count(s, "zebra"), 2);
    for (unsigned k = 1; k < 3; k++) assert_int_equal(scene_delete(s, k), SDX_OK);
    s->now += RETENTION;
    (void)scene_sweep(s, true, true);
    expect_rows(s, false, 0, 0);
  }
}

/* Sweeps that find nothing to do are written down every other day alone; a clock is judged by what is written: so
 * one that jumps by five days is believed on any day, one that jumps by more than seven on none. */
static void test_quiet_sweeps_are_noted_in_time(void **state) {
  scene *s = *state;
  sdx_state seen;
  sdx_error err = { 0 };
  scene_add(s, 1, "zebra");
  unsigned noted = 0;
  int64_t last = 0;
  for (int day = 0; day < 12; day++) {
    s->now += SDX_DAY;
    assert_false(scene_sweep(s, false, false).clock_refused);
    scene_ok(sdx_status_of(s->index, s->now, &seen, &err), &err);
    assert_true(s->now - seen.last_sweep < 2 * SDX_DAY);
    noted += seen.last_sweep != last;
    last = seen.last_sweep;
    sdx_sweep_options options = SDX_SWEEP_OPTIONS_INIT;
    sdx_sweep_report r;
    options.dry_run = true;
    options.now = s->now + 5 * SDX_DAY;
    scene_ok(sdx_sweep(s->path, &options, &r, &err), &err);
    assert_false(r.clock_refused);
    options.now = s->now + 7 * SDX_DAY + 1;
    scene_ok(sdx_sweep(s->path, &options, &r, &err), &err);
    assert_true(r.clock_refused);
  }
  assert_in_range(noted, 6, 7);
}

static void test_regular_sweeps_need_no_force(void **state) {
  scene *s = *state;
  scene_add(s, 1, "zebra");
  scene_add(s, 2, "quartz");
  scene_maintain(s, false);
  scene_delete(s, 1);
  scene_maintain(s, true);
  uint64_t purged = 0;
  for (int day = 0; day < 45; day++) {
    s->now += SDX_DAY;
    const sdx_sweep_report r = scene_sweep(s, false, false);
    assert_false(r.clock_refused);
    if (day < 44) assert_int_equal(r.items_purged, 0);
    purged += r.items_purged;
  }
  assert_int_equal(purged, 1);
  scene_reopen(s);
  assert_int_equal(scene_count(s, "quartz"), 1);
}

/* A sweep that finds nothing due only looks: it needs no lock file, and makes none. */
static bool only_looks(scene *s, bool dry_run) {
  char lock[256];
  sdx_sweep_options options = SDX_SWEEP_OPTIONS_INIT;
  sdx_sweep_report r;
  sdx_error err = { 0 };
  options.now = s->now;
  options.dry_run = dry_run;
  sdx_close(s->index);
  s->index = NULL;
  (void)snprintf(lock, sizeof lock, "%s/lock.mdb", s->path);
  assert_int_equal(unlink(lock), 0);
  scene_ok(sdx_sweep(s->path, &options, &r, &err), &err);
  assert_int_equal(r.indexes, 1);
  const bool looked = access(lock, F_OK) != 0;
  scene_reopen(s);
  return looked;
}

static void test_nothing_due_is_a_look(void **state) {
  scene *s = *state;
  for (unsigned i = 0; i < 5; i++) scene_add(s, i, "zebra");
  scene_maintain(s, false);
  scene_delete(s, 1);
  assert_false(only_looks(s, false)); /* the first is noted */
  s->now += SDX_DAY;
  assert_true(only_looks(s, false));
  assert_true(only_looks(s, true));
  s->now += SDX_DAY;
  assert_false(only_looks(s, false)); /* noted again */
  assert_true(only_looks(s, false));
  s->now -= 3;
  assert_false(only_looks(s, false)); /* a clock that runs backwards is noted, too */
  s->now += RETENTION - 2 * SDX_DAY + 2;
  scene_sweep(s, false, true);
  assert_true(only_looks(s, false)); /* a second before it is due */
  s->now++;
  scene_sweep(s, false, false);
  assert_int_equal(scene_count(s, "zebra"), 0); /* a keyless sweep takes the segment along */
  assert_true(only_looks(s, false));
}

static void copy_file(const scene *s, const char *from, const char *to) {
  char paths[2][256], bytes[4096];
  (void)snprintf(paths[0], sizeof paths[0], "%s/%s", s->path, from);
  (void)snprintf(paths[1], sizeof paths[1], "%s/%s", s->path, to);
  FILE *in = fopen(paths[0], "rb"), *out = fopen(paths[1], "wb");
  assert_true(in != NULL && out != NULL);
  for (size_t n; (n = fread(bytes, 1, sizeof bytes, in)) > 0;)
    assert_int_equal(fwrite(bytes, 1, n, out), n);
  assert_int_equal(fclose(in) | fclose(out), 0);
}

/* A store, or a keyring, older than the other of the two is not passed over by a look. */
static void test_restored_is_no_look(void **state) {
  static const char *const names[] = { "data.mdb", "keyring" };
  scene *s = *state;
  sdx_sweep_options options = SDX_SWEEP_OPTIONS_INIT;
  for (unsigned i = 0; i < 3; i++) scene_add(s, i, "zebra");
  scene_sweep(s, false, true);
  for (size_t i = 0; i < 2; i++) {
    sdx_close(s->index);
    s->index = NULL;
    copy_file(s, names[i], "older");
    scene_reopen(s);
    scene_add(s, 10 + (unsigned)i, "walnut");
    scene_maintain(s, false); /* other keys, and another generation of both */
    sdx_close(s->index);
    s->index = NULL;
    copy_file(s, names[i], "newer");
    copy_file(s, "older", names[i]);
    char lock[256];
    sdx_sweep_report r;
    (void)snprintf(lock, sizeof lock, "%s/lock.mdb", s->path);
    assert_int_equal(unlink(lock), 0);
    options.now = s->now;
    const sdx_status status = sdx_sweep(s->path, &options, &r, NULL);
    assert_true(status == SDX_OK || status == SDX_ROLLED_BACK);
    assert_int_equal(access(lock, F_OK), 0); /* it was opened */
    copy_file(s, "newer", names[i]);
    scene_reopen(s);
  }
}

static void test_dry_run(void **state) {
  scene *s = *state;
  sdx_sweep_options options = SDX_SWEEP_OPTIONS_INIT;
  sdx_sweep_report r;
  sdx_error err = { 0 };
  scene_add(s, 1, "zebra");
  scene_delete(s, 1);
  options.now = s->now + RETENTION;
  options.dry_run = options.force = true;
  scene_ok(sdx_sweep(s->path, &options, &r, &err), &err);
  assert_int_equal(r.items_purged, 1);
  assert_int_equal(scene_restore(s, 1), SDX_OK);
}

static void test_expiry(void **state) {
  scene *s = *state;
  const int64_t expires = s->now + 1000;
  scene_add_full(s, 1, "zebra", "", "", expires, false);
  scene_add(s, 2, "zebra");
  scene_maintain(s, false);
  s->now = expires - 1;
  assert_int_equal(scene_count(s, "zebra"), 2);
  s->now = expires;
  assert_int_equal(scene_count(s, "zebra"), 1);
  assert_int_equal(scene_delete(s, 1), SDX_NOT_FOUND);
  scene_maintain(s, true); /* to the trash */
  assert_int_equal(scene_count(s, "zebra"), 1);
  s->now = expires + RETENTION - 1;
  assert_int_equal(scene_restore(s, 1), SDX_OK);
  assert_int_equal(scene_count(s, "zebra"), 2); /* its expiry has been carried out */
  assert_int_equal(scene_add_full(s, 1, "zebra", "", "", 0, false), SDX_UNCHANGED);
  scene_add_full(s, 3, "zebra", "", "", s->now + 5, false);
  advance(s, RETENTION + 5);
  assert_int_equal(scene_restore(s, 3), SDX_NOT_FOUND);
  assert_int_equal(scene_sweep(s, true, true).items_purged, 1);
  assert_int_equal(scene_count(s, "zebra"), 2);
}

/* A change of attributes that waits in the journal names what its item's purge must leave unreadable. */
static void test_keyless_takes_changes(void **state) {
  scene *s = *state;
  static const sdx_change label = { SDX_ADD_LABEL, { "walnut", 6 } };
  const sdx_bytes ids[2] = { { "item/1", 6 }, { "item/2", 6 } };
  sdx_error err = { 0 };
  for (unsigned i = 0; i < 4; i++) scene_add(s, i, "zebra");
  scene_maintain(s, false);
  scene_ok(sdx_set(s->index, ids[0], &label, 1, s->now, &err), &err);
  const size_t keys = keyring_count(s->index->keyring);
  scene_delete(s, 1);
  s->now += 2 * SDX_DAY;
  scene_ok(sdx_set(s->index, ids[1], &label, 1, s->now, &err), &err); /* in another epoch, later */
  assert_int_equal(keyring_count(s->index->keyring), keys + 1);
  s->now += RETENTION - 2 * SDX_DAY;
  const sdx_sweep_report r = scene_sweep(s, false, true);
  assert_int_equal(r.items_purged, 1);
  assert_int_equal(r.keys_destroyed, 2); /* the segment's, and that of the epoch with the change */
  assert_int_equal(r.items_missing, 3 + 1); /* the change is missing, too */
  assert_int_equal(keyring_refresh(s->index->keyring, &err), SDX_OK);
  assert_int_equal(keyring_count(s->index->keyring), keys - 1);
}

static void count_receipt(void *context, const sdx_receipt *r) {
  if (r->reason == KEYRING_PURGED) ++*(unsigned *)context;
}

static void test_receipts(void **state) {
  scene *s = *state;
  unsigned purged = 0;
  sdx_error err = { 0 };
  scene_add(s, 1, "zebra");
  scene_maintain(s, false);
  scene_delete(s, 1);
  scene_maintain(s, true);
  s->now += RETENTION;
  assert_int_equal(scene_sweep(s, false, true).keys_destroyed, 1);
  scene_ok(sdx_receipts(s->path, NULL, count_receipt, &purged, &err), &err);
  assert_int_equal(purged, 1);
  assert_int_equal(keyring_refresh(s->index->keyring, &err), SDX_OK);
  assert_int_equal(keyring_count(s->index->keyring), 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_keyed_journal, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_keyed_trash, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_keyless_journal, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_keyless_trash, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_keyless_takes_a_segment, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_keyless_takes_changes, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_buckets_keyed, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_buckets_keyless, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_clock_rule, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_quiet_sweeps_are_noted_in_time, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_missing_until_its_date, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_missing_and_added_without_its_date, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_regular_sweeps_need_no_force, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_nothing_due_is_a_look, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_restored_is_no_look, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_dry_run, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_expiry, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_receipts, scene_begin, scene_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
