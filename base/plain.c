/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/plain.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/sanitized.h"
#include "base/wipe.h"

#if SANITIZED

#include <malloc.h>

void *plain_alloc(size_t size) {
  return size <= SIZE_MAX / 4 ? calloc(1, size != 0 ? size : 1) : NULL;
}

void plain_free(void *p) {
  plain_free_written(p, malloc_usable_size(p));
}

void plain_free_written(void *p, size_t written) {
  wipe(p, written);
  free(p);
}

void *plain_resize(void *p, size_t size) {
  const size_t had = malloc_usable_size(p);
  void *moved = plain_alloc(size);
  if (moved == NULL) return NULL;
  if (p != NULL) memcpy(moved, p, had < size ? had : size);
  plain_free(p);
  return moved;
}

#else

#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>

#define PAGE ((size_t)4096)
#define REGION                                                                                     \
  ((size_t)256 << 10) /* and what all mappings are aligned to: a piece leads to its head */
#define HEAD ((size_t)128)
#define FEW ((size_t)128)            /* up to here a class for every 16 bytes, ... */
#define PIECE_MAX ((size_t)32 << 10) /* ... then four for every doubling, up to here */
#define CLASSES (8 + 4 * 8)
#define KEPT_MAX 8 /* mappings of one large piece that are kept, and each at most of ... */
#define KEPT_SIZE ((size_t)256 << 10)

/* A piece that nobody has; all zero but for this. */
typedef struct spare {
  struct spare *next;
} spare;

/* The head of a mapping, at its start. */
typedef struct region {
  struct region *next, *previous; /* among those of its class with room, or those that are kept */
  spare *spares;                  /* pieces that came back */
  size_t piece;                   /* bytes that can be had of each piece */
  size_t size;                    /* of the mapping */
  struct shard *home;             /* where it is given back to, whoever does */
  uint32_t class;                 /* CLASSES: one large piece */
  uint32_t pieces, used, fresh; /* there is room for; in use; those from here on were never taken */
} region;
_Static_assert(sizeof(region) <= HEAD, "the first piece stands behind it");

/* A thread takes from one of them, so that threads seldom wait for each other. */
#define SHARDS 8
#define AHEAD 16 /* regions are mapped at once; untouched, they take no memory */

typedef struct shard {
  pthread_mutex_t mutex;
  region *with_room[CLASSES];
  region *kept; /* newest first */
  unsigned kept_count;
  uint8_t *next;  /* regions that are mapped and of no class yet */
  unsigned ahead; /* how many */
} __attribute__((aligned(128))) shard;

#define SHARD                                                                                      \
  { .mutex = PTHREAD_MUTEX_INITIALIZER }
static struct {
  pthread_once_t once;
  pthread_key_t key; /* of a thread's magazine */
  bool has_key;
  shard shards[SHARDS];
} heap = { .once = PTHREAD_ONCE_INIT,
           .shards = { SHARD, SHARD, SHARD, SHARD, SHARD, SHARD, SHARD, SHARD } };

/* Threads' descriptors lie whole stacks apart. */
static shard *mine(void) {
  const uint64_t at = (uint64_t)(uintptr_t)pthread_self() >> 6;
  return &heap.shards[at * UINT64_C(0x9e3779b97f4a7c15) >> 61];
}
_Static_assert(SHARDS == 1 << (64 - 61), "as many as the hash has values");

static void lock(shard *s) {
  pthread_mutex_lock(&s->mutex);
}
static void unlock(shard *s) {
  pthread_mutex_unlock(&s->mutex);
}
/* A child must not find a lock taken by a thread that it does not have. */
static void lock_all(void) {
  for (int i = 0; i < SHARDS; i++) lock(&heap.shards[i]);
}
static void unlock_all(void) {
  for (int i = 0; i < SHARDS; i++) unlock(&heap.shards[i]);
}
static void drop_magazine(void *p);
static void start_once(void) {
  (void)pthread_atfork(lock_all, unlock_all, unlock_all);
  heap.has_key = pthread_key_create(&heap.key, drop_magazine) == 0;
}

static uint32_t class_of(size_t size) {
  if (size <= FEW) return size != 0 ? (uint32_t)((size - 1) / 16) : 0;
  const unsigned top = 63 - (unsigned)__builtin_clzl(size - 1); /* 7 for 129 to 256 */
  return 8 + 4 * (top - 7) + (uint32_t)((size - 1) >> (top - 2) & 3);
}

static size_t piece_of(uint32_t class) {
  if (class < 8) return 16 * ((size_t) class + 1);
  const unsigned top = 7 + (class - 8) / 4;
  return ((size_t)1 << top) + (((size_t)(class - 8) % 4 + 1) << (top - 2));
}

