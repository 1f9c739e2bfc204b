/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Somebody who can write the file and has no key: flipped bytes, forged checksums, keys brought
 * back, roots and slots of their own, costs that nobody can pay. */
#include "keyring_fixture.h"

#include <sodium.h>

#include "crypto/region.h"

/* The keyring on disk as a region that a test changes and puts back, with a right checksum. */
static region take(const char *dir) {
  region r;
  file_copy file = file_load(dir, "keyring");
  assert_int_equal(region_decode(&r, file.bytes, file.size / 2, NULL), SDX_OK);
  free(file.bytes);
  return r;
}

static void put_bytes(const char *dir, const uint8_t *bytes, size_t size) {
  uint8_t *both = malloc(2 * size);
  memcpy(both, bytes, size);
  memcpy(both + size, bytes, size);
  file_store(dir, "keyring", both, 2 * size);
  free(both);
}

static void put(const char *dir, region *r) {
  uint8_t *bytes = malloc(r->size);
  assert_int_equal(region_encode(r, bytes, NULL), SDX_OK);
  put_bytes(dir, bytes, r->size);
  free(bytes);
  region_free(r);
}

static sdx_status unlock_status(const char *dir, const sdx_secret *s) {
  keyring *k = NULL;
  sdx_status status = keyring_open(&k, dir, NULL);
  if (status == SDX_OK) status = keyring_unlock(k, s, NULL);
  keyring_close(k);
  return status;
}

/* With trash 1 to 4, of which 2 was removed with the key and 3 without. */
static void prepare(const char *dir) {
  keyring *k = fresh(dir);
  for (uint64_t id = 1; id <= 4; id++)
    assert_int_equal(keyring_stage_add(k, KEYRING_TRASH, id, 9, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 1, NULL), SDX_OK);
  assert_int_equal(keyring_stage_remove(k, KEYRING_TRASH, 2, KEYRING_PURGED, 1, 1, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 2, NULL), SDX_OK);
  keyring_close(k);
  assert_int_equal(keyring_open(&k, dir, NULL), SDX_OK);
  assert_int_equal(keyring_stage_remove(k, KEYRING_TRASH, 3, KEYRING_PURGED, 1, 1, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 3, NULL), SDX_OK);
  keyring_close(k);
}

static void the_id_key(const char *dir, uint8_t out[SECRET_SIZE]) {
  keyring *k = NULL;
  secret *s = NULL;
  assert_int_equal(keyring_open(&k, dir, NULL), SDX_OK);
  assert_int_equal(keyring_unlock(k, &first_key, NULL), SDX_OK);
  assert_int_equal(keyring_secret(k, KEYRING_ID, 0, &s, NULL), SDX_OK);
  memcpy(out, secret_view(s), SECRET_SIZE);
  secret_free(s);
  keyring_close(k);
}

static void a_flip_in_one_region_is_mended(void **state) {
  const char *dir = *state;
  uint8_t before[SECRET_SIZE], after[SECRET_SIZE];
  prepare(dir);
  the_id_key(dir, before);
  file_copy file = file_load(dir, "keyring");
  for (size_t i = 0; i < file.size; i += i % (file.size / 2) < 4096 ? 3 : 97) {
    keyring *k = NULL;
    file.bytes[i] ^= 0x10;
    file_store(dir, "keyring", file.bytes, file.size);
    file.bytes[i] ^= 0x10;
    the_id_key(dir, after);
    assert_memory_equal(before, after, SECRET_SIZE);
    if (i % 11 != 0) continue;
    assert_int_equal(keyring_open(&k, dir, NULL), SDX_OK);
    assert_int_equal(keyring_recover(k, NULL), SDX_OK);
    keyring_close(k);
    file_copy mended = file_load(dir, "keyring");
    assert_int_equal(mended.size, file.size);
    assert_memory_equal(mended.bytes, file.bytes, file.size);
    free(mended.bytes);
  }
  free(file.bytes);
}

static void a_flip_in_both_regions_is_damage(void **state) {
  const char *dir = *state;
  region r;
  prepare(dir);
  file_copy file = file_load(dir, "keyring");
  for (size_t i = 0; i < file.size / 2; i++) {
    file.bytes[i] ^= 0x01;
    assert_int_equal(region_decode(&r, file.bytes, file.size / 2, NULL), SDX_DAMAGED);
    if (i % 1000 == 0) {
      put_bytes(dir, file.bytes, file.size / 2);
      assert_int_equal(unlock_status(dir, &first_key), SDX_DAMAGED);
    }
    file.bytes[i] ^= 0x01;
  }
  free(file.bytes);
}

/* Whoever mends the checksum can only do what a sweep may do as well: raise the generations, and
 * word the records of removals that no key has vouched for yet. */
