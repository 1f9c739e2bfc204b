/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The map grows by itself, in this process and in others; a full disk is an error that passes. */
#include "scratch.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

static void put_block(store_txn *t, unsigned number) {
  uint8_t key[4] = { (uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                     (uint8_t)number };
  uint8_t block[STORE_BLOCK_SIZE];
  memset(block, (int)(number & 0xff), sizeof block);
  assert_ok(store_append(t, STORE_BLOCKS, key, sizeof key, block, sizeof block, NULL));
}

static size_t count_blocks(store *s) {
  store_space space;
  assert_ok(store_measure(s, &space, NULL));
  return space.entries[STORE_BLOCKS];
}

static void grows_in_small_steps(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, SMALL_MAP);
  store *s = must_open(&x);
  store_space space;
  assert_ok(store_measure(s, &space, NULL));
  assert_int_equal(space.map_size, SMALL_MAP);
  for (unsigned i = 0; i < 2000; i += 4) {
    store_txn *t = must_write(s);
    for (unsigned k = 0; k < 4; k++) put_block(t, i + k);
    must_commit(t);
  }
  assert_ok(store_measure(s, &space, NULL));
  assert_int_equal(space.entries[STORE_BLOCKS], 2000);
  assert_true(space.map_size >= (size_t)2000 * 4096);
  assert_true(space.map_size <= (size_t)2000 * 4096 * 2 * 4);
  store_close(s);

  s = must_open(&x); /* the file remembers the size */
  store_space again;
  assert_ok(store_measure(s, &again, NULL));
  assert_int_equal(again.map_size, space.map_size);
  assert_int_equal(count_blocks(s), 2000);
  store_close(s);
  scratch_remove(&x);
}

/* One transaction that is larger than the map fails, and the next finds more room. */
static void a_huge_transaction_fits_next_time(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, SMALL_MAP);
  store *s = must_open(&x);
  uint8_t block[STORE_BLOCK_SIZE] = { 0 };
  int tries = 0;
  sdx_status status = SDX_NO_SPACE;
  for (; tries < 6 && status == SDX_NO_SPACE; tries++) {
    store_txn *t = must_write(s);
    status = SDX_OK;
    for (unsigned i = 0; i < 500 && status == SDX_OK; i++)
      status = store_put(t, STORE_BLOCKS, &i, sizeof i, block, sizeof block, NULL);
    assert_true(status == SDX_OK || status == SDX_NO_SPACE);
    const sdx_status committed = store_commit(t, NULL);
    assert_int_equal(committed, status);
    assert_int_equal(count_blocks(s), status == SDX_OK ? 500 : 0);
  }
  assert_int_equal(status, SDX_OK);
  assert_true(tries > 1);
  store_close(s);
  scratch_remove(&x);
}

/* A reader of this process keeps its picture while a writer has to grow the map. */
static void growth_waits_for_no_reader_while_there_is_room(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, (size_t)1 << 20);
  store *s = must_open(&x);
  put_one(s, "a", "1");
  store_txn *old = must_read(s);
  store_txn *t = must_write(s);
  for (unsigned i = 0; i < 200; i++) put_block(t, i);
  must_commit(t);
  t = must_write(s); /* nearly full; the reader is this very thread */
  put_block(t, 200);
  must_commit(t);
  must_have(old, STORE_META, "a", "1");
  store_read_end(old);
  t = must_write(s);
  store_abort(t);
  store_space space;
  assert_ok(store_measure(s, &space, NULL));
  assert_int_equal(space.map_size, (size_t)4 << 20);
  store_close(s);
  scratch_remove(&x);
}

/* ------------------------------------------------------------------ other processes */

static int write_many(void *argument) {
  store *s = must_open(argument);
  for (unsigned i = 0; i < 400; i++) {
    store_txn *t = must_write(s);
    put_block(t, i);
    must_commit(t);
  }
  store_close(s);
  return 0;
}

