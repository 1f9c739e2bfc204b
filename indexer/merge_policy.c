/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/merge_policy.h"

#include <stdlib.h>

#include "indexer/maintain.h"

static uint32_t live(const merge_candidate *c) { return c->items - c->dead; }

static int greatest_first(const void *a, const void *b) {
  const merge_candidate *x = a, *y = b;
  if (live(x) != live(y)) return live(x) > live(y) ? -1 : 1;
  return x->id < y->id ? -1 : x->id > y->id;
}

static bool needs_purge(const merge_candidate *c, int64_t now) {
  return c->due || (c->oldest_dead != INT64_MAX && c->oldest_dead <= now - MAINTAIN_TOMBSTONE_AGE) ||
         (uint64_t)c->dead * 100 > (uint64_t)c->items * MAINTAIN_DEAD_PERCENT;
}

static size_t choose_from(merge_candidate *candidates, size_t first, size_t count) {
  for (size_t i = first; i < count; i++) candidates[i].chosen = true;
  return count - first;
}

size_t merge_choose(merge_candidate *candidates, size_t count, bool all, int64_t now) {
  if (count == 0) return 0;
  qsort(candidates, count, sizeof *candidates, greatest_first);
  for (size_t i = 0; i < count; i++) candidates[i].chosen = false;
  if (all) return count > 1 || candidates[0].dead > 0 ? choose_from(candidates, 0, count) : 0;

  for (size_t i = count; i-- > 0;)
    if (needs_purge(&candidates[i], now)) return choose_from(candidates, i, count);

  uint64_t behind = 0;
  size_t first = count;
  for (size_t i = count; i-- > 0;) {
    if (behind > live(&candidates[i])) first = i;
    behind += live(&candidates[i]);
  }
  return count - first >= 2 ? choose_from(candidates, first, count) : 0;
}
