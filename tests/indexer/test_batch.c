/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Batches: whole or nothing, small ones to the journal, big ones as segments. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "scene.h"

static sdx_batch *begin(scene *s, size_t memory) {
  sdx_batch *b = NULL;
  sdx_error err = { 0 };
  sdx_batch_options options = SDX_BATCH_OPTIONS_INIT;
  options.now = s->now;
  options.memory = memory;
  scene_ok(sdx_batch_begin(&b, s->index, &options, &err), &err);
  return b;
}

static sdx_outcome add(sdx_batch *b, unsigned number, const char *text, const char *flag) {
  char id[24];
  const sdx_field field = { "body", { text, strlen(text) } };
  const sdx_bytes flags[1] = { { flag, strlen(flag) } };
  sdx_item item = SDX_ITEM_INIT;
  sdx_outcome outcome = 0;
  sdx_error err = { 0 };
  item.id = (sdx_bytes){ id, (size_t)snprintf(id, sizeof id, "item/%u", number) };
  item.date = SCENE_START - number;
  item.fields = &field;
  item.field_count = 1;
  item.flags = flags;
  item.flag_count = flag[0] != '\0';
  scene_ok(sdx_batch_add(b, &item, &outcome, &err), &err);
  return outcome;
}

static void commit(sdx_batch *b) {
  sdx_error err = { 0 };
  scene_ok(sdx_batch_commit(b, &err), &err);
}

static void test_small_goes_to_the_journal(void **state) {
  scene *s = *state;
  size_t published, recent;
  sdx_batch *b = begin(s, 0);
  for (unsigned i = 0; i < 40; i++) assert_int_equal(add(b, i, "zebra", ""), SDX_ADDED);
  assert_int_equal(scene_count(s, "zebra"), 0);
  commit(b);
  assert_int_equal(scene_count(s, "zebra"), 40);
  scene_segments(s, &published, &recent);
  assert_int_equal(published, 0);
}

static void test_big_is_a_segment(void **state) {
  scene *s = *state;
  size_t published, recent;
  sdx_batch *b = begin(s, 0);
  for (unsigned i = 0; i < 500; i++) assert_int_equal(add(b, i, "zebra", ""), SDX_ADDED);
  assert_int_equal(scene_count(s, "zebra"), 0);
  commit(b);
  assert_int_equal(scene_count(s, "zebra"), 500);
  scene_segments(s, &published, &recent);
  assert_int_equal(published, 1);
  assert_int_equal(recent, 0);
  for (unsigned i = 0; i < 500; i += 99) assert_true(scene_shows(s, i, "zebra"));
}

static void test_abort_leaves_nothing(void **state) {
  scene *s = *state;
  scene_add(s, 1000, "velvet");
  sdx_batch *b = begin(s, 1); /* every item is a segment of its own, written at once */
  for (unsigned i = 0; i < 80; i++) add(b, i, "zebra", "");
  sdx_batch_abort(b);
  assert_int_equal(scene_count(s, "zebra"), 0);
  scene_add(s, 1001, "velvet"); /* collects */
  scene_maintain(s, false);
  assert_int_equal(scene_count(s, "zebra"), 0);
  assert_int_equal(scene_count(s, "velvet"), 2);
  store_space space;
  sdx_error err = { 0 };
  scene_ok(store_measure(s->index->store, &space, &err), &err);
  assert_in_range(space.entries[STORE_BLOCKS], 1, 60);
  assert_int_equal(keyring_count(s->index->keyring), 4 + 1); /* a set of four; one segment */
}

/* More than merge at once. */
static void test_many_segments(void **state) {
  scene *s = *state;
  sdx_batch *b = begin(s, 1);
  for (unsigned i = 0; i < 160; i++) add(b, i, i % 2 == 0 ? "zebra" : "quartz", "");
  commit(b);
  assert_int_equal(scene_count(s, "zebra"), 80);
  assert_int_equal(scene_count(s, "quartz"), 80);
  for (unsigned i = 0; i < 160; i++) assert_true(scene_shows(s, i, i % 2 == 0 ? "zebra" : "quartz"));
  scene_maintain(s, true);
  assert_int_equal(scene_count(s, "zebra"), 80);
}

