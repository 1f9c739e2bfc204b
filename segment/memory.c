/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "segment/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/wipe.h"

/* Blocks lie in slabs, so that a small segment costs few calls of the allocator; slabs never move. */
#define SLAB 8u

typedef struct memory_stream {
  uint8_t **slabs;
  uint32_t count, room; /* blocks; room in `slabs`, in slabs */
} memory_stream;

struct memory_blocks {
  block_memory memory;
  memory_stream streams[STREAM_COUNT];
  size_t slabs;
};

static void plain_give(void *p, size_t size) { plain_free_written(p, size); }

sdx_status memory_blocks_new(memory_blocks **out, const block_memory *memory, sdx_error *err) {
  memory_blocks *m = plain_alloc(sizeof *m);
  if (m == NULL) return error_memory(err);
  m->memory = memory != NULL ? *memory : (block_memory){ plain_alloc, plain_give };
  *out = m;
  return SDX_OK;
}

/* Streams of a small segment have one block each: their first slab is one block. */
static size_t slab_size(uint32_t slab) { return (slab == 0 ? 1u : SLAB) * (size_t)BLOCK_PLAIN; }
static uint32_t slab_of(uint32_t number) { return number == 0 ? 0 : 1 + (number - 1) / SLAB; }
static uint32_t in_slab(uint32_t number) { return number == 0 ? 0 : (number - 1) % SLAB; }

void memory_blocks_free(memory_blocks *m) {
  if (m == NULL) return;
  for (unsigned i = 0; i < STREAM_COUNT; i++) {
    memory_stream *s = &m->streams[i];
    for (uint32_t slab = 0; s->count > 0 && slab <= slab_of(s->count - 1); slab++) {
      wipe(s->slabs[slab], slab_size(slab));
      m->memory.free(s->slabs[slab], slab_size(slab));
    }
    plain_free(s->slabs);
  }
  plain_free(m);
}

static sdx_status put(void *context, segment_stream stream, uint32_t number,
                      const uint8_t plain[BLOCK_PLAIN], sdx_error *err) {
  memory_blocks *m = context;
  memory_stream *s = &m->streams[stream];
  if (number != s->count) return error_set(err, SDX_INVALID, "blocks of a stream must come in order");
  const uint32_t slab = slab_of(number);
  if (slab >= s->room) {
    const uint32_t room = s->room == 0 ? 4 : 2 * s->room;
    uint8_t **slabs = plain_resize(s->slabs, room * sizeof *slabs);
    if (slabs == NULL) return error_memory(err);
    s->slabs = slabs;
    s->room = room;
  }
  if (in_slab(number) == 0) {
    s->slabs[slab] = m->memory.alloc(slab_size(slab));
    if (s->slabs[slab] == NULL) return error_memory(err);
    m->slabs += slab_size(slab);
  }
  memcpy(s->slabs[slab] + (size_t)in_slab(number) * BLOCK_PLAIN, plain, BLOCK_PLAIN);
  s->count++;
  return SDX_OK;
}

static const uint8_t *borrow(void *context, segment_stream stream, uint32_t number) {
  const memory_blocks *m = context;
  if (stream >= STREAM_COUNT || number >= m->streams[stream].count) return NULL;
  return m->streams[stream].slabs[slab_of(number)] + (size_t)in_slab(number) * BLOCK_PLAIN;
}

block_sink memory_blocks_sink(memory_blocks *m) { return (block_sink){ .put = put, .context = m }; }

block_source memory_blocks_source(memory_blocks *m) {
  return (block_source){ .borrow = borrow, .context = m };
}

size_t memory_blocks_bytes(const memory_blocks *m) { return sizeof *m + m->slabs; }
