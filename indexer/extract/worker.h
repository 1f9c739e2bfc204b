/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker.h - a process of its own that reads hostile bytes for the host: the program
 * `sealdex-extract`, which stands in the folder sealdex/ beside the library (for tests: where the
 * environment's SEALDEX_EXTRACT says, unless the host runs with more rights than its user).
 *
 * It has no files, no network, no way to gain rights, and limits of memory and processor time (see
 * sandbox.h). It is started at the first request and serves one after another; where it dies, loops
 * or floods, the request ends with WORKER_LOST and a reason, and the next one starts another.
 *
 *   worker_begin(w, &request, bytes);
 *   while (worker_next(w, d) == WORKER_ITEM) ...
 *
 * A worker belongs to one thread.
 */
#ifndef SEALDEX_EXTRACT_WORKER_H
#define SEALDEX_EXTRACT_WORKER_H

#include "indexer/extract/wire.h"
#include "indexer/extract/zones.h"

#define WORKER_CPU_SECONDS 20                  /* for one request: the worker's own clock */
#define WORKER_WAIT_SECONDS 120                /* that the host waits for a reply to go on */
#define WORKER_REPLY_MAX ((uint64_t)512 << 20) /* bytes of all items of one file */

typedef struct worker {
  int pid; /* 0: none runs */
  int to;
  int from;
  bool missing;  /* it could not be started: not tried again */
  bool answered; /* the reply has ended */
  uint64_t taken;
  int64_t now;
  int64_t fallback;
  zones zones; /* that the one which runs has loaded, or the next one will */
  buffer frame;
  buffer head;
  char reason[WIRE_REASON_MAX + 1];
} worker;

#define WORKER_INIT                                                                                \
  { .to = -1, .from = -1, .answered = true }

typedef enum worker_answer {
  WORKER_ITEM,    /* the draft is filled */
  WORKER_END,     /* that was all */
  WORKER_REFUSED, /* nothing can be read; `reason` says why */
  WORKER_LOST,    /* the worker is no more; `reason` says why */
  WORKER_MISSING  /* there is no such program here */
} worker_answer;

/* Sends the request; what goes wrong, the first worker_next says. An unread rest of the last reply
 * is given up, with the worker. */
void worker_begin(worker *w, const wire_request *request, const void *bytes);
worker_answer worker_next(worker *w, draft *d);
/* Behind an item that was to be the last: takes the end of the reply. */
void worker_end_reply(worker *w);
void worker_close(worker *w);

#endif
