/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crypto/keyring_state.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/wipe.h"
#include "crypto/deposit_slot.h"
#include "crypto/keyring_file.h"
#include "crypto/keyring_storage.h"
#include "crypto/wrapping.h"

static sdx_status refuse_fork(const keyring *k, sdx_error *err) {
  if (k->process == crypto_process()) return SDX_OK;
  return error_set(err, SDX_FORKED, "the keyring was opened in another process: open it again");
}

sdx_status keyring_need_root(const keyring *k, sdx_error *err) {
  const sdx_status status = refuse_fork(k, err);
  if (status != SDX_OK || k->root != NULL) return status;
  return error_set(err, SDX_WRONG_KEY, "this needs the read key");
}

static void depositing_free(depositing *d) {
  if (d == NULL) return;
  slot_keys_free(&d->keys);
  secret_free(d->append_key);
  seal_key_free(d->deposit);
  free(d);
}

void opener_free(opener *o) {
  slot_keys_free(&o->keys);
  secret_free(o->raw);
  *o = (opener){ .raw = NULL };
}

sdx_status opener_set(opener *o, const sdx_secret *s, slot_keys *keys, sdx_error *err) {
  secret *raw = NULL;
  const sdx_status status =
      s->kind == SDX_SECRET_KEY ? secret_copy(&raw, s->bytes, err) : SDX_OK;
  opener_free(o);
  *o = (opener){ *keys, raw };
  *keys = (slot_keys){ .mac_key = NULL };
  return status;
}

const root_key *keyring_staged_root(const keyring *k) {
  return k->next_root != NULL ? k->next_root : k->root;
}

/* ---- staging ---- */

sdx_status keyring_stage(keyring *k, sdx_error *err) {
  if (k->staged) return SDX_OK;
  const sdx_status status = region_copy(&k->next, &k->now, err);
  if (status != SDX_OK) return status;
  k->next.generation = k->now.generation + 1;
  k->staged = true;
  return SDX_OK;
}

void keyring_rollback(keyring *k) {
  if (k->staged) region_free(&k->next);
  root_key_free(k->next_root);
  k->next_root = NULL;
  opener_free(&k->next_own);
  k->staged = false;
}

/* ---- where it stands ---- */

static sdx_status place_read(const keyring *k, region *out, sdx_error *err) {
  return k->storage != NULL ? keyring_storage_read(k->storage, out, err)
                            : keyring_file_read(k->dir, out, err);
}

static bool place_holds(const keyring *k) {
  return k->storage != NULL ? keyring_storage_holds(k->storage, &k->now)
                            : keyring_file_holds(k->dir, &k->now);
}

static sdx_status place_settle(const keyring *k, region *out, sdx_error *err) {
  return k->storage != NULL ? keyring_storage_read(k->storage, out, err)
                            : keyring_file_settle(k->dir, out, err);
}

static sdx_status place_replace(keyring *k, sdx_error *err) {
  return k->storage != NULL ? keyring_storage_replace(k->storage, &k->now, &k->next, err)
                            : keyring_file_replace(k->dir, &k->now, &k->next, err);
}

/* ---- creating, opening, closing ---- */

static sdx_status check_storage(const sdx_keyring_storage *s, sdx_error *err) {
  if (s == NULL ||
      (s->version == 1 && s->read != NULL && s->write != NULL && s->destroy != NULL))
    return SDX_OK;
  return error_set(err, SDX_INVALID, "keyring storage: version 1 and all three callbacks are needed");
}

static sdx_status keyring_new(keyring **out, const char *dir, const sdx_keyring_storage *storage,
                              sdx_error *err) {
  *out = NULL;
  sdx_status status = crypto_start(err);
  if (status == SDX_OK) status = check_storage(storage, err);
  if (status != SDX_OK) return status;
  keyring *k = calloc(1, sizeof *k);
  if (k == NULL) return error_memory(err);
  k->process = crypto_process();
  k->storage = storage;
  k->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (k->dir < 0) {
    free(k);
    return error_system(err, errno, "cannot open the index directory");
  }
  *out = k;
  return SDX_OK;
}

