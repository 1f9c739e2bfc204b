/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keyring as its callers use it: keys, slots, removals, several handles and processes. */
#include "keyring_fixture.h"

#include <sys/wait.h>

static void create_open_unlock(void **state) {
  const char *dir = *state;
  keyring *k = fresh(dir), *other = NULL;
  assert_true(keyring_unlocked(k));
  assert_int_equal(keyring_generation(k), 1);
  assert_int_equal(keyring_count(k), 4);
  assert_int_equal(keyring_slots(k), 1);
  assert_true(keyring_has(k, KEYRING_ID, 0) && keyring_has(k, KEYRING_TABLE, 0) &&
              keyring_has(k, KEYRING_INTAKE, 0));
  secret *id = NULL, *again = NULL;
  assert_int_equal(keyring_secret(k, KEYRING_ID, 0, &id, NULL), SDX_OK);

  sdx_error err = { 0 };
  assert_int_equal(keyring_open(&other, dir, &err), SDX_OK);
  assert_string_equal(err.message, ""); /* written on failure alone */
  assert_false(keyring_unlocked(other));
  assert_memory_equal(keyring_index_id(other), keyring_index_id(k), 16);
  assert_int_equal(keyring_secret(other, KEYRING_ID, 0, &again, NULL), SDX_WRONG_KEY);
  assert_int_equal(keyring_unlock(other, &wrong_key, NULL), SDX_WRONG_KEY);
  assert_false(keyring_unlocked(other));
  assert_int_equal(keyring_unlock(other, &first_key, NULL), SDX_OK);
  assert_int_equal(keyring_secret(other, KEYRING_ID, 0, &again, NULL), SDX_OK);
  assert_memory_equal(secret_view(id), secret_view(again), SECRET_SIZE);
  secret_free(id);
  secret_free(again);
  keyring_close(other);
  keyring_close(k);
}

static void add_and_remove(void **state) {
  const char *dir = *state;
  keyring *k = fresh(dir);
  seal_key *made = NULL, *got = NULL;
  assert_int_equal(keyring_stage_add(k, KEYRING_SEGMENT, 42, 0, &made, NULL), SDX_OK);
  assert_false(keyring_has(k, KEYRING_SEGMENT, 42)); /* staged is not there yet ... */
  assert_int_equal(keyring_key(k, KEYRING_SEGMENT, 42, &got, NULL), SDX_OK); /* ... but usable */
  seal_key_free(got);
  assert_int_equal(keyring_stage_add(k, KEYRING_SEGMENT, 42, 0, NULL, NULL), SDX_INVALID);
  assert_int_equal(keyring_stage_add(k, KEYRING_TRASH, 42, 777, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 9, NULL), SDX_OK);
  assert_int_equal(keyring_generation(k), 2);
  assert_int_equal(keyring_store_generation(k), 9);
  k = reopen(k, dir);
  assert_int_equal(keyring_count(k), 6);
  assert_int_equal(keyring_at(k, 1).kind, KEYRING_TRASH);
  assert_int_equal(keyring_at(k, 1).due, 777);
  assert_int_equal(keyring_at(k, 1).born, 2);
  assert_int_equal(keyring_key(k, KEYRING_SEGMENT, 42, &got, NULL), SDX_OK);
  assert_memory_equal(secret_view(seal_key_secret(got)), secret_view(seal_key_secret(made)),
                      SECRET_SIZE);
  seal_key_free(got);
  seal_key_free(made);

  assert_int_equal(keyring_stage_remove(k, KEYRING_SEGMENT, 43, KEYRING_MERGED, 5, 6, NULL),
                   SDX_NOT_FOUND);
  assert_int_equal(keyring_stage_remove(k, KEYRING_SEGMENT, 42, KEYRING_MERGED, 5, 6, NULL),
                   SDX_OK);
  assert_int_equal(keyring_stage_remove(k, KEYRING_SEGMENT, 42, KEYRING_MERGED, 5, 6, NULL),
                   SDX_NOT_FOUND);
  assert_int_equal(keyring_commit(k, 10, NULL), SDX_OK);
  k = reopen(k, dir);
  assert_false(keyring_has(k, KEYRING_SEGMENT, 42));
  assert_int_equal(keyring_key(k, KEYRING_SEGMENT, 42, &got, NULL), SDX_NOT_FOUND);
  assert_int_equal(keyring_removals(k), 1);
  const keyring_removal r = keyring_removal_at(k, 0);
  assert_int_equal(r.kind, KEYRING_SEGMENT);
  assert_int_equal(r.id, 42);
  assert_int_equal(r.time, 5);
  assert_int_equal(r.items, 6);
  assert_int_equal(r.reason, KEYRING_MERGED);
  assert_int_equal(r.generation, 3);
  keyring_close(k);
}

