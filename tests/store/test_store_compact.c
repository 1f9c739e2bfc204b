/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compaction: it shrinks, loses nothing, is followed by everybody, and survives being killed. */
#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define ROWS 300

static void fill_and_empty(store *s) {
  uint8_t block[STORE_BLOCK_SIZE] = { 0 };
  store_txn *t = must_write(s);
  for (unsigned i = 0; i < 1000; i++)
    assert_ok(store_put(t, STORE_BLOCKS, &i, sizeof i, block, sizeof block, NULL));
  must_commit(t);
  t = must_write(s);
  for (unsigned i = 0; i < 1000; i++)
    if (i % 10 != 0) assert_ok(store_delete(t, STORE_BLOCKS, &i, sizeof i, NULL));
  for (unsigned i = 0; i < ROWS; i++)
    assert_ok(store_put(t, STORE_IDS, &i, sizeof i, "row", 3, NULL));
  must_commit(t);
}

static bool all_there(store *s) {
  store_space space;
  assert_ok(store_measure(s, &space, NULL));
  return space.entries[STORE_BLOCKS] == 100 && space.entries[STORE_IDS] == ROWS;
}

static void compact(store *s) {
  sdx_error err = { 0 };
  assert_ok(store_maintenance_lock(s, true, NULL));
  const sdx_status status = store_compact(s, &err);
  if (status < 0) print_error("%s\n", err.message);
  assert_int_equal(status, SDX_OK);
  store_maintenance_unlock(s);
}

static void it_shrinks(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x), *other = must_open(&x);
  fill_and_empty(s);
  put_one(s, "a", "1");
  store_space before, after;
  assert_ok(store_measure(s, &before, NULL));
  assert_int_equal(store_compact(s, NULL), SDX_INVALID); /* without the maintenance lock */
  store_txn *old = must_read(other);
  compact(s);
  must_have(old, STORE_META, "a", "1");
  assert_ok(store_measure(s, &after, NULL));
  assert_true(after.file_size * 5 < before.file_size);
  assert_int_equal(after.free_pages, 0);
  assert_true(all_there(s) && all_there(other));
  assert_ok(store_check(s, NULL));
  put_one(other, "a", "2");
  have_one(s, "a", "2");
  must_have(old, STORE_META, "a", "1");
  store_read_end(old);
  compact(other);
  have_one(s, "a", "2");
  assert_int_equal(scratch_files(&x), 2);
  store_close(s);
  put_one(other, "a", "3");
  store_close(other);
  s = must_open(&x);
  have_one(s, "a", "3");
  assert_true(all_there(s));
  store_close(s);
  scratch_remove(&x);
}

static int find_maintenance_locked(void *argument) {
  store *s = must_open(argument);
  const sdx_status status = store_maintenance_lock(s, false, NULL);
  store_close(s);
  return status == SDX_LOCKED ? 0 : 1;
}

static void the_maintenance_lock_moves_along(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  assert_ok(store_maintenance_lock(s, false, NULL));
  for (int i = 0; i < 3; i++) {
    assert_ok(store_compact(s, NULL));
    assert_int_equal(reap(spawn(find_maintenance_locked, &x)), 0);
  }
  store_maintenance_unlock(s);
  assert_int_equal(reap(spawn(find_maintenance_locked, &x)), 1);
  store_close(s);
  scratch_remove(&x);
}

/* ------------------------------------------------------------------ beside others */

static unsigned get_number(store_txn *t, const char *key) {
  sdx_bytes got;
  unsigned value = 0;
  if (store_get(t, STORE_META, key, strlen(key), &got, NULL) == SDX_OK)
    memcpy(&value, got.data, sizeof value);
  return value;
}

#define ROUNDS 400

/* Adds one to two numbers at a time, which are equal in every snapshot. */
static int write_beside(void *argument) {
  store *s = must_open(argument);
  for (unsigned i = 0; i < ROUNDS; i++) {
    store_txn *t = must_write(s);
    const unsigned n = get_number(t, "x") + 1;
    assert_ok(store_put(t, STORE_META, "x", 1, &n, sizeof n, NULL));
    assert_ok(store_put(t, STORE_META, "y", 1, &n, sizeof n, NULL));
    must_commit(t);
  }
  store_close(s);
  return 0;
}

static int read_beside(void *argument) {
  store *s = must_open(argument);
  unsigned last = 0;
  while (last < 2 * ROUNDS) {
    store_txn *t = must_read(s);
    const unsigned now = get_number(t, "x");
    assert_true(now >= last && now == get_number(t, "y"));
    last = now;
    assert_true(all_there(s));
    store_read_end(t);
  }
  store_close(s);
  return 0;
}

static void others_go_on_meanwhile(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  fill_and_empty(s);
  store_close(s);
  const int readers[2] = { spawn(read_beside, &x), spawn(read_beside, &x) };
  const int writers[2] = { spawn(write_beside, &x), spawn(write_beside, &x) };
  s = must_open(&x);
  for (int i = 0; i < 30; i++) compact(s);
  for (int i = 0; i < 2; i++) assert_int_equal(reap(writers[i]), 0);
  for (int i = 0; i < 2; i++) assert_int_equal(reap(readers[i]), 0);
  store_txn *t = must_read(s);
  assert_int_equal(get_number(t, "x"), 2 * ROUNDS);
  store_read_end(t);
  assert_int_equal(scratch_files(&x), 2);
  store_close(s);
  scratch_remove(&x);
}

