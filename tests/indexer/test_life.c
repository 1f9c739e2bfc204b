/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of an item, through the public calls, under a clock of the test's own. */
#include "scene.h"

static void test_add_is_seen_at_once(void **state) {
  scene *s = *state;
  assert_int_equal(scene_add(s, 1, "zebra quartz"), SDX_ADDED);
  assert_int_equal(scene_count(s, "zebra"), 1);
  assert_true(scene_shows(s, 1, "zebra quartz"));
  assert_int_equal(scene_add(s, 2, "zebra walnut"), SDX_ADDED);
  assert_int_equal(scene_count(s, "zebra"), 2);
  scene_reopen(s);
  assert_int_equal(scene_count(s, "zebra"), 2);
  assert_int_equal(scene_count(s, "walnut"), 1);
}

static void test_replacing_supersedes(void **state) {
  scene *s = *state;
  scene_add(s, 1, "zebra");
  assert_int_equal(scene_add(s, 1, "zebra"), SDX_UNCHANGED);
  assert_int_equal(scene_add(s, 1, "walnut"), SDX_UPDATED);
  assert_int_equal(scene_count(s, "zebra"), 0);
  assert_int_equal(scene_count(s, "walnut"), 1);
  scene_maintain(s, false);
  assert_int_equal(scene_count(s, "zebra"), 0);
  assert_int_equal(scene_count(s, "walnut"), 1);
  assert_true(scene_shows(s, 1, "walnut"));
  assert_int_equal(scene_add(s, 1, "cobalt"), SDX_UPDATED);
  assert_int_equal(scene_count(s, "walnut"), 0);
  scene_maintain(s, true);
  assert_int_equal(scene_count(s, "walnut"), 0);
  assert_true(scene_shows(s, 1, "cobalt"));
}

static void test_delete_and_restore(void **state) {
  scene *s = *state;
  scene_add(s, 1, "zebra");
  scene_add(s, 2, "zebra");
  assert_int_equal(scene_delete(s, 1), SDX_OK);
  assert_int_equal(scene_count(s, "zebra"), 1);
  assert_false(scene_shows(s, 1, "zebra"));
  assert_int_equal(scene_delete(s, 1), SDX_NOT_FOUND);
  assert_int_equal(scene_delete(s, 3), SDX_NOT_FOUND);
  assert_int_equal(scene_restore(s, 2), SDX_NOT_FOUND);
  assert_int_equal(scene_restore(s, 1), SDX_OK);
  assert_int_equal(scene_count(s, "zebra"), 2);
  assert_true(scene_shows(s, 1, "zebra"));
}

/* The same wherever the item stands: in the journal, in a segment, in the trash. */
static void test_delete_fold_restore(void **state) {
  scene *s = *state;
  for (unsigned i = 0; i < 5; i++) scene_add(s, i, "zebra quartz");
  scene_maintain(s, false);
  assert_int_equal(scene_delete(s, 0), SDX_OK); /* in a segment */
  scene_add(s, 7, "zebra velvet");
  assert_int_equal(scene_delete(s, 7), SDX_OK); /* in the journal */
  assert_int_equal(scene_count(s, "zebra"), 4);
  scene_maintain(s, true);
  assert_int_equal(scene_count(s, "zebra"), 4);
  assert_int_equal(scene_count(s, "velvet"), 0);
  assert_int_equal(scene_restore(s, 0), SDX_OK);
  assert_int_equal(scene_restore(s, 7), SDX_OK);
  assert_int_equal(scene_count(s, "zebra"), 6);
  assert_int_equal(scene_count(s, "velvet"), 1);
  assert_true(scene_shows(s, 7, "zebra velvet"));
  scene_maintain(s, true);
  assert_int_equal(scene_count(s, "zebra"), 6);
  assert_true(scene_shows(s, 0, "zebra quartz"));
}

static void test_adding_what_is_deleted(void **state) {
  scene *s = *state;
  scene_add(s, 1, "zebra");
  scene_delete(s, 1);
  assert_int_equal(scene_add(s, 1, "zebra"), SDX_UNCHANGED);
  assert_int_equal(scene_count(s, "zebra"), 0);
  assert_int_equal(scene_add_full(s, 1, "zebra", "INBOX", "", 0, true), SDX_ADDED);
  assert_int_equal(scene_count(s, "zebra"), 1);
  scene_delete(s, 1);
  assert_int_equal(scene_add(s, 1, "walnut"), SDX_ADDED);
  assert_int_equal(scene_count(s, "zebra"), 0);
  assert_int_equal(scene_count(s, "walnut"), 1);
  assert_int_equal(scene_restore(s, 1), SDX_NOT_FOUND);
}

static void test_folds_by_itself(void **state) {
  scene *s = *state;
  size_t published, recent;
  for (unsigned i = 0; i < 300; i++) scene_add(s, i, "zebra quartz");
  assert_int_equal(scene_count(s, "quartz"), 300);
  scene_segments(s, &published, &recent);
  assert_in_range(published, 1, 2);
  scene_reopen(s);
  assert_int_equal(scene_count(s, "quartz"), 300);
  for (unsigned i = 0; i < 300; i += 2) assert_int_equal(scene_delete(s, i), SDX_OK);
  assert_int_equal(scene_count(s, "quartz"), 150);
  scene_maintain(s, true);
  scene_segments(s, &published, &recent);
  assert_int_equal(published, 1);
  assert_int_equal(recent, 0);
  assert_int_equal(scene_count(s, "quartz"), 150);
  for (unsigned i = 0; i < 300; i += 2) assert_int_equal(scene_restore(s, i), SDX_OK);
  assert_int_equal(scene_count(s, "quartz"), 300);
}

static void test_wrong_key(void **state) {
  scene *s = *state;
  const sdx_secret other = { SDX_SECRET_KEY, "another key of 32 bytes, no less..", 32 };
  sdx_index *index = NULL;
  sdx_error err = { 0 };
  assert_int_equal(sdx_open(&index, s->path, &other, NULL, &err), SDX_WRONG_KEY);
  assert_null(index);
  assert_int_equal(sdx_open(&index, "/nonexistent/index", &other, NULL, &err), SDX_SYSTEM);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_add_is_seen_at_once, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_replacing_supersedes, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_delete_and_restore, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_delete_fold_restore, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_adding_what_is_deleted, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_folds_by_itself, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_wrong_key, scene_begin, scene_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
