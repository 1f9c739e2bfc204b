/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/tally.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 64

void tally_init(tally *t, scratch *s) { *t = (tally){ .s = s }; }

static uint64_t hash(const unsigned char *p, size_t size) {
  uint64_t h = UINT64_C(0xcbf29ce484222325) ^ size;
  for (size_t i = 0; i < size; i++) h = (h ^ p[i]) * UINT64_C(0x100000001b3);
  return h ^ h >> 29;
}

static tally_entry *find(const tally *t, const void *value, size_t size) {
  size_t i = (size_t)hash(value, size) & (t->room - 1);
  while (t->slots[i].count != 0 &&
         (t->slots[i].value.size != size || memcmp(t->slots[i].value.data, value, size) != 0))
    i = (i + 1) & (t->room - 1);
  return &t->slots[i];
}

static bool grow(tally *t) {
  const tally before = *t;
  t->room = before.room != 0 ? 2 * before.room : ROOM_FIRST;
  t->slots = SCRATCH_MANY(t->s, tally_entry, t->room);
  if (t->slots == NULL) {
    *t = before;
    return false;
  }
  for (size_t i = 0; i < before.room; i++)
    if (before.slots[i].count != 0)
      *find(t, before.slots[i].value.data, before.slots[i].value.size) = before.slots[i];
  return true;
}

void tally_add(tally *t, const void *value, size_t size, uint64_t count) {
  if (count == 0 || (2 * t->used >= t->room && !grow(t))) return;
  tally_entry *e = find(t, value, size);
  if (e->count == 0) {
    e->value = scratch_copy(t->s, value, size);
    t->used++;
  }
  e->count += count;
}

static int compare(const void *a, const void *b) {
  const tally_entry *x = a, *y = b;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  const size_t size = x->value.size < y->value.size ? x->value.size : y->value.size;
  const int order = memcmp(x->value.data, y->value.data, size);
  if (order != 0) return order;
  return (x->value.size > y->value.size) - (x->value.size < y->value.size);
}

size_t tally_sorted(const tally *t, size_t most, tally_entry **out) {
  size_t n = 0;
  tally_entry *entries = scratch_take(t->s, (t->used + 1) * sizeof(*entries));
  *out = entries;
  if (entries == NULL) return 0;
  for (size_t i = 0; i < t->room; i++)
    if (t->slots[i].count != 0) entries[n++] = t->slots[i];
  if (n > 1) qsort(entries, n, sizeof(*entries), compare);
  return n < most ? n : most;
}
