/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crypto/locked.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/wipe.h"
#include "crypto/secret.h"

#define CHUNK_MIN 8192
#define CHUNK_PIECES 256

/* Stands at the start of its chunk, which is aligned to the chunk size, so that a piece's address
 * leads here. Wiped by the kernel in a forked child: size 0 then says so. */
typedef struct chunk {
  struct chunk *next; /* in the list of chunks with room; a full chunk is in no list */
  void *mapping;
  int process;
  uint32_t piece_size;
  uint32_t used;
  uint32_t pieces; /* that the chunk has room for, the header's own among them */
  uint64_t taken[CHUNK_PIECES / 64];
} chunk;

/* A locked range of opened memory, kept so that the budget is given back when it is freed. */
typedef struct locked_range {
  struct locked_range *next;
  void *at;
  size_t size;
} locked_range;

static struct {
  pthread_once_t once;
  pthread_mutex_t mutex;
  bool ready;
  int process;
  size_t page;
  size_t chunk_size;
  chunk *with_room[LOCKED_CLASSES];
  size_t state_bytes; /* locked for LOCKED_STATE, and its share of the limit */
  size_t state_budget;
  locked_range *opened;
  size_t opened_bytes; /* locked for opened blocks, and their share */
  size_t opened_budget;
} arena = { .once = PTHREAD_ONCE_INIT, .mutex = PTHREAD_MUTEX_INITIALIZER };

static const uint32_t piece_sizes[LOCKED_CLASSES] = { LOCKED_SECRET_SIZE, LOCKED_STATE_SIZE };

static void before_fork(void) {
  pthread_mutex_lock(&arena.mutex);
}
static void after_fork_in_parent(void) {
  pthread_mutex_unlock(&arena.mutex);
}

/* Locks are not inherited and the pages are wiped: the child starts an arena of its own. */
static void after_fork_in_child(void) {
  arena.process = getpid();
  for (int i = 0; i < LOCKED_CLASSES; i++) arena.with_room[i] = NULL;
  arena.state_bytes = 0;
  arena.opened = NULL;
  arena.opened_bytes = 0;
  pthread_mutex_unlock(&arena.mutex);
}

static void start_once(void) {
  struct rlimit limit;
  size_t lockable = SIZE_MAX;
  if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < SIZE_MAX)
    lockable = (size_t)limit.rlim_cur;
  arena.state_budget = lockable / 4;
  arena.opened_budget = lockable / 2;
  arena.page = (size_t)sysconf(_SC_PAGESIZE);
  arena.chunk_size = arena.page > CHUNK_MIN ? arena.page : CHUNK_MIN;
  arena.process = getpid();
  arena.ready = sodium_init() >= 0 &&
                pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) == 0;
}

bool locked_start(void) {
  pthread_once(&arena.once, start_once);
  return arena.ready;
}

int crypto_process(void) {
  return locked_start() ? arena.process : getpid();
}

static chunk *chunk_of(const void *piece) {
  return (chunk *)((uintptr_t)piece & ~(uintptr_t)(arena.chunk_size - 1));
}

/* Maps twice the size plus guards, opens the aligned part, and locks it. */
static chunk *chunk_new(uint32_t piece_size) {
  const size_t size = arena.chunk_size;
  const size_t span = 2 * size + 2 * arena.page;
  uint8_t *mapping = mmap(NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) return NULL;
  const uintptr_t first = (uintptr_t)mapping + arena.page;
  chunk *c = (chunk *)((first + size - 1) & ~(uintptr_t)(size - 1));
  if (mprotect(c, size, PROT_READ | PROT_WRITE) != 0 || sodium_mlock(c, size) != 0) {
    munmap(mapping, span);
    return NULL;
  }
  (void)madvise(c, size, MADV_WIPEONFORK);
  const size_t pieces = size / piece_size;
  c->mapping = mapping;
  c->process = arena.process;
  c->piece_size = piece_size;
  c->pieces = (uint32_t)(pieces < CHUNK_PIECES ? pieces : CHUNK_PIECES);
  c->used = (uint32_t)((sizeof(chunk) + piece_size - 1) / piece_size);
  for (uint32_t i = 0; i < c->used; i++) c->taken[i / 64] |= (uint64_t)1 << (i % 64);
  return c;
}

static void chunk_free(chunk *c) {
  void *mapping = c->mapping;
  (void)sodium_munlock(c, arena.chunk_size); /* wipes */
  munmap(mapping, 2 * arena.chunk_size + 2 * arena.page);
}

static void *chunk_take(chunk *c) {
  uint32_t i = 0;
  while ((c->taken[i / 64] >> (i % 64) & 1) != 0) i++;
  c->taken[i / 64] |= (uint64_t)1 << (i % 64);
  c->used++;
  return (uint8_t *)c + (size_t)i * c->piece_size;
}

static bool chunk_is_empty(const chunk *c) {
  return c->used == (sizeof(chunk) + c->piece_size - 1) / c->piece_size;
}

static chunk *grow(locked_class size_class) {
  if (size_class == LOCKED_STATE && arena.chunk_size > arena.state_budget - arena.state_bytes)
    return NULL;
  chunk *c = chunk_new(piece_sizes[size_class]);
  if (c != NULL && size_class == LOCKED_STATE) arena.state_bytes += arena.chunk_size;
  return c;
}

