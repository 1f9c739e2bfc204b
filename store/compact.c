/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"
#include "store/copy.h"
#include "store/guard.h"
#include "store/swap.h"
#include "store/txn.h"

static bool holds_maintenance(store *s) {
  (void)pthread_mutex_lock(&s->lock);
  const bool holds = s->maintenance >= 0;
  (void)pthread_mutex_unlock(&s->lock);
  return holds;
}

/* The maintenance lock moves to the successor, which `fd` has locked since before it showed. */
static void move_maintenance(store *s, int fd) {
  (void)pthread_mutex_lock(&s->lock);
  const int old = s->maintenance;
  s->maintenance = fd;
  (void)pthread_mutex_unlock(&s->lock);
  if (old >= 0) (void)close(old);
}

/* Ends `t` in any case. *retired: nobody writes to the old files any more. */
static sdx_status retire_and_swap(store *s, store_txn *t, const swap *sw, bool *retired,
                                  sdx_error *err) {
  environment *e = s->env;
  int guard;
  *retired = false;
  sdx_status status = guard_take(&guard, e, LOCK_EX, err);
  if (status < 0) {
    store_abort(t);
    return status;
  }
  t->retires = sw->token;
  status = store_commit(t, err); /* the point of no return */
  *retired = status == SDX_OK;
  if (*retired) status = swap_files(sw, e, err);
  guard_release(guard);
  return status;
}

sdx_status store_compact(store *s, sdx_error *err) {
  if (txn_check_process(s, err) < 0) return SDX_FORKED;
  if (!holds_maintenance(s))
    return error_set(err, SDX_INVALID, "compacting needs the maintenance lock");
  environment *e = s->env;
  store_txn *t;
  swap sw;
  int fd = -1;
  bool retired = false;
  sdx_status status = swap_new(&sw, err);
  if (status == SDX_OK) status = store_write_begin(s, &t, err);
  if (status < 0) return status;

  mapping *m = t->map;
  status = snapshot_error(&t->base, snapshot_check_all(&t->base), "compacting the store", err);
  if (status == SDX_OK) status = copy_compact(&fd, e, m, sw.data, err);
  if (status < 0) {
    store_abort(t);
    return status;
  }
  status = retire_and_swap(s, t, &sw, &retired, err);
  if (!retired) {
    (void)unlinkat(e->dir_fd, sw.data, 0);
    (void)close(fd);
    return status;
  }
  move_maintenance(s, fd);
  if (status == SDX_OK) status = environment_follow(e, m, true, err);
  return status;
}
