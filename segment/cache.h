/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cache.h - the cache of opened blocks as segments use it; segment/block.h is its face to the rest.
 *
 * The cache grows by doubling: level 0 is FIRST frames, each further level doubles what there is. A
 * block's set is its hash modulo the number of sets, so growth moves no frame: a lookup that misses
 * at the present level asks the sets that earlier levels would have had, and a block found there
 * moves to the present one.
 */
#ifndef SEALDEX_SEGMENT_CACHE_H
#define SEALDEX_SEGMENT_CACHE_H

#include "segment/block.h"

/* Names a block among all open segments; streams take 4 bits, numbers 28. */
static inline uint64_t cache_key(uint32_t segment_number, uint32_t stream, uint32_t number) {
  return (uint64_t)segment_number << 32 | (uint64_t)(stream & 15) << 28 | (number & 0x0fffffffu);
}

typedef struct cache_frame cache_frame;

/* Finds and pins; NULL: not here. *plain is then the block. */
cache_frame *cache_find(block_cache *c, uint64_t key, const uint8_t **plain);
/* Takes a frame to fill, alone; NULL where all are in use. Fill *plain, then cache_publish (it is
 * then pinned) or cache_abandon. */
cache_frame *cache_claim(block_cache *c, uint64_t key, uint8_t **plain);
void cache_publish(cache_frame *f, uint64_t key);
void cache_abandon(block_cache *c, cache_frame *f, uint8_t *plain);
void cache_unpin(cache_frame *f);
/* Asks for the memory in which cache_find will look first. */
void cache_fetch(block_cache *c, uint64_t key);
/* Whether the block is here, without pinning it. */
bool cache_has(block_cache *c, uint64_t key);
const block_memory *cache_memory(const block_cache *c);

#endif
