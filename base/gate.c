/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/gate.h"

#include <string.h>

void gate_init(gate *g) {
  memset(g, 0, sizeof *g);
  (void)pthread_mutex_init(&g->mutex, NULL);
  (void)pthread_cond_init(&g->changed, NULL);
}

void gate_destroy(gate *g) {
  (void)pthread_mutex_destroy(&g->mutex);
  (void)pthread_cond_destroy(&g->changed);
}

/* Threads' descriptors lie whole stacks apart. */
static atomic_uint *mine(gate *g) {
  const uint64_t at = (uint64_t)(uintptr_t)pthread_self() >> 6;
  return &g->lanes[at * UINT64_C(0x9e3779b97f4a7c15) >> 61].inside;
}
_Static_assert(GATE_LANES == 1 << (64 - 61), "as many as the hash has values");

static void tell(gate *g) {
  (void)pthread_mutex_lock(&g->mutex);
  (void)pthread_cond_broadcast(&g->changed);
  (void)pthread_mutex_unlock(&g->mutex);
}

void gate_leave(gate *g) {
  (void)atomic_fetch_sub(mine(g), 1);
  if (atomic_load(&g->waiting) != 0) tell(g);
}

void gate_enter(gate *g) {
  for (;;) {
    (void)atomic_fetch_add(mine(g), 1);
    if (!atomic_load(&g->closed)) return;
    gate_leave(g);
    (void)pthread_mutex_lock(&g->mutex);
    while (atomic_load(&g->closed)) (void)pthread_cond_wait(&g->changed, &g->mutex);
    (void)pthread_mutex_unlock(&g->mutex);
  }
}

/* Under the mutex, and nobody else has closed it. Those who come while it looks closed wait for the
 * mutex. */
static bool close_now(gate *g) {
  unsigned inside = 0;
  atomic_store(&g->closed, true);
  for (unsigned i = 0; i < GATE_LANES; i++) inside |= atomic_load(&g->lanes[i].inside);
  if (inside == 0) return true;
  atomic_store(&g->closed, false);
  return false;
}

void gate_close(gate *g) {
  (void)pthread_mutex_lock(&g->mutex);
  (void)atomic_fetch_add(&g->waiting, 1);
  while (atomic_load(&g->closed) || !close_now(g)) (void)pthread_cond_wait(&g->changed, &g->mutex);
  (void)atomic_fetch_sub(&g->waiting, 1);
  (void)pthread_mutex_unlock(&g->mutex);
}

bool gate_try_close(gate *g) {
  (void)pthread_mutex_lock(&g->mutex);
  const bool done = !atomic_load(&g->closed) && close_now(g);
  (void)pthread_mutex_unlock(&g->mutex);
  return done;
}

void gate_open(gate *g) {
  (void)pthread_mutex_lock(&g->mutex);
  atomic_store(&g->closed, false);
  (void)pthread_cond_broadcast(&g->changed);
  (void)pthread_mutex_unlock(&g->mutex);
}
