/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crypto/seal.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/wipe.h"
#include "crypto/locked.h"
#include "crypto/nonce_ledger.h"

typedef crypto_aead_aes256gcm_state aes_state;

_Static_assert(sizeof(aes_state) <= LOCKED_STATE_SIZE, "the precomputed state fits its piece");

struct seal_key {
  seal_cipher cipher;
  int process;
  secret *secret;
  aes_state *state; /* NULL where no memory could be locked for it: computed at each call */
};

bool seal_available(seal_cipher cipher) {
  switch (cipher) {
  case SEAL_XCHACHA20_POLY1305:
    return true;
  case SEAL_AES256_GCM:
    return locked_start() && crypto_aead_aes256gcm_is_available() != 0;
  case SEAL_AEGIS256:
#ifdef crypto_aead_aegis256_KEYBYTES
    return true;
#else
    return false;
#endif
  case SEAL_NULL:
#ifdef SEALDEX_NULL_CIPHER
    return true;
#else
    return false;
#endif
  }
  return false;
}

/* ---- nonces ---- */

void nonce_pool_start(nonce_pool *pool) {
  pool->left = 0;
  pool->pid = crypto_process();
}

void nonce_pool_stop(nonce_pool *pool) {
  wipe(pool, sizeof *pool);
}

static void nonce_draw(uint8_t *out, nonce_pool *pool, size_t size) {
  if (pool->left < size || pool->pid != crypto_process()) {
    randombytes_buf(pool->bytes, sizeof pool->bytes);
    pool->left = sizeof pool->bytes;
    pool->pid = crypto_process();
  }
  memcpy(out, pool->bytes + (sizeof pool->bytes - pool->left), size);
  pool->left -= size;
}

/* ---- keys ---- */

sdx_status seal_key_new(seal_key **out, seal_cipher cipher, const secret *key, sdx_error *err) {
  *out = NULL;
  if (!seal_available(cipher))
    return error_set(err, SDX_SYSTEM, "this machine has no support for cipher %d", (int)cipher);
  seal_key *k = calloc(1, sizeof *k);
  if (k == NULL) return error_memory(err);
  k->cipher = cipher;
  k->process = crypto_process();
  const sdx_status status = secret_copy(&k->secret, secret_view(key), err);
  if (status != SDX_OK) {
    free(k);
    return status;
  }
  if (cipher == SEAL_AES256_GCM) k->state = locked_alloc(LOCKED_STATE);
  if (k->state != NULL) crypto_aead_aes256gcm_beforenm(k->state, secret_view(k->secret));
  *out = k;
  return SDX_OK;
}

void seal_key_free(seal_key *key) {
  if (key == NULL) return;
  secret_free(key->secret);
  locked_free(key->state);
  free(key);
}

const secret *seal_key_secret(const seal_key *key) {
  return key->secret;
}

/* ---- blocks ---- */

static size_t nonce_used(seal_cipher cipher) {
  switch (cipher) {
  case SEAL_XCHACHA20_POLY1305:
    return crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
  case SEAL_AES256_GCM:
    return crypto_aead_aes256gcm_NPUBBYTES;
  default:
    return SEAL_NONCE_SIZE;
  }
}

/* In a forked child the key's pages are zeros: sealing under them would give the text away. */
static void refuse_other_process(const seal_key *key) {
  if (key->process == crypto_process()) return;
  fputs("sealdex: a key was used for sealing in a forked child\n", stderr);
  abort();
}

static void seal_aes(uint8_t *out, const seal_key *key, const uint8_t *nonce, const void *ad,
                     size_t ad_size, const void *plain, size_t size) {
  if (key->state != NULL)
    crypto_aead_aes256gcm_encrypt_afternm(out, NULL, plain, size, ad, ad_size, NULL, nonce,
                                          key->state);
  else
    crypto_aead_aes256gcm_encrypt(out, NULL, plain, size, ad, ad_size, NULL, nonce,
                                  secret_view(key->secret));
}

