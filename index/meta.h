/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * meta.h - the rows of the `meta` table that an index has once: head, settings, sweep, upkeep, account.
 *
 * The head, the sweep's, upkeep's and the account's row are written by sweeps without a key too, so they carry
 * no authentication; what a forger gains by them is named in docs/threat-model.md. The settings are
 * sealed under the table key.
 */
#ifndef SEALDEX_INDEX_META_H
#define SEALDEX_INDEX_META_H

#include "index/index.h"

#define META_FORMAT 1

/* Rewritten by every commit. */
typedef struct meta_head {
  uint16_t format;
  uint8_t index_id[16];
  uint64_t generation;         /* + 1 with every commit that readers should see */
  uint64_t due_generation;     /* the one in which `due` rows last changed */
  uint64_t epochs_ever;        /* numbers the epochs */
  holder_id epoch;             /* the epoch that takes records; 0: none */
  uint32_t journal_records;    /* in all epochs: a fold's hint, no more */
  uint64_t journal_bytes;
  uint64_t keyring_generation; /* as of the last publication */
  int64_t created;
  uint64_t keys;               /* the keyring's set of keys that blinds, seals and authenticates rows */
  int64_t keys_since;          /* when it took the place of another */
} meta_head;
sdx_status meta_head_get(store_txn *t, meta_head *out, sdx_error *err) SDX_CHECK;
sdx_status meta_head_put(store_txn *t, const meta_head *h, sdx_error *err) SDX_CHECK;

sdx_status meta_settings_get(store_txn *t, const secret *table_key, const uint8_t index_id[16],
                             index_settings *out, secret **digest, sdx_error *err) SDX_CHECK;
/* `digest` is the key that hashes contents and threads: it opens nothing. */
sdx_status meta_settings_put(store_txn *t, const secret *table_key, nonce_pool *pool,
                             const uint8_t index_id[16], const index_settings *s,
                             const secret *digest, sdx_error *err) SDX_CHECK;

/* When the index was last swept, and since when a clock that jumped is waiting to be confirmed. */
typedef struct meta_sweep {
  int64_t last;    /* the index's creation, before the first sweep */
  int64_t jumped;  /* 0: no clock waits */
  bool ever;       /* a sweep has run */
} meta_sweep;
sdx_status meta_sweep_get(store_txn *t, meta_sweep *out, sdx_error *err) SDX_CHECK;
sdx_status meta_sweep_put(store_txn *t, const meta_sweep *s, sdx_error *err) SDX_CHECK;

/* When upkeep with the read key last ran, to within a day; 0: never. */
sdx_status meta_upkeep_get(store_txn *t, int64_t *last, sdx_error *err) SDX_CHECK;
sdx_status meta_upkeep_put(store_txn *t, int64_t last, sdx_error *err) SDX_CHECK;

/* When the account was closed; 0 where it is open (then there is no row). */
sdx_status meta_closed_get(store_txn *t, int64_t *since, sdx_error *err) SDX_CHECK;
sdx_status meta_closed_put(store_txn *t, int64_t since, sdx_error *err) SDX_CHECK;

#endif
