/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading ahead: pages that were dropped from memory come back without being touched, and keys that
 * lead nowhere do no harm. */
#include "scratch.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define KEY 16
#define ROWS 600

static void make_key(uint8_t key[KEY], uint32_t i) {
  memset(key, 0, KEY);
  i *= 2654435761U; /* in another order than they are written in */
  memcpy(key + 4, &i, sizeof i);
}

static void fill(const scratch *x) {
  store *s = must_open(x);
  store_txn *t = must_write(s);
  uint8_t block[STORE_BLOCK_SIZE] = { 0 }, key[KEY];
  for (uint32_t i = 0; i < ROWS; i++) {
    make_key(key, i);
    memset(block, (int)i, sizeof block);
    assert_ok(store_put(t, STORE_BLOCKS, key, KEY, block, sizeof block, NULL));
  }
  must_commit(t);
  store_close(s);
}

static int data_of(const scratch *x) {
  const int fd = open(scratch_path(x, "data.mdb"), O_RDWR | O_CLOEXEC);
  assert_true(fd >= 0);
  return fd;
}

static void drop(const scratch *x) {
  const int fd = data_of(x);
  assert_int_equal(fsync(fd), 0);
  assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
  close(fd);
}

static void comes_back_untouched(void **state) {
  (void)state;
  const struct timespec moment = { .tv_nsec = 10000000 };
  uint8_t keys[STORE_AHEAD_MAX * KEY];
  scratch x;
  scratch_create(&x, 0);
  fill(&x);
  drop(&x);
  for (uint32_t i = 0; i < STORE_AHEAD_MAX; i++) make_key(keys + (size_t)i * KEY, i);
  store *s = must_open(&x);
  store_txn *t = must_read(s);
  if (store_ahead(t, STORE_BLOCKS, keys, KEY, STORE_AHEAD_MAX)) {
    for (int i = 0; i < 1000 && store_ahead(t, STORE_BLOCKS, keys, KEY, STORE_AHEAD_MAX); i++)
      nanosleep(&moment, NULL);
  } else {
    print_message("skipped in part: this file system drops no pages\n");
  }
  assert_false(store_ahead(t, STORE_BLOCKS, keys, KEY, STORE_AHEAD_MAX));
  for (uint32_t i = 0; i < ROWS; i++) {
    sdx_bytes value;
    make_key(keys, i);
    assert_ok(store_get(t, STORE_BLOCKS, keys, KEY, &value, NULL));
    assert_int_equal((uint8_t)value.data[STORE_BLOCK_SIZE - 1], (uint8_t)i);
  }
  store_read_end(t);
  store_close(s);
  scratch_remove(&x);
}

static void nothing_to_read(void **state) {
  (void)state;
  scratch x;
  uint8_t keys[8 * KEY];
  scratch_create(&x, 0);
  store *s = must_open(&x);
  memset(keys, 0xff, sizeof keys);
  store_txn *t = must_read(s);
  assert_false(store_ahead(t, STORE_BLOCKS, keys, KEY, 8)); /* an empty table */
  assert_false(store_ahead(t, STORE_BLOCKS, NULL, KEY, 0));
  store_read_end(t);
  store_close(s);
  fill(&x);
  s = must_open(&x);
  put_one(s, "small", "value");
  t = must_read(s);
  assert_false(store_ahead(t, STORE_META, (const uint8_t *)"small", 5, 1)); /* stands in its leaf */
  for (uint32_t i = 0; i < 8; i++) make_key(keys + (size_t)i * KEY, ROWS + i);
  (void)store_ahead(t, STORE_BLOCKS, keys, KEY, 8); /* there are no such rows */
  store_read_end(t);
  t = must_write(s);
  assert_false(store_ahead(t, STORE_BLOCKS, keys, KEY, 8));
  store_abort(t);
  store_close(s);
  scratch_remove(&x);
}

/* Whatever page is damaged, it is passed by here, and a get says so. */
static void damage_is_passed_by(void **state) {
  (void)state;
  scratch x;
  struct stat st;
  uint8_t saved[PAGE], noise[PAGE], keys[64 * KEY];
  scratch_create(&x, 0);
  fill(&x);
  const int fd = data_of(&x);
  assert_int_equal(fstat(fd, &st), 0);
  for (uint32_t i = 0; i < 64; i++) make_key(keys + (size_t)i * KEY, 9 * i);
  unsigned opened = 0;
  for (off_t at = 0; at < st.st_size; at += PAGE) {
    assert_int_equal(pread(fd, saved, PAGE, at), PAGE);
    for (size_t i = 0; i < PAGE; i++) noise[i] = (uint8_t)(saved[i] ^ (at / PAGE * 31 + (off_t)i));
    memcpy(noise, saved,
           (size_t)(at / PAGE % 3 * 8)); /* at times the page's number is right, or its head */
    assert_int_equal(pwrite(fd, noise, PAGE, at), PAGE);
    store *s = NULL;
    if (store_open(&s, x.dir, NULL) == SDX_OK) {
      store_txn *t;
      opened++;
      if (store_read_begin(s, &t, NULL) == SDX_OK) {
        (void)store_ahead(t, STORE_BLOCKS, keys, KEY, 64);
        store_read_end(t);
      }
      store_close(s);
    }
    assert_int_equal(pwrite(fd, saved, PAGE, at), PAGE);
  }
  assert_true(opened > ROWS / 2);
  close(fd);
  scratch_remove(&x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(comes_back_untouched),
    cmocka_unit_test(nothing_to_read),
    cmocka_unit_test(damage_is_passed_by),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
