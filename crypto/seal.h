/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seal.h - one AEAD door for everything that is sealed: segment blocks, journal records, rows.
 *
 * Sealed form: nonce field (32 bytes, random; the cipher uses a prefix of it), ciphertext of the
 * plaintext's length, tag (16 bytes). The overhead is the same for every cipher so that the formats
 * above do not depend on the choice.
 */
#ifndef SEALDEX_CRYPTO_SEAL_H
#define SEALDEX_CRYPTO_SEAL_H

#include "crypto/secret.h"

#define SEAL_NONCE_SIZE 32
#define SEAL_TAG_SIZE 16
#define SEAL_OVERHEAD (SEAL_NONCE_SIZE + SEAL_TAG_SIZE)

/* The cipher's id as it is stored. */
typedef enum seal_cipher {
  SEAL_XCHACHA20_POLY1305 = 1, /* always there; uses 24 bytes of the nonce field */
  SEAL_AES256_GCM = 2,         /* where the processor has AES; uses 12 bytes */
  SEAL_AEGIS256 = 3,           /* where libsodium has it; uses 32 bytes */
  SEAL_NULL = 255              /* copies; exists only in builds with SEALDEX_NULL_CIPHER (bench) */
} seal_cipher;

bool seal_available(seal_cipher cipher);

/* A pool of random nonce bytes, refilled in bulk; one per transaction or thread, never shared
 * between threads; it notices a fork and starts afresh. */
typedef struct nonce_pool {
  uint8_t bytes[SEAL_NONCE_SIZE * 32];
  size_t left;
  int pid;
} nonce_pool;

void nonce_pool_start(nonce_pool *pool);
void nonce_pool_stop(nonce_pool *pool); /* wipes */

/* A key that seals: cipher, 32 key bytes in locked memory, and what the cipher precomputes. */
typedef struct seal_key seal_key;
/* SDX_SYSTEM where this machine does not have the cipher. The secret is copied. */
sdx_status seal_key_new(seal_key **out, seal_cipher cipher, const secret *key,
                        sdx_error *err) SDX_CHECK;
void seal_key_free(seal_key *key);
/* The secret inside, for deriving sub-keys from it; borrowed. */
const secret *seal_key_secret(const seal_key *key);

/* Seals `size` bytes into out[size + SEAL_OVERHEAD]; `plain` and `out` may not overlap. A key made
 * before a fork is zeros in the child: sealing with it there aborts. */
void seal(uint8_t *out, const seal_key *key, nonce_pool *pool, const void *ad, size_t ad_size,
          const void *plain, size_t size);

/* Opens sealed[size] into plain[size - SEAL_OVERHEAD]. SDX_DAMAGED (the caller names the place)
 * where key, associated data or bytes do not agree; `plain` is then zeros. Thread-safe. */
sdx_status unseal(void *plain, const seal_key *key, const void *ad, size_t ad_size,
                  const uint8_t *sealed, size_t size) SDX_CHECK;

/* Row sealing for the small rows of `ids`: the nonce is 8 random bytes followed by the row's own
 * 16-byte blind id (XChaCha20-Poly1305, 24 bytes), and only the 8 are stored: nonce8 | ciphertext |
 * tag. A repeat needs the same 64 random bits for the same row. */
#define SEAL_ROW_OVERHEAD (8 + SEAL_TAG_SIZE)
void seal_row(uint8_t *out, const secret *key, nonce_pool *pool, const uint8_t row[16],
              const void *plain, size_t size);
sdx_status unseal_row(void *plain, const secret *key, const uint8_t row[16], const uint8_t *sealed,
                      size_t size) SDX_CHECK;

/* Test builds (SEALDEX_NONCE_LEDGER) note every (digest of key, nonce) and abort on a repeat. */

#endif
