/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slot.h - a key slot: how one secret of the host's or user's opens the root key.
 *
 * The secret (a passphrase after Argon2id) is bound with the slot's kind, costs, salt and the index
 * id to a slot seed. Of that come an X25519 pair, whose public half stands in the slot and to which
 * the root key is sealed, and a MAC key. So a change of root rewraps every slot without its secret:
 * the public half suffices for sealing; and the MAC key, which stands in the slot under the root's
 * wrap key, lets only a holder of the old root vouch for the new one. (Without that, whoever can
 * write files could seal a root of their own to the public half, and read what is written next.)
 */
#ifndef SEALDEX_CRYPTO_SLOT_H
#define SEALDEX_CRYPTO_SLOT_H

#include "base/buffer.h"
#include "base/cursor.h"
#include "crypto/keyring.h"
#include "crypto/root.h"

#define SLOT_SIZE 320
#define SLOT_SALT_SIZE 16
#define SLOT_SEALED_SIZE 144 /* a sealed key, and zeros */
#define SLOT_MAC_SIZE 32

/* Argon2id costs: what a slot may ask for, checked before any of it is spent. */
#define ARGON2_OPS_MIN 2
#define ARGON2_OPS_MAX 32
#define ARGON2_OPS_DEFAULT 3
#define ARGON2_MIB_MIN 32
#define ARGON2_MIB_MAX 1024
#define ARGON2_MIB_DEFAULT 64
#define ARGON2_WORK_MAX 4096 /* passes times MiB: some seconds */
#define ARGON2_PASSPHRASE_MAX 1024

typedef enum slot_kind {
  SLOT_EMPTY = 0,
  SLOT_KEY = SDX_SECRET_KEY,
  SLOT_PASSPHRASE = SDX_SECRET_PASSPHRASE,
  SLOT_DEPOSIT = SDX_SECRET_DEPOSIT /* opens the deposit key, not the root: deposit_slot.h */
} slot_kind;

typedef struct slot {
  slot_kind kind;
  uint32_t argon2_ops; /* PASSPHRASE; else 0 */
  uint32_t argon2_mib;
  uint8_t salt[SLOT_SALT_SIZE];
  uint8_t public_half[32];
  uint8_t sealed[SLOT_SEALED_SIZE]; /* root key, or deposit key, sealed to public_half; of a root key, what
                                       vouches for the public half; zeros */
  uint8_t mac_key[SECRET_SIZE + SEAL_OVERHEAD]; /* sealed under the root's wrap key */
  uint8_t mac[SLOT_MAC_SIZE]; /* of the above but `sealed` and `mac_key`, and the root's
                                 commitment; of a deposit slot, of `sealed` too */
} slot;

/* What a secret gives at one slot. */
typedef struct slot_keys {
  uint8_t public_half[32];
  secret *secret_half;
  secret *mac_key;
} slot_keys;
sdx_status slot_keys_derive(slot_keys *out, const sdx_secret *s, const slot *at,
                            const uint8_t index_id[INDEX_ID_SIZE], sdx_error *err) SDX_CHECK;
/* The same for a slot that stands there, whose public half is taken as it is; *own says whether the slot
 * vouches for it, without which nothing may be opened with these keys. */
sdx_status slot_keys_claim(slot_keys *out, unsigned *own, const sdx_secret *s, const slot *at,
                           const uint8_t index_id[INDEX_ID_SIZE], sdx_error *err) SDX_CHECK;
void slot_keys_free(slot_keys *k); /* zeroed is fine */

/* The slot's MAC key, which the holder of the root has without the slot's secret. SDX_DAMAGED where
 * the slot does not belong to this root. */
sdx_status slot_mac_key(secret **out, const slot *s, const uint8_t index_id[INDEX_ID_SIZE],
                        const root_key *root, sdx_error *err) SDX_CHECK;
/* Computes `mac` and `mac_key` anew, for this root. */
sdx_status slot_vouch(slot *s, const secret *mac_key, const uint8_t index_id[INDEX_ID_SIZE],
                      const root_key *root, sdx_error *err) SDX_CHECK;
sdx_status slot_vouched(bool *yes, const slot *s, const secret *mac_key,
                        const uint8_t index_id[INDEX_ID_SIZE],
                        const uint8_t commitment[COMMITMENT_SIZE], sdx_error *err) SDX_CHECK;

/* SDX_INVALID where the secret's kind, size or the costs asked for are out of bounds. */
sdx_status slot_check(const sdx_secret *s, const keyring_options *options,
                      sdx_error *err) SDX_CHECK;

/* Fills a slot through which `s` opens `root`. `keys` (may be NULL): what `s` gives there, the
 * caller's. */
sdx_status slot_make(slot *out, slot_keys *keys, const sdx_secret *s, const keyring_options *options,
                     const uint8_t index_id[INDEX_ID_SIZE], const root_key *root,
                     sdx_error *err) SDX_CHECK;

/* Tries `s` on all `count` slots, each as far as its kind allows and without stopping at the first
 * that opens. *opened has bit i set for slot i; *root is the key they opened, or NULL. `keys` (may be
 * NULL): what `s` gives at one that it opens, the caller's. SDX_OK where none opens, too. */
sdx_status slot_try_all(secret **root, unsigned *opened, slot_keys *keys, const slot *slots,
                        size_t count, const sdx_secret *s, const uint8_t index_id[INDEX_ID_SIZE],
                        const uint8_t commitment[COMMITMENT_SIZE], sdx_error *err) SDX_CHECK;

/* Opens a slot with keys that were derived at it before: without the secret, and whatever root it has
 * now. *root is NULL where it does not open. */
sdx_status slot_open_again(secret **root, const slot *s, const slot_keys *keys,
                           const uint8_t index_id[INDEX_ID_SIZE],
                           const uint8_t commitment[COMMITMENT_SIZE], sdx_error *err) SDX_CHECK;

/* Makes the slot open `next` instead of `now`; a deposit slot opens what it opened. SDX_DAMAGED
 * where it does not belong to `now`. */
sdx_status slot_rewrap(slot *s, const uint8_t index_id[INDEX_ID_SIZE], const root_key *now,
                       const root_key *next, sdx_error *err) SDX_CHECK;

/* The stored form, SLOT_SIZE bytes. Decoding fails the cursor where the bytes are no slot: unknown
 * kind, costs out of bounds, anything but zeros where zeros belong. */
void slot_encode(buffer *b, const slot *s);
void slot_decode(slot *out, cursor *c);

#endif
