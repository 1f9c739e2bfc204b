/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What docs/format-store.md says, read with LMDB's own calls and as plain bytes. */
#include "scratch.h"

#include <lmdb.h>
#include <stdio.h>

static void make(scratch *x) {
  scratch_create(x, 0);
  store *s = must_open(x);
  const uint8_t block[STORE_BLOCK_SIZE] = { 1 };
  store_txn *t = must_write(s);
  must_put(t, STORE_META, "a", "1");
  assert_ok(store_put(t, STORE_BLOCKS, "b", 1, block, sizeof block, NULL));
  must_commit(t);
  store_close(s);
}

static void the_main_table_names_five(void **state) {
  (void)state;
  static const char *const names[] = { "blocks", "due", "ids", "journal", "meta" };
  static const size_t entries[] = { 1, 0, 0, 0, 1 };
  scratch x;
  make(&x);
  MDB_env *env;
  MDB_txn *txn;
  MDB_dbi main_table, table;
  MDB_cursor *c;
  MDB_val key, value;
  MDB_stat stat;
  unsigned flags;
  assert_int_equal(mdb_env_create(&env), 0);
  assert_int_equal(mdb_env_set_maxdbs(env, 5), 0);
  assert_int_equal(mdb_env_open(env, x.dir, MDB_RDONLY, 0), 0);
  assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
  assert_int_equal(mdb_dbi_open(txn, NULL, 0, &main_table), 0);
  assert_int_equal(mdb_cursor_open(txn, main_table, &c), 0);
  for (int i = 0; i < 5; i++) {
    assert_int_equal(mdb_cursor_get(c, &key, &value, MDB_NEXT), 0);
    assert_int_equal(key.mv_size, strlen(names[i]));
    assert_memory_equal(key.mv_data, names[i], key.mv_size);
    assert_int_equal(mdb_dbi_open(txn, names[i], 0, &table), 0);
    assert_int_equal(mdb_dbi_flags(txn, table, &flags), 0);
    assert_int_equal(flags, 0);
    assert_int_equal(mdb_stat(txn, table, &stat), 0);
    assert_int_equal(stat.ms_entries, entries[i]);
    assert_int_equal(stat.ms_overflow_pages, i == 0 ? 1 : 0);
  }
  assert_int_equal(mdb_cursor_get(c, &key, &value, MDB_NEXT), 0);
  assert_int_equal(key.mv_size, 5);
  assert_memory_equal(key.mv_data, "state", 5);
  static const uint8_t record[40] = { 2,    0,    0,    0,    0,    0,    0,    0,
                                      0x1a, 0x83, 0x28, 0xca, 0x1f, 0x00, 0x04, 0x19 };
  assert_int_equal(value.mv_size, sizeof record);
  assert_memory_equal(value.mv_data, record, sizeof record);
  assert_int_equal(mdb_cursor_get(c, &key, &value, MDB_NEXT), MDB_NOTFOUND);
  mdb_cursor_close(c);
  mdb_txn_abort(txn);
  mdb_env_close(env);
  scratch_remove(&x);
}

static void the_meta_pages_are_of_version_1(void **state) {
  (void)state;
  scratch x;
  make(&x);
  FILE *file = fopen(scratch_path(&x, "data.mdb"), "r");
  assert_non_null(file);
  for (long page = 0; page < 2; page++) {
    uint8_t bytes[24];
    assert_int_equal(fseek(file, page * 4096, SEEK_SET), 0);
    assert_int_equal(fread(bytes, sizeof bytes, 1, file), 1);
    assert_memory_equal(bytes + 16, "\xde\xc0\xef\xbe\x01\x00\x00\x00", 8);
  }
  assert_int_equal(fclose(file), 0);
  scratch_remove(&x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_main_table_names_five),
    cmocka_unit_test(the_meta_pages_are_of_version_1),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
