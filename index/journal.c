/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/journal.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/wipe.h"
#include "index/bytes.h"
#include "index/epoch.h"

#define KEY_SIZE 14
#define HEADER_SIZE 37
#define AD_SIZE 44

static const char ad_label[14] = "sealdex record";

static void make_key(uint8_t key[KEY_SIZE], holder_id holder, uint32_t sequence, uint16_t part) {
  put_be(key, holder, 8);
  put_be(key + 8, sequence, 4);
  put_be(key + 12, part, 2);
}

static void make_ad(uint8_t ad[AD_SIZE], const uint8_t index_id[16], holder_id holder,
                    uint32_t sequence) {
  memcpy(ad, ad_label, sizeof ad_label);
  put_le(ad + 14, META_FORMAT, 2);
  memcpy(ad + 16, index_id, 16);
  put_be(ad + 32, holder, 8);
  put_be(ad + 40, sequence, 4);
}

size_t journal_sealed_size(size_t body_size) {
  static const size_t classes[] = { 256, 512, 1024, 1536, 2016 };
  if (body_size > JOURNAL_BODY_MAX) return 0;
  const size_t size = body_size + HEADER_SIZE + SEAL_OVERHEAD;
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
    if (size <= classes[i]) return classes[i];
  return (size + STORE_BLOCK_SIZE - 1) / STORE_BLOCK_SIZE * STORE_BLOCK_SIZE;
}

static sdx_status put_parts(store_txn *t, holder_id holder, uint32_t sequence, const uint8_t *sealed,
                            size_t size, sdx_error *err) {
  uint8_t key[KEY_SIZE];
  sdx_status status = SDX_OK;
  for (uint16_t part = 0; size > 0 && status == SDX_OK; part++) {
    const size_t n = size < STORE_BLOCK_SIZE ? size : STORE_BLOCK_SIZE;
    make_key(key, holder, sequence, part);
    status = store_put(t, STORE_JOURNAL, key, sizeof key, sealed, n, err);
    sealed += n;
    size -= n;
  }
  return status;
}

sdx_status journal_put(write_txn *w, const seal_key *key, holder_id holder, uint32_t sequence,
                       const journal_record *r, uint64_t *stored, sdx_error *err) {
  const size_t size = journal_sealed_size(r->body.size);
  if (size == 0) return error_set(err, SDX_INVALID, "the item is too big");
  uint8_t ad[AD_SIZE], *plain = plain_alloc(size), *sealed = plain_alloc(size);
  sdx_status status = plain == NULL || sealed == NULL ? error_memory(err) : SDX_OK;
  if (status == SDX_OK) {
    plain[0] = (uint8_t)r->type;
    memcpy(plain + 1, r->blind, BLIND_SIZE);
    put_le(plain + 17, (uint64_t)r->time, 8);
    put_le(plain + 25, r->version, 8);
    put_le(plain + 33, r->body.size, 4);
    if (r->body.size > 0) memcpy(plain + HEADER_SIZE, r->body.data, r->body.size);
    make_ad(ad, w->head.index_id, holder, sequence);
    seal(sealed, key, &w->pool, ad, sizeof ad, plain, size - SEAL_OVERHEAD);
    status = put_parts(w->store, holder, sequence, sealed, size, err);
  }
  if (plain != NULL) wipe(plain, size);
  plain_free(plain);
  plain_free(sealed);
  if (stored != NULL) *stored = size;
  return status;
}

/* The sealed record: in the map where it is one part, else gathered in `whole`. */
static sdx_status get_parts(store_txn *t, holder_id holder, uint32_t sequence, sdx_bytes *sealed,
                            buffer *whole, sdx_error *err) {
  uint8_t key[KEY_SIZE];
  sdx_bytes value;
  make_key(key, holder, sequence, 0);
  sdx_status status = store_get(t, STORE_JOURNAL, key, sizeof key, sealed, err);
  if (status != SDX_OK || sealed->size < STORE_BLOCK_SIZE) return status;
  buffer_put(whole, sealed->data, sealed->size);
  for (uint16_t part = 1; part != 0; part++) {
    make_key(key, holder, sequence, part);
    status = store_get(t, STORE_JOURNAL, key, sizeof key, &value, err);
    if (status == SDX_NOT_FOUND) break;
    if (status != SDX_OK) return status;
    buffer_put(whole, value.data, value.size);
  }
  if (whole->failed) return error_memory(err);
  *sealed = (sdx_bytes){ (const char *)whole->data, whole->size };
  return SDX_OK;
}

