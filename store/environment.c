/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/environment.h"

#include <sched.h>
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

/* ------------------------------------------------------------------ berths */

static uintptr_t this_thread(void) {
  return (uintptr_t)pthread_self();
}

_Static_assert(IDLE_READERS == 1 << (64 - 61), "as many as the hash has values");

/* Without the lock: claims a berth of the current mapping. NULL: there is none, or the gate is
 * closed. */
static store_txn *claim_berth(environment *e) {
  const uintptr_t self = this_thread();
  const size_t first = (size_t)((uint64_t)self * UINT64_C(0x9e3779b97f4a7c15) >> 61);
  for (size_t i = 0; i < IDLE_READERS; i++) {
    berth *b = &e->berths[(first + i) % IDLE_READERS];
    unsigned expected = BERTH_FREE;
    if (atomic_load_explicit(&b->state, memory_order_relaxed) != BERTH_FREE ||
        !atomic_compare_exchange_strong(&b->state, &expected, BERTH_BUSY))
      continue;
    atomic_store_explicit(&b->thread, self, memory_order_relaxed);
    if (!atomic_load(&e->gate) && b->txn->map == atomic_load(&e->current)) return b->txn;
    atomic_store_explicit(&b->thread, 0, memory_order_relaxed);
    atomic_store(&b->state, BERTH_FREE);
    break;
  }
  return NULL;
}

/* Under the lock, of a BUSY berth that is the caller's. */
static void discard(berth *b) {
  store_txn *t = b->txn;
  b->txn = NULL;
  t->map->berths--;
  if (t->mdb != NULL) mdb_txn_abort(t->mdb);
  free(t);
  atomic_store_explicit(&b->thread, 0, memory_order_relaxed);
  atomic_store(&b->state, BERTH_EMPTY);
}

/* Under the lock, of a FREE one. Who has claimed it meanwhile finds the gate closed, or another
 * mapping, and gives it back at once. */
static void empty_berth(berth *b) {
  unsigned expected = BERTH_FREE;
  while (!atomic_compare_exchange_strong(&b->state, &expected, BERTH_BUSY)) {
    expected = BERTH_FREE;
    (void)sched_yield();
  }
  discard(b);
}

/* Under the lock: a read transaction that is over. False where all berths are taken. */
static bool keep_in_berth(environment *e, store_txn *t) {
  for (size_t i = 0; i < IDLE_READERS; i++) {
    berth *b = &e->berths[i];
    if (atomic_load(&b->state) != BERTH_EMPTY) continue;
    b->txn = t;
    t->berth = b;
    t->map->berths++;
    atomic_store(&b->state, BERTH_FREE);
    return true;
  }
  return false;
}

/* Under the lock. */
static bool is_in(const berth *b, const mapping *m) {
  return atomic_load(&b->state) != BERTH_EMPTY && b->txn->map == m;
}

/* This thread has a transaction open in `m`: waiting until it is empty would be for ever. */
static bool inside(const environment *e, const mapping *m) {
  for (const store_txn *t = m->busy; t != NULL; t = t->next)
    if (pthread_equal(t->thread, pthread_self())) return true;
  for (size_t i = 0; i < IDLE_READERS; i++)
    if (is_in(&e->berths[i], m) && atomic_load(&e->berths[i].thread) == this_thread()) return true;
  return false;
}

static bool is_at_work(const environment *e, const mapping *m) {
  for (size_t i = 0; i < IDLE_READERS; i++)
    if (is_in(&e->berths[i], m) && atomic_load(&e->berths[i].state) == BERTH_BUSY) return true;
  return m->in_use > 0;
}

static sdx_status refuse_inside(sdx_error *err) {
  return error_set(err, SDX_INVALID, "another transaction of this thread is open");
}

/* Gate and lock held. */
static void wait_until_idle(environment *e, const mapping *m) {
  while (is_at_work(e, m)) (void)pthread_cond_wait(&e->changed, &e->lock);
}

static void empty_berths_of(environment *e, const mapping *m) {
  for (size_t i = 0; i < IDLE_READERS; i++)
    if (is_in(&e->berths[i], m)) empty_berth(&e->berths[i]);
}

/* Gate and lock held. Waits until the current mapping is empty, and closes it. */
static void close_current(environment *e) {
  mapping *m = e->current;
  if (m == NULL) return;
  wait_until_idle(e, m);
  e->current = NULL;
  empty_berths_of(e, m);
  mapping_close(m);
}

/* Under the lock: a dying mapping that nobody is in any more. */
static bool is_over(const mapping *m) {
  return m->dying && m->in_use == 0 && m->berths == 0;
}

/* Under the lock: free berths of mappings that are no longer the current one. Whoever finds one
 * BUSY that is only claimed for a moment can leave it: the claimant comes here next. */
