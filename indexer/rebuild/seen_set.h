/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seen_set.h - the items that a walk has met, by the first half of their blind ids: 8 bytes each in
 * a hash table at most half full. Blind ids are keyed hashes, so that nobody chooses two that
 * collide.
 */
#ifndef SEALDEX_INDEXER_REBUILD_SEEN_SET_H
#define SEALDEX_INDEXER_REBUILD_SEEN_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct seen_set {
  uint64_t *slots; /* 0: free */
  size_t capacity; /* a power of two, or 0 */
  size_t count;
} seen_set;

/* False where memory ran out. */
bool seen_set_add(seen_set *s, const uint8_t blind[16]);
bool seen_set_has(const seen_set *s, const uint8_t blind[16]);
void seen_set_free(seen_set *s);

#endif