/* ------------------------------------------------------------------ killed, and failing */

#ifdef SEALDEX_FAULTS

static int calls, fatal_call, result_there;

static int fail_there(void) {
  if (++calls != fatal_call) return 0;
  if (result_there == 0) (void)kill(getpid(), SIGKILL);
  return result_there;
}

static void arm(int call, int result) {
  calls = 0;
  fatal_call = call;
  result_there = result;
  store_fault = fail_there;
}

static int compact_and_die(void *argument) {
  store *s = must_open(argument);
  put_one(s, "last", "words");
  assert_ok(store_maintenance_lock(s, true, NULL));
  arm(fatal_call, 0);
  assert_ok(store_compact(s, NULL));
  store_fault = NULL;
  store_close(s);
  return 0;
}

/* Whatever the dead compactor left, nothing is lost, and the next writer tidies up. */
static void check_after_death(const scratch *x, store *s, store_txn *old) {
  must_have(old, STORE_META, "a", "1");
  have_one(s, "last", "words");
  assert_true(all_there(s));
  store_read_end(old);
  put_one(s, "a", "2");
  have_one(s, "a", "2");
  assert_ok(store_maintenance_lock(s, false, NULL));
  store_maintenance_unlock(s);
  store_close(s);

  s = must_open(x);
  have_one(s, "a", "2");
  put_one(s, "a", "1");
  assert_true(all_there(s));
  assert_int_equal(scratch_files(x), 2);
  compact(s);
  assert_true(all_there(s));
  store_close(s);
}

static void killed_at_each_step(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  fill_and_empty(s);
  put_one(s, "a", "1");
  store_close(s);
  int ended = -SIGKILL;
  for (int n = 1; ended == -SIGKILL; n++) {
    assert_true(n < 200);
    s = must_open(&x); /* has the old files open, and a snapshot of them */
    store_txn *old = must_read(s);
    fatal_call = n;
    ended = reap(spawn(compact_and_die, &x));
    assert_true(ended == -SIGKILL || ended == 0);
    check_after_death(&x, s, old);
    if (ended == 0) print_message("killed at each of %d steps\n", n - 1);
  }
  scratch_remove(&x);
}

static void failing_at_each_step(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  fill_and_empty(s);
  put_one(s, "a", "1");
  sdx_status status = SDX_SYSTEM;
  int failed = 0;
  for (int n = 1; calls == 0 || calls >= fatal_call; n++) {
    assert_ok(store_maintenance_lock(s, true, NULL));
    arm(n, EIO);
    status = store_compact(s, NULL);
    store_fault = NULL;
    if (status < 0) failed++;
    assert_true(all_there(s));
    have_one(s, "a", "1");
    put_one(s, "a", "1");
    /* Where the old files were retired already, the lock has moved to the new ones. */
    assert_int_equal(reap(spawn(find_maintenance_locked, &x)), 0);
    store_maintenance_unlock(s);
    assert_int_equal(scratch_files(&x), 2);
    if (calls < fatal_call) break;
  }
  assert_int_equal(status, SDX_OK);
  assert_true(failed > 5);
  store_close(s);
  scratch_remove(&x);
}

/* A backup of data.mdb that was made in the middle of a swap has no successor beside it. */
static void a_retired_file_alone_is_enough(void **state) {
  (void)state;
  int healed = 0;
  for (int n = 1, ended = -SIGKILL; ended == -SIGKILL; n++) {
    scratch x;
    scratch_create(&x, 0);
    store *s = must_open(&x);
    fill_and_empty(s);
    put_one(s, "a", "1");
    store_close(s);
    fatal_call = n;
    ended = reap(spawn(compact_and_die, &x));
    DIR *dir = opendir(x.dir);
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
      if (strncmp(entry->d_name, "data-", 5) != 0) continue;
      assert_int_equal(unlink(scratch_path(&x, entry->d_name)), 0);
      healed++;
    }
    (void)closedir(dir);
    s = must_open(&x);
    assert_true(all_there(s));
    have_one(s, "last", "words");
    put_one(s, "a", "2");
    store_close(s);
    assert_int_equal(scratch_files(&x), 2);
    scratch_remove(&x);
  }
  assert_true(healed > 3);
}

#else

static void skip_faults(void **state) {
  (void)state;
  print_message("skipped: built without SEALDEX_FAULTS\n");
}
#define killed_at_each_step skip_faults
#define failing_at_each_step skip_faults
#define a_retired_file_alone_is_enough skip_faults

#endif

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(it_shrinks),
    cmocka_unit_test(the_maintenance_lock_moves_along),
    cmocka_unit_test(others_go_on_meanwhile),
    cmocka_unit_test(killed_at_each_step),
    cmocka_unit_test(failing_at_each_step),
    cmocka_unit_test(a_retired_file_alone_is_enough),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
