/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * write.h - the write transaction, and the order between keyring and store.
 *
 * A publication runs under the store's write lock: (1) new keys enter the keyring, both regions
 * synced; (2) the commit publishes what they sealed and notes which keys retire; (3) both regions are
 * rewritten without those; (4) the notes go, and the blocks and records that are dead with them.
 * Whoever takes the write lock next finishes a predecessor's steps 3 and 4, drops keys that nothing
 * publishes, and collects segments that a dead writer left unpublished.
 */
#ifndef SEALDEX_INDEX_WRITE_H
#define SEALDEX_INDEX_WRITE_H

#include "index/holder.h"
#include "index/meta.h"

typedef struct write_txn {
  sdx_index *index;
  store_txn *store;
  meta_head head;     /* as the commit will leave it: `generation` is the commit's own */
  uint64_t base;      /* generation of the last commit */
  nonce_pool pool;
  int64_t now;
  bool due_changed;   /* the `due` table did: set by whoever changes it */
  bool visible;       /* readers should see a new generation */
  bool retired;       /* keys are to leave the keyring: write_settle must follow */
  bool keys_added;
  bool keys_moved;    /* the store names another set of keys than the handle has */
  seal_key *batch;    /* of a depositor: what this transaction's records are sealed under ... */
  holder_id batch_epoch; /* ... in this epoch */
} write_txn;

/* Takes the handle's and the store's write lock (waits). `closed_too`: also where the account is
 * closed. On failure there is nothing to end. */
sdx_status write_begin(write_txn *w, sdx_index *index, int64_t now, bool closed_too,
                       sdx_error *err) SDX_CHECK;
/* Step 2. Either way the transaction is over. */
sdx_status write_commit(write_txn *w, sdx_error *err) SDX_CHECK;
void write_abort(write_txn *w);

/* Step 1. Draws an id for each request, and its key; the keys are the caller's. */
typedef struct key_request {
  keyring_kind kind;
  int64_t due;   /* of a trash bucket */
  holder_id id;  /* out */
  seal_key *key; /* out; NULL for a deposit epoch, of which a depositor has ... */
  uint8_t public_half[32]; /* ... this */
} key_request;
sdx_status write_add_keys(write_txn *w, key_request *requests, size_t count, sdx_error *err) SDX_CHECK;

/* Notes that a holder's key retires with this commit. */
sdx_status write_retire(write_txn *w, keyring_kind kind, holder_id id, keyring_reason reason,
                        uint64_t items, sdx_error *err) SDX_CHECK;

/* Steps 3 and 4, now and until nothing of them is left. Until it returns SDX_OK nothing that retired
 * counts as purged; a later writer does it where this one cannot. */
sdx_status write_settle(sdx_index *index, int64_t now, sdx_error *err) SDX_CHECK;

/* The lock that says that the writer of an unpublished segment lives: the kernel drops it with the
 * process. Returns a descriptor to close, or -1 (errno). */
int write_build_lock(const sdx_index *index, holder_id build);
/* The same for a rebuild of the index, one at a time; taken under the maintenance lock. -1 where another
 * is at it. */
int write_rebuild_lock(const sdx_index *index);

#endif