void keyring_close(keyring *k) {
  if (k == NULL) return;
  keyring_rollback(k);
  region_free(&k->now);
  root_key_free(k->root);
  opener_free(&k->own);
  depositing_free(k->deposit);
  close(k->dir);
  free(k);
}

sdx_status keyring_add_set(region *r, const root_key *root, uint64_t set, secret *deposit,
                           sdx_error *err) {
  static const keyring_kind kinds[] = { KEYRING_DEPOSIT, KEYRING_INTAKE, KEYRING_ID, KEYRING_TABLE };
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds && status == SDX_OK; i++) {
    secret *key = NULL;
    if (kinds[i] == KEYRING_DEPOSIT && deposit != NULL)
      status = secret_copy(&key, secret_view(deposit), err);
    if (status == SDX_OK) status = wrap_new_key(r, root, kinds[i], set, 0, &key, err);
    secret_free(key);
  }
  return status;
}

/* The contents of a new keyring: the first slot, and the first set. */
static sdx_status fill(keyring *k, const sdx_secret *first, const keyring_options *options,
                       sdx_error *err) {
  region *r = &k->now;
  slot_keys keys = { .mac_key = NULL };
  sdx_status status = root_key_new(&k->root, NULL, r->index_id, err);
  if (status == SDX_OK)
    status = slot_make(&r->slots[0], &keys, first, options, r->index_id, k->root, err);
  if (status == SDX_OK) status = opener_set(&k->own, first, &keys, err);
  if (status == SDX_OK) status = keyring_add_set(r, k->root, 0, NULL, err);
  if (status == SDX_OK) status = region_prove(r, k->root, err);
  if (status == SDX_OK) status = region_fit(r, err);
  return status;
}

sdx_status keyring_create(keyring **out, const char *dir, const sdx_secret *first,
                          const keyring_options *options, sdx_error *err) {
  return keyring_create_in(out, dir, NULL, first, options, err);
}

sdx_status keyring_create_in(keyring **out, const char *dir, const sdx_keyring_storage *storage,
                             const sdx_secret *first, const keyring_options *options,
                             sdx_error *err) {
  keyring *k = NULL;
  uint8_t index_id[INDEX_ID_SIZE];
  *out = NULL;
  seal_cipher cipher = options != NULL ? options->cipher : SEAL_XCHACHA20_POLY1305;
  if (cipher == 0) cipher = SEAL_XCHACHA20_POLY1305;
  sdx_status status = keyring_new(&k, dir, storage, err);
  if (status != SDX_OK) return status;
  if (!seal_available(cipher)) {
    status = error_set(err, SDX_INVALID, "this machine has no support for cipher %d", (int)cipher);
    goto out;
  }
  status = slot_check(first, options, err);
  if (status != SDX_OK) goto out;
  crypto_random(index_id, sizeof index_id);
  region_init(&k->now, index_id, cipher);
  k->now.generation = 1;
  status = fill(k, first, options, err);
  if (status == SDX_OK)
    status = storage != NULL ? keyring_storage_create(storage, &k->now, err)
                             : keyring_file_create(k->dir, &k->now, err);
out:
  if (status != SDX_OK)
    keyring_close(k);
  else
    *out = k;
  return status;
}

sdx_status keyring_open(keyring **out, const char *dir, sdx_error *err) {
  return keyring_open_in(out, dir, NULL, err);
}

sdx_status keyring_open_in(keyring **out, const char *dir, const sdx_keyring_storage *storage,
                           sdx_error *err) {
  keyring *k = NULL;
  *out = NULL;
  sdx_status status = keyring_new(&k, dir, storage, err);
  if (status != SDX_OK) return status;
  status = place_read(k, &k->now, err);
  if (status != SDX_OK)
    keyring_close(k);
  else
    *out = k;
  return status;
}

sdx_status keyring_glance(keyring_outline *out, int dir, const sdx_keyring_storage *storage,
                          sdx_error *err) {
  const keyring k = { .dir = dir, .storage = storage };
  region r;
  sdx_status status = crypto_start(err);
  if (status == SDX_OK) status = check_storage(storage, err);
  if (status == SDX_OK) status = place_read(&k, &r, err);
  if (status != SDX_OK) return status;
  memcpy(out->index_id, r.index_id, sizeof out->index_id);
  out->generation = r.generation;
  out->store_generation = r.store_generation;
  region_free(&r);
  return SDX_OK;
}

