/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every system call of every kind of change fails once, and the power is cut before each call that
 * follows: the old state or the new one stands, an acknowledged one always, and recovery mends. */
#include "power_cut.h"

#include <errno.h>

#define CANARY 77
#define RANDOM_IMAGES 6

typedef sdx_status change(keyring *k);

/* What a cut may leave: between the last acknowledged generation and the one being written. */
static struct {
  char image[128];
  unsigned fail_at;
  uint64_t acknowledged;
  uint64_t in_flight;
  uint64_t canary_until; /* generations up to this one have the canary key, later ones do not */
  uint8_t canary[80];    /* its wrapped bytes */
  const sdx_secret *secret;
  unsigned images;
} expected;

/* Of the keyring that was last prepared. */
static char deposit_file[SDX_DEPOSIT_FILE_SIZE];
static const sdx_secret deposit_key = { SDX_SECRET_DEPOSIT, deposit_file, sizeof deposit_file };

static bool canary_is_expected(uint64_t generation) {
  return generation <= expected.canary_until;
}

/* The wrapped bytes of the canary, which must not stand anywhere once it was removed. */
static void canary_bytes(const char *dir, uint8_t out[80]) {
  file_copy file = file_load(dir, "keyring");
  const uint8_t head[] = { KEYRING_TRASH, 0, 0, 0, SEAL_XCHACHA20_POLY1305, 0, 0, 0, CANARY };
  const uint8_t *at = memmem(file.bytes, file.size / 2, head, sizeof head);
  assert_non_null(at);
  memcpy(out, at + 64, 80);
  free(file.bytes);
}

static void assert_nowhere(const char *dir, const uint8_t bytes[80]) {
  static const char *const all[] = { "keyring", "keyring.new" };
  for (size_t i = 0; i < 2; i++) {
    file_copy file = file_load(dir, all[i]);
    if (file.bytes == NULL) continue;
    for (size_t part = 0; part < 80; part += 16)
      assert_null(memmem(file.bytes, file.size, bytes + part, 16));
    free(file.bytes);
  }
}

/* The image opens, holds a permitted state, recovers to it, and can be written. */
static void check_image(void) {
  sdx_error err = { 0 };
  keyring *k = NULL;
  expected.images++;
  if (!canary_is_expected(expected.acknowledged)) assert_nowhere(expected.image, expected.canary);
  if (keyring_open(&k, expected.image, &err) != SDX_OK ||
      keyring_unlock(k, expected.secret, &err) != SDX_OK)
    fail_msg("%s", err.message);
  const uint64_t generation = keyring_generation(k);
  assert_true(generation >= expected.acknowledged && generation <= expected.in_flight);
  assert_int_equal(keyring_has(k, KEYRING_TRASH, CANARY), canary_is_expected(generation));
  assert_int_equal(keyring_recover(k, NULL), SDX_OK);
  assert_int_equal(keyring_generation(k), generation);
  assert_false(exists(expected.image, "keyring.new"));
  file_copy file = file_load(expected.image, "keyring");
  assert_memory_equal(file.bytes, file.bytes + file.size / 2, file.size / 2);
  free(file.bytes);
  if (!keyring_has(k, KEYRING_SEGMENT, 999))
    assert_int_equal(keyring_stage_add(k, KEYRING_SEGMENT, 999, 0, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 1000, NULL), SDX_OK);
  assert_int_equal(keyring_generation(k), generation + 1);
  keyring_close(k);
}

static void check_images(void) {
  int (*hook)(const keyring_call *) = keyring_fault;
  keyring_fault = NULL;
  power_cut_image(expected.image, CUT_OLDEST);
  check_image();
  power_cut_image(expected.image, CUT_NEWEST);
  check_image();
  for (int i = 0; i < RANDOM_IMAGES; i++) {
    power_cut_image(expected.image, CUT_RANDOM);
    check_image();
  }
  keyring_fault = hook;
}

static int fail_one(const keyring_call *call, unsigned number) {
  (void)call;
  return number == expected.fail_at ? EIO : 0;
}

static int at_each_call(const keyring_call *call, unsigned number) {
  check_images();
  return fail_one(call, number);
}

static void remove_image(const char *image) {
  file_store(image, "keyring", NULL, 0);
  file_store(image, "keyring.new", NULL, 0);
  assert_int_equal(rmdir(image), 0);
}

