/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several processes on one store: in turn, apart, forked, and killed. */
#include "scratch.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* Two pipes: the child says where it is, the parent says go on. */
typedef struct rendezvous {
  scratch *x;
  int said[2], go[2];
} rendezvous;

static void rendezvous_make(rendezvous *r, scratch *x) {
  r->x = x;
  assert_int_equal(pipe(r->said), 0);
  assert_int_equal(pipe(r->go), 0);
}

static void rendezvous_close(rendezvous *r) {
  for (int i = 0; i < 2; i++) {
    (void)close(r->said[i]);
    (void)close(r->go[i]);
  }
}

static void say(int pipe_end) {
  assert_int_equal(write(pipe_end, "!", 1), 1);
}

static void hear(int pipe_end) {
  char byte;
  assert_int_equal(read(pipe_end, &byte, 1), 1);
}

/* ------------------------------------------------------------------ in turn */

#define TURNS 150

static int count_up(void *argument) {
  store *s = must_open(argument);
  for (int i = 0; i < TURNS; i++) {
    store_txn *t = must_write(s);
    unsigned value = 0;
    sdx_bytes got;
    if (store_get(t, STORE_META, "n", 1, &got, NULL) == SDX_OK)
      memcpy(&value, got.data, sizeof value);
    value++;
    assert_ok(store_put(t, STORE_META, "n", 1, &value, sizeof value, NULL));
    must_commit(t);
  }
  store_close(s);
  return 0;
}

static void writers_take_turns(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, SMALL_MAP);
  const int first = spawn(count_up, &x), second = spawn(count_up, &x);
  assert_int_equal(count_up(&x), 0);
  assert_int_equal(reap(first), 0);
  assert_int_equal(reap(second), 0);
  store *s = must_open(&x);
  store_txn *t = must_read(s);
  sdx_bytes got;
  unsigned value;
  assert_ok(store_get(t, STORE_META, "n", 1, &got, NULL));
  memcpy(&value, got.data, sizeof value);
  assert_int_equal(value, 3 * TURNS);
  store_read_end(t);
  store_close(s);
  scratch_remove(&x);
}

static int hold_a_snapshot(void *argument) {
  rendezvous *r = argument;
  store *s = must_open(r->x);
  store_txn *t = must_read(s);
  must_have(t, STORE_META, "a", "1");
  say(r->said[1]);
  hear(r->go[0]);
  must_have(t, STORE_META, "a", "1");
  store_read_end(t);
  have_one(s, "a", "51");
  store_close(s);
  return 0;
}

static void a_snapshot_holds_until_it_ends(void **state) {
  (void)state;
  scratch x;
  rendezvous r;
  scratch_create(&x, SMALL_MAP);
  rendezvous_make(&r, &x);
  store *s = must_open(&x);
  put_one(s, "a", "1");
  const int reader = spawn(hold_a_snapshot, &r);
  hear(r.said[0]);
  for (int i = 2; i < 52; i++) {
    char value[8];
    (void)snprintf(value, sizeof value, "%d", i);
    put_one(s, "a", value);
  }
  say(r.go[1]);
  assert_int_equal(reap(reader), 0);
  rendezvous_close(&r);
  store_close(s);
  scratch_remove(&x);
}

/* ------------------------------------------------------------------ killed */

static int die_reading(void *argument) {
  rendezvous *r = argument;
  store *s = must_open(r->x);
  (void)must_read(s);
  say(r->said[1]);
  (void)pause();
  return 0;
}

static void overwrite_often(store *s) {
  char value[3000];
  memset(value, 'v', sizeof value - 1);
  value[sizeof value - 1] = '\0';
  for (int i = 0; i < 300; i++) put_one(s, "big", value);
}