static sdx_status unlock_root(keyring *k, const sdx_secret *s, sdx_error *err) {
  secret *opened = NULL;
  root_key *root = NULL;
  slot_keys own;
  unsigned slots = 0;
  sdx_status status = slot_try_all(&opened, &slots, &own, k->now.slots, REGION_SLOTS, s,
                                   k->now.index_id, k->now.commitment, err);
  if (status != SDX_OK) return status;
  if (opened == NULL) return error_set(err, SDX_WRONG_KEY, "the key opens no slot of this index");
  status = root_key_new(&root, opened, k->now.index_id, err);
  if (status == SDX_OK) status = region_check_proof(&k->now, root, err);
  if (status != SDX_OK) {
    root_key_free(root);
    slot_keys_free(&own);
    return status;
  }
  keyring_rollback(k);
  root_key_free(k->root);
  k->root = root;
  return opener_set(&k->own, s, &own, err);
}

sdx_status keyring_try_deposit(depositing *d, const region *r, size_t slot_number,
                               const sdx_secret *s, sdx_error *err) {
  const slot *at = &r->slots[slot_number];
  secret *deposit = NULL;
  d->slot = slot_number;
  sdx_status status = slot_keys_derive(&d->keys, s, at, r->index_id, err);
  if (status == SDX_OK)
    status = deposit_slot_open(&deposit, at, &d->keys, r->index_id, r->commitment, err);
  if (status == SDX_OK) status = seal_key_new(&d->deposit, SEAL_XCHACHA20_POLY1305, deposit, err);
  if (status != SDX_OK) slot_keys_free(&d->keys);
  secret_free(deposit);
  return status;
}

static sdx_status find_deposit(depositing *d, const region *r, const sdx_secret *s,
                               sdx_error *err) {
  sdx_status status = error_set(err, SDX_WRONG_KEY, "the deposit key opens no slot of this index");
  for (size_t i = 0; i < REGION_SLOTS && status == SDX_WRONG_KEY; i++)
    if (r->slots[i].kind == SLOT_DEPOSIT) status = keyring_try_deposit(d, r, i, s, err);
  return status;
}

static sdx_status unlock_deposit(keyring *k, const sdx_secret *s, sdx_error *err) {
  depositing *d = calloc(1, sizeof *d);
  if (d == NULL) return error_memory(err);
  sdx_status status = find_deposit(d, &k->now, s, err);
  if (status == SDX_OK) status = deposit_append_key(&d->append_key, d->keys.mac_key, err);
  if (status == SDX_OK) status = region_check_appended(&k->now, d->slot, d->append_key, err);
  if (status != SDX_OK) {
    depositing_free(d);
    return status;
  }
  keyring_rollback(k);
  depositing_free(k->deposit);
  k->deposit = d;
  return SDX_OK;
}

sdx_status keyring_unlock(keyring *k, const sdx_secret *s, sdx_error *err) {
  const sdx_status status = refuse_fork(k, err);
  if (status != SDX_OK) return status;
  return s->kind == SDX_SECRET_DEPOSIT ? unlock_deposit(k, s, err) : unlock_root(k, s, err);
}

bool keyring_depositing(const keyring *k) {
  return k->deposit != NULL;
}

bool keyring_unlocked(const keyring *k) {
  return k->root != NULL;
}

/* The slot must still be there, under whatever root, and what was appended under it authentic. */
static sdx_status check_deposit(const depositing *d, const region *fresh, sdx_error *err) {
  secret *deposit = NULL;
  const sdx_status status = deposit_slot_open(&deposit, &fresh->slots[d->slot], &d->keys,
                                              fresh->index_id, fresh->commitment, err);
  if (status != SDX_OK) return status;
  const bool same = secret_equal(secret_view(deposit), secret_view(seal_key_secret(d->deposit)),
                                 SECRET_SIZE);
  secret_free(deposit);
  if (!same) return error_set(err, SDX_WRONG_KEY, "the deposit key opens no slot of this index");
  return region_check_appended(fresh, d->slot, d->append_key, err);
}

