/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/clock.h"

#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include "base/error.h"
#include "base/plain.h"

sdx_status sdx_cancel_new(sdx_cancel **out, sdx_error *err) {
  if (out == NULL) return error_no_place(err);
  *out = plain_alloc(sizeof(**out));
  if (*out == NULL) return error_memory(err);
  atomic_init(&(*out)->wish, false);
  return SDX_OK;
}

void sdx_cancel_set(sdx_cancel *cancel, bool wish) {
  atomic_store(&cancel->wish, wish);
}

void sdx_cancel_free(sdx_cancel *cancel) {
  plain_free(cancel);
}

query_clock clock_for(int64_t begun, int64_t limit_us, const sdx_cancel *cancel) {
  query_clock c = { .deadline = 0 };
  if (limit_us > 0)
    c.deadline = begun + (limit_us < INT64_MAX / 2000 ? limit_us * 1000 : INT64_MAX / 2);
  if (cancel != NULL) c.cancel = &cancel->wish;
  return c;
}

int64_t clock_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool is_cancelled(const query_clock *c) {
  return c != NULL && c->cancel != NULL && atomic_load_explicit(c->cancel, memory_order_relaxed);
}

bool clock_is_up(const query_clock *c) {
  if (c == NULL) return false;
  return is_cancelled(c) || (c->deadline != 0 && clock_now() > c->deadline);
}

sdx_status clock_check(const query_clock *c, sdx_error *err) {
  return is_cancelled(c) ? error_set(err, SDX_CANCELLED, "the search was cancelled") : SDX_OK;
}
