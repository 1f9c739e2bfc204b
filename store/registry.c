/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/environment.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"

static struct {
  pthread_mutex_t lock;
  pthread_once_t once;
  environment *first;
  atomic_uint forks;
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT };

static void before_fork(void) {
  (void)pthread_mutex_lock(&registry.lock);
}
static void after_fork_in_parent(void) {
  (void)pthread_mutex_unlock(&registry.lock);
}

/* The child cannot use what its parent has open, and must not close it either: LMDB's state may be
 * in the middle of anything. It starts with an empty registry; the parent's mappings stay behind.
 */
static void after_fork_in_child(void) {
  registry.first = NULL;
  (void)atomic_fetch_add_explicit(&registry.forks, 1, memory_order_relaxed);
  (void)pthread_mutex_unlock(&registry.lock);
}

static void registry_start(void) {
  (void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

unsigned registry_forks(void) {
  return atomic_load_explicit(&registry.forks, memory_order_relaxed);
}

static void environment_free(environment *e) {
  if (e->dir_fd >= 0) (void)close(e->dir_fd);
  free(e->path);
  (void)pthread_mutex_destroy(&e->lock);
  (void)pthread_mutex_destroy(&e->writing);
  (void)pthread_cond_destroy(&e->changed);
  free(e);
}

static sdx_status environment_new(environment **out, const char *dir, sdx_error *err) {
  environment *e = calloc(1, sizeof *e);
  if (e == NULL) return error_memory(err);
  /* A thread that begins to write inside its own transaction is told so instead of hanging. */
  pthread_mutexattr_t checked;
  (void)pthread_mutexattr_init(&checked);
  (void)pthread_mutexattr_settype(&checked, PTHREAD_MUTEX_ERRORCHECK);
  (void)pthread_mutex_init(&e->writing, &checked);
  (void)pthread_mutexattr_destroy(&checked);
  (void)pthread_mutex_init(&e->lock, NULL);
  (void)pthread_cond_init(&e->changed, NULL);

  struct stat st;
  e->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  e->path = realpath(dir, NULL);
  if (e->dir_fd < 0 || e->path == NULL || fstat(e->dir_fd, &st) != 0) {
    const int reason = errno;
    environment_free(e);
    return error_system(err, reason, "opening the index directory");
  }
  e->device = st.st_dev;
  e->inode = st.st_ino;
  *out = e;
  return SDX_OK;
}

sdx_status registry_take(environment **out, const char *dir, sdx_error *err) {
  (void)pthread_once(&registry.once, registry_start);
  environment *fresh = NULL;
  const sdx_status status = environment_new(&fresh, dir, err);
  if (status < 0) return status;

  (void)pthread_mutex_lock(&registry.lock);
  environment *e = registry.first;
  while (e != NULL && (e->device != fresh->device || e->inode != fresh->inode)) e = e->next;
  if (e == NULL) {
    e = fresh;
    e->next = registry.first;
    registry.first = e;
    fresh = NULL;
  }
  e->handles++;
  (void)pthread_mutex_unlock(&registry.lock);

  if (fresh != NULL) environment_free(fresh);
  *out = e;
  return SDX_OK;
}

/* Closes under the registry's lock: somebody who opens the directory at this moment must not have
 * the files open before they are closed here. */
void registry_give(environment *e) {
  (void)pthread_mutex_lock(&registry.lock);
  const bool last = --e->handles == 0;
  if (last) {
    environment **link = &registry.first;
    while (*link != e) link = &(*link)->next;
    *link = e->next;
    environment_close(e);
  }
  (void)pthread_mutex_unlock(&registry.lock);
  if (last) environment_free(e);
}
