/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sweep_crew.h - threads that sweep the indexes of a store side by side.
 *
 * Whoever writes to an index holds a lock that cannot be waited for with a limit. So an index that
 * is not done in time is reported as locked, its thread is left behind with it, and another takes
 * its place: the lock of one index never stops the others.
 */
#ifndef SEALDEX_TOOLS_SWEEP_CREW_H
#define SEALDEX_TOOLS_SWEEP_CREW_H

#include <stddef.h>

#include "sealdex.h"

typedef struct sweep_job {
  const char *dir, *name;
  sdx_sweep_report report;
  sdx_status status;
  sdx_error err;
  sdx_receipt *taken; /* of the keys that were destroyed, where receipts are asked for */
  size_t taken_count;
  bool no_index; /* there is none in that directory */
} sweep_job;

/* Sweeps one index, here and now. The caller frees job->taken. */
void sweep_crew_do(sweep_job *job, const sdx_sweep_options *sweep, bool receipts);

/* Whether a directory has a file that only an index has. */
bool sweep_crew_is_index(const char *dir);

typedef struct sweep_crew_options {
  unsigned threads;
  int64_t wait_ms;                /* how long one index may take */
  const sdx_sweep_options *sweep; /* lives as long as the process does */
  bool receipts;
  /* Called in the thread of whoever calls the crew, once for each directory that was given. */
  void (*done)(void *context, const sweep_job *job);
  void *context;
} sweep_crew_options;

typedef struct sweep_crew sweep_crew;

/* NULL without memory, or without a thread. */
sweep_crew *sweep_crew_new(const sweep_crew_options *options);
/* Waits where many wait already. False without memory. */
bool sweep_crew_give(sweep_crew *c, const char *dir, const char *name);
/* Waits for all, and frees; the crew stays where threads were left behind. */
void sweep_crew_finish(sweep_crew *c);

#endif