/* A reader that was killed pins no pages for long. */
static void a_killed_reader_is_cleared_away(void **state) {
  (void)state;
  scratch x;
  rendezvous r;
  scratch_create(&x, 0);
  rendezvous_make(&r, &x);
  store *s = must_open(&x);
  put_one(s, "a", "1");
  const int reader = spawn(die_reading, &r);
  hear(r.said[0]);
  store_space before, pinned, after;
  assert_ok(store_measure(s, &before, NULL));
  overwrite_often(s);
  assert_ok(store_measure(s, &pinned, NULL));
  assert_true(pinned.file_size > before.file_size + (uint64_t)300 * 4096);
  (void)kill(reader, SIGKILL);
  assert_int_equal(reap(reader), -SIGKILL);
  overwrite_often(s);
  assert_ok(store_measure(s, &after, NULL));
  assert_true(after.file_size < pinned.file_size + (uint64_t)100 * 4096);
  rendezvous_close(&r);
  store_close(s);
  scratch_remove(&x);
}

#define SLOTS 254 /* of the reader table */

static int fill_the_reader_table(void *argument) {
  rendezvous *r = argument;
  store *s = must_open(r->x);
  store_txn *t[SLOTS];
  for (int i = 0; i < SLOTS; i++) t[i] = must_read(s);
  store_txn *more;
  sdx_error err = { 0 };
  if (store_read_begin(s, &more, &err) != SDX_SYSTEM) return 1;
  store_read_end(t[0]); /* room for one */
  t[0] = must_read(s);
  say(r->said[1]);
  hear(r->go[0]);
  for (int i = 0; i < SLOTS; i++) store_read_end(t[i]);
  have_one(s, "a", "1");
  store_close(s);
  return 0;
}

static void a_full_reader_table_is_an_error_that_passes(void **state) {
  (void)state;
  scratch x;
  rendezvous r;
  scratch_create(&x, 0);
  rendezvous_make(&r, &x);
  store *s = must_open(&x);
  put_one(s, "a", "1");
  store_close(s);
  const int reader = spawn(fill_the_reader_table, &r);
  hear(r.said[0]);
  sdx_error err = { 0 };
  assert_int_equal(store_open(&s, x.dir, &err), SDX_SYSTEM);
  assert_true(err.message[0] != '\0');
  say(r.go[1]);
  assert_int_equal(reap(reader), 0);
  s = must_open(&x);
  have_one(s, "a", "1");
  store_close(s);
  rendezvous_close(&r);
  scratch_remove(&x);
}

static void a_table_full_of_the_dead_is_cleared(void **state) {
  (void)state;
  scratch x;
  rendezvous r;
  scratch_create(&x, 0);
  rendezvous_make(&r, &x);
  store *s = must_open(&x);
  put_one(s, "a", "1");
  const int reader = spawn(fill_the_reader_table, &r);
  /* This process has a slot, kept by its pool, so that the child finds one less. */
  (void)kill(reader, SIGKILL);
  assert_int_equal(reap(reader), -SIGKILL);
  store_txn *t[100];
  for (int i = 0; i < 100; i++) t[i] = must_read(s);
  for (int i = 0; i < 100; i++) store_read_end(t[i]);
  store_close(s);
  rendezvous_close(&r);
  scratch_remove(&x);
}

static int die_writing(void *argument) {
  rendezvous *r = argument;
  store *s = must_open(r->x);
  put_one(s, "kept", "1");
  store_txn *t = must_write(s);
  char value[3000] = { 0 };
  must_put(t, STORE_META, "a", "2");
  for (unsigned i = 0; i < 2000; i++)
    assert_ok(store_put(t, STORE_JOURNAL, &i, sizeof i, value, sizeof value, NULL));
  say(r->said[1]);
  (void)pause();
  return 0;
}

static void a_killed_writer_loses_its_open_transaction(void **state) {
  (void)state;
  scratch x;
  rendezvous r;
  scratch_create(&x, 0);
  rendezvous_make(&r, &x);
  store *s = must_open(&x);
  put_one(s, "a", "1");
  const int writer = spawn(die_writing, &r);
  hear(r.said[0]);
  have_one(s, "a", "1");
  have_one(s, "kept", "1");
  (void)kill(writer, SIGKILL);
  assert_int_equal(reap(writer), -SIGKILL);
  put_one(s, "b", "2"); /* the lock is free, and the store as it was */
  store_space space;
  assert_ok(store_measure(s, &space, NULL));
  assert_int_equal(space.entries[STORE_JOURNAL], 0);
  have_one(s, "a", "1");
  have_one(s, "b", "2");
  store_close(s);
  rendezvous_close(&r);
  scratch_remove(&x);
}

