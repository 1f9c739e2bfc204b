/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pair.h - an X25519 pair: whoever has the public half can seal a key to it, and only the holder of
 * the secret half opens that again.
 */
#ifndef SEALDEX_CRYPTO_PAIR_H
#define SEALDEX_CRYPTO_PAIR_H

#include "crypto/secret.h"

#define PAIR_PUBLIC_SIZE 32
#define PAIR_SEALED_SIZE 80 /* of one key: libsodium's crypto_box_seal */

sdx_status pair_new(uint8_t public_half[PAIR_PUBLIC_SIZE], secret **secret_half,
                    sdx_error *err) SDX_CHECK;
/* SDX_DAMAGED where the public half is none. */
sdx_status pair_seal(uint8_t out[PAIR_SEALED_SIZE], const uint8_t public_half[PAIR_PUBLIC_SIZE],
                     const secret *key, sdx_error *err) SDX_CHECK;
/* SDX_DAMAGED where it does not open. */
sdx_status pair_open(secret **out, const uint8_t public_half[PAIR_PUBLIC_SIZE],
                     const secret *secret_half, const uint8_t sealed[PAIR_SEALED_SIZE],
                     sdx_error *err) SDX_CHECK;

#endif
