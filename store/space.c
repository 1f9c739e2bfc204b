/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "store/environment.h"
#include "store/fault.h"

#define META_PAGES 2

static bool count_free(void *context, const uint8_t *list, size_t size) {
  uint64_t count = 0;
  if (size >= sizeof count) memcpy(&count, list, sizeof count);
  *(uint64_t *)context += count;
  return true;
}

static uint64_t pages_of(const pages_table *t) {
  return t->branches + t->leaves + t->overflows;
}

static sdx_status measure(store_txn *t, store_space *out, sdx_error *err) {
  const snapshot *s = &t->base;
  const pages p = snapshot_pages(s);
  MDB_envinfo info;
  struct stat file;
  if (!pages_each_free(&p, count_free, &out->free_pages))
    return error_set(err, SDX_DAMAGED, "the list of free pages of data.mdb is damaged");
  (void)mdb_env_info(t->map->mdb, &info);
  if (fstat(s->map->fd, &file) != 0) return error_system(err, errno, "measuring the store");
  out->used_pages = META_PAGES + pages_of(&s->free_table) + pages_of(&s->main_table);
  out->page_size = s->map->page_size;
  for (int i = 0; i < STORE_TABLES; i++) {
    out->used_pages += pages_of(&s->tables[i]);
    out->entries[i] = s->tables[i].entries;
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
