/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "segment/cache.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/wipe.h"

#define WAYS 8u
#define FIRST 32u      /* frames of level 0 */
#define LEVELS 24u
#define ALONE (1u << 31) /* in `pins`: being filled or emptied by one thread */

/* A frame in use by readers has pins > 0; whoever wants to change its block sets ALONE, from 0 pins.
 * A reader adds a pin first and looks at the key after: if ALONE was not set before, and the key is
 * the right one after, the block cannot go away under it. */
struct cache_frame {
  _Atomic uint64_t key; /* EMPTY: none */
  _Atomic uint32_t pins;
  _Atomic uint32_t used; /* since the clock's hand last came by */
};
#define EMPTY UINT64_MAX

typedef struct cache_level { /* frames that the level added */
  cache_frame *frames;
  uint8_t *plain;
  uint32_t count;
} cache_level;

struct block_cache {
  const block_memory *memory;
  block_memory own;
  uint32_t budget; /* frames that it may have, a multiple of WAYS */
  _Atomic uint32_t levels;
  _Atomic uint32_t filled; /* frames that hold a block, or soon will */
  cache_level level[LEVELS];
  pthread_mutex_t growing;
};

static void plain_give(void *p, size_t size) { plain_free_written(p, size); }

sdx_status block_cache_new(block_cache **out, size_t budget_bytes, const block_memory *memory,
                           sdx_error *err) {
  block_cache *c = plain_alloc(sizeof *c);
  if (c == NULL) return error_memory(err);
  c->own = memory != NULL ? *memory : (block_memory){ plain_alloc, plain_give };
  c->memory = &c->own;
  const size_t frames = budget_bytes / (BLOCK_PLAIN + sizeof(cache_frame));
  c->budget = (frames > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)frames) / WAYS * WAYS;
  if (c->budget < FIRST) c->budget = FIRST;
  if (pthread_mutex_init(&c->growing, NULL) != 0) {
    plain_free(c);
    return error_memory(err);
  }
  *out = c;
  return SDX_OK;
}

const block_memory *cache_memory(const block_cache *c) { return c->memory; }

void block_cache_empty(block_cache *c) {
  const uint32_t levels = atomic_load(&c->levels);
  atomic_store(&c->levels, 0);
  atomic_store(&c->filled, 0);
  for (uint32_t i = 0; i < levels; i++) {
    cache_level *l = &c->level[i];
    wipe(l->plain, (size_t)l->count * BLOCK_PLAIN);
    c->memory->free(l->plain, (size_t)l->count * BLOCK_PLAIN);
    plain_free(l->frames);
    *l = (cache_level){ 0 };
  }
}

void block_cache_free(block_cache *c) {
  if (c == NULL) return;
  block_cache_empty(c);
  pthread_mutex_destroy(&c->growing);
  plain_free(c);
}

size_t block_cache_bytes(const block_cache *c) {
  size_t bytes = sizeof *c;
  const uint32_t levels = atomic_load(&((block_cache *)c)->levels);
  for (uint32_t i = 0; i < levels; i++)
    bytes += (size_t)c->level[i].count * (BLOCK_PLAIN + sizeof(cache_frame));
  return bytes;
}

/* ---------------------------------------------------------------- sets */

static bool take_alone(cache_frame *f) {
  uint32_t none = 0;
  return atomic_compare_exchange_strong_explicit(&f->pins, &none, ALONE, memory_order_acquire,
                                                 memory_order_relaxed);
}

static uint64_t mix(uint64_t key) {
  key ^= key >> 32;
  key *= UINT64_C(0x9e3779b97f4a7c15);
  return key ^ key >> 29;
}

/* The frames of so many levels, had the last one all that it might have. */
static uint32_t doubled(uint32_t levels) { return FIRST << (levels - 1); }

/* The set of a hash when `levels` levels are there: WAYS frames that lie together in one level. Sets that
 * the budget leaves no room for are where they were before the last level. */
static cache_frame *set_of(block_cache *c, uint64_t hash, uint32_t levels, uint8_t **plain) {
  const uint32_t frames = doubled(levels);
  uint32_t first = (uint32_t)(hash & (frames / WAYS - 1)) * WAYS; /* a power of two */
  uint32_t level = 0, before = 0;
  if (first >= c->budget) first -= frames / 2;
  if (first >= FIRST) {
    level = 32u - (uint32_t)__builtin_clz(first / FIRST);
    before = FIRST << (level - 1);
  }
  *plain = c->level[level].plain + (size_t)(first - before) * BLOCK_PLAIN;
  return c->level[level].frames + (first - before);
}

