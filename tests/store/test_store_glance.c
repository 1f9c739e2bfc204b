/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A look at a store without opening it: what it sees, and when it has to say that it saw nothing.
 */
#include "scratch.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096
#define ROWS 3000

static int open_dir(const scratch *x) {
  const int fd = open(x->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  assert_true(fd >= 0);
  return fd;
}

static sdx_status look(const scratch *x, store_txn **t) {
  const int fd = open_dir(x);
  const sdx_status status = store_glance_begin(t, fd, NULL);
  close(fd);
  return status;
}

static const char *row_name(unsigned i) {
  static char name[16];
  (void)snprintf(name, sizeof name, "row %06u", 2 * i);
  return name;
}

static void fill(store *s) {
  store_txn *t = must_write(s);
  for (unsigned i = 0; i < ROWS; i++) must_put(t, STORE_DUE, row_name(i), row_name(i));
  must_put(t, STORE_META, "head", "one");
  must_commit(t);
}

static void sees_what_a_reader_sees(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store_txn *t;
  assert_ok(look(&x, &t));
  must_have(t, STORE_META, "head", NULL);
  assert_true(store_glance_end(t));
  store *s = must_open(&x);
  fill(s);
  store_close(s);
  assert_ok(look(&x, &t));
  must_have(t, STORE_META, "head", "one");
  must_have(t, STORE_META, "tail", NULL);
  for (unsigned i = 0; i < ROWS; i += ROWS / 8) must_have(t, STORE_DUE, row_name(i), row_name(i));
  must_have(t, STORE_DUE, "row 000001", NULL);
  store_cursor *c;
  sdx_bytes k, v;
  assert_ok(store_cursor_open(t, STORE_DUE, &c, NULL));
  assert_ok(store_cursor_seek(c, NULL, 0, &k, &v, NULL));
  assert_memory_equal(v.data, row_name(0), v.size);
  assert_ok(store_cursor_seek(c, row_name(ROWS - 1), strlen(row_name(0)), &k, &v, NULL));
  assert_memory_equal(v.data, row_name(ROWS - 1), v.size);
  assert_int_equal(store_cursor_next(c, &k, &v, NULL), SDX_NOT_FOUND);
  assert_true(store_glance_end(t)); /* closes the cursor, too */
  scratch_remove(&x);
}

/* A table is walked no further than a glance goes: then it fails, and does not end early. */
static void a_long_way_is_no_glance(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  fill(s);
  for (unsigned i = 0; i < 4; i++) { /* more pages than it reads */
    store_txn *w = must_write(s);
    char key[32];
    for (unsigned j = 0; j < ROWS; j++) {
      (void)snprintf(key, sizeof key, "more %u/%06u", i, j);
      must_put(w, STORE_DUE, key, "a value that is long enough to fill pages with it");
    }
    must_commit(w);
  }
  store_close(s);
  store_txn *t;
  store_cursor *c;
  assert_ok(look(&x, &t));
  assert_ok(store_cursor_open(t, STORE_DUE, &c, NULL));
  sdx_status status = store_cursor_seek(c, NULL, 0, NULL, NULL, NULL);
  unsigned seen = 0;
  for (; status == SDX_OK; seen++) status = store_cursor_next(c, NULL, NULL, NULL);
  assert_int_equal(status, SDX_DAMAGED);
  assert_in_range(seen, 100, 5 * ROWS - 1);
  assert_true(store_glance_end(t));
  scratch_remove(&x);
}

static void a_commit_meanwhile_shows(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  store_txn *t;
  put_one(s, "a", "1");
  assert_ok(look(&x, &t));
  must_have(t, STORE_META, "a", "1");
  store_txn *w = must_write(s);
  must_put(w, STORE_META, "a", "2");
  store_abort(w); /* nothing came of it */
  must_have(t, STORE_META, "a", "1");
  assert_true(store_glance_end(t));
  assert_ok(look(&x, &t));
  put_one(s, "a", "2");
  assert_false(store_glance_end(t));
  assert_ok(look(&x, &t));
  must_have(t, STORE_META, "a", "2");
  put_one(s, "a", "3");
  put_one(s, "a", "4");
  assert_false(store_glance_end(t));
  store_close(s);
  scratch_remove(&x);
}

/* Beside a writer of another process, what counts at the end was one snapshot. */
#define PAIRS 300

static int write_pairs(void *argument) {
  const scratch *x = argument;
  store *s = must_open(x);
  for (int i = 1; i <= PAIRS; i++) {
    store_txn *t = must_write(s);
    assert_ok(store_put(t, STORE_META, "first", 5, &i, sizeof i, NULL));
    assert_ok(store_put(t, STORE_DUE, "second", 6, &i, sizeof i, NULL));
    must_commit(t);
  }
  store_close(s);
  return 0;
}

static int number_of(store_txn *t, store_table table, const char *key) {
  sdx_bytes value;
  int number = 0;
  if (store_get(t, table, key, strlen(key), &value, NULL) == SDX_OK)
    memcpy(&number, value.data, sizeof number);
  return number;
}

static void beside_a_writer(void **state) {
  (void)state;
  scratch x;
  scratch_without_disk();
  scratch_create(&x, 0);
  const int writer = spawn(write_pairs, &x);
  for (int last = 0; last < PAIRS;) {
    store_txn *t;
    if (look(&x, &t) != SDX_OK) continue;
    const int first = number_of(t, STORE_META, "first"), second = number_of(t, STORE_DUE, "second");
    if (!store_glance_end(t)) continue;
    assert_int_equal(first, second);
    assert_in_range(first, last, PAIRS);
    last = first;
  }
  assert_int_equal(reap(writer), 0);
  scratch_remove(&x);
}

static void after_compaction(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  store_txn *before, *after;
  fill(s);
  assert_ok(look(&x, &before));
  assert_ok(store_maintenance_lock(s, true, NULL));
  assert_ok(store_compact(s, NULL));
  assert_false(store_glance_end(before)); /* its file says by now that it has a successor */
  assert_ok(look(&x, &after));
  must_have(after, STORE_DUE, row_name(1), row_name(1));
  assert_true(store_glance_end(after));
  store_maintenance_unlock(s);
  store_close(s);
  scratch_remove(&x);
}

static int data_of(const scratch *x, int flags) {
  const int fd = open(scratch_path(x, "data.mdb"), flags | O_CLOEXEC);
  assert_true(fd >= 0);
  return fd;
}

/* What has a successor is not looked at: whoever opens it finishes the swap. */
static void a_retired_store_shows_nothing(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  fill(s);
  const int old = data_of(&x, O_RDONLY);
  assert_ok(store_maintenance_lock(s, true, NULL));
  assert_ok(store_compact(s, NULL));
  store_maintenance_unlock(s);
  store_close(s);
  uint8_t page[PAGE];
  const int fd = data_of(&x, O_RDWR | O_TRUNC);
  for (off_t at = 0; pread(old, page, sizeof page, at) == PAGE; at += PAGE)
    assert_int_equal(pwrite(fd, page, sizeof page, at), PAGE);
  close(fd);
  close(old);
  store_txn *t;
  assert_int_equal(look(&x, &t), SDX_DAMAGED);
  scratch_remove(&x);
}

/* Cut short anywhere, it shows nothing; with a page overwritten, nothing or what is right. */
static void damage_shows(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  store_txn *t;
  fill(s);
  put_one(s, "head", "two");
  store_close(s);
  const int fd = data_of(&x, O_RDWR);
  struct stat st;
  assert_int_equal(fstat(fd, &st), 0);
  uint8_t saved[PAGE], noise[PAGE];
  memset(noise, 0xa5, sizeof noise);
  unsigned failed = 0;
  for (off_t at = 0; at < st.st_size; at += PAGE) {
    assert_int_equal(pread(fd, saved, PAGE, at), PAGE);
    assert_int_equal(pwrite(fd, noise, PAGE, at), PAGE);
    sdx_bytes value = { NULL, 0 };
    sdx_status status = look(&x, &t);
    if (status == SDX_OK) {
      status = store_get(t, STORE_META, "head", 4, &value, NULL);
      if (status == SDX_OK) assert_memory_equal(value.data, "two", 3);
      assert_true(store_glance_end(t));
    }
    assert_true(status == SDX_OK || status == SDX_DAMAGED);
    failed += status != SDX_OK;
    assert_int_equal(pwrite(fd, saved, PAGE, at), PAGE);
  }
  assert_in_range(failed, 4, 10); /* two meta pages, the main table, "meta" */
  for (off_t size = st.st_size - 1; size > 0; size -= 3000) {
    assert_int_equal(ftruncate(fd, size), 0);
    assert_int_equal(look(&x, &t), SDX_DAMAGED);
  }
  close(fd);
  scratch_remove(&x);
}

static void nothing_there(void **state) {
  (void)state;
  scratch x;
  store_txn *t;
  scratch_directory(&x);
  assert_int_equal(look(&x, &t), SDX_SYSTEM);
  assert_false(store_glance_end(NULL));
  scratch_remove(&x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(sees_what_a_reader_sees),
    cmocka_unit_test(a_long_way_is_no_glance),
    cmocka_unit_test(a_commit_meanwhile_shows),
    cmocka_unit_test(beside_a_writer),
    cmocka_unit_test(after_compaction),
    cmocka_unit_test(a_retired_store_shows_nothing),
    cmocka_unit_test(damage_shows),
    cmocka_unit_test(nothing_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
