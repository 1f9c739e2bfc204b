/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one process sees of the tables: get, put, delete, scan, snapshots, poison. */
#include "scratch.h"

#include <stdio.h>

static void open_needs_a_store(void **state) {
  (void)state;
  scratch x;
  store *s = NULL;
  sdx_error err = { 0 };
  scratch_directory(&x);
  assert_int_equal(store_open(&s, x.dir, &err), SDX_SYSTEM);
  assert_non_null(strstr(err.message, "no index here"));
  assert_null(s);
  assert_int_equal(scratch_files(&x), 0);
  scratch_remove(&x);
  assert_int_equal(store_open(&s, x.dir, &err), SDX_SYSTEM);
  assert_int_equal(store_create(x.dir, &err), SDX_SYSTEM);
}

static void create_does_not_overwrite(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  assert_int_equal(scratch_files(&x), 2);
  store *s = must_open(&x);
  put_one(s, "a", "1");
  assert_int_equal(store_create(x.dir, NULL), SDX_INVALID);
  store_close(s);
  assert_int_equal(store_create(x.dir, NULL), SDX_INVALID);
  s = must_open(&x);
  have_one(s, "a", "1");
  store_close(s);
  scratch_remove(&x);
}

static void tables_are_apart(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  store_txn *t = must_write(s);
  static const char *const values[STORE_TABLES] = { "0", "1", "2", "3", "4" };
  for (int i = 0; i < STORE_TABLES; i++) must_put(t, (store_table)i, "key", values[i]);
  must_commit(t);
  t = must_read(s);
  for (int i = 0; i < STORE_TABLES; i++) must_have(t, (store_table)i, "key", values[i]);
  must_have(t, STORE_META, "other", NULL);
  store_read_end(t);
  store_close(s);
  scratch_remove(&x);
}

static void abort_keeps_nothing(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  put_one(s, "a", "1");
  store_txn *t = must_write(s);
  must_put(t, STORE_META, "a", "2");
  must_put(t, STORE_META, "b", "2");
  must_have(t, STORE_META, "a", "2");
  store_abort(t);
  store_abort(NULL);
  have_one(s, "a", "1");
  have_one(s, "b", NULL);
  store_close(s);
  scratch_remove(&x);
}

static void a_failed_write_poisons(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  put_one(s, "m", "1");
  sdx_error err;

  store_txn *t = must_write(s);
  must_put(t, STORE_META, "b", "2");
  assert_int_equal(store_put_new(t, STORE_META, "m", 1, "x", 1, &err), SDX_INVALID);
  assert_int_equal(store_commit(t, &err), SDX_INVALID);

  t = must_write(s);
  must_put(t, STORE_META, "b", "2");
  assert_int_equal(store_append(t, STORE_META, "a", 1, "x", 1, &err), SDX_INVALID);
  assert_int_equal(store_commit(t, &err), SDX_INVALID);

  char key[512] = { 0 };
  t = must_write(s);
  assert_ok(store_put(t, STORE_META, key, 511, "x", 1, &err));
  assert_int_equal(store_put(t, STORE_META, key, 512, "x", 1, &err), SDX_INVALID);
  assert_int_equal(store_commit(t, &err), SDX_INVALID);

  t = must_write(s);
  assert_int_equal(store_put(t, STORE_META, key, 0, "x", 1, &err), SDX_INVALID);
  assert_int_equal(store_commit(t, &err), SDX_INVALID);

  have_one(s, "b", NULL);
  t = must_read(s);
  assert_int_equal(store_put(t, STORE_META, "r", 1, "x", 1, &err), SDX_SYSTEM);
  store_read_end(t);
  store_close(s);
  scratch_remove(&x);
}

static void snapshots_stand_still(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  store *other = must_open(&x);
  put_one(s, "a", "1");
  store_txn *old = must_read(other);
  /* Of another handle, but of this thread: that is fine as long as the map need not move. */
  put_one(s, "a", "2");
  must_have(old, STORE_META, "a", "1");
  store_txn *new = must_read(s);
  must_have(new, STORE_META, "a", "2");
  store_read_end(new);
  store_read_end(old);
  have_one(other, "a", "2");
  store_close(other);
  store_close(s);
  scratch_remove(&x);
}

