/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rekey --deep: nothing that was sealed before opens with a key that is left; nothing is lost, also where
 * it is killed, or where others read and write meanwhile. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "scene.h"

static const sdx_secret new_key = { SDX_SECRET_KEY, "another key of thirty-two bytes .", 32 };

static size_t content_keys(const scene *s, keyring_entry *out, size_t room) {
  keyring *k = NULL;
  size_t n = 0;
  assert_int_equal(keyring_open(&k, s->path, NULL), SDX_OK);
  for (size_t i = 0; i < keyring_count(k); i++)
    if (n < room) out[n++] = keyring_at(k, i);
  keyring_close(k);
  return n;
}

static void none_is_left_of(const scene *s, const keyring_entry *before, size_t count) {
  keyring *k = NULL;
  assert_int_equal(keyring_open(&k, s->path, NULL), SDX_OK);
  for (size_t i = 0; i < count; i++) assert_false(keyring_has(k, before[i].kind, before[i].id));
  keyring_close(k);
}

/* Three segments, two buckets of the trash, a tombstone, and records in the journal. */
static void fill(scene *s) {
  for (unsigned i = 0; i < 40; i++) scene_add(s, i, "zebra");
  scene_maintain(s, false);
  scene_delete(s, 1);
  s->now += SDX_DAY;
  scene_delete(s, 2);
  scene_maintain(s, true);
  for (unsigned i = 40; i < 60; i++) scene_add(s, i, "zebra");
  scene_maintain(s, false);
  scene_delete(s, 45);
  for (unsigned i = 60; i < 70; i++) scene_add(s, i, "zebra");
  scene_add(s, 3, "walnut");
  scene_delete(s, 61);
}

static void nothing_is_lost(scene *s) {
  uint64_t problems = 1;
  assert_int_equal(scene_count(s, "zebra"), 70 - 5);
  assert_int_equal(scene_count(s, "walnut"), 1);
  assert_int_equal(sdx_verify(s->index, NULL, NULL, &problems, NULL), SDX_OK);
  static const unsigned deleted[] = { 1, 2, 45, 61 };
  for (size_t i = 0; i < 4; i++) assert_int_equal(scene_restore(s, deleted[i]), SDX_OK);
  assert_int_equal(scene_count(s, "zebra"), 69);
  assert_int_equal(scene_add(s, 7, "zebra"), SDX_UNCHANGED);
}

static void every_key_is_new(void **state) {
  scene *s = *state;
  keyring_entry before[64];
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  sdx_deposit *d = NULL;
  sdx_error err = { 0 };
  fill(s);
  scene_ok(sdx_deposit_key(s->index, contents, &err), &err);
  const size_t count = content_keys(s, before, 64);
  assert_true(count >= 5);
  assert_int_equal(sdx_rekey(s->index, &new_key, &new_key, true, s->now, NULL), SDX_WRONG_KEY);
  assert_int_equal(content_keys(s, before, 64), count); /* seen before any work */
  scene_ok(sdx_rekey(s->index, &scene_key, &new_key, true, s->now, &err), &err);
  none_is_left_of(s, before, count);
  const sdx_secret file = { SDX_SECRET_DEPOSIT, contents, sizeof contents };
  assert_int_equal(sdx_deposit_open(&d, s->path, &file, NULL, NULL), SDX_WRONG_KEY);
  sdx_index *other = NULL;
  assert_int_equal(sdx_open(&other, s->path, &scene_key, NULL, NULL), SDX_WRONG_KEY);
  nothing_is_lost(s);
  scene_ok(sdx_rekey(s->index, &new_key, &scene_key, false, s->now, &err), &err);
}

static void in_an_empty_index(void **state) {
  scene *s = *state;
  sdx_error err = { 0 };
  scene_ok(sdx_rekey(s->index, &scene_key, &scene_key, true, s->now, &err), &err);
  scene_reopen(s);
  assert_int_equal(scene_add(s, 1, "zebra"), SDX_ADDED);
  assert_int_equal(scene_count(s, "zebra"), 1);
}

static void rekey_deep(sdx_index *index, int64_t now) {
  (void)!sdx_rekey(index, &scene_key, &scene_key, true, now, NULL);
}

/* Killed after ever more time; in the end it is run to its end. */
static void killed_anywhere(void **state) {
  scene *s = *state;
  keyring_entry before[64];
  sdx_error err = { 0 };
  fill(s);
  const size_t count = content_keys(s, before, 64);
  for (long wait = 200; wait < 40000; wait = wait * 3 / 2) {
    scene_killed(s, wait, rekey_deep);
  }
  scene_reopen(s);
  scene_ok(sdx_rekey(s->index, &scene_key, &scene_key, true, s->now, &err), &err);
  none_is_left_of(s, before, count);
  nothing_is_lost(s);
}

typedef struct beside {
  scene *s;
  atomic_bool stop;
  unsigned looks, added;
} beside;

/* Searches and adds in a handle of its own, which follows the change of keys. */
static void *read_and_write(void *context) {
  beside *b = context;
  scene own = *b->s;
  own.index = NULL;
  scene_reopen(&own);
  while (!atomic_load(&b->stop)) {
    view_read v;
    assert_int_equal(view_begin(&v, own.index, 0, NULL), SDX_OK);
    assert_int_equal(v.view->partial, 0);
    assert_true(v.view->live >= 66);
    view_end(&v);
    b->looks++;
    char id[24];
    sdx_item item = SDX_ITEM_INIT;
    const sdx_field field = { "body", { "giraffe", 7 } };
    item.id = (sdx_bytes){ id, (size_t)snprintf(id, sizeof id, "beside/%u", b->added) };
    item.fields = &field;
    item.field_count = 1;
    assert_int_equal(sdx_add(own.index, &item, NULL, NULL, NULL), SDX_OK);
    b->added++;
  }
  sdx_close(own.index);
  return NULL;
}

static void beside_readers_and_writers(void **state) {
  scene *s = *state;
  sdx_error err = { 0 };
  pthread_t thread;
  keyring_entry before[64];
  fill(s);
  const size_t count = content_keys(s, before, 64);
  beside b = { .s = s };
  atomic_init(&b.stop, false);
  assert_int_equal(pthread_create(&thread, NULL, read_and_write, &b), 0);
  const struct timespec pause = { .tv_nsec = 20000000 };
  nanosleep(&pause, NULL);
  scene_ok(sdx_rekey(s->index, &scene_key, &scene_key, false, s->now, &err), &err);
  scene_ok(sdx_rekey(s->index, NULL, NULL, false, s->now, &err), &err);
  scene_ok(sdx_rekey(s->index, &scene_key, &scene_key, true, s->now, &err), &err);
  nanosleep(&pause, NULL);
  atomic_store(&b.stop, true);
  pthread_join(thread, NULL);
  assert_true(b.looks > 0 && b.added > 0);
  none_is_left_of(s, before, count);
  scene_reopen(s);
  assert_int_equal(scene_count(s, "giraffe"), b.added);
  nothing_is_lost(s);
}

#define in_scene(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)

int main(void) {
  const struct CMUnitTest tests[] = {
    in_scene(every_key_is_new),
    in_scene(in_an_empty_index),
    in_scene(killed_anywhere),
    in_scene(beside_readers_and_writers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
