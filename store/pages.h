/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pages.h - data.mdb read as bytes: what LMDB would map and trust, taken with plain reads and
 * checked.
 *
 * LMDB 0.9, format version 1; numbers are the machine's, here little-endian:
 *
 *   page     number 8, pad 2, flags 2, then
 *              meta      -, 4: the meta record
 *              tree      lower 2, upper 2, an offset of 2 for each node; nodes from upper to the
 * end overflow  pages 4; the value, over so many pages meta     magic 4, version 4, address 8, map
 * size 8, free table, main table, last page 8, transaction 8 table    pad 4 (free table: the page
 * size), flags 2, depth 2, branch pages 8, leaf pages 8, overflow pages 8, entries 8, root 8 node
 * low 2, high 2, flags 2, key size 2, key; in leaves then the value (low and high: its size), or
 * the number 8 of its overflow page; in branches low, high and flags are the child's page number
 *   free     transaction 8 -> count 8, page numbers 8 each
 */
#ifndef SEALDEX_STORE_PAGES_H
#define SEALDEX_STORE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGES_HEADER 16
#define PAGES_META_SIZE (PAGES_HEADER + 136)
#define PAGES_NONE UINT64_MAX /* the root of an empty table */
#define PAGES_FIRST 2         /* behind the meta pages */
#define PAGES_DEPTH_MAX 32
#define PAGES_KEY_MAX 511

/* Flags of nodes: the value is on overflow pages; the value is a table. */
#define NODE_OVERFLOW 0x01
#define NODE_TABLE 0x02

typedef struct pages_table {
  uint32_t pad;
  uint16_t flags;
  uint16_t depth;
  uint64_t branches, leaves, overflows, entries, root;
} pages_table;

/* One look at a data.mdb. */
typedef struct pages {
  int fd;
  const uint8_t *map; /* or NULL: read from fd */
  uint64_t page_size;
  uint64_t whole;     /* whole pages in the file */
  uint64_t last_page; /* of the newest transaction; may lie behind the file's end */
  uint64_t transaction;
  pages_table free_table, main_table;
} pages;

typedef struct node {
  const uint8_t *key;
  size_t key_size;
  unsigned flags;
  uint64_t child;       /* branch: a page */
  const uint8_t *value; /* leaf: or NULL with NODE_OVERFLOW */
  size_t value_size;
  uint64_t overflow; /* leaf, with NODE_OVERFLOW: a page */
} node;

/* A tree page whose nodes are known to lie within it. */
typedef struct tree_page {
  const uint8_t *bytes;
  size_t size;
  bool leaf;
  size_t count;
} tree_page;

/* Reads the meta pages; false where they make no sense (or a commit was half visible: look again).
 */
bool pages_look(pages *out, int fd);
/* Decodes meta page `number`; *out but for fd, map and whole. */
bool pages_get_meta(pages *out, const uint8_t bytes[PAGES_META_SIZE], uint64_t number);
/* Reads the beginning of a page that the newest transaction may use. */
bool pages_read(const pages *p, uint64_t number, void *bytes, size_t size);
/* Decodes the record of a table. */
bool pages_get_table(pages_table *out, const void *bytes, size_t size, uint64_t last_page);
/* Checks page `number`, read to `bytes`, as a page of a tree. */
bool tree_page_parse(tree_page *out, const uint8_t *bytes, size_t size, uint64_t number);
/* Node i of it. */
node tree_page_node(const tree_page *page, size_t i);

/* Calls `see` with the list of each entry of the free table, as long as it returns true. */
bool pages_each_free(const pages *p, bool (*see)(void *context, const uint8_t *list, size_t size),
                     void *context);

#endif
