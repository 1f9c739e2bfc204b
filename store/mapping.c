/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "store/datafile.h"
#include "store/environment.h"
#include "store/fault.h"

#define FLAGS (MDB_NOTLS | MDB_NORDAHEAD)
#define FILE_MODE 0600

static sdx_status check_data(const environment *e, sdx_error *err) {
  const int fd = openat(e->dir_fd, "data.mdb", O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT)
    return error_set(err, SDX_SYSTEM, "no index here: data.mdb is missing");
  if (fd < 0) return error_system(err, errno, "opening data.mdb");
  const sdx_status status = datafile_check(fd, err);
  (void)close(fd);
  return status;
}

/* LMDB opens by path; the directory that was opened may have been moved away meanwhile. */
static sdx_status check_path(const environment *e, sdx_error *err) {
  struct stat st;
  if (stat(e->path, &st) != 0) return error_system(err, errno, "the index directory");
  if (st.st_dev != e->device || st.st_ino != e->inode)
    return error_set(err, SDX_SYSTEM, "the index directory was replaced");
  return SDX_OK;
}

static int env_new(MDB_env **mdb) {
  int rc;
  LMDB(rc, mdb_env_create(mdb));
  if (rc != 0) *mdb = NULL;
  if (rc == 0) LMDB(rc, mdb_env_set_maxdbs(*mdb, STORE_TABLES));
  if (rc == 0) LMDB(rc, mdb_env_set_maxreaders(*mdb, READER_SLOTS));
  return rc;
}

/* Without a lock file, a reader takes no slot, and a writer elsewhere may reuse its pages: so only
 * where this process could not write the directory anyway. */
static bool may_do_without_lock(const environment *e, int rc) {
  return (rc == EACCES || rc == EPERM || rc == EROFS) &&
         faccessat(e->dir_fd, ".", W_OK, AT_EACCESS) != 0;
}

static int env_open(mapping *m, const environment *e, bool writable, sdx_error *err) {
  const unsigned mode = writable ? 0 : MDB_RDONLY;
  int rc = env_new(&m->mdb);
  if (rc == 0) LMDB(rc, mdb_env_open(m->mdb, e->path, FLAGS | mode, FILE_MODE));
  if (!writable && may_do_without_lock(e, rc)) {
    mdb_env_close(m->mdb);
    m->mdb = NULL;
    rc = env_new(&m->mdb);
    if (rc == 0) LMDB(rc, mdb_env_open(m->mdb, e->path, FLAGS | mode | MDB_NOLOCK, FILE_MODE));
  }
  return lmdb_error(err, rc, "opening the store");
}

static sdx_status identify(mapping *m, const environment *e, sdx_error *err) {
  struct stat st;
  int fd = -1;
  unsigned flags = 0;
  if (mdb_env_get_fd(m->mdb, &fd) != 0 || fstat(fd, &st) != 0)
    return error_system(err, errno, "the store's file");
  m->device = st.st_dev;
  m->inode = st.st_ino;
  (void)mdb_env_get_flags(m->mdb, &flags);
  if ((flags & MDB_NOLOCK) == 0 && fstatat(e->dir_fd, "lock.mdb", &st, 0) == 0)
    m->lock_inode = st.st_ino;
  return SDX_OK;
}

static sdx_status open_tables(mapping *m, MDB_txn *txn, unsigned flags, sdx_error *err) {
  int rc;
  LMDB(rc, mdb_dbi_open(txn, NULL, 0, &m->main));
  for (int i = 0; i < STORE_TABLES && rc == 0; i++)
    LMDB(rc, mdb_dbi_open(txn, store_table_names[i], flags, &m->tables[i]));
  if (rc == MDB_NOTFOUND) return error_set(err, SDX_DAMAGED, "data.mdb lacks a table");
  return lmdb_error(err, rc, "opening the tables");
}

sdx_status mapping_remap(mapping *m, sdx_error *err) {
  MDB_envinfo info;
  MDB_stat stat;
  int fd = -1;
  page_map_close(&m->pages);
  if (mdb_env_info(m->mdb, &info) != 0 || mdb_env_stat(m->mdb, &stat) != 0 ||
      mdb_env_get_fd(m->mdb, &fd) != 0)
    return error_set(err, SDX_SYSTEM, "the store has no map");
  return page_map_open(&m->pages, fd, info.me_mapsize, stat.ms_psize, err);
}