static sdx_status open_record(const uint8_t index_id[16], const seal_key *key, holder_id holder,
                              uint32_t sequence, sdx_bytes sealed, buffer *plain,
                              journal_record *out, sdx_error *err) {
  uint8_t ad[AD_SIZE];
  make_ad(ad, index_id, holder, sequence);
  buffer_reset(plain);
  if (sealed.size < HEADER_SIZE + SEAL_OVERHEAD) goto damaged;
  const size_t size = sealed.size - SEAL_OVERHEAD;
  if (!buffer_reserve(plain, size)) return error_memory(err);
  if (unseal(plain->data, key, ad, sizeof ad, (const uint8_t *)sealed.data, sealed.size) != SDX_OK)
    goto damaged;
  plain->size = size;
  const uint8_t *p = plain->data;
  *out = (journal_record){ .type = (journal_type)p[0], .time = (int64_t)get_le(p + 17, 8),
                           .version = get_le(p + 25, 8) };
  memcpy(out->blind, p + 1, BLIND_SIZE);
  out->body = (sdx_bytes){ (const char *)p + HEADER_SIZE, get_le(p + 33, 4) };
  if (out->body.size <= size - HEADER_SIZE &&
      (out->type == JOURNAL_ITEM || out->type == JOURNAL_CHANGE))
    return SDX_OK;
damaged:
  return error_set(err, SDX_DAMAGED, "record %u of holder %016llx does not open", sequence,
                   (unsigned long long)holder);
}

sdx_status journal_get(store_txn *t, const uint8_t index_id[16], const seal_key *key,
                       holder_id holder, uint32_t sequence, buffer *plain, journal_record *out,
                       sdx_error *err) {
  buffer whole = BUFFER_INIT;
  sdx_bytes sealed;
  sdx_status status = get_parts(t, holder, sequence, &sealed, &whole, err);
  if (status == SDX_OK)
    status = open_record(index_id, key, holder, sequence, sealed, plain, out, err);
  buffer_free(&whole);
  return status;
}

sdx_status journal_delete(store_txn *t, holder_id holder, uint32_t sequence, sdx_error *err) {
  uint8_t key[KEY_SIZE];
  make_key(key, holder, sequence, 0);
  return store_delete_prefix(t, STORE_JOURNAL, key, 12, SIZE_MAX, NULL, err);
}

/* ------------------------------------------------------------------ the open epoch */

static sdx_status open_epoch(write_txn *w, holder_row *epoch, sdx_error *err) {
  key_request request = { .kind = KEYRING_EPOCH };
  const sdx_status status = write_add_keys(w, &request, 1, err);
  if (status != SDX_OK) return status;
  *epoch = (holder_row){ .kind = HOLDER_EPOCH, .id = request.id, .time = w->now,
                         .number = ++w->head.epochs_ever, .was = KEYRING_EPOCH };
  seal_key_free(w->index->epoch_key);
  w->index->epoch_key = request.key;
  w->index->epoch_key_id = request.id;
  w->head.epoch = request.id;
  return SDX_OK;
}

static sdx_status epoch_key(write_txn *w, holder_id id, sdx_error *err) {
  sdx_index *index = w->index;
  if (index->epoch_key != NULL && index->epoch_key_id == id) return SDX_OK;
  seal_key_free(index->epoch_key);
  index->epoch_key = NULL;
  index->epoch_key_id = id;
  return index_holder_key(index, KEYRING_EPOCH, id, &index->epoch_key, err);
}

bool journal_takes_more(const holder_row *epoch, int64_t now) {
  return epoch->records < JOURNAL_EPOCH_RECORDS && epoch->kib < JOURNAL_EPOCH_KIB &&
         epoch->time <= now && now - epoch->time < JOURNAL_EPOCH_AGE;
}

static sdx_status find_epoch(write_txn *w, holder_row *epoch, sdx_error *err) {
  if (w->head.epoch == 0) return open_epoch(w, epoch, err);
  sdx_status status =
      holder_get(w->store, w->index->row_key, HOLDER_EPOCH, w->head.epoch, epoch, err);
  if (status == SDX_OK && epoch->was == KEYRING_EPOCH && journal_takes_more(epoch, w->now)) {
    status = epoch_key(w, epoch->id, err);
    if (status == SDX_OK) return SDX_OK;
  }
  /* Full, old, gone, damaged, or a depositor's: what comes next stands in a new one. */
  if (status != SDX_OK && status != SDX_NOT_FOUND && status != SDX_DAMAGED) return status;
  return open_epoch(w, epoch, err);
}

void journal_count(write_txn *w, holder_row *epoch, const journal_record *r, uint64_t stored) {
  epoch->records++;
  if (r->type == JOURNAL_ITEM) epoch->items++;
  epoch->kib += (uint32_t)(stored + 1023) / 1024;
  w->head.journal_records++;
  w->head.journal_bytes += stored;
}

sdx_status journal_append(write_txn *w, const journal_record *r, holder_id *holder,
                          uint32_t *sequence, sdx_error *err) {
  if (index_deposits(w->index)) return epoch_deposit(w, r, holder, sequence, err);
  holder_row epoch;
  uint64_t stored = 0;
  sdx_status status = find_epoch(w, &epoch, err);
  if (status == SDX_OK)
    status = journal_put(w, w->index->epoch_key, epoch.id, epoch.records, r, &stored, err);
  if (status != SDX_OK) return status;
  *holder = epoch.id;
  *sequence = epoch.records;
  journal_count(w, &epoch, r, stored);
  return holder_put(w->store, w->index->row_key, &epoch, err);
}