void seal(uint8_t *out, const seal_key *key, nonce_pool *pool, const void *ad, size_t ad_size,
          const void *plain, size_t size) {
  refuse_other_process(key);
  nonce_draw(out, pool, SEAL_NONCE_SIZE);
  nonce_ledger_note(key->cipher, key->secret, out, nonce_used(key->cipher));
  uint8_t *text = out + SEAL_NONCE_SIZE;
  switch (key->cipher) {
  case SEAL_XCHACHA20_POLY1305:
    crypto_aead_xchacha20poly1305_ietf_encrypt(text, NULL, plain, size, ad, ad_size, NULL, out,
                                               secret_view(key->secret));
    break;
  case SEAL_AES256_GCM:
    seal_aes(text, key, out, ad, ad_size, plain, size);
    break;
  case SEAL_AEGIS256:
#ifdef crypto_aead_aegis256_KEYBYTES
    crypto_aead_aegis256_encrypt(text, NULL, plain, size, ad, ad_size, NULL, out,
                                 secret_view(key->secret));
#endif
    break;
  case SEAL_NULL:
#ifdef SEALDEX_NULL_CIPHER
    if (size > 0) memcpy(text, plain, size);
    memset(text + size, 0, SEAL_TAG_SIZE);
#endif
    break;
  }
}

static int unseal_aes(void *plain, const seal_key *key, const uint8_t *nonce, const void *ad,
                      size_t ad_size, const uint8_t *text, size_t text_size) {
  if (key->state != NULL)
    return crypto_aead_aes256gcm_decrypt_afternm(plain, NULL, NULL, text, text_size, ad, ad_size,
                                                 nonce, key->state);
  return crypto_aead_aes256gcm_decrypt(plain, NULL, NULL, text, text_size, ad, ad_size, nonce,
                                       secret_view(key->secret));
}

sdx_status unseal(void *plain, const seal_key *key, const void *ad, size_t ad_size,
                  const uint8_t *sealed, size_t size) {
  if (size < SEAL_OVERHEAD) return SDX_DAMAGED;
  const uint8_t *text = sealed + SEAL_NONCE_SIZE;
  const size_t text_size = size - SEAL_NONCE_SIZE;
  int failed = -1;
  switch (key->cipher) {
  case SEAL_XCHACHA20_POLY1305:
    failed = crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, text, text_size, ad,
                                                        ad_size, sealed, secret_view(key->secret));
    break;
  case SEAL_AES256_GCM:
    failed = unseal_aes(plain, key, sealed, ad, ad_size, text, text_size);
    break;
  case SEAL_AEGIS256:
#ifdef crypto_aead_aegis256_KEYBYTES
    failed = crypto_aead_aegis256_decrypt(plain, NULL, NULL, text, text_size, ad, ad_size, sealed,
                                          secret_view(key->secret));
#endif
    break;
  case SEAL_NULL:
#ifdef SEALDEX_NULL_CIPHER
    if (text_size > SEAL_TAG_SIZE) memcpy(plain, text, text_size - SEAL_TAG_SIZE);
    failed = 0;
#endif
    break;
  }
  if (failed == 0) return SDX_OK;
  wipe(plain, size - SEAL_OVERHEAD);
  return SDX_DAMAGED;
}

/* ---- rows ---- */

#define ROW_NONCE_STORED 8

static void row_nonce(uint8_t out[24], const uint8_t stored[ROW_NONCE_STORED],
                      const uint8_t row[16]) {
  memcpy(out, stored, ROW_NONCE_STORED);
  memcpy(out + ROW_NONCE_STORED, row, 16);
}

void seal_row(uint8_t *out, const secret *key, nonce_pool *pool, const uint8_t row[16],
              const void *plain, size_t size) {
  uint8_t nonce[24];
  nonce_draw(out, pool, ROW_NONCE_STORED);
  row_nonce(nonce, out, row);
  nonce_ledger_note(SEAL_XCHACHA20_POLY1305, key, nonce, sizeof nonce);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out + ROW_NONCE_STORED, NULL, plain, size, NULL, 0,
                                             NULL, nonce, secret_view(key));
}

sdx_status unseal_row(void *plain, const secret *key, const uint8_t row[16], const uint8_t *sealed,
                      size_t size) {
  if (size < SEAL_ROW_OVERHEAD) return SDX_DAMAGED;
  uint8_t nonce[24];
  row_nonce(nonce, sealed, row);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed + ROW_NONCE_STORED,
                                                 size - ROW_NONCE_STORED, NULL, 0, nonce,
                                                 secret_view(key)) == 0)
    return SDX_OK;
  wipe(plain, size - SEAL_ROW_OVERHEAD);
  return SDX_DAMAGED;
}
