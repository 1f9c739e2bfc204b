/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locked memory, derivation and hashes. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/locked.h"
#include "crypto/secret.h"
#include "hex.h"

#define MANY 5000

static secret *counting_secret(void) {
  uint8_t bytes[SECRET_SIZE];
  secret *s = NULL;
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)i;
  assert_int_equal(secret_copy(&s, bytes, NULL), SDX_OK);
  return s;
}

static void many_secrets_keep_apart(void **state) {
  (void)state;
  static secret *all[MANY];
  for (size_t i = 0; i < MANY; i++) {
    assert_int_equal(secret_new(&all[i], NULL), SDX_OK);
    for (size_t j = 0; j < SECRET_SIZE; j++) assert_int_equal(secret_view(all[i])[j], 0);
    memset(secret_bytes(all[i]), (int)(i % 251 + 1), SECRET_SIZE);
  }
  for (size_t i = 0; i < MANY; i += 2) secret_free(all[i]);
  for (size_t i = 0; i < MANY; i += 2) {
    assert_int_equal(secret_new(&all[i], NULL), SDX_OK);
    for (size_t j = 0; j < SECRET_SIZE; j++) assert_int_equal(secret_view(all[i])[j], 0);
  }
  for (size_t i = 1; i < MANY; i += 2)
    for (size_t j = 0; j < SECRET_SIZE; j++)
      assert_int_equal(secret_view(all[i])[j], (uint8_t)(i % 251 + 1));
  for (size_t i = 0; i < MANY; i++) secret_free(all[i]);
}

static void freeing_wipes(void **state) {
  (void)state;
  secret *kept = NULL, *s = counting_secret();
  assert_int_equal(secret_new(&kept, NULL), SDX_OK); /* keeps the page mapped */
  const uint8_t *bytes = secret_view(s);
  secret_free(s);
  for (size_t i = 0; i < SECRET_SIZE; i++) assert_int_equal(bytes[i], 0);
  secret_free(kept);
}

/* A hundred keys of one index fit in the smallest usual limit, whatever else wants to be locked. */
static void a_small_limit_is_enough(void **state) {
  (void)state;
  const pid_t child = fork();
  if (child == 0) {
    /* The library reads the limit when it starts: begin anew. */
    execl("/proc/self/exe", "test_secret", "small-limit", (char *)NULL);
    _exit(99);
  }
  int result = 0;
  assert_int_equal(waitpid(child, &result, 0), child);
  assert_true(WIFEXITED(result));
  assert_int_equal(WEXITSTATUS(result), 0);
}

static int with_small_limit(void) {
  static secret *all[200];
  for (size_t i = 0; i < 64; i++)
    if (opened_alloc(4096) == NULL) return 1;
  size_t states = 0;
  while (states < 1000 && locked_alloc(LOCKED_STATE) != NULL) states++;
  if (states == 1000) return 2;
  for (size_t i = 0; i < 200; i++)
    if (secret_random(&all[i], NULL) != SDX_OK) return 3;
  return 0;
}

/* Threads that take and give back pieces of both classes at once. */
static void *churn(void *seed) {
  void *held[64] = { NULL };
  unsigned at = *(unsigned *)seed;
  for (int i = 0; i < 20000; i++) {
    void **place = &held[(at = at * 1103515245U + 12345U) >> 16 & 63];
    if (*place == NULL) {
      *place = locked_alloc((at >> 22 & 7) == 0 ? LOCKED_STATE : LOCKED_SECRET);
      if (*place != NULL) memset(*place, (int)*(unsigned *)seed, LOCKED_SECRET_SIZE);
    } else {
      for (size_t j = 0; j < LOCKED_SECRET_SIZE; j++)
        if (((uint8_t *)*place)[j] != (uint8_t) * (unsigned *)seed) return NULL;
      locked_free(*place);
      *place = NULL;
    }
  }
  for (size_t i = 0; i < 64; i++) locked_free(held[i]);
  return seed;
}

static void threads_share_the_arena(void **state) {
  (void)state;
  pthread_t threads[4];
  unsigned seeds[4] = { 1, 2, 3, 4 };
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, churn, &seeds[i]), 0);
  for (size_t i = 0; i < 4; i++) {
    void *result = NULL;
    assert_int_equal(pthread_join(threads[i], &result), 0);
    assert_ptr_equal(result, &seeds[i]);
  }
}

static void a_forked_child_has_no_secrets(void **state) {
  (void)state;
  secret *s = counting_secret();
  const int parent = crypto_process();
  const pid_t child = fork();
  if (child == 0) {
    secret *own = NULL;
    uint8_t any = 0;
    for (size_t i = 0; i < SECRET_SIZE; i++) any |= secret_view(s)[i];
    secret_free(s); /* harmless */
    const bool ok = any == 0 && crypto_process() == getpid() && crypto_process() != parent &&
                    secret_random(&own, NULL) == SDX_OK;
    secret_free(own);
    _exit(ok ? 0 : 1);
  }
  int result = 0;
  assert_int_equal(waitpid(child, &result, 0), child);
  assert_int_equal(result, 0);
  assert_int_equal(secret_view(s)[5], 5);
  secret_free(s);
}

