/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keyring_fixture.h - what the keyring's tests share: secrets, a fresh directory each, files as
 * bytes. */
#ifndef SEALDEX_TESTS_CRYPTO_KEYRING_FIXTURE_H
#define SEALDEX_TESTS_CRYPTO_KEYRING_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/keyring.h"

static const sdx_secret first_key = { SDX_SECRET_KEY, "the first key, thirty-two bytes.", 32 };
static const sdx_secret second_key = { SDX_SECRET_KEY, "a second key of thirty-two bytes", 32 };
static const sdx_secret wrong_key = { SDX_SECRET_KEY, "a wrong key, of thirty-two bytes", 32 };
static const sdx_secret passphrase = { SDX_SECRET_PASSPHRASE, "correct horse", 13 };
static const sdx_secret wrong_passphrase = { SDX_SECRET_PASSPHRASE, "correct horsf", 13 };
static const keyring_options cheap = { .argon2_ops = 2, .argon2_mib = 32 };

static inline void path_in(char *out, size_t size, const char *dir, const char *name) {
  assert_true(snprintf(out, size, "%s/%s", dir, name) < (int)size);
}

/* In memory where that is possible: the crash tests sync tens of thousands of times. */
static inline int make_dir(void **state) {
  char *dir = strdup(access("/dev/shm", W_OK) == 0 ? "/dev/shm/sealdex-keyring-XXXXXX"
                                                   : "/tmp/sealdex-keyring-XXXXXX");
  *state = dir;
  return mkdtemp(dir) != NULL ? 0 : 1;
}

static inline int remove_dir(void **state) {
  static const char *const names[] = { "keyring", "keyring.new" };
  char path[256];
  for (size_t i = 0; i < 2; i++) {
    path_in(path, sizeof path, *state, names[i]);
    unlink(path);
  }
  const int failed = rmdir(*state);
  free(*state);
  return failed;
}

#define in_fresh_dir(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

static inline keyring *fresh(const char *dir) {
  keyring *k = NULL;
  assert_int_equal(keyring_create(&k, dir, &first_key, NULL, NULL), SDX_OK);
  return k;
}

static inline keyring *reopen(keyring *k, const char *dir) {
  sdx_error err = { 0 };
  keyring_close(k);
  if (keyring_open(&k, dir, &err) != SDX_OK || keyring_unlock(k, &first_key, &err) != SDX_OK)
    fail_msg("%s", err.message);
  return k;
}

static inline bool opens(const char *dir, const sdx_secret *s) {
  keyring *k = NULL;
  assert_int_equal(keyring_open(&k, dir, NULL), SDX_OK);
  const sdx_status status = keyring_unlock(k, s, NULL);
  assert_true(status == SDX_OK || status == SDX_WRONG_KEY);
  keyring_close(k);
  return status == SDX_OK;
}

static inline bool exists(const char *dir, const char *name) {
  char path[256];
  path_in(path, sizeof path, dir, name);
  return access(path, F_OK) == 0;
}

static inline size_t file_size(const char *dir) {
  struct stat st;
  char path[256];
  path_in(path, sizeof path, dir, "keyring");
  assert_int_equal(stat(path, &st), 0);
  return (size_t)st.st_size;
}

/* A file's bytes; NULL where it does not exist. The caller frees them. */
typedef struct file_copy {
  uint8_t *bytes;
  size_t size;
} file_copy;

static inline file_copy file_load(const char *dir, const char *name) {
  file_copy copy = { 0 };
  struct stat st;
  char path[256];
  path_in(path, sizeof path, dir, name);
  FILE *f = fopen(path, "rb");
  if (f == NULL) return copy;
  assert_int_equal(fstat(fileno(f), &st), 0);
  copy.size = (size_t)st.st_size;
  copy.bytes = malloc(copy.size + 1);
  assert_int_equal(fread(copy.bytes, 1, copy.size, f), copy.size);
  fclose(f);
  return copy;
}

/* NULL removes the file. */
static inline void file_store(const char *dir, const char *name, const void *bytes, size_t size) {
  char path[256];
  path_in(path, sizeof path, dir, name);
  unlink(path);
  if (bytes == NULL) return;
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(bytes, 1, size, f), size);
  assert_int_equal(fclose(f), 0);
}

#endif
