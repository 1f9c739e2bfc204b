/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crypto/slot.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/wipe.h"
#include "crypto/deposit_slot.h"

#define SEALED_ROOT_SIZE (SECRET_SIZE + crypto_box_SEALBYTES)
#define SLOT_HEADER_SIZE 64
#define MAC_KEY_LABEL "sealdex slot mac key 1"
#define OWN_LABEL "sealdex slot public half 1"
#define SLOT_OWN_SIZE 32 /* behind the sealed root */

_Static_assert(SLOT_HEADER_SIZE + SLOT_SEALED_SIZE + SECRET_SIZE + SEAL_OVERHEAD + SLOT_MAC_SIZE ==
                   SLOT_SIZE,
               "a slot has no gaps");
_Static_assert(SEALED_ROOT_SIZE + SLOT_OWN_SIZE <= SLOT_SEALED_SIZE, "a root key fits");

/* ---- stored form ---- */

static const uint8_t zeros[SLOT_SEALED_SIZE];

static void encode_header(buffer *b, const slot *s) {
  buffer_put_u32(b, (uint32_t)s->kind);
  buffer_put_u32(b, s->argon2_ops);
  buffer_put_u32(b, s->argon2_mib);
  buffer_put_u32(b, 0);
  buffer_put(b, s->salt, sizeof s->salt);
  buffer_put(b, s->public_half, sizeof s->public_half);
}

void slot_encode(buffer *b, const slot *s) {
  encode_header(b, s);
  buffer_put(b, s->sealed, sizeof s->sealed);
  buffer_put(b, s->mac_key, sizeof s->mac_key);
  buffer_put(b, s->mac, sizeof s->mac);
}

static bool costs_in_bounds(uint32_t ops, uint32_t mib) {
  return ops >= ARGON2_OPS_MIN && ops <= ARGON2_OPS_MAX && mib >= ARGON2_MIB_MIN &&
         mib <= ARGON2_MIB_MAX && ops * mib <= ARGON2_WORK_MAX;
}

static bool slot_is_sound(const slot *s) {
  switch (s->kind) {
  case SLOT_EMPTY:
    return memcmp(s, &(slot){ .kind = SLOT_EMPTY }, sizeof *s) == 0;
  case SLOT_PASSPHRASE:
    if (!costs_in_bounds(s->argon2_ops, s->argon2_mib)) return false;
    break;
  case SLOT_KEY:
    if (s->argon2_ops != 0 || s->argon2_mib != 0) return false;
    break;
  case SLOT_DEPOSIT:
    if (s->argon2_ops != 0 || s->argon2_mib != 0) return false;
    break;
  default:
    return false;
  }
  const size_t used = SEALED_ROOT_SIZE + (s->kind == SLOT_DEPOSIT ? 0 : SLOT_OWN_SIZE);
  return memcmp(s->sealed + used, zeros, SLOT_SEALED_SIZE - used) == 0;
}

static void copy_field(uint8_t *out, cursor *c, size_t size) {
  const uint8_t *bytes = cursor_get(c, size);
  if (bytes != NULL) memcpy(out, bytes, size);
}

void slot_decode(slot *out, cursor *c) {
  memset(out, 0, sizeof *out);
  const uint32_t kind = cursor_get_u32(c);
  out->kind = kind <= SLOT_DEPOSIT ? (slot_kind)kind : SLOT_EMPTY;
  out->argon2_ops = cursor_get_u32(c);
  out->argon2_mib = cursor_get_u32(c);
  const uint32_t reserved = cursor_get_u32(c);
  copy_field(out->salt, c, sizeof out->salt);
  copy_field(out->public_half, c, sizeof out->public_half);
  copy_field(out->sealed, c, sizeof out->sealed);
  copy_field(out->mac_key, c, sizeof out->mac_key);
  copy_field(out->mac, c, sizeof out->mac);
  if (kind > SLOT_DEPOSIT || reserved != 0 || !slot_is_sound(out)) c->failed = true;
}

/* ---- from a secret to the slot's keys ---- */

void slot_keys_free(slot_keys *k) {
  secret_free(k->secret_half);
  secret_free(k->mac_key);
  memset(k, 0, sizeof *k);
}

