/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"
#include "store/environment.h"
#include "store/fault.h"

#define PAGE_OVERFLOW 0x04

/* No page is referred to twice, by whatever. */
static bool take(check *c, uint64_t page, uint64_t count) {
  if (page < PAGES_FIRST || count > c->p->last_page || page > c->p->last_page + 1 - count)
    return false;
  for (uint64_t i = page; c->seen != NULL && i < page + count; i++) {
    const uint8_t mask = (uint8_t)(1u << (i & 7));
    if ((c->seen[i / 8] & mask) != 0) return false;
    c->seen[i / 8] |= mask;
  }
  return true;
}

static bool take_free(void *context, const uint8_t *list, size_t size) {
  check *c = context;
  cursor at = cursor_over(list, size);
  const uint64_t count = cursor_get_u64(&at);
  if (at.failed || count > cursor_left(&at) / 8) return false;
  uint64_t above = UINT64_MAX;
  for (uint64_t i = 0; i < count; i++) {
    const uint64_t page = cursor_get_u64(&at);
    if (page >= above || !take(c, page, 1)) return false;
    above = page;
  }
  c->free += count;
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
  c->count.overflows += count;
  if (!take(c, n->overflow, count) || n->overflow + count > c->p->whole) return false;
  if (!c->values) return true;
  c->place = n->overflow;
  if (!pages_read(c->p, n->overflow, header, sizeof header)) return false;
  cursor at = cursor_over(header, sizeof header);
  const uint64_t number = cursor_get_u64(&at);
  (void)cursor_get_u16(&at);
  const uint16_t flags = cursor_get_u16(&at);
  return number == n->overflow && flags == PAGE_OVERFLOW && cursor_get_u32(&at) == count;
}

static uint64_t pages_of(const pages_table *t) {
  return t->branches + t->leaves + t->overflows;
}

static bool check_inner(check *c, const node *n, bool inside) {
  pages_table table;
  if (!inside || n->value == NULL) return false;
  if (!pages_get_table(&table, n->value, n->value_size, c->p->last_page) || table.flags != 0)
    return false;
  c->used += pages_of(&table);
  if (c->seen == NULL) return true;
  check inner = { .p = c->p, .seen = c->seen, .values = c->values };
  const bool fine = check_table(&inner, &table, false);
  if (!fine) c->place = inner.place;
  return fine;
}

static bool check_leaf(check *c, uint64_t number, const tree_page *page, bool inside) {
  for (size_t i = 0; i < page->count; i++) {
    const node n = tree_page_node(page, i);
    if (!key_follows(c, &n)) return false;
    c->count.entries++;
    if ((n.flags & ~(unsigned)(NODE_OVERFLOW | NODE_TABLE)) != 0) return false;
    if ((n.flags & NODE_OVERFLOW) != 0 && !check_overflow(c, &n)) return false;
    if ((n.flags & NODE_TABLE) != 0 && !check_inner(c, &n, inside)) return false;
    c->place = number;
  }
  return true;
}

static bool check_page(check *c, uint64_t number, unsigned depth, bool inside) {
  const size_t size = (size_t)c->p->page_size;
  tree_page page;
  uint8_t *bytes = malloc(size);
  c->place = number;
  bool fine = bytes != NULL && take(c, number, 1) && pages_read(c->p, number, bytes, size) &&
              tree_page_parse(&page, bytes, size, number) && page.leaf == (depth == 1);
  if (fine && page.leaf) {
    c->count.leaves++;
    fine = check_leaf(c, number, &page, inside);
  } else if (fine) {
    c->count.branches++;
    for (size_t i = 0; fine && i < page.count; i++)
      fine = check_page(c, tree_page_node(&page, i).child, depth - 1, inside);
  }
  free(bytes);
  return fine;
}

bool check_table(check *c, const pages_table *t, bool inside) {
  c->count = (pages_table){ 0 };
  c->first_key = true;
  c->place = t->root;
  if (t->root != PAGES_NONE && !check_page(c, t->root, t->depth, inside)) return false;
  c->used += pages_of(t);
  return c->count.entries == t->entries && c->count.leaves == t->leaves &&
         c->count.branches == t->branches && c->count.overflows == t->overflows;
}

bool check_free(check *c) {
  c->integer_keys = true;
  const bool fine = check_table(c, &c->p->free_table, false) && pages_each_free(c->p, take_free, c);
  c->integer_keys = false;
  return fine;
}

#define LOOKS 5

static bool check_all(check *c) {
  return check_table(c, &c->p->main_table, true) && check_free(c) &&
         c->used + c->free + PAGES_FIRST == c->p->last_page + 1;
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
  check c = { .p = &p, .values = true };
  if (fine) c.seen = calloc(1, (size_t)(p.last_page / 8 + 1));
  if (fine && c.seen == NULL)
    status = error_memory(err);
  else if (!fine)
    status = error_set(err, SDX_DAMAGED, "the first pages of data.mdb are damaged");
  else if (!check_all(&c))
    status = error_set(err, SDX_DAMAGED, "page %llu of data.mdb is damaged",
                       (unsigned long long)c.place);
  free(c.seen);
  for (store_table i = STORE_META; i < STORE_TABLES && status == SDX_OK; i++)
    if (state_sums(i)) status = store_check_rows(t, i, err);
  store_read_end(t);
  return status;
}

sdx_status store_check_rows(store_txn *t, store_table table, sdx_error *err) {
  const int rc =
      t->writes ? snapshot_check_table(&t->base, table) : snapshot_check_rows(&t->base, table);
  if (rc != MDB_CORRUPTED) return lmdb_error(err, rc, "reading the store");
  return error_set(err, SDX_DAMAGED,
                   "the table \"%s\" of data.mdb is damaged, or older than the rest",
                   store_table_names[table]);
}