static bool may_be_forged(size_t at, size_t records_at) {
  const bool generations = at >= 32 && at < 48;
  const bool newest_record = at >= records_at + 40 && at < records_at + 80;
  return generations || newest_record;
}

static void a_forged_checksum_is_not_enough(void **state) {
  const char *dir = *state;
  uint8_t before[SECRET_SIZE], after[SECRET_SIZE];
  prepare(dir);
  the_id_key(dir, before);
  region r = take(dir);
  const size_t records_at = 512 + 8 * SLOT_SIZE + r.entry_count * 144 + r.husk_count * 64;
  const size_t end = records_at + r.removal_count * 40;
  region_free(&r);
  file_copy file = file_load(dir, "keyring");
  const size_t half = file.size / 2;
  for (size_t i = 0; i < half - 32; i += i < end ? 1 : 501) {
    file.bytes[i] ^= 0x01;
    crypto_digest(file.bytes + half - 32, file.bytes, half - 32);
    if (region_decode(&r, file.bytes, half, NULL) == SDX_OK) {
      region_free(&r);
      put_bytes(dir, file.bytes, half);
      const sdx_status status = unlock_status(dir, &first_key);
      if (!may_be_forged(i, records_at))
        assert_true(status == SDX_DAMAGED || status == SDX_WRONG_KEY);
      if (status == SDX_OK) {
        the_id_key(dir, after);
        assert_memory_equal(before, after, SECRET_SIZE);
      }
    }
    file.bytes[i] ^= 0x01;
  }
  free(file.bytes);
}

static void cut_files(void **state) {
  const char *dir = *state;
  prepare(dir);
  file_copy file = file_load(dir, "keyring");
  const size_t half = file.size / 2;
  const size_t sizes[] = { 0, 1, 100, 4096, half - 1, half, half + 1, 2 * half - 1, 2 * half };
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    file_store(dir, "keyring", file.bytes, sizes[i]);
    assert_int_equal(unlock_status(dir, &first_key), sizes[i] >= half ? SDX_OK : SDX_DAMAGED);
  }
  uint8_t *longer = calloc(1, 5 * half);
  memcpy(longer, file.bytes, file.size);
  file_store(dir, "keyring", longer, 5 * half);
  keyring *k = NULL;
  assert_int_equal(keyring_open(&k, dir, NULL), SDX_OK);
  assert_int_equal(keyring_recover(k, NULL), SDX_OK);
  keyring_close(k);
  assert_int_equal(file_size(dir), file.size);
  free(longer);
  free(file.bytes);
}

static void a_newer_format_is_named(void **state) {
  const char *dir = *state;
  sdx_error err;
  keyring *k = NULL;
  prepare(dir);
  file_copy file = file_load(dir, "keyring");
  const size_t half = file.size / 2;
  file.bytes[8] = REGION_VERSION + 1;
  crypto_digest(file.bytes + half - 32, file.bytes, half - 32);
  put_bytes(dir, file.bytes, half);
  assert_int_equal(keyring_open(&k, dir, &err), SDX_DAMAGED);
  assert_non_null(strstr(err.message, "newer format"));
  free(file.bytes);
}

static void a_removed_key_cannot_come_back(void **state) {
  const char *dir = *state;
  keyring *k = fresh(dir);
  assert_int_equal(keyring_stage_add(k, KEYRING_TRASH, 3, 9, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 1, NULL), SDX_OK);
  keyring_close(k);
  region old = take(dir), without_log = take(dir), with_log;
  assert_int_equal(keyring_open(&k, dir, NULL), SDX_OK);
  assert_int_equal(keyring_stage_remove(k, KEYRING_TRASH, 3, KEYRING_PURGED, 1, 1, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 2, NULL), SDX_OK);
  keyring_close(k);
  with_log = take(dir);
  assert_int_equal(unlock_status(dir, &first_key), SDX_OK);

  /* Put back beside its husk and record: the two contradict each other. */
  region_entry *entry = region_find(&old, KEYRING_TRASH, 3), *back = NULL;
  with_log.husk_count = 0;
  assert_int_equal(region_insert(&with_log, &back, KEYRING_TRASH, 3, NULL), SDX_OK);
  *back = *entry;
  put(dir, &with_log);
  assert_int_equal(unlock_status(dir, &first_key), SDX_DAMAGED);

  /* Taken out with no record of it: the proof misses it. */
  without_log.generation = 9;
  without_log.entry_count--;
  memmove(without_log.entries, without_log.entries + 1,
          without_log.entry_count * sizeof *without_log.entries);
  put(dir, &without_log);
  assert_int_equal(unlock_status(dir, &first_key), SDX_DAMAGED);
  region_free(&old);
}