/* A keyring with a canary, `extra` keys beside it, two slots, and a depositor's. */
static void prepare(const char *dir, size_t extra) {
  keyring *k = NULL;
  file_store(dir, "keyring", NULL, 0);
  file_store(dir, "keyring.new", NULL, 0);
  assert_int_equal(keyring_create(&k, dir, &first_key, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_slot_add(k, &second_key, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_deposit_add(k, deposit_file, NULL), SDX_OK);
  assert_int_equal(keyring_stage_add(k, KEYRING_TRASH, CANARY, 5, NULL, NULL), SDX_OK);
  for (uint64_t id = 1; id <= extra; id++)
    assert_int_equal(keyring_stage_add(k, KEYRING_EPOCH, id, 0, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 1, NULL), SDX_OK);
  keyring_close(k);
}

static keyring *open_for(const char *dir, const sdx_secret *unlock_with) {
  keyring *k = NULL;
  assert_int_equal(keyring_open(&k, dir, NULL), SDX_OK);
  if (unlock_with != NULL) assert_int_equal(keyring_unlock(k, unlock_with, NULL), SDX_OK);
  return k;
}

static sdx_status append_one(keyring *k) {
  uint8_t public_half[32];
  return keyring_has(k, KEYRING_DEPOSIT_EPOCH, 501)
             ? SDX_OK
             : keyring_stage_epoch(k, 501, public_half, NULL);
}

static sdx_status append_many(keyring *k) {
  uint8_t public_half[32];
  sdx_status status = SDX_OK;
  for (uint64_t id = 600; id < 700 && status == SDX_OK; id++)
    status = keyring_stage_epoch(k, id, public_half, NULL);
  return status;
}

static sdx_status add_one(keyring *k) {
  if (keyring_depositing(k)) return append_one(k);
  return keyring_has(k, KEYRING_SEGMENT, 500)
             ? SDX_OK
             : keyring_stage_add(k, KEYRING_SEGMENT, 500, 0, NULL, NULL);
}

static sdx_status add_many(keyring *k) {
  sdx_status status = SDX_OK;
  for (uint64_t id = 600; id < 700 && status == SDX_OK; id++)
    status = keyring_stage_add(k, KEYRING_SEGMENT, id, 0, NULL, NULL);
  return status;
}

static sdx_status remove_canary(keyring *k) {
  return keyring_stage_remove(k, KEYRING_TRASH, CANARY, KEYRING_PURGED, 5, 1, NULL);
}

static sdx_status remove_canary_and_grow(keyring *k) {
  const sdx_status status = remove_canary(k);
  return status == SDX_OK ? add_many(k) : status;
}

static sdx_status change_root(keyring *k) {
  return keyring_rekey(k, NULL);
}
static sdx_status drop_first_slot(keyring *k) {
  return keyring_slot_remove(k, &first_key, NULL);
}

/* Commits what `apply` stages; where that fails, goes on as a writer would: recovers in the state
 * that the file then shows. True where nothing failed. */
static bool commit_or_recover(keyring **at, const char *dir, change *apply) {
  keyring *k = *at;
  const uint64_t before = keyring_generation(k);
  expected.in_flight = before + 1;
  assert_int_equal(apply(k), SDX_OK);
  const bool ok = keyring_commit(k, 2, NULL) == SDX_OK;
  if (!ok) {
    const bool locked = !keyring_unlocked(k);
    if (apply == change_root) { /* which root stands there is for a new handle to see */
      keyring_close(k);
      *at = k = open_for(dir, &first_key);
    }
    assert_int_equal(keyring_recover(k, NULL), SDX_OK);
    assert_int_equal(keyring_unlocked(k), !locked);
  }
  expected.acknowledged = expected.in_flight = keyring_generation(k);
  assert_true(expected.acknowledged == before || expected.acknowledged == before + 1);
  if (ok) assert_int_equal(expected.acknowledged, before + 1);
  return ok;
}

/* One change under every failure; then a plain one behind it, under every cut. */
static void run(const char *dir, change *apply, const sdx_secret *unlock_with, size_t extra) {
  const bool removes = apply == remove_canary || apply == remove_canary_and_grow;
  bool failed = true;
  snprintf(expected.image, sizeof expected.image, "%s/image", dir);
  assert_int_equal(mkdir(expected.image, 0700), 0);
  expected.images = 0;
  for (unsigned n = 0; failed; n++) {
    prepare(dir, extra);
    canary_bytes(dir, expected.canary);
    keyring *k = open_for(dir, unlock_with);
    expected.fail_at = n;
    expected.secret = &second_key;
    expected.acknowledged = expected.in_flight = 2;
    expected.canary_until = removes ? 2 : UINT64_MAX;
    power_cut_follow(dir, n);
    power_cut_before = at_each_call;
    failed = !commit_or_recover(&k, dir, apply);
    if (removes && keyring_generation(k) == 3) assert_nowhere(dir, expected.canary);
    if (removes && keyring_generation(k) == 2) expected.canary_until = UINT64_MAX;
    if (unlock_with != NULL) (void)commit_or_recover(&k, dir, add_one);
    check_images();
    power_cut_end();
    keyring_close(k);
  }
  assert_true(expected.images > 100);
  remove_image(expected.image);
}

static void adding(void **state) {
  run(*state, add_one, &first_key, 0);
}
static void removing(void **state) {
  run(*state, remove_canary, &first_key, 0);
}
static void removing_without_a_key(void **state) {
  run(*state, remove_canary, NULL, 0);
}
static void growing(void **state) {
  run(*state, add_many, &first_key, 40);
}
static void removing_and_growing(void **state) {
  run(*state, remove_canary_and_grow, &first_key, 40);
}
static void appending(void **state) {
  run(*state, append_one, &deposit_key, 0);
}
static void appending_and_growing(void **state) {
  run(*state, append_many, &deposit_key, 40);
}
static void removing_with_a_deposit_key(void **state) {
  run(*state, remove_canary, &deposit_key, 0);
}
static void dropping_a_slot(void **state) {
  run(*state, drop_first_slot, &first_key, 0);
}
static void changing_the_root(void **state) {
  run(*state, change_root, &first_key, 0);
}

/* A creation that fails leaves nothing that opens, and can be repeated. */
static void creating(void **state) {
  const char *dir = *state;
  sdx_status status = SDX_SYSTEM;
  for (unsigned n = 0; status != SDX_OK; n++) {
    keyring *k = NULL;
    file_store(dir, "keyring", NULL, 0);
    file_store(dir, "keyring.new", NULL, 0);
    expected.fail_at = n;
    power_cut_follow(dir, 0);
    power_cut_before = fail_one;
    status = keyring_create(&k, dir, &first_key, NULL, NULL);
    power_cut_end();
    if (status != SDX_OK) {
      assert_null(k);
      if (!exists(dir, "keyring")) {
        assert_int_equal(keyring_open(&k, dir, NULL), SDX_SYSTEM);
        assert_int_equal(keyring_create(&k, dir, &first_key, NULL, NULL), SDX_OK);
      } else {
        assert_true(opens(dir, &first_key)); /* all but the sync of its name was done */
      }
    }
    keyring_close(k);
    assert_false(exists(dir, "keyring.new"));
  }
}

/* Destruction can be repeated until it is done; then nothing of it is left. */
static void destroying(void **state) {
  const char *dir = *state;
  sdx_status status = SDX_SYSTEM;
  for (unsigned n = 0; status != SDX_OK; n++) {
    prepare(dir, 0);
    file_copy leftover = file_load(dir, "keyring");
    file_store(dir, "keyring.new", leftover.bytes, leftover.size);
    free(leftover.bytes);
    expected.fail_at = n;
    power_cut_follow(dir, 0);
    power_cut_before = fail_one;
    status = keyring_destroy(dir, NULL);
    power_cut_end();
    if (status != SDX_OK) assert_int_equal(keyring_destroy(dir, NULL), SDX_OK);
    assert_false(exists(dir, "keyring") || exists(dir, "keyring.new"));
  }
}

/* A full disk: clear words, nothing lost, works again when there is room. */
static int full_disk(const keyring_call *call, unsigned number) {
  (void)number;
  return call->op == KEYRING_OP_WRITE ? ENOSPC : 0;
}

static void full(void **state) {
  const char *dir = *state;
  sdx_error err;
  prepare(dir, 40);
  keyring *k = open_for(dir, &first_key);
  power_cut_follow(dir, 0);
  power_cut_before = full_disk;
  assert_int_equal(add_many(k), SDX_OK);
  assert_int_equal(keyring_commit(k, 5, &err), SDX_NO_SPACE);
  power_cut_end();
  assert_int_equal(keyring_generation(k), 2);
  assert_int_equal(add_many(k), SDX_OK);
  assert_int_equal(keyring_commit(k, 5, &err), SDX_OK);
  keyring_close(k);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    in_fresh_dir(adding),
    in_fresh_dir(removing),
    in_fresh_dir(removing_without_a_key),
    in_fresh_dir(growing),
    in_fresh_dir(removing_and_growing),
    in_fresh_dir(appending),
    in_fresh_dir(appending_and_growing),
    in_fresh_dir(removing_with_a_deposit_key),
    in_fresh_dir(dropping_a_slot),
    in_fresh_dir(changing_the_root),
    in_fresh_dir(creating),
    in_fresh_dir(destroying),
    in_fresh_dir(full),
  };
  if (crypto_start(NULL) != SDX_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
