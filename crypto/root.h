/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * root.h - the root key of one keyring, and the keys derived from it.
 *
 *   root (random) -> wrap key   seals the keyring's entries
 *                 -> proof key  authenticates the set of entries
 *                 -> commitment public; a slot that opens anything else is refused
 */
#ifndef SEALDEX_CRYPTO_ROOT_H
#define SEALDEX_CRYPTO_ROOT_H

#include "crypto/seal.h"

#define INDEX_ID_SIZE 16
#define COMMITMENT_SIZE 32

typedef struct root_key {
  secret *root;
  seal_key *wrap; /* XChaCha20-Poly1305 */
  secret *proof;
  uint8_t commitment[COMMITMENT_SIZE];
} root_key;

/* Takes over `root` (NULL: a random one), also on failure. */
sdx_status root_key_new(root_key **out, secret *root, const uint8_t index_id[INDEX_ID_SIZE],
                        sdx_error *err) SDX_CHECK;
void root_key_free(root_key *r); /* NULL is fine */

/* The commitment alone, of a candidate that a slot gave. */
void root_commitment(uint8_t out[COMMITMENT_SIZE], const secret *root,
                     const uint8_t index_id[INDEX_ID_SIZE]);

#endif