static void entries_are_bound(void **state) {
  const char *dir = *state;
  prepare(dir);
  region r = take(dir);
  /* Exchange what two entries wrap. */
  const region_entry first = r.entries[0];
  memcpy(r.entries[0].sealed, r.entries[1].sealed, sizeof first.sealed);
  memcpy(r.entries[1].sealed, first.sealed, sizeof first.sealed);
  put(dir, &r);
  assert_int_equal(unlock_status(dir, &first_key), SDX_DAMAGED);
}

/* Puts off a purge: the due time shows in clear, and is authenticated. */
static void due_times_are_bound(void **state) {
  const char *dir = *state;
  prepare(dir);
  region r = take(dir);
  region_find(&r, KEYRING_TRASH, 1)->shown.due += 1000;
  put(dir, &r);
  assert_int_equal(unlock_status(dir, &first_key), SDX_DAMAGED);
}

/* Anybody can do this much: the public half stands in clear. */
static void seal_root_to(slot *s, const root_key *root) {
  assert_int_equal(crypto_box_seal(s->sealed, secret_view(root->root), SECRET_SIZE, s->public_half),
                   0);
}

/* A keyring without entries, proven by the attacker's root, with `forged` as its slot. */
static void plant(const char *dir, const slot *forged, const root_key *planted) {
  region r = take(dir);
  r.slots[0] = *forged;
  r.entry_count = 0;
  r.husk_count = 0;
  r.removal_count = 0;
  r.removals_ever = 0;
  memcpy(r.chain_base, r.proven_chain, sizeof r.chain_base);
  assert_int_equal(region_prove(&r, planted, NULL), SDX_OK);
  put(dir, &r);
  assert_int_equal(unlock_status(dir, &first_key), SDX_WRONG_KEY);
  assert_int_equal(unlock_status(dir, &wrong_key), SDX_WRONG_KEY);
}

/* An attacker's own root, sealed to the public half that stands in the victim's slot. Were it
 * taken, whatever is written from then on would be theirs to read. */
static void a_planted_root_is_refused(void **state) {
  const char *dir = *state;
  root_key *planted = NULL;
  slot attackers;
  prepare(dir);
  file_copy file = file_load(dir, "keyring");
  region r = take(dir);
  const slot victims = r.slots[0];
  assert_int_equal(root_key_new(&planted, NULL, r.index_id, NULL), SDX_OK);
  assert_int_equal(slot_make(&attackers, NULL, &wrong_key, NULL, r.index_id, planted, NULL), SDX_OK);

  /* The MAC key of another slot does not vouch for this one. */
  memcpy(r.slots[0].mac_key, attackers.mac_key, sizeof attackers.mac_key);
  assert_int_equal(slot_rewrap(&r.slots[0], r.index_id, planted, planted, NULL), SDX_DAMAGED);

  slot forged = victims; /* with the attacker's MAC */
  memcpy(forged.mac_key, attackers.mac_key, sizeof forged.mac_key);
  memcpy(forged.mac, attackers.mac, sizeof forged.mac);
  seal_root_to(&forged, planted);
  plant(dir, &forged, planted);

  file_store(dir, "keyring", file.bytes, file.size);
  forged = victims; /* with the victim's MAC, which is of the victim's commitment */
  seal_root_to(&forged, planted);
  memcpy(planted->commitment, r.commitment, sizeof r.commitment);
  plant(dir, &forged, planted);
  root_key_free(planted);
  region_free(&r);
  free(file.bytes);
}

static void slots_are_bound_to_their_index(void **state) {
  const char *dir = *state;
  keyring_close(fresh(dir));
  region mine = take(dir);
  file_store(dir, "keyring", NULL, 0);
  keyring_close(fresh(dir)); /* another index, the same secret */
  region other = take(dir);
  other.slots[0] = mine.slots[0];
  memcpy(other.commitment, mine.commitment, sizeof other.commitment);
  put(dir, &other);
  assert_int_equal(unlock_status(dir, &first_key), SDX_WRONG_KEY);
  region_free(&mine);
}

static void costs_have_a_ceiling_and_a_floor(void **state) {
  const char *dir = *state;
  const struct {
    uint32_t ops, mib;
    sdx_status expected;
  } cases[] = {
    { 2, 32, SDX_WRONG_KEY },        { 1, 32, SDX_DAMAGED },  { 2, 31, SDX_DAMAGED },
    { 2, 102400, SDX_DAMAGED },      { 33, 32, SDX_DAMAGED }, { 32, 1024, SDX_DAMAGED },
    { UINT32_MAX, 64, SDX_DAMAGED }, { 0, 0, SDX_DAMAGED },   { 65536, 65536, SDX_DAMAGED },
  };
  keyring *k = NULL;
  const keyring_options other = { .argon2_ops = 3, .argon2_mib = 32 };
  assert_int_equal(keyring_create(&k, dir, &passphrase, &other, NULL), SDX_OK);
  keyring_close(k);
  assert_int_equal(unlock_status(dir, &passphrase), SDX_OK);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    file_copy saved = file_load(dir, "keyring");
    region r = take(dir);
    r.slots[0].argon2_ops = cases[i].ops;
    r.slots[0].argon2_mib = cases[i].mib;
    put(dir, &r);
    assert_int_equal(unlock_status(dir, &passphrase), cases[i].expected);
    file_store(dir, "keyring", saved.bytes, saved.size);
    free(saved.bytes);
  }
}

