/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * place.h - the rows of `ids`: where an item stands, by its blind id.
 *
 *   key    blind id (16): keyed BLAKE2b of the external id under the id key
 *   value  seal_row under the table key of
 *          state (1) | holder (8) | ordinal (4) | version (5) | content (8) | attributes (4)
 *          and, where the item is deleted or expires, also changed (8) | due (8) | expires (8)
 *
 * That a row is longer tells no more than the item's row in `due`, which stands in clear.
 */
#ifndef SEALDEX_INDEX_PLACE_H
#define SEALDEX_INDEX_PLACE_H

#include "index/index.h"

#define BLIND_SIZE 16

typedef enum place_state { PLACE_LIVE = 1, PLACE_DELETED = 2 } place_state;

typedef struct place {
  place_state state;
  holder_id holder;
  uint32_t ordinal;
  uint64_t version;    /* generation of the commit that wrote this version */
  uint64_t content;    /* keyed digest of the content ... */
  uint32_t attributes; /* ... and of the attributes, as they were last given */
  int64_t changed;     /* when it was deleted */
  int64_t due;         /* time in the key of this version's row in `due`; 0: it has none */
  int64_t expires;     /* 0, or when it is deleted as if by its owner */
} place;

/* Deleted by its owner or by its date. */
static inline bool place_dead(const place *p, int64_t now) {
  return p->state == PLACE_DELETED || (p->expires != 0 && p->expires <= now);
}
/* When it was deleted, and until when it can be restored. */
static inline int64_t place_died(const place *p) {
  return p->state == PLACE_DELETED ? p->changed : p->expires;
}

void place_blind(uint8_t blind[BLIND_SIZE], const secret *id_key, sdx_bytes id);
/* SDX_NOT_FOUND where the id is unknown. */
sdx_status place_get(store_txn *t, const secret *table_key, const uint8_t blind[BLIND_SIZE],
                     place *out, sdx_error *err) SDX_CHECK;
sdx_status place_decode(place *out, const secret *table_key, const uint8_t blind[BLIND_SIZE],
                        sdx_bytes value, sdx_error *err) SDX_CHECK;
/* `append`: the key is greater than all others of the table (a bulk write in order). */
sdx_status place_put(store_txn *t, const secret *table_key, nonce_pool *pool,
                     const uint8_t blind[BLIND_SIZE], const place *p, bool append,
                     sdx_error *err) SDX_CHECK;
sdx_status place_delete(store_txn *t, const uint8_t blind[BLIND_SIZE], sdx_error *err) SDX_CHECK;

#endif
