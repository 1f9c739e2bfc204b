/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keyrings that the host keeps, and what it remembers to notice that older files were put back. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scene.h"

/* ------------------------------------------------------------------ storage of the host's */

/* A row of some database. */
typedef struct row {
  uint8_t *bytes;
  size_t size;
  bool fails;
  unsigned writes;
} row;

static sdx_status read_row(void *context, void *bytes, size_t room, size_t *size) {
  const row *r = context;
  if (r->fails) return SDX_SYSTEM;
  if (r->bytes == NULL) return SDX_NOT_FOUND;
  if (r->size <= room) memcpy(bytes, r->bytes, r->size);
  *size = r->size;
  return SDX_OK;
}

static sdx_status write_row(void *context, const void *bytes, size_t size) {
  row *r = context;
  if (r->fails) return SDX_SYSTEM;
  uint8_t *copy = malloc(size);
  if (copy == NULL) return SDX_NO_MEMORY;
  memcpy(copy, bytes, size);
  free(r->bytes);
  *r = (row){ .bytes = copy, .size = size, .writes = r->writes + 1 };
  return SDX_OK;
}

static sdx_status destroy_row(void *context) {
  row *r = context;
  free(r->bytes);
  r->bytes = NULL;
  return SDX_OK;
}

static bool stands(const scene *s, const char *name) {
  char path[300];
  snprintf(path, sizeof path, "%s/%s", s->path, name);
  return access(path, F_OK) == 0;
}

static void a_whole_life(void **state) {
  scene *s = *state;
  row kept = { .bytes = NULL };
  const sdx_keyring_storage storage = { .version = 1, .context = &kept, .read = read_row,
                                        .write = write_row, .destroy = destroy_row };
  sdx_init_options init = SDX_INIT_OPTIONS_INIT;
  sdx_open_options opening = SDX_OPEN_OPTIONS_INIT;
  sdx_sweep_options sweeping = SDX_SWEEP_OPTIONS_INIT;
  sdx_sweep_report report;
  sdx_error err = { 0 };
  char contents[SDX_DEPOSIT_FILE_SIZE];
  sdx_close(s->index);
  s->index = NULL;
  snprintf(s->path, sizeof s->path, "%s/hosted", s->dir);
  init.keyring = opening.keyring = sweeping.keyring = &storage;
  init.now = opening.now = s->now;
  scene_ok(sdx_init(s->path, &scene_key, &init, &err), &err);
  assert_false(stands(s, "keyring"));
  assert_int_equal(sdx_open(&s->index, s->path, &scene_key, NULL, NULL), SDX_SYSTEM);
  scene_ok(sdx_open(&s->index, s->path, &scene_key, &opening, &err), &err);
  for (unsigned i = 0; i < 200; i++) scene_add(s, i, "zebra");
  scene_maintain(s, false);
  scene_delete(s, 1);
  scene_maintain(s, true);
  scene_ok(sdx_deposit_key(s->index, contents, &err), &err);
  const sdx_secret file = { SDX_SECRET_DEPOSIT, contents, sizeof contents };
  sdx_deposit *d = NULL;
  scene_ok(sdx_deposit_open(&d, s->path, &file, &storage, &err), &err);
  scene_ok(sdx_deposit_delete(d, (sdx_bytes){ "item/2", 6 }, s->now, &err), &err);
  sdx_deposit_close(d);
  assert_int_equal(scene_count(s, "zebra"), 198);
  scene_ok(sdx_rekey(s->index, NULL, NULL, true, s->now, &err), &err);

  /* What the storage refuses loses nothing. */
  kept.fails = true;
  assert_int_equal(sdx_maintain(s->index, true, s->now, NULL), SDX_SYSTEM);
  kept.fails = false;
  scene_maintain(s, true);
  assert_int_equal(scene_count(s, "zebra"), 198);

  sdx_close(s->index);
  s->index = NULL;
  sweeping.now = s->now + SDX_RETENTION_DEFAULT;
  sweeping.force = true;
  scene_ok(sdx_sweep(s->path, &sweeping, &report, &err), &err);
  assert_int_equal(report.keys_destroyed, 1);
  assert_int_equal(report.items_missing, 0);
  scene_ok(sdx_close_account(s->path, &storage, s->now, &err), &err);
  sweeping.now = s->now + SDX_CLOSED_KEEP + SDX_CLOSED_GRACE;
  scene_ok(sdx_sweep(s->path, &sweeping, &report, &err), &err);
  assert_int_equal(report.accounts_destroyed, 1);
  assert_null(kept.bytes);
  assert_int_not_equal(access(s->path, F_OK), 0);
}