/* A raw key as it is; a passphrase stretched at the slot's costs and salt. */
static sdx_status stretch(secret **out, const sdx_secret *s, const slot *at, sdx_error *err) {
  if (s->kind == SDX_SECRET_DEPOSIT) return deposit_file_read(out, s, err);
  if (s->kind == SDX_SECRET_KEY) return secret_copy(out, s->bytes, err);
  const sdx_status status = secret_new(out, err);
  if (status != SDX_OK) return status;
  if (crypto_pwhash(secret_bytes(*out), SECRET_SIZE, s->bytes, s->size, at->salt, at->argon2_ops,
                    (size_t)at->argon2_mib << 20, crypto_pwhash_ALG_ARGON2ID13) == 0)
    return SDX_OK;
  return error_set(err, SDX_NO_MEMORY, "not enough memory to stretch the passphrase");
}

/* Everything that the slot says about itself goes into the seed: a slot whose parameters were
 * changed gives another pair, which opens nothing. */
static sdx_status derive_seed(secret **out, const secret *stretched, const slot *at,
                              const uint8_t index_id[INDEX_ID_SIZE], sdx_error *err) {
  buffer b = BUFFER_INIT;
  buffer_put_u32(&b, (uint32_t)at->kind);
  buffer_put_u32(&b, at->argon2_ops);
  buffer_put_u32(&b, at->argon2_mib);
  buffer_put(&b, at->salt, sizeof at->salt);
  buffer_put(&b, index_id, INDEX_ID_SIZE);
  const sdx_status status =
      b.failed ? error_memory(err)
               : secret_derive(out, stretched, "sealdex slot seed 1", b.data, b.size, err);
  buffer_free(&b);
  return status;
}

/* What nobody can make who has not the slot's secret: that the public half is of its pair. It says so at a
 * thirtieth of what it takes to work the public half out. */
static void vouch_public_half(uint8_t out[SLOT_OWN_SIZE], const secret *pair_seed,
                              const uint8_t public_half[32]) {
  uint8_t data[sizeof OWN_LABEL + 32];
  memcpy(data, OWN_LABEL, sizeof OWN_LABEL);
  memcpy(data + sizeof OWN_LABEL, public_half, 32);
  secret_hash(out, SLOT_OWN_SIZE, pair_seed, data, sizeof data);
}

/* The secret half of crypto_box_seed_keypair alone. */
static void derive_secret_half(secret *out, const secret *pair_seed) {
  uint8_t hash[crypto_hash_sha512_BYTES];
  crypto_hash_sha512(hash, secret_view(pair_seed), SECRET_SIZE);
  memcpy(secret_bytes(out), hash, SECRET_SIZE);
  wipe(hash, sizeof hash);
}

/* All but the pair. */
static sdx_status derive_keys(slot_keys *out, secret **pair_seed, const sdx_secret *s,
                              const slot *at, const uint8_t index_id[INDEX_ID_SIZE],
                              sdx_error *err) {
  secret *stretched = NULL, *seed = NULL;
  memset(out, 0, sizeof *out);
  *pair_seed = NULL;
  sdx_status status = stretch(&stretched, s, at, err);
  if (status == SDX_OK) status = derive_seed(&seed, stretched, at, index_id, err);
  if (status == SDX_OK)
    status = secret_derive(pair_seed, seed, "sealdex slot pair 1", NULL, 0, err);
  if (status == SDX_OK)
    status = secret_derive(&out->mac_key, seed, "sealdex slot mac 1", NULL, 0, err);
  if (status == SDX_OK) status = secret_new(&out->secret_half, err);
  secret_free(stretched);
  secret_free(seed);
  if (status != SDX_OK) slot_keys_free(out);
  return status;
}

