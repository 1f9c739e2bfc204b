/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sweep_crew.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { WAITING_MAX = 64, THREADS_MAX = 64, LOOK_MS = 100, LEFT_MAX = 1000 };

typedef struct worker {
  sweep_crew *crew;
  sweep_job *job;
  int64_t since; /* when it took the job */
  bool left;     /* nobody waits for it any more */
} worker;

struct sweep_crew {
  sweep_crew_options o;
  pthread_mutex_t lock;
  pthread_cond_t given, finished;
  sweep_job *waiting[WAITING_MAX], *done[WAITING_MAX + THREADS_MAX];
  size_t waiting_count, done_count;
  worker *workers[THREADS_MAX];
  unsigned count, left, ended;
  bool over;
};

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void free_job(sweep_job *j) {
  if (!j) return;
  free((char *)j->dir);
  free((char *)j->name);
  free(j->taken);
  free(j);
}

static sweep_job *new_job(const char *dir, const char *name) {
  sweep_job *j = calloc(1, sizeof *j);
  if (!j) return NULL;
  j->dir = strdup(dir);
  j->name = strdup(name);
  if (j->dir && j->name) return j;
  free_job(j);
  return NULL;
}

static bool has_file(const char *dir, const char *name) {
  char *path = NULL;
  struct stat st;
  const bool there = asprintf(&path, "%s/%s", dir, name) >= 0 && stat(path, &st) == 0;
  free(path);
  return there;
}

bool sweep_crew_is_index(const char *dir) {
  return has_file(dir, "keyring") || has_file(dir, "data.mdb");
}

/* ------------------------------------------------------------------ threads */

static void take_receipt(void *context, const sdx_receipt *r) {
  sweep_job *j = context;
  sdx_receipt *grown = realloc(j->taken, (j->taken_count + 1) * sizeof *grown);
  if (!grown) return; /* the log has it, unless the account goes */
  j->taken = grown;
  j->taken[j->taken_count++] = *r;
}

void sweep_crew_do(sweep_job *j, const sdx_sweep_options *sweep, bool receipts) {
  sdx_sweep_options options = *sweep;
  options.receipt = receipts ? take_receipt : NULL;
  options.receipt_context = j;
  j->status = sdx_sweep(j->dir, &options, &j->report, &j->err);
  j->no_index =
      j->status != SDX_OK && !sweep_crew_is_index(j->dir); /* a sweep tells sooner than a look */
}

static void *work(void *context) {
  worker *w = context;
  sweep_crew *c = w->crew;
  pthread_mutex_lock(&c->lock);
  while (!w->left) {
    if (c->waiting_count == 0) {
      if (c->over) break;
      pthread_cond_wait(&c->given, &c->lock);
      continue;
    }
    w->job = c->waiting[--c->waiting_count];
    w->since = now_ms();
    pthread_mutex_unlock(&c->lock);
    sweep_crew_do(w->job, c->o.sweep, c->o.receipts);
    pthread_mutex_lock(&c->lock);
    if (w->left)
      free_job(w->job);
    else
      c->done[c->done_count++] = w->job;
    w->job = NULL;
    if (c->waiting_count <= WAITING_MAX / 2) pthread_cond_signal(&c->finished); /* not for each of many */
  }
  if (!w->left) c->ended++;
  pthread_cond_signal(&c->finished);
  pthread_mutex_unlock(&c->lock);
  free(w);
  return NULL;
}

static worker *start(sweep_crew *c) {
  pthread_t thread;
  worker *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  w->crew = c;
  if (pthread_create(&thread, NULL, work, w) != 0) {
    free(w);
    return NULL;
  }
  (void)pthread_detach(thread);
  return w;
}

/* ------------------------------------------------------------------ whoever gives them work */

/* Its index counts as locked; it goes on with it, and another thread takes its place. */
static void leave_behind(sweep_crew *c, unsigned i) {
  worker *fresh = start(c);
  sweep_job *report = new_job(c->workers[i]->job->dir, c->workers[i]->job->name);
  if (!fresh || !report) { /* then it has to be waited for */
    if (fresh) fresh->left = true;
    pthread_cond_broadcast(&c->given);
    free_job(report);
    return;
  }
  report->status = report->err.status = SDX_LOCKED;
  snprintf(report->err.message, sizeof report->err.message,
           "another process holds its lock: sweep it again later");
  c->workers[i]->left = true;
  c->workers[i] = fresh;
  c->left++;
  c->done[c->done_count++] = report;
}

static void look_after(sweep_crew *c) {
  const int64_t now = now_ms();
  for (unsigned i = 0; i < c->count && c->left < LEFT_MAX; i++) {
    const worker *w = c->workers[i];
    if (w->job && now - w->since > c->o.wait_ms && c->done_count < WAITING_MAX + THREADS_MAX - 1)
      leave_behind(c, i);
  }
}

/* With the lock held: hands over what is done, without it. */
static void hand_over(sweep_crew *c) {
  while (c->done_count > 0) {
    sweep_job *j = c->done[--c->done_count];
    pthread_mutex_unlock(&c->lock);
    c->o.done(c->o.context, j);
    free_job(j);
    pthread_mutex_lock(&c->lock);
  }
}

static void wait_a_little(sweep_crew *c) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += LOOK_MS * 1000000L;
  until.tv_sec += until.tv_nsec / 1000000000L;
  until.tv_nsec %= 1000000000L;
  if (c->done_count == 0) (void)pthread_cond_timedwait(&c->finished, &c->lock, &until);
  hand_over(c);
  look_after(c);
}

static bool is_busy(const sweep_crew *c) {
  for (unsigned i = 0; i < c->count; i++)
    if (c->workers[i]->job) return true;
  return c->waiting_count > 0 || c->done_count > 0;
}

sweep_crew *sweep_crew_new(const sweep_crew_options *options) {
  sweep_crew *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->o = *options;
  pthread_mutex_init(&c->lock, NULL);
  pthread_cond_init(&c->given, NULL);
  pthread_cond_init(&c->finished, NULL);
  pthread_mutex_lock(&c->lock);
  while (c->count < options->threads && c->count < THREADS_MAX) {
    worker *w = start(c);
    if (!w) break;
    c->workers[c->count++] = w;
  }
  pthread_mutex_unlock(&c->lock);
  if (c->count > 0) return c;
  free(c);
  return NULL;
}

bool sweep_crew_give(sweep_crew *c, const char *dir, const char *name) {
  sweep_job *j = new_job(dir, name);
  if (!j) return false;
  pthread_mutex_lock(&c->lock);
  hand_over(c);
  while (c->waiting_count == WAITING_MAX) wait_a_little(c);
  c->waiting[c->waiting_count++] = j;
  pthread_cond_signal(&c->given);
  pthread_mutex_unlock(&c->lock);
  return true;
}

void sweep_crew_finish(sweep_crew *c) {
  pthread_mutex_lock(&c->lock);
  while (is_busy(c)) wait_a_little(c);
  c->over = true;
  pthread_cond_broadcast(&c->given);
  while (c->ended < c->count) pthread_cond_wait(&c->finished, &c->lock);
  const unsigned left = c->left;
  pthread_mutex_unlock(&c->lock);
  if (left > 0) return; /* those come back to it, unless the process ends before */
  pthread_cond_destroy(&c->finished);
  pthread_cond_destroy(&c->given);
  pthread_mutex_destroy(&c->lock);
  free(c);
}
