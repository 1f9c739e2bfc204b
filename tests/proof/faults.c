/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <lmdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

const char *const fault_names[FAULT_KINDS] = { "write", "kill", "lmdb", "malloc" };

static fault_kind armed;
static bool counting;
static long wanted, met;

void fault_arm(fault_kind kind, long n) {
  armed = kind;
  wanted = n;
  met = 0;
  counting = true;
}

long fault_disarm(void) {
  counting = false;
  return met;
}

static bool is_hit(fault_kind kind) {
  return counting && kind == armed && met++ == wanted;
}

/* True where a call on a file fails now. */
static bool file_fails(void) {
  if (counting && armed == FAULT_KILL && met++ == wanted) {
    (void)kill(getpid(), SIGKILL);
    pause();
  }
  if (!is_hit(FAULT_WRITE)) return false;
  errno = wanted % 2 == 0 ? ENOSPC : EIO;
  return true;
}

/* Whether the next call on a file is to be hit, without counting it. */
static bool is_next(void) {
  return counting && (armed == FAULT_WRITE || armed == FAULT_KILL) && met == wanted;
}

#define REAL(name) (__extension__(__typeof__(&(name))) dlsym(RTLD_NEXT, #name))

/* ------------------------------------------------------------------ files */

/* Sectors are written whole: only longer writes tear. */
static size_t torn(size_t size) {
  return size > 4096 ? size / 2 / 512 * 512 : 0;
}

ssize_t write(int fd, const void *bytes, size_t size) {
  if (is_next() && torn(size) > 0) (void)!REAL(write)(fd, bytes, torn(size));
  return file_fails() ? -1 : REAL(write)(fd, bytes, size);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) {
  if (is_next() && torn(size) > 0) (void)!REAL(pwrite)(fd, bytes, torn(size), at);
  return file_fails() ? -1 : REAL(pwrite)(fd, bytes, size, at);
}

ssize_t writev(int fd, const struct iovec *v, int count) {
  if (is_next() && count > 1) (void)!REAL(writev)(fd, v, count / 2);
  return file_fails() ? -1 : REAL(writev)(fd, v, count);
}

int fsync(int fd) {
  return file_fails() ? -1 : REAL(fsync)(fd);
}
int fdatasync(int fd) {
  return file_fails() ? -1 : REAL(fdatasync)(fd);
}
int ftruncate(int fd, off_t size) {
  return file_fails() ? -1 : REAL(ftruncate)(fd, size);
}
int msync(void *at, size_t size, int flags) {
  return file_fails() ? -1 : REAL(msync)(at, size, flags);
}

int renameat(int from, const char *a, int to, const char *b) {
  return file_fails() ? -1 : REAL(renameat)(from, a, to, b);
}

int unlinkat(int fd, const char *name, int flags) {
  return file_fails() ? -1 : REAL(unlinkat)(fd, name, flags);
}

/* ------------------------------------------------------------------ LMDB */

#define SNAPSHOTS_MAX 64

static MDB_txn *snapshots[SNAPSHOTS_MAX];

static void snapshot_taken(MDB_txn *txn) {
  for (int i = 0; i < SNAPSHOTS_MAX; i++) {
    if (snapshots[i] != NULL) continue;
    snapshots[i] = txn;
    return;
  }
  abort();
}

static void snapshot_gone(const MDB_txn *txn) {
  for (int i = 0; i < SNAPSHOTS_MAX; i++)
    if (snapshots[i] == txn) snapshots[i] = NULL;
}

long fault_snapshots(void) {
  long n = 0;
  for (int i = 0; i < SNAPSHOTS_MAX; i++) n += snapshots[i] != NULL;
  return n;
}

static int lmdb_fails(void) {
  static const int codes[] = { ENOMEM, EIO, MDB_MAP_FULL };
  return is_hit(FAULT_LMDB) ? codes[wanted % 3] : 0;
}

int mdb_env_create(MDB_env **env) {
  const int rc = lmdb_fails();
  return rc != 0 ? rc : REAL(mdb_env_create)(env);
}

int mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode) {
  const int rc = lmdb_fails();
  return rc != 0 ? rc : REAL(mdb_env_open)(env, path, flags, mode);
}

int mdb_env_set_mapsize(MDB_env *env, size_t size) {
  const int rc = lmdb_fails();
  return rc != 0 ? rc : REAL(mdb_env_set_mapsize)(env, size);
}

int mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn) {
  int rc = lmdb_fails();
  if (rc == 0) rc = REAL(mdb_txn_begin)(env, parent, flags, txn);
  if (rc == 0 && (flags & MDB_RDONLY) != 0) snapshot_taken(*txn);
  return rc;
}

int mdb_txn_renew(MDB_txn *txn) {
  int rc = lmdb_fails();
  if (rc == 0) rc = REAL(mdb_txn_renew)(txn);
  if (rc == 0) snapshot_taken(txn);
  return rc;
}

void mdb_txn_reset(MDB_txn *txn) {
  snapshot_gone(txn);
  REAL(mdb_txn_reset)(txn);
}

void mdb_txn_abort(MDB_txn *txn) {
  snapshot_gone(txn);
  REAL(mdb_txn_abort)(txn);
}

int mdb_txn_commit(MDB_txn *txn) {
  const int rc = lmdb_fails();
  snapshot_gone(txn);
  if (rc == 0) return REAL(mdb_txn_commit)(txn);
  mdb_txn_abort(txn); /* a commit that fails ends the transaction */
  return rc;
}

int mdb_dbi_open(MDB_txn *txn, const char *name, unsigned flags, MDB_dbi *dbi) {
  const int rc = lmdb_fails();
  return rc != 0 ? rc : REAL(mdb_dbi_open)(txn, name, flags, dbi);
}

int mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value) {
  const int rc = lmdb_fails();
  return rc != 0 ? rc : REAL(mdb_get)(txn, dbi, key, value);
}

int mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value, unsigned flags) {
  const int rc = lmdb_fails();
  return rc != 0 ? rc : REAL(mdb_put)(txn, dbi, key, value, flags);
}

int mdb_del(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value) {
  const int rc = lmdb_fails();
  return rc != 0 ? rc : REAL(mdb_del)(txn, dbi, key, value);
}

int mdb_cursor_open(MDB_txn *txn, MDB_dbi dbi, MDB_cursor **cursor) {
  const int rc = lmdb_fails();
  return rc != 0 ? rc : REAL(mdb_cursor_open)(txn, dbi, cursor);
}

int mdb_cursor_get(MDB_cursor *cursor, MDB_val *key, MDB_val *value, MDB_cursor_op op) {
  const int rc = lmdb_fails();
  return rc != 0 ? rc : REAL(mdb_cursor_get)(cursor, key, value, op);
}

int mdb_cursor_del(MDB_cursor *cursor, unsigned flags) {
  const int rc = lmdb_fails();
  return rc != 0 ? rc : REAL(mdb_cursor_del)(cursor, flags);
}

/* ------------------------------------------------------------------ memory */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);

static bool memory_fails(void) {
  if (!is_hit(FAULT_MALLOC)) return false;
  errno = ENOMEM;
  return true;
}

void *malloc(size_t size) {
  return memory_fails() ? NULL : __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
  return memory_fails() ? NULL : __libc_calloc(count, size);
}
void *realloc(void *p, size_t size) {
  return memory_fails() ? NULL : __libc_realloc(p, size);
}

void *__real_plain_alloc(size_t size);
void *__wrap_plain_alloc(size_t size);
void *__real_plain_resize(void *p, size_t size);
void *__wrap_plain_resize(void *p, size_t size);

void *__wrap_plain_alloc(size_t size) {
  return memory_fails() ? NULL : __real_plain_alloc(size);
}
void *__wrap_plain_resize(void *p, size_t size) {
  return memory_fails() ? NULL : __real_plain_resize(p, size);
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
  if ((flags & MAP_ANONYMOUS) != 0 && memory_fails()) return MAP_FAILED;
  return REAL(mmap)(at, size, protection, flags, fd, offset);
}

#endif
