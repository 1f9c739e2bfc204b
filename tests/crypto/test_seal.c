/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sealing and opening, by every cipher that this machine has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/seal.h"
#include "hex.h"

#define AD "associated"
#define AD_SIZE (sizeof AD - 1)

static const seal_cipher ciphers[] = { SEAL_XCHACHA20_POLY1305, SEAL_AES256_GCM, SEAL_AEGIS256 };
#define CIPHERS (sizeof ciphers / sizeof *ciphers)

static secret *counting_secret(void) {
  uint8_t bytes[SECRET_SIZE];
  secret *s = NULL;
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)i;
  assert_int_equal(secret_copy(&s, bytes, NULL), SDX_OK);
  return s;
}

static seal_key *random_key(seal_cipher cipher) {
  secret *s = NULL;
  seal_key *key = NULL;
  assert_int_equal(secret_random(&s, NULL), SDX_OK);
  assert_int_equal(seal_key_new(&key, cipher, s, NULL), SDX_OK);
  assert_memory_equal(secret_view(seal_key_secret(key)), secret_view(s), SECRET_SIZE);
  secret_free(s);
  return key;
}

/* A pool that gives `first`, first + 1, ...: for known answers alone. */
static nonce_pool counting_pool(uint8_t first) {
  nonce_pool pool;
  nonce_pool_start(&pool);
  for (size_t i = 0; i < sizeof pool.bytes; i++) pool.bytes[i] = (uint8_t)(first + i);
  pool.left = sizeof pool.bytes;
  return pool;
}

static void round_trips(void **state) {
  (void)state;
  const size_t sizes[] = { 0, 1, 15, 16, 17, 1000, 4032, 70000 };
  uint8_t *plain = malloc(70000), *opened = malloc(70000);
  uint8_t *sealed = malloc(70000 + SEAL_OVERHEAD);
  crypto_random(plain, 70000);
  for (size_t c = 0; c < CIPHERS; c++) {
    if (!seal_available(ciphers[c])) continue;
    nonce_pool pool;
    nonce_pool_start(&pool);
    seal_key *key = random_key(ciphers[c]);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      const size_t size = sizes[i];
      seal(sealed, key, &pool, AD, AD_SIZE, plain, size);
      assert_int_equal(unseal(opened, key, AD, AD_SIZE, sealed, size + SEAL_OVERHEAD), SDX_OK);
      assert_memory_equal(opened, plain, size);
    }
    seal_key_free(key);
    nonce_pool_stop(&pool);
  }
  free(plain);
  free(opened);
  free(sealed);
}

static void every_bit_counts(void **state) {
  (void)state;
  uint8_t plain[40], opened[40], sealed[40 + SEAL_OVERHEAD], zeros[40] = { 0 };
  for (size_t c = 0; c < CIPHERS; c++) {
    if (!seal_available(ciphers[c])) continue;
    const size_t unused_nonce[] = { 24, 12,
                                    32 }; /* bytes behind the cipher's prefix do not count */
    nonce_pool pool;
    nonce_pool_start(&pool);
    seal_key *key = random_key(ciphers[c]), *other = random_key(ciphers[c]);
    crypto_random(plain, sizeof plain);
    seal(sealed, key, &pool, AD, AD_SIZE, plain, sizeof plain);
    for (size_t i = 0; i < sizeof sealed; i++) {
      if (i >= unused_nonce[c] && i < SEAL_NONCE_SIZE) continue;
      for (int bit = 0; bit < 8; bit++) {
        sealed[i] ^= (uint8_t)(1 << bit);
        memset(opened, 1, sizeof opened);
        assert_int_equal(unseal(opened, key, AD, AD_SIZE, sealed, sizeof sealed), SDX_DAMAGED);
        assert_memory_equal(opened, zeros, sizeof opened);
        sealed[i] ^= (uint8_t)(1 << bit);
      }
    }
    for (size_t size = 0; size < sizeof sealed; size++)
      assert_int_equal(unseal(opened, key, AD, AD_SIZE, sealed, size), SDX_DAMAGED);
    assert_int_equal(unseal(opened, key, AD, AD_SIZE - 1, sealed, sizeof sealed), SDX_DAMAGED);
    assert_int_equal(unseal(opened, other, AD, AD_SIZE, sealed, sizeof sealed), SDX_DAMAGED);
    assert_int_equal(unseal(opened, key, AD, AD_SIZE, sealed, sizeof sealed), SDX_OK);
    seal_key_free(key);
    seal_key_free(other);
    nonce_pool_stop(&pool);
  }
}

