/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * environment.h - what this process shares of one index directory, and how it stays open.
 *
 * LMDB forbids opening the same files twice in one process: its locks are fcntl locks, and closing
 * any descriptor of lock.mdb drops them all. So all handles of a directory share one environment,
 * found in a process-wide registry: the one piece of global state in Sealdex, forced by LMDB.
 *
 *   store ---+                                +--> mapping (current)  data.mdb, lock.mdb
 *   store ---+--> environment (per directory)-+
 *   store ---+                                +--> mapping (dying: swapped out, readers still in
 * it)
 *
 * Three things change a mapping under the feet of readers: reopening for writing and growth of the
 * map (the same files: this process's readers must be out first), and a swap by store_compact
 * (other files: old readers go on in the old mapping, which closes behind the last of them).
 * Whoever makes such a change holds the environment's gate; new readers wait before it.
 *
 * Read transactions that are kept for the next reader stand in berths. To take one, and to put it
 * back, takes no lock: a reader claims a berth, and then looks whether the gate is open and the
 * mapping still the current one; who closes the gate, or puts another mapping in place, does so
 * first, and then looks at the berths. So one of the two sees the other.
 */
#ifndef SEALDEX_STORE_ENVIRONMENT_H
#define SEALDEX_STORE_ENVIRONMENT_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "store/snapshot.h"
#include "store/state.h"
#include "store/store.h"

/* Address space of a new environment. It grows by MAP_FACTOR when it is more than half full. */
#define MAP_INITIAL ((size_t)1 << 30)
#define MAP_FACTOR 4
/* Slots of the reader table; each read transaction at work takes one, and each idle one too. */
#define READER_SLOTS 254
#define IDLE_READERS 8

typedef enum berth_state { BERTH_EMPTY, BERTH_FREE, BERTH_BUSY } berth_state;

/* A read transaction with its slot of the reader table. Comes and goes under the environment's
 * lock; from FREE to BUSY and back without. */
typedef struct berth {
  atomic_uint state;
  atomic_uintptr_t thread; /* of a BUSY one; 0: not known yet */
  store_txn *txn;
  uint8_t apart[40]; /* a cache line for each */
} berth;

/* One data.mdb with its lock.mdb, as LMDB has them open. */
typedef struct mapping {
  MDB_env *mdb;
  MDB_dbi main;
  MDB_dbi tables[STORE_TABLES];
  page_map pages;
  dev_t device;
  ino_t inode;      /* of data.mdb */
  ino_t lock_inode; /* of lock.mdb; 0: opened without a lock file */
  bool writable;
  bool retired;    /* at opening */
  bool dying;      /* swapped out: closes behind its last transaction */
  uint64_t number; /* among those that the environment has opened */
  unsigned
      in_use; /* transactions at work outside of berths, and threads that wait for the write lock */
  store_txn *busy;       /* these */
  unsigned berths;       /* that hold one of its transactions */
  atomic_bool tolerated; /* retired, but the swap cannot be finished from here: read on */
} mapping;

typedef struct environment {
  struct environment *next;
  unsigned handles; /* under the registry's lock, as is the list */
  dev_t device;     /* of the directory */
  ino_t inode;
  int dir_fd;
  char *path; /* absolute */
  berth berths[IDLE_READERS];
  pthread_mutex_t lock; /* guards all that follows, and the mappings' counts and lists */
  pthread_cond_t changed;
  atomic_bool gate;
  uint64_t opened;            /* mappings, so far */
  _Atomic(mapping *) current; /* NULL: to be opened by whoever comes next */
  pthread_mutex_t writing;    /* writers of this process, in turn */
  unsigned writes;
  bool crowded; /* a transaction ran out of map: grow at once */
} environment;

struct store {
  environment *env;
  unsigned forks; /* the registry's count when the handle was made */
  pthread_mutex_t lock;
  int maintenance; /* the descriptor that holds the lock, or -1 */
};

struct store_cursor {
  store_txn *txn;
  MDB_cursor *mdb; /* of a writing transaction; NULL: */
  tree_cursor tree;
  store_table table;
  store_cursor *next;
};

struct store_txn {
  MDB_txn *mdb;
  mapping *map;
  environment *env;
  pthread_t thread; /* that began it */
  store_txn *previous, *next;
  store_cursor *cursors;
  sdx_status poisoned; /* the first failed write */
  bool writes;
  bool dirty;                  /* something was written */
  snapshot base;               /* what it reads; of a writing transaction: what it began with */
  uint64_t sums[STORE_TABLES]; /* of a writing transaction: as the commit will leave them */
  const char *retires;         /* token of a swap: the commit retires the environment */
  bool spoiled;                /* not to be kept */
  berth *berth;                /* where it stands; NULL: in no berth */
  struct glance *glance;       /* of store_glance_begin: no mdb, map and env */
};

/* registry.c */

/* The environment of a directory, made on first use; nothing is opened in it yet. */
sdx_status registry_take(environment **out, const char *dir, sdx_error *err) SDX_CHECK;
/* The last handle's closes it. */
void registry_give(environment *e);
/* How often this process is the child of a fork, counted from the first use of the registry. */
unsigned registry_forks(void);

/* mapping.c */

/* Opens the files of a directory. The caller holds the directory's guard. */
sdx_status mapping_open(mapping **out, const environment *e, bool writable,
                        sdx_error *err) SDX_CHECK;
/* The map has another size. No transaction is at work in it. */
sdx_status mapping_remap(mapping *m, sdx_error *err) SDX_CHECK;
/* No transaction is at work in it. */
void mapping_close(mapping *m);
/* Creates data.mdb with empty tables. The caller holds the guard, exclusively. */
sdx_status mapping_create(const environment *e, size_t map_size, sdx_error *err) SDX_CHECK;

/* environment.c */

/* Opens the environment if it is not open, or not for writing where that is asked for, and enters
 * *t (made new, or taken out of a berth, then without a lock) into the current mapping. */
sdx_status environment_enter(environment *e, bool writable, store_txn **t,
                             sdx_error *err) SDX_CHECK;
/* Takes *t out again; it must not be used after. A dying mapping closes behind its last. */
void environment_leave(store_txn *t);
/* Closes what is open. Nobody uses it any more. */
void environment_close(environment *e);
/* Brings the map to `size` bytes (0: what the file says) if `m` is still current. `patient` false:
 * SDX_LOCKED where that would have to wait for readers. */
sdx_status environment_remap(environment *e, mapping *m, size_t size, bool patient,
                             sdx_error *err) SDX_CHECK;
/* Closes and opens the same files again: LMDB gives up on an environment after some errors. */
sdx_status environment_reopen(environment *e, mapping *m, sdx_error *err) SDX_CHECK;
/* `m` was found to be retired: goes over to the files that took over. A swap that a crash left half
 * done is finished first; where that is impossible, a reader goes on with `m`. */
sdx_status environment_follow(environment *e, mapping *m, bool writable, sdx_error *err) SDX_CHECK;

/* store_create with another initial size of the map, for tests. */
sdx_status environment_create(const char *dir, size_t map_size, sdx_error *err) SDX_CHECK;

#endif
