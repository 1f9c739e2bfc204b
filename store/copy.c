/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/copy.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"
#include "store/datafile.h"
#include "store/fault.h"

void copy_owner(const environment *e, int fd, const char *like) {
  struct stat st;
  if (fstatat(e->dir_fd, like, &st, 0) != 0) return;
  if (fchown(fd, st.st_uid, st.st_gid) != 0) errno = 0; /* Not root: the file stays ours. */
  (void)fchmod(fd, st.st_mode & 0777);
}

static sdx_status write_copy(int fd, mapping *m, sdx_error *err) {
  int rc;
  LMDB(rc, mdb_env_copyfd2(m->mdb, fd, MDB_CP_COMPACT));
  if (rc != 0) return lmdb_error(err, rc, "copying the store");
  FILE_OP(rc, fsync(fd));
  if (rc != 0) return error_system(err, rc, "syncing the copy of the store");
  return datafile_check(fd, err);
}

sdx_status copy_compact(int *out, const environment *e, mapping *m, const char *name,
                        sdx_error *err) {
  int rc = FAULT();
  const int fd =
      rc != 0 ? -1 : openat(e->dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return error_system(err, rc != 0 ? rc : errno, "creating a copy of the store");
  copy_owner(e, fd, "data.mdb");
  sdx_status status = SDX_OK;
  FILE_OP(rc, flock(fd, LOCK_EX | LOCK_NB));
  if (rc != 0) status = error_system(err, rc, "locking the copy of the store");
  if (status == SDX_OK) status = write_copy(fd, m, err);
  if (status != SDX_OK) {
    (void)unlinkat(e->dir_fd, name, 0);
    (void)close(fd);
    return status;
  }
  *out = fd;
  return SDX_OK;
}

static sdx_status write_state(MDB_env *mdb, sdx_error *err) {
  MDB_txn *txn = NULL;
  MDB_dbi main_table;
  state was;
  int rc;
  LMDB(rc, mdb_txn_begin(mdb, NULL, 0, &txn));
  if (rc != 0) return lmdb_error(err, rc, "reviving the store");
  LMDB(rc, mdb_dbi_open(txn, NULL, 0, &main_table));
  if (rc == 0) rc = state_get(txn, main_table, &was);
  if (rc == 0) rc = state_put(txn, main_table, was.sums, NULL);
  if (rc == 0) rc = FAULT();
  if (rc == 0) {
    rc = mdb_txn_commit(txn);
    txn = NULL;
  }
  mdb_txn_abort(txn);
  return lmdb_error(err, rc, "reviving the store");
}

sdx_status copy_revive(const environment *e, const char *name, sdx_error *err) {
  MDB_env *mdb = NULL;
  char *path = NULL;
  int rc;
  if (asprintf(&path, "%s/%s", e->path, name) < 0) return error_memory(err);
  LMDB(rc, mdb_env_create(&mdb));
  if (rc == 0) LMDB(rc, mdb_env_open(mdb, path, MDB_NOSUBDIR | MDB_NOLOCK, 0600));
  const sdx_status status =
      rc == 0 ? write_state(mdb, err) : lmdb_error(err, rc, "reviving the store");
  mdb_env_close(mdb);
  free(path);
  return status;
}