/* What liblmdb walks to open the tables. */
static sdx_status check_main(mapping *m, MDB_txn *txn, sdx_error *err) {
  snapshot s = { 0 };
  bool stale;
  const uint64_t newest = mdb_txn_id(txn);
  int rc = snapshot_take(&s, &m->pages, newest, &stale);
  /* Written over by a process that is at work: what that wrote, it had checked. */
  if (rc == 0 && stale) return SDX_OK;
  if (rc == 0) snapshot_ahead(&s);
  if (rc == 0) rc = snapshot_check_main(&s);
  if (rc == 0 && newest > 1) rc = snapshot_check_before(&m->pages, newest - 1);
  if (rc == MDB_CORRUPTED && s.map == NULL) s.damaged = newest & 1;
  return snapshot_error(&s, rc, "opening the store", err);
}

static sdx_status open_for_reading(mapping *m, sdx_error *err) {
  MDB_txn *txn = NULL;
  state now = { 0 };
  int rc;
  LMDB(rc, mdb_txn_begin(m->mdb, NULL, MDB_RDONLY, &txn));
  if (rc == MDB_READERS_FULL) {
    (void)mdb_reader_check(m->mdb, NULL);
    LMDB(rc, mdb_txn_begin(m->mdb, NULL, MDB_RDONLY, &txn));
  }
  if (rc != 0) return lmdb_error(err, rc, "reading the store");
  sdx_status status = check_main(m, txn, err);
  if (status == SDX_OK) status = open_tables(m, txn, 0, err);
  if (status == SDX_OK) {
    rc = state_get(txn, m->main, &now);
    m->retired = now.retired;
    status = lmdb_error(err, rc, "reading the store");
  }
  /* Table handles outlive only a transaction that is committed. */
  if (status == SDX_OK) {
    rc = FAULT();
    if (rc == 0) {
      rc = mdb_txn_commit(txn); /* whatever comes of it, the transaction is over */
      txn = NULL;
    }
    if (rc == 0) return SDX_OK;
    status = lmdb_error(err, rc, "reading the store");
  }
  mdb_txn_abort(txn);
  return status;
}

sdx_status mapping_open(mapping **out, const environment *e, bool writable, sdx_error *err) {
  mapping *m = calloc(1, sizeof *m);
  if (m == NULL) return error_memory(err);
  m->writable = writable;
  sdx_status status = check_path(e, err);
  if (status == SDX_OK) status = check_data(e, err);
  if (status == SDX_OK) status = env_open(m, e, writable, err);
  if (status == SDX_OK) status = identify(m, e, err);
  if (status == SDX_OK) status = mapping_remap(m, err);
  if (status == SDX_OK) status = open_for_reading(m, err);
  if (status != SDX_OK) {
    mapping_close(m);
    return status;
  }
  *out = m;
  return SDX_OK;
}

void mapping_close(mapping *m) {
  page_map_close(&m->pages);
  mdb_env_close(m->mdb);
  free(m);
}

static sdx_status create_tables(mapping *m, sdx_error *err) {
  MDB_txn *txn = NULL;
  MDB_dbi table;
  int rc;
  LMDB(rc, mdb_txn_begin(m->mdb, NULL, 0, &txn));
  if (rc != 0) return lmdb_error(err, rc, "creating the tables");
  sdx_status status = SDX_OK;
  if (mdb_dbi_open(txn, store_table_names[0], 0, &table) == 0)
    status = error_set(err, SDX_INVALID, "there is an index already");
  if (status == SDX_OK) status = open_tables(m, txn, MDB_CREATE, err);
  if (status == SDX_OK) {
    rc = state_put(txn, m->main, (const uint64_t[STORE_TABLES]){ 0 }, NULL);
    if (rc == 0) rc = FAULT();
    if (rc == 0) return lmdb_error(err, mdb_txn_commit(txn), "creating the tables");
    status = lmdb_error(err, rc, "creating the tables");
  }
  mdb_txn_abort(txn);
  return status;
}

sdx_status mapping_create(const environment *e, size_t map_size, sdx_error *err) {
  mapping *m = calloc(1, sizeof *m);
  if (m == NULL) return error_memory(err);
  struct stat st;
  sdx_status status = check_path(e, err);
  if (status == SDX_OK && fstatat(e->dir_fd, "data.mdb", &st, 0) == 0 && st.st_size > 0)
    status = check_data(e, err);
  if (status != SDX_OK) goto out;
  int rc = env_new(&m->mdb);
  if (rc == 0) LMDB(rc, mdb_env_set_mapsize(m->mdb, map_size));
  if (rc == 0) LMDB(rc, mdb_env_open(m->mdb, e->path, FLAGS, FILE_MODE));
  status = lmdb_error(err, rc, "creating the store");
  if (status == SDX_OK) status = create_tables(m, err);
  if (status == SDX_OK) {
    FILE_OP(rc, fsync(e->dir_fd));
    if (rc != 0) status = error_system(err, rc, "syncing the index directory");
  }
out:
  mapping_close(m);
  return status;
}
