/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/environment.h"

#include <stdlib.h>
#include <sys/file.h>

#include "base/error.h"
#include "store/fault.h"
#include "store/guard.h"
#include "store/swap.h"

/* ------------------------------------------------------------------ the gate */

static void gate_close(environment *e) {
  while (e->gate) (void)pthread_cond_wait(&e->changed, &e->lock);
  e->gate = true;
}

static void gate_open(environment *e) {
  e->gate = false;
  (void)pthread_cond_broadcast(&e->changed);
}

/* This thread has a transaction open in `m`: waiting until it is empty would be for ever. */
static bool inside(const mapping *m) {
  for (const store_txn *t = m->busy; t != NULL; t = t->next)
    if (pthread_equal(t->thread, pthread_self())) return true;
  return false;
}

static sdx_status refuse_inside(sdx_error *err) {
  return error_set(err, SDX_INVALID, "another transaction of this thread is open");
}

/* Gate and lock held. Waits until the current mapping is empty, and closes it. */
static void close_current(environment *e) {
  mapping *m = e->current;
  if (m == NULL) return;
  while (m->in_use > 0) (void)pthread_cond_wait(&e->changed, &e->lock);
  e->current = NULL;
  mapping_close(m);
}

/* ------------------------------------------------------------------ opening */

static sdx_status open_guarded(const environment *e, bool writable, mapping **out, sdx_error *err) {
  int guard;
  sdx_status status = guard_take(&guard, e, LOCK_SH, err);
  if (status < 0) return status;
  status = mapping_open(out, e, writable, err);
  guard_release(guard);
  return status;
}

/* Opens what is in the directory. A swap that was left half done is finished first. */
static sdx_status open_files(const environment *e, bool writable, mapping **out, sdx_error *err) {
  mapping *m = NULL;
  for (int attempts = 0; attempts < 8; attempts++) {
    sdx_status status = open_guarded(e, writable, &m, err);
    if (status < 0 || !m->retired) {
      *out = m;
      return status;
    }
    status = swap_finish(e, m, err);
    if (status < 0 && !writable) { /* All is there, and nobody writes to it any more. */
      atomic_store(&m->tolerated, true);
      *out = m;
      return SDX_OK;
    }
    mapping_close(m);
    m = NULL;
    if (status < 0) return status;
  }
  return error_set(err, SDX_SYSTEM, "the store is swapped faster than it opens");
}

/* Gate and lock held, current mapping closed. Where writing is refused, reading goes on. */
static sdx_status open_current(environment *e, bool writable, sdx_error *err) {
  mapping *m = NULL;
  (void)pthread_mutex_unlock(&e->lock);
  sdx_status status = open_files(e, writable, &m, err);
  if (status == SDX_SYSTEM && writable && open_files(e, false, &m, NULL) < 0) m = NULL;
  if (status == SDX_OK && writable) swap_collect(e, m);
  (void)pthread_mutex_lock(&e->lock);
  e->current = m;
  return status;
}

static sdx_status ensure_open(environment *e, bool writable, sdx_error *err) {
  for (;;) {
    while (e->gate) (void)pthread_cond_wait(&e->changed, &e->lock);
    if (e->current != NULL && (e->current->writable || !writable)) return SDX_OK;
    if (e->current != NULL && inside(e->current)) return refuse_inside(err);
    gate_close(e);
    close_current(e);
    const sdx_status status = open_current(e, writable, err);
    gate_open(e);
    if (status < 0) return status;
  }
}

/* ------------------------------------------------------------------ in and out */

static store_txn *txn_for(mapping *m, bool writable) {
  store_txn *t = writable ? NULL : m->idle;
  if (t != NULL) {
    m->idle = t->next;
    m->idle_count--;
    return t;
  }
  return calloc(1, sizeof *t);
}

sdx_status environment_enter(environment *e, bool writable, store_txn **out, sdx_error *err) {
  (void)pthread_mutex_lock(&e->lock);
  sdx_status status = SDX_OK;
  if (e->gate || e->current == NULL || (writable && !e->current->writable))
    status = ensure_open(e, writable, err);
  if (status < 0) goto out;
  mapping *m = e->current;
  store_txn *t = txn_for(m, writable);
  if (t == NULL) {
    status = error_memory(err);
    goto out;
  }
  t->map = m;
  t->env = e;
  t->thread = pthread_self();
  t->writes = writable;
  t->previous = NULL;
  t->next = m->busy;
  if (m->busy != NULL) m->busy->previous = t;
  m->busy = t;
  m->in_use++;
  *out = t;
out:
  (void)pthread_mutex_unlock(&e->lock);
  return status;
}

