/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/txn.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/error.h"
#include "store/cursor.h"
#include "store/fault.h"

/* How often a beginning is tried again after the environment moved under it. */
#define ATTEMPTS 64
/* A writer looks for readers that died every so often: their snapshots pin pages. */
#define CHECK_EVERY 64

sdx_status txn_check_process(const store *s, sdx_error *err) {
  if (s->forks == registry_forks()) return SDX_OK;
  return error_set(err, SDX_FORKED, "this handle belongs to the parent process");
}

/* ------------------------------------------------------------------ beginning */

typedef enum outcome { FRESH, STALE, RETIRED, FAILED } outcome;

/* What a reader has seen under which number: the same twice is no accident, but damage. */
typedef struct sight {
  uint64_t snapshot, transaction;
} sight;

static outcome look(store_txn *t, sight *last, int *rc) {
  const uint64_t number = mdb_txn_id(t->mdb) - (t->writes ? 1 : 0);
  bool stale;
  *rc = snapshot_take(&t->base, &t->map->pages, number, &stale);
  if (*rc == 0) *rc = FAULT();
  if (*rc != 0) return FAILED;
  if (stale) return STALE;
  const state *now = &t->base.state;
  if (now->retired) return RETIRED;
  if (number == now->transaction || number == FIRST_TRANSACTION) return FRESH;
  const sight this = { number, now->transaction };
  if (!t->writes && (this.snapshot != last->snapshot || this.transaction != last->transaction)) {
    *last = this;
    return STALE;
  }
  t->base.damaged = number & 1;
  *rc = MDB_CORRUPTED;
  return FAILED;
}

/* A retired environment that had to be tolerated: are there other files by now? */
static bool replaced(const store_txn *t) {
  struct stat st;
  return fstatat(t->env->dir_fd, "data.mdb", &st, 0) == 0 && st.st_ino != t->map->inode;
}

/* Mends what LMDB reported when a transaction began in `m`; SDX_OK: try again. */
static sdx_status mend(environment *e, mapping *m, int rc, const snapshot *seen, const char *what,
                       sdx_error *err) {
  switch (rc) {
  case MDB_MAP_RESIZED:
    return environment_remap(e, m, 0, true, err);
  case MDB_PANIC:
    return environment_reopen(e, m, err);
  case MDB_BAD_RSLOT:
    return SDX_OK; /* the slot is gone; another transaction takes a new one */
  default:
    return snapshot_error(seen, rc, what, err);
  }
}

static int begin_reading(store_txn *t) {
  int rc;
  if (t->mdb != NULL) {
    LMDB(rc, mdb_txn_renew(t->mdb));
  } else {
    LMDB(rc, mdb_txn_begin(t->map->mdb, NULL, MDB_RDONLY, &t->mdb));
    if (rc != MDB_READERS_FULL) return rc;
    LMDB(rc, mdb_reader_check(t->map->mdb, NULL));
    if (rc == 0) LMDB(rc, mdb_txn_begin(t->map->mdb, NULL, MDB_RDONLY, &t->mdb));
  }
  return rc;
}

sdx_status store_read_begin(store *s, store_txn **out, sdx_error *err) {
  sight last = { 0 };
  sdx_status status = txn_check_process(s, err);
  for (int i = 0; i < ATTEMPTS && status == SDX_OK; i++) {
    store_txn *t;
    status = environment_enter(s->env, false, &t, err);
    if (status < 0) return status;
    mapping *m = t->map;
    int rc = begin_reading(t);
    const outcome found = rc == 0 ? look(t, &last, &rc) : FAILED;
    if (found == FRESH || (found == RETIRED && atomic_load(&m->tolerated) && !replaced(t))) {
      *out = t;
      return SDX_OK;
    }
    const snapshot seen = t->base;
    t->spoiled = true;
    environment_leave(t);
    if (found == RETIRED)
      status = environment_follow(s->env, m, false, err);
    else if (found == FAILED)
      status = mend(s->env, m, rc, &seen, "reading the store", err);
  }
  return status < 0 ? status : error_set(err, SDX_SYSTEM, "the store does not come to rest");
}

store_moment store_moment_of(const store_txn *t) {
  return (store_moment){ .files = t->map->number,
                         .transaction = t->base.transaction,
                         .root = t->base.main_table.root };
}

/* Grows the map if it is more than half full, or if a transaction ran out of it. Then, or after a
 * failure, the transaction is over: *again or a status says so. */
static sdx_status make_room(store_txn *t, bool *again, sdx_error *err) {
  environment *e = t->env;
  mapping *m = t->map;
  MDB_envinfo info;
  MDB_stat stat;
  (void)mdb_env_info(m->mdb, &info);
  (void)mdb_env_stat(m->mdb, &stat);
  const size_t used = (info.me_last_pgno + 1) * stat.ms_psize;
  *again = false;
  if (used <= info.me_mapsize / 2 && !e->crowded) return SDX_OK;
  mdb_txn_abort(t->mdb);
  t->mdb = NULL;
  environment_leave(t);
  *again = true;
  /* Readers of this process need not be waited for while there is room for a large transaction; and
   * one of this very thread cannot be. */
  const bool patient = e->crowded || used > info.me_mapsize / 4 * 3;
  const sdx_status status = environment_remap(e, m, info.me_mapsize * MAP_FACTOR, patient, err);
  if (status == SDX_OK) e->crowded = false;
  return status == SDX_INVALID ? SDX_LOCKED : status;
}