static void known_answers(void **state) {
  (void)state;
  const char *expected[CIPHERS] = {
    "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5fbc5c691cbfc00e79"
    "fd98e301a50a7399863570ac51bd684fa54586",
    "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f8adcc24f491cf06c"
    "bfa87361ebb7caeb3e2b80ea263ed13547e873",
    "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5fe1f195f333797e57"
    "52c87024ec9d56de737b943ba4dfda7e2d222c",
  };
  uint8_t sealed[11 + SEAL_OVERHEAD];
  secret *s = counting_secret();
  for (size_t c = 0; c < CIPHERS; c++) {
    if (!seal_available(ciphers[c]) || expected[c] == NULL) continue;
    seal_key *key = NULL;
    assert_int_equal(seal_key_new(&key, ciphers[c], s, NULL), SDX_OK);
    nonce_pool pool = counting_pool(0x40);
    seal(sealed, key, &pool, AD, AD_SIZE, "hello world", 11);
    assert_hex(sealed, sizeof sealed, expected[c]);
    seal_key_free(key);
  }
  secret_free(s);
}

static void rows(void **state) {
  (void)state;
  uint8_t sealed[11 + SEAL_ROW_OVERHEAD], opened[11], row[16];
  secret *key = counting_secret();
  for (uint8_t i = 0; i < 16; i++) row[i] = (uint8_t)(0xa0 + i);
  nonce_pool pool = counting_pool(0x40);
  seal_row(sealed, key, &pool, row, "hello world", 11);
  assert_hex(sealed, sizeof sealed,
             "4041424344454647f72427e1eeaa521508c76265088d33a16aabc3cedf677a23e49fe0");
  assert_int_equal(unseal_row(opened, key, row, sealed, sizeof sealed), SDX_OK);
  assert_memory_equal(opened, "hello world", 11);
  for (size_t i = 0; i < sizeof sealed; i++) {
    sealed[i] ^= 1;
    assert_int_equal(unseal_row(opened, key, row, sealed, sizeof sealed), SDX_DAMAGED);
    sealed[i] ^= 1;
  }
  row[3] ^= 1; /* a row moved to another id does not open */
  assert_int_equal(unseal_row(opened, key, row, sealed, sizeof sealed), SDX_DAMAGED);
  for (size_t size = 0; size < SEAL_ROW_OVERHEAD; size++)
    assert_int_equal(unseal_row(opened, key, row, sealed, size), SDX_DAMAGED);
  secret_free(key);
}

static void nonces_never_repeat(void **state) {
  (void)state;
  uint8_t sealed[1000][SEAL_OVERHEAD];
  nonce_pool pool;
  nonce_pool_start(&pool);
  seal_key *key = random_key(SEAL_XCHACHA20_POLY1305);
  for (size_t i = 0; i < 1000; i++) {
    seal(sealed[i], key, &pool, NULL, 0, NULL, 0);
    for (size_t j = 0; j < i; j++) assert_memory_not_equal(sealed[i], sealed[j], SEAL_NONCE_SIZE);
  }
  seal_key_free(key);
  nonce_pool_stop(&pool);
}

