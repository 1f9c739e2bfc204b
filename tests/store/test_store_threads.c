/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many threads on handles of one directory: readers, writers, growth and compaction. */
#include "scratch.h"

#include <pthread.h>
#include <stdatomic.h>

#define READERS 4
#define MANY_READERS 10 /* more than are kept for the next */
#define ROUNDS 200

typedef struct work {
  store *s;
  atomic_bool done;
} work;

static unsigned get_number(store_txn *t, const char *key) {
  sdx_bytes got;
  unsigned value = 0;
  if (store_get(t, STORE_META, key, strlen(key), &got, NULL) == SDX_OK)
    memcpy(&value, got.data, sizeof value);
  return value;
}

/* An assertion of cmocka in a thread would jump into another stack: count, and look later. */
static void *keep_reading(void *argument) {
  work *w = argument;
  uintptr_t wrong = 0;
  unsigned last = 0;
  while (!atomic_load(&w->done)) {
    store_txn *t;
    if (store_read_begin(w->s, &t, NULL) < 0) {
      wrong++;
      break;
    }
    const unsigned x = get_number(t, "x");
    if (x < last || x != get_number(t, "y")) wrong++;
    last = x;
    store_read_end(t);
  }
  return (void *)wrong;
}

static void *keep_writing(void *argument) {
  work *w = argument;
  uint8_t block[STORE_BLOCK_SIZE] = { 0 };
  for (unsigned i = 0; i < ROUNDS; i++) {
    store_txn *t;
    if (store_write_begin(w->s, &t, NULL) < 0) return (void *)1;
    const unsigned n = get_number(t, "x") + 1;
    sdx_status status = store_put(t, STORE_META, "x", 1, &n, sizeof n, NULL);
    if (status == SDX_OK) status = store_put(t, STORE_META, "y", 1, &n, sizeof n, NULL);
    if (status == SDX_OK)
      status = store_put(t, STORE_BLOCKS, &n, sizeof n, block, sizeof block, NULL);
    if (store_commit(t, NULL) < 0 || status < 0) return (void *)2;
  }
  return NULL;
}

static void run(bool compacting, int reader_count) {
  scratch x;
  scratch_create(&x, SMALL_MAP);
  work first = { .s = must_open(&x) }, second = { .s = must_open(&x) };
  pthread_t readers[MANY_READERS], writers[2];
  void *wrong;
  for (int i = 0; i < reader_count; i++)
    assert_int_equal(pthread_create(&readers[i], NULL, keep_reading, i % 2 ? &second : &first), 0);
  assert_int_equal(pthread_create(&writers[0], NULL, keep_writing, &first), 0);
  assert_int_equal(pthread_create(&writers[1], NULL, keep_writing, &second), 0);
  for (int i = 0; compacting && i < 20; i++) {
    assert_ok(store_maintenance_lock(first.s, true, NULL));
    assert_ok(store_compact(first.s, NULL));
    store_maintenance_unlock(first.s);
  }
  for (int i = 0; i < 2; i++) {
    assert_int_equal(pthread_join(writers[i], &wrong), 0);
    assert_null(wrong);
  }
  atomic_store(&first.done, true);
  atomic_store(&second.done, true);
  for (int i = 0; i < reader_count; i++) {
    assert_int_equal(pthread_join(readers[i], &wrong), 0);
    assert_null(wrong);
  }
  store_txn *t = must_read(first.s);
  assert_int_equal(get_number(t, "x"), 2 * ROUNDS);
  store_read_end(t);
  store_close(first.s);
  store_close(second.s);
  scratch_remove(&x);
}

static void readers_beside_writers(void **state) {
  (void)state;
  run(false, READERS);
}

static void many_readers_beside_writers(void **state) {
  (void)state;
  run(false, MANY_READERS);
}

static void readers_beside_writers_and_compaction(void **state) {
  (void)state;
  run(true, READERS);
}

static void *open_and_close(void *argument) {
  const scratch *x = argument;
  for (int i = 0; i < 200; i++) {
    store *s;
    store_txn *t;
    if (store_open(&s, x->dir, NULL) < 0) return (void *)1;
    if (i % 3 == 0) {
      if (store_write_begin(s, &t, NULL) < 0) return (void *)2;
      store_abort(t);
    }
    if (store_read_begin(s, &t, NULL) < 0) return (void *)3;
    store_read_end(t);
    store_close(s);
  }
  return NULL;
}

/* Handles of one directory share what LMDB has open: it must close behind the last of them only. */
static void handles_come_and_go(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  pthread_t threads[READERS];
  void *wrong;
  for (int i = 0; i < READERS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, &x), 0);
  for (int i = 0; i < READERS; i++) {
    assert_int_equal(pthread_join(threads[i], &wrong), 0);
    assert_null(wrong);
  }
  scratch_remove(&x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(readers_beside_writers),
    cmocka_unit_test(many_readers_beside_writers),
    cmocka_unit_test(readers_beside_writers_and_compaction),
    cmocka_unit_test(handles_come_and_go),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