static void half_a_storage_is_refused(void **state) {
  scene *s = *state;
  row kept = { .bytes = NULL };
  const sdx_keyring_storage storage = { .version = 1, .context = &kept, .read = read_row };
  sdx_open_options opening = SDX_OPEN_OPTIONS_INIT;
  sdx_index *index = NULL;
  opening.keyring = &storage;
  assert_int_equal(sdx_open(&index, s->path, &scene_key, &opening, NULL), SDX_INVALID);
}

/* ------------------------------------------------------------------ marks */

static void copy(const scene *s, const char *name, const char *to) {
  char command[700];
  snprintf(command, sizeof command, "cp '%s/%s' '%s/%s'", s->path, name, s->path, to);
  assert_int_equal(system(command), 0);
}

static sdx_status open_with(const scene *s, const sdx_mark *mark, bool accept) {
  sdx_open_options opening = SDX_OPEN_OPTIONS_INIT;
  sdx_index *index = NULL;
  opening.mark = mark;
  opening.accept_restored = accept;
  opening.now = s->now;
  const sdx_status status = sdx_open(&index, s->path, &scene_key, &opening, NULL);
  sdx_close(index);
  return status;
}

static sdx_mark mark_of(const scene *s) {
  sdx_mark mark;
  sdx_error err = { 0 };
  scene_ok(sdx_mark_of(s->path, NULL, &mark, &err), &err);
  return mark;
}

static void older_files_are_noticed(void **state) {
  scene *s = *state;
  for (unsigned i = 0; i < 10; i++) scene_add(s, i, "zebra");
  scene_maintain(s, false);
  copy(s, "keyring", "keyring.old");
  copy(s, "data.mdb", "data.old");
  scene_delete(s, 1);
  scene_maintain(s, true);
  const sdx_mark mark = mark_of(s);
  sdx_close(s->index);
  s->index = NULL;
  assert_int_equal(open_with(s, &mark, false), SDX_OK);
  copy(s, "keyring", "keyring.new_");
  copy(s, "data.mdb", "data.new_");

  copy(s, "data.old", "data.mdb"); /* the store alone */
  assert_int_equal(open_with(s, NULL, false), SDX_ROLLED_BACK);
  copy(s, "keyring.old", "keyring"); /* both: seen by the mark alone */
  assert_int_equal(open_with(s, NULL, false), SDX_OK);
  assert_int_equal(open_with(s, &mark, false), SDX_ROLLED_BACK);
  assert_int_equal(open_with(s, &mark, true), SDX_OK);
  copy(s, "data.new_", "data.mdb"); /* the keyring alone */
  assert_int_equal(open_with(s, NULL, false), SDX_ROLLED_BACK);
  assert_int_equal(open_with(s, NULL, true), SDX_OK);
  copy(s, "keyring.new_", "keyring");
  assert_int_equal(open_with(s, &mark, false), SDX_OK);
  scene_reopen(s);
  scene_add(s, 20, "zebra"); /* later than the mark */
  scene_maintain(s, false);
  assert_int_equal(open_with(s, &mark, false), SDX_OK);
  sdx_mark other = mark_of(s);
  other.digest[0] ^= 1; /* another keyring of the same generation */
  assert_int_equal(open_with(s, &other, false), SDX_ROLLED_BACK);
}

/* An old keyring that was put back has keys again that were destroyed: the next sweep destroys them anew. */
static void an_old_keyring_heals(void **state) {
  scene *s = *state;
  for (unsigned i = 0; i < 10; i++) scene_add(s, i, "zebra");
  scene_delete(s, 1);
  scene_maintain(s, true);
  copy(s, "keyring", "keyring.old");
  s->now += SDX_RETENTION_DEFAULT;
  scene_sweep(s, false, true);
  const size_t keys = keyring_count(s->index->keyring);
  sdx_close(s->index);
  s->index = NULL;
  copy(s, "keyring.old", "keyring");
  s->now += 1;
  scene_sweep(s, false, true);
  sdx_open_options opening = SDX_OPEN_OPTIONS_INIT;
  sdx_error err = { 0 };
  opening.accept_restored = true; /* it is still the younger of the two */
  opening.now = s->now;
  scene_ok(sdx_open(&s->index, s->path, &scene_key, &opening, &err), &err);
  assert_true(keyring_count(s->index->keyring) <= keys);
  assert_int_equal(scene_count(s, "zebra"), 9);
}

#define in_scene(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)

int main(void) {
  const struct CMUnitTest tests[] = {
    in_scene(a_whole_life),
    in_scene(half_a_storage_is_refused),
    in_scene(older_files_are_noticed),
    in_scene(an_old_keyring_heals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