/* A pool filled before a fork must not give the same nonces on both sides of it. */
static void a_fork_starts_the_pool_afresh(void **state) {
  (void)state;
  uint8_t ours[SEAL_OVERHEAD], theirs[SEAL_OVERHEAD];
  int pipe_ends[2];
  nonce_pool pool;
  nonce_pool_start(&pool);
  seal_key *key = random_key(SEAL_XCHACHA20_POLY1305);
  seal(ours, key, &pool, NULL, 0, NULL, 0);
  assert_int_equal(pipe(pipe_ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    seal_key *own = random_key(SEAL_XCHACHA20_POLY1305);
    seal(theirs, own, &pool, NULL, 0, NULL, 0);
    _exit(write(pipe_ends[1], theirs, sizeof theirs) == (ssize_t)sizeof theirs ? 0 : 1);
  }
  seal(ours, key, &pool, NULL, 0, NULL, 0);
  assert_int_equal(read(pipe_ends[0], theirs, sizeof theirs), (ssize_t)sizeof theirs);
  assert_memory_not_equal(ours, theirs, SEAL_NONCE_SIZE);
  int result = 0;
  assert_int_equal(waitpid(child, &result, 0), child);
  assert_int_equal(result, 0);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  seal_key_free(key);
  nonce_pool_stop(&pool);
}

/* Runs `act` in a child, quietly; true where it was ended by abort(). */
static bool aborts(void (*act)(seal_key *), seal_key *key) {
  const pid_t child = fork();
  if (child == 0) {
    if (freopen("/dev/null", "w", stderr) == NULL) _exit(2);
    act(key);
    _exit(0);
  }
  int result = 0;
  assert_int_equal(waitpid(child, &result, 0), child);
  return WIFSIGNALED(result) && WTERMSIG(result) == SIGABRT;
}

static void seal_with_given(seal_key *key) {
  uint8_t sealed[SEAL_OVERHEAD];
  nonce_pool pool;
  nonce_pool_start(&pool);
  seal(sealed, key, &pool, NULL, 0, NULL, 0);
}

static void a_forked_key_does_not_seal(void **state) {
  (void)state;
  seal_key *key = random_key(SEAL_XCHACHA20_POLY1305);
  assert_true(aborts(seal_with_given, key));
  seal_key_free(key);
}

#ifdef SEALDEX_NONCE_LEDGER
static void seal_twice(seal_key *unused) {
  (void)unused;
  uint8_t sealed[SEAL_OVERHEAD];
  seal_key *key = random_key(SEAL_XCHACHA20_POLY1305);
  for (int i = 0; i < 2; i++) {
    nonce_pool pool = counting_pool(1);
    seal(sealed, key, &pool, NULL, 0, NULL, 0);
  }
}

static void the_ledger_sees_a_repeat(void **state) {
  (void)state;
  assert_true(aborts(seal_twice, NULL));
}

/* Two processes that share a key and a nonce: only the file can tell. */
static void seal_fixed(seal_key *unused) {
  (void)unused;
  uint8_t sealed[SEAL_OVERHEAD];
  seal_key *key = NULL;
  secret *s = counting_secret();
  if (seal_key_new(&key, SEAL_XCHACHA20_POLY1305, s, NULL) != SDX_OK) _exit(3);
  nonce_pool pool = counting_pool(9);
  seal(sealed, key, &pool, NULL, 0, NULL, 0);
}

static void the_ledger_is_shared(void **state) {
  (void)state;
  char path[] = "/tmp/sealdex-ledger-XXXXXX";
  const int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_false(aborts(seal_fixed, NULL));
  assert_false(aborts(seal_fixed, NULL));
  setenv("SEALDEX_NONCE_LEDGER_FILE", path, 1);
  assert_false(aborts(seal_fixed, NULL));
  assert_true(aborts(seal_fixed, NULL));
  unsetenv("SEALDEX_NONCE_LEDGER_FILE");
  close(fd);
  unlink(path);
}
#endif

static void unknown_ciphers_are_refused(void **state) {
  (void)state;
  seal_key *key = NULL;
  sdx_error err;
  secret *s = counting_secret();
  assert_false(seal_available((seal_cipher)77));
  assert_int_equal(seal_key_new(&key, (seal_cipher)77, s, &err), SDX_SYSTEM);
  assert_null(key);
#ifndef SEALDEX_NULL_CIPHER
  assert_false(seal_available(SEAL_NULL));
  assert_int_equal(seal_key_new(&key, SEAL_NULL, s, &err), SDX_SYSTEM);
#endif
  secret_free(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(round_trips),
    cmocka_unit_test(every_bit_counts),
    cmocka_unit_test(known_answers),
    cmocka_unit_test(rows),
    cmocka_unit_test(nonces_never_repeat),
    cmocka_unit_test(a_fork_starts_the_pool_afresh),
    cmocka_unit_test(a_forked_key_does_not_seal),
#ifdef SEALDEX_NONCE_LEDGER
    cmocka_unit_test(the_ledger_sees_a_repeat),
    cmocka_unit_test(the_ledger_is_shared),
#endif
    cmocka_unit_test(unknown_ciphers_are_refused),
  };
  if (crypto_start(NULL) != SDX_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
