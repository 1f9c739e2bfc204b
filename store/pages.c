/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/pages.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"

#define META_MAGIC 0xBEEFC0DEu
#define META_VERSION 1
#define USUAL_SIZE 4096
#define TABLE_SIZE 48
#define TABLE_INTEGER_KEY 0x08
#define PAGE_BRANCH 0x01
#define PAGE_LEAF 0x02
#define PAGE_META 0x08
#define NODE_HEADER 8

/* ------------------------------------------------------------------ meta pages */

static bool table_plausible(const pages_table *t, uint64_t last_page) {
  if (t->depth > PAGES_DEPTH_MAX) return false;
  if (t->root == PAGES_NONE) return t->depth == 0;
  return t->depth > 0 && t->root >= PAGES_FIRST && t->root <= last_page;
}

bool pages_get_table(pages_table *t, const void *bytes, size_t size, uint64_t last_page) {
  cursor c = cursor_over(bytes, size);
  t->pad = cursor_get_u32(&c);
  t->flags = cursor_get_u16(&c);
  t->depth = cursor_get_u16(&c);
  t->branches = cursor_get_u64(&c);
  t->leaves = cursor_get_u64(&c);
  t->overflows = cursor_get_u64(&c);
  t->entries = cursor_get_u64(&c);
  t->root = cursor_get_u64(&c);
  return size == TABLE_SIZE && !c.failed && table_plausible(t, last_page);
}

bool pages_get_meta(pages *out, const uint8_t bytes[PAGES_META_SIZE], uint64_t number) {
  cursor c = cursor_over(bytes, PAGES_META_SIZE);
  (void)cursor_get(&c, 10);
  const uint16_t flags = cursor_get_u16(&c);
  (void)cursor_get(&c, 4);
  const uint32_t magic = cursor_get_u32(&c);
  const uint32_t version = cursor_get_u32(&c);
  (void)cursor_get(&c, 8);
  const uint64_t map_size = cursor_get_u64(&c);
  const uint8_t *free_table = cursor_get(&c, TABLE_SIZE);
  const uint8_t *main_table = cursor_get(&c, TABLE_SIZE);
  out->last_page = cursor_get_u64(&c);
  out->transaction = cursor_get_u64(&c);
  if ((flags & PAGE_META) == 0 || magic != META_MAGIC || version != META_VERSION) return false;
  if (!pages_get_table(&out->free_table, free_table, TABLE_SIZE, out->last_page) ||
      !pages_get_table(&out->main_table, main_table, TABLE_SIZE, out->last_page))
    return false;

  const uint64_t size = out->free_table.pad;
  out->page_size = size;
  if (size < 4096 || size > 32768 || (size & (size - 1)) != 0) return false;
  if (out->last_page < 1 || out->last_page > ((uint64_t)1 << 47) / size) return false;
  if (map_size > (uint64_t)1 << 42) return false; /* far more than any index has: damage */
  if (out->free_table.flags != TABLE_INTEGER_KEY || out->main_table.flags != 0) return false;
  /* LMDB finds the meta page of a transaction by its lowest bit. */
  return out->transaction == 0 || (out->transaction & 1) == number;
}

/* Both, with one read where pages have their usual size. */
static bool read_metas(int fd, pages *first, pages *second) {
  uint8_t bytes[USUAL_SIZE + PAGES_META_SIZE];
  const ssize_t got = pread(fd, bytes, sizeof bytes, 0);
  if (got != (ssize_t)sizeof bytes || !pages_get_meta(first, bytes, 0)) return false;
  uint8_t *other = bytes + USUAL_SIZE;
  if (first->page_size != USUAL_SIZE &&
      pread(fd, other, PAGES_META_SIZE, (off_t)first->page_size) != PAGES_META_SIZE)
    return false;
  return pages_get_meta(second, other, 1);
}

bool pages_look(pages *out, int fd) {
  pages first = { 0 }, second = { 0 };
  struct stat st;
  if (!read_metas(fd, &first, &second)) return false;
  if (first.page_size != second.page_size) return false;
  /* Each commit writes one of the two. */
  const uint64_t newer =
      first.transaction > second.transaction ? first.transaction : second.transaction;
  if (first.transaction + second.transaction != (newer > 0 ? 2 * newer - 1 : 0)) return false;
  /* The length after the meta pages: it has grown before they say so. */
  if (fstat(fd, &st) != 0) return false;
  *out = first.transaction < second.transaction ? second : first;
  out->fd = fd;
  out->whole = (uint64_t)st.st_size / out->page_size;
  return true;
}

bool pages_read(const pages *p, uint64_t number, void *bytes, size_t size) {
  if (number < PAGES_FIRST || number > p->last_page || number >= p->whole) return false;
  if (p->map != NULL) {
    memcpy(bytes, p->map + number * p->page_size, size);
    return true;
  }
  return pread(p->fd, bytes, size, (off_t)(number * p->page_size)) == (ssize_t)size;
}

