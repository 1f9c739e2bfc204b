/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/meta.h"

#include <string.h>

#include "base/error.h"
#include "base/wipe.h"
#include "index/bytes.h"

#define HEAD_SIZE 94
#define SETTINGS_SIZE 112 /* retention 8, store_text 1, languages 64, zeros 7, digest key 32 */
#define DIGEST_AT 80
#define SWEEP_SIZE 17

static sdx_status get_named(store_txn *t, const char *name, sdx_bytes *value, sdx_error *err) {
  return store_get(t, STORE_META, name, strlen(name), value, err);
}

static sdx_status damaged(sdx_error *err, const char *name) {
  return error_set(err, SDX_DAMAGED, "the store's row \"%s\" is damaged", name);
}

sdx_status meta_head_get(store_txn *t, meta_head *out, sdx_error *err) {
  sdx_bytes v;
  const sdx_status status = get_named(t, "head", &v, err);
  if (status == SDX_NOT_FOUND)
    return error_set(err, SDX_DAMAGED, "the store holds no index: its head is missing");
  if (status != SDX_OK) return status;
  const uint8_t *p = (const uint8_t *)v.data;
  if (v.size < 2) return damaged(err, "head");
  out->format = (uint16_t)get_le(p, 2);
  if (out->format > META_FORMAT)
    return error_set(err, SDX_DAMAGED, "the index has format %u, newer than this library's %u",
                     out->format, META_FORMAT);
  if (v.size != HEAD_SIZE || out->format == 0) return damaged(err, "head");
  memcpy(out->index_id, p + 2, 16);
  out->generation = get_le(p + 18, 8);
  out->due_generation = get_le(p + 26, 8);
  out->epochs_ever = get_le(p + 34, 8);
  out->epoch = get_le(p + 42, 8);
  out->journal_records = (uint32_t)get_le(p + 50, 4);
  out->journal_bytes = get_le(p + 54, 8);
  out->keyring_generation = get_le(p + 62, 8);
  out->created = (int64_t)get_le(p + 70, 8);
  out->keys = get_le(p + 78, 8);
  out->keys_since = (int64_t)get_le(p + 86, 8);
  return SDX_OK;
}

sdx_status meta_head_put(store_txn *t, const meta_head *h, sdx_error *err) {
  uint8_t p[HEAD_SIZE] = { 0 };
  put_le(p, h->format, 2);
  memcpy(p + 2, h->index_id, 16);
  put_le(p + 18, h->generation, 8);
  put_le(p + 26, h->due_generation, 8);
  put_le(p + 34, h->epochs_ever, 8);
  put_le(p + 42, h->epoch, 8);
  put_le(p + 50, h->journal_records, 4);
  put_le(p + 54, h->journal_bytes, 8);
  put_le(p + 62, h->keyring_generation, 8);
  put_le(p + 70, (uint64_t)h->created, 8);
  put_le(p + 78, h->keys, 8);
  put_le(p + 86, (uint64_t)h->keys_since, 8);
  return store_put(t, STORE_META, "head", 4, p, sizeof p, err);
}

sdx_status meta_settings_get(store_txn *t, const secret *table_key, const uint8_t index_id[16],
                             index_settings *out, secret **digest, sdx_error *err) {
  sdx_bytes v;
  sdx_status status = get_named(t, "settings", &v, err);
  if (status == SDX_NOT_FOUND) return damaged(err, "settings");
  if (status != SDX_OK) return status;
  uint8_t p[SETTINGS_SIZE];
  if (v.size != SETTINGS_SIZE + SEAL_ROW_OVERHEAD ||
      unseal_row(p, table_key, index_id, (const uint8_t *)v.data, v.size) != SDX_OK || p[72] != 0)
    return damaged(err, "settings");
  out->retention = (int64_t)get_le(p, 8);
  out->store_text = p[8] != 0;
  memcpy(out->languages, p + 9, 64);
  status = secret_copy(digest, p + DIGEST_AT, err);
  wipe(p, sizeof p);
  return status;
}

sdx_status meta_settings_put(store_txn *t, const secret *table_key, nonce_pool *pool,
                             const uint8_t index_id[16], const index_settings *s,
                             const secret *digest, sdx_error *err) {
  uint8_t p[SETTINGS_SIZE] = { 0 }, sealed[SETTINGS_SIZE + SEAL_ROW_OVERHEAD];
  put_le(p, (uint64_t)s->retention, 8);
  p[8] = s->store_text;
  memcpy(p + 9, s->languages, 64);
  memcpy(p + DIGEST_AT, secret_view(digest), SECRET_SIZE);
  seal_row(sealed, table_key, pool, index_id, p, sizeof p);
  wipe(p, sizeof p);
  return store_put(t, STORE_META, "settings", 8, sealed, sizeof sealed, err);
}

sdx_status meta_sweep_get(store_txn *t, meta_sweep *out, sdx_error *err) {
  sdx_bytes v;
  const sdx_status status = get_named(t, "sweep", &v, err);
  if (status != SDX_OK && status != SDX_NOT_FOUND) return status;
  if (status == SDX_NOT_FOUND || v.size != SWEEP_SIZE) return damaged(err, "sweep");
  const uint8_t *p = (const uint8_t *)v.data;
  out->last = (int64_t)get_le(p, 8);
  out->jumped = (int64_t)get_le(p + 8, 8);
  out->ever = p[16] != 0;
  return SDX_OK;
}

sdx_status meta_sweep_put(store_txn *t, const meta_sweep *s, sdx_error *err) {
  uint8_t p[SWEEP_SIZE];
  put_le(p, (uint64_t)s->last, 8);
  put_le(p + 8, (uint64_t)s->jumped, 8);
  p[16] = s->ever;
  return store_put(t, STORE_META, "sweep", 5, p, sizeof p, err);
}

static sdx_status get_time(store_txn *t, const char *name, int64_t *out, sdx_error *err) {
  sdx_bytes v;
  *out = 0;
  const sdx_status status = get_named(t, name, &v, err);
  if (status == SDX_NOT_FOUND) return SDX_OK;
  if (status != SDX_OK) return status;
  if (v.size != 8) return damaged(err, name);
  *out = (int64_t)get_le((const uint8_t *)v.data, 8);
  return SDX_OK;
}

static sdx_status put_time(store_txn *t, const char *name, int64_t time, sdx_error *err) {
  uint8_t p[8];
  put_le(p, (uint64_t)time, 8);
  return store_put(t, STORE_META, name, strlen(name), p, sizeof p, err);
}

sdx_status meta_upkeep_get(store_txn *t, int64_t *last, sdx_error *err) {
  return get_time(t, "upkeep", last, err);
}

sdx_status meta_upkeep_put(store_txn *t, int64_t last, sdx_error *err) {
  return put_time(t, "upkeep", last, err);
}

sdx_status meta_closed_get(store_txn *t, int64_t *since, sdx_error *err) {
  return get_time(t, "account", since, err);
}

sdx_status meta_closed_put(store_txn *t, int64_t since, sdx_error *err) {
  return since == 0 ? store_delete(t, STORE_META, "account", 7, err) : put_time(t, "account", since, err);
}
