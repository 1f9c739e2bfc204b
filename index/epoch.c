/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/epoch.h"

#include <string.h>

#include "base/error.h"
#include "index/bytes.h"

#define BATCH_KEY_SIZE 14
#define BATCH_PART 0xffff

static const char batch_label[24] = "sealdex deposit batch 1";

static void batch_place(uint8_t key[BATCH_KEY_SIZE], holder_id epoch, uint32_t first) {
  put_be(key, epoch, 8);
  put_be(key + 8, first, 4);
  put_be(key + 12, BATCH_PART, 2);
}

/* What the records of a batch are sealed under. */
static sdx_status record_key(seal_key **out, const sdx_index *index, holder_id epoch,
                             const secret *batch, sdx_error *err) {
  uint8_t bound[sizeof batch_label + 24], mark[32];
  secret *key = NULL;
  memcpy(bound, batch_label, sizeof batch_label);
  memcpy(bound + sizeof batch_label, index->index_id, 16);
  put_be(bound + sizeof batch_label + 16, epoch, 8);
  secret_hash(mark, sizeof mark, index->row_key->depositor, bound, sizeof bound);
  sdx_status status =
      secret_derive(&key, batch, "sealdex deposit record 1", mark, sizeof mark, err);
  if (status == SDX_OK) status = seal_key_new(out, SEAL_XCHACHA20_POLY1305, key, err);
  secret_free(key);
  return status;
}

/* ------------------------------------------------------------------ reading */

void epoch_close(epoch_reader *r) {
  seal_key_free(r->key);
  secret_free(r->secret_half);
  *r = (epoch_reader){ 0 };
}

sdx_status epoch_open(epoch_reader *r, sdx_index *index, keyring_kind kind, holder_id id,
                      sdx_error *err) {
  sdx_status status;
  epoch_close(r);
  r->id = id;
  r->kind = kind;
  if (kind != KEYRING_DEPOSIT_EPOCH) {
    status = index_holder_key(index, kind, id, &r->key, err);
  } else {
    pthread_mutex_lock(&index->keyring_lock);
    status = keyring_secret(index->keyring, kind, id, &r->secret_half, err);
    if (status == SDX_OK) status = keyring_epoch_public(index->keyring, id, r->public_half, err);
    pthread_mutex_unlock(&index->keyring_lock);
  }
  if (status != SDX_OK) epoch_close(r);
  return status;
}

static sdx_status open_batch(epoch_reader *r, const sdx_index *index, uint32_t first,
                             sdx_bytes sealed, sdx_error *err) {
  secret *batch = NULL;
  seal_key_free(r->key);
  r->key = NULL;
  if (sealed.size != PAIR_SEALED_SIZE)
    return error_set(err, SDX_DAMAGED, "a batch of holder %016llx is damaged",
                     (unsigned long long)r->id);
  sdx_status status = pair_open(&batch, r->public_half, r->secret_half,
                                (const uint8_t *)sealed.data, err);
  if (status == SDX_OK) status = record_key(&r->key, index, r->id, batch, err);
  r->batch = first;
  secret_free(batch);
  return status;
}

/* The batch that holds this record: the nearest that begins at or before it. */
static sdx_status find_batch(epoch_reader *r, const sdx_index *index, store_txn *t,
                             uint32_t sequence, sdx_error *err) {
  uint8_t key[BATCH_KEY_SIZE];
  sdx_bytes sealed;
  for (uint32_t first = sequence;; first--) {
    if (r->key != NULL && r->batch == first) return SDX_OK;
    batch_place(key, r->id, first);
    const sdx_status status = store_get(t, STORE_JOURNAL, key, sizeof key, &sealed, err);
    if (status == SDX_OK) return open_batch(r, index, first, sealed, err);
    if (status != SDX_NOT_FOUND) return status;
    if (first == 0 || sequence - first >= JOURNAL_EPOCH_RECORDS)
      return error_set(err, SDX_DAMAGED, "record %u of holder %016llx has no key", sequence,
                       (unsigned long long)r->id);
  }
}

