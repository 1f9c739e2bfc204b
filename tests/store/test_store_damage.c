/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are not what they should be: cut short, overwritten, of something else. */
#include "scratch.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096
#define ROWS 200

static void fill(const scratch *x) {
  store *s = must_open(x);
  store_txn *t = must_write(s);
  uint8_t block[STORE_BLOCK_SIZE] = { 0 };
  for (unsigned i = 0; i < ROWS; i++) {
    const uint8_t key[4] = { 0, 0, (uint8_t)(i >> 8), (uint8_t)i };
    memset(block, (int)i, sizeof block);
    assert_ok(store_put(t, STORE_BLOCKS, key, sizeof key, block, sizeof block, NULL));
    assert_ok(store_put(t, STORE_IDS, key, sizeof key, block, 100, NULL));
  }
  must_commit(t);
  put_one(s, "a", "1");
  store_close(s);
}

/* Opens and reads everything; the first error, or SDX_OK. */
static sdx_status read_all(const scratch *x) {
  store *s = NULL;
  store_txn *t;
  sdx_status status = store_open(&s, x->dir, NULL);
  if (status < 0) return status;
  status = store_read_begin(s, &t, NULL);
  unsigned sum = 0;
  for (int table = 0; status == SDX_OK && table < STORE_TABLES; table++) {
    store_cursor *c;
    sdx_bytes k, v;
    status = store_cursor_open(t, (store_table)table, &c, NULL);
    if (status < 0) break;
    status = store_cursor_seek(c, NULL, 0, &k, &v, NULL);
    for (; status == SDX_OK; status = store_cursor_next(c, &k, &v, NULL))
      for (size_t i = 0; i < v.size; i += 64) sum += (uint8_t)v.data[i];
    if (status == SDX_NOT_FOUND) status = SDX_OK;
  }
  store_read_end(t);
  store_close(s);
  return sum == 0 && status == SDX_OK ? SDX_NOT_FOUND : status;
}

static off_t size_of(const scratch *x) {
  struct stat st;
  assert_int_equal(stat(scratch_path(x, "data.mdb"), &st), 0);
  return st.st_size;
}

static void cut_short(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  fill(&x);
  assert_ok(read_all(&x));
  const off_t whole = size_of(&x);
  sdx_error err = { 0 };
  store *s;
  for (off_t size = whole - 1; size >= 0; size -= size > 8 * PAGE ? 1000 : 100) {
    assert_int_equal(truncate(scratch_path(&x, "data.mdb"), size), 0);
    assert_int_equal(store_open(&s, x.dir, &err), SDX_DAMAGED);
    if (size > 3 * PAGE) assert_non_null(strstr(err.message, "cut short"));
  }
  scratch_remove(&x);
}

/* Pages that were taken and given back within one transaction are never written: the file ends
 * before its last page, and is whole. */
static void ending_early_is_not_cut_short(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  fill(&x);
  store *s = must_open(&x);
  uint8_t block[STORE_BLOCK_SIZE] = { 0 };
  store_space space;
  for (unsigned round = 0; round < 6; round++) {
    store_txn *t = must_write(s);
    for (unsigned i = 0; i < 50 * (round + 1); i++)
      assert_ok(store_put(t, STORE_JOURNAL, &i, sizeof i, block, sizeof block, NULL));
    assert_ok(store_delete_prefix(t, STORE_JOURNAL, NULL, 0, SIZE_MAX, NULL, NULL));
    must_commit(t);
    assert_ok(store_measure(s, &space, NULL));
  }
  store_close(s);
  assert_true((space.used_pages + space.free_pages) * PAGE > (uint64_t)size_of(&x));
  assert_ok(read_all(&x));
  s = must_open(&x);
  put_one(s, "a", "2");
  store_close(s);
  assert_ok(read_all(&x));
  scratch_remove(&x);
}

static void write_file(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

static void something_else(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s;
  sdx_error err = { 0 };
  unsigned seed = 7;
  static uint8_t bytes[64 * PAGE];
  write_file(scratch_path(&x, "data.mdb"), "", 0);
  assert_int_equal(store_open(&s, x.dir, &err), SDX_DAMAGED);
  write_file(scratch_path(&x, "data.mdb"), bytes, sizeof bytes);
  assert_int_equal(store_open(&s, x.dir, &err), SDX_DAMAGED);
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)rand_r(&seed);
  write_file(scratch_path(&x, "data.mdb"), bytes, sizeof bytes);
  assert_int_equal(store_open(&s, x.dir, &err), SDX_DAMAGED);
  assert_int_equal(store_create(x.dir, &err), SDX_DAMAGED);
  assert_non_null(strstr(err.message, "not a store"));
  scratch_remove(&x);
}

static int read_all_quietly(void *argument) {
  /* LMDB says on stderr what it finds. */
  if (freopen("/dev/null", "w", stderr) == NULL) return 1;
  (void)read_all(argument);
  return 0;
}

