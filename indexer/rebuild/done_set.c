/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/rebuild/done_set.h"

#include <stdlib.h>

#include "base/plain.h"

static size_t find(const uint64_t *slots, size_t capacity, uint64_t key) {
  size_t i = (size_t)key & (capacity - 1);
  while (slots[i] != 0 && slots[i] != key) i = (i + 1) & (capacity - 1);
  return i;
}

/* Only before the walk: nothing has been met. */
static bool grow(done_set *s) {
  const size_t wider = s->capacity != 0 ? s->capacity * 2 : 1024;
  uint64_t *slots = plain_array(wider, sizeof *slots);
  atomic_bool *met = plain_array(wider, sizeof *met);
  if (slots == NULL || met == NULL) {
    plain_free(slots);
    plain_free(met);
    return false;
  }
  for (size_t i = 0; i < s->capacity; i++)
    if (s->slots[i] != 0) slots[find(slots, wider, s->slots[i])] = s->slots[i];
  plain_free(s->slots);
  plain_free(s->met);
  s->slots = slots;
  s->met = met;
  s->capacity = wider;
  return true;
}

static uint64_t key_of(uint64_t origin) {
  return origin != 0 ? origin : 1;
}

bool done_set_add(done_set *s, uint64_t origin) {
  if (s->count * 2 >= s->capacity && !grow(s)) return false;
  const size_t i = find(s->slots, s->capacity, key_of(origin));
  if (s->slots[i] == 0) s->count++;
  s->slots[i] = key_of(origin);
  return true;
}

bool done_set_meet(done_set *s, uint64_t origin) {
  if (s->capacity == 0) return false;
  const size_t i = find(s->slots, s->capacity, key_of(origin));
  if (s->slots[i] == 0) return false;
  atomic_store_explicit(&s->met[i], true, memory_order_relaxed);
  return true;
}

bool done_set_was_met(const done_set *s, uint64_t origin) {
  if (s->capacity == 0) return false;
  const size_t i = find(s->slots, s->capacity, key_of(origin));
  return s->slots[i] != 0 && atomic_load_explicit(&s->met[i], memory_order_relaxed);
}

void done_set_free(done_set *s) {
  plain_free(s->slots);
  plain_free(s->met);
  *s = (done_set){ 0 };
}