/* Row counts that overflow the region, or memory. */
static void counts_are_checked(void **state) {
  const char *dir = *state;
  prepare(dir);
  file_copy file = file_load(dir, "keyring");
  const size_t half = file.size / 2;
  for (size_t field = 0; field < 3; field++) {
    const uint32_t values[] = { 100, 1U << 20, 1U << 31, UINT32_MAX };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
      region r;
      uint8_t *bytes = malloc(half);
      memcpy(bytes, file.bytes, half);
      memcpy(bytes + 84 + 4 * field, &values[i], 4);
      crypto_digest(bytes + half - 32, bytes, half - 32);
      assert_int_equal(region_decode(&r, bytes, half, NULL), SDX_DAMAGED);
      free(bytes);
    }
  }
  free(file.bytes);
}

/* A writer that is led to write what cannot be read leaves the file as it is. */
static void nothing_unreadable_is_written(void **state) {
  const char *dir = *state;
  keyring *k = NULL;
  prepare(dir);
  region r = take(dir);
  r.generation = UINT64_MAX;
  put(dir, &r);
  k = reopen(k, dir);
  assert_int_equal(keyring_commit(k, 9, NULL), SDX_INVALID);
  k = reopen(k, dir);
  keyring_close(k);

  file_store(dir, "keyring", NULL, 0);
  k = fresh(dir);
  assert_int_equal(keyring_stage_remove(k, KEYRING_ID, 0, (keyring_reason)99, 1, 1, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 9, NULL), SDX_INVALID);
  assert_int_equal(keyring_stage_add(k, (keyring_kind)99, 1, 1, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 9, NULL), SDX_INVALID);
  k = reopen(k, dir);
  assert_int_equal(keyring_count(k), 4);
  keyring_close(k);
}

/* What is not a region of a permitted size is refused before anything is read. */
static void sizes_are_checked(void **state) {
  (void)state;
  region r;
  uint8_t *bytes = calloc(1, REGION_MAX);
  const size_t sizes[] = { 0, 1, 31, 512, REGION_MIN - 1, REGION_MIN, REGION_MIN + 1, REGION_MAX };
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    assert_int_equal(region_decode(&r, bytes, sizes[i], NULL), SDX_DAMAGED);
  free(bytes);
}

/* Damage of both files' kinds at once, and things that are no files. */
static void oddities(void **state) {
  const char *dir = *state;
  char path[256];
  keyring *k = NULL;
  prepare(dir);
  file_copy file = file_load(dir, "keyring");
  file_store(dir, "keyring.new", "rubbish", 7); /* a torn leftover beside a good file */
  assert_int_equal(unlock_status(dir, &first_key), SDX_OK);
  assert_int_equal(keyring_open(&k, dir, NULL), SDX_OK);
  assert_int_equal(keyring_recover(k, NULL), SDX_OK);
  keyring_close(k);
  assert_false(exists(dir, "keyring.new"));
  path_in(path, sizeof path, dir, "keyring");
  unlink(path);
  assert_int_equal(symlink("/etc/hostname", path), 0);
  assert_int_equal(unlock_status(dir, &first_key), SDX_SYSTEM);
  unlink(path);
  assert_int_equal(mkdir(path, 0700), 0);
  assert_int_equal(unlock_status(dir, &first_key), SDX_SYSTEM);
  rmdir(path);
  free(file.bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    in_fresh_dir(a_flip_in_one_region_is_mended),
    in_fresh_dir(a_flip_in_both_regions_is_damage),
    in_fresh_dir(a_forged_checksum_is_not_enough),
    in_fresh_dir(cut_files),
    in_fresh_dir(a_newer_format_is_named),
    in_fresh_dir(a_removed_key_cannot_come_back),
    in_fresh_dir(entries_are_bound),
    in_fresh_dir(due_times_are_bound),
    in_fresh_dir(a_planted_root_is_refused),
    in_fresh_dir(slots_are_bound_to_their_index),
    in_fresh_dir(costs_have_a_ceiling_and_a_floor),
    in_fresh_dir(counts_are_checked),
    in_fresh_dir(nothing_unreadable_is_written),
    cmocka_unit_test(sizes_are_checked),
    in_fresh_dir(oddities),
  };
  if (crypto_start(NULL) != SDX_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
