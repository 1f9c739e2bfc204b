/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/merge_policy.h"

#include <stdlib.h>

#include "indexer/maintain.h"
#include "segment/builder.h"

static uint32_t live(const merge_candidate *c) {
  return c->items - c->dead;
}

static int greatest_first(const void *a, const void *b) {
  const merge_candidate *x = a, *y = b;
  if (live(x) != live(y)) return live(x) > live(y) ? -1 : 1;
  return x->id < y->id ? -1 : x->id > y->id;
}

static bool needs_purge(const merge_candidate *c, int64_t old) {
  return c->due || (c->oldest_dead != INT64_MAX && c->oldest_dead <= old) ||
         (uint64_t)c->dead * 100 > (uint64_t)c->items * MAINTAIN_DEAD_PERCENT;
}

/* All from `first` on, but no more than merge at once: then the smallest. */
static size_t choose_from(merge_candidate *candidates, size_t first, size_t count) {
  if (count - first > MERGE_INPUTS_MAX) first = count - MERGE_INPUTS_MAX;
  for (size_t i = first; i < count; i++) candidates[i].chosen = true;
  return count - first;
}

/* Where the suffix of segments begins that purging asks for; `count`: none. */
static size_t first_to_purge(const merge_candidate *candidates, size_t count, uint64_t limit,
                             int64_t old) {
  uint64_t items = 0;
  for (size_t i = count; i-- > 0;) {
    items += candidates[i].items;
    if (items > limit) break;
    if (needs_purge(&candidates[i], old)) return i;
  }
  return count;
}

/* Where the suffix begins that is to become one for the sake of sizes. */
static size_t first_to_join(const merge_candidate *candidates, size_t count, uint64_t limit) {
  uint64_t items = 0, behind = 0;
  size_t first = count;
  for (size_t i = count; i-- > 0;) {
    items += candidates[i].items;
    if (items > limit) break;
    if (behind > live(&candidates[i])) first = i;
    behind += live(&candidates[i]);
  }
  return first;
}

/* Of too many that are too big for the limit, the two smallest. */
static size_t choose_two(merge_candidate *candidates, size_t count, uint64_t limit) {
  size_t big = 0;
  while (big < count && candidates[big].items > limit / 2) big++;
  if (big <= MERGE_BIG_MANY) return 0;
  return choose_from(candidates, big - 2, big);
}

size_t merge_choose(merge_candidate *candidates, size_t count, bool all, uint64_t limit,
                    int64_t old) {
  if (count == 0) return 0;
  qsort(candidates, count, sizeof *candidates, greatest_first);
  for (size_t i = 0; i < count; i++) candidates[i].chosen = false;
  if (all) return count > 1 || candidates[0].dead > 0 ? choose_from(candidates, 0, count) : 0;

  size_t first = first_to_purge(candidates, count, limit, old);
  if (first < count) return choose_from(candidates, first, count);
  first = first_to_join(candidates, count, limit);
  if (first < count) return choose_from(candidates, first, count);
  return choose_two(candidates, count, limit);
}
