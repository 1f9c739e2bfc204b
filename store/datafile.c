/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/datafile.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/error.h"

/* LMDB 0.9, format version 1, as its mdb.c has it; numbers are the machine's, here little-endian.
 *
 *   page     number 8, pad 2, flags 2, lower 2, upper 2 (overflow: pages 4), then offsets of nodes
 *   meta     page header, magic 4, version 4, address 8, map size 8, free table, main table,
 *            last page 8, transaction 8
 *   table    pad 4 (free table: the page size), flags 2, depth 2, branch pages 8, leaf pages 8,
 *            overflow pages 8, entries 8, root 8
 *   node     low 2, high 2, flags 2, key size 2, key, data (overflow: page number 8)
 *   free     transaction -> count 8, page numbers 8 each
 */
#define PAGE_HEADER 16
#define META_SIZE (PAGE_HEADER + 136)
#define META_MAGIC 0xBEEFC0DEu
#define META_VERSION 1
#define PAGE_BRANCH 0x01
#define PAGE_LEAF 0x02
#define PAGE_META 0x08
#define NODE_HEADER 8
#define NODE_OVERFLOW 0x01
#define TABLE_INTEGER_KEY 0x08
#define NO_PAGE UINT64_MAX
#define DEPTH_MAX 32
#define TAIL_MAX ((uint64_t)1 << 26)
/* A commit of another process may be half visible to a read: look again before calling it damage.
 */
#define LOOKS 5

typedef struct table {
  uint32_t pad;
  uint16_t flags;
  uint16_t depth;
  uint64_t root;
} table;

typedef struct meta {
  uint64_t page_size;
  table free;
  table main;
  uint64_t last_page;
  uint64_t transaction;
} meta;

typedef struct datafile {
  int fd;
  uint64_t size;
  meta newest;
  uint64_t pages; /* whole pages in the file */
  uint8_t *tail;  /* a bit for each page behind them: known to be free */
  uint64_t tail_free;
} datafile;

static table get_table(cursor *c) {
  table t;
  t.pad = cursor_get_u32(c);
  t.flags = cursor_get_u16(c);
  t.depth = cursor_get_u16(c);
  (void)cursor_get(c, 32);
  t.root = cursor_get_u64(c);
  return t;
}

static bool table_plausible(const table *t, uint64_t last_page) {
  if (t->depth > DEPTH_MAX) return false;
  return t->root == NO_PAGE || (t->root > 1 && t->root <= last_page);
}

static bool read_meta(int fd, uint64_t number, uint64_t offset, meta *out) {
  uint8_t bytes[META_SIZE];
  if (pread(fd, bytes, sizeof bytes, (off_t)offset) != (ssize_t)sizeof bytes) return false;
  cursor c = cursor_over(bytes, sizeof bytes);
  (void)cursor_get(&c, 10);
  const uint16_t flags = cursor_get_u16(&c);
  (void)cursor_get(&c, 4);
  const uint32_t magic = cursor_get_u32(&c);
  const uint32_t version = cursor_get_u32(&c);
  (void)cursor_get(&c, 8);
  const uint64_t map_size = cursor_get_u64(&c);
  out->free = get_table(&c);
  out->main = get_table(&c);
  out->last_page = cursor_get_u64(&c);
  out->transaction = cursor_get_u64(&c);
  out->page_size = out->free.pad;

  const uint64_t size = out->page_size;
  if ((flags & PAGE_META) == 0 || magic != META_MAGIC || version != META_VERSION) return false;
  if (size < 4096 || size > 32768 || (size & (size - 1)) != 0) return false;
  if (out->last_page < 1 || out->last_page > ((uint64_t)1 << 47) / size) return false;
  if (map_size > (uint64_t)1 << 47) return false;
  if (out->free.flags != TABLE_INTEGER_KEY || out->main.flags != 0) return false;
  /* LMDB finds the page of a transaction by its lowest bit. */
  if (out->transaction != 0 && (out->transaction & 1) != number) return false;
  return table_plausible(&out->free, out->last_page) && table_plausible(&out->main, out->last_page);
}

static bool read_newest(datafile *f) {
  meta first, second;
  struct stat st;
  if (!read_meta(f->fd, 0, 0, &first) || !read_meta(f->fd, 1, first.page_size, &second))
    return false;
  if (first.page_size != second.page_size) return false;
  /* The length after the meta pages: it has grown before they say so. */
  if (fstat(f->fd, &st) != 0) return false;
  f->size = (uint64_t)st.st_size;
  f->newest = first.transaction < second.transaction ? second : first;
  f->pages = f->size / f->newest.page_size;
  return true;
}

