/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * index.h - the open index: store and keyring held together, and the order between them.
 *
 * Everything that reads (query/) or writes (indexer/) stands on this: an open handle, a write
 * transaction that first finishes what a crashed predecessor left undone, the places of items, due
 * rows, journal and segments as rows of the store.
 */
#ifndef SEALDEX_INDEX_INDEX_H
#define SEALDEX_INDEX_INDEX_H

#include <pthread.h>
#include <stdatomic.h>

#include "crypto/keyring.h"
#include "segment/reader.h"
#include "store/store.h"
#include "text/text.h"

/* A holder is what keeps item versions under one key: a segment, a journal epoch or a trash bucket. Its
 * id is random, not 0, and also the id of its key in the keyring. */
typedef uint64_t holder_id;

typedef struct index_settings {
  int64_t retention;
  bool store_text;
  char languages[64];
} index_settings;

struct view;

struct sdx_index {
  char *dir;
  int pid;
  store *store;
  keyring *keyring;          /* guarded by keyring_lock */
  pthread_mutex_t keyring_lock;
  secret *id_key;            /* blinds external ids */
  secret *table_key;         /* seals `ids` rows ... */
  secret *row_key;           /* ... authenticates `due` and `meta` rows (derived from table_key) */
  secret *thread_key;        /* hashes thread ids (derived from id_key) */
  index_settings settings;
  block_cache *cache;
  pthread_mutex_t view_lock; /* guards the exchange of `view` */
  struct view *view;         /* the newest picture; index/view.h */
  pthread_mutex_t write_lock; /* one writing call at a time in this handle */
  text_analyser *analyser;   /* of writers; under write_lock */
  pthread_mutex_t query_lock; /* guards the pool of analysers for queries */
  text_analyser *query_analysers[8];
  atomic_uint_fast32_t next_segment_number;
  atomic_uint_fast64_t count_searches, count_search_us, count_blocks_opened, count_blocks_hit,
      count_adds, count_folds, count_merges, count_bytes_written;
};

/* SDX_FORKED in another process than the one that opened the handle. Every public call begins so. */
sdx_status index_check(const sdx_index *index, sdx_error *err) SDX_CHECK;

/* An analyser for a query: from the pool, or a new one; give it back. */
sdx_status index_borrow_analyser(sdx_index *index, text_analyser **out, sdx_error *err) SDX_CHECK;
void index_return_analyser(sdx_index *index, text_analyser *a);

#endif
