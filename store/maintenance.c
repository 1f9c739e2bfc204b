/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"
#include "store/txn.h"

/* The maintenance lock is an flock() on data.mdb. Not on lock.mdb: closing any descriptor of that
 * file would drop LMDB's own locks. Since a swap replaces data.mdb, the lock counts only if the
 * file is still the index's after it was taken; a swapper locks the successor before it shows. */

static sdx_status lock_data(int *out, const environment *e, bool wait, sdx_error *err) {
  const int fd = openat(e->dir_fd, "data.mdb", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return error_system(err, errno, "opening data.mdb");
  while (flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    const int reason = errno;
    (void)close(fd);
    if (reason == EWOULDBLOCK) return error_set(err, SDX_LOCKED, "maintenance is going on");
    return error_system(err, reason, "locking data.mdb");
  }
  *out = fd;
  return SDX_OK;
}

/* Whether `fd` is the data.mdb of an environment that is not retired: to begin to read finishes a
 * swap that a crash left half done, and follows a finished one. */
static sdx_status counts(store *s, int fd, bool *yes, sdx_error *err) {
  store_txn *t;
  struct stat locked;
  const sdx_status status = store_read_begin(s, &t, err);
  if (status < 0) return status;
  *yes =
      fstat(fd, &locked) == 0 && locked.st_dev == t->map->device && locked.st_ino == t->map->inode;
  store_read_end(t);
  return SDX_OK;
}

sdx_status store_maintenance_lock(store *s, bool wait, sdx_error *err) {
  sdx_status status = txn_check_process(s, err);
  while (status == SDX_OK) {
    int fd = -1;
    bool yes = false;
    status = lock_data(&fd, s->env, wait, err);
    if (status < 0) break;
    status = counts(s, fd, &yes, err);
    if (status == SDX_OK && yes) {
      (void)pthread_mutex_lock(&s->lock);
      s->maintenance = fd;
      (void)pthread_mutex_unlock(&s->lock);
      return SDX_OK;
    }
    (void)close(fd);
  }
  return status;
}

void store_maintenance_unlock(store *s) {
  (void)pthread_mutex_lock(&s->lock);
  const int fd = s->maintenance;
  s->maintenance = -1;
  (void)pthread_mutex_unlock(&s->lock);
  if (fd < 0) return;
  /* Unlocks by name: a child between fork and exec may hold the description open. */
  (void)flock(fd, LOCK_UN);
  (void)close(fd);
}
