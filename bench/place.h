/* SPDX-License-Identifier: GPL-2.0-or-later */
/* place.h - the directories that indexes lie in. */
#ifndef SEALDEX_BENCH_PLACE_H
#define SEALDEX_BENCH_PLACE_H

#include <stdint.h>

/* Removes a directory and all below it; a missing one is fine. */
void place_clear(const char *dir);
/* Bytes of all files below it. */
uint64_t place_bytes(const char *dir);
/* Copies its files (no folders) into a new directory. Returns 0 or -1. */
int place_copy(const char *from, const char *dir);
/* Syncs its files and drops them from the page cache. What other processes map stays. */
void place_evict(const char *dir);
/* Reads its files, so that they are in the page cache. */
void place_warm(const char *dir);
/* Waits until the disk under a directory has nothing left to do (a fifth of a second at most): what a process
 * asked to be read ahead goes on being read when it has ended. */
void place_settle(const char *dir);

#endif
