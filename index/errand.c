/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/errand.h"

#include <pthread.h>

#include "base/error.h"
#include "base/plain.h"

struct errand_runner {
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t sent, done;
  errand *first, **last;
  bool closed; /* nothing more comes */
};

static errand *next_errand(errand_runner *r) {
  pthread_mutex_lock(&r->lock);
  while (r->first == NULL && !r->closed) pthread_cond_wait(&r->sent, &r->lock);
  errand *e = r->first;
  if (e != NULL) r->first = e->next;
  if (r->first == NULL) r->last = &r->first;
  pthread_mutex_unlock(&r->lock);
  return e;
}

static void *run(void *context) {
  errand_runner *r = context;
  for (errand *e; (e = next_errand(r)) != NULL;) {
    sdx_error err = { 0 };
    const sdx_status status = e->run(e->context, &err);
    pthread_mutex_lock(&r->lock);
    e->status = status;
    e->error = err;
    e->under_way = false;
    pthread_cond_broadcast(&r->done);
    pthread_mutex_unlock(&r->lock);
  }
  return NULL;
}

static void destroy(errand_runner *r) {
  pthread_cond_destroy(&r->done);
  pthread_cond_destroy(&r->sent);
  pthread_mutex_destroy(&r->lock);
  plain_free(r);
}

sdx_status errand_runner_new(errand_runner **out, sdx_error *err) {
  errand_runner *r = plain_alloc(sizeof *r);
  if (r == NULL) return error_memory(err);
  r->last = &r->first;
  pthread_mutex_init(&r->lock, NULL);
  pthread_cond_init(&r->sent, NULL);
  pthread_cond_init(&r->done, NULL);
  if (pthread_create(&r->thread, NULL, run, r) != 0) {
    destroy(r);
    return error_set(err, SDX_SYSTEM, "a thread cannot be started");
  }
  *out = r;
  return SDX_OK;
}

void errand_runner_free(errand_runner *r) {
  if (r == NULL) return;
  pthread_mutex_lock(&r->lock);
  r->closed = true;
  pthread_cond_signal(&r->sent);
  pthread_mutex_unlock(&r->lock);
  pthread_join(r->thread, NULL);
  destroy(r);
}

void errand_send(errand_runner *r, errand *e) {
  pthread_mutex_lock(&r->lock);
  e->under_way = true;
  e->next = NULL;
  *r->last = e;
  r->last = &e->next;
  pthread_cond_signal(&r->sent);
  pthread_mutex_unlock(&r->lock);
}

sdx_status errand_wait(errand_runner *r, errand *e, sdx_error *err) {
  pthread_mutex_lock(&r->lock);
  while (e->under_way) pthread_cond_wait(&r->done, &r->lock);
  const sdx_status status = e->status;
  if (status != SDX_OK && err != NULL) *err = e->error;
  pthread_mutex_unlock(&r->lock);
  return status;
}
