/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows of `due` that do not open: answers stay right, and say that they are partial. Upkeep, which
 * would carry a wrong answer into new segments, refuses.
 */
#include <stdio.h>
#include <string.h>

#include "index/due.h"
#include "scene.h"

/* Items 0 to 19: in a segment, in the journal, replaced, deleted and expired. */
static void furnish(scene *s) {
  for (unsigned i = 0; i < 12; i++) scene_add(s, i, i % 2 == 0 ? "zebra quartz" : "zebra cobalt");
  scene_add_full(s, 12, "zebra walnut", "INBOX", "", s->now + 100, false);
  scene_maintain(s, false);
  assert_int_equal(scene_delete(s, 1), SDX_OK);
  assert_int_equal(scene_delete(s, 2), SDX_OK);
  scene_add(s, 3, "velvet"); /* no zebra any more */
  for (unsigned i = 13; i < 18; i++) scene_add(s, i, "zebra in the journal");
  scene_add_full(s, 18, "zebra walnut", "INBOX", "", s->now + 100, false);
  assert_int_equal(scene_delete(s, 14), SDX_OK);
  scene_add(s, 15, "velvet");
}

/* Copies the key and value of row number n; false behind the last. */
static bool row_at(scene *s, unsigned n, uint8_t key[DUE_KEY_SIZE], uint8_t value[DUE_VALUE_SIZE]) {
  store_txn *t = NULL;
  store_cursor *c = NULL;
  sdx_bytes k, v;
  sdx_error err = { 0 };
  scene_ok(store_read_begin(s->index->store, &t, &err), &err);
  scene_ok(store_cursor_open(t, STORE_DUE, &c, &err), &err);
  sdx_status status = store_cursor_seek(c, NULL, 0, &k, &v, &err);
  while (status == SDX_OK && n-- > 0) status = store_cursor_next(c, &k, &v, &err);
  if (status == SDX_OK) {
    assert_int_equal(k.size, DUE_KEY_SIZE);
    assert_int_equal(v.size, DUE_VALUE_SIZE);
    memcpy(key, k.data, k.size);
    memcpy(value, v.data, v.size);
  }
  store_cursor_close(c);
  store_read_end(t);
  return status == SDX_OK;
}

static void put_row(scene *s, const uint8_t key[DUE_KEY_SIZE], const uint8_t *value, bool there) {
  store_txn *t = NULL;
  sdx_error err = { 0 };
  scene_ok(store_write_begin(s->index->store, &t, &err), &err);
  if (there)
    scene_ok(store_put(t, STORE_DUE, key, DUE_KEY_SIZE, value, DUE_VALUE_SIZE, &err), &err);
  else
    scene_ok(store_delete(t, STORE_DUE, key, DUE_KEY_SIZE, &err), &err);
  scene_ok(store_commit(t, &err), &err);
}

static void look(scene *s, bool damaged) {
  view_read r;
  sdx_error err = { 0 };
  scene_reopen(s);
  assert_int_equal(scene_count(s, "zebra"), 14);
  assert_int_equal(scene_count(s, "walnut"), 2);
  s->now += 200; /* two have expired */
  assert_int_equal(scene_count(s, "zebra"), 12);
  assert_int_equal(scene_count(s, "walnut"), 0);
  s->now -= 200;
  assert_int_equal(scene_count(s, "walnut"), 2);
  scene_ok(view_begin_at(&r, s->index, 0, s->now, &err), &err);
  assert_int_equal(r.view->partial, damaged ? VIEW_ROWS_DAMAGED : 0);
  assert_int_equal(r.view->live, 16);
  view_end(&r);
  assert_int_equal(scene_delete(s, 1), SDX_NOT_FOUND);
}

static void test_each_row(void **state) {
  scene *s = *state;
  uint8_t key[DUE_KEY_SIZE], value[DUE_VALUE_SIZE], bad[DUE_VALUE_SIZE];
  furnish(s);
  look(s, false);
  unsigned n = 0;
  for (; row_at(s, n, key, value); n++) {
    for (size_t at = 0; at < DUE_VALUE_SIZE - 8;
         at += 7) { /* the last 8 are a sweep's, without a tag */
      memcpy(bad, value, sizeof bad);
      bad[at] ^= 0x21;
      put_row(s, key, bad, true);
      look(s, true);
      sdx_error err = { 0 };
      assert_int_equal(sdx_maintain(s->index, true, s->now, &err), SDX_DAMAGED);
    }
    put_row(s, key, value, true);
  }
  assert_int_equal(n, 7);
  look(s, false);
}

/* A row under another row's key: it says of another version that it is dead. */
static void test_swapped(void **state) {
  scene *s = *state;
  uint8_t first[DUE_KEY_SIZE], second[DUE_KEY_SIZE], one[DUE_VALUE_SIZE], two[DUE_VALUE_SIZE];
  furnish(s);
  assert_true(row_at(s, 0, first, one) && row_at(s, 3, second, two));
  put_row(s, first, two, true);
  put_row(s, second, one, true);
  look(s, true);
  put_row(s, first, one, true);
  put_row(s, second, two, true);
  first[DUE_KEY_SIZE - 1] ^= 7; /* a version that lives */
  put_row(s, first, one, true);
  look(s, true);
  put_row(s, first, NULL, false);
  look(s, false);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_each_row, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_swapped, scene_begin, scene_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