static cache_frame *find_in(cache_frame *set, uint64_t key, uint32_t *way) {
  for (uint32_t i = 0; i < WAYS; i++) {
    cache_frame *f = set + i;
    if (atomic_load_explicit(&f->key, memory_order_relaxed) != key) continue;
    if ((atomic_fetch_add_explicit(&f->pins, 1, memory_order_acquire) & ALONE) == 0 &&
        atomic_load_explicit(&f->key, memory_order_relaxed) == key) {
      if (atomic_load_explicit(&f->used, memory_order_relaxed) == 0)
        atomic_store_explicit(&f->used, 1, memory_order_relaxed);
      *way = i;
      return f;
    }
    cache_unpin(f);
  }
  return NULL;
}

/* A block that is used since before the cache grew goes where it is found at once. What cannot be
 * moved now, because another thread reads it, stays. */
static cache_frame *move_up(block_cache *c, uint64_t key, cache_frame *old, const uint8_t **plain) {
  uint8_t *room, *was = (uint8_t *)*plain;
  cache_frame *f = cache_claim(c, key, &room);
  if (f == NULL) return old;
  memcpy(room, was, BLOCK_PLAIN);
  cache_publish(f, key);
  cache_unpin(old);
  if (take_alone(old)) {
    if (atomic_load_explicit(&old->key, memory_order_relaxed) == key) {
      atomic_store_explicit(&old->key, EMPTY, memory_order_relaxed);
      atomic_fetch_sub_explicit(&c->filled, 1, memory_order_relaxed);
      wipe(was, BLOCK_PLAIN);
    }
    atomic_fetch_sub_explicit(&old->pins, ALONE, memory_order_release);
  }
  *plain = room;
  return f;
}

cache_frame *cache_find(block_cache *c, uint64_t key, const uint8_t **plain) {
  const uint64_t hash = mix(key);
  const uint32_t present = atomic_load_explicit(&c->levels, memory_order_acquire);
  for (uint32_t levels = present; levels > 0; levels--) {
    uint8_t *first;
    uint32_t way;
    cache_frame *const set = set_of(c, hash, levels, &first);
    cache_frame *f = find_in(set, key, &way);
    if (f == NULL) continue;
    *plain = first + (size_t)way * BLOCK_PLAIN;
    return levels == present || set == set_of(c, hash, present, &first) ? f
                                                                        : move_up(c, key, f, plain);
  }
  return NULL;
}

void cache_fetch(block_cache *c, uint64_t key) {
  const uint32_t levels = atomic_load_explicit(&c->levels, memory_order_acquire);
  if (levels == 0) return;
  uint8_t *plain;
  const cache_frame *set = set_of(c, mix(key), levels, &plain);
  __builtin_prefetch(set, 1);
  __builtin_prefetch(set + WAYS - 1, 1);
}

bool cache_has(block_cache *c, uint64_t key) {
  const uint64_t hash = mix(key);
  for (uint32_t levels = atomic_load_explicit(&c->levels, memory_order_acquire); levels > 0; levels--) {
    uint8_t *plain;
    const cache_frame *set = set_of(c, hash, levels, &plain);
    for (uint32_t i = 0; i < WAYS; i++)
      if (atomic_load_explicit(&((cache_frame *)set)[i].key, memory_order_relaxed) == key) return true;
  }
  return false;
}

void cache_unpin(cache_frame *f) { atomic_fetch_sub_explicit(&f->pins, 1, memory_order_release); }

/* ---------------------------------------------------------------- filling */

/* Frames that one level more would add: as many as there are, or what is left of the budget, where that is
 * worth it. */
static uint32_t next_level(const block_cache *c, uint32_t levels) {
  if (levels == 0) return FIRST;
  const uint32_t present = doubled(levels);
  if (levels == LEVELS || c->budget < present + present / 8) return 0;
  return c->budget - present < present ? c->budget - present : present;
}

/* Adds a level if the budget allows it; true where there are more levels than `seen`. */
static bool grow(block_cache *c, uint32_t seen) {
  if (next_level(c, seen) == 0) return false;
  pthread_mutex_lock(&c->growing);
  const uint32_t levels = atomic_load_explicit(&c->levels, memory_order_relaxed);
  bool more = levels > seen;
  const uint32_t add = next_level(c, levels);
  if (!more && add > 0) {
    cache_level *l = &c->level[levels];
    l->frames = plain_array(add, sizeof *l->frames);
    l->plain = l->frames != NULL ? c->memory->alloc((size_t)add * BLOCK_PLAIN) : NULL;
    if (l->plain != NULL) {
      l->count = add;
      for (uint32_t i = 0; i < add; i++)
        atomic_store_explicit(&l->frames[i].key, EMPTY, memory_order_relaxed);
      atomic_store_explicit(&c->levels, levels + 1, memory_order_release);
      more = true;
    } else {
      plain_free(l->frames);
      l->frames = NULL;
    }
  }
  pthread_mutex_unlock(&c->growing);
  return more;
}

