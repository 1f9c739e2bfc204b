/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/rebuild/ahead.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "indexer/extract/item_copy.h"
#include "indexer/extract/share.h"

#define LOADS 3
#define LOAD_ENTRIES 32
#define LOAD_BYTES ((size_t)256 << 10)
#define LOAD_LEAST 8 /* entries that a taker who waits is given at once: each hand-over wakes a thread */
#define COPY_KEEP ((size_t)32 << 10) /* of an entry's memory that is kept for the next */

typedef struct held {
  sdx_entry entry;
  item_copy copy;
  buffer text; /* id and reason */
  uint64_t origin;
} held;

typedef struct load {
  held entries[LOAD_ENTRIES];
  size_t count, bytes;
} load;

struct ahead {
  sdx_source *source;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t filled, emptied;
  load loads[LOADS];
  size_t first, ready; /* loads that were handed over, round and round; the first is being taken */
  size_t next;         /* in the load that is being taken: the taker's alone */
  bool taking;         /* there is one */
  bool waiting, stop;
  sdx_status status; /* how the source ended; SDX_OK: it goes on */
  sdx_error err;
};

/* ------------------------------------------------------------------ the reader */

static bool hold(held *h, const sdx_entry *e, uint64_t origin) {
  const size_t reason = e->reason != NULL ? strlen(e->reason) + 1 : 0;
  if (h->copy.bytes.capacity > COPY_KEEP) item_copy_free(&h->copy);
  buffer_reset(&h->text);
  buffer_put(&h->text, e->id.data, e->id.size);
  buffer_put(&h->text, e->reason, reason);
  if (h->text.failed || (e->item != NULL && !item_copy_set(&h->copy, e->item))) return false;
  h->entry = *e;
  h->entry.id.data = (const char *)h->text.data;
  h->entry.reason = reason > 0 ? (const char *)h->text.data + e->id.size : NULL;
  h->entry.item = e->item != NULL ? &h->copy.item : NULL;
  h->origin = origin;
  return true;
}

/* Fills the load until it is full, the taker waits, or the source ends. */
static sdx_status fill(ahead *a, load *l, sdx_error *err) {
  bool wanted = false;
  l->count = l->bytes = 0;
  while (l->count < LOAD_ENTRIES && l->bytes < LOAD_BYTES && !wanted) {
    const sdx_entry *e;
    const sdx_status status = sdx_source_next(a->source, &e, err);
    if (status != SDX_OK) return status;
    held *h = &l->entries[l->count];
    if (!hold(h, e, source_origin(a->source))) return error_memory(err);
    l->count++;
    l->bytes += h->copy.bytes.size;
    pthread_mutex_lock(&a->lock);
    wanted = a->stop || (a->waiting && l->count >= LOAD_LEAST);
    pthread_mutex_unlock(&a->lock);
  }
  return SDX_OK;
}

/* The load to be filled next; NULL: no more. */
static load *free_load(ahead *a) {
  pthread_mutex_lock(&a->lock);
  while (a->ready == LOADS && !a->stop) pthread_cond_wait(&a->emptied, &a->lock);
  load *l = a->stop ? NULL : &a->loads[(a->first + a->ready) % LOADS];
  pthread_mutex_unlock(&a->lock);
  return l;
}

static void *read_on(void *context) {
  ahead *a = context;
  sdx_error err = { 0 };
  sdx_status status = SDX_OK;
  for (load *l; status == SDX_OK && (l = free_load(a)) != NULL;) {
    status = fill(a, l, &err);
    pthread_mutex_lock(&a->lock);
    if (l->count > 0) a->ready++;
    a->status = status;
    a->err = err;
    pthread_cond_signal(&a->filled);
    pthread_mutex_unlock(&a->lock);
  }
  return NULL;
}

/* ------------------------------------------------------------------ the taker */

static void ahead_free(ahead *a) {
  for (size_t i = 0; i < LOADS; i++)
    for (size_t k = 0; k < LOAD_ENTRIES; k++) {
      item_copy_free(&a->loads[i].entries[k].copy);
      buffer_free(&a->loads[i].entries[k].text);
    }
  pthread_cond_destroy(&a->filled);
  pthread_cond_destroy(&a->emptied);
  pthread_mutex_destroy(&a->lock);
  plain_free(a);
}

/* Signals are the host's: none is to be handled on our threads. */
static bool start(ahead *a) {
  sigset_t all, before;
  sigfillset(&all);
  if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) return false;
  const bool started = pthread_create(&a->thread, NULL, read_on, a) == 0;
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  return started;
}

sdx_status ahead_open(ahead **out, sdx_source *source, sdx_error *err) {
  ahead *a = plain_alloc(sizeof *a);
  if (a == NULL) return error_memory(err);
  a->source = source;
  pthread_mutex_init(&a->lock, NULL);
  pthread_cond_init(&a->filled, NULL);
  pthread_cond_init(&a->emptied, NULL);
  if (!start(a)) {
    ahead_free(a);
    return error_set(err, SDX_SYSTEM, "a thread cannot be started");
  }
  *out = a;
  return SDX_OK;
}

/* Gives the load back that was taken, and waits for the next. */
static sdx_status turn(ahead *a, sdx_error *err) {
  pthread_mutex_lock(&a->lock);
  if (a->taking) {
    a->first = (a->first + 1) % LOADS;
    a->ready--;
    pthread_cond_signal(&a->emptied);
  }
  a->waiting = true;
  while (a->ready == 0 && a->status == SDX_OK) pthread_cond_wait(&a->filled, &a->lock);
  a->waiting = false;
  a->taking = a->ready > 0;
  a->next = 0;
  const sdx_status status = a->taking ? SDX_OK : a->status;
  if (status != SDX_OK && err != NULL) *err = a->err;
  pthread_mutex_unlock(&a->lock);
  return status;
}

sdx_status ahead_next(ahead *a, const sdx_entry **out, uint64_t *origin, sdx_error *err) {
  if (!a->taking || a->next == a->loads[a->first].count) {
    const sdx_status status = turn(a, err);
    if (status != SDX_OK) return status;
  }
  const held *h = &a->loads[a->first].entries[a->next++];
  *out = &h->entry;
  *origin = h->origin;
  return SDX_OK;
}

void ahead_close(ahead *a) {
  if (a == NULL) return;
  pthread_mutex_lock(&a->lock);
  a->stop = true;
  pthread_cond_signal(&a->emptied);
  pthread_mutex_unlock(&a->lock);
  pthread_join(a->thread, NULL);
  ahead_free(a);
}