static void hanging_for_oneself_is_refused(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  store_txn *reading = must_read(s), *t = NULL;
  assert_int_equal(store_write_begin(s, &t, NULL), SDX_INVALID);
  store_read_end(reading);
  t = must_write(s);
  store_txn *second = NULL;
  assert_int_equal(store_write_begin(s, &second, NULL), SDX_INVALID);
  must_put(t, STORE_META, "a", "1");
  must_commit(t);
  have_one(s, "a", "1");
  store_close(s);
  scratch_remove(&x);
}

static void blocks_fill_a_page(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  uint8_t block[STORE_BLOCK_SIZE];
  memset(block, 7, sizeof block);
  store_txn *t = must_write(s);
  for (unsigned i = 0; i < 1000; i++) {
    uint8_t key[16] = { 0 };
    key[14] = (uint8_t)(i >> 8);
    key[15] = (uint8_t)i;
    assert_ok(store_append(t, STORE_BLOCKS, key, sizeof key, block, sizeof block, NULL));
  }
  must_commit(t);
  store_space space;
  assert_ok(store_measure(s, &space, NULL));
  assert_int_equal(space.entries[STORE_BLOCKS], 1000);
  assert_int_equal(space.page_size, 4096);
  assert_true(space.used_pages >= 1000 && space.used_pages < 1040);
  assert_true(space.file_size >= space.used_pages * 4096);
  store_close(s);
  scratch_remove(&x);
}

/* A block of a value of several, out of the map and read beside it; and of what is none. */
static void blocks_of_a_value(void **state) {
  (void)state;
  enum { BLOCKS = 3 };
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  static uint8_t blocks[BLOCKS * STORE_BLOCK_SIZE];
  uint8_t room[STORE_PAGE];
  for (size_t i = 0; i < sizeof blocks; i++) blocks[i] = (uint8_t)(i * 7 + i / STORE_BLOCK_SIZE);
  store_txn *t = must_write(s);
  assert_ok(store_put(t, STORE_BLOCKS, "one", 3, blocks, STORE_BLOCK_SIZE, NULL));
  assert_ok(store_put(t, STORE_BLOCKS, "three", 5, blocks, sizeof blocks, NULL));
  assert_ok(store_put(t, STORE_BLOCKS, "short", 5, blocks, 100, NULL));
  must_commit(t);
  for (int writing = 0; writing <= 1; writing++) {
    sdx_bytes v;
    t = NULL;
    if (writing) t = must_write(s);
    else assert_ok(store_read_begin(s, &t, NULL));
    for (int round = 0; round < 8; round++) {
      for (size_t at = 0; at < sizeof blocks; at += STORE_BLOCK_SIZE) {
        assert_ok(store_get_block(t, "three", 5, at, room, &v, NULL));
        assert_int_equal(v.size, STORE_BLOCK_SIZE);
        assert_memory_equal(v.data, blocks + at, v.size);
      }
      assert_ok(store_get_block(t, "one", 3, 0, room, &v, NULL));
      assert_memory_equal(v.data, blocks, STORE_BLOCK_SIZE);
    }
    assert_ok(store_get_block(t, "one", 3, STORE_BLOCK_SIZE, room, &v, NULL));
    assert_int_equal(v.size, 0);
    assert_ok(store_get_block(t, "three", 5, sizeof blocks, room, &v, NULL));
    assert_int_equal(v.size, 0);
    assert_ok(store_get_block(t, "short", 5, 0, room, &v, NULL));
    assert_int_equal(v.size, 0);
    assert_int_equal(store_get_block(t, "two", 3, 0, room, &v, NULL), SDX_NOT_FOUND);
    if (writing) store_abort(t);
    else store_read_end(t);
  }
  store_close(s);
  scratch_remove(&x);
}

/* ------------------------------------------------------------------ against a model */

#define KEYS 500

static size_t model_key(unsigned n, char *out) {
  return (size_t)snprintf(out, 32, "%c/%03u", 'a' + (char)(n % 3), n);
}

/* The keys in order: by n % 3, then by n. */
static int scan_matches(store_txn *t, const bool *present) {
  store_cursor *c;
  sdx_bytes k, v;
  assert_ok(store_cursor_open(t, STORE_IDS, &c, NULL));
  sdx_status status = store_cursor_seek(c, NULL, 0, &k, &v, NULL);
  for (unsigned group = 0; group < 3; group++) {
    for (unsigned n = group; n < KEYS; n += 3) {
      if (!present[n]) continue;
      char key[32];
      const size_t size = model_key(n, key);
      if (status != SDX_OK || k.size != size || memcmp(k.data, key, size) != 0) return 0;
      status = store_cursor_next(c, &k, &v, NULL);
    }
  }
  store_cursor_close(c);
  return status == SDX_NOT_FOUND;
}

