/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/id_set.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

static void digest(uint64_t key[2], const void *id, size_t size) {
  guint8 sum[32];
  gsize length = sizeof sum;
  GChecksum *checksum = g_checksum_new(G_CHECKSUM_SHA256);
  g_checksum_update(checksum, id, (gssize)size);
  g_checksum_get_digest(checksum, sum, &length);
  g_checksum_free(checksum);
  memcpy(key, sum, 16);
  key[0] |= 1; /* no key is all zeros */
}

static id_slot *find(id_slot *slots, size_t capacity, const uint64_t key[2]) {
  size_t i = (size_t)key[1] & (capacity - 1);
  while (slots[i].key[0] != 0 && memcmp(slots[i].key, key, sizeof slots[i].key) != 0)
    i = (i + 1) & (capacity - 1);
  return &slots[i];
}

static bool grow(id_set *set) {
  const size_t capacity = set->capacity != 0 ? set->capacity * 2 : 64;
  id_slot *slots = calloc(capacity, sizeof *slots);
  if (slots == NULL) return false;
  for (size_t i = 0; i < set->capacity; i++)
    if (set->slots[i].key[0] != 0) *find(slots, capacity, set->slots[i].key) = set->slots[i];
  free(set->slots);
  set->slots = slots;
  set->capacity = capacity;
  return true;
}

uint64_t id_set_add(id_set *set, const void *id, size_t size) {
  if (set->used * 3 >= set->capacity * 2 && !grow(set)) return UINT64_MAX;
  uint64_t key[2];
  digest(key, id, size);
  id_slot *slot = find(set->slots, set->capacity, key);
  if (slot->key[0] == 0) {
    memcpy(slot->key, key, sizeof key);
    set->used++;
  }
  return slot->count++;
}

void id_set_clear(id_set *set) {
  free(set->slots);
  *set = (id_set)ID_SET_INIT;
}
