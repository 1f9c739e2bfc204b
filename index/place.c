/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/place.h"

#include "base/error.h"
#include "base/wipe.h"
#include "index/bytes.h"

#define SHORT_SIZE 30
#define LONG_SIZE 54

void place_blind(uint8_t blind[BLIND_SIZE], const secret *id_key, sdx_bytes id) {
  secret_hash(blind, BLIND_SIZE, id_key, id.data, id.size);
}

sdx_status place_decode(place *out, const secret *table_key, const uint8_t blind[BLIND_SIZE],
                        sdx_bytes value, sdx_error *err) {
  uint8_t p[LONG_SIZE] = { 0 };
  const size_t size = value.size - SEAL_ROW_OVERHEAD;
  if ((value.size != SHORT_SIZE + SEAL_ROW_OVERHEAD && value.size != LONG_SIZE + SEAL_ROW_OVERHEAD) ||
      unseal_row(p, table_key, blind, (const uint8_t *)value.data, value.size) != SDX_OK)
    return error_set(err, SDX_DAMAGED, "a row of the table \"ids\" is damaged");
  *out = (place){ .state = (place_state)p[0],
                  .holder = get_le(p + 1, 8),
                  .ordinal = (uint32_t)get_le(p + 9, 4),
                  .version = get_le(p + 13, 5),
                  .content = get_le(p + 18, 8),
                  .attributes = (uint32_t)get_le(p + 26, 4) };
  if (size == LONG_SIZE) {
    out->changed = (int64_t)get_le(p + 30, 8);
    out->due = (int64_t)get_le(p + 38, 8);
    out->expires = (int64_t)get_le(p + 46, 8);
  }
  wipe(p, sizeof p);
  if (out->state != PLACE_LIVE && out->state != PLACE_DELETED)
    return error_set(err, SDX_DAMAGED, "a row of the table \"ids\" has an unknown state");
  return SDX_OK;
}

/* A row whose key was damaged stands under another, and does not open there. */
static bool is_sound(void *table_key, sdx_bytes key, sdx_bytes value) {
  place p;
  return key.size == BLIND_SIZE &&
         place_decode(&p, table_key, (const uint8_t *)key.data, value, NULL) == SDX_OK;
}

sdx_status place_get(store_txn *t, const secret *table_key, const uint8_t blind[BLIND_SIZE],
                     place *out, sdx_error *err) {
  sdx_bytes value;
  const sdx_status status = store_get(t, STORE_IDS, blind, BLIND_SIZE, &value, err);
  if (status == SDX_OK) return place_decode(out, table_key, blind, value, err);
  if (status != SDX_NOT_FOUND) return status;
  const sdx_status missing =
      store_confirm_missing(t, STORE_IDS, blind, BLIND_SIZE, is_sound, (void *)(uintptr_t)table_key, err);
  return missing == SDX_OK ? SDX_NOT_FOUND : missing;
}

sdx_status place_put(store_txn *t, const secret *table_key, nonce_pool *pool,
                     const uint8_t blind[BLIND_SIZE], const place *p, bool append, sdx_error *err) {
  uint8_t plain[LONG_SIZE], sealed[LONG_SIZE + SEAL_ROW_OVERHEAD];
  plain[0] = (uint8_t)p->state;
  put_le(plain + 1, p->holder, 8);
  put_le(plain + 9, p->ordinal, 4);
  put_le(plain + 13, p->version, 5);
  put_le(plain + 18, p->content, 8);
  put_le(plain + 26, p->attributes, 4);
  put_le(plain + 30, (uint64_t)p->changed, 8);
  put_le(plain + 38, (uint64_t)p->due, 8);
  put_le(plain + 46, (uint64_t)p->expires, 8);
  const bool timed = p->state == PLACE_DELETED || p->due != 0 || p->expires != 0;
  const size_t size = timed ? LONG_SIZE : SHORT_SIZE;
  seal_row(sealed, table_key, pool, blind, plain, size);
  wipe(plain, sizeof plain);
  return (append ? store_append : store_put)(t, STORE_IDS, blind, BLIND_SIZE, sealed,
                                             size + SEAL_ROW_OVERHEAD, err);
}

sdx_status place_delete(store_txn *t, const uint8_t blind[BLIND_SIZE], sdx_error *err) {
  return store_delete(t, STORE_IDS, blind, BLIND_SIZE, err);
}