sdx_status epoch_get(epoch_reader *r, sdx_index *index, store_txn *t, uint32_t sequence,
                     buffer *plain, journal_record *out, sdx_error *err) {
  const sdx_status status = r->kind == KEYRING_DEPOSIT_EPOCH
                                ? find_batch(r, index, t, sequence, err)
                                : SDX_OK;
  if (status != SDX_OK) return status;
  return journal_get(t, index->index_id, r->key, r->id, sequence, plain, out, err);
}

/* ------------------------------------------------------------------ depositing */

static sdx_status start_batch(write_txn *w, const uint8_t public_half[PAIR_PUBLIC_SIZE],
                              holder_id epoch, uint32_t first, sdx_error *err) {
  uint8_t key[BATCH_KEY_SIZE], sealed[PAIR_SEALED_SIZE];
  secret *batch = NULL;
  seal_key_free(w->batch);
  w->batch = NULL;
  w->batch_epoch = epoch;
  sdx_status status = secret_random(&batch, err);
  if (status == SDX_OK) status = pair_seal(sealed, public_half, batch, err);
  if (status == SDX_OK) status = record_key(&w->batch, w->index, epoch, batch, err);
  secret_free(batch);
  if (status != SDX_OK) return status;
  batch_place(key, epoch, first);
  return store_put(w->store, STORE_JOURNAL, key, sizeof key, sealed, sizeof sealed, err);
}

static sdx_status open_new(write_txn *w, holder_row *epoch, uint8_t public_half[PAIR_PUBLIC_SIZE],
                           sdx_error *err) {
  key_request request = { .kind = KEYRING_DEPOSIT_EPOCH };
  const sdx_status status = write_add_keys(w, &request, 1, err);
  if (status != SDX_OK) return status;
  memcpy(public_half, request.public_half, PAIR_PUBLIC_SIZE);
  *epoch = (holder_row){ .kind = HOLDER_EPOCH, .id = request.id, .time = w->now,
                         .number = ++w->head.epochs_ever, .was = KEYRING_DEPOSIT_EPOCH };
  w->head.epoch = request.id;
  return SDX_OK;
}

/* The open epoch, if it is one that this deposit key vouches for; else a new one. */
static sdx_status find_epoch(write_txn *w, holder_row *epoch, uint8_t public_half[PAIR_PUBLIC_SIZE],
                             sdx_error *err) {
  sdx_index *index = w->index;
  if (w->head.epoch == 0) return open_new(w, epoch, public_half, err);
  pthread_mutex_lock(&index->keyring_lock);
  sdx_status status = keyring_epoch_public(index->keyring, w->head.epoch, public_half, err);
  pthread_mutex_unlock(&index->keyring_lock);
  if (status == SDX_OK)
    status = holder_get(w->store, index->row_key, HOLDER_EPOCH, w->head.epoch, epoch, err);
  if (status == SDX_OK && epoch->was == KEYRING_DEPOSIT_EPOCH &&
      journal_takes_more(epoch, w->now))
    return SDX_OK;
  if (status != SDX_OK && status != SDX_NOT_FOUND && status != SDX_DAMAGED) return status;
  return open_new(w, epoch, public_half, err);
}

sdx_status epoch_deposit(write_txn *w, const journal_record *r, holder_id *holder,
                         uint32_t *sequence, sdx_error *err) {
  uint8_t public_half[PAIR_PUBLIC_SIZE];
  holder_row epoch;
  uint64_t stored = 0;
  sdx_status status = find_epoch(w, &epoch, public_half, err);
  if (status == SDX_OK && (w->batch == NULL || w->batch_epoch != epoch.id))
    status = start_batch(w, public_half, epoch.id, epoch.records, err);
  if (status == SDX_OK) status = journal_put(w, w->batch, epoch.id, epoch.records, r, &stored, err);
  if (status != SDX_OK) return status;
  *holder = epoch.id;
  *sequence = epoch.records;
  journal_count(w, &epoch, r, stored);
  return holder_put(w->store, w->index->row_key, &epoch, err);
}
