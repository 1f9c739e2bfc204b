/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plain.h - the heap of plaintext: words, postings, opened records, texts, and all that is made of
 * them.
 *
 * It lies in mappings of its own that no core dump holds, is zero when it is taken, and is wiped
 * when it is given back. Pieces up to 32 KiB share regions of one size of piece; larger ones have a
 * mapping each: a few are kept for the next, the others go back to the kernel as they are.
 *
 * With crypto's locked pages and each thread's stack aside (base/stack.h) it is the process-wide
 * state of the library, in shards behind a mutex each, of which a thread takes from one: results
 * outlive the handle's call, and analysers know no handle. The few pieces that a thread gave back
 * last are kept for it, and taken without the mutex. Where a sanitizer watches, it is the C
 * library's heap, which then sees every piece.
 */
#ifndef SEALDEX_BASE_PLAIN_H
#define SEALDEX_BASE_PLAIN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* `size` bytes of zeros, aligned to 16; NULL where memory ran out. */
void *plain_alloc(size_t size);
/* `count` times `size` bytes of zeros. */
static inline void *plain_array(size_t count, size_t size) {
  return size == 0 || count <= SIZE_MAX / 4 / size ? plain_alloc(count * size) : NULL;
}
/* As realloc: the contents move along, and the place that they leave is wiped. What is new behind
 * what was asked for before is not all zero. NULL: all is as it was. */
void *plain_resize(void *p, size_t size);
/* A copy of a string. */
static inline char *plain_string(const char *s) {
  const size_t size = strlen(s) + 1;
  void *copy = plain_alloc(size);
  return copy != NULL ? (char *)memcpy(copy, s, size) : NULL;
}
/* Wipes, but for what goes back to the kernel; NULL is fine. */
void plain_free(void *p);
/* Wipes the first `written` bytes in any case. Nothing was written behind them. */
void plain_free_written(void *p, size_t written);

#endif