static void unlink_busy(store_txn *t) {
  if (t->previous != NULL) t->previous->next = t->next;
  if (t->next != NULL) t->next->previous = t->previous;
  if (t->map->busy == t) t->map->busy = t->next;
}

void environment_leave(store_txn *t) {
  environment *e = t->env;
  mapping *m = t->map;
  (void)pthread_mutex_lock(&e->lock);
  unlink_busy(t);
  const bool pool =
      !t->writes && t->mdb != NULL && !t->spoiled && !m->dying && m->idle_count < IDLE_READERS;
  if (pool) {
    t->next = m->idle;
    m->idle = t;
    m->idle_count++;
  } else {
    if (t->mdb != NULL) mdb_txn_abort(t->mdb);
    free(t);
  }
  m->in_use--;
  const bool last = m->in_use == 0;
  const bool close = last && m->dying;
  if (last && e->gate) (void)pthread_cond_broadcast(&e->changed);
  (void)pthread_mutex_unlock(&e->lock);
  if (close) mapping_close(m);
}

/* ------------------------------------------------------------------ changes */

sdx_status environment_remap(environment *e, mapping *m, size_t size, bool patient,
                             sdx_error *err) {
  sdx_status status = SDX_OK;
  (void)pthread_mutex_lock(&e->lock);
  gate_close(e);
  if (e->current != m) goto out;
  if (m->in_use > 0 && !patient)
    status = SDX_LOCKED;
  else if (inside(m))
    status = refuse_inside(err);
  if (status < 0) goto out;
  while (m->in_use > 0) (void)pthread_cond_wait(&e->changed, &e->lock);
  int rc;
  LMDB(rc, mdb_env_set_mapsize(m->mdb, size));
  status = rc != 0 ? lmdb_error(err, rc, "growing the map") : mapping_remap(m, err);
  /* Possibly without any map now: open anew, as large as it was. */
  if (status != SDX_OK) close_current(e);
out:
  gate_open(e);
  (void)pthread_mutex_unlock(&e->lock);
  return status;
}

sdx_status environment_reopen(environment *e, mapping *m, sdx_error *err) {
  sdx_status status = SDX_OK;
  (void)pthread_mutex_lock(&e->lock);
  gate_close(e);
  if (e->current == m) {
    if (inside(m))
      status = refuse_inside(err);
    else
      close_current(e);
  }
  gate_open(e);
  (void)pthread_mutex_unlock(&e->lock);
  return status;
}

/* Goes over from `m` to the other files that are now in the directory. */
static sdx_status change_over(environment *e, mapping *m, bool writable, sdx_error *err) {
  struct stat st;
  /* The same lock file under other data is no swap of ours (somebody copied a backup over the
   * files); LMDB must not have it open twice. */
  if (m->lock_inode != 0 && fstatat(e->dir_fd, "lock.mdb", &st, 0) == 0 &&
      st.st_ino == m->lock_inode) {
    if (inside(m)) return refuse_inside(err);
    close_current(e);
    m = NULL;
  }
  const sdx_status status = open_current(e, writable, err);
  if (e->current == NULL) {
    e->current = m;
    return status;
  }
  if (m == NULL) return status;
  m->dying = true;
  if (m->in_use == 0) mapping_close(m);
  return status;
}

sdx_status environment_follow(environment *e, mapping *m, bool writable, sdx_error *err) {
  sdx_status status = SDX_OK;
  (void)pthread_mutex_lock(&e->lock);
  gate_close(e);
  if (e->current == m) {
    (void)pthread_mutex_unlock(&e->lock);
    status = swap_finish(e, m, err);
    (void)pthread_mutex_lock(&e->lock);
    if (status == SDX_OK) {
      status = change_over(e, m, writable || m->writable, err);
    } else if (!writable) {
      atomic_store(&m->tolerated, true);
      status = SDX_OK;
    }
  }
  gate_open(e);
  (void)pthread_mutex_unlock(&e->lock);
  return status;
}

sdx_status environment_create(const char *dir, size_t map_size, sdx_error *err) {
  environment *e = NULL;
  sdx_status status = registry_take(&e, dir, err);
  if (status < 0) return status;
  (void)pthread_mutex_lock(&e->lock);
  gate_close(e);
  if (e->current != NULL) {
    status = error_set(err, SDX_INVALID, "there is an index already");
  } else {
    int guard;
    status = guard_take(&guard, e, LOCK_EX, err);
    if (status == SDX_OK) {
      status = mapping_create(e, map_size, err);
      guard_release(guard);
    }
  }
  gate_open(e);
  (void)pthread_mutex_unlock(&e->lock);
  registry_give(e);
  return status;
}