static sdx_status try_own(secret **root, const keyring *k, const region *fresh, const slot *at,
                          sdx_error *err) {
  const slot_keys *own = &k->own.keys;
  *root = NULL;
  if (own->mac_key != NULL && memcmp(at->public_half, own->public_half, 32) == 0)
    return slot_open_again(root, at, own, fresh->index_id, fresh->commitment, err);
  if (k->own.raw == NULL || at->kind != SLOT_KEY) return SDX_OK;
  const sdx_secret raw = { SDX_SECRET_KEY, secret_view(k->own.raw), SECRET_SIZE };
  slot_keys keys;
  unsigned is_own;
  sdx_status status = slot_keys_claim(&keys, &is_own, &raw, at, fresh->index_id, err);
  if (status != SDX_OK) return status;
  if (is_own != 0)
    status = slot_open_again(root, at, &keys, fresh->index_id, fresh->commitment, err);
  slot_keys_free(&keys);
  return status;
}

/* The root of a keyring that was given another: by what opened the one before, if it opens a slot. */
static sdx_status open_new_root(root_key **out, const keyring *k, const region *fresh,
                                sdx_error *err) {
  secret *opened = NULL;
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < REGION_SLOTS && status == SDX_OK && opened == NULL; i++)
    status = try_own(&opened, k, fresh, &fresh->slots[i], err);
  if (status == SDX_OK && opened == NULL)
    status = error_set(err, SDX_WRONG_KEY, "the key was replaced: open the index with the new one");
  return status == SDX_OK ? root_key_new(out, opened, fresh->index_id, err) : status;
}

/* What may follow on what we hold: the same index, not older, and opened by what opened it before. *root
 * is the new root where there is one. */
static sdx_status check_successor(const keyring *k, const region *fresh, root_key **root,
                                  sdx_error *err) {
  sdx_status status = SDX_OK;
  if (memcmp(fresh->index_id, k->now.index_id, INDEX_ID_SIZE) != 0)
    return error_set(err, SDX_WRONG_KEY, "the index was replaced: reopen it");
  if (fresh->generation < k->now.generation)
    return error_set(err, SDX_ROLLED_BACK, "the keyring is older than it was: a restored backup");
  if (k->root == NULL) return k->deposit != NULL ? check_deposit(k->deposit, fresh, err) : SDX_OK;
  if (memcmp(fresh->commitment, k->now.commitment, COMMITMENT_SIZE) != 0)
    status = open_new_root(root, k, fresh, err);
  return status == SDX_OK ? region_check_proof(fresh, *root != NULL ? *root : k->root, err) : status;
}

/* Takes over `fresh`, or frees it. */
static sdx_status follow(keyring *k, region *fresh, sdx_error *err) {
  root_key *root = NULL;
  const sdx_status status = check_successor(k, fresh, &root, err);
  if (status != SDX_OK) {
    root_key_free(root);
    region_free(fresh);
    return status;
  }
  if (root != NULL) {
    root_key_free(k->root);
    k->root = root;
  }
  region_free(&k->now);
  k->now = *fresh;
  return SDX_OK;
}

sdx_status keyring_refresh(keyring *k, sdx_error *err) {
  region fresh;
  sdx_status status = refuse_fork(k, err);
  if (status != SDX_OK) return status;
  keyring_rollback(k);
  if (place_holds(k)) return SDX_OK;
  status = place_read(k, &fresh, err);
  return status == SDX_OK ? follow(k, &fresh, err) : status;
}

sdx_status keyring_recover(keyring *k, sdx_error *err) {
  region fresh;
  sdx_status status = refuse_fork(k, err);
  if (status != SDX_OK) return status;
  keyring_rollback(k);
  if (k->settled && place_holds(k)) return SDX_OK;
  status = place_settle(k, &fresh, err);
  if (status == SDX_OK) status = follow(k, &fresh, err);
  k->settled = status == SDX_OK;
  return status;
}