static void keyless_removal(void **state) {
  const char *dir = *state;
  keyring *k = fresh(dir), *sweep = NULL;
  for (uint64_t id = 1; id <= 10; id++)
    assert_int_equal(keyring_stage_add(k, KEYRING_TRASH, id, 100 + (int64_t)id, NULL, NULL),
                     SDX_OK);
  assert_int_equal(keyring_commit(k, 5, NULL), SDX_OK);
  assert_int_equal(keyring_open(&sweep, dir, NULL), SDX_OK);
  assert_int_equal(keyring_stage_add(sweep, KEYRING_TRASH, 11, 0, NULL, NULL), SDX_WRONG_KEY);
  for (uint64_t id = 2; id <= 10; id += 3)
    assert_int_equal(keyring_stage_remove(sweep, KEYRING_TRASH, id, KEYRING_PURGED, 1, 2, NULL),
                     SDX_OK);
  assert_int_equal(keyring_commit(sweep, 4, NULL), SDX_OK);
  assert_int_equal(keyring_store_generation(sweep), 5); /* is never lowered without the key */
  assert_int_equal(keyring_stage_remove(sweep, KEYRING_TRASH, 9, KEYRING_PURGED, 1, 2, NULL),
                   SDX_OK);
  assert_int_equal(keyring_commit(sweep, 6, NULL), SDX_OK);
  keyring_close(sweep);

  assert_int_equal(keyring_refresh(k, NULL), SDX_OK); /* checks the set minus the log */
  assert_int_equal(keyring_count(k), 4 + 6);
  assert_int_equal(keyring_removals(k), 4);
  k = reopen(k, dir);
  assert_int_equal(keyring_stage_add(k, KEYRING_TRASH, 11, 0, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 7, NULL), SDX_OK);
  k = reopen(k, dir);
  assert_int_equal(keyring_count(k), 4 + 7);
  assert_int_equal(keyring_removals(k), 4);
  keyring_close(k);
}

static void refresh_across_processes(void **state) {
  const char *dir = *state;
  keyring *k = fresh(dir);
  seal_key *got = NULL;
  const pid_t child = fork();
  if (child == 0) {
    keyring *own = NULL;
    const bool refused = keyring_refresh(k, NULL) == SDX_FORKED &&
                         keyring_commit(k, 1, NULL) == SDX_FORKED &&
                         keyring_unlock(k, &first_key, NULL) == SDX_FORKED &&
                         keyring_recover(k, NULL) == SDX_FORKED &&
                         keyring_key(k, KEYRING_ID, 0, &got, NULL) == SDX_FORKED &&
                         keyring_rekey(k, NULL) == SDX_FORKED;
    const bool done = keyring_open(&own, dir, NULL) == SDX_OK &&
                      keyring_unlock(own, &first_key, NULL) == SDX_OK &&
                      keyring_stage_add(own, KEYRING_EPOCH, 5, 0, NULL, NULL) == SDX_OK &&
                      keyring_commit(own, 3, NULL) == SDX_OK;
    _exit(refused && done ? 0 : 1);
  }
  int result = 0;
  assert_int_equal(waitpid(child, &result, 0), child);
  assert_int_equal(result, 0);
  /* A writer that did not look is refused, and nothing is lost. */
  assert_int_equal(keyring_stage_add(k, KEYRING_EPOCH, 6, 0, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 3, NULL), SDX_INVALID);
  assert_int_equal(keyring_refresh(k, NULL), SDX_OK);
  assert_int_equal(keyring_generation(k), 2);
  assert_int_equal(keyring_key(k, KEYRING_EPOCH, 5, &got, NULL), SDX_OK);
  assert_false(keyring_has(k, KEYRING_EPOCH, 6));
  seal_key_free(got);
  keyring_close(k);
}

