/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crypto/deposit_slot.h"

#include <sodium.h>
#include <string.h>

#include "base/error.h"
#include "base/wipe.h"
#include "crypto/locked.h"

#define FILE_LABEL "sealdex-deposit-1 "
#define LABEL_SIZE (sizeof FILE_LABEL - 1)

_Static_assert(LABEL_SIZE + 2 * SECRET_SIZE + 1 == SDX_DEPOSIT_FILE_SIZE, "label, digits, newline");

/* ---- the file ---- */

sdx_status deposit_file_new(char out[SDX_DEPOSIT_FILE_SIZE], sdx_error *err) {
  secret *key = NULL;
  char digits[2 * SECRET_SIZE + 1];
  const sdx_status status = secret_random(&key, err);
  if (status != SDX_OK) return status;
  sodium_bin2hex(digits, sizeof digits, secret_view(key), SECRET_SIZE);
  memcpy(out, FILE_LABEL, LABEL_SIZE);
  memcpy(out + LABEL_SIZE, digits, 2 * SECRET_SIZE);
  out[SDX_DEPOSIT_FILE_SIZE - 1] = '\n';
  wipe(digits, sizeof digits);
  secret_free(key);
  return SDX_OK;
}

sdx_status deposit_file_read(secret **out, const sdx_secret *contents, sdx_error *err) {
  const char *text = contents->bytes;
  size_t size = contents->size, decoded = 0;
  *out = NULL;
  while (text != NULL && size > 0 && strchr(" \t\r\n", text[size - 1]) != NULL &&
         text[size - 1] != '\0')
    size--;
  if (text == NULL || size != LABEL_SIZE + 2 * SECRET_SIZE ||
      memcmp(text, FILE_LABEL, LABEL_SIZE) != 0)
    return error_set(err, SDX_INVALID, "this is not a deposit key file");
  const sdx_status status = secret_new(out, err);
  if (status != SDX_OK) return status;
  if (sodium_hex2bin(secret_bytes(*out), SECRET_SIZE, text + LABEL_SIZE, 2 * SECRET_SIZE, NULL,
                     &decoded, NULL) == 0 &&
      decoded == SECRET_SIZE)
    return SDX_OK;
  secret_free(*out);
  *out = NULL;
  return error_set(err, SDX_INVALID, "this is not a deposit key file");
}

/* ---- the slot ---- */

sdx_status deposit_slot_make(slot *out, const sdx_secret *contents,
                             const uint8_t index_id[INDEX_ID_SIZE], const root_key *root,
                             const secret *deposit, sdx_error *err) {
  slot_keys own;
  memset(out, 0, sizeof *out);
  out->kind = SLOT_DEPOSIT;
  crypto_random(out->salt, sizeof out->salt);
  sdx_status status = slot_keys_derive(&own, contents, out, index_id, err);
  if (status != SDX_OK) return status;
  memcpy(out->public_half, own.public_half, sizeof out->public_half);
  status = pair_seal(out->sealed, out->public_half, deposit, err);
  if (status == SDX_OK) status = slot_vouch(out, own.mac_key, index_id, root, err);
  slot_keys_free(&own);
  return status;
}

sdx_status deposit_slot_open(secret **out, const slot *s, const slot_keys *keys,
                             const uint8_t index_id[INDEX_ID_SIZE],
                             const uint8_t commitment[COMMITMENT_SIZE], sdx_error *err) {
  bool vouched = false;
  unsigned ok = s->kind == SLOT_DEPOSIT;
  sdx_status status = secret_new(out, err);
  if (status != SDX_OK) return status;
  ok &= secret_equal(keys->public_half, s->public_half, sizeof s->public_half);
  ok &= crypto_box_seal_open(secret_bytes(*out), s->sealed, PAIR_SEALED_SIZE, keys->public_half,
                             secret_view(keys->secret_half)) == 0;
  status = slot_vouched(&vouched, s, keys->mac_key, index_id, commitment, err);
  ok &= vouched;
  if (status == SDX_OK && ok == 0)
    status = error_set(err, SDX_WRONG_KEY, "the deposit key opens no slot of this index");
  if (status == SDX_OK) return SDX_OK;
  secret_free(*out);
  *out = NULL;
  return status;
}

sdx_status deposit_append_key(secret **out, const secret *mac_key, sdx_error *err) {
  return secret_derive(out, mac_key, "sealdex deposit append 1", NULL, 0, err);
}
