/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Closed accounts to the second, key slots, and the change of the root key. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "scene.h"

static const sdx_secret new_key = { SDX_SECRET_KEY, "another key of thirty-two bytes .", 32 };
static const sdx_secret passphrase = { SDX_SECRET_PASSPHRASE, "correct horse", 13 };

static sdx_status open_status(const scene *s, const sdx_secret *key) {
  sdx_index *index = NULL;
  const sdx_status status = sdx_open(&index, s->path, key, NULL, NULL);
  sdx_close(index);
  return status;
}

static bool stands(const scene *s, const char *name) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", s->path, name);
  return access(path, F_OK) == 0;
}

/* ------------------------------------------------------------------ accounts */

static void closing_refuses_everything(void **state) {
  scene *s = *state;
  view_read v;
  scene_add(s, 1, "zebra");
  assert_int_equal(sdx_close_account(s->path, NULL, s->now, NULL), SDX_OK);
  assert_int_equal(view_begin(&v, s->index, 0, NULL), SDX_CLOSED); /* handles that are open, too */
  assert_int_equal(sdx_delete(s->index, (sdx_bytes){ "item/1", 6 }, s->now, NULL), SDX_CLOSED);
  assert_int_equal(open_status(s, &scene_key), SDX_CLOSED);
  assert_int_equal(sdx_reopen_account(s->path, NULL, s->now, NULL), SDX_OK);
  assert_int_equal(scene_count(s, "zebra"), 1);
  assert_int_equal(sdx_reopen_account(s->path, NULL, s->now, NULL), SDX_OK);
}

static void reopening_restores_for_365_days(void **state) {
  scene *s = *state;
  scene_add(s, 1, "zebra");
  scene_add(s, 2, "zebra");
  scene_maintain(s, true);
  scene_delete(s, 2);
  scene_maintain(s, true);
  const int64_t closed = s->now;
  assert_int_equal(sdx_close_account(s->path, NULL, closed, NULL), SDX_OK);
  s->now = closed + SDX_DAY;
  assert_int_equal(sdx_close_account(s->path, NULL, s->now, NULL), SDX_OK); /* keeps the first date */
  s->now = closed + SDX_CLOSED_KEEP - 1;
  assert_int_equal(scene_sweep(s, false, true).accounts_destroyed, 0);
  assert_int_equal(sdx_reopen_account(s->path, NULL, s->now, NULL), SDX_OK);
  scene_reopen(s);
  assert_int_equal(scene_count(s, "zebra"), 1);
  assert_int_equal(scene_restore(s, 2), SDX_NOT_FOUND); /* fell due meanwhile, and was purged */

  const int64_t again = s->now;
  assert_int_equal(sdx_close_account(s->path, NULL, again, NULL), SDX_OK);
  assert_int_equal(sdx_reopen_account(s->path, NULL, again + SDX_CLOSED_KEEP, NULL), SDX_CLOSED);
  assert_int_equal(open_status(s, &scene_key), SDX_CLOSED);
}

static void day_395_destroys(void **state) {
  scene *s = *state;
  scene_add(s, 1, "zebra");
  const int64_t closed = s->now;
  assert_int_equal(sdx_close_account(s->path, NULL, closed, NULL), SDX_OK);
  sdx_close(s->index);
  s->index = NULL;
  s->now = closed + SDX_CLOSED_KEEP + SDX_CLOSED_GRACE - 1;
  assert_int_equal(scene_sweep(s, true, true).accounts_destroyed, 0);
  assert_true(stands(s, "keyring") && stands(s, "data.mdb"));
  s->now++;
  const sdx_sweep_report r = scene_sweep(s, false, true);
  assert_int_equal(r.accounts_destroyed, 1);
  assert_true(r.keys_destroyed >= 3);
  assert_false(stands(s, "keyring") || stands(s, "data.mdb"));
  assert_int_equal(open_status(s, &scene_key), SDX_SYSTEM);
}

/* ------------------------------------------------------------------ slots and the root */

static void slots(void **state) {
  scene *s = *state;
  const sdx_slot_options cheap = { .version = 1, .argon2_passes = 2, .argon2_mib = 32 };
  scene_add(s, 1, "zebra");
  assert_int_equal(sdx_slot_remove(s->index, &scene_key, NULL), SDX_INVALID);
  assert_int_equal(sdx_slot_add(s->index, &passphrase, &cheap, NULL), SDX_OK);
  assert_int_equal(open_status(s, &passphrase), SDX_OK);
  assert_int_equal(sdx_slot_add(s->index, &passphrase, NULL, NULL), SDX_OK); /* the cost is raised */
  assert_int_equal(keyring_slots(s->index->keyring), 2);
  assert_int_equal(open_status(s, &passphrase), SDX_OK);
  assert_int_equal(sdx_slot_remove(s->index, &new_key, NULL), SDX_WRONG_KEY);
  assert_int_equal(sdx_slot_remove(s->index, &scene_key, NULL), SDX_OK);
  assert_int_equal(open_status(s, &scene_key), SDX_WRONG_KEY);
  assert_int_equal(sdx_slot_remove(s->index, &passphrase, NULL), SDX_INVALID);
  assert_int_equal(scene_count(s, "zebra"), 1);
  assert_int_equal(sdx_slot_add(s->index, &scene_key, NULL, NULL), SDX_OK);
  scene_reopen(s);
  assert_int_equal(scene_count(s, "zebra"), 1);
}

static void rekey(void **state) {
  scene *s = *state;
  sdx_error err = { 0 };
  sdx_index *other = NULL;
  view_read v;
  scene_add(s, 1, "zebra");
  scene_maintain(s, false);
  scene_ok(sdx_slot_add(s->index, &passphrase, NULL, &err), &err);
  scene_ok(sdx_open(&other, s->path, &scene_key, NULL, &err), &err);
  assert_int_equal(sdx_rekey(s->index, &new_key, &new_key, false, s->now, NULL), SDX_WRONG_KEY);
  scene_ok(sdx_rekey(s->index, &scene_key, &new_key, false, s->now, &err), &err);
  assert_int_equal(open_status(s, &scene_key), SDX_WRONG_KEY);
  assert_int_equal(open_status(s, &new_key), SDX_OK);
  assert_int_equal(open_status(s, &passphrase), SDX_OK); /* rewrapped unattended */
  assert_int_equal(scene_count(s, "zebra"), 1);          /* the handle that did it goes on */
  scene_add(s, 2, "zebra");
  scene_maintain(s, true);
  assert_int_equal(scene_count(s, "zebra"), 2);
  assert_int_equal(view_begin(&v, other, 0, NULL), SDX_WRONG_KEY); /* others are opened again */
  sdx_close(other);
  scene_ok(sdx_rekey(s->index, &new_key, &scene_key, false, s->now, &err), &err);
  scene_reopen(s);
  assert_int_equal(scene_count(s, "zebra"), 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(closing_refuses_everything, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(reopening_restores_for_365_days, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(day_395_destroys, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(slots, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(rekey, scene_begin, scene_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