/* ------------------------------------------------------------------ tree pages */

static size_t offset_of(const uint8_t *bytes, size_t i) {
  const uint8_t *at = bytes + PAGES_HEADER + 2 * i;
  return (size_t)(at[0] | at[1] << 8);
}

/* Decodes the node at `offset`; *size: what it takes, with padding. */
static bool get_node(node *out, size_t *size, const uint8_t *bytes, size_t offset, size_t page_size,
                     bool leaf) {
  cursor c = cursor_over(bytes + offset, page_size - offset);
  const uint64_t low = cursor_get_u16(&c);
  const uint64_t high = cursor_get_u16(&c);
  *out = (node){ .flags = cursor_get_u16(&c) };
  out->key_size = cursor_get_u16(&c);
  if (!leaf)
    out->child = low | high << 16 | (uint64_t)out->flags << 32;
  else
    out->value_size = (size_t)(low | high << 16);
  out->key = cursor_get(&c, out->key_size);
  if (leaf && (out->flags & NODE_OVERFLOW) != 0)
    out->overflow = cursor_get_u64(&c);
  else if (leaf)
    out->value = cursor_get(&c, out->value_size);
  *size = ((size_t)(c.at - (bytes + offset)) + 1) & ~(size_t)1;
  return !c.failed && out->key_size <= PAGES_KEY_MAX;
}

bool tree_page_parse(tree_page *out, const uint8_t *bytes, size_t size, uint64_t number) {
  cursor c = cursor_over(bytes, size);
  const uint64_t said = cursor_get_u64(&c);
  (void)cursor_get_u16(&c);
  const uint16_t flags = cursor_get_u16(&c);
  const size_t lower = cursor_get_u16(&c);
  const size_t upper = cursor_get_u16(&c);
  if (said != number || (flags != PAGE_LEAF && flags != PAGE_BRANCH)) return false;
  if (lower < PAGES_HEADER || lower > upper || upper > size || (lower & 1) != 0) return false;
  *out = (tree_page){ .bytes = bytes, .size = size, .leaf = flags == PAGE_LEAF };
  out->count = (lower - PAGES_HEADER) / 2;
  if (out->count < (out->leaf ? 1u : 2u)) return false;
  /* Nodes lie side by side from upper to the end: so if their sizes add up, none overlap. */
  size_t total = 0;
  for (size_t i = 0; i < out->count; i++) {
    const size_t offset = offset_of(bytes, i);
    size_t taken;
    node n;
    if (offset < upper || offset > size - NODE_HEADER || (offset & 1) != 0) return false;
    if (!get_node(&n, &taken, bytes, offset, size, out->leaf)) return false;
    total += taken;
  }
  return total == size - upper;
}

node tree_page_node(const tree_page *page, size_t i) {
  node n;
  size_t taken;
  (void)get_node(&n, &taken, page->bytes, offset_of(page->bytes, i), page->size, page->leaf);
  return n;
}

/* ------------------------------------------------------------------ the free table */

typedef struct free_walk {
  const pages *p;
  bool (*see)(void *context, const uint8_t *list, size_t size);
  void *context;
} free_walk;

static bool see_overflow(const free_walk *w, const node *n) {
  const pages *p = w->p;
  if (n->overflow >= p->whole) return false;
  if (n->value_size > (p->whole - n->overflow) * p->page_size - PAGES_HEADER) return false;
  uint8_t *bytes = malloc(PAGES_HEADER + n->value_size);
  const bool fine = bytes != NULL &&
                    pages_read(p, n->overflow, bytes, PAGES_HEADER + n->value_size) &&
                    w->see(w->context, bytes + PAGES_HEADER, n->value_size);
  free(bytes);
  return fine;
}

static bool walk_free(const free_walk *w, uint64_t number, unsigned depth) {
  const size_t size = (size_t)w->p->page_size;
  tree_page page;
  uint8_t *bytes = malloc(size);
  bool fine = bytes != NULL && pages_read(w->p, number, bytes, size) &&
              tree_page_parse(&page, bytes, size, number) && page.leaf == (depth == 1);
  for (size_t i = 0; fine && i < page.count; i++) {
    const node n = tree_page_node(&page, i);
    if (!page.leaf)
      fine = walk_free(w, n.child, depth - 1);
    else if (n.value == NULL)
      fine = see_overflow(w, &n);
    else
      fine = w->see(w->context, n.value, n.value_size);
  }
  free(bytes);
  return fine;
}

bool pages_each_free(const pages *p, bool (*see)(void *context, const uint8_t *list, size_t size),
                     void *context) {
  const free_walk w = { p, see, context };
  return p->free_table.root == PAGES_NONE || walk_free(&w, p->free_table.root, p->free_table.depth);
}
