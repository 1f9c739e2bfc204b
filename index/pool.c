/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sdx_pool: open handles of many users, the least recently used closed first. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/wipe.h"
#include "index/index.h"

#define HANDLES_DEFAULT 64
#define CACHE_DEFAULT ((size_t)4 << 20) /* of each handle */
#define CACHE_LEAST ((size_t)64 << 10)
#define WAIT_DEFAULT 10000
#define DIGEST_SIZE 32

/* One handle; `index` NULL: it is being opened. */
typedef struct pooled {
  char *dir;
  sdx_index *index;
  size_t users;
  int64_t used;                /* when it was given back, CLOCK_MONOTONIC seconds */
  uint64_t turn;               /* the order in which they were */
  uint8_t digest[DIGEST_SIZE]; /* of the secret that opened it */
} pooled;

struct sdx_pool {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  pooled *list;
  size_t count, room;
  size_t cache_bytes;
  int64_t wait_ms;
  uint64_t turns;
  secret *key; /* of digests */
};

static int64_t seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

sdx_status sdx_pool_new(sdx_pool **out, const sdx_pool_options *options, sdx_error *err) {
  static const sdx_pool_options defaults = SDX_POOL_OPTIONS_INIT;
  const sdx_pool_options *o = options != NULL ? options : &defaults;
  if (out == NULL) return error_no_place(err);
  *out = NULL;
  if (o->version != 1) return error_set(err, SDX_INVALID, "options of version 1 are needed");
  sdx_status status = crypto_start(err);
  if (status != SDX_OK) return status;
  sdx_pool *p = plain_alloc(sizeof *p);
  if (p == NULL) return error_memory(err);
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  p->room = o->handles != 0 ? o->handles : HANDLES_DEFAULT;
  p->cache_bytes = o->memory != 0 ? o->memory / p->room : CACHE_DEFAULT;
  if (p->cache_bytes < CACHE_LEAST) p->cache_bytes = CACHE_LEAST;
  p->wait_ms = o->wait_ms > 0 ? o->wait_ms : WAIT_DEFAULT;
  p->list = plain_array(p->room, sizeof *p->list);
  status = p->list != NULL ? secret_random(&p->key, err) : error_memory(err);
  if (status == SDX_OK) *out = p;
  else sdx_pool_free(p);
  return status;
}

/* Takes an entry out of the list; under the lock. */
static void drop(sdx_pool *p, pooled *e, pooled *out) {
  *out = *e;
  *e = p->list[--p->count];
  wipe(&p->list[p->count], sizeof *e);
  pthread_cond_broadcast(&p->changed);
}

static void close_entry(pooled *e) {
  sdx_close(e->index);
  plain_free(e->dir);
  wipe(e, sizeof *e);
}

void sdx_pool_free(sdx_pool *pool) {
  if (pool == NULL) return;
  for (size_t i = 0; i < pool->count; i++) close_entry(&pool->list[i]);
  plain_free(pool->list);
  secret_free(pool->key);
  pthread_cond_destroy(&pool->changed);
  pthread_mutex_destroy(&pool->lock);
  plain_free(pool);
}

static pooled *find(sdx_pool *p, const char *dir) {
  for (size_t i = 0; i < p->count; i++)
    if (strcmp(p->list[i].dir, dir) == 0) return &p->list[i];
  return NULL;
}

static pooled *find_idle(sdx_pool *p) {
  pooled *oldest = NULL;
  for (size_t i = 0; i < p->count; i++) {
    pooled *e = &p->list[i];
    if (e->index != NULL && e->users == 0 && (oldest == NULL || e->turn < oldest->turn)) oldest = e;
  }
  return oldest;
}

static void hash_secret(const sdx_pool *p, const sdx_secret *s, uint8_t out[DIGEST_SIZE]) {
  secret_hash(out, DIGEST_SIZE, p->key, s->bytes, s->size);
  out[0] ^= (uint8_t)s->kind;
}

/* Does another secret than the one that opened the handle open it? */
static sdx_status check_secret(const char *dir, const sdx_secret *s, sdx_error *err) {
  sdx_index *other;
  sdx_open_options opening = SDX_OPEN_OPTIONS_INIT;
  opening.cache_bytes = CACHE_LEAST;
  const sdx_status status = sdx_open(&other, dir, s, &opening, err);
  if (status == SDX_OK) sdx_close(other);
  return status;
}

/* Waits for a change, with the lock held; false where the time is up. */
static bool wait_for_change(sdx_pool *p, const struct timespec *until) {
  return pthread_cond_timedwait(&p->changed, &p->lock, until) == 0;
}