/* `own`, where it is not NULL, gets what vouches for the public half. */
static sdx_status make_keys(slot_keys *out, uint8_t *own, const sdx_secret *s, const slot *at,
                            const uint8_t index_id[INDEX_ID_SIZE], sdx_error *err) {
  secret *pair_seed = NULL;
  const sdx_status status = derive_keys(out, &pair_seed, s, at, index_id, err);
  if (status == SDX_OK) {
    crypto_box_seed_keypair(out->public_half, secret_bytes(out->secret_half),
                            secret_view(pair_seed));
    if (own != NULL) vouch_public_half(own, pair_seed, out->public_half);
  }
  secret_free(pair_seed);
  return status;
}

sdx_status slot_keys_derive(slot_keys *out, const sdx_secret *s, const slot *at,
                            const uint8_t index_id[INDEX_ID_SIZE], sdx_error *err) {
  return make_keys(out, NULL, s, at, index_id, err);
}

sdx_status slot_keys_claim(slot_keys *out, unsigned *own, const sdx_secret *s, const slot *at,
                           const uint8_t index_id[INDEX_ID_SIZE], sdx_error *err) {
  uint8_t vouched[SLOT_OWN_SIZE];
  secret *pair_seed = NULL;
  const sdx_status status = derive_keys(out, &pair_seed, s, at, index_id, err);
  *own = 0;
  if (status == SDX_OK) {
    derive_secret_half(out->secret_half, pair_seed);
    memcpy(out->public_half, at->public_half, sizeof out->public_half);
    vouch_public_half(vouched, pair_seed, at->public_half);
    *own = secret_equal(vouched, at->sealed + SEALED_ROOT_SIZE, sizeof vouched);
  }
  secret_free(pair_seed);
  return status;
}

/* Label, index id and the slot's header: the associated data of the MAC key, and what is MACed. */
static void encode_identity(buffer *b, const char *label, const slot *s,
                            const uint8_t index_id[INDEX_ID_SIZE]) {
  buffer_put(b, label, strlen(label) + 1);
  buffer_put(b, index_id, INDEX_ID_SIZE);
  encode_header(b, s);
}

static sdx_status compute_mac(uint8_t out[SLOT_MAC_SIZE], const secret *mac_key, const slot *s,
                              const uint8_t index_id[INDEX_ID_SIZE],
                              const uint8_t commitment[COMMITMENT_SIZE], sdx_error *err) {
  buffer b = BUFFER_INIT;
  encode_identity(&b, s->kind == SLOT_DEPOSIT ? "sealdex deposit slot 1" : "sealdex slot 1", s,
                  index_id);
  buffer_put(&b, commitment, COMMITMENT_SIZE);
  if (s->kind == SLOT_DEPOSIT) buffer_put(&b, s->sealed, sizeof s->sealed);
  const sdx_status status = b.failed ? error_memory(err) : SDX_OK;
  if (status == SDX_OK) secret_hash(out, SLOT_MAC_SIZE, mac_key, b.data, b.size);
  buffer_free(&b);
  return status;
}

/* ---- making and rewrapping ---- */

sdx_status slot_check(const sdx_secret *s, const keyring_options *options, sdx_error *err) {
  switch (s->kind) {
  case SDX_SECRET_KEY:
    if (s->size == SECRET_SIZE) return SDX_OK;
    return error_set(err, SDX_INVALID, "a key is %d bytes", SECRET_SIZE);
  case SDX_SECRET_PASSPHRASE:
    if (s->size == 0 || s->size > ARGON2_PASSPHRASE_MAX)
      return error_set(err, SDX_INVALID, "a passphrase is 1 to %d bytes", ARGON2_PASSPHRASE_MAX);
    if (options != NULL &&
        !costs_in_bounds(options->argon2_ops != 0 ? options->argon2_ops : ARGON2_OPS_DEFAULT,
                         options->argon2_mib != 0 ? options->argon2_mib : ARGON2_MIB_DEFAULT))
      return error_set(
          err, SDX_INVALID,
          "Argon2id takes %d to %d passes over %d to %d MiB, and at most %d passes x MiB",
          ARGON2_OPS_MIN, ARGON2_OPS_MAX, ARGON2_MIB_MIN, ARGON2_MIB_MAX, ARGON2_WORK_MAX);
    return SDX_OK;
  case SDX_SECRET_DEPOSIT:
    break;
  }
  return error_set(err, SDX_INVALID, "this kind of secret opens no root key");
}