static void derivation_vector(void **state) {
  (void)state;
  secret *key = counting_secret(), *out = NULL;
  assert_int_equal(secret_derive(&out, key, "sealdex test", "abc", 3, NULL), SDX_OK);
  assert_hex(secret_view(out), SECRET_SIZE,
             "80754317800878c9597c0af275bccf9b1fa916a02364da3555e7406213447d5c");
  secret_free(out);
  /* The context's end is marked: "sealdex tes" + "t..." is another derivation. */
  assert_int_equal(secret_derive(&out, key, "sealdex tes", "t\0abc", 5, NULL), SDX_OK);
  assert_hex(secret_view(out), SECRET_SIZE,
             "e95318a59071d8ba4f94d3b531414762df90dbb9cb88b7c8901ef8ca169ebd08");
  secret_free(out);
  secret_free(key);
}

static void hash_vectors(void **state) {
  (void)state;
  uint8_t out[64], sip_key[16], message[15];
  secret *key = counting_secret();
  secret_hash(out, 16, key, "abc", 3);
  assert_hex(out, 16, "1a64be47e4729d951c302ee543f97cf3");
  secret_hash(out, 64, key, "", 0);
  assert_hex(out, 64,
             "84bfa69f0d90df7db2a3ee026042988b5bd9caa2320af1f371823dd28351202f"
             "8e6277c40c050711c8dd4e2c1ac30c34c9aed0bddd468b031287fe872675e0cc");
  crypto_digest(out, "abc", 3);
  assert_hex(out, 32, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
  for (uint8_t i = 0; i < 16; i++) sip_key[i] = i;
  for (uint8_t i = 0; i < 15; i++) message[i] = i;
  assert_int_equal(crypto_short_hash(sip_key, message, 15), 0xa129ca6149be45e5); /* SipHash paper */
  secret_free(key);
}

static void equality(void **state) {
  (void)state;
  assert_true(secret_equal("abcd", "abcd", 4));
  assert_false(secret_equal("abcd", "abce", 4));
}

/* Small pages and huge ones: all that was asked for is there, and what is given back is gone. */
static void opened_memory_of_any_size(void **state) {
  (void)state;
  const size_t sizes[] = { 1, 4096, 5000, 2000000, 2064384, 2097152, 2097153, 3000000, 4128768, 8257536 };
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    uint8_t *p = opened_alloc(sizes[i]);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % (uintptr_t)sysconf(_SC_PAGESIZE), 0);
    for (size_t at = 0; at < sizes[i]; at += 997) assert_int_equal(p[at], 0);
    memset(p, 7, sizes[i]);
    const pid_t child = fork();
    if (child == 0) _exit(p[0] == 0 && p[sizes[i] - 1] == 0 ? 0 : 1);
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    opened_free(p, sizes[i]);
    unsigned char there;
    assert_int_equal(mincore((void *)((uintptr_t)p & ~(uintptr_t)4095), 1, &there), -1); /* not mapped */
  }
}

static void opened_memory(void **state) {
  (void)state;
  uint8_t *p = opened_alloc(5000);
  assert_non_null(p);
  assert_int_equal((uintptr_t)p % (uintptr_t)sysconf(_SC_PAGESIZE), 0);
  for (size_t i = 0; i < 5000; i++) assert_int_equal(p[i], 0);
  memset(p, 7, 5000);
  const pid_t child = fork();
  if (child == 0) _exit(p[0] == 0 && p[4999] == 0 ? 0 : 1);
  int result = 0;
  assert_int_equal(waitpid(child, &result, 0), child);
  assert_int_equal(result, 0);
  opened_free(p, 5000);
  assert_null(opened_alloc(0));
  opened_free(NULL, 0);
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "small-limit") == 0) {
    const struct rlimit small = { 65536, 65536 };
    if (setrlimit(RLIMIT_MEMLOCK, &small) != 0) return 98;
    return with_small_limit();
  }
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(many_secrets_keep_apart),
    cmocka_unit_test(freeing_wipes),
    cmocka_unit_test(a_small_limit_is_enough),
    cmocka_unit_test(a_forked_child_has_no_secrets),
    cmocka_unit_test(derivation_vector),
    cmocka_unit_test(hash_vectors),
    cmocka_unit_test(equality),
    cmocka_unit_test(opened_memory),
    cmocka_unit_test(opened_memory_of_any_size),
    cmocka_unit_test(threads_share_the_arena),
  };
  if (crypto_start(NULL) != SDX_OK) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
