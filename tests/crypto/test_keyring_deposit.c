/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The deposit capability: what its key opens and what it does not, epochs that it appends, and what
 * somebody with the file and without the key can do about them. */
#include "keyring_fixture.h"

#include "crypto/pair.h"
#include "crypto/region.h"

static const keyring_kind all_kinds[] = { KEYRING_SEGMENT, KEYRING_EPOCH, KEYRING_DEPOSIT_EPOCH,
                                          KEYRING_TRASH,   KEYRING_ID,    KEYRING_TABLE,
                                          KEYRING_INTAKE,  KEYRING_DEPOSIT };

/* A keyring with a segment (7), an epoch (8), a trash key (9) and a deposit slot. */
static keyring *with_deposit(const char *dir, char contents[SDX_DEPOSIT_FILE_SIZE]) {
  keyring *k = fresh(dir);
  assert_int_equal(keyring_stage_add(k, KEYRING_SEGMENT, 7, 0, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_stage_add(k, KEYRING_EPOCH, 8, 0, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_stage_add(k, KEYRING_TRASH, 9, 99, NULL, NULL), SDX_OK);
  assert_int_equal(keyring_deposit_add(k, contents, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 1, NULL), SDX_OK);
  return k;
}

static sdx_secret file_of(const char contents[SDX_DEPOSIT_FILE_SIZE]) {
  return (sdx_secret){ SDX_SECRET_DEPOSIT, contents, SDX_DEPOSIT_FILE_SIZE };
}

static keyring *depositor(const char *dir, const char contents[SDX_DEPOSIT_FILE_SIZE]) {
  keyring *k = NULL;
  const sdx_secret s = file_of(contents);
  assert_int_equal(keyring_open(&k, dir, NULL), SDX_OK);
  assert_int_equal(keyring_unlock(k, &s, NULL), SDX_OK);
  return k;
}

static sdx_status deposit_status(const char *dir, const char contents[SDX_DEPOSIT_FILE_SIZE]) {
  keyring *k = NULL;
  const sdx_secret s = file_of(contents);
  sdx_status status = keyring_open(&k, dir, NULL);
  if (status == SDX_OK) status = keyring_unlock(k, &s, NULL);
  keyring_close(k);
  return status;
}

static void opens_id_and_table_keys_alone(void **state) {
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  keyring *k = with_deposit(*state, contents), *d = depositor(*state, contents);
  assert_true(keyring_depositing(d));
  assert_false(keyring_unlocked(d));
  for (size_t i = 0; i < sizeof all_kinds / sizeof *all_kinds; i++)
    for (uint64_t id = 0; id < 10; id++) {
      secret *mine = NULL, *theirs = NULL;
      seal_key *key = NULL;
      const bool may = all_kinds[i] == KEYRING_ID || all_kinds[i] == KEYRING_TABLE;
      const sdx_status wanted = !may ? SDX_WRONG_KEY : id == 0 ? SDX_OK : SDX_NOT_FOUND;
      assert_int_equal(keyring_secret(d, all_kinds[i], id, &mine, NULL), wanted);
      assert_int_equal(keyring_key(d, all_kinds[i], id, &key, NULL), wanted);
      if (may && id == 0) {
        assert_int_equal(keyring_secret(k, all_kinds[i], 0, &theirs, NULL), SDX_OK);
        assert_memory_equal(secret_view(mine), secret_view(theirs), SECRET_SIZE);
      }
      secret_free(mine);
      secret_free(theirs);
      seal_key_free(key);
    }
  assert_memory_equal(keyring_intake_public(d), keyring_intake_public(k), 32);
  assert_int_equal(keyring_stage_add(d, KEYRING_SEGMENT, 70, 0, NULL, NULL), SDX_WRONG_KEY);
  assert_int_equal(keyring_slot_add(d, &second_key, NULL, NULL), SDX_WRONG_KEY);
  assert_int_equal(keyring_slot_remove(d, &first_key, NULL), SDX_WRONG_KEY);
  assert_int_equal(keyring_rekey(d, NULL), SDX_WRONG_KEY);
  keyring_close(d);
  keyring_close(k);
}

/* The bytes that the file holds, taken as a read key, open nothing either. */
static void its_bytes_are_no_read_key(void **state) {
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  uint8_t raw[32];
  keyring_close(with_deposit(*state, contents));
  for (size_t i = 0; i < 32; i++) {
    char pair[3] = { contents[18 + 2 * i], contents[19 + 2 * i], 0 };
    raw[i] = (uint8_t)strtoul(pair, NULL, 16);
  }
  const sdx_secret s = { SDX_SECRET_KEY, raw, sizeof raw };
  assert_false(opens(*state, &s));
  const sdx_secret p = { SDX_SECRET_PASSPHRASE, contents, SDX_DEPOSIT_FILE_SIZE };
  assert_false(opens(*state, &p));
}

static void a_malformed_file_is_refused(void **state) {
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  keyring_close(with_deposit(*state, contents));
  contents[20] = 'x';
  assert_int_equal(deposit_status(*state, contents), SDX_INVALID);
  contents[20] = '0';
  contents[0] = 'S';
  assert_int_equal(deposit_status(*state, contents), SDX_INVALID);
}

static void another_files_key_opens_nothing(void **state) {
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  keyring_close(with_deposit(*state, contents));
  contents[30] = contents[30] == '0' ? '1' : '0';
  assert_int_equal(deposit_status(*state, contents), SDX_WRONG_KEY);
}

/* What a depositor seals, the read key opens; the depositor does not. */
static void epochs(void **state) {
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  uint8_t public_half[32], again[32], sealed[PAIR_SEALED_SIZE];
  secret *batch = NULL, *half = NULL, *opened = NULL;
  keyring *k = with_deposit(*state, contents), *d = depositor(*state, contents);
  assert_int_equal(keyring_stage_epoch(d, 42, public_half, NULL), SDX_OK);
  assert_int_equal(keyring_commit(d, 2, NULL), SDX_OK);
  assert_int_equal(keyring_epoch_public(d, 42, again, NULL), SDX_OK);
  assert_memory_equal(public_half, again, 32);
  assert_int_equal(secret_random(&batch, NULL), SDX_OK);
  assert_int_equal(pair_seal(sealed, public_half, batch, NULL), SDX_OK);
  assert_int_equal(keyring_secret(d, KEYRING_DEPOSIT_EPOCH, 42, &half, NULL), SDX_WRONG_KEY);

  assert_int_equal(keyring_refresh(k, NULL), SDX_OK);
  assert_int_equal(keyring_secret(k, KEYRING_DEPOSIT_EPOCH, 42, &half, NULL), SDX_OK);
  assert_int_equal(pair_open(&opened, public_half, half, sealed, NULL), SDX_OK);
  assert_memory_equal(secret_view(opened), secret_view(batch), SECRET_SIZE);
  secret_free(opened);
  secret_free(batch);
  secret_free(half);

  /* A keyed commit takes it into the set; a depositor can no longer tell that it is its own. */
  assert_int_equal(keyring_stage_remove(k, KEYRING_EPOCH, 8, KEYRING_MERGED, 1, 1, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 3, NULL), SDX_OK);
  assert_int_equal(keyring_refresh(d, NULL), SDX_OK);
  assert_int_equal(keyring_epoch_public(d, 42, again, NULL), SDX_NOT_FOUND);
  assert_int_equal(keyring_epoch_public(k, 42, again, NULL), SDX_OK);
  assert_true(opens(*state, &first_key));
  keyring_close(d);
  keyring_close(k);
}

/* Two depositors, a sweep without any key, and the owner, in turns. */
static void several_writers(void **state) {
  char one[SDX_DEPOSIT_FILE_SIZE] = { 0 }, two[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  uint8_t half[32];
  keyring *k = with_deposit(*state, one), *sweep = NULL;
  assert_int_equal(keyring_deposit_add(k, two, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 2, NULL), SDX_OK);
  keyring *a = depositor(*state, one), *b = depositor(*state, two);
  assert_int_equal(keyring_stage_epoch(a, 1, half, NULL), SDX_OK);
  assert_int_equal(keyring_commit(a, 3, NULL), SDX_OK);
  assert_int_equal(keyring_refresh(b, NULL), SDX_OK);
  assert_int_equal(keyring_epoch_public(b, 1, half, NULL), SDX_NOT_FOUND);
  assert_int_equal(keyring_stage_epoch(b, 2, half, NULL), SDX_OK);
  assert_int_equal(keyring_stage_epoch(b, 3, half, NULL), SDX_OK);
  assert_int_equal(keyring_commit(b, 4, NULL), SDX_OK);
  assert_int_equal(keyring_open(&sweep, *state, NULL), SDX_OK);
  assert_int_equal(
      keyring_stage_remove(sweep, KEYRING_DEPOSIT_EPOCH, 2, KEYRING_PURGED, 5, 6, NULL), SDX_OK);
  assert_int_equal(keyring_stage_remove(sweep, KEYRING_TRASH, 9, KEYRING_PURGED, 5, 6, NULL),
                   SDX_OK);
  assert_int_equal(keyring_commit(sweep, 5, NULL), SDX_OK);
  keyring_close(sweep);
  assert_int_equal(keyring_refresh(a, NULL), SDX_OK);
  assert_int_equal(keyring_stage_epoch(a, 4, half, NULL), SDX_OK);
  assert_int_equal(keyring_commit(a, 6, NULL), SDX_OK);
  assert_int_equal(keyring_refresh(k, NULL), SDX_OK);
  assert_true(keyring_has(k, KEYRING_DEPOSIT_EPOCH, 1) &&
              keyring_has(k, KEYRING_DEPOSIT_EPOCH, 3) && keyring_has(k, KEYRING_DEPOSIT_EPOCH, 4));
  assert_false(keyring_has(k, KEYRING_DEPOSIT_EPOCH, 2) || keyring_has(k, KEYRING_TRASH, 9));
  assert_int_equal(keyring_commit(k, 7, NULL), SDX_OK);
  assert_true(opens(*state, &first_key));
  assert_int_equal(keyring_refresh(a, NULL), SDX_OK);
  assert_int_equal(keyring_refresh(b, NULL), SDX_OK);
  keyring_close(a);
  keyring_close(b);
  keyring_close(k);
}

static void a_change_of_root_keeps_the_file_good(void **state) {
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  uint8_t half[32];
  keyring *k = with_deposit(*state, contents), *d = depositor(*state, contents);
  assert_int_equal(keyring_stage_epoch(d, 1, half, NULL), SDX_OK);
  assert_int_equal(keyring_commit(d, 2, NULL), SDX_OK);
  assert_int_equal(keyring_refresh(k, NULL), SDX_OK);
  assert_int_equal(keyring_rekey(k, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 3, NULL), SDX_OK);
  assert_int_equal(deposit_status(*state, contents), SDX_OK);
  assert_int_equal(keyring_refresh(d, NULL), SDX_OK); /* a handle that was open goes on, too */
  assert_int_equal(keyring_stage_epoch(d, 2, half, NULL), SDX_OK);
  assert_int_equal(keyring_commit(d, 4, NULL), SDX_OK);
  k = reopen(k, *state);
  secret *s = NULL;
  assert_int_equal(keyring_secret(k, KEYRING_DEPOSIT_EPOCH, 1, &s, NULL), SDX_OK);
  secret_free(s);
  assert_int_equal(keyring_secret(k, KEYRING_DEPOSIT_EPOCH, 2, &s, NULL), SDX_OK);
  secret_free(s);
  keyring_close(d);
  keyring_close(k);
}

static void removing_the_slot_revokes(void **state) {
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  uint8_t half[32];
  const sdx_secret s = file_of(contents);
  keyring *k = with_deposit(*state, contents), *d = depositor(*state, contents);
  assert_int_equal(keyring_stage_epoch(d, 1, half, NULL), SDX_OK);
  assert_int_equal(keyring_commit(d, 2, NULL), SDX_OK);
  assert_int_equal(keyring_refresh(k, NULL), SDX_OK);
  assert_int_equal(keyring_slot_remove(k, &first_key, NULL), SDX_INVALID); /* nobody could read */
  keyring_rollback(k);
  assert_int_equal(keyring_slot_remove(k, &s, NULL), SDX_OK);
  assert_int_equal(keyring_commit(k, 3, NULL), SDX_OK);
  assert_int_equal(keyring_refresh(d, NULL), SDX_WRONG_KEY);
  assert_int_equal(keyring_stage_epoch(d, 2, half, NULL),
                   SDX_OK);                                  /* on a picture of the past ... */
  assert_int_equal(keyring_commit(d, 4, NULL), SDX_INVALID); /* ... that cannot be written */
  assert_int_equal(deposit_status(*state, contents), SDX_WRONG_KEY);
  k = reopen(k, *state);
  assert_true(keyring_has(k, KEYRING_DEPOSIT_EPOCH, 1)); /* what it deposited stays */
  keyring_close(d);
  keyring_close(k);
}

/* ---- the file without the key ---- */

static region take(const char *dir) {
  region r;
  file_copy file = file_load(dir, "keyring");
  assert_int_equal(region_decode(&r, file.bytes, file.size / 2, NULL), SDX_OK);
  free(file.bytes);
  return r;
}

/* False where it is not even a region any more. */
static bool put(const char *dir, region *r) {
  uint8_t *bytes = calloc(2, r->size);
  region again;
  r->generation++;
  assert_int_equal(region_encode(r, bytes, NULL), SDX_OK);
  memcpy(bytes + r->size, bytes, r->size);
  const bool sound = region_decode(&again, bytes, r->size, NULL) == SDX_OK;
  if (sound) {
    region_free(&again);
    file_store(dir, "keyring", bytes, 2 * (size_t)r->size);
  }
  free(bytes);
  region_free(r);
  return sound;
}

static sdx_status read_status(const char *dir) {
  keyring *k = NULL;
  sdx_status status = keyring_open(&k, dir, NULL);
  if (status == SDX_OK) status = keyring_unlock(k, &first_key, NULL);
  keyring_close(k);
  return status;
}

static void appended(const char *dir, char contents[SDX_DEPOSIT_FILE_SIZE]) {
  uint8_t half[32];
  keyring_close(with_deposit(dir, contents));
  keyring *d = depositor(dir, contents);
  assert_int_equal(keyring_stage_epoch(d, 1, half, NULL), SDX_OK);
  assert_int_equal(keyring_stage_epoch(d, 2, half, NULL), SDX_OK);
  assert_int_equal(keyring_commit(d, 2, NULL), SDX_OK);
  keyring_close(d);
}

static void forged_epochs_are_refused(void **state) {
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  appended(*state, contents);
  for (int attack = 0; attack < 5; attack++) {
    const file_copy sound = file_load(*state, "keyring");
    region r = take(*state);
    region_entry *e = region_find(&r, KEYRING_DEPOSIT_EPOCH, 1), *added = NULL;
    switch (attack) {
    case 0: /* another public half, whose secret the attacker has */
      e->public_half[0] ^= 1;
      break;
    case 1: /* one more */
      assert_int_equal(region_insert(&r, &added, KEYRING_DEPOSIT_EPOCH, 3, NULL), SDX_OK);
      added->appended = 1 + 1;
      added->cipher = r.cipher;
      break;
    case 2: /* one less, without a record */
      r.entry_count--;
      memmove(e, e + 1, (r.entry_count - (size_t)(e - r.entries)) * sizeof *e);
      break;
    case 3: /* as if the set had it */
      e->appended = 0;
      break;
    default: /* the proof itself */
      r.appended_proofs[1][5] ^= 1;
    }
    assert_true(put(*state, &r));
    assert_int_equal(read_status(*state), SDX_DAMAGED);
    assert_int_equal(deposit_status(*state, contents), SDX_DAMAGED);
    file_store(*state, "keyring", sound.bytes, sound.size);
    free(sound.bytes);
    assert_int_equal(read_status(*state), SDX_OK);
    assert_int_equal(deposit_status(*state, contents), SDX_OK);
  }
}

/* An intake key of the attacker's own, in the entry or in the slot's box: the depositor would seal
 * to it. */
static void a_planted_intake_key_is_refused(void **state) {
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  appended(*state, contents);
  const file_copy sound = file_load(*state, "keyring");
  uint8_t mine[32];
  secret *half = NULL;
  assert_int_equal(pair_new(mine, &half, NULL), SDX_OK);
  secret_free(half);
  region r = take(*state);
  memcpy(region_find(&r, KEYRING_INTAKE, 0)->public_half, mine, 32);
  assert_true(put(*state, &r));
  keyring *d = depositor(*state, contents);
  assert_null(keyring_intake_public(d));
  assert_int_equal(keyring_use_set(d, 0, NULL), SDX_DAMAGED);
  assert_int_equal(keyring_stage_epoch(d, 77, mine, NULL), SDX_DAMAGED);
  keyring_close(d);
  assert_int_equal(read_status(*state), SDX_DAMAGED);
  file_store(*state, "keyring", sound.bytes, sound.size);
  free(sound.bytes);

  for (size_t at = 0; at < PAIR_SEALED_SIZE; at += 13) {
    const file_copy before = file_load(*state, "keyring");
    r = take(*state);
    r.slots[1].sealed[at] ^= 1;
    assert_true(put(*state, &r));
    assert_int_equal(deposit_status(*state, contents), SDX_WRONG_KEY);
    file_store(*state, "keyring", before.bytes, before.size);
    free(before.bytes);
  }
}

/* An entry can be appended for a slot of the right kind only, and be of no other kind. */
static void malformed_regions_are_refused(void **state) {
  char contents[SDX_DEPOSIT_FILE_SIZE] = { 0 };
  appended(*state, contents);
  region r = take(*state);
  region_find(&r, KEYRING_DEPOSIT_EPOCH, 1)->appended = 1; /* the slot of a read key */
  assert_false(put(*state, &r));
  r = take(*state);
  region_find(&r, KEYRING_DEPOSIT_EPOCH, 1)->appended = 9;
  assert_false(put(*state, &r));
  r = take(*state);
  region_find(&r, KEYRING_SEGMENT, 7)->appended = 2;
  assert_false(put(*state, &r));
  r = take(*state);
  r.appended_proofs[5][0] = 1; /* of nothing */
  assert_false(put(*state, &r));
}

int main(void) {
  const struct CMUnitTest tests[] = {
    in_fresh_dir(opens_id_and_table_keys_alone),
    in_fresh_dir(its_bytes_are_no_read_key),
    in_fresh_dir(a_malformed_file_is_refused),
    in_fresh_dir(another_files_key_opens_nothing),
    in_fresh_dir(epochs),
    in_fresh_dir(several_writers),
    in_fresh_dir(a_change_of_root_keeps_the_file_good),
    in_fresh_dir(removing_the_slot_revokes),
    in_fresh_dir(forged_epochs_are_refused),
    in_fresh_dir(a_planted_intake_key_is_refused),
    in_fresh_dir(malformed_regions_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
