/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"
#include "store/environment.h"
#include "store/pages.h"

#define PAGE_OVERFLOW 0x04
#define LOOKS 5

typedef struct check {
  const pages *p;
  uint8_t *seen;     /* a bit for each page that something refers to */
  pages_table count; /* of the table at hand */
  uint8_t last_key[PAGES_KEY_MAX];
  size_t last_key_size;
  bool first_key;
  bool integer_keys;
} check;

/* No page is referred to twice, by whatever. */
static bool take(check *c, uint64_t page, uint64_t count) {
  if (page < PAGES_FIRST || count > c->p->last_page || page > c->p->last_page + 1 - count)
    return false;
  for (uint64_t i = page; i < page + count; i++) {
    const uint8_t mask = (uint8_t)(1u << (i & 7));
    if ((c->seen[i / 8] & mask) != 0) return false;
    c->seen[i / 8] |= mask;
  }
  return true;
}

static bool take_free(void *context, const uint8_t *list, size_t size) {
  cursor at = cursor_over(list, size);
  const uint64_t count = cursor_get_u64(&at);
  if (at.failed || count > cursor_left(&at) / 8) return false;
  uint64_t above = UINT64_MAX;
  for (uint64_t i = 0; i < count; i++) {
    const uint64_t page = cursor_get_u64(&at);
    if (page >= above || !take(context, page, 1)) return false;
    above = page;
  }
  return true;
}

static bool key_follows(check *c, const node *n) {
  if (n->key_size == 0 || (c->integer_keys && n->key_size != 8)) return false;
  int order = -1;
  if (c->integer_keys && !c->first_key) {
    cursor before = cursor_over(c->last_key, 8), now = cursor_over(n->key, 8);
    order = cursor_get_u64(&before) < cursor_get_u64(&now) ? -1 : 1;
  } else if (!c->first_key) {
    const size_t common = c->last_key_size < n->key_size ? c->last_key_size : n->key_size;
    order = memcmp(c->last_key, n->key, common);
    if (order == 0) order = c->last_key_size < n->key_size ? -1 : 1;
  }
  memcpy(c->last_key, n->key, n->key_size);
  c->last_key_size = n->key_size;
  c->first_key = false;
  return order < 0;
}

static bool check_overflow(check *c, const node *n) {
  const uint64_t count = (PAGES_HEADER - 1 + (uint64_t)n->value_size) / c->p->page_size + 1;
  uint8_t header[PAGES_HEADER];
  if (!take(c, n->overflow, count) || n->overflow + count > c->p->whole) return false;
  if (!pages_read(c->p, n->overflow, header, sizeof header)) return false;
  cursor at = cursor_over(header, sizeof header);
  const uint64_t number = cursor_get_u64(&at);
  (void)cursor_get_u16(&at);
  const uint16_t flags = cursor_get_u16(&at);
  c->count.overflows += count;
  return number == n->overflow && flags == PAGE_OVERFLOW && cursor_get_u32(&at) == count;
}

static bool check_table(check *c, const pages_table *t, bool tables_inside);

static bool check_leaf(check *c, const tree_page *page, bool tables_inside) {
  for (size_t i = 0; i < page->count; i++) {
    const node n = tree_page_node(page, i);
    if (!key_follows(c, &n)) return false;
    c->count.entries++;
    if ((n.flags & ~(unsigned)(NODE_OVERFLOW | NODE_TABLE)) != 0) return false;
    if ((n.flags & NODE_OVERFLOW) != 0 && !check_overflow(c, &n)) return false;
    if ((n.flags & NODE_TABLE) == 0) continue;
    pages_table table;
    if (!tables_inside || n.value == NULL) return false;
    if (!pages_get_table(&table, n.value, n.value_size, c->p->last_page) || table.flags != 0)
      return false;
    check inner = { .p = c->p, .seen = c->seen };
    if (!check_table(&inner, &table, false)) return false;
  }
  return true;
}

static bool check_page(check *c, uint64_t number, unsigned depth, bool tables_inside) {
  const size_t size = (size_t)c->p->page_size;
  tree_page page;
  uint8_t *bytes = malloc(size);
  bool fine = bytes != NULL && take(c, number, 1) && pages_read(c->p, number, bytes, size) &&
              tree_page_parse(&page, bytes, size, number) && page.leaf == (depth == 1);
  if (fine && page.leaf) {
    c->count.leaves++;
    fine = check_leaf(c, &page, tables_inside);
  } else if (fine) {
    c->count.branches++;
    for (size_t i = 0; fine && i < page.count; i++)
      fine = check_page(c, tree_page_node(&page, i).child, depth - 1, tables_inside);
  }
  free(bytes);
  return fine;
}

static bool check_table(check *c, const pages_table *t, bool tables_inside) {
  c->count = (pages_table){ 0 };
  c->first_key = true;
  if (t->root != PAGES_NONE && !check_page(c, t->root, t->depth, tables_inside)) return false;
  return c->count.entries == t->entries && c->count.leaves == t->leaves &&
         c->count.branches == t->branches && c->count.overflows == t->overflows;
}

static bool check_all(const pages *p) {
  check c = { .p = p, .seen = calloc(1, (size_t)(p->last_page / 8 + 1)) };
  bool fine = c.seen != NULL && check_table(&c, &p->main_table, true);
  c.integer_keys = true;
  fine = fine && check_table(&c, &p->free_table, false) && pages_each_free(p, take_free, &c);
  free(c.seen);
  return fine;
}

sdx_status store_check(store *s, sdx_error *err) {
  store_txn *t;
  sdx_status status = store_read_begin(s, &t, err);
  if (status < 0) return status;
  /* While this snapshot is held, no page of it or of a later one is written over. */
  int fd = -1;
  pages p;
  bool fine = false;
  (void)mdb_env_get_fd(t->map->mdb, &fd);
  for (int i = 0; i < LOOKS && !fine; i++) fine = pages_look(&p, fd);
  if (!fine || !check_all(&p))
    status = error_set(err, SDX_DAMAGED, "a page of data.mdb is damaged");
  store_read_end(t);
  return status;
}
