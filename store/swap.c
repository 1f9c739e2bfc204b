/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/swap.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/error.h"
#include "store/copy.h"
#include "store/fault.h"
#include "store/guard.h"

static void set_names(swap *sw) {
  (void)snprintf(sw->data, sizeof sw->data, "data-%s.mdb", sw->token);
  (void)snprintf(sw->lock, sizeof sw->lock, "lock-%s.mdb", sw->token);
}

sdx_status swap_new(swap *out, sdx_error *err) {
  unsigned char random[TOKEN_SIZE / 2];
  if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
    return error_system(err, errno, "drawing a random name");
  for (size_t i = 0; i < sizeof random; i++)
    (void)snprintf(out->token + 2 * i, 3, "%02x", random[i]);
  set_names(out);
  return SDX_OK;
}

sdx_status swap_files(const swap *sw, const environment *e, sdx_error *err) {
  int rc = FAULT();
  const int fd =
      rc != 0 ? -1 : openat(e->dir_fd, sw->lock, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return error_system(err, rc != 0 ? rc : errno, "creating a lock file");
  copy_owner(e, fd, "lock.mdb");
  (void)close(fd);
  FILE_OP(rc, renameat(e->dir_fd, sw->lock, e->dir_fd, "lock.mdb"));
  if (rc == 0) FILE_OP(rc, renameat(e->dir_fd, sw->data, e->dir_fd, "data.mdb"));
  if (rc == 0) FILE_OP(rc, fsync(e->dir_fd));
  return rc == 0 ? SDX_OK : error_system(err, rc, "swapping the store's files");
}

/* ------------------------------------------------------------------ after a crash */

static sdx_status read_token(swap *out, mapping *m, sdx_error *err) {
  MDB_txn *txn = NULL;
  state now;
  int rc;
  LMDB(rc, mdb_txn_begin(m->mdb, NULL, MDB_RDONLY, &txn));
  if (rc != 0) return lmdb_error(err, rc, "reading the store");
  rc = state_get(txn, m->main, &now);
  mdb_txn_abort(txn);
  if (rc == 0 && !now.retired) rc = MDB_INVALID;
  if (rc != 0) return lmdb_error(err, rc, "reading the store");
  memcpy(out->token, now.token, sizeof out->token);
  set_names(out);
  return SDX_OK;
}

/* The successor can be missing where data.mdb was restored from a copy that was made in mid-swap. A
 * retired environment never changes, so it can be copied again; under another name until whole. */
static sdx_status ensure_successor(const swap *sw, const environment *e, mapping *m,
                                   sdx_error *err) {
  if (faccessat(e->dir_fd, sw->data, F_OK, 0) == 0) return SDX_OK;
  swap again;
  int fd = -1, rc;
  sdx_status status = swap_new(&again, err);
  if (status == SDX_OK) status = copy_compact(&fd, e, m, again.data, err);
  if (status < 0) return status;
  status = copy_revive(e, again.data, err);
  if (status == SDX_OK) {
    FILE_OP(rc, renameat(e->dir_fd, again.data, e->dir_fd, sw->data));
    if (rc != 0) status = error_system(err, rc, "swapping the store's files");
  }
  if (status < 0) (void)unlinkat(e->dir_fd, again.data, 0);
  (void)close(fd);
  return status;
}

sdx_status swap_finish(const environment *e, mapping *m, sdx_error *err) {
  struct stat st;
  swap sw;
  int guard;
  sdx_status status = guard_take(&guard, e, LOCK_EX, err);
  if (status < 0) return status;
  if (fstatat(e->dir_fd, "data.mdb", &st, 0) != 0) {
    status = error_system(err, errno, "data.mdb");
  } else if (st.st_dev == m->device && st.st_ino == m->inode) {
    status = read_token(&sw, m, err);
    if (status == SDX_OK) status = ensure_successor(&sw, e, m, err);
    if (status == SDX_OK) status = swap_files(&sw, e, err);
  }
  guard_release(guard);
  return status;
}

static bool is_leftover(const char *name) {
  return (strncmp(name, "data-", 5) == 0 || strncmp(name, "lock-", 5) == 0) &&
         strlen(name) == SWAP_NAME_SIZE - 1 && state_token_valid(name + 5, TOKEN_SIZE) &&
         strcmp(name + 5 + TOKEN_SIZE, ".mdb") == 0;
}

/* Counts the files that a swap left in the directory; removes them if told to. */
static unsigned leftovers(const environment *e, bool remove) {
  const int fd = openat(e->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
  if (dir == NULL) {
    if (fd >= 0) (void)close(fd);
    return 0;
  }
  unsigned count = 0;
  for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
    if (!is_leftover(entry->d_name)) continue;
    count++;
    if (remove) (void)unlinkat(e->dir_fd, entry->d_name, 0);
  }
  (void)closedir(dir);
  return count;
}

void swap_collect(const environment *e, const mapping *m) {
  if (m->retired || leftovers(e, false) == 0) return;
  const int fd = openat(e->dir_fd, "data.mdb", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  struct stat st;
  /* Only the holder of the maintenance lock makes such files, and only it retires `m`. */
  if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_ino == m->inode)
    (void)leftovers(e, true);
  (void)close(fd);
}
