/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/crew.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/plain.h"

#define LOAD_ITEMS 64
#define LOAD_BYTES (128U << 10)
#define LOAD_KEEP (2 * LOAD_BYTES) /* a load's memory that is kept for the next */
#define LOADS_SPARE 8        /* beside those that the threads work on */
#define LOADS_WAKE 4         /* the caller waits until so many are empty: it fills them in one go */
#define REST_MARGIN (1U << 20) /* so much more to write than another has: the last loads are the other's */

/* An item on its way: its bytes stand in the load's. */
typedef struct carried {
  uint32_t number;
  builder_item item;
  size_t id_at, attributes_at, fields_at, fields_size, payload_at;
} carried;

typedef struct load {
  struct load *next;
  carried items[LOAD_ITEMS];
  size_t count;
  buffer bytes;
} load;

typedef struct worker {
  crew *crew;
  bulk *bulk;
  pthread_t thread;
  sdx_bytes *keys;
  size_t key_room;
  size_t bytes; /* that it had to write when it last took a load */
  bool takes;   /* it will ask for another */
} worker;

struct crew {
  pid_t process;
  pthread_mutex_t lock;
  pthread_cond_t filled, emptied;
  load *waiting, **last; /* in order */
  load *spare;
  unsigned spare_count;
  load *open;        /* the one that is being filled: the caller's alone */
  bool closed;       /* nothing more comes */
  sdx_status status; /* the first failure */
  sdx_error error;
  errand_runner *runner; /* writes the segments' blocks to the disk, which is mostly waiting */
  unsigned running; /* threads that were started and not joined */
  unsigned count;
  worker workers[];
};

unsigned crew_size(unsigned wanted) {
  if (wanted == 0) return 1;
  return wanted < CREW_THREADS_MAX ? wanted : CREW_THREADS_MAX;
}

/* ------------------------------------------------------------------ a thread */

static void fail(crew *c, sdx_status status, const sdx_error *err) {
  pthread_mutex_lock(&c->lock);
  if (c->status == SDX_OK) {
    c->status = status;
    c->error = *err;
  }
  pthread_cond_broadcast(&c->emptied);
  pthread_mutex_unlock(&c->lock);
}

/* Nothing more comes: what is left goes to those who have less to write, so that all end together. */
static bool leaves_rest(const worker *w) {
  const crew *c = w->crew;
  for (unsigned i = 0; c->closed && i < c->count; i++)
    if (c->workers[i].takes && c->workers[i].bytes + REST_MARGIN < w->bytes) return true;
  return false;
}

/* The next load; NULL: no more for this thread, or somebody failed. */
static load *next_load(worker *w) {
  crew *c = w->crew;
  pthread_mutex_lock(&c->lock);
  w->bytes = bulk_bytes(w->bulk);
  while (c->waiting == NULL && !c->closed && c->status == SDX_OK)
    pthread_cond_wait(&c->filled, &c->lock);
  load *l = c->status == SDX_OK && !leaves_rest(w) ? c->waiting : NULL;
  w->takes = l != NULL;
  if (l != NULL) {
    c->waiting = l->next;
    if (c->waiting == NULL) c->last = &c->waiting;
  }
  pthread_mutex_unlock(&c->lock);
  return l;
}

static void clear(load *l) {
  l->count = 0;
  if (l->bytes.capacity > LOAD_KEEP)
    buffer_free(&l->bytes);
  else
    buffer_reset(&l->bytes);
}

static void give_back(crew *c, load *l) {
  clear(l);
  pthread_mutex_lock(&c->lock);
  l->next = c->spare;
  c->spare = l;
  if (++c->spare_count >= LOADS_WAKE) pthread_cond_signal(&c->emptied);
  pthread_mutex_unlock(&c->lock);
}

static sdx_status build_item(worker *w, const load *l, const carried *k, sdx_error *err) {
  const char *bytes = (const char *)l->bytes.data;
  builder_item item = k->item;
  if (item.attribute_count > w->key_room) {
    sdx_bytes *grown = plain_resize(w->keys, item.attribute_count * sizeof *grown);
    if (grown == NULL) return error_memory(err);
    w->keys = grown;
    w->key_room = item.attribute_count;
  }
  cursor c = cursor_over(bytes + k->attributes_at, l->bytes.size - k->attributes_at);
  for (size_t i = 0; i < item.attribute_count; i++)
    w->keys[i].data = (const char *)cursor_get_string(&c, &w->keys[i].size);
  item.attributes = w->keys;
  item.id.data = bytes + k->id_at;
  item.payload.data = bytes + k->payload_at;
  const sdx_bytes fields = { bytes + k->fields_at, k->fields_size };
  if (item.text.size > 0) item.text = fields;
  return bulk_add(w->bulk, k->number, &item, fields, err);
}

static void *work(void *context) {
  worker *w = context;
  sdx_error err = { 0 };
  sdx_status status = SDX_OK;
  for (load *l; status == SDX_OK && (l = next_load(w)) != NULL; give_back(w->crew, l))
    for (size_t i = 0; i < l->count && status == SDX_OK; i++)
      status = build_item(w, l, &l->items[i], &err);
  pthread_mutex_lock(&w->crew->lock);
  const bool whole = w->crew->closed && w->crew->status == SDX_OK;
  pthread_mutex_unlock(&w->crew->lock);
  if (status == SDX_OK && whole) status = bulk_finish(w->bulk, &err);
  if (status != SDX_OK) fail(w->crew, status, &err);
  return NULL;
}