/* Pages aligned to REGION, out of dumps, all zero. */
static uint8_t *map_pages(size_t size) {
  pthread_once(&heap.once, start_once);
  const size_t span = size + REGION - PAGE;
  uint8_t *at =
      mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return NULL;
  uint8_t *first = (uint8_t *)(((uintptr_t)at + REGION - 1) & ~(uintptr_t)(REGION - 1));
  const size_t before = (size_t)(first - at);
  if (before > 0) (void)munmap(at, before);
  if (span - before > size) (void)munmap(first + size, span - before - size);
  if (madvise(first, size, MADV_DONTDUMP) != 0) { /* rather none than one that a dump holds */
    (void)munmap(first, size);
    return NULL;
  }
  return first;
}

static region *region_at(uint8_t *pages, shard *home, size_t size) {
  region *r = (region *)(void *)pages;
  if (r == NULL) return NULL;
  r->home = home;
  r->size = size;
  return r;
}

/* Of what was mapped for several regions at once: a process that opens its first index needs a
 * score of them, each of which were three system calls. Under the shard's mutex. */
static region *next_region(shard *home) {
  if (home->ahead == 0) {
    home->next = map_pages(AHEAD * REGION);
    if (home->next == NULL) return region_at(map_pages(REGION), home, REGION);
    home->ahead = AHEAD;
  }
  region *r = region_at(home->next, home, REGION);
  home->next += REGION;
  home->ahead--;
  return r;
}

static region *region_of(const void *p) {
  return (region *)((uintptr_t)p & ~(uintptr_t)(REGION - 1));
}

/* ---------------------------------------------------------------- lists; under the mutex */

static void put_first(region **list, region *r) {
  r->previous = NULL;
  r->next = *list;
  if (r->next != NULL) r->next->previous = r;
  *list = r;
}

static void take_out(region **list, region *r) {
  if (r->next != NULL) r->next->previous = r->previous;
  if (r->previous != NULL)
    r->previous->next = r->next;
  else
    *list = r->next;
}

/* ---------------------------------------------------------------- small pieces */

static region *grow(shard *home, uint32_t class) {
  region *r = next_region(home);
  if (r == NULL) return NULL;
  r->class = class;
  r->piece = piece_of(class);
  r->pieces = (uint32_t)((REGION - HEAD) / r->piece);
  put_first(&home->with_room[class], r);
  return r;
}

static void *take(shard *home, uint32_t class) {
  lock(home);
  region *r = home->with_room[class];
  void *p = NULL;
  if (r == NULL) r = grow(home, class);
  if (r != NULL) {
    spare *s = r->spares;
    if (s != NULL) {
      r->spares = s->next;
      s->next = NULL;
      p = s;
    } else {
      p = (uint8_t *)r + HEAD + r->fresh++ * r->piece;
    }
    if (++r->used == r->pieces) take_out(&home->with_room[class], r);
  }
  unlock(home);
  return p;
}

/* The last region of a class stays: the next piece would need it. */
static void give(region *r, void *p) {
  shard *home = r->home;
  region *gone = NULL;
  lock(home);
  if (r->used == r->pieces) put_first(&home->with_room[r->class], r);
  spare *s = p;
  s->next = r->spares;
  r->spares = s;
  if (--r->used == 0 && (r->next != NULL || r->previous != NULL)) {
    take_out(&home->with_room[r->class], r);
    gone = r;
  }
  unlock(home);
  if (gone != NULL) (void)munmap(gone, gone->size);
}

/* ---------------------------------------------------------------- large pieces */

static size_t whole_of(size_t size) {
  return (size + HEAD + PAGE - 1) & ~(PAGE - 1);
}

static void *take_large(shard *home, size_t size) {
  if (size > SIZE_MAX / 4) return NULL;
  const size_t whole = whole_of(size);
  lock(home);
  region *r = home->kept;
  while (r != NULL && (r->size < whole || r->size > whole + whole / 2)) r = r->next;
  if (r != NULL) {
    take_out(&home->kept, r);
    home->kept_count--;
  }
  unlock(home);
  if (r == NULL) r = region_at(map_pages(whole), home, whole);
  if (r == NULL) return NULL;
  r->class = CLASSES;
  r->piece = r->size - HEAD;
  return (uint8_t *)r + HEAD;
}

/* It is all zero where `clean`; else it is wiped if it is kept. */
static void give_large(region *r, bool clean) {
  bool keep = r->size <= KEPT_SIZE;
  if (keep && !clean) wipe((uint8_t *)r + HEAD, r->piece);
  shard *home = r->home;
  lock(home);
  keep = keep && home->kept_count < KEPT_MAX;
  if (keep) {
    put_first(&home->kept, r);
    home->kept_count++;
  }
  unlock(home);
  if (!keep) (void)munmap(r, r->size);
}