sdx_status keyring_check(const keyring *k, bool *whole, sdx_error *err) {
  *whole = true;
  return k->storage != NULL ? SDX_OK : keyring_file_check(k->dir, whole, err);
}

/* ---- what shows without a key ---- */

const uint8_t *keyring_index_id(const keyring *k) {
  return k->now.index_id;
}
uint64_t keyring_generation(const keyring *k) {
  return k->now.generation;
}
uint64_t keyring_store_generation(const keyring *k) {
  return k->now.store_generation;
}
seal_cipher keyring_cipher(const keyring *k) {
  return k->now.cipher;
}
size_t keyring_count(const keyring *k) {
  return k->now.entry_count;
}
keyring_entry keyring_at(const keyring *k, size_t i) {
  return k->now.entries[i].shown;
}
size_t keyring_removals(const keyring *k) {
  return k->now.removal_count;
}
keyring_removal keyring_removal_at(const keyring *k, size_t i) {
  return k->now.removals[i];
}

sdx_status keyring_chain_next(uint8_t out[32], const uint8_t before[32],
                              const keyring_removal *removal, sdx_error *err) {
  return region_chain_step(out, before, removal) ? SDX_OK : error_memory(err);
}

void keyring_digest(const keyring *k, uint8_t out[32]) {
  memcpy(out, k->now.digest, REGION_DIGEST_SIZE);
}

bool keyring_has(const keyring *k, keyring_kind kind, uint64_t id) {
  return region_find(&k->now, kind, id) != NULL;
}

static size_t count_slots(const region *r) {
  size_t n = 0;
  for (size_t i = 0; i < REGION_SLOTS; i++) n += r->slots[i].kind != SLOT_EMPTY;
  return n;
}

keyring_slot keyring_slot_at(const keyring *k, size_t i) {
  const slot *s = &k->now.slots[i];
  return (keyring_slot){ (int)s->kind, s->argon2_ops, s->argon2_mib };
}

size_t keyring_slots(const keyring *k) {
  return count_slots(&k->now);
}

/* ---- the set in use ---- */

/* One of the keys that a deposit key opens. That the table key does shows that the intake key is
 * authentic. */
static sdx_status open_under_deposit(secret **out, const keyring *k, keyring_kind kind, uint64_t set,
                                     sdx_error *err) {
  const region_entry *e = region_find(&k->now, kind, set);
  *out = NULL;
  if (e == NULL) return error_set(err, SDX_NOT_FOUND, "the keyring has no such key");
  return unwrap_under(k->deposit->deposit, out, e, &k->now, err);
}

sdx_status keyring_use_set(keyring *k, uint64_t set, sdx_error *err) {
  secret *table = NULL;
  sdx_status status = refuse_fork(k, err);
  if (status == SDX_OK && region_find(&k->now, KEYRING_TABLE, set) == NULL)
    status = error_set(err, SDX_NOT_FOUND, "the keyring lacks the keys that the store names");
  if (status == SDX_OK && k->root == NULL && k->deposit != NULL)
    status = open_under_deposit(&table, k, KEYRING_TABLE, set, err);
  secret_free(table);
  if (status == SDX_OK) k->set = set;
  return status;
}

uint64_t keyring_set(const keyring *k) {
  return k->set;
}

const uint8_t *keyring_intake_public(const keyring *k) {
  secret *table = NULL;
  const region_entry *e = region_find(&k->now, KEYRING_INTAKE, k->set);
  if (e == NULL || k->deposit == NULL) return e != NULL ? e->public_half : NULL;
  const sdx_status status = open_under_deposit(&table, k, KEYRING_TABLE, k->set, NULL);
  secret_free(table);
  return status == SDX_OK ? e->public_half : NULL;
}

/* ---- keys ---- */

/* The secret half of a deposit epoch, by way of the intake key. */
static sdx_status open_epoch(secret **out, const region_entry *e, const region *r, uint64_t set,
                             const root_key *root, sdx_error *err) {
  const region_entry *intake = region_find(r, KEYRING_INTAKE, set);
  secret *key = NULL;
  if (intake == NULL) return error_set(err, SDX_DAMAGED, "the keyring has no intake key");
  sdx_status status = unwrap_key(&key, intake, r, root, err);
  if (status == SDX_OK) status = pair_open(out, intake->public_half, key, e->sealed, err);
  secret_free(key);
  return status;
}

