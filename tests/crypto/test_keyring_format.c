/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keyring's format against one that was written by other hands (keyring_vectors.py). */
#include "keyring_fixture.h"

#include "crypto/region.h"
#include "golden_keyring.h"
#include "hex.h"

#define SLOTS_AT 512
#define ROWS_AT (SLOTS_AT + 8 * SLOT_SIZE)
#define CHECKSUM_AT (REGION_MIN - REGION_DIGEST_SIZE)

static void from_hex(uint8_t *out, const char *hex) {
  for (; *hex != '\0'; hex += 2) {
    unsigned byte = 0;
    assert_int_equal(sscanf(hex, "%2x", &byte), 1);
    *out++ = (uint8_t)byte;
  }
}

static uint8_t *golden_region(void) {
  uint8_t *bytes = calloc(1, REGION_MIN);
  from_hex(bytes, GOLDEN_HEADER);
  from_hex(bytes + SLOTS_AT, GOLDEN_SLOTS);
  from_hex(bytes + ROWS_AT, GOLDEN_ROWS);
  from_hex(bytes + CHECKSUM_AT, GOLDEN_CHECKSUM);
  return bytes;
}

/* first, first + 1, ... */
static void fill_run(uint8_t out[SECRET_SIZE], uint8_t first) {
  for (size_t i = 0; i < SECRET_SIZE; i++) out[i] = (uint8_t)(first + i);
}

static void derivations(void **state) {
  (void)state;
  uint8_t root_bytes[SECRET_SIZE], index_id[SECRET_SIZE];
  root_key *root = NULL;
  secret *s = NULL;
  fill_run(root_bytes, 0x30);
  fill_run(index_id, 0x10);
  assert_int_equal(secret_copy(&s, root_bytes, NULL), SDX_OK);
  assert_int_equal(root_key_new(&root, s, index_id, NULL), SDX_OK);
  assert_hex(secret_view(seal_key_secret(root->wrap)), SECRET_SIZE, GOLDEN_WRAP);
  assert_hex(secret_view(root->proof), SECRET_SIZE, GOLDEN_PROOF);
  assert_hex(root->commitment, COMMITMENT_SIZE, GOLDEN_COMMITMENT);
  root_key_free(root);
}

static void encoding_gives_back_the_bytes(void **state) {
  (void)state;
  region r;
  uint8_t *bytes = golden_region(), *again = malloc(REGION_MIN);
  assert_int_equal(region_decode(&r, bytes, REGION_MIN, NULL), SDX_OK);
  assert_hex(r.digest, REGION_DIGEST_SIZE, GOLDEN_CHECKSUM);
  assert_int_equal(region_encode(&r, again, NULL), SDX_OK);
  assert_memory_equal(bytes, again, REGION_MIN);
  region_free(&r);
  free(bytes);
  free(again);
}

static void assert_key(keyring *k, keyring_kind kind, uint64_t id, uint8_t first) {
  uint8_t bytes[SECRET_SIZE];
  secret *s = NULL;
  fill_run(bytes, first);
  assert_int_equal(keyring_secret(k, kind, id, &s, NULL), SDX_OK);
  assert_memory_equal(secret_view(s), bytes, SECRET_SIZE);
  secret_free(s);
}

static void it_opens(void **state) {
  const char *dir = *state;
  uint8_t key_bytes[SECRET_SIZE], *bytes = golden_region();
  const sdx_secret raw = { SDX_SECRET_KEY, key_bytes, SECRET_SIZE };
  const sdx_secret *const secrets[] = { &raw, &passphrase };
  uint8_t *both = malloc(2 * REGION_MIN);
  fill_run(key_bytes, 0);
  memcpy(both, bytes, REGION_MIN);
  memcpy(both + REGION_MIN, bytes, REGION_MIN);
  file_store(dir, "keyring", both, 2 * REGION_MIN);
  free(both);
  free(bytes);
  for (size_t i = 0; i < 2; i++) {
    keyring *k = NULL;
    assert_int_equal(keyring_open(&k, dir, NULL), SDX_OK);
    assert_int_equal(keyring_unlock(k, secrets[i], NULL), SDX_OK);
    assert_int_equal(keyring_generation(k), 5);
    assert_int_equal(keyring_store_generation(k), 41);
    assert_int_equal(keyring_count(k), 7);
    assert_key(k, KEYRING_SEGMENT, 0x1122334455667788, 0x81);
    assert_key(k, KEYRING_EPOCH, 5, 0x82);
    assert_key(k, KEYRING_TRASH, 7, 0x83);
    assert_key(k, KEYRING_ID, 0, 0x84);
    assert_key(k, KEYRING_TABLE, 0, 0x85);
    assert_key(k, KEYRING_INTAKE, 0, 0x88);
    assert_key(k, KEYRING_DEPOSIT, 0, 0x89);
    assert_int_equal(keyring_at(k, 2).due, 1700000000);
    assert_int_equal(keyring_removals(k), 2);
    assert_int_equal(keyring_removal_at(k, 1).id, 6);
    assert_hex(keyring_removal_at(k, 1).chain, 32, GOLDEN_CHAIN);
    keyring_close(k);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(derivations),
    cmocka_unit_test(encoding_gives_back_the_bytes),
    in_fresh_dir(it_opens),
  };
  if (crypto_start(NULL) != SDX_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