/* ------------------------------------------------------------------ forked */

static int use_the_parents_handle(void *argument) {
  store *s = argument;
  store_txn *t;
  store_space space;
  if (store_read_begin(s, &t, NULL) != SDX_FORKED) return 1;
  if (store_write_begin(s, &t, NULL) != SDX_FORKED) return 2;
  if (store_measure(s, &space, NULL) != SDX_FORKED) return 3;
  if (store_maintenance_lock(s, true, NULL) != SDX_FORKED) return 4;
  if (store_compact(s, NULL) != SDX_FORKED) return 5;
  store_close(s);
  return 0;
}

static void a_forked_child_is_refused(void **state) {
  (void)state;
  scratch x;
  scratch_create(&x, 0);
  store *s = must_open(&x);
  put_one(s, "a", "1");
  store_txn *t = must_read(s);
  assert_int_equal(reap(spawn(use_the_parents_handle, s)), 0);
  must_have(t, STORE_META, "a", "1");
  store_read_end(t);
  assert_int_equal(reap(spawn(count_up, &x)), 0); /* one of its own is fine */
  put_one(s, "a", "2");
  have_one(s, "a", "2");
  store_close(s);
  scratch_remove(&x);
}

/* ------------------------------------------------------------------ maintenance */

static int try_maintenance(void *argument) {
  store *s = must_open(argument);
  const sdx_status status = store_maintenance_lock(s, false, NULL);
  store_close(s);
  return status == SDX_LOCKED ? 1 : status == SDX_OK ? 0 : 2;
}

static int hold_maintenance(void *argument) {
  rendezvous *r = argument;
  store *s = must_open(r->x);
  assert_ok(store_maintenance_lock(s, true, NULL));
  say(r->said[1]);
  (void)pause();
  return 0;
}

static void the_maintenance_lock_ends_with_its_holder(void **state) {
  (void)state;
  scratch x;
  rendezvous r;
  scratch_create(&x, 0);
  rendezvous_make(&r, &x);
  store *s = must_open(&x), *other = must_open(&x);
  assert_ok(store_maintenance_lock(s, false, NULL));
  assert_int_equal(store_maintenance_lock(other, false, NULL), SDX_LOCKED);
  assert_int_equal(reap(spawn(try_maintenance, &x)), 1);
  put_one(other, "a", "1"); /* readers and writers do not care */
  have_one(s, "a", "1");
  store_maintenance_unlock(s);
  store_maintenance_unlock(s);
  assert_int_equal(reap(spawn(try_maintenance, &x)), 0);

  const int holder = spawn(hold_maintenance, &r);
  hear(r.said[0]);
  assert_int_equal(store_maintenance_lock(s, false, NULL), SDX_LOCKED);
  (void)kill(holder, SIGKILL);
  assert_int_equal(reap(holder), -SIGKILL);
  assert_ok(store_maintenance_lock(s, false, NULL));
  store_close(s); /* releases it */
  assert_ok(store_maintenance_lock(other, false, NULL));
  store_close(other);
  rendezvous_close(&r);
  scratch_remove(&x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(writers_take_turns),
    cmocka_unit_test(a_snapshot_holds_until_it_ends),
    cmocka_unit_test(a_killed_reader_is_cleared_away),
    cmocka_unit_test(a_full_reader_table_is_an_error_that_passes),
    cmocka_unit_test(a_table_full_of_the_dead_is_cleared),
    cmocka_unit_test(a_killed_writer_loses_its_open_transaction),
    cmocka_unit_test(a_forked_child_is_refused),
    cmocka_unit_test(the_maintenance_lock_ends_with_its_holder),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
