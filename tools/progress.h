/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * progress.h - one line on a terminal that shows how long work goes on; silent elsewhere.
 */
#ifndef SEALDEX_TOOLS_PROGRESS_H
#define SEALDEX_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct progress {
  const char *what;
  bool shown;     /* standard error is a terminal */
  bool on_screen; /* a line stands there now */
  int64_t start_ms, last_ms;
  uint64_t failed; /* items so far; set by whoever counts them */
} progress;

progress progress_begin(const char *what);
/* Redraws the line a few times a second. `total` 0: not known. */
void progress_step(progress *p, uint64_t items, uint64_t done, uint64_t total);
/* Takes the line away, so that something else can be printed; also the end. */
void progress_clear(progress *p);

#endif