sdx_status slot_vouch(slot *s, const secret *mac_key, const uint8_t index_id[INDEX_ID_SIZE],
                      const root_key *root, sdx_error *err) {
  buffer ad = BUFFER_INIT;
  encode_identity(&ad, MAC_KEY_LABEL, s, index_id);
  sdx_status status = ad.failed ? error_memory(err) : SDX_OK;
  if (status == SDX_OK) status = compute_mac(s->mac, mac_key, s, index_id, root->commitment, err);
  if (status == SDX_OK) {
    nonce_pool pool;
    nonce_pool_start(&pool);
    seal(s->mac_key, root->wrap, &pool, ad.data, ad.size, secret_view(mac_key), SECRET_SIZE);
    nonce_pool_stop(&pool);
  }
  buffer_free(&ad);
  return status;
}

sdx_status slot_vouched(bool *yes, const slot *s, const secret *mac_key,
                        const uint8_t index_id[INDEX_ID_SIZE],
                        const uint8_t commitment[COMMITMENT_SIZE], sdx_error *err) {
  uint8_t mac[SLOT_MAC_SIZE];
  const sdx_status status = compute_mac(mac, mac_key, s, index_id, commitment, err);
  *yes = status == SDX_OK && secret_equal(mac, s->mac, sizeof mac);
  return status;
}

/* Seals the root to the slot, and vouches for it with the slot's MAC key. */
static sdx_status wrap_root(slot *s, const secret *mac_key, const uint8_t index_id[INDEX_ID_SIZE],
                            const root_key *root, sdx_error *err) {
  const sdx_status status = slot_vouch(s, mac_key, index_id, root, err);
  if (status != SDX_OK || s->kind == SLOT_DEPOSIT) return status;
  return pair_seal(s->sealed, s->public_half, root->root, err);
}

sdx_status slot_make(slot *out, slot_keys *kept, const sdx_secret *s, const keyring_options *options,
                     const uint8_t index_id[INDEX_ID_SIZE], const root_key *root, sdx_error *err) {
  sdx_status status = slot_check(s, options, err);
  if (status != SDX_OK) return status;
  memset(out, 0, sizeof *out);
  out->kind = (slot_kind)s->kind;
  if (out->kind == SLOT_PASSPHRASE) {
    out->argon2_ops = ARGON2_OPS_DEFAULT;
    out->argon2_mib = ARGON2_MIB_DEFAULT;
    if (options != NULL && options->argon2_ops != 0) out->argon2_ops = options->argon2_ops;
    if (options != NULL && options->argon2_mib != 0) out->argon2_mib = options->argon2_mib;
  }
  crypto_random(out->salt, sizeof out->salt);
  slot_keys keys;
  status = make_keys(&keys, out->sealed + SEALED_ROOT_SIZE, s, out, index_id, err);
  if (status != SDX_OK) return status;
  memcpy(out->public_half, keys.public_half, sizeof out->public_half);
  status = wrap_root(out, keys.mac_key, index_id, root, err);
  if (status == SDX_OK && kept != NULL) *kept = keys;
  else slot_keys_free(&keys);
  return status;
}

sdx_status slot_mac_key(secret **out, const slot *s, const uint8_t index_id[INDEX_ID_SIZE],
                        const root_key *root, sdx_error *err) {
  buffer ad = BUFFER_INIT;
  *out = NULL;
  encode_identity(&ad, MAC_KEY_LABEL, s, index_id);
  sdx_status status = ad.failed ? error_memory(err) : secret_new(out, err);
  if (status == SDX_OK && unseal(secret_bytes(*out), root->wrap, ad.data, ad.size, s->mac_key,
                                 sizeof s->mac_key) != SDX_OK)
    status = error_set(err, SDX_DAMAGED, "the keyring has a slot that is not of this root key");
  if (status != SDX_OK) {
    secret_free(*out);
    *out = NULL;
  }
  buffer_free(&ad);
  return status;
}

