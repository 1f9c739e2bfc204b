/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/clock.h"

#include <stddef.h>
#include <time.h>

int64_t clock_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool clock_is_cancelled(const query_clock *c) {
  return c != NULL && c->cancel != NULL && atomic_load_explicit(c->cancel, memory_order_relaxed);
}

bool clock_is_up(const query_clock *c) {
  if (c == NULL) return false;
  return clock_is_cancelled(c) || (c->deadline != 0 && clock_now() > c->deadline);
}