void *locked_alloc(locked_class size_class) {
  if (!locked_start()) return NULL;
  void *piece = NULL;
  pthread_mutex_lock(&arena.mutex);
  chunk **head = &arena.with_room[size_class];
  if (*head == NULL) *head = grow(size_class);
  chunk *c = *head;
  if (c != NULL) {
    piece = chunk_take(c);
    if (c->used == c->pieces) *head = c->next;
  }
  pthread_mutex_unlock(&arena.mutex);
  return piece;
}

/* Gives an empty chunk back, unless it is the only one with room: the next key would need it. */
static void retire_if_empty(chunk *c, locked_class size_class) {
  chunk **link = &arena.with_room[size_class];
  if (!chunk_is_empty(c) || (*link == c && c->next == NULL)) return;
  while (*link != c) link = &(*link)->next;
  *link = c->next;
  if (size_class == LOCKED_STATE) arena.state_bytes -= arena.chunk_size;
  chunk_free(c);
}

void locked_free(void *piece) {
  if (piece == NULL) return;
  chunk *c = chunk_of(piece);
  pthread_mutex_lock(&arena.mutex);
  if (c->piece_size == 0) goto out; /* the parent's, wiped by the kernel */
  wipe(piece, c->piece_size);
  if (c->process != arena.process) goto out; /* the parent's, on a kernel that does not wipe */
  const locked_class size_class =
      c->piece_size == LOCKED_SECRET_SIZE ? LOCKED_SECRET : LOCKED_STATE;
  const size_t i = (size_t)((uint8_t *)piece - (uint8_t *)c) / c->piece_size;
  if (c->used == c->pieces) {
    c->next = arena.with_room[size_class];
    arena.with_room[size_class] = c;
  }
  c->taken[i / 64] &= ~((uint64_t)1 << (i % 64));
  c->used--;
  retire_if_empty(c, size_class);
out:
  pthread_mutex_unlock(&arena.mutex);
}

/* ---- opened blocks: whole pages, locked within their half of the limit, so that blocks never
 * take from keys what keys need ---- */

static size_t whole_pages(size_t size) {
  return (size + arena.page - 1) & ~(arena.page - 1);
}

/* Each page when it is first written to: what a short search leaves untouched takes no memory, nor the time
 * to fill it with zeros. */
static int lock_pages(void *at, size_t size) {
#ifdef MLOCK_ONFAULT
  const int result = mlock2(at, size, MLOCK_ONFAULT);
  if (result == 0 || errno != ENOSYS) return result;
#endif
  return mlock(at, size);
}

static void lock_opened(void *at, size_t size) {
  pthread_mutex_lock(&arena.mutex);
  if (size <= arena.opened_budget - arena.opened_bytes) {
    locked_range *range = malloc(sizeof *range);
    if (range != NULL && lock_pages(at, size) == 0) {
      *range = (locked_range){ .next = arena.opened, .at = at, .size = size };
      arena.opened = range;
      arena.opened_bytes += size;
    } else {
      free(range);
    }
  }
  pthread_mutex_unlock(&arena.mutex);
}

static void unlock_opened(const void *at) {
  pthread_mutex_lock(&arena.mutex);
  locked_range **link = &arena.opened;
  while (*link != NULL && (*link)->at != at) link = &(*link)->next;
  locked_range *range = *link;
  if (range != NULL) {
    *link = range->next;
    arena.opened_bytes -= range->size;
    free(range);
  }
  pthread_mutex_unlock(&arena.mutex);
}

/* What fills huge pages, or nearly, is given them: opened blocks are read at random, and more of them than
 * the processor keeps addresses of small pages at hand. What is left behind the last stands in small ones. */
#define HUGE_PAGE ((size_t)2 << 20)

static bool nearly_huge(size_t size) {
  return size % HUGE_PAGE == 0 || HUGE_PAGE - size % HUGE_PAGE <= size / 16;
}

static size_t opened_size(size_t size) {
  return nearly_huge(size) ? (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1) : whole_pages(size);
}

static void *map_pages(size_t whole) {
  void *at = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return at != MAP_FAILED ? at : NULL;
}

/* At a multiple of their size: what was mapped too much, before and behind, is given back. */
static void *map_huge_pages(size_t whole) {
  uint8_t *at = map_pages(whole + HUGE_PAGE);
  if (at == NULL) return NULL;
  const size_t before = (HUGE_PAGE - (uintptr_t)at % HUGE_PAGE) % HUGE_PAGE;
  if (before > 0) (void)munmap(at, before);
  (void)munmap(at + before + whole, HUGE_PAGE - before);
#ifdef MADV_HUGEPAGE
  (void)madvise(at + before, whole, MADV_HUGEPAGE);
#endif
  return at + before;
}

void *opened_alloc(size_t size) {
  if (!locked_start() || size == 0 || size > SIZE_MAX / 2) return NULL;
  const size_t whole = opened_size(size);
  void *at = whole >= HUGE_PAGE ? map_huge_pages(whole) : map_pages(whole);
  if (at == NULL) return NULL;
  if (madvise(at, whole, MADV_DONTDUMP) != 0) {
    (void)munmap(at, whole);
    return NULL;
  }
  (void)madvise(at, whole, MADV_WIPEONFORK);
  lock_opened(at, whole);
  return at;
}

void opened_free(void *p, size_t size) {
  if (p == NULL) return;
  wipe(p, size);
  unlock_opened(p);
  munmap(p, opened_size(size)); /* unlocks */
}