sdx_status slot_rewrap(slot *s, const uint8_t index_id[INDEX_ID_SIZE], const root_key *now,
                       const root_key *next, sdx_error *err) {
  secret *mac_key = NULL;
  sdx_status status = slot_mac_key(&mac_key, s, index_id, now, err);
  if (status == SDX_OK) status = wrap_root(s, mac_key, index_id, next, err);
  secret_free(mac_key);
  return status;
}

/* ---- opening ---- */

/* 1 where the slot opens with these keys; `candidate` then holds the root. All steps are taken
 * whatever the outcome of those before. */
static sdx_status open_with(unsigned *opens, secret *candidate, const slot *s,
                            const slot_keys *keys, const uint8_t index_id[INDEX_ID_SIZE],
                            const uint8_t commitment[COMMITMENT_SIZE], sdx_error *err) {
  uint8_t committed[COMMITMENT_SIZE];
  bool vouched = false;
  unsigned ok = secret_equal(keys->public_half, s->public_half, sizeof s->public_half);
  ok &= crypto_box_seal_open(secret_bytes(candidate), s->sealed, SEALED_ROOT_SIZE,
                             keys->public_half, secret_view(keys->secret_half)) == 0;
  root_commitment(committed, candidate, index_id);
  ok &= secret_equal(committed, commitment, sizeof committed);
  const sdx_status status = slot_vouched(&vouched, s, keys->mac_key, index_id, commitment, err);
  ok &= vouched;
  *opens = ok;
  return status;
}

static sdx_status try_slot(secret *root, unsigned *opens, slot_keys *kept, const slot *at,
                           const sdx_secret *s,
                           const uint8_t index_id[INDEX_ID_SIZE],
                           const uint8_t commitment[COMMITMENT_SIZE], sdx_error *err) {
  slot_keys keys;
  secret *candidate = NULL;
  unsigned own;
  sdx_status status = slot_keys_claim(&keys, &own, s, at, index_id, err);
  if (status != SDX_OK) return status;
  status = secret_new(&candidate, err);
  if (status == SDX_OK) status = open_with(opens, candidate, at, &keys, index_id, commitment, err);
  *opens &= own;
  if (status == SDX_OK) {
    const uint8_t mask = (uint8_t)(0 - *opens);
    for (size_t i = 0; i < SECRET_SIZE; i++)
      secret_bytes(root)[i] |= secret_view(candidate)[i] & mask;
  }
  secret_free(candidate);
  if (status == SDX_OK && *opens != 0 && kept != NULL && kept->mac_key == NULL) *kept = keys;
  else slot_keys_free(&keys);
  return status;
}

sdx_status slot_open_again(secret **root, const slot *s, const slot_keys *keys,
                           const uint8_t index_id[INDEX_ID_SIZE],
                           const uint8_t commitment[COMMITMENT_SIZE], sdx_error *err) {
  unsigned opens = 0;
  sdx_status status = secret_new(root, err);
  if (status != SDX_OK) return status;
  status = open_with(&opens, *root, s, keys, index_id, commitment, err);
  if (status == SDX_OK && opens != 0) return SDX_OK;
  secret_free(*root);
  *root = NULL;
  return status;
}

sdx_status slot_try_all(secret **root, unsigned *opened, slot_keys *keys, const slot *slots,
                        size_t count, const sdx_secret *s, const uint8_t index_id[INDEX_ID_SIZE],
                        const uint8_t commitment[COMMITMENT_SIZE], sdx_error *err) {
  *root = NULL;
  *opened = 0;
  if (keys != NULL) *keys = (slot_keys){ .mac_key = NULL };
  if (s->kind == SDX_SECRET_DEPOSIT) return SDX_OK; /* by its nature opens no root key */
  sdx_status status = slot_check(s, NULL, err);
  if (status == SDX_OK) status = secret_new(root, err);
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    unsigned opens = 0;
    if ((int)slots[i].kind != (int)s->kind) continue;
    status = try_slot(*root, &opens, keys, &slots[i], s, index_id, commitment, err);
    *opened |= opens << i;
  }
  if (status == SDX_OK && *opened != 0) return SDX_OK;
  secret_free(*root);
  if (keys != NULL) slot_keys_free(keys);
  *root = NULL;
  *opened = 0;
  return status;
}