/* Every bit of both meta pages, flipped: an error or not, but no crash. */
static void flipped_bits_in_the_meta_pages(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  fill(&x);
  const int fd = open(scratch_path(&x, "data.mdb"), O_RDWR | O_CLOEXEC);
  assert_true(fd >= 0);
  for (off_t page = 0; page < 2; page++) {
    for (off_t at = 10; at < 152; at++) {
      uint8_t byte;
      assert_int_equal(pread(fd, &byte, 1, page * PAGE + at), 1);
      const uint8_t flipped = (uint8_t)(byte ^ 1u << (at * 3 % 8));
      assert_int_equal(pwrite(fd, &flipped, 1, page * PAGE + at), 1);
      const int ended = reap(spawn(read_all_quietly, &x));
      if (ended != 0) print_error("page %d, byte %d: %d\n", (int)page, (int)at, ended);
      assert_int_equal(ended, 0);
      assert_int_equal(pwrite(fd, &byte, 1, page * PAGE + at), 1);
    }
  }
  (void)close(fd);
  assert_ok(read_all(&x));
  scratch_remove(&x);
}

static int check_then_read(void *argument) {
  if (freopen("/dev/null", "w", stderr) == NULL) return 1;
  const scratch *x = argument;
  store *s = NULL;
  const sdx_status opened = store_open(&s, x->dir, NULL);
  if (opened == SDX_DAMAGED) return 2;
  if (opened != SDX_OK) return 1;
  const sdx_status checked = store_check(s, NULL);
  store_close(s);
  if (checked == SDX_DAMAGED) return 2;
  return checked == SDX_OK && read_all(x) == SDX_OK ? 0 : 1;
}

/* Pages of the trees: page headers of values, and values, do not count. */
static size_t tree_pages(int fd, off_t *out, size_t capacity) {
  size_t count = 0;
  uint8_t header[16];
  for (off_t page = 2; count < capacity; page++) {
    if (pread(fd, header, sizeof header, page * PAGE) != (ssize_t)sizeof header) break;
    if (header[0] == (uint8_t)page && (header[10] == 1 || header[10] == 2)) out[count++] = page;
  }
  return count;
}

/* What passes the check is read to its end without an error. */
static void flipped_bits_in_the_trees(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  fill(&x);
  store *s = must_open(&x);
  assert_ok(store_check(s, NULL));
  store_close(s);
  const int fd = open(scratch_path(&x, "data.mdb"), O_RDWR | O_CLOEXEC);
  assert_true(fd >= 0);
  off_t pages[100];
  const size_t count = tree_pages(fd, pages, 100);
  assert_true(count > 5 && count < 100);
  unsigned seed = 3;
  int damaged = 0;
  for (int i = 0; i < 500; i++) {
    const off_t at = pages[(size_t)rand_r(&seed) % count] * PAGE + rand_r(&seed) % PAGE;
    uint8_t byte;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    const uint8_t flipped = (uint8_t)(byte ^ 1u << (rand_r(&seed) % 8));
    assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
    const int ended = reap(spawn(check_then_read, &x));
    if (ended == 2)
      damaged++;
    else
      assert_int_equal(ended, 0);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
  }
  assert_true(damaged > 20);
  (void)close(fd);
  assert_ok(read_all(&x));
  scratch_remove(&x);
}

/* ------------------------------------------------------------------ damage, and no check before */

#define LEFT_OUT 3 /* every third block is deleted: the free table has something to list */

static void fill_with_gaps(const scratch *x) {
  fill(x);
  store *s = must_open(x);
  for (unsigned round = 0; round < 3; round++) {
    store_txn *t = must_write(s);
    for (unsigned i = round; i < ROWS / 2; i += LEFT_OUT * 3) {
      const uint8_t key[4] = { 0, 0, (uint8_t)(i >> 8), (uint8_t)i };
      assert_ok(store_delete(t, STORE_BLOCKS, key, sizeof key, NULL));
    }
    must_commit(t);
  }
  store_close(s);
}

static sdx_status write_much(store *s) {
  uint8_t block[2 * STORE_BLOCK_SIZE] = { 1 };
  store_txn *t = NULL;
  sdx_status status = store_write_begin(s, &t, NULL);
  if (status < 0) return status;
  for (unsigned i = 0; i < ROWS && status == SDX_OK; i += 7) {
    const uint8_t key[4] = { 0, 0, (uint8_t)(i >> 8), (uint8_t)i };
    status =
        store_put(t, STORE_BLOCKS, key, sizeof key, block, i % 2 == 0 ? 10 : sizeof block, NULL);
    if (status == SDX_OK) status = store_put(t, STORE_IDS, key, sizeof key, block, 200, NULL);
  }
  for (unsigned i = 3; i < ROWS && status == SDX_OK; i += 5) {
    const uint8_t key[4] = { 0, 0, (uint8_t)(i >> 8), (uint8_t)i };
    status = store_delete(t, i % 2 == 0 ? STORE_BLOCKS : STORE_IDS, key, sizeof key, NULL);
  }
  if (status == SDX_OK) status = store_delete_prefix(t, STORE_BLOCKS, "\0\0\0", 3, 120, NULL, NULL);
  if (status == SDX_OK) return store_commit(t, NULL);
  store_abort(t);
  return status;
}

