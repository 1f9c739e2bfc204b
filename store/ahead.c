/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A page that is not in memory takes the disk longer than some hundred that are opened; but it
 * reads many pages in the time of a few, if it is told of them together. The leaves of the tree
 * first, since they say where the values are.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "store/txn.h"

/* So many are looked at, evenly spread, to tell whether pages are in memory. */
#define SAMPLES 4

typedef struct page_run {
  uint64_t first, count;
} page_run;

static int by_place(const void *a, const void *b) {
  const uint64_t x = ((const page_run *)a)->first, y = ((const page_run *)b)->first;
  return (x > y) - (x < y);
}

/* Sorted, and those that meet made one. */
static size_t join_runs(page_run *runs, size_t count) {
  size_t joined = 0;
  qsort(runs, count, sizeof *runs, by_place);
  for (size_t i = 0; i < count; i++) {
    const uint64_t end = runs[i].first + runs[i].count;
    page_run *last = joined > 0 ? &runs[joined - 1] : NULL;
    if (last == NULL || runs[i].first > last->first + last->count)
      runs[joined++] = runs[i];
    else if (end > last->first + last->count)
      last->count = end - last->first;
  }
  return joined;
}

static bool fits(const snapshot *s, const page_run *r) {
  return r->first < s->limit && r->count <= s->limit - r->first;
}

static void *address_of(const page_map *m, uint64_t page) {
  return (void *)(uintptr_t)(m->base + page * m->page_size);
}

static bool in_memory(const snapshot *s, const page_run *r) {
  unsigned char there[8]; /* of a page of the store, which may be several of the machine */
  return s->map->page_size > sizeof there * 4096 ||
         mincore(address_of(s->map, r->first), s->map->page_size, there) != 0 ||
         (there[0] & 1) != 0;
}

/* True where they were not all in memory, as far as that was looked at. */
static bool read_runs(const snapshot *s, page_run *runs, size_t count) {
  bool missing = false;
  count = join_runs(runs, count);
  const size_t step = count / SAMPLES + 1;
  for (size_t i = 0; i < count && !missing; i += step)
    missing = fits(s, &runs[i]) && !in_memory(s, &runs[i]);
  for (size_t i = 0; i < count && missing; i++)
    if (fits(s, &runs[i]))
      (void)madvise(address_of(s->map, runs[i].first), runs[i].count * s->map->page_size,
                    MADV_WILLNEED);
  return missing;
}

bool store_ahead(store_txn *t, store_table table, const uint8_t *keys, size_t key_size,
                 size_t count) {
  snapshot *s = &t->base;
  const pages_table *tree = &s->tables[table];
  page_run runs[STORE_AHEAD_MAX];
  bool missing = false;
  if (t->writes || s->map == NULL || s->map->base == NULL) return false;
  if (count > STORE_AHEAD_MAX) count = STORE_AHEAD_MAX;
  for (unsigned level = 1; level < tree->depth; level++) {
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
      const uint64_t page = snapshot_page_on_way(s, tree, keys + i * key_size, key_size, level);
      if (page != 0) runs[found++] = (page_run){ page, 1 };
    }
    missing |= read_runs(s, runs, found);
  }
  size_t found = 0;
  for (size_t i = 0; i < count; i++) {
    page_run r = { 0 };
    r.first = snapshot_value_page(s, tree, keys + i * key_size, key_size, &r.count);
    if (r.first != 0) runs[found++] = r;
  }
  return read_runs(s, runs, found) || missing;
}

void snapshot_ahead(const snapshot *s) {
  page_run roots[STORE_TABLES];
  size_t found = 0;
  for (size_t i = 0; i < STORE_TABLES; i++)
    if (s->tables[i].root != PAGES_NONE) roots[found++] = (page_run){ s->tables[i].root, 1 };
  (void)read_runs(s, roots, found);
}
