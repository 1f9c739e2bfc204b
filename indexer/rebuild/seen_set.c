/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/rebuild/seen_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/plain.h"

static uint64_t key_of(const uint8_t blind[16]) {
  uint64_t key;
  memcpy(&key, blind, sizeof key);
  return key != 0 ? key : 1;
}

static uint64_t *find(uint64_t *slots, size_t capacity, uint64_t key) {
  size_t i = (size_t)key & (capacity - 1);
  while (slots[i] != 0 && slots[i] != key) i = (i + 1) & (capacity - 1);
  return &slots[i];
}

static bool grow(seen_set *s) {
  const size_t wider = s->capacity != 0 ? s->capacity * 2 : 1024;
  uint64_t *slots = plain_array(wider, sizeof *slots);
  if (slots == NULL) return false;
  for (size_t i = 0; i < s->capacity; i++)
    if (s->slots[i] != 0) *find(slots, wider, s->slots[i]) = s->slots[i];
  plain_free(s->slots);
  s->slots = slots;
  s->capacity = wider;
  return true;
}

bool seen_set_add(seen_set *s, const uint8_t blind[16]) {
  if (s->count * 2 >= s->capacity && !grow(s)) return false;
  uint64_t *slot = find(s->slots, s->capacity, key_of(blind));
  if (*slot == 0) s->count++;
  *slot = key_of(blind);
  return true;
}

bool seen_set_has(const seen_set *s, const uint8_t blind[16]) {
  return s->capacity != 0 && *find(s->slots, s->capacity, key_of(blind)) != 0;
}

void seen_set_free(seen_set *s) {
  plain_free(s->slots);
  *s = (seen_set){ 0 };
}
