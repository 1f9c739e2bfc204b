/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usage.h - what work costs beside time, and work in a process of its own, so that memory, faults
 * and bytes written are those of one engine.
 */
#ifndef SEALDEX_BENCH_USAGE_H
#define SEALDEX_BENCH_USAGE_H

#include <stddef.h>
#include <stdint.h>

typedef struct usage {
  double seconds, cpu;   /* wall clock; user and system */
  double peak_mib;       /* most resident memory */
  uint64_t minor, major; /* page faults */
  uint64_t written;      /* bytes that were sent to the disk or will be */
} usage;

/* The process as it stands. */
usage usage_now(void);
/* From `before` until now. The peak is what came on top of what was resident then, provided that
 * usage_forget_peak was called just before. */
usage usage_since(const usage *before);
/* Also gives freed memory back to the system. */
void usage_forget_peak(void);
/* Resident memory that is no file's. */
double usage_private_mib(void);
/* Bytes written by this process so far. */
uint64_t usage_written(void);

/* CPU seconds of this process and of its children that have ended. */
double usage_family_cpu(void);
/* CPU seconds of all processors together, of whatever runs there; 0 where that cannot be told. */
double usage_machine_cpu(void);

/* Memory that a process and its children share; never NULL (aborts). */
void *usage_share(size_t size);
void usage_unshare(void *memory, size_t size);
/* Runs the work in a child. Returns what it returned, or -1 where it crashed. */
int usage_in_child(int (*work)(void *context), void *context);

#endif
