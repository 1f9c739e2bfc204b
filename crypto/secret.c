/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crypto/secret.h"

#include <sodium.h>
#include <string.h>

#include "base/error.h"
#include "crypto/locked.h"

struct secret {
  uint8_t bytes[SECRET_SIZE];
};

_Static_assert(sizeof(struct secret) == LOCKED_SECRET_SIZE, "a secret fills its piece");

sdx_status crypto_start(sdx_error *err) {
  if (!locked_start()) return error_set(err, SDX_SYSTEM, "libsodium cannot start");
  return SDX_OK;
}

sdx_status secret_new(secret **out, sdx_error *err) {
  *out = locked_alloc(LOCKED_SECRET);
  if (*out == NULL)
    return error_set(err, SDX_NO_MEMORY, "no memory can be locked for a key: raise RLIMIT_MEMLOCK");
  return SDX_OK;
}

sdx_status secret_random(secret **out, sdx_error *err) {
  const sdx_status status = secret_new(out, err);
  if (status == SDX_OK) randombytes_buf((*out)->bytes, SECRET_SIZE);
  return status;
}

sdx_status secret_copy(secret **out, const uint8_t bytes[SECRET_SIZE], sdx_error *err) {
  const sdx_status status = secret_new(out, err);
  if (status == SDX_OK) memcpy((*out)->bytes, bytes, SECRET_SIZE);
  return status;
}

uint8_t *secret_bytes(secret *s) {
  return s->bytes;
}
const uint8_t *secret_view(const secret *s) {
  return s->bytes;
}
void secret_free(secret *s) {
  locked_free(s);
}

sdx_status secret_derive(secret **out, const secret *key, const char *context, const void *data,
                         size_t size, sdx_error *err) {
  const sdx_status status = secret_new(out, err);
  if (status != SDX_OK) return status;
  crypto_generichash_state state;
  crypto_generichash_init(&state, key->bytes, SECRET_SIZE, SECRET_SIZE);
  crypto_generichash_update(&state, (const uint8_t *)context, strlen(context) + 1);
  if (size > 0) crypto_generichash_update(&state, data, size);
  crypto_generichash_final(&state, (*out)->bytes, SECRET_SIZE);
  sodium_memzero(&state, sizeof state);
  return SDX_OK;
}

void secret_hash(uint8_t *out, size_t out_size, const secret *key, const void *data, size_t size) {
  crypto_generichash(out, out_size, data, size, key->bytes, SECRET_SIZE);
}

bool secret_equal(const void *a, const void *b, size_t size) {
  return sodium_memcmp(a, b, size) == 0;
}

void crypto_random(void *out, size_t size) {
  randombytes_buf(out, size);
}

uint64_t crypto_short_hash(const uint8_t key[16], const void *data, size_t size) {
  uint8_t hash[crypto_shorthash_BYTES];
  crypto_shorthash(hash, data, size, key);
  uint64_t v = 0;
  for (size_t i = 0; i < sizeof hash; i++) v |= (uint64_t)hash[i] << (8 * i);
  return v;
}

void crypto_digest(uint8_t out[32], const void *data, size_t size) {
  crypto_generichash(out, 32, data, size, NULL, 0);
}