static int begin_writing(store_txn *t) {
  int rc;
  if (t->env->writes++ % CHECK_EVERY == 0) {
    LMDB(rc, mdb_reader_check(t->map->mdb, NULL));
    if (rc != 0) return rc;
  }
  LMDB(rc, mdb_txn_begin(t->map->mdb, NULL, 0, &t->mdb));
  return rc;
}

/* Ends the attempt `t` and mends what stood in its way; SDX_OK: try again. */
static sdx_status retry_writing(store_txn *t, outcome found, int rc, sdx_error *err) {
  environment *e = t->env;
  mapping *m = t->map;
  const snapshot seen = t->base;
  if (t->mdb != NULL) mdb_txn_abort(t->mdb);
  t->mdb = NULL;
  environment_leave(t);
  if (found == RETIRED) return environment_follow(e, m, true, err);
  if (found == STALE) return SDX_OK;
  return mend(e, m, rc, &seen, "writing the store", err);
}

/* With the writers' turn taken. */
static sdx_status begin_in_turn(environment *e, store_txn **out, sdx_error *err) {
  bool may_grow = true;
  sdx_status status = SDX_OK;
  for (int i = 0; i < ATTEMPTS && status == SDX_OK; i++) {
    store_txn *t;
    status = environment_enter(e, true, &t, err);
    if (status < 0) return status;
    int rc = begin_writing(t);
    outcome found = rc == 0 ? look(t, NULL, &rc) : FAILED;
    if (found == FRESH) rc = snapshot_check_base(&t->base);
    if (found == FRESH) memcpy(t->sums, t->base.state.sums, sizeof t->sums);
    if (rc != 0) found = FAILED;
    if (found != FRESH) {
      status = retry_writing(t, found, rc, err);
      continue;
    }
    bool again = false;
    if (may_grow) status = make_room(t, &again, err);
    if (status == SDX_LOCKED) { /* Readers are in the way, and there is room enough. */
      may_grow = false;
      status = SDX_OK;
    }
    if (again || status < 0) continue;
    *out = t;
    return SDX_OK;
  }
  return status < 0 ? status : error_set(err, SDX_SYSTEM, "the store does not come to rest");
}

sdx_status store_write_begin(store *s, store_txn **out, sdx_error *err) {
  sdx_status status = txn_check_process(s, err);
  if (status < 0) return status;
  if (pthread_mutex_lock(&s->env->writing) != 0)
    return error_set(err, SDX_INVALID, "this thread is writing already");
  status = begin_in_turn(s->env, out, err);
  if (status < 0) (void)pthread_mutex_unlock(&s->env->writing);
  return status;
}

/* ------------------------------------------------------------------ ending */

void store_read_end(store_txn *t) {
  if (t == NULL) return;
  cursor_close_all(t);
  mdb_txn_reset(t->mdb);
  environment_leave(t);
}

static void end_writing(store_txn *t) {
  environment *e = t->env;
  environment_leave(t);
  (void)pthread_mutex_unlock(&e->writing);
}

void store_abort(store_txn *t) {
  if (t == NULL) return;
  if (!t->writes) {
    store_read_end(t);
    return;
  }
  cursor_close_all(t);
  mdb_txn_abort(t->mdb);
  t->mdb = NULL;
  end_writing(t);
}

/* LMDB calls a write that was cut short, by a full disk or a limit, an input/output error. */
static bool disk_is_full(const mapping *m) {
  struct stat st;
  struct rlimit limit;
  int fd = -1;
  if (mdb_env_get_fd(m->mdb, &fd) != 0 || fstat(fd, &st) != 0) return false;
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && (rlim_t)st.st_size >= limit.rlim_cur) return true;
  if (fallocate(fd, FALLOC_FL_KEEP_SIZE, st.st_size, 1 << 16) == 0) return false;
  return errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
}

static sdx_status commit_error(const mapping *m, int rc, sdx_error *err) {
  if (rc == EIO && disk_is_full(m)) rc = ENOSPC;
  return lmdb_error(err, rc, "committing to the store");
}

sdx_status store_commit(store_txn *t, sdx_error *err) {
  sdx_status status = t->poisoned;
  if (!t->writes)
    status = error_set(err, SDX_INVALID, "a transaction for reading cannot commit");
  else if (status < 0)
    status = error_set(err, status, "a write of this transaction had failed");
  if (status == SDX_OK && (t->dirty || t->retires != NULL))
    status = txn_wrote(t, state_put(t->mdb, t->map->main, t->sums, t->retires),
                       "writing to the store", err);
  int rc = FAULT();
  if (status == SDX_OK && rc != 0) status = lmdb_error(err, rc, "committing to the store");
  if (status < 0) {
    store_abort(t);
    return status;
  }
  cursor_close_all(t);
  rc = mdb_txn_commit(t->mdb); /* whatever comes of it, the transaction is over */
  t->mdb = NULL;
  if (rc == 0 && t->dirty) snapshot_continues(&t->map->pages, t->base.transaction);
  if (rc == MDB_MAP_FULL) t->env->crowded = true;
  if (rc != 0) status = commit_error(t->map, rc, err);
  end_writing(t);
  return status;
}
