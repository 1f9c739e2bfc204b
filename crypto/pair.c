/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crypto/pair.h"

#include <sodium.h>

#include "base/error.h"

_Static_assert(PAIR_SEALED_SIZE == SECRET_SIZE + crypto_box_SEALBYTES, "one key, sealed");
_Static_assert(PAIR_PUBLIC_SIZE == crypto_box_PUBLICKEYBYTES, "a public half");

sdx_status pair_new(uint8_t public_half[PAIR_PUBLIC_SIZE], secret **secret_half, sdx_error *err) {
  const sdx_status status = secret_new(secret_half, err);
  if (status == SDX_OK) crypto_box_keypair(public_half, secret_bytes(*secret_half));
  return status;
}

sdx_status pair_seal(uint8_t out[PAIR_SEALED_SIZE], const uint8_t public_half[PAIR_PUBLIC_SIZE],
                     const secret *key, sdx_error *err) {
  if (crypto_box_seal(out, secret_view(key), SECRET_SIZE, public_half) == 0) return SDX_OK;
  return error_set(err, SDX_DAMAGED, "the keyring has a public key that is none");
}

sdx_status pair_open(secret **out, const uint8_t public_half[PAIR_PUBLIC_SIZE],
                     const secret *secret_half, const uint8_t sealed[PAIR_SEALED_SIZE],
                     sdx_error *err) {
  const sdx_status status = secret_new(out, err);
  if (status != SDX_OK) return status;
  if (crypto_box_seal_open(secret_bytes(*out), sealed, PAIR_SEALED_SIZE, public_half,
                           secret_view(secret_half)) == 0)
    return SDX_OK;
  secret_free(*out);
  *out = NULL;
  return error_set(err, SDX_DAMAGED, "a key that was sealed to a public key does not open");
}
