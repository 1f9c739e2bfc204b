/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The n-th LMDB call fails, for every n: an error, nothing lost, and it works again afterwards. */
#include "scratch.h"

#include <errno.h>

#ifdef SEALDEX_FAULTS

static int calls, failing_call, failure;

static int fail_once(void) {
  return ++calls == failing_call ? failure : 0;
}

/* A life of a handle, up to its first error. *committed counts the transactions that were
 * acknowledged. */
static sdx_status write_some(store *s, unsigned *committed) {
  for (unsigned i = 0; i < 4; i++) {
    store_txn *t;
    size_t deleted;
    sdx_status status = store_write_begin(s, &t, NULL);
    if (status < 0) return status;
    const unsigned n = *committed + 1;
    status = store_put(t, STORE_META, "n", 1, &n, sizeof n, NULL);
    if (status == SDX_OK) status = store_put_new(t, STORE_IDS, &n, sizeof n, "x", 1, NULL);
    if (status == SDX_OK) status = store_put(t, STORE_DUE, "gone", 4, "x", 1, NULL);
    if (status == SDX_OK) status = store_delete(t, STORE_DUE, "gone", 4, NULL);
    if (status == SDX_OK) status = store_put(t, STORE_DUE, "gone", 4, "x", 1, NULL);
    if (status == SDX_OK) status = store_delete_prefix(t, STORE_DUE, "go", 2, 9, &deleted, NULL);
    const sdx_status ended = store_commit(t, NULL);
    if (status < 0) assert_int_equal(ended, status);
    if (ended < 0) return ended;
    (*committed)++;
  }
  return SDX_OK;
}

static sdx_status read_some(store *s, unsigned committed) {
  store_txn *t;
  store_cursor *c;
  store_space space;
  sdx_bytes k, v;
  sdx_status status = store_read_begin(s, &t, NULL);
  if (status < 0) return status;
  status = store_get(t, STORE_META, "n", 1, &v, NULL);
  if (status == SDX_OK) assert_memory_equal(v.data, &committed, sizeof committed);
  if (status == SDX_OK) status = store_cursor_open(t, STORE_IDS, &c, NULL);
  if (status == SDX_OK) status = store_cursor_seek(c, NULL, 0, &k, &v, NULL);
  for (unsigned i = 1; status == SDX_OK && i < committed; i++)
    status = store_cursor_next(c, &k, &v, NULL);
  store_read_end(t);
  return status < 0 ? status : store_measure(s, &space, NULL);
}

static void check(store *s, unsigned committed) {
  store_space space;
  sdx_error err;
  if (store_measure(s, &space, &err) < 0)
    fail_msg("call %d, %d: %s", failing_call, failure, err.message);
  assert_ok(read_some(s, committed));
  assert_ok(store_measure(s, &space, NULL));
  assert_int_equal(space.entries[STORE_IDS], committed);
  assert_int_equal(space.entries[STORE_DUE], 0);
}

/* Returns whether the fault was reached. */
static bool one_life(int n, int code) {
  scratch x;
  scratch_create(&x, SMALL_MAP);
  store *s = must_open(&x);
  unsigned committed = 0;
  assert_ok(write_some(s, &committed));
  store_close(s);

  calls = 0;
  failing_call = n;
  failure = code;
  store_fault = fail_once;
  s = NULL;
  sdx_status status = store_open(&s, x.dir, NULL);
  if (status == SDX_OK) status = write_some(s, &committed);
  if (status == SDX_OK) status = read_some(s, committed);
  const bool reached = calls >= n;
  store_fault = NULL;
  if (!reached) assert_int_equal(status, SDX_OK);
  assert_true(status <= 0 && status >= SDX_FORKED);

  if (s == NULL) s = must_open(&x);
  check(s, committed); /* the same handle works again */
  assert_ok(write_some(s, &committed));
  check(s, committed);
  store_close(s);
  s = must_open(&x);
  check(s, committed);
  store_close(s);
  scratch_remove(&x);
  return reached;
}

static void each_call_fails(void **state) {
  (void)state;
  /* Among them those that LMDB may answer and that are mended: MDB_PANIC, _MAP_RESIZED, _BAD_RSLOT,
   * _READERS_FULL. */
  static const int codes[] = { EIO, ENOMEM, ENOSPC, -30795, -30785, -30783, -30790, -30796 };
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    int n = 1;
    while (one_life(n, codes[i])) n++;
    assert_true(n > 50);
    print_message("%d: each of %d calls\n", codes[i], n - 1);
  }
}

static void creation_fails(void **state) {
  (void)state;
  bool reached = true;
  for (int n = 1; reached; n++) {
    scratch x;
    scratch_directory(&x);
    calls = 0;
    failing_call = n;
    failure = EIO;
    store_fault = fail_once;
    const sdx_status status = store_create(x.dir, NULL);
    reached = calls >= n;
    store_fault = NULL;
    assert_int_equal(status, reached ? SDX_SYSTEM : SDX_OK);
    /* What was not created can be created now. The sync of the directory comes after the tables. */
    const sdx_status again = store_create(x.dir, NULL);
    assert_true(again == SDX_OK || again == SDX_INVALID);
    store *s = must_open(&x);
    put_one(s, "a", "1");
    store_close(s);
    scratch_remove(&x);
  }
}

#else

static void skip_faults(void **state) {
  (void)state;
  print_message("skipped: built without SEALDEX_FAULTS\n");
}
#define each_call_fails skip_faults
#define creation_fails skip_faults

#endif

int main(void) {
  scratch_without_disk();
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_call_fails),
    cmocka_unit_test(creation_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
