/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Key slots, and the change of the root key: one write of the keyring each. */
#include <time.h>

#include "base/error.h"
#include "base/wipe.h"
#include "index/write.h"
#include "indexer/key_set.h"
#include "indexer/reseal.h"

/* The keyring is written under the store's write lock, so that no other writer is half-way between
 * keyring and store. */
typedef struct keyring_change {
  write_txn w;
  keyring *keyring;
} keyring_change;

static sdx_status begin(keyring_change *c, sdx_index *index, int64_t now, sdx_error *err) {
  sdx_status status = index_check(index, err);
  if (status == SDX_OK) status = write_begin(&c->w, index, index_now(index, now), false, err);
  if (status != SDX_OK) return status;
  c->keyring = index->keyring;
  pthread_mutex_lock(&index->keyring_lock);
  return SDX_OK;
}

static sdx_status end(keyring_change *c, sdx_status status, sdx_error *err) {
  sdx_index *index = c->w.index;
  if (status == SDX_OK) status = keyring_commit(c->keyring, c->w.base, err);
  else keyring_rollback(c->keyring);
  if (status == SDX_OK) index->checked_keyring = keyring_generation(c->keyring);
  pthread_mutex_unlock(&index->keyring_lock);
  write_abort(&c->w); /* nothing of the store changed */
  return status;
}

/* A slot for `s`; in the place of the one that it opens already, if there is such a one. */
static sdx_status put_slot(keyring *k, const sdx_secret *s, const keyring_options *options,
                           sdx_error *err) {
  const sdx_status status = keyring_slot_replace(k, s, s, options, err);
  return status == SDX_WRONG_KEY ? keyring_slot_add(k, s, options, err) : status;
}

sdx_status sdx_slot_add(sdx_index *index, const sdx_secret *s, const sdx_slot_options *options,
                        sdx_error *err) {
  const sdx_slot_options defaults = SDX_SLOT_OPTIONS_INIT;
  const sdx_slot_options *o = options != NULL ? options : &defaults;
  keyring_change c;
  if (s == NULL || s->kind == SDX_SECRET_DEPOSIT || o->version != 1)
    return error_set(err, SDX_INVALID, "slot: a key or passphrase and options of version 1 are needed");
  const keyring_options costs = { .argon2_ops = o->argon2_passes, .argon2_mib = o->argon2_mib };
  const sdx_status status = begin(&c, index, 0, err);
  return status == SDX_OK ? end(&c, put_slot(c.keyring, s, &costs, err), err) : status;
}

sdx_status sdx_slot_remove(sdx_index *index, const sdx_secret *s, sdx_error *err) {
  keyring_change c;
  if (s == NULL) return error_set(err, SDX_INVALID, "slot: the secret that opens it is needed");
  const sdx_status status = begin(&c, index, 0, err);
  return status == SDX_OK ? end(&c, keyring_slot_remove(c.keyring, s, err), err) : status;
}

sdx_status sdx_deposit_key(sdx_index *index, char contents[SDX_DEPOSIT_FILE_SIZE], sdx_error *err) {
  keyring_change c;
  if (contents == NULL) return error_no_place(err);
  sdx_status status = begin(&c, index, 0, err);
  if (status != SDX_OK) return status;
  status = end(&c, keyring_deposit_add(c.keyring, contents, err), err);
  if (status != SDX_OK) wipe(contents, SDX_DEPOSIT_FILE_SIZE);
  return status;
}

static sdx_status change_root(sdx_index *index, const sdx_secret *was, const sdx_secret *is,
                              int64_t now, sdx_error *err) {
  keyring_change c;
  sdx_status status = begin(&c, index, now, err);
  if (status != SDX_OK) return status;
  if (was != NULL) status = keyring_slot_replace(c.keyring, was, is, NULL, err);
  if (status == SDX_OK) status = keyring_rekey(c.keyring, err);
  return end(&c, status, err);
}

/* Waits a while for batches that others make. */
static sdx_status replace_key_set(sdx_index *index, int64_t now, sdx_error *err) {
  const struct timespec moment = { .tv_nsec = 50000000 };
  for (int i = 0;; i++) {
    const sdx_status status = key_set_replace(index, true, now, err);
    if (status != SDX_LOCKED || i == 200) return status;
    nanosleep(&moment, NULL);
  }
}

/* Everything is sealed anew before the root changes: a handle that reads with the old one goes on until
 * then. */
static sdx_status change_all(sdx_index *index, const sdx_secret *was, const sdx_secret *is,
                             int64_t now, sdx_error *err) {
  sdx_status status = index_maintenance_begin(index, true, err);
  if (status != SDX_OK) return status;
  status = reseal_all(index, now, err);
  if (status == SDX_OK) status = replace_key_set(index, now, err);
  if (status == SDX_OK) status = change_root(index, was, is, now, err);
  index_maintenance_end(index);
  return status;
}

/* That `was` opens the index is seen before hours of work are spent. */
static sdx_status check_slot(sdx_index *index, const sdx_secret *was, const sdx_secret *is,
                             int64_t now, sdx_error *err) {
  keyring_change c;
  sdx_status status = begin(&c, index, now, err);
  if (status != SDX_OK) return status;
  status = keyring_slot_replace(c.keyring, was, is, NULL, err);
  keyring_rollback(c.keyring);
  pthread_mutex_unlock(&index->keyring_lock);
  write_abort(&c.w);
  return status;
}

sdx_status sdx_rekey(sdx_index *index, const sdx_secret *was, const sdx_secret *is, bool deep,
                     int64_t now, sdx_error *err) {
  if ((was == NULL) != (is == NULL))
    return error_set(err, SDX_INVALID, "rekey: both the old secret and the new one, or neither");
  sdx_status status = index_check(index, err);
  if (status != SDX_OK || !deep)
    return status == SDX_OK ? change_root(index, was, is, now, err) : status;
  now = index_now(index, now);
  if (was != NULL) status = check_slot(index, was, is, now, err);
  return status == SDX_OK ? change_all(index, was, is, now, err) : status;
}