/* ------------------------------------------------------------------ life */

static bool make_loads(crew *c) {
  for (unsigned i = 0; i < c->count + LOADS_SPARE + 1; i++) {
    load *l = plain_alloc(sizeof *l);
    if (l == NULL) return false;
    if (c->open != NULL) {
      l->next = c->spare;
      c->spare = l;
      c->spare_count++;
    } else {
      c->open = l;
    }
  }
  return true;
}

/* Signals are the host's: none is to be handled on our threads. */
static bool start_threads(crew *c, bulk *const *bulks) {
  sigset_t all, before;
  sigfillset(&all);
  if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) return false;
  const bool runs = errand_runner_new(&c->runner, NULL) == SDX_OK;
  for (; runs && c->running < c->count; c->running++) {
    worker *w = &c->workers[c->running];
    *w = (worker){ .crew = c, .bulk = bulks[c->running], .takes = true };
    w->bulk->runner = c->runner;
    if (pthread_create(&w->thread, NULL, work, w) != 0) break;
  }
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  return c->running == c->count;
}

sdx_status crew_start(crew **out, bulk *const *bulks, unsigned count, sdx_error *err) {
  crew *c = plain_alloc(sizeof *c + count * sizeof *c->workers);
  if (c == NULL) return error_memory(err);
  c->process = getpid();
  c->last = &c->waiting;
  c->count = count;
  pthread_mutex_init(&c->lock, NULL);
  pthread_cond_init(&c->filled, NULL);
  pthread_cond_init(&c->emptied, NULL);
  sdx_status status = SDX_OK;
  if (!make_loads(c))
    status = error_memory(err);
  else if (!start_threads(c, bulks))
    status = error_set(err, SDX_SYSTEM, "a thread cannot be started");
  if (status == SDX_OK)
    *out = c;
  else
    crew_free(c);
  return status;
}

/* Nothing more comes; waits for all threads. */
static void join(crew *c, sdx_status reason) {
  pthread_mutex_lock(&c->lock);
  c->closed = true;
  if (c->status == SDX_OK) c->status = reason;
  pthread_cond_broadcast(&c->filled);
  pthread_mutex_unlock(&c->lock);
  for (; c->running > 0; c->running--) pthread_join(c->workers[c->running - 1].thread, NULL);
  errand_runner_free(c->runner);
  c->runner = NULL;
}

static void loads_free(load *l) {
  while (l != NULL) {
    load *next = l->next;
    buffer_free(&l->bytes);
    plain_free(l);
    l = next;
  }
}

void crew_free(crew *c) {
  if (c == NULL || c->process != getpid()) return;
  join(c, SDX_CANCELLED);
  loads_free(c->waiting);
  loads_free(c->spare);
  loads_free(c->open);
  for (unsigned i = 0; i < c->count; i++) plain_free(c->workers[i].keys);
  pthread_cond_destroy(&c->filled);
  pthread_cond_destroy(&c->emptied);
  pthread_mutex_destroy(&c->lock);
  plain_free(c);
}

/* ------------------------------------------------------------------ the caller's side */

static sdx_status failed(crew *c, sdx_error *err) {
  if (err != NULL) *err = c->error;
  return c->status;
}

/* Hands the open load over and takes an empty one; where there is none, waits for some. */
static sdx_status hand_over(crew *c, sdx_error *err) {
  sdx_status status = SDX_OK;
  pthread_mutex_lock(&c->lock);
  c->open->next = NULL;
  *c->last = c->open;
  c->last = &c->open->next;
  c->open = NULL;
  pthread_cond_signal(&c->filled);
  if (c->spare == NULL)
    while (c->spare_count < LOADS_WAKE && c->status == SDX_OK) pthread_cond_wait(&c->emptied, &c->lock);
  if (c->status != SDX_OK) {
    status = failed(c, err);
  } else {
    c->open = c->spare;
    c->spare = c->open->next;
    c->spare_count--;
    c->open->next = NULL;
  }
  pthread_mutex_unlock(&c->lock);
  return status;
}

sdx_status crew_add(crew *c, uint32_t number, const builder_item *item, sdx_bytes fields,
                    sdx_error *err) {
  load *l = c->open;
  if (l == NULL) return failed(c, err); /* it failed before, so nobody changes that any more */
  buffer *b = &l->bytes;
  carried *k = &l->items[l->count];
  *k = (carried){
    .number = number, .item = *item, .fields_at = b->size, .fields_size = fields.size
  };
  buffer_put(b, fields.data, fields.size);
  k->payload_at = b->size;
  buffer_put(b, item->payload.data, item->payload.size);
  k->id_at = b->size;
  buffer_put(b, item->id.data, item->id.size);
  k->attributes_at = b->size;
  for (size_t i = 0; i < item->attribute_count; i++)
    buffer_put_string(b, item->attributes[i].data, item->attributes[i].size);
  if (b->failed) return error_memory(err);
  l->count++;
  return l->count == LOAD_ITEMS || b->size >= LOAD_BYTES ? hand_over(c, err) : SDX_OK;
}

sdx_status crew_finish(crew *c, sdx_error *err) {
  sdx_status status = SDX_OK;
  if (c->open != NULL && c->open->count > 0) status = hand_over(c, err);
  join(c, SDX_OK);
  return status == SDX_OK && c->status != SDX_OK ? failed(c, err) : status;
}