static void delete_while_scanning(store_txn *t, bool *present, unsigned modulus) {
  store_cursor *c;
  sdx_bytes k;
  assert_ok(store_cursor_open(t, STORE_IDS, &c, NULL));
  sdx_status status = store_cursor_seek(c, NULL, 0, &k, NULL, NULL);
  while (status == SDX_OK) {
    char text[32] = { 0 };
    memcpy(text, k.data, k.size);
    const unsigned n = (unsigned)strtoul(text + 2, NULL, 10);
    assert_true(present[n]);
    if (n % modulus == 0) {
      assert_ok(store_cursor_delete(c, NULL));
      present[n] = false;
    }
    status = store_cursor_next(c, &k, NULL, NULL);
  }
  assert_int_equal(status, SDX_NOT_FOUND);
  store_cursor_close(c);
}

static void delete_group(store_txn *t, bool *present, unsigned group, size_t limit) {
  const char prefix[2] = { (char)('a' + group), '/' };
  size_t deleted = 0, expected = 0;
  for (unsigned n = group; n < KEYS && expected < limit; n += 3) {
    if (present[n]) expected++;
    present[n] = false;
  }
  assert_ok(store_delete_prefix(t, STORE_IDS, prefix, 2, limit, &deleted, NULL));
  assert_int_equal(deleted, expected);
}

static void random_changes_match_a_model(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, SMALL_MAP);
  store *s = must_open(&x);
  bool present[KEYS] = { false };
  unsigned seed = 1;
  for (int round = 0; round < 60; round++) {
    store_txn *t = must_write(s);
    for (int i = 0; i < 200; i++) {
      const unsigned n = (unsigned)rand_r(&seed) % KEYS;
      char key[32], value[300] = { 0 };
      const size_t size = model_key(n, key);
      if (rand_r(&seed) % 3 != 0) {
        assert_ok(store_put(t, STORE_IDS, key, size, value, n % sizeof value, NULL));
        present[n] = true;
      } else {
        assert_ok(store_delete(t, STORE_IDS, key, size, NULL));
        present[n] = false;
      }
    }
    if (round % 5 == 0) delete_while_scanning(t, present, 2 + (unsigned)round % 7);
    if (round % 7 == 0) delete_group(t, present, (unsigned)round % 3, 10 + (size_t)round * 2);
    assert_true(scan_matches(t, present));
    must_commit(t);
    t = must_read(s);
    assert_true(scan_matches(t, present));
    store_read_end(t);
    assert_ok(store_check(s, NULL));
  }
  store_close(s);
  scratch_remove(&x);
}

static void seek_finds_the_next_key(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  put_one(s, "b", "1");
  put_one(s, "d", "2");
  store_txn *t = must_read(s);
  store_cursor *c;
  sdx_bytes k, v;
  assert_ok(store_cursor_open(t, STORE_META, &c, NULL));
  assert_ok(store_cursor_seek(c, "a", 1, &k, &v, NULL));
  assert_memory_equal(k.data, "b", 1);
  assert_ok(store_cursor_seek(c, "c", 1, &k, &v, NULL));
  assert_memory_equal(v.data, "2", 1);
  assert_int_equal(store_cursor_seek(c, "e", 1, &k, &v, NULL), SDX_NOT_FOUND);
  assert_ok(store_cursor_seek(c, NULL, 0, &k, &v, NULL));
  assert_memory_equal(k.data, "b", 1);
  store_read_end(t); /* closes the cursor */
  store_close(s);
  scratch_remove(&x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(open_needs_a_store),
    cmocka_unit_test(create_does_not_overwrite),
    cmocka_unit_test(tables_are_apart),
    cmocka_unit_test(abort_keeps_nothing),
    cmocka_unit_test(a_failed_write_poisons),
    cmocka_unit_test(snapshots_stand_still),
    cmocka_unit_test(hanging_for_oneself_is_refused),
    cmocka_unit_test(blocks_fill_a_page),
    cmocka_unit_test(blocks_of_a_value),
    cmocka_unit_test(random_changes_match_a_model),
    cmocka_unit_test(seek_finds_the_next_key),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