static void slots(void **state) {
  const char *dir = *state;
  keyring *k = fresh(dir);
  assert_int_equal(keyring_slot_add(k, &second_key, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_slot_add(k, &passphrase, &cheap, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 1, NULL), SDX_OK);
  assert_int_equal(keyring_slots(k), 3);
  assert_true(opens(dir, &first_key) && opens(dir, &second_key) && opens(dir, &passphrase));
  assert_false(opens(dir, &wrong_key) || opens(dir, &wrong_passphrase));
  assert_int_equal(keyring_slot_remove(k, &wrong_key, NULL), SDX_WRONG_KEY);
  assert_int_equal(keyring_slot_remove(k, &first_key, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 1, NULL), SDX_OK);
  assert_false(opens(dir, &first_key));
  assert_true(opens(dir, &second_key) && opens(dir, &passphrase));
  assert_int_equal(keyring_slot_remove(k, &passphrase, NULL), SDX_OK);
  assert_int_equal(keyring_slot_remove(k, &second_key, NULL), SDX_INVALID);
  assert_int_equal(keyring_commit(k, 1, NULL), SDX_OK);
  assert_true(opens(dir, &second_key));
  assert_false(opens(dir, &passphrase));
  for (int i = 1; i < 8; i++) assert_int_equal(keyring_slot_add(k, &first_key, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_slot_add(k, &first_key, NULL, NULL), SDX_INVALID);
  keyring_rollback(k);
  assert_int_equal(keyring_slots(k), 1);
  keyring_close(k);
}

static void malformed_secrets(void **state) {
  const char *dir = *state;
  keyring *k = NULL;
  const sdx_secret short_key = { SDX_SECRET_KEY, "short", 5 };
  const sdx_secret empty = { SDX_SECRET_PASSPHRASE, "", 0 };
  const sdx_secret deposit = { SDX_SECRET_DEPOSIT, first_key.bytes, 32 };
  const keyring_options huge = { .argon2_ops = 3, .argon2_mib = 100 * 1024 };
  const keyring_options weak = { .argon2_ops = 1, .argon2_mib = 64 };
  const keyring_options no_cipher = { .cipher = (seal_cipher)99 };
  assert_int_equal(keyring_create(&k, dir, &short_key, NULL, NULL), SDX_INVALID);
  assert_int_equal(keyring_create(&k, dir, &empty, NULL, NULL), SDX_INVALID);
  assert_int_equal(keyring_create(&k, dir, &deposit, NULL, NULL), SDX_INVALID);
  assert_int_equal(keyring_create(&k, dir, &passphrase, &huge, NULL), SDX_INVALID);
  assert_int_equal(keyring_create(&k, dir, &passphrase, &weak, NULL), SDX_INVALID);
  assert_int_equal(keyring_create(&k, dir, &first_key, &no_cipher, NULL), SDX_INVALID);
  assert_int_equal(keyring_create(&k, "/nonexistent", &first_key, NULL, NULL), SDX_SYSTEM);
  assert_int_equal(keyring_open(&k, dir, NULL), SDX_SYSTEM);
  k = fresh(dir);
  keyring *again = NULL;
  assert_int_equal(keyring_create(&again, dir, &first_key, NULL, NULL), SDX_INVALID);
  assert_null(again);
  assert_int_equal(keyring_unlock(k, &short_key, NULL), SDX_INVALID);
  assert_int_equal(keyring_unlock(k, &deposit, NULL), SDX_WRONG_KEY);
  keyring_close(k);
  keyring_close(NULL);
}

static void rekey(void **state) {
  const char *dir = *state;
  keyring *k = fresh(dir), *other = NULL, *first = NULL;
  seal_key *made = NULL, *got = NULL;
  assert_int_equal(keyring_slot_add(k, &second_key, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_stage_add(k, KEYRING_SEGMENT, 1, 0, &made, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 1, NULL), SDX_OK);
  assert_int_equal(keyring_open(&other, dir, NULL), SDX_OK);
  assert_int_equal(keyring_unlock(other, &second_key, NULL), SDX_OK);
  assert_int_equal(keyring_open(&first, dir, NULL), SDX_OK);
  assert_int_equal(keyring_unlock(first, &first_key, NULL), SDX_OK);

  /* Everything at once, in any order: keys, slots, the root twice. */
  assert_int_equal(keyring_rekey(k, NULL), SDX_OK);
  assert_int_equal(keyring_stage_add(k, KEYRING_SEGMENT, 2, 0, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_rekey(k, NULL), SDX_OK);
  assert_int_equal(keyring_key(k, KEYRING_SEGMENT, 2, &got, NULL), SDX_OK);
  seal_key_free(got);
  assert_int_equal(keyring_slot_remove(k, &first_key, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 2, NULL), SDX_OK);
  assert_int_equal(keyring_key(k, KEYRING_SEGMENT, 2, &got, NULL), SDX_OK);
  seal_key_free(got);
  assert_false(opens(dir, &first_key));
  assert_true(opens(dir, &second_key));
  assert_int_equal(keyring_refresh(first, NULL), SDX_WRONG_KEY); /* its slot is gone */
  keyring_close(first);
  assert_int_equal(keyring_refresh(other, NULL), SDX_OK); /* its slot opens the new root */
  assert_int_equal(keyring_key(other, KEYRING_SEGMENT, 2, &got, NULL), SDX_OK);
  seal_key_free(got);
  assert_int_equal(keyring_stage_add(other, KEYRING_SEGMENT, 3, 0, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_commit(other, 3, NULL), SDX_OK);
  assert_int_equal(keyring_refresh(k, NULL), SDX_OK);
  keyring_close(other);
  keyring_close(k);

  assert_int_equal(keyring_open(&k, dir, NULL), SDX_OK);
  assert_int_equal(keyring_unlock(k, &second_key, NULL), SDX_OK);
  assert_int_equal(keyring_key(k, KEYRING_SEGMENT, 1, &got, NULL), SDX_OK);
  assert_memory_equal(secret_view(seal_key_secret(got)), secret_view(seal_key_secret(made)),
                      SECRET_SIZE);
  seal_key_free(got);
  seal_key_free(made);
  keyring_close(k);
}

/* A handle whose own secret is replaced goes on with the new one. */
static void rekey_of_its_own_slot(void **state) {
  const char *dir = *state;
  keyring *k = fresh(dir), *other = NULL;
  assert_int_equal(keyring_slot_replace(k, &first_key, &second_key, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_rekey(k, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 1, NULL), SDX_OK);
  assert_int_equal(keyring_open(&other, dir, NULL), SDX_OK);
  assert_int_equal(keyring_unlock(other, &second_key, NULL), SDX_OK);
  assert_int_equal(keyring_rekey(other, NULL), SDX_OK);
  assert_int_equal(keyring_commit(other, 2, NULL), SDX_OK);
  assert_int_equal(keyring_refresh(k, NULL), SDX_OK);
  keyring_close(other);
  keyring_close(k);
}

static void assert_differ(keyring *k, keyring_kind kind, uint64_t a, uint64_t b, bool differ) {
  secret *x = NULL, *y = NULL;
  assert_int_equal(keyring_use_set(k, a, NULL), SDX_OK);
  assert_int_equal(keyring_secret(k, kind, 0, &x, NULL), SDX_OK);
  assert_int_equal(keyring_secret(k, kind, b, &y, NULL), SDX_OK);
  assert_int_equal(memcmp(secret_view(x), secret_view(y), SECRET_SIZE) != 0, differ);
  secret_free(x);
  secret_free(y);
}

/* One set of keys follows another; the old one goes without a key. */
static void sets(void **state) {
  const char *dir = *state;
  char contents[SDX_DEPOSIT_FILE_SIZE];
  keyring *k = fresh(dir), *d = NULL, *locked = NULL;
  const sdx_secret file = { SDX_SECRET_DEPOSIT, contents, sizeof contents };
  static const keyring_kind kinds[] = { KEYRING_ID, KEYRING_TABLE, KEYRING_INTAKE, KEYRING_DEPOSIT };
  uint64_t second = 0, third = 0;
  uint8_t half[32];
  assert_int_equal(keyring_deposit_add(k, contents, NULL), SDX_OK);
  assert_int_equal(keyring_stage_set(k, false, &second, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 1, NULL), SDX_OK);
  for (size_t i = 0; i < 4; i++)
    assert_differ(k, kinds[i], 0, second, kinds[i] != KEYRING_DEPOSIT);
  assert_int_equal(keyring_use_set(k, second, NULL), SDX_OK);

  assert_int_equal(keyring_open(&d, dir, NULL), SDX_OK);
  assert_int_equal(keyring_unlock(d, &file, NULL), SDX_OK);
  assert_int_equal(keyring_use_set(d, second, NULL), SDX_OK);
  assert_memory_equal(keyring_intake_public(d), keyring_intake_public(k), 32);
  assert_int_equal(keyring_open(&locked, dir, NULL), SDX_OK);
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(keyring_stage_remove(locked, kinds[i], 0, KEYRING_MERGED, 1, 0, NULL), SDX_OK);
  assert_int_equal(keyring_commit(locked, 2, NULL), SDX_OK);
  keyring_close(locked);
  assert_int_equal(keyring_refresh(d, NULL), SDX_OK);
  assert_int_equal(keyring_use_set(d, 0, NULL), SDX_NOT_FOUND);
  assert_int_equal(keyring_use_set(d, second, NULL), SDX_OK);
  assert_int_equal(keyring_stage_epoch(d, 5, half, NULL), SDX_OK);
  assert_int_equal(keyring_commit(d, 3, NULL), SDX_OK);

  assert_int_equal(keyring_refresh(k, NULL), SDX_OK);
  assert_int_equal(keyring_rekey(k, NULL), SDX_OK);
  assert_int_equal(keyring_stage_set(k, true, &third, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 4, NULL), SDX_OK);
  assert_differ(k, KEYRING_DEPOSIT, second, third, true);
  assert_int_equal(keyring_refresh(d, NULL), SDX_WRONG_KEY); /* taken back */
  keyring_close(d);
  k = reopen(k, dir);
  assert_int_equal(keyring_use_set(k, third, NULL), SDX_OK);
  keyring_close(k);
}

static void rollback_forgets(void **state) {
  const char *dir = *state;
  keyring *k = fresh(dir);
  assert_int_equal(keyring_stage_add(k, KEYRING_SEGMENT, 1, 0, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_stage_remove(k, KEYRING_ID, 0, KEYRING_ACCOUNT, 0, 0, NULL), SDX_OK);
  assert_int_equal(keyring_rekey(k, NULL), SDX_OK);
  keyring_rollback(k);
  assert_int_equal(keyring_commit(k, 1, NULL), SDX_OK);
  k = reopen(k, dir);
  assert_int_equal(keyring_count(k), 4);
  assert_int_equal(keyring_removals(k), 0);
  keyring_close(k);
}

static void intake_pair(void **state) {
  const char *dir = *state;
  keyring *k = fresh(dir), *locked = NULL;
  secret *half = NULL;
  uint8_t zeros[32] = { 0 };
  assert_int_equal(keyring_open(&locked, dir, NULL), SDX_OK);
  assert_non_null(keyring_intake_public(locked));
  assert_memory_equal(keyring_intake_public(locked), keyring_intake_public(k), 32);
  assert_memory_not_equal(keyring_intake_public(k), zeros, 32);
  assert_int_equal(keyring_secret(k, KEYRING_INTAKE, 0, &half, NULL), SDX_OK);
  secret_free(half);
  keyring_close(locked);
  keyring_close(k);
}

static void growth_and_the_log(void **state) {
  const char *dir = *state;
  keyring *k = fresh(dir);
  seal_key *got = NULL;
  for (uint64_t id = 1; id <= 400; id++) {
    assert_int_equal(keyring_stage_add(k, KEYRING_SEGMENT, id, 0, NULL, NULL), SDX_OK);
    if (id % 50 == 0) assert_int_equal(keyring_commit(k, id, NULL), SDX_OK);
  }
  k = reopen(k, dir);
  assert_int_equal(keyring_count(k), 404);
  assert_int_equal(file_size(dir), 2 * 65536);
  assert_false(exists(dir, "keyring.new"));
  for (uint64_t id = 1; id <= 400; id++) {
    assert_int_equal(keyring_key(k, KEYRING_SEGMENT, id, &got, NULL), SDX_OK);
    seal_key_free(got);
  }
  uint8_t before[32] = { 0 };
  for (uint64_t id = 1; id <= 390; id++) {
    assert_int_equal(keyring_stage_remove(k, KEYRING_SEGMENT, id, KEYRING_MERGED, 1, 1, NULL),
                     SDX_OK);
    assert_int_equal(keyring_commit(k, 400 + id, NULL), SDX_OK);
    const keyring_removal newest = keyring_removal_at(k, keyring_removals(k) - 1);
    assert_int_equal(newest.id, id);
    assert_memory_not_equal(newest.chain, before, 32);
    memcpy(before, newest.chain, 32);
  }
  k = reopen(k, dir);
  assert_int_equal(keyring_count(k), 14);
  assert_true(keyring_removals(k) >= 256 && keyring_removals(k) <= 257);
  assert_memory_equal(keyring_removal_at(k, keyring_removals(k) - 1).chain, before, 32);
  keyring_close(k);
}

/* All removals of one commit stay in the log, however many: receipts are taken from it. */
static void one_commit_keeps_its_records(void **state) {
  const char *dir = *state;
  keyring *k = fresh(dir);
  for (uint64_t id = 1; id <= 500; id++)
    assert_int_equal(keyring_stage_add(k, KEYRING_SEGMENT, id, 0, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 1, NULL), SDX_OK);
  for (uint64_t id = 1; id <= 500; id++)
    assert_int_equal(keyring_stage_remove(k, KEYRING_SEGMENT, id, KEYRING_MERGED, 1, 1, NULL),
                     SDX_OK);
  assert_int_equal(keyring_commit(k, 2, NULL), SDX_OK);
  k = reopen(k, dir);
  assert_int_equal(keyring_removals(k), 500);
  keyring_close(k);
}

/* A reader beside a writer of another process never sees a broken file, nor an older one. */
static void reading_while_another_writes(void **state) {
  const char *dir = *state;
  keyring *k = fresh(dir);
  const pid_t child = fork();
  if (child == 0) {
    keyring *own = NULL;
    bool ok =
        keyring_open(&own, dir, NULL) == SDX_OK && keyring_unlock(own, &first_key, NULL) == SDX_OK;
    for (uint64_t id = 1; ok && id <= 300; id++) /* grows twice on the way */
      ok = keyring_stage_add(own, KEYRING_EPOCH, id, 0, NULL, NULL) == SDX_OK &&
           keyring_commit(own, id, NULL) == SDX_OK;
    _exit(ok ? 0 : 1);
  }
  int result = 0;
  uint64_t generation = 1;
  size_t moves = 0;
  while (waitpid(child, &result, WNOHANG) == 0) {
    keyring *other = NULL;
    assert_int_equal(keyring_refresh(k, NULL), SDX_OK);
    assert_true(keyring_generation(k) >= generation);
    moves += keyring_generation(k) > generation;
    generation = keyring_generation(k);
    assert_int_equal(keyring_open(&other, dir, NULL), SDX_OK);
    assert_true(keyring_generation(other) >= generation);
    keyring_close(other);
  }
  assert_int_equal(result, 0);
  assert_true(moves > 0);
  assert_int_equal(keyring_refresh(k, NULL), SDX_OK);
  assert_int_equal(keyring_generation(k), 301);
  assert_int_equal(keyring_count(k), 304);
  keyring_close(k);
}

/* An unlocked handle does not lean on the working directory, nor on the directory's name. */
static void the_directory_may_be_renamed(void **state) {
  const char *dir = *state;
  char moved[256];
  keyring *k = fresh(dir);
  assert_true(snprintf(moved, sizeof moved, "%s-moved", dir) < (int)sizeof moved);
  assert_int_equal(rename(dir, moved), 0);
  assert_int_equal(keyring_commit(k, 4, NULL), SDX_OK);
  assert_int_equal(rename(moved, dir), 0);
  k = reopen(k, dir);
  assert_int_equal(keyring_generation(k), 2);
  keyring_close(k);
}

static void destroy(void **state) {
  const char *dir = *state;
  keyring_close(fresh(dir));
  assert_int_equal(keyring_destroy(dir, NULL), SDX_OK);
  assert_false(exists(dir, "keyring"));
  assert_int_equal(keyring_destroy(dir, NULL), SDX_OK);
  assert_int_equal(keyring_destroy("/nonexistent", NULL), SDX_SYSTEM);
}

static void old_file_is_noticed(void **state) {
  const char *dir = *state;
  keyring *k = fresh(dir);
  file_copy old = file_load(dir, "keyring");
  assert_int_equal(keyring_commit(k, 1, NULL), SDX_OK);
  uint8_t first[32], second[32];
  keyring_digest(k, first);
  file_store(dir, "keyring", old.bytes, old.size);
  assert_int_equal(keyring_refresh(k, NULL), SDX_ROLLED_BACK);
  assert_int_equal(keyring_generation(k), 2); /* stays as it was */
  keyring_close(k);
  assert_int_equal(keyring_open(&k, dir, NULL), SDX_OK);
  keyring_digest(k, second);
  assert_memory_not_equal(first, second, 32);
  keyring_close(k);
  free(old.bytes);
}

static void another_index_is_noticed(void **state) {
  const char *dir = *state;
  keyring *k = fresh(dir), *other = NULL;
  assert_int_equal(keyring_destroy(dir, NULL), SDX_OK);
  assert_int_equal(keyring_create(&other, dir, &first_key, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_refresh(k, NULL), SDX_WRONG_KEY);
  keyring_close(other);
  keyring_close(k);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    in_fresh_dir(create_open_unlock),
    in_fresh_dir(add_and_remove),
    in_fresh_dir(keyless_removal),
    in_fresh_dir(refresh_across_processes),
    in_fresh_dir(slots),
    in_fresh_dir(malformed_secrets),
    in_fresh_dir(rekey),
    in_fresh_dir(rekey_of_its_own_slot),
    in_fresh_dir(sets),
    in_fresh_dir(rollback_forgets),
    in_fresh_dir(intake_pair),
    in_fresh_dir(growth_and_the_log),
    in_fresh_dir(one_commit_keeps_its_records),
    in_fresh_dir(reading_while_another_writes),
    in_fresh_dir(the_directory_may_be_renamed),
    in_fresh_dir(destroy),
    in_fresh_dir(old_file_is_noticed),
    in_fresh_dir(another_index_is_noticed),
  };
  if (crypto_start(NULL) != SDX_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
