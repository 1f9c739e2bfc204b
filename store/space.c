/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "store/environment.h"
#include "store/fault.h"

#define META_PAGES 2
#define PAGE_META 0x08

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
  out->transactions = info.me_last_txnid;
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

/* Where the map begins. LMDB does not tell; but the tables' records lie in pages of the map, and a page says
 * its own number (pages.h). */
static uint8_t *map_start(const store_txn *t, size_t page_size, size_t last_page) {
  static char name[] = "blocks";
  MDB_val key = { sizeof name - 1, name }, value;
  uint64_t number;
  uint16_t flags;
  if (mdb_get(t->mdb, t->map->main, &key, &value) != 0) return NULL;
  const uintptr_t page = (uintptr_t)value.mv_data & ~(uintptr_t)(page_size - 1);
  memcpy(&number, (const void *)page, sizeof number);
  if (number > last_page || number * page_size > page) return NULL;
  uint8_t *start = (uint8_t *)(page - number * page_size);
  memcpy(&flags, start + 10, sizeof flags);
  return flags == PAGE_META ? start : NULL;
}

void store_release_map(store *s) {
  store_txn *t;
  MDB_envinfo info;
  MDB_stat stat;
  if (store_read_begin(s, &t, NULL) < 0) return; /* in a snapshot for reading, all pages are the map's */
  if (mdb_env_info(t->map->mdb, &info) == 0 && mdb_env_stat(t->map->mdb, &stat) == 0) {
    uint8_t *start = map_start(t, stat.ms_psize, info.me_last_pgno);
    /* Shared, and never written to through the map: nothing can be lost. */
    if (start != NULL) (void)madvise(start, (info.me_last_pgno + 1) * stat.ms_psize, MADV_DONTNEED);
  }
  const page_map *own = t->base.map; /* and the one that trees are walked in */
  if (own != NULL && own->base != NULL) {
    (void)madvise((void *)(uintptr_t)own->base, own->size, MADV_DONTNEED);
    for (uint64_t i = 0; own->touches != NULL && i <= t->base.last_page / TOUCH_PAGES; i++)
      atomic_store_explicit(&own->touches[i], 0, memory_order_relaxed); /* met anew */
  }
  store_read_end(t);
}
