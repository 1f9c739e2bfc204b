/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crypto/wrapping.h"

#include "base/buffer.h"
#include "base/error.h"
#include "crypto/pair.h"

bool wrapped_by_deposit_key(keyring_kind kind) {
  return kind == KEYRING_ID || kind == KEYRING_TABLE;
}

static sdx_status wrap_under(const seal_key *wrap, region_entry *e, const region *r,
                             const secret *key, sdx_error *err) {
  nonce_pool pool;
  buffer ad = BUFFER_INIT;
  region_entry_identity(&ad, r, e);
  const sdx_status status = ad.failed ? error_memory(err) : SDX_OK;
  if (status == SDX_OK) {
    nonce_pool_start(&pool);
    seal(e->sealed, wrap, &pool, ad.data, ad.size, secret_view(key), SECRET_SIZE);
    nonce_pool_stop(&pool);
  }
  buffer_free(&ad);
  return status;
}

sdx_status unwrap_under(const seal_key *wrap, secret **out, const region_entry *e, const region *r,
                        sdx_error *err) {
  buffer ad = BUFFER_INIT;
  *out = NULL;
  region_entry_identity(&ad, r, e);
  sdx_status status = ad.failed ? error_memory(err) : secret_new(out, err);
  if (status == SDX_OK &&
      unseal(secret_bytes(*out), wrap, ad.data, ad.size, e->sealed, sizeof e->sealed) != SDX_OK)
    status =
        error_set(err, SDX_DAMAGED, "a key in the keyring does not open: restore it from a copy");
  if (status != SDX_OK) {
    secret_free(*out);
    *out = NULL;
  }
  buffer_free(&ad);
  return status;
}

static sdx_status open_deposit_key(seal_key **out, const region *r, const root_key *root,
                                   uint64_t set, sdx_error *err) {
  const region_entry *e = region_find(r, KEYRING_DEPOSIT, set);
  secret *key = NULL;
  *out = NULL;
  if (e == NULL) return error_set(err, SDX_DAMAGED, "the keyring lacks a key that every index has");
  sdx_status status = unwrap_under(root->wrap, &key, e, r, err);
  if (status == SDX_OK) status = seal_key_new(out, SEAL_XCHACHA20_POLY1305, key, err);
  secret_free(key);
  return status;
}

sdx_status wrap_key(region_entry *e, const region *r, const root_key *root, const secret *key,
                    sdx_error *err) {
  seal_key *deposit = NULL;
  if (!wrapped_by_deposit_key(e->shown.kind)) return wrap_under(root->wrap, e, r, key, err);
  sdx_status status = open_deposit_key(&deposit, r, root, e->shown.id, err);
  if (status == SDX_OK) status = wrap_under(deposit, e, r, key, err);
  seal_key_free(deposit);
  return status;
}

sdx_status unwrap_key(secret **out, const region_entry *e, const region *r, const root_key *root,
                      sdx_error *err) {
  seal_key *deposit = NULL;
  if (!wrapped_by_deposit_key(e->shown.kind)) return unwrap_under(root->wrap, out, e, r, err);
  sdx_status status = open_deposit_key(&deposit, r, root, e->shown.id, err);
  if (status == SDX_OK) status = unwrap_under(deposit, out, e, r, err);
  seal_key_free(deposit);
  return status;
}

/* A fresh key of the kind; of a pair the secret half, with the public half left in the entry. */
static sdx_status draw_key(secret **out, region_entry *e, sdx_error *err) {
  if (e->shown.kind != KEYRING_INTAKE) return secret_random(out, err);
  return pair_new(e->public_half, out, err);
}

sdx_status wrap_new_key(region *r, const root_key *root, keyring_kind kind, uint64_t id,
                        int64_t due, secret **key, sdx_error *err) {
  region_entry *e = NULL;
  region_entry fresh = { .shown = { .kind = kind, .id = id, .due = due, .born = r->generation },
                         .cipher = r->cipher };
  sdx_status status = *key != NULL ? SDX_OK : draw_key(key, &fresh, err);
  if (status == SDX_OK) status = wrap_key(&fresh, r, root, *key, err);
  if (status == SDX_OK) status = region_insert(r, &e, kind, id, err);
  if (status == SDX_OK) {
    *e = fresh;
    return SDX_OK;
  }
  secret_free(*key);
  *key = NULL;
  return status;
}