/* What a deposit key opens. */
static sdx_status find_deposit_key(const keyring *k, keyring_kind kind, uint64_t set, secret **out,
                                   seal_cipher *cipher, sdx_error *err) {
  if (!wrapped_by_deposit_key(kind))
    return error_set(err, SDX_WRONG_KEY, "a deposit key opens nothing that reads");
  *cipher = SEAL_XCHACHA20_POLY1305;
  return open_under_deposit(out, k, kind, set, err);
}

static sdx_status find_key(const keyring *k, keyring_kind kind, uint64_t id, secret **out,
                           seal_cipher *cipher, sdx_error *err) {
  *out = NULL;
  if (keyring_in_set(kind) && id == 0) id = k->set;
  if (k->root == NULL && k->deposit != NULL) {
    const sdx_status refused = refuse_fork(k, err);
    return refused == SDX_OK ? find_deposit_key(k, kind, id, out, cipher, err) : refused;
  }
  const sdx_status status = keyring_need_root(k, err);
  if (status != SDX_OK) return status;
  const region *r = &k->now;
  const root_key *root = k->root;
  const region_entry *e = region_find(r, kind, id);
  if (e == NULL && k->staged) {
    r = &k->next;
    root = keyring_staged_root(k);
    e = region_find(r, kind, id);
  }
  if (e == NULL) return error_set(err, SDX_NOT_FOUND, "the keyring has no such key");
  *cipher = e->cipher;
  if (kind == KEYRING_DEPOSIT_EPOCH) return open_epoch(out, e, r, k->set, root, err);
  return unwrap_key(out, e, r, root, err);
}

sdx_status keyring_key(const keyring *k, keyring_kind kind, uint64_t id, seal_key **out,
                       sdx_error *err) {
  secret *key = NULL;
  seal_cipher cipher;
  *out = NULL;
  sdx_status status = find_key(k, kind, id, &key, &cipher, err);
  if (status == SDX_OK) status = seal_key_new(out, cipher, key, err);
  secret_free(key);
  return status;
}

sdx_status keyring_secret(const keyring *k, keyring_kind kind, uint64_t id, secret **out,
                          sdx_error *err) {
  seal_cipher cipher;
  return find_key(k, kind, id, out, &cipher, err);
}

/* ---- changes ---- */

sdx_status keyring_stage_add(keyring *k, keyring_kind kind, uint64_t id, int64_t due,
                             seal_key **out, sdx_error *err) {
  secret *key = NULL;
  if (out != NULL) *out = NULL;
  sdx_status status = keyring_need_root(k, err);
  if (status == SDX_OK && kind == KEYRING_DEPOSIT_EPOCH)
    status = error_set(err, SDX_INVALID, "a deposit epoch is added by keyring_stage_epoch");
  if (status == SDX_OK) status = keyring_stage(k, err);
  if (status == SDX_OK)
    status = wrap_new_key(&k->next, keyring_staged_root(k), kind, id, due, &key, err);
  if (status == SDX_OK && out != NULL) status = seal_key_new(out, k->next.cipher, key, err);
  secret_free(key);
  return status;
}

sdx_status keyring_stage_epoch(keyring *k, uint64_t id, uint8_t public_half[32], sdx_error *err) {
  secret *secret_half = NULL;
  region_entry *e = NULL;
  region_entry fresh = { .shown = { .kind = KEYRING_DEPOSIT_EPOCH, .id = id } };
  sdx_status status = k->deposit != NULL ? refuse_fork(k, err) : keyring_need_root(k, err);
  if (status != SDX_OK) return status;
  const uint8_t *intake = keyring_intake_public(k);
  if (intake == NULL) return error_set(err, SDX_DAMAGED, "the keyring has no intake key");
  status = keyring_stage(k, err);
  if (status == SDX_OK) status = pair_new(fresh.public_half, &secret_half, err);
  if (status == SDX_OK) status = pair_seal(fresh.sealed, intake, secret_half, err);
  if (status == SDX_OK) status = region_insert(&k->next, &e, KEYRING_DEPOSIT_EPOCH, id, err);
  secret_free(secret_half);
  if (status != SDX_OK) return status;
  fresh.shown.born = k->next.generation;
  fresh.cipher = k->next.cipher;
  if (k->root == NULL) fresh.appended = (uint8_t)(k->deposit->slot + 1);
  *e = fresh;
  memcpy(public_half, fresh.public_half, sizeof fresh.public_half);
  return SDX_OK;
}