static void empty_stale_berths(environment *e) {
  for (size_t i = 0; i < IDLE_READERS; i++) {
    berth *b = &e->berths[i];
    if (atomic_load(&b->state) != BERTH_FREE || b->txn->map == e->current) continue;
    mapping *m = b->txn->map;
    empty_berth(b);
    if (is_over(m)) mapping_close(m);
  }
}

void environment_close(environment *e) {
  mapping *m = e->current;
  empty_stale_berths(e);
  if (m == NULL) return;
  empty_berths_of(e, m);
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
  if (m != NULL) m->number = ++e->opened;
  e->current = m;
  return status;
}

static sdx_status ensure_open(environment *e, bool writable, sdx_error *err) {
  for (;;) {
    while (e->gate) (void)pthread_cond_wait(&e->changed, &e->lock);
    const mapping *m = e->current;
    if (m != NULL && (m->writable || !writable)) return SDX_OK;
    if (m != NULL && inside(e, m)) return refuse_inside(err);
    gate_close(e);
    close_current(e);
    const sdx_status status = open_current(e, writable, err);
    gate_open(e);
    if (status < 0) return status;
  }
}

/* ------------------------------------------------------------------ in and out */

/* Under the lock; not where a berth was at hand. */
static sdx_status enter_new(mapping *m, environment *e, bool writable, store_txn **out,
                            sdx_error *err) {
  store_txn *t = calloc(1, sizeof *t);
  if (t == NULL) return error_memory(err);
  t->map = m;
  t->env = e;
  t->thread = pthread_self();
  t->writes = writable;
  t->next = m->busy;
  if (m->busy != NULL) m->busy->previous = t;
  m->busy = t;
  m->in_use++;
  *out = t;
  return SDX_OK;
}

sdx_status environment_enter(environment *e, bool writable, store_txn **out, sdx_error *err) {
  if (!writable && (*out = claim_berth(e)) != NULL) return SDX_OK;
  (void)pthread_mutex_lock(&e->lock);
  sdx_status status = SDX_OK;
  empty_stale_berths(e);                                  /* one was claimed for a moment, ... */
  if (e->gate) (void)pthread_cond_broadcast(&e->changed); /* ... and somebody waits for it */
  if (e->gate || e->current == NULL || (writable && !((mapping *)e->current)->writable))
    status = ensure_open(e, writable, err);
  if (status == SDX_OK && (writable || (*out = claim_berth(e)) == NULL))
    status = enter_new(e->current, e, writable, out, err);
  (void)pthread_mutex_unlock(&e->lock);
  return status;
}

static void unlink_busy(store_txn *t) {
  if (t->previous != NULL) t->previous->next = t->next;
  if (t->next != NULL) t->next->previous = t->previous;
  if (t->map->busy == t) t->map->busy = t->next;
  t->previous = t->next = NULL;
}

/* Somebody waits for this, or it stands in a mapping that is no longer the current one. */
static void tell_of_berth(environment *e) {
  (void)pthread_mutex_lock(&e->lock);
  empty_stale_berths(e);
  if (e->gate) (void)pthread_cond_broadcast(&e->changed);
  (void)pthread_mutex_unlock(&e->lock);
}

static void leave_berth(store_txn *t) {
  environment *e = t->env;
  mapping *const m = t->map; /* which may be gone as soon as the berth is free */
  berth *b = t->berth;
  atomic_store_explicit(&b->thread, 0, memory_order_relaxed);
  atomic_store(&b->state, BERTH_FREE);
  if (atomic_load(&e->gate) || atomic_load(&e->current) != m) tell_of_berth(e);
}

void environment_leave(store_txn *t) {
  environment *e = t->env;
  mapping *m = t->map;
  if (t->berth != NULL && !t->spoiled && t->mdb != NULL) {
    leave_berth(t);
    return;
  }
  (void)pthread_mutex_lock(&e->lock);
  if (t->berth != NULL) {
    discard(t->berth);
  } else {
    unlink_busy(t);
    m->in_use--;
    if (t->writes || t->mdb == NULL || t->spoiled || m->dying || !keep_in_berth(e, t)) {
      if (t->mdb != NULL) mdb_txn_abort(t->mdb);
      free(t);
    }
  }
  const bool close = is_over(m);
  if (e->gate) (void)pthread_cond_broadcast(&e->changed);
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
  if (is_at_work(e, m) && !patient)
    status = SDX_LOCKED;
  else if (inside(e, m))
    status = refuse_inside(err);
  if (status < 0) goto out;
  wait_until_idle(e, m);
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
    if (inside(e, m))
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
    if (inside(e, m)) return refuse_inside(err);
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
  const bool over = m->in_use == 0 && m->berths == 0;
  empty_stale_berths(
      e); /* the others look at what is current when they leave; the last one closes it */
  if (over) mapping_close(m);
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
