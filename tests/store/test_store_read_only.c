/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading where nothing can be written. */
#include "scratch.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534

static void forbid_writing(const scratch *x) {
  assert_int_equal(chmod(scratch_path(x, "data.mdb"), 0444), 0);
  assert_int_equal(chmod(scratch_path(x, "lock.mdb"), 0444), 0);
  assert_int_equal(chmod(x->dir, 0555), 0);
}

static int read_as_nobody(void *argument) {
  if (getuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)) return 1;
  store *s = must_open(argument);
  have_one(s, "a", "1");
  store_txn *t;
  sdx_error err = { 0 };
  assert_int_equal(store_write_begin(s, &t, &err), SDX_SYSTEM);
  assert_true(err.message[0] != '\0');
  have_one(s, "a", "1"); /* reading goes on */
  assert_int_equal(store_write_begin(s, &t, &err), SDX_SYSTEM);
  have_one(s, "a", "1");
  store_close(s);
  return 0;
}

static void a_directory_of_somebody_else(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  put_one(s, "a", "1");
  store_close(s);
  forbid_writing(&x);
  assert_int_equal(reap(spawn(read_as_nobody, &x)), 0);
  assert_int_equal(chmod(x.dir, 0700), 0);
  scratch_remove(&x);
}

/* In a directory that can be written, a lock file that cannot is no reason to do without it. */
static int fail_as_nobody(void *argument) {
  if (getuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)) return 1;
  const scratch *x = argument;
  store *s;
  assert_int_equal(store_open(&s, x->dir, NULL), SDX_SYSTEM);
  return 0;
}

static void a_lock_file_of_somebody_else(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  assert_int_equal(chmod(scratch_path(&x, "data.mdb"), 0444), 0);
  assert_int_equal(chmod(scratch_path(&x, "lock.mdb"), 0444), 0);
  assert_int_equal(chmod(x.dir, 0777), 0);
  assert_int_equal(reap(spawn(fail_as_nobody, &x)), 0);
  scratch_remove(&x);
}

static void a_read_only_file_system(void **state) {
  (void)state;
  scratch x;
  scratch_directory(&x);
  if (mount("sealdex", x.dir, "tmpfs", 0, "size=2m") != 0) {
    print_message("skipped: cannot mount a file system here\n");
    scratch_remove(&x);
    return;
  }
  assert_ok(store_create(x.dir, NULL));
  store *s = must_open(&x);
  put_one(s, "a", "1");
  store_close(s);
  assert_int_equal(mount("sealdex", x.dir, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
  s = must_open(&x);
  have_one(s, "a", "1");
  store_txn *t;
  assert_int_equal(store_write_begin(s, &t, NULL), SDX_SYSTEM);
  have_one(s, "a", "1");
  store_close(s);
  assert_int_equal(umount(x.dir), 0);
  scratch_remove(&x);
}

#ifdef SEALDEX_FAULTS

static int calls, fatal_call;

static int die_there(void) {
  if (++calls == fatal_call) (void)kill(getpid(), SIGKILL);
  return 0;
}

static int compact_and_die(void *argument) {
  store *s = must_open(argument);
  put_one(s, "a", "1");
  assert_ok(store_maintenance_lock(s, true, NULL));
  store_fault = die_there;
  assert_ok(store_compact(s, NULL));
  store_fault = NULL;
  store_close(s);
  return 0;
}

/* A swap that was left half done cannot be finished here, but all is there to be read. */
static void a_swap_left_half_done(void **state) {
  (void)state;
  int ended = -SIGKILL;
  for (fatal_call = 1; ended == -SIGKILL; fatal_call++) {
    scratch x;
    scratch_create(&x, 0);
    ended = reap(spawn(compact_and_die, &x));
    forbid_writing(&x);
    assert_int_equal(reap(spawn(read_as_nobody, &x)), 0);
    assert_int_equal(chmod(x.dir, 0700), 0);
    scratch_remove(&x);
  }
  assert_int_equal(ended, 0);
}

#else

static void a_swap_left_half_done(void **state) {
  (void)state;
  print_message("skipped: built without SEALDEX_FAULTS\n");
}

#endif

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_directory_of_somebody_else),
    cmocka_unit_test(a_lock_file_of_somebody_else),
    cmocka_unit_test(a_read_only_file_system),
    cmocka_unit_test(a_swap_left_half_done),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