static bool read_at(const datafile *f, uint64_t page, void *bytes, size_t size) {
  const uint64_t page_size = f->newest.page_size;
  if (page < 2 || page >= f->pages) return false;
  return pread(f->fd, bytes, size, (off_t)(page * page_size)) == (ssize_t)size;
}

/* Marks the pages of one entry of the free table that lie behind the end of the file. */
static bool mark_free(datafile *f, const uint8_t *list, size_t size) {
  cursor c = cursor_over(list, size);
  const uint64_t count = cursor_get_u64(&c);
  if (c.failed || count > cursor_left(&c) / 8) return false;
  for (uint64_t i = 0; i < count; i++) {
    const uint64_t page = cursor_get_u64(&c);
    if (page > f->newest.last_page) return false;
    if (page < f->pages) continue;
    const uint64_t bit = page - f->pages;
    const uint8_t mask = (uint8_t)(1u << (bit & 7));
    if ((f->tail[bit / 8] & mask) != 0) return false;
    f->tail[bit / 8] |= mask;
    f->tail_free++;
  }
  return true;
}

static bool mark_overflow(datafile *f, uint64_t page, size_t size) {
  if (page >= f->pages || size > (f->pages - page) * f->newest.page_size - PAGE_HEADER)
    return false;
  uint8_t *bytes = malloc(PAGE_HEADER + size);
  const bool fine = bytes != NULL && read_at(f, page, bytes, PAGE_HEADER + size) &&
                    mark_free(f, bytes + PAGE_HEADER, size);
  free(bytes);
  return fine;
}

static bool walk_free(datafile *f, uint64_t page, unsigned depth);

static bool walk_node(datafile *f, cursor node, bool leaf, unsigned depth) {
  const uint64_t low = cursor_get_u16(&node);
  const uint64_t high = cursor_get_u16(&node);
  const uint64_t flags = cursor_get_u16(&node);
  const size_t key_size = cursor_get_u16(&node);
  if (!leaf) return !node.failed && walk_free(f, low | high << 16 | flags << 32, depth - 1);
  const size_t size = (size_t)(low | high << 16);
  (void)cursor_get(&node, key_size);
  if ((flags & NODE_OVERFLOW) != 0) {
    const uint64_t page = cursor_get_u64(&node);
    return !node.failed && mark_overflow(f, page, size);
  }
  const uint8_t *list = cursor_get(&node, size);
  return list != NULL && mark_free(f, list, size);
}

static bool walk_free(datafile *f, uint64_t page, unsigned depth) {
  const size_t size = (size_t)f->newest.page_size;
  if (depth == 0) return false;
  uint8_t *bytes = malloc(size);
  bool fine = bytes != NULL && read_at(f, page, bytes, size);
  if (fine) {
    cursor head = cursor_over(bytes + 10, 4);
    const uint16_t flags = cursor_get_u16(&head);
    const size_t lower = cursor_get_u16(&head);
    const bool leaf = (flags & PAGE_LEAF) != 0;
    fine = (leaf || (flags & PAGE_BRANCH) != 0) && lower >= PAGE_HEADER && lower <= size;
    for (size_t at = PAGE_HEADER; fine && at + 2 <= lower; at += 2) {
      cursor slot = cursor_over(bytes + at, 2);
      const size_t offset = cursor_get_u16(&slot);
      fine = offset >= lower && offset + NODE_HEADER <= size &&
             walk_node(f, cursor_over(bytes + offset, size - offset), leaf, depth);
    }
  }
  free(bytes);
  return fine;
}

/* A file may end before its last page: pages that were taken and given back within one transaction
 * are never written. It is whole if every page behind its end is in the free table. */
static bool tail_is_free(datafile *f) {
  if (f->pages > f->newest.last_page) return true;
  const uint64_t missing = f->newest.last_page + 1 - f->pages;
  if (missing > TAIL_MAX || f->newest.free.root == NO_PAGE) return false;
  f->tail = calloc(1, (size_t)(missing / 8 + 1));
  f->tail_free = 0;
  const bool fine = f->tail != NULL && walk_free(f, f->newest.free.root, f->newest.free.depth) &&
                    f->tail_free == missing;
  free(f->tail);
  f->tail = NULL;
  return fine;
}

sdx_status datafile_check(int fd, sdx_error *err) {
  bool meta_fine = false;
  for (int i = 0; i < LOOKS; i++) {
    datafile f = { .fd = fd };
    meta_fine = read_newest(&f);
    if (meta_fine && tail_is_free(&f)) return SDX_OK;
  }
  if (!meta_fine) return error_set(err, SDX_DAMAGED, "data.mdb is not a store");
  return error_set(err, SDX_DAMAGED, "data.mdb is cut short");
}
