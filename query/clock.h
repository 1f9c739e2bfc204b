/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock.h - when a search has to stop: its time limit, and the caller's wish. */
#ifndef SEALDEX_QUERY_CLOCK_H
#define SEALDEX_QUERY_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "sealdex.h"

typedef struct query_clock {
  int64_t deadline;          /* CLOCK_MONOTONIC nanoseconds; 0: none */
  const atomic_bool *cancel; /* NULL: cannot be cancelled */
} query_clock;

struct sdx_cancel {
  atomic_bool wish;
};

/* A limit of so many microseconds from `begun` on (0: none), and a caller's wish (NULL: none). */
query_clock clock_for(int64_t begun, int64_t limit_us, const sdx_cancel *cancel);
int64_t clock_now(void); /* CLOCK_MONOTONIC nanoseconds */
/* True when the search has to stop; NULL: never. */
bool clock_is_up(const query_clock *c);
/* SDX_CANCELLED where that is the reason. */
sdx_status clock_check(const query_clock *c, sdx_error *err) SDX_CHECK;

#endif