/* Reads and writes whatever the check would say: what is found must be damage or nothing. */
static int read_then_write(void *argument) {
  (void)alarm(20);
  const scratch *x = argument;
  store *s = NULL;
  const sdx_status read = read_all(x);
  if (read != SDX_OK && read != SDX_DAMAGED) return 1;
  const sdx_status opened = store_open(&s, x->dir, NULL);
  if (opened == SDX_DAMAGED) return 2;
  if (opened != SDX_OK) return 1;
  for (int i = 0; i < 3; i++) {
    const sdx_status wrote = write_much(s);
    if (wrote != SDX_OK && wrote != SDX_DAMAGED) return 3;
    if (wrote == SDX_OK && store_check(s, NULL) != SDX_OK) return read == SDX_OK ? 4 : 2;
  }
  store_close(s);
  const sdx_status after = read_all(x);
  return after != SDX_OK && after != SDX_DAMAGED ? 5 : read == SDX_DAMAGED ? 2 : 0;
}

static void copy_file(const char *from, const char *to) {
  uint8_t bytes[PAGE];
  FILE *in = fopen(from, "r"), *out = fopen(to, "w");
  assert_non_null(in);
  assert_non_null(out);
  for (size_t n; (n = fread(bytes, 1, sizeof bytes, in)) > 0;)
    assert_int_equal(fwrite(bytes, 1, n, out), n);
  (void)fclose(in);
  assert_int_equal(fclose(out), 0);
}

/* No damaged page is ever walked by liblmdb: no flip ends the process, whatever it does. FLIPS in
 * the environment: how many. */
static void flipped_bits_without_a_check(void **state) {
  (void)state;
  scratch x, y;
  scratch_without_disk();
  scratch_create(&x, 0);
  scratch_directory(&y);
  fill_with_gaps(&x);
  const int fd = open(scratch_path(&x, "data.mdb"), O_RDONLY | O_CLOEXEC);
  off_t pages[100];
  const size_t count = tree_pages(fd, pages, 100);
  char from[300];
  (void)snprintf(from, sizeof from, "%s", scratch_path(&x, "data.mdb"));
  const char *asked = getenv("FLIPS");
  const int flips = asked != NULL ? atoi(asked) : 600;
  unsigned seed = asked != NULL ? (unsigned)getpid() : 11;
  int damaged = 0;
  for (int i = 0; i < flips; i++) {
    const off_t page = i % 4 == 0 ? rand_r(&seed) % 2 : pages[(size_t)rand_r(&seed) % count];
    const off_t at = page * PAGE + (page < 2     ? rand_r(&seed) % 160
                                    : i % 3 == 0 ? rand_r(&seed) % 64
                                                 : rand_r(&seed) % PAGE);
    copy_file(from, scratch_path(&y, "data.mdb"));
    const int out = open(scratch_path(&y, "data.mdb"), O_RDWR | O_CLOEXEC);
    uint8_t byte;
    assert_int_equal(pread(out, &byte, 1, at), 1);
    byte ^= (uint8_t)(1u << (rand_r(&seed) % 8));
    assert_int_equal(pwrite(out, &byte, 1, at), 1);
    (void)close(out);
    const int ended = reap(spawn(read_then_write, &y));
    if (ended == 2)
      damaged++;
    else if (ended != 0)
      print_error("flip %d, page %d, byte %d: %d\n", i, (int)page, (int)(at % PAGE), ended);
    if (ended != 2) assert_int_equal(ended, 0);
  }
  assert_true(damaged > flips / 20);
  (void)close(fd);
  scratch_remove(&y);
  scratch_remove(&x);
}

static void a_lock_file_of_garbage(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  fill(&x);
  static uint8_t bytes[20000];
  memset(bytes, 0x5a, sizeof bytes);
  write_file(scratch_path(&x, "lock.mdb"), bytes, sizeof bytes);
  assert_ok(read_all(&x)); /* the first to open makes it anew */
  assert_int_equal(unlink(scratch_path(&x, "lock.mdb")), 0);
  assert_ok(read_all(&x));
  scratch_remove(&x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(cut_short),
    cmocka_unit_test(ending_early_is_not_cut_short),
    cmocka_unit_test(something_else),
    cmocka_unit_test(flipped_bits_in_the_meta_pages),
    cmocka_unit_test(flipped_bits_in_the_trees),
    cmocka_unit_test(flipped_bits_without_a_check),
    cmocka_unit_test(a_lock_file_of_garbage),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