/* ---------------------------------------------------------------- magazines
 *
 * What a thread gave back last, for what it takes next: most of what a search takes and gives back
 * then comes by no mutex. All zero, as what lies in the regions.
 */
#define MAGAZINE_CLASSES 20 /* pieces of up to 1 KiB, ... */
#define MAGAZINE_PIECES 4   /* so many of each, ... */
#define MAGAZINE_LARGE 2    /* and so many large ones of at most ... */
#define MAGAZINE_SIZE ((size_t)64 << 10)

typedef struct magazine {
  spare *pieces[MAGAZINE_CLASSES];
  uint8_t counts[MAGAZINE_CLASSES];
  region *large[MAGAZINE_LARGE];
} magazine;

static magazine *my_magazine(void) {
  pthread_once(&heap.once, start_once);
  if (!heap.has_key) return NULL;
  magazine *m = pthread_getspecific(heap.key);
  if (m != NULL) return m;
  m = take(mine(), class_of(sizeof *m));
  if (m == NULL || pthread_setspecific(heap.key, m) == 0) return m;
  give(region_of(m), m);
  return NULL;
}

static void *pop_piece(magazine *m, uint32_t class) {
  if (m == NULL || class >= MAGAZINE_CLASSES) return NULL;
  spare *s = m->pieces[class];
  if (s == NULL) return NULL;
  m->pieces[class] = s->next;
  m->counts[class]--;
  s->next = NULL;
  return s;
}

static bool push_piece(magazine *m, uint32_t class, void *p) {
  if (m == NULL || class >= MAGAZINE_CLASSES || m->counts[class] == MAGAZINE_PIECES) return false;
  spare *s = p;
  s->next = m->pieces[class];
  m->pieces[class] = s;
  m->counts[class]++;
  return true;
}

static region *pop_large(magazine *m, size_t whole) {
  for (unsigned i = 0; m != NULL && i < MAGAZINE_LARGE; i++) {
    region *r = m->large[i];
    if (r == NULL || r->size < whole || r->size > whole + whole / 2) continue;
    m->large[i] = NULL;
    return r;
  }
  return NULL;
}

static bool push_large(magazine *m, region *r) {
  if (m == NULL || r->size > MAGAZINE_SIZE) return false;
  for (unsigned i = 0; i < MAGAZINE_LARGE; i++) {
    if (m->large[i] != NULL) continue;
    m->large[i] = r;
    return true;
  }
  return false;
}

/* Of a thread that ends. */
static void drop_magazine(void *p) {
  magazine *m = p;
  for (uint32_t class = 0; class < MAGAZINE_CLASSES; class ++)
    for (void *piece; (piece = pop_piece(m, class)) != NULL;) give(region_of(piece), piece);
  for (unsigned i = 0; i < MAGAZINE_LARGE; i++) {
    region *r = m->large[i];
    m->large[i] = NULL;
    if (r != NULL) give_large(r, true);
  }
  give(region_of(m), m);
}

/* ---------------------------------------------------------------- */

void *plain_alloc(size_t size) {
  magazine *m = my_magazine();
  if (size > PIECE_MAX) {
    region *r = size <= MAGAZINE_SIZE ? pop_large(m, whole_of(size)) : NULL;
    return r != NULL ? (uint8_t *)r + HEAD : take_large(mine(), size);
  }
  void *p = pop_piece(m, class_of(size));
  return p != NULL ? p : take(mine(), class_of(size));
}

void plain_free_written(void *p, size_t written) {
  if (p == NULL) return;
  region *r = region_of(p);
  magazine *m = my_magazine();
  wipe(p, written < r->piece ? written : r->piece);
  if (r->class == CLASSES) {
    if (!push_large(m, r)) give_large(r, true);
  } else if (!push_piece(m, r->class, p)) {
    give(r, p);
  }
}

void plain_free(void *p) {
  if (p == NULL) return;
  region *r = region_of(p);
  if (r->class == CLASSES)
    give_large(r, false);
  else
    plain_free_written(p, r->piece);
}

void *plain_resize(void *p, size_t size) {
  if (p == NULL) return plain_alloc(size);
  const size_t piece = region_of(p)->piece;
  if (size <= piece && size >= piece / 4) return p;
  void *moved = plain_alloc(size);
  if (moved == NULL) return NULL;
  memcpy(moved, p, piece < size ? piece : size);
  plain_free(p);
  return moved;
}

#endif
