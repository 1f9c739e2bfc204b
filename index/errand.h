/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * errand.h - what a thread has done by another, because it is mostly waiting for the disk.
 */
#ifndef SEALDEX_INDEX_ERRAND_H
#define SEALDEX_INDEX_ERRAND_H

#include <stdbool.h>

#include "sealdex.h"

/* All zero but for `run` and `context`: not sent yet. Its owner does not touch what it works on
 * between errand_send and the errand_wait that follows. */
typedef struct errand {
  struct errand *next;
  sdx_status (*run)(void *context, sdx_error *err);
  void *context;
  bool under_way;
  sdx_status status; /* of the last time */
  sdx_error error;
} errand;

/* A thread that does errands, in the order in which they are sent. */
typedef struct errand_runner errand_runner;

/* The thread has the caller's mask of signals. */
sdx_status errand_runner_new(errand_runner **out, sdx_error *err) SDX_CHECK;
/* Ends the thread when all that was sent is done; NULL is fine. */
void errand_runner_free(errand_runner *r);
void errand_send(errand_runner *r, errand *e);
/* Until it is done. What it failed with; SDX_OK where it was never sent. */
sdx_status errand_wait(errand_runner *r, errand *e, sdx_error *err) SDX_CHECK;

#endif