static void test_outcomes(void **state) {
  for (unsigned size = 10; size <= 200; size += 190) {
    scene *s = *state;
    scene_add_full(s, 1, "zebra", "", "seen", 0, false);
    scene_add(s, 2, "zebra");
    scene_delete(s, 2);
    sdx_batch *b = begin(s, 0);
    for (unsigned i = 0; i < size; i++) add(b, 1000 + size + i, "filler", "");
    assert_int_equal(add(b, 3 + size, "walnut", ""), SDX_ADDED);
    assert_int_equal(add(b, 3 + size, "walnut", ""), SDX_UNCHANGED);
    assert_int_equal(add(b, 3 + size, "cobalt", ""), SDX_UPDATED);
    commit(b);
    assert_int_equal(scene_count(s, "walnut"), 0);
    assert_int_equal(scene_count(s, "cobalt"), 1);
    b = begin(s, 0);
    assert_int_equal(add(b, 3 + size, "cobalt", ""), SDX_UNCHANGED);
    assert_int_equal(add(b, 3 + size, "cobalt", "seen"), SDX_UPDATED);
    commit(b);
    b = begin(s, 0);
    assert_int_equal(add(b, 3 + size, "cobalt", "seen"), SDX_UNCHANGED);
    assert_int_equal(add(b, 3 + size, "saffron", ""), SDX_UPDATED);
    commit(b);
    assert_int_equal(scene_count(s, "cobalt"), 0);
    assert_int_equal(scene_count(s, "saffron"), 1);
    scene_maintain(s, true);
    assert_int_equal(scene_count(s, "cobalt"), 0);
    assert_int_equal(scene_count(s, "walnut"), 0);
    assert_true(scene_shows(s, 3 + size, "saffron"));
    scene_delete(s, 3 + size);
  }
}

static void test_refused_item_changes_nothing(void **state) {
  scene *s = *state;
  sdx_batch *b = begin(s, 0);
  sdx_item item = SDX_ITEM_INIT;
  const sdx_field field = { "no such field", { "x", 1 } };
  sdx_error err = { 0 };
  add(b, 1, "zebra", "");
  item.id = (sdx_bytes){ "x", 1 };
  item.fields = &field;
  item.field_count = 1;
  assert_int_equal(sdx_batch_add(b, &item, NULL, &err), SDX_INVALID);
  item.field_count = 0;
  item.id.size = 0;
  assert_int_equal(sdx_batch_add(b, &item, NULL, &err), SDX_INVALID);
  item.id.size = SDX_ID_MAX + 1;
  assert_int_equal(sdx_batch_add(b, &item, NULL, &err), SDX_INVALID);
  commit(b);
  assert_int_equal(scene_count(s, "zebra"), 1);
}

/* A writer comes between a batch's beginning and its end. */
static void test_beside_a_writer(void **state) {
  scene *s = *state;
  sdx_batch *b = begin(s, 1);
  for (unsigned i = 0; i < 100; i++) add(b, i, "zebra", "");
  scene_add(s, 5, "velvet");
  scene_add(s, 500, "velvet");
  scene_maintain(s, true);
  assert_int_equal(scene_count(s, "velvet"), 2);
  commit(b);
  assert_int_equal(scene_count(s, "zebra"), 100);
  assert_int_equal(scene_count(s, "velvet"), 1);
  scene_maintain(s, true);
  assert_int_equal(scene_count(s, "zebra"), 100);
  assert_int_equal(scene_count(s, "velvet"), 1);
}

/* A segment of which much is dead, but nothing can go yet: the upkeep that follows a batch passes it over. */
static void test_upkeep_ends_where_changes_wait(void **state) {
  scene *s = *state;
  const sdx_change change = { SDX_ADD_FLAG, { "flagged", 7 } };
  sdx_batch *b = begin(s, 0);
  for (unsigned i = 0; i < 80; i++) add(b, i, "zebra", "");
  commit(b);
  for (unsigned i = 0; i < 30; i++) {
    char id[24];
    sdx_error err = { 0 };
    const sdx_bytes name = { id, (size_t)snprintf(id, sizeof id, "item/%u", i) };
    scene_ok(sdx_set(s->index, name, &change, 1, s->now, &err), &err);
    assert_int_equal(scene_delete(s, i), SDX_OK);
  }
  b = begin(s, 0);
  for (unsigned i = 100; i < 300; i++) add(b, i, "zebra", "");
  alarm(60);
  commit(b);
  alarm(0);
  assert_int_equal(scene_count(s, "zebra"), 250);
  scene_maintain(s, false);
  assert_int_equal(scene_restore(s, 7), SDX_OK);
  assert_int_equal(scene_count(s, "zebra"), 251);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_small_goes_to_the_journal, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_big_is_a_segment, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_abort_leaves_nothing, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_many_segments, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_outcomes, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_refused_item_changes_nothing, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_beside_a_writer, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_upkeep_ends_where_changes_wait, scene_begin, scene_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
