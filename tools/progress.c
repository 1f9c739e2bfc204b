/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { REDRAW_MS = 200, SETTLE_MS = 2000 };

static int64_t clock_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

progress progress_begin(const char *what) {
  int64_t now = clock_ms();
  return (progress){ .what = what, .shown = isatty(2) != 0, .start_ms = now, .last_ms = now };
}

void progress_step(progress *p, uint64_t items, uint64_t done, uint64_t total) {
  if (!p->shown) return;
  int64_t now = clock_ms();
  if (now - p->last_ms < REDRAW_MS) return;
  p->last_ms = now;

  int64_t spent = now - p->start_ms;
  double seconds = (double)spent / 1000.0;
  fflush(stdout);
  fprintf(stderr, "\r\033[K%s: %" PRIu64 " items", p->what, items);
  if (seconds > 0) fprintf(stderr, ", %.1f MB/s", (double)done / 1e6 / seconds);
  if (total > 0 && done <= total) {
    fprintf(stderr, ", %.0f%%", 100.0 * (double)done / (double)total);
    if (spent > SETTLE_MS && done > 0) {
      uint64_t left = (uint64_t)((double)(total - done) / (double)done * seconds + 0.5);
      fprintf(stderr, ", %" PRIu64 ":%02" PRIu64 " left", left / 60, left % 60);
    }
  }
  if (p->failed > 0) fprintf(stderr, ", %" PRIu64 " failed", p->failed);
  fflush(stderr);
  p->on_screen = true;
}

void progress_clear(progress *p) {
  if (!p->on_screen) return;
  fputs("\r\033[K", stderr);
  fflush(stderr);
  p->on_screen = false;
}
