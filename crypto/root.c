/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crypto/root.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/wipe.h"

#define COMMITMENT_CONTEXT "sealdex keyring commitment 1"

void root_commitment(uint8_t out[COMMITMENT_SIZE], const secret *root,
                     const uint8_t index_id[INDEX_ID_SIZE]) {
  uint8_t data[sizeof COMMITMENT_CONTEXT + INDEX_ID_SIZE];
  memcpy(data, COMMITMENT_CONTEXT, sizeof COMMITMENT_CONTEXT);
  memcpy(data + sizeof COMMITMENT_CONTEXT, index_id, INDEX_ID_SIZE);
  secret_hash(out, COMMITMENT_SIZE, root, data, sizeof data);
}

sdx_status root_key_new(root_key **out, secret *root, const uint8_t index_id[INDEX_ID_SIZE],
                        sdx_error *err) {
  sdx_status status = SDX_OK;
  secret *wrap = NULL;
  *out = NULL;
  root_key *r = calloc(1, sizeof *r);
  if (r == NULL) {
    secret_free(root);
    return error_memory(err);
  }
  r->root = root;
  if (root == NULL) status = secret_random(&r->root, err);
  if (status == SDX_OK)
    status = secret_derive(&wrap, r->root, "sealdex keyring wrap 1", index_id, INDEX_ID_SIZE, err);
  if (status == SDX_OK) status = seal_key_new(&r->wrap, SEAL_XCHACHA20_POLY1305, wrap, err);
  if (status == SDX_OK)
    status =
        secret_derive(&r->proof, r->root, "sealdex keyring proof 1", index_id, INDEX_ID_SIZE, err);
  secret_free(wrap);
  if (status != SDX_OK) {
    root_key_free(r);
    return status;
  }
  root_commitment(r->commitment, r->root, index_id);
  *out = r;
  return SDX_OK;
}

void root_key_free(root_key *r) {
  if (r == NULL) return;
  secret_free(r->root);
  seal_key_free(r->wrap);
  secret_free(r->proof);
  wipe(r, sizeof *r);
  free(r);
}
