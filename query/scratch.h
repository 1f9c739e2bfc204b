/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scratch.h - the memory of one search: taken piece by piece, given back all at once, wiped.
 *
 * What a query says and what it finds is plaintext, so nothing of it may outlive the call. All that
 * a search needs beside its results comes from here; there is no free of single pieces. Failure is
 * sticky: once memory ran out every taking gives NULL and `failed` is set.
 */
#ifndef SEALDEX_QUERY_SCRATCH_H
#define SEALDEX_QUERY_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sealdex.h"

typedef struct scratch_chunk scratch_chunk;

typedef struct scratch {
  scratch_chunk *chunks; /* newest first */
  uint8_t *at, *end;     /* what is left of the newest */
  size_t bytes;          /* taken in all */
  bool failed;
} scratch;

#define SCRATCH_INIT { 0 }

/* `size` bytes, aligned for vectors (32), contents undefined; NULL where memory ran out. */
void *scratch_take(scratch *s, size_t size);
/* The same, all zero. */
void *scratch_zero(scratch *s, size_t size);
/* A copy of the bytes. */
sdx_bytes scratch_copy(scratch *s, const void *bytes, size_t size);
/* A mark, and the return to it: what was taken since is taken again; it is wiped with the rest,
 * once. */
typedef struct scratch_mark {
  scratch_chunk *chunk;
  uint8_t *at;
} scratch_mark;
scratch_mark scratch_here(const scratch *s);
void scratch_return(scratch *s, scratch_mark mark);
/* Wipes what was taken and frees; the scratch is as after SCRATCH_INIT. */
void scratch_free(scratch *s);

#define SCRATCH_ONE(s, type) ((type *)scratch_zero((s), sizeof(type)))
#define SCRATCH_MANY(s, type, n) ((type *)scratch_zero((s), sizeof(type) * (n)))

#endif
