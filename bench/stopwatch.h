/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stopwatch.h - wall-clock and CPU time in seconds. */
#ifndef SEALDEX_BENCH_STOPWATCH_H
#define SEALDEX_BENCH_STOPWATCH_H

#include <time.h>

static inline double stopwatch_read(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
static inline double stopwatch_now(void) {
  return stopwatch_read(CLOCK_MONOTONIC);
}
static inline double stopwatch_cpu(void) {
  return stopwatch_read(CLOCK_PROCESS_CPUTIME_ID);
}

#endif