sdx_status keyring_epoch_public(const keyring *k, uint64_t id, uint8_t public_half[32],
                                sdx_error *err) {
  sdx_status status = k->deposit != NULL ? refuse_fork(k, err) : keyring_need_root(k, err);
  if (status != SDX_OK) return status;
  const region_entry *e = region_find(&k->now, KEYRING_DEPOSIT_EPOCH, id);
  if (e == NULL && k->staged) e = region_find(&k->next, KEYRING_DEPOSIT_EPOCH, id);
  if (e == NULL || (k->root == NULL && e->appended != k->deposit->slot + 1))
    return error_set(err, SDX_NOT_FOUND, "the keyring has no such deposit epoch");
  memcpy(public_half, e->public_half, sizeof e->public_half);
  return SDX_OK;
}

sdx_status keyring_stage_remove(keyring *k, keyring_kind kind, uint64_t id, keyring_reason reason,
                                int64_t time, uint64_t items, sdx_error *err) {
  sdx_status status = refuse_fork(k, err);
  if (status == SDX_OK) status = keyring_stage(k, err);
  if (status != SDX_OK) return status;
  region_entry *e = region_find(&k->next, kind, id);
  if (e == NULL) return error_set(err, SDX_NOT_FOUND, "the keyring has no such key");
  const keyring_removal record = { .kind = kind,
                                   .id = id,
                                   .time = time,
                                   .items = items,
                                   .reason = reason,
                                   .generation = k->next.generation };
  return region_remove(&k->next, e, &record, err);
}

static sdx_status finish_next(keyring *k, uint64_t store_generation, sdx_error *err) {
  region *r = &k->next;
  if (k->root == NULL) {
    if (r->store_generation < store_generation) r->store_generation = store_generation;
    const sdx_status appended =
        k->deposit != NULL ? region_prove_appended(r, k->deposit->slot, k->deposit->append_key, err)
                           : SDX_OK;
    return appended == SDX_OK ? region_fit(r, err) : appended;
  }
  r->store_generation = store_generation;
  const sdx_status status = region_prove(r, keyring_staged_root(k), err);
  return status == SDX_OK ? region_fit(r, err) : status;
}

sdx_status keyring_commit(keyring *k, uint64_t store_generation, sdx_error *err) {
  sdx_status status = refuse_fork(k, err);
  if (status == SDX_OK) status = keyring_stage(k, err);
  if (status == SDX_OK) status = finish_next(k, store_generation, err);
  if (status == SDX_OK) status = place_replace(k, err);
  if (status == SDX_OK) {
    region_free(&k->now);
    k->now = k->next;
    k->staged = false;
    if (k->next_root != NULL) {
      root_key_free(k->root);
      k->root = k->next_root;
      k->next_root = NULL;
    }
    if (k->next_own.keys.mac_key != NULL) {
      opener_free(&k->own);
      k->own = k->next_own;
      k->next_own = (opener){ .raw = NULL };
    }
  }
  keyring_rollback(k);
  return status;
}

sdx_status keyring_destroy(const char *dir, sdx_error *err) {
  return keyring_destroy_in(dir, NULL, err);
}

sdx_status keyring_destroy_in(const char *dir, const sdx_keyring_storage *storage, sdx_error *err) {
  sdx_status status = crypto_start(err);
  if (status == SDX_OK) status = check_storage(storage, err);
  if (status != SDX_OK) return status;
  if (storage != NULL) return keyring_storage_destroy(storage, err);
  const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return error_system(err, errno, "cannot open the index directory");
  status = keyring_file_destroy(fd, err);
  close(fd);
  return status;
}
