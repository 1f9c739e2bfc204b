/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "store/environment.h"
#include "store/fault.h"

/* LMDB's table of free pages: entries are lists of page numbers that begin with their count. */
#define FREE_TABLE 0
#define META_PAGES 2

static sdx_status count_free(store_txn *t, uint64_t *pages, sdx_error *err) {
  MDB_cursor *c = NULL;
  MDB_val key, value;
  int rc;
  *pages = 0;
  LMDB(rc, mdb_cursor_open(t->mdb, FREE_TABLE, &c));
  if (rc != 0) return lmdb_error(err, rc, "measuring the store");
  for (;;) {
    LMDB(rc, mdb_cursor_get(c, &key, &value, MDB_NEXT));
    if (rc != 0) break;
    size_t count = 0;
    if (value.mv_size >= sizeof count) memcpy(&count, value.mv_data, sizeof count);
    *pages += count;
  }
  mdb_cursor_close(c);
  return rc == MDB_NOTFOUND ? SDX_OK : lmdb_error(err, rc, "measuring the store");
}

static sdx_status measure(store_txn *t, store_space *out, sdx_error *err) {
  MDB_envinfo info;
  MDB_stat stat;
  struct stat file;
  int rc, fd = -1;
  sdx_status status = count_free(t, &out->free_pages, err);
  if (status < 0) return status;
  (void)mdb_env_info(t->map->mdb, &info);
  (void)mdb_env_get_fd(t->map->mdb, &fd);
  if (fstat(fd, &file) != 0) return error_system(err, errno, "measuring the store");
  out->used_pages = META_PAGES;
  const MDB_dbi all[] = { FREE_TABLE, t->map->main };
  for (int i = -2; i < STORE_TABLES; i++) {
    LMDB(rc, mdb_stat(t->mdb, i < 0 ? all[i + 2] : t->map->tables[i], &stat));
    if (rc != 0) return lmdb_error(err, rc, "measuring the store");
    out->used_pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
    out->page_size = stat.ms_psize;
    if (i >= 0) out->entries[i] = stat.ms_entries;
  }
  out->file_size = (uint64_t)file.st_size;
  out->map_size = info.me_mapsize;
  return SDX_OK;
}

sdx_status store_measure(store *s, store_space *out, sdx_error *err) {
  store_txn *t;
  memset(out, 0, sizeof *out);
  sdx_status status = store_read_begin(s, &t, err);
  if (status < 0) return status;
  status = measure(t, out, err);
  store_read_end(t);
  return status;
}

/* Values of one segment mostly lie side by side: neighbours share one call. */
void store_prefetch(const sdx_bytes *values, size_t count) {
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t start = 0, end = 0;
  for (size_t i = 0; i < count; i++) {
    if (values[i].data == NULL || values[i].size == 0) continue;
    const uintptr_t from = (uintptr_t)values[i].data & ~(page - 1);
    const uintptr_t to = ((uintptr_t)values[i].data + values[i].size + page - 1) & ~(page - 1);
    if (from == end) {
      end = to;
      continue;
    }
    if (end > start) (void)madvise((void *)start, end - start, MADV_WILLNEED);
    start = from;
    end = to;
  }
  if (end > start) (void)madvise((void *)start, end - start, MADV_WILLNEED);
}