/* Under the lock: an entry of this directory to open, or one that is open. Others may come and go while
 * it waits. */
static sdx_status reserve(sdx_pool *p, const char *dir, pooled **out, pooled *closing, sdx_error *err) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += p->wait_ms / 1000;
  until.tv_nsec += p->wait_ms % 1000 * 1000000;
  if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
  for (;;) {
    pooled *e = find(p, dir);
    if (e != NULL && e->index != NULL) {
      e->users++;
      *out = e;
      return SDX_OK;
    }
    if (e == NULL && p->count == p->room && (e = find_idle(p)) != NULL) {
      drop(p, e, closing);
      e = NULL;
    }
    if (e == NULL && p->count < p->room) {
      e = &p->list[p->count];
      *e = (pooled){ .dir = plain_string(dir), .users = 1 };
      if (e->dir == NULL) return error_memory(err);
      p->count++;
      *out = e;
      return SDX_OK;
    }
    if (!wait_for_change(p, &until))
      return error_set(err, SDX_LOCKED, "all handles of the pool stayed in use; give them back sooner, "
                                        "or make it larger");
  }
}

sdx_status sdx_pool_take(sdx_pool *pool, const char *dir, const sdx_secret *s, sdx_index **out,
                         sdx_error *err) {
  pooled *e = NULL, closing = { .dir = NULL };
  uint8_t digest[DIGEST_SIZE];
  if (out == NULL) return error_no_place(err);
  *out = NULL;
  if (dir == NULL || s == NULL || s->bytes == NULL)
    return error_set(err, SDX_INVALID, "a directory and a key are needed");
  hash_secret(pool, s, digest);
  pthread_mutex_lock(&pool->lock);
  sdx_status status = reserve(pool, dir, &e, &closing, err);
  sdx_index *index = status == SDX_OK ? e->index : NULL;
  const bool known = index != NULL && secret_equal(e->digest, digest, DIGEST_SIZE);
  pthread_mutex_unlock(&pool->lock);
  if (closing.dir != NULL) close_entry(&closing);
  if (status != SDX_OK) return status;
  if (index != NULL) {
    if (!known) status = check_secret(dir, s, err);
    if (status != SDX_OK) sdx_pool_give(pool, index);
    else *out = index;
    return status;
  }
  sdx_open_options opening = SDX_OPEN_OPTIONS_INIT;
  opening.cache_bytes = pool->cache_bytes;
  status = sdx_open(&index, dir, s, &opening, err);
  pthread_mutex_lock(&pool->lock);
  e = find(pool, dir); /* it may stand elsewhere by now */
  if (status == SDX_OK) {
    e->index = index;
    memcpy(e->digest, digest, DIGEST_SIZE);
    *out = index;
    pthread_cond_broadcast(&pool->changed);
  } else {
    drop(pool, e, &closing);
  }
  pthread_mutex_unlock(&pool->lock);
  if (status != SDX_OK) plain_free(closing.dir);
  wipe(digest, sizeof digest);
  return status;
}

void sdx_pool_give(sdx_pool *pool, sdx_index *index) {
  if (index == NULL) return;
  pthread_mutex_lock(&pool->lock);
  for (size_t i = 0; i < pool->count; i++) {
    pooled *e = &pool->list[i];
    if (e->index != index || e->users == 0) continue;
    e->used = seconds_now();
    e->turn = ++pool->turns;
    if (--e->users == 0) pthread_cond_broadcast(&pool->changed);
    break;
  }
  pthread_mutex_unlock(&pool->lock);
}

void sdx_pool_close_idle(sdx_pool *pool, const char *dir, int64_t seconds) {
  for (;;) {
    pooled closing = { .dir = NULL };
    pthread_mutex_lock(&pool->lock);
    for (size_t i = 0; i < pool->count && closing.dir == NULL; i++) {
      pooled *e = &pool->list[i];
      if (e->index != NULL && e->users == 0 && (dir == NULL || strcmp(e->dir, dir) == 0) &&
          seconds_now() - e->used >= seconds)
        drop(pool, e, &closing);
    }
    pthread_mutex_unlock(&pool->lock);
    if (closing.dir == NULL) return;
    close_entry(&closing);
  }
}

size_t sdx_pool_open_count(sdx_pool *pool) {
  pthread_mutex_lock(&pool->lock);
  const size_t count = pool->count;
  pthread_mutex_unlock(&pool->lock);
  return count;
}
