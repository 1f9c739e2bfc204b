/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/scratch.h"

#include <stdlib.h>
#include <string.h>

#include "base/plain.h"

#define ALIGNMENT 32
#define FIRST_CHUNK (48 * 1024) /* most searches need no second one */

struct scratch_chunk {
  scratch_chunk *older;
  uint8_t *begin, *end;
  uint8_t *used;    /* set when a newer chunk takes over */
  uint8_t *written; /* all behind it is zero still, but for what was taken since */
};

static uint8_t *align_up(uint8_t *p) {
  return (uint8_t *)(((uintptr_t)p + (ALIGNMENT - 1)) & ~(uintptr_t)(ALIGNMENT - 1));
}

static bool add_chunk(scratch *s, size_t size) {
  size_t capacity = FIRST_CHUNK;
  if (s->chunks != NULL) capacity = 2 * (size_t)(s->chunks->end - s->chunks->begin);
  if (capacity < size) capacity = size;
  scratch_chunk *chunk = plain_alloc(sizeof(*chunk) + ALIGNMENT + capacity);
  if (chunk == NULL) return false;
  chunk->begin = align_up((uint8_t *)(chunk + 1));
  chunk->end = chunk->begin + capacity;
  chunk->written = chunk->begin;
  chunk->older = s->chunks;
  if (s->chunks != NULL) s->chunks->used = s->at;
  s->chunks = chunk;
  s->at = chunk->begin;
  s->end = chunk->end;
  return true;
}

void *scratch_take(scratch *s, size_t size) {
  if (s->failed) return NULL;
  if (size > SIZE_MAX / 4) {
    s->failed = true;
    return NULL;
  }
  const size_t rounded = (size + (ALIGNMENT - 1)) & ~(size_t)(ALIGNMENT - 1);
  if (rounded > (size_t)(s->end - s->at) && !add_chunk(s, rounded)) {
    s->failed = true;
    return NULL;
  }
  void *p = s->at;
  s->at += rounded;
  s->bytes += rounded;
  return p;
}

void *scratch_zero(scratch *s, size_t size) {
  uint8_t *p = scratch_take(s, size);
  if (p == NULL || p >= s->chunks->written) return p;
  const size_t left = (size_t)(s->chunks->written - p);
  memset(p, 0, size < left ? size : left);
  return p;
}

sdx_bytes scratch_copy(scratch *s, const void *bytes, size_t size) {
  char *p = scratch_take(s, size != 0 ? size : 1);
  if (p == NULL) return (sdx_bytes){ .data = "", .size = 0 };
  if (size != 0) memcpy(p, bytes, size);
  return (sdx_bytes){ .data = p, .size = size };
}

scratch_mark scratch_here(const scratch *s) {
  return (scratch_mark){ .chunk = s->chunks, .at = s->at };
}

static void drop_newest(scratch *s) {
  scratch_chunk *chunk = s->chunks;
  const uint8_t *end = s->at > chunk->written ? s->at : chunk->written;
  const size_t written = (size_t)(end - (uint8_t *)chunk);
  s->chunks = chunk->older;
  s->at = chunk->older != NULL ? chunk->older->used : NULL;
  s->end = chunk->older != NULL ? chunk->older->end : NULL;
  plain_free_written(chunk, written);
}

void scratch_return(scratch *s, scratch_mark mark) {
  while (s->chunks != mark.chunk) drop_newest(s);
  if (s->chunks != NULL && s->at > s->chunks->written) s->chunks->written = s->at;
  s->at = mark.at;
}

void scratch_free(scratch *s) {
  while (s->chunks != NULL) drop_newest(s);
  *s = (scratch)SCRATCH_INIT;
}
