/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * locked.h - small pieces of locked memory, many to a page.
 *
 * A lock is counted by pages and the limit may be 64 KiB, so pieces share chunks of 8 KiB. Each
 * chunk is locked, out of core dumps, wiped in a forked child, and has a guard page on both sides.
 *
 * The arena is the one piece of process-wide state of the library (behind a mutex): locked pages
 * are a process-wide resource, and a handle with 5 keys must not take a page pair of its own.
 */
#ifndef SEALDEX_CRYPTO_LOCKED_H
#define SEALDEX_CRYPTO_LOCKED_H

#include <stdbool.h>
#include <stddef.h>

typedef enum locked_class {
  LOCKED_SECRET = 0, /* 32 bytes: must succeed, or the open fails */
  LOCKED_STATE = 1, /* 512 bytes, what a cipher precomputes: takes at most a quarter of the limit */
  LOCKED_CLASSES = 2
} locked_class;

#define LOCKED_SECRET_SIZE 32
#define LOCKED_STATE_SIZE 512

/* Readies libsodium, the arena and its fork handlers; once. False where libsodium cannot start. */
bool locked_start(void);

/* Zeroed, aligned to its size; NULL where no more memory can be locked. */
void *locked_alloc(locked_class size_class);
/* Wipes. In a forked child, what the parent allocated is already zeros and is left alone. */
void locked_free(void *piece);

#endif
