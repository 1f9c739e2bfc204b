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
 * Small requests are asked many at once, since each hand-over takes longer than reading a short message:
 *
 *   while (... && worker_put(w, &request, bytes)) ...
 *   for (each that was put) {
 *     worker_turn(w);
 *     while (worker_next(w, d) == WORKER_ITEM) ...
 *   }
 *
 * Where the worker is lost among several, each that has no reply yet is asked again by itself: so those
 * before it and behind it come to no harm. worker_begin between two turns ends a worker that has others still to
 * answer; they are asked again.
 *
 * A worker belongs to one thread.
 */
#ifndef SEALDEX_EXTRACT_WORKER_H
#define SEALDEX_EXTRACT_WORKER_H

#include "indexer/extract/wire.h"
#include "indexer/extract/zones.h"

#define WORKER_CPU_SECONDS 20                  /* for one request, or a batch: the worker's own clock */
#define WORKER_WAIT_SECONDS 120                /* that the host waits for a reply to go on */
#define WORKER_REPLY_MAX ((uint64_t)512 << 20) /* bytes of all items of one file */

#define WORKER_BATCH_COUNT 32
#define WORKER_BATCH_BYTES ((size_t)128 << 10)

/* Requests that are asked at once: from[i] is where the i-th stands in `bytes`, from[count] the end. */
typedef struct worker_batch {
  buffer bytes;
  size_t from[WORKER_BATCH_COUNT + 1];
  unsigned count;
  unsigned turn;   /* one more than that whose reply is read; 0: none yet */
  unsigned asked;  /* from the present one on, those that the worker has yet to answer */
  bool one_by_one; /* it was lost among several */
} worker_batch;

typedef struct worker {
  int pid; /* 0: none runs */
  int to;
  int from;
  bool missing;  /* it could not be started: not tried again */
  bool answered; /* the reply has ended */
  bool of_batch; /* it is to the one whose turn it is */
  uint64_t taken;
  int64_t now;
  int64_t fallback;
  uint64_t frames;  /* of this reply, taken */
  zones zones;      /* that the one which runs has loaded, or the next one will */
  bool zones_lack;  /* the one which runs has not: another is started before the next is asked */
  buffer head;      /* of what is asked */
  buffer replies;   /* read and not yet taken, from `at` on */
  size_t at;
  sdx_bytes frame;  /* in `replies` */
  worker_batch batch;
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
/* Copies the request behind those that were put since the last turn; false where it is too large to be
 * asked among others, or they are full. The first one put forgets what was put before. */
bool worker_put(worker *w, const wire_request *request, const void *bytes);
/* Asks, unless that was done, for the first of those that were put, for the second the next time: there must
 * be one. What goes wrong, worker_next says, as of worker_begin. */
void worker_turn(worker *w);
/* The bytes of the one whose turn it is, until another is put. */
sdx_bytes worker_bytes(const worker *w);
/* The next item of the reply. */
worker_answer worker_next(worker *w, draft *d);
/* Behind an item that was to be the last: takes the end of the reply. */
void worker_end_reply(worker *w);
void worker_close(worker *w);

#endif
