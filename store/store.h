/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store.h - one user's tables: atomic, crash-safe, many readers beside one writer, across
 * processes.
 *
 * The only door to LMDB. Keys and values are bytes; what they mean is the business of index/ and
 * segment/. The interface is kept narrow enough (get, put, delete, scan, publish by commit) for an
 * object store to stand behind it one day.
 *
 * Environments are opened with MDB_NOTLS | MDB_NORDAHEAD; read-only until the first write. A failed
 * write inside a transaction poisons it: store_commit then fails and nothing of it is kept.
 *
 * Handles are thread-safe; a transaction is used by one thread at a time. Handles of one directory
 * share what LMDB has open of it (environment.h says why); nothing else in the process may open its
 * lock.mdb. In the child of a fork a handle answers SDX_FORKED and can only be closed.
 */
#ifndef SEALDEX_STORE_STORE_H
#define SEALDEX_STORE_STORE_H

#include "sealdex.h"

typedef enum store_table {
  STORE_META = 0,
  STORE_IDS = 1,
  STORE_DUE = 2,
  STORE_BLOCKS = 3,
  STORE_JOURNAL = 4,
  STORE_TABLES = 5
} store_table;

/* A value of at most this many bytes fills one LMDB overflow page exactly. */
#define STORE_BLOCK_SIZE 4080

typedef struct store store;
typedef struct store_txn store_txn;

/* Creates DIR/data.mdb and DIR/lock.mdb with empty tables; DIR must exist. SDX_INVALID where there
 * is a store already. */
sdx_status store_create(const char *dir, sdx_error *err) SDX_CHECK;
/* Opens read-only; the first store_write_begin reopens for writing. SDX_SYSTEM where nothing is
 * there, SDX_DAMAGED where it is no LMDB file or one cut short. Works in a directory that cannot be
 * written; without a lock file if need be, so nobody else should be writing there then. */
sdx_status store_open(store **out, const char *dir, sdx_error *err) SDX_CHECK;
/* No transaction may be open. */
void store_close(store *s);

/* A snapshot for reading; cheap (a pooled transaction is renewed); thread-safe. Bound its life to a
 * call: an old snapshot pins pages. A full reader table first clears stale readers, then fails
 * with SDX_SYSTEM. */
sdx_status store_read_begin(store *s, store_txn **out, sdx_error *err) SDX_CHECK;
void store_read_end(store_txn *t);

/* Which state of the store a transaction reads. Of one handle, two that are the same in all are the
 * same state. */
typedef struct store_moment {
  uint64_t files, transaction, root;
} store_moment;
store_moment store_moment_of(const store_txn *t);

/* A snapshot for a short look at a store without opening it: pages are read, not mapped, and no
 * lock is taken, so it costs a few reads. It gives store_get and cursors, and ends with
 * store_glance_end. What was read counts only if that is true: nothing was committed meanwhile, so
 * none of the pages was written over. Any failure, also of a get, says only that this way is closed:
 * open the store, and see. `dir` stays the caller's. */
sdx_status store_glance_begin(store_txn **out, int dir, sdx_error *err) SDX_CHECK;
bool store_glance_end(store_txn *t) SDX_CHECK;

/* Takes the write lock (waits for it) and starts a transaction; grows the map when it is more than
 * half full. The same thread must commit or abort it. The first write through a directory's handles
 * waits until their readers are out: SDX_INVALID where this thread is one of them, or is writing.
 */
sdx_status store_write_begin(store *s, store_txn **out, sdx_error *err) SDX_CHECK;
/* Durable when it returns SDX_OK. Either way the transaction is over. */
sdx_status store_commit(store_txn *t, sdx_error *err) SDX_CHECK;
void store_abort(store_txn *t); /* NULL is fine */

/* *value borrows memory of the map, good until the transaction ends or writes. SDX_NOT_FOUND (with
 * no message) where the key is absent. */
sdx_status store_get(store_txn *t, store_table table, const void *key, size_t key_size,
                     sdx_bytes *value, sdx_error *err) SDX_CHECK;
/* A block (STORE_BLOCK_SIZE bytes) of a value of one or several, where that is read once: the one that begins
 * at byte `at`. It may stand in `room` instead; no bytes: the value ends before. */
#define STORE_PAGE 4096
sdx_status store_get_block(store_txn *t, const void *key, size_t key_size, size_t at,
                           uint8_t room[STORE_PAGE], sdx_bytes *value, sdx_error *err) SDX_CHECK;
/* Keys are 1 to 511 bytes. */
sdx_status store_put(store_txn *t, store_table table, const void *key, size_t key_size,
                     const void *value, size_t value_size, sdx_error *err) SDX_CHECK;
/* The same where the key must not exist yet: SDX_INVALID if it does. */
sdx_status store_put_new(store_txn *t, store_table table, const void *key, size_t key_size,
                         const void *value, size_t value_size, sdx_error *err) SDX_CHECK;