static cache_frame *claim_way(block_cache *c, cache_frame *set, uint8_t *first, uint32_t way,
                              uint8_t **plain) {
  cache_frame *f = set + way;
  if (!take_alone(f)) return NULL;
  if (atomic_load_explicit(&f->key, memory_order_relaxed) == EMPTY)
    atomic_fetch_add_explicit(&c->filled, 1, memory_order_relaxed);
  atomic_store_explicit(&f->key, EMPTY, memory_order_relaxed);
  *plain = first + (size_t)way * BLOCK_PLAIN;
  return f;
}

/* Pages are locked as the cache grows, which takes longer than opening some blocks once more: so one
 * full set is no reason. */
static bool is_crowded(const block_cache *c, uint32_t levels) {
  return atomic_load_explicit(&((block_cache *)c)->filled, memory_order_relaxed) >=
         doubled(levels) / 4 * 3;
}

cache_frame *cache_claim(block_cache *c, uint64_t key, uint8_t **plain) {
  uint32_t levels = atomic_load_explicit(&c->levels, memory_order_acquire);
  if (levels == 0) {
    grow(c, 0);
    levels = atomic_load_explicit(&c->levels, memory_order_acquire);
    if (levels == 0) return NULL;
  }
  const uint64_t hash = mix(key);
  for (;;) {
    uint8_t *first;
    cache_frame *set = set_of(c, hash, levels, &first), *f;
    for (uint32_t i = 0; i < WAYS; i++)
      if (atomic_load_explicit(&set[i].key, memory_order_relaxed) == EMPTY &&
          (f = claim_way(c, set, first, i, plain)) != NULL)
        return f;
    if (is_crowded(c, levels) && grow(c, levels)) {
      levels = atomic_load_explicit(&c->levels, memory_order_acquire);
      continue;
    }
    /* The clock: one round gives a second chance, the next takes whatever is free. */
    for (uint32_t i = 0; i < 2 * WAYS; i++) {
      const uint32_t way = (i + (uint32_t)(hash >> 56)) % WAYS;
      if (i < WAYS && atomic_exchange_explicit(&set[way].used, 0, memory_order_relaxed) != 0) continue;
      if ((f = claim_way(c, set, first, way, plain)) != NULL) return f;
    }
    return NULL;
  }
}

/* A block earns its second chance by being used again: where more is read in turn than there is room for,
 * what is here mostly stays, instead of everything being gone when it is wanted next. */
void cache_publish(cache_frame *f, uint64_t key) {
  atomic_store_explicit(&f->used, 0, memory_order_relaxed);
  atomic_store_explicit(&f->key, key, memory_order_relaxed);
  atomic_fetch_add_explicit(&f->pins, 1 - ALONE, memory_order_release); /* alone no more, one pin */
}

void cache_abandon(block_cache *c, cache_frame *f, uint8_t *plain) {
  wipe(plain, BLOCK_PLAIN);
  atomic_fetch_sub_explicit(&c->filled, 1, memory_order_relaxed);
  atomic_fetch_sub_explicit(&f->pins, ALONE, memory_order_release);
}

void block_cache_forget(block_cache *c, uint32_t segment_number) {
  const uint32_t levels = atomic_load_explicit(&c->levels, memory_order_acquire);
  for (uint32_t l = 0; l < levels; l++)
    for (uint32_t i = 0; i < c->level[l].count; i++) {
      cache_frame *f = &c->level[l].frames[i];
      const uint64_t key = atomic_load_explicit(&f->key, memory_order_relaxed);
      if (key == EMPTY || key >> 32 != segment_number) continue;
      while (!take_alone(f)) sched_yield(); /* a passing lookup's pin, gone in a moment */
      if (atomic_load_explicit(&f->key, memory_order_relaxed) == key) {
        atomic_store_explicit(&f->key, EMPTY, memory_order_relaxed);
        atomic_fetch_sub_explicit(&c->filled, 1, memory_order_relaxed);
        wipe(c->level[l].plain + (size_t)i * BLOCK_PLAIN, BLOCK_PLAIN);
      }
      atomic_fetch_sub_explicit(&f->pins, ALONE, memory_order_release);
    }
}