static void other_processes_follow_growth(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, SMALL_MAP);
  store *s = must_open(&x);
  assert_int_equal(count_blocks(s), 0);
  const int writer = spawn(write_many, &x);
  size_t seen = 0;
  while (seen < 400) { /* reads while the map outgrows the one that it has */
    const size_t now = count_blocks(s);
    assert_true(now >= seen);
    seen = now;
  }
  assert_int_equal(reap(writer), 0);
  store_txn *t = must_write(s); /* as a writer, too */
  put_block(t, 400);
  must_commit(t);
  assert_int_equal(count_blocks(s), 401);
  store_close(s);
  scratch_remove(&x);
}

/* ------------------------------------------------------------------ a full disk */

/* Fills until there is no space; what was committed before stays. Returns how many blocks are in.
 */
static unsigned fill(store *s) {
  unsigned count = (unsigned)count_blocks(s);
  uint8_t block[STORE_BLOCK_SIZE] = { 0 };
  for (;;) {
    store_txn *t;
    sdx_error err = { 0 };
    sdx_status status = store_write_begin(s, &t, &err);
    if (status == SDX_OK) {
      for (unsigned i = 0; i < 10 && status == SDX_OK; i++) {
        const unsigned key = count + i;
        status = store_put(t, STORE_BLOCKS, &key, sizeof key, block, sizeof block, &err);
      }
      const sdx_status committed = store_commit(t, &err);
      if (status == SDX_OK) status = committed;
    }
    if (status == SDX_OK) {
      count += 10;
      assert_true(count < 100000);
      continue;
    }
    print_message("%u blocks, then: %s\n", count, err.message);
    assert_int_equal(status, SDX_NO_SPACE);
    assert_int_equal(count_blocks(s), count);
    return count;
  }
}

static int fill_under_a_limit(void *argument) {
  (void)signal(SIGXFSZ, SIG_IGN);
  struct rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = (rlim_t)300 * 4096 + 1000; /* a write is cut short in the middle of a page */
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
  store *s = must_open(argument);
  const unsigned count = fill(s);
  assert_true(count > 100 && count < 300);
  assert_int_equal(fill(s), count);
  have_one(s, "a", "1");
  limit.rlim_cur = before;
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
  put_one(s, "b", "2");
  have_one(s, "b", "2");
  store_close(s);
  return 0;
}

static void a_limit_on_file_size_is_no_space(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  put_one(s, "a", "1");
  store_close(s);
  assert_int_equal(reap(spawn(fill_under_a_limit, &x)), 0);
  scratch_remove(&x);
}

static void a_full_disk_passes(void **state) {
  (void)state;
  scratch x;
  scratch_directory(&x);
  if (mount("sealdex", x.dir, "tmpfs", 0, "size=2m") != 0) {
    print_message("skipped: cannot mount a small file system here\n");
    scratch_remove(&x);
    return;
  }
  assert_ok(store_create(x.dir, NULL));
  store *s = must_open(&x);
  FILE *ballast = fopen(scratch_path(&x, "ballast"), "w");
  assert_non_null(ballast);
  char bytes[4096] = { 1 };
  for (int i = 0; i < 100; i++) assert_int_equal(fwrite(bytes, sizeof bytes, 1, ballast), 1);
  assert_int_equal(fclose(ballast), 0);
  put_one(s, "a", "1");
  const unsigned count = fill(s);
  assert_true(count > 100);
  have_one(s, "a", "1");
  /* Copying fails as well, and leaves nothing behind. */
  assert_ok(store_maintenance_lock(s, false, NULL));
  assert_int_equal(store_compact(s, NULL), SDX_NO_SPACE);
  store_maintenance_unlock(s);
  assert_int_equal(scratch_files(&x), 3);
  /* Room again. */
  assert_int_equal(unlink(scratch_path(&x, "ballast")), 0);
  assert_true(fill(s) > count);
  have_one(s, "a", "1");
  store_close(s);
  s = must_open(&x);
  have_one(s, "a", "1");
  store_close(s);
  assert_int_equal(umount(x.dir), 0);
  scratch_remove(&x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(grows_in_small_steps),
    cmocka_unit_test(a_huge_transaction_fits_next_time),
    cmocka_unit_test(growth_waits_for_no_reader_while_there_is_room),
    cmocka_unit_test(other_processes_follow_growth),
    cmocka_unit_test(a_limit_on_file_size_is_no_space),
    cmocka_unit_test(a_full_disk_passes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