/* Puts a key that is absent and greater than all keys of the table; faster, and packs pages full.
 */
sdx_status store_append(store_txn *t, store_table table, const void *key, size_t key_size,
                        const void *value, size_t value_size, sdx_error *err) SDX_CHECK;
/* Deleting what is absent is SDX_OK. */
sdx_status store_delete(store_txn *t, store_table table, const void *key, size_t key_size,
                        sdx_error *err) SDX_CHECK;
/* Deletes at most `limit` entries whose key begins with `prefix`; *deleted (may be NULL) says how
 * many went. */
sdx_status store_delete_prefix(store_txn *t, store_table table, const void *prefix,
                               size_t prefix_size, size_t limit, size_t *deleted,
                               sdx_error *err) SDX_CHECK;

/* Ordered scans. Key and value borrow as above. A cursor ends with its transaction at the latest.
 */
typedef struct store_cursor store_cursor;
sdx_status store_cursor_open(store_txn *t, store_table table, store_cursor **out,
                             sdx_error *err) SDX_CHECK;
void store_cursor_close(store_cursor *c);
/* The first entry whose key is >= key (NULL, 0: the first of all). SDX_NOT_FOUND at the end. */
sdx_status store_cursor_seek(store_cursor *c, const void *key, size_t key_size, sdx_bytes *k,
                             sdx_bytes *v, sdx_error *err) SDX_CHECK;
sdx_status store_cursor_next(store_cursor *c, sdx_bytes *k, sdx_bytes *v, sdx_error *err) SDX_CHECK;
/* Deletes the entry the cursor stands on (write transactions); store_cursor_next then gives the one
 * behind it. */
sdx_status store_cursor_delete(store_cursor *c, sdx_error *err) SDX_CHECK;

/* Has the rows of these keys (`key_size` bytes each, side by side) read together, where the disk would
 * otherwise be asked for one page after another. Looks at a few of their pages; where those are in
 * memory it does nothing more. True where some are not. Only in transactions for reading. */
#define STORE_AHEAD_MAX 512
bool store_ahead(store_txn *t, store_table table, const uint8_t *keys, size_t key_size,
                 size_t count);

/* Gives back the memory that pages of the map take in this process: they stay in the page cache, and come
 * again when they are touched. For long work that goes through much of the file. */
void store_release_map(store *s);

typedef struct store_space {
  uint64_t page_size;
  uint64_t used_pages; /* in use by the current generation */
  uint64_t free_pages; /* in the file, reusable */
  uint64_t file_size;  /* bytes */
  uint64_t map_size;   /* bytes of address space */
  uint64_t transactions; /* ever made since the file was last compacted */
  uint64_t entries[STORE_TABLES];
} store_space;
sdx_status store_measure(store *s, store_space *out, sdx_error *err) SDX_CHECK;

/* Reads all pages of the tables and checks their structure; values are the caller's to judge. LMDB
 * trusts its pages: what fails here (SDX_DAMAGED) may crash a process that reads or writes there.
 */
sdx_status store_check(store *s, sdx_error *err) SDX_CHECK;

/* Reads a table as a whole: SDX_DAMAGED where a row is damaged, missing, or from another time than
 * the rest. Not for "blocks". In a writing transaction: as it was when that began. */
sdx_status store_check_rows(store_txn *t, store_table table, sdx_error *err) SDX_CHECK;

/* Where `key` is absent: calls `sound` for every entry of the page on which it would stand, as it
 * was when the transaction began; SDX_DAMAGED where one answers false, since a key that is damaged
 * is still there under another. Each page once. */
sdx_status store_confirm_missing(store_txn *t, store_table table, const void *key, size_t key_size,
                                 bool (*sound)(void *context, sdx_bytes k, sdx_bytes v),
                                 void *context, sdx_error *err) SDX_CHECK;

/* The maintenance lock, held by fold, merge, sweep, rebuild and the like, across processes; the
 * kernel releases it if the holder dies. `wait` false: SDX_LOCKED where somebody has it. A store
 * handle holds it at most once. */
sdx_status store_maintenance_lock(store *s, bool wait, sdx_error *err) SDX_CHECK;
void store_maintenance_unlock(store *s);

/* Rewrites data.mdb without its free pages, in place of the old one, while readers and writers of
 * other processes go on: they notice and follow at their next transaction (writers wait meanwhile).
 * Call with the maintenance lock held, which goes over to the new file, and no transaction open in
 * this handle. Needs room for the copy. Killed anywhere, it loses nothing: swap.h. */
sdx_status store_compact(store *s, sdx_error *err) SDX_CHECK;

/* Fault injection for tests: when set, called before every LMDB call, and every file operation of a
 * swap, that can fail; a result other than 0 (an errno or MDB_ value) is taken for that call's.
 * Only in builds with SEALDEX_FAULTS. */
#ifdef SEALDEX_FAULTS
extern int (*store_fault)(void);
#endif

#endif
