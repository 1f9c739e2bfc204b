/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * extent.h - an array of plaintext that grows large.
 *
 * From EXTENT_PAGES bytes on it lies in pages of its own, and grows by moving them: nothing is
 * copied, so nothing is left behind to be wiped, and there is never a moment with two of it. Room
 * that was not written to takes no memory, and the pages are kept out of core dumps.
 */
#ifndef SEALDEX_BASE_EXTENT_H
#define SEALDEX_BASE_EXTENT_H

#include <stdbool.h>
#include <stddef.h>

#define EXTENT_PAGES ((size_t)64 << 10)

/* All zero: no room yet. */
typedef struct extent {
  void *at;
  size_t room; /* bytes */
} extent;

/* Room for `need` bytes at least, growing by half; the first `used` stay, the others are as they
 * were or zero. False where memory ran out, and all is as before. */
bool extent_reserve(extent *e, size_t used, size_t need);
/* Pages for the bytes from `from` to `to`, all of which will soon be written, in one call: where a
 * new page is read before it is written to, the kernel interrupts every processor that runs a
 * thread of the process. May do nothing. */
void extent_populate(const extent *e, size_t from, size_t to);
/* Wipes the first `used` bytes, which must be all that were written, and frees. */
void extent_free(extent *e, size_t used);

#endif
