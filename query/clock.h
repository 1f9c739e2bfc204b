/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock.h - when a search has to stop: its time limit, and the caller's wish. */
#ifndef SEALDEX_QUERY_CLOCK_H
#define SEALDEX_QUERY_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct query_clock {
  int64_t deadline;          /* CLOCK_MONOTONIC nanoseconds; 0: none */
  const atomic_bool *cancel; /* NULL: cannot be cancelled */
} query_clock;

int64_t clock_now(void); /* CLOCK_MONOTONIC nanoseconds */
/* True when the search has to stop; NULL: never. */
bool clock_is_up(const query_clock *c);
bool clock_is_cancelled(const query_clock *c);

#endif
