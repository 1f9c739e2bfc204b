/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nonce_ledger.h - in test builds, the proof that no nonce is used twice under one key.
 *
 * Every sealing notes a digest of (cipher, key, nonce) and aborts where it was noted before. With
 * SEALDEX_NONCE_LEDGER_FILE set, the digests are kept in that file, which several processes share.
 * Process-wide by purpose: two handles must not repeat each other's nonces either.
 */
#ifndef SEALDEX_CRYPTO_NONCE_LEDGER_H
#define SEALDEX_CRYPTO_NONCE_LEDGER_H

#include "crypto/seal.h"

#ifdef SEALDEX_NONCE_LEDGER
void nonce_ledger_note(seal_cipher cipher, const secret *key, const uint8_t *nonce, size_t size);
#else
static inline void nonce_ledger_note(seal_cipher cipher, const secret *key, const uint8_t *nonce,
                                     size_t size) {
  (void)cipher;
  (void)key;
  (void)nonce;
  (void)size;
}
#endif

#endif
