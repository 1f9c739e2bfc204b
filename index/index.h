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

#include "base/gate.h"
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

/* What authenticates rows. A depositor has its own key alone: it makes rows that say that they were
 * deposited, and no others. */
typedef struct row_keys {
  secret *owner;     /* derived from the secret half of the intake key; NULL in a depositor's handle */
  secret *depositor; /* derived from the table key */
  int64_t retention; /* what deposited `due` rows say of it */
} row_keys;

/* The keys of one set of the keyring, as far as the handle has them. */
typedef struct index_keys {
  uint64_t set;
  secret *id, *table;
  row_keys *row;
} index_keys;

struct view;

#define INDEX_DAMAGED_MAX 64

#define INDEX_ANALYSERS 8

struct sdx_index {
  char *dir;
  int dir_fd;
  uint8_t index_id[16];
  int pid;
  const sdx_keyring_storage *storage; /* of the keyring; NULL: the file */
  store *store;
  keyring *keyring;          /* guarded by keyring_lock */
  pthread_mutex_t keyring_lock;
  gate keys_gate;      /* every call that uses the next four is inside */
  uint64_t key_set;    /* the set that they are of; what the store's head names */
  secret *id_key;      /* blinds external ids; NULL, as the next four, without a key */
  secret *table_key;   /* seals `ids` rows ... */
  row_keys *row_key;   /* authenticate `due` and `meta` rows; NULL without a key */
  secret *thread_key;  /* hashes thread ids; of the digest key, which stays ... */
  secret *content_key; /* ... and what items hold */
  index_settings settings;
  bool accept_restored;
  const sdx_mark *mark;      /* while it is being opened: what the host remembers; may be NULL */
  atomic_int_fast64_t stopped_clock; /* what calls without a time take as the time; 0: the clock */
  block_cache *cache;
  atomic_bool cold;          /* some of its pages were not in memory when that was last looked at */
  pthread_mutex_t view_lock; /* taken to exchange `view`, and for `damaged` */
  _Atomic(struct view *) view; /* the newest picture, taken without the lock; index/view.h */
  atomic_uint view_takers;     /* threads that may have read `view` and have no reference yet */
  holder_id damaged[INDEX_DAMAGED_MAX]; /* segments that stopped opening while they were searched */
  size_t damaged_count;
  pthread_mutex_t maintenance_lock; /* taken before the store's; before write_lock */
  pthread_mutex_t write_lock; /* one write transaction at a time in this handle */
  uint64_t checked_keyring;  /* the keyring's generation whose keys are all published; write_lock */
  seal_key *epoch_key;       /* of the epoch last written to; write_lock */
  holder_id epoch_key_id;
  pthread_mutex_t analyser_lock;
  text_analyser *analyser;   /* of sdx_add; under analyser_lock */
  _Atomic(text_analyser *) query_analysers[INDEX_ANALYSERS]; /* of queries, that none uses just now */
  atomic_uint_fast32_t next_segment_number;
  atomic_uint_fast64_t count_searches, count_search_us, count_blocks_opened, count_blocks_hit,
      count_adds, count_folds, count_merges, count_bytes_written;
};

/* SDX_FORKED in another process than the one that opened the handle. Every public call begins so. */
sdx_status index_check(const sdx_index *index, sdx_error *err) SDX_CHECK;

/* The time for a call that was given `now`; 0 means the clock, or where the handle's clock is stopped
 * the time it stopped at. A time that is given moves a stopped clock on. */
int64_t index_now(sdx_index *index, int64_t now);

/* Opens without a key: for sweeps, inspection and compaction. Close with sdx_close. */
sdx_status index_open_locked(sdx_index **out, const char *dir, const sdx_keyring_storage *storage,
                             sdx_error *err) SDX_CHECK;

/* Opens with a deposit key: the handle adds, deletes, restores and sets attributes, and reads
 * nothing. */
sdx_status index_open_deposit(sdx_index **out, const char *dir, const sdx_secret *contents,
                              const sdx_keyring_storage *storage, sdx_error *err) SDX_CHECK;
static inline bool index_deposits(const sdx_index *index) {
  return index->row_key != NULL && index->row_key->owner == NULL;
}

/* The maintenance lock, in this handle and across processes. `wait` false: SDX_LOCKED at once where
 * somebody has it; true: after some seconds. */
sdx_status index_maintenance_begin(sdx_index *index, bool wait, sdx_error *err) SDX_CHECK;
void index_maintenance_end(sdx_index *index);

/* The key of a published holder; the caller's. SDX_NOT_FOUND where the keyring lacks it. */
sdx_status index_holder_key(sdx_index *index, keyring_kind kind, holder_id id, seal_key **out,
                            sdx_error *err) SDX_CHECK;

/* Keys of a set, from the keyring as it was read last; the caller's. SDX_NOT_FOUND where it has none
 * such. */
sdx_status index_keys_open(index_keys *out, sdx_index *index, uint64_t set, sdx_error *err) SDX_CHECK;
void index_keys_free(index_keys *k); /* zeroed is fine */

/* Id key and the keys of rows are replaced now and then (indexer/key_set.h). Whoever uses them holds them
 * meanwhile; view_begin and write_begin do so until their ends, and see to it that they are those
 * that the store's head names. May be nested. */
void index_keys_hold(sdx_index *index);
void index_keys_release(sdx_index *index);
/* Takes the keys that the store's head names. Not while this thread holds any. */
sdx_status index_keys_follow(sdx_index *index, sdx_error *err) SDX_CHECK;

/* A batch keeps blind ids for long: while it lives, id and row keys are not replaced. The kernel drops the
 * lock with the process. A descriptor to close, or -1 (errno). */
int index_batch_lock(const sdx_index *index);
bool index_batch_lives(const sdx_index *index);

/* An analyser for a query: from the pool, or a new one; give it back. */
sdx_status index_borrow_analyser(sdx_index *index, text_analyser **out, sdx_error *err) SDX_CHECK;
void index_return_analyser(sdx_index *index, text_analyser *a);
/* Closes those that nobody has. */
void index_drop_analysers(sdx_index *index);

#endif
