/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "segment/segment.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/wipe.h"
#include "segment/cache.h"

sdx_status session_fail(segment_session *session, sdx_status status, const char *message) {
  if (session->status != SDX_OK) return session->status;
  session->status = status;
  return error_set(session->err, status, "%s", message);
}

sdx_status session_damaged(segment_session *session) {
  return session_fail(session, SDX_DAMAGED,
                      "a block of a segment is damaged; reindex --missing mends it");
}

/* ---------------------------------------------------------------- blocks */

void block_release(block_ref *ref) {
  if (ref->owner != NULL) {
    if (ref->frame != NULL) {
      cache_unpin(ref->frame);
    } else { /* memory of its own */
      wipe((uint8_t *)ref->data, BLOCK_PLAIN);
      cache_memory(ref->owner)->free((uint8_t *)ref->data, BLOCK_PLAIN);
    }
  } else if (ref->frame != NULL) { /* no cache either */
    wipe(ref->frame, BLOCK_PLAIN);
    plain_free(ref->frame);
  }
  *ref = (block_ref)BLOCK_REF_INIT;
}

static sdx_status open_into(const segment *s, segment_session *session, segment_stream stream,
                            uint32_t number, uint8_t *plain) {
  session->blocks_opened++;
  const sdx_status status = s->source.get(s->source.context, session->context, stream, number, plain,
                                          session->err);
  if (status != SDX_OK && session->status == SDX_OK) session->status = status;
  return status;
}

static const uint8_t *open_alone(const segment *s, segment_session *session, segment_stream stream,
                                 uint32_t number, block_ref *ref) {
  const block_memory *memory = s->cache != NULL ? cache_memory(s->cache) : NULL;
  uint8_t *plain = memory != NULL ? memory->alloc(BLOCK_PLAIN) : plain_alloc(BLOCK_PLAIN);
  if (plain == NULL) {
    session_fail(session, SDX_NO_MEMORY, "out of memory");
    return NULL;
  }
  *ref = (block_ref){ .data = plain,
                      .segment = s,
                      .stream = stream,
                      .number = number,
                      .frame = memory == NULL ? plain : NULL,
                      .owner = s->cache };
  if (open_into(s, session, stream, number, plain) != SDX_OK) block_release(ref);
  return ref->data;
}

static const uint8_t *open_cached(const segment *s, segment_session *session, segment_stream stream,
                                  uint32_t number, block_ref *ref) {
  const uint64_t key = cache_key(s->number, stream, number);
  const uint8_t *plain;
  cache_frame *f = cache_find(s->cache, key, &plain);
  if (f != NULL) {
    session->blocks_hit++;
  } else {
    uint8_t *room;
    f = cache_claim(s->cache, key, &room);
    if (f == NULL) return open_alone(s, session, stream, number, ref);
    if (open_into(s, session, stream, number, room) != SDX_OK) {
      cache_abandon(s->cache, f, room);
      return NULL;
    }
    cache_publish(f, key);
    plain = room;
  }
  *ref = (block_ref){ .data = plain,
                      .segment = s,
                      .stream = stream,
                      .number = number,
                      .frame = f,
                      .owner = s->cache };
  return plain;
}

const uint8_t *block_get(const segment *s, segment_session *session, segment_stream stream,
                         uint32_t number, block_ref *ref) {
  if (ref->data != NULL && ref->number == number && ref->stream == (uint32_t)stream &&
      ref->segment == s)
    return ref->data;
  block_release(ref);
  if (session->status != SDX_OK) return NULL;
  if (number >= s->manifest.blocks[stream] && stream != STREAM_MANIFEST) {
    session_damaged(session);
    return NULL;
  }
  if (s->source.borrow == NULL)
    return s->cache != NULL ? open_cached(s, session, stream, number, ref)
                            : open_alone(s, session, stream, number, ref);
  const uint8_t *plain = s->source.borrow(s->source.context, stream, number);
  if (plain == NULL) {
    session_damaged(session);
    return NULL;
  }
  *ref = (block_ref){ .data = plain, .segment = s, .stream = stream, .number = number };
  return plain;
}

/* ---------------------------------------------------------------- streams */

const uint8_t *stream_view(const segment *s, segment_session *session, segment_stream stream,
                           uint64_t address, size_t *available, block_ref *ref) {
  const uint64_t number = address / BLOCK_PLAIN;
  if (number >= s->manifest.blocks[stream]) {
    session_damaged(session);
    return NULL;
  }
  const uint8_t *plain = block_get(s, session, stream, (uint32_t)number, ref);
  const size_t offset = (size_t)(address % BLOCK_PLAIN);
  *available = BLOCK_PLAIN - offset;
  return plain != NULL ? plain + offset : NULL;
}

bool stream_copy(const segment *s, segment_session *session, segment_stream stream, uint64_t address,
                 void *out, size_t size, block_ref *ref) {
  for (size_t done = 0; done < size;) {
    size_t available;
    const uint8_t *bytes = stream_view(s, session, stream, address + done, &available, ref);
    if (bytes == NULL) return false;
    if (available > size - done) available = size - done;
    memcpy((uint8_t *)out + done, bytes, available);
    done += available;
  }
  return true;
}

uint64_t stream_bytes(const segment *s, segment_stream stream) {
  return (uint64_t)s->manifest.blocks[stream] * BLOCK_PLAIN;
}

void stream_prefetch(const segment *s, segment_session *session, segment_stream stream,
                     uint64_t address, uint64_t size) {
  if (s->source.prefetch == NULL || size == 0) return;
  const uint64_t first = address / BLOCK_PLAIN, last = (address + size - 1) / BLOCK_PLAIN;
  if (last >= s->manifest.blocks[stream]) return;
  if (s->cache != NULL && cache_has(s->cache, cache_key(s->number, stream, (uint32_t)first))) return;
  s->source.prefetch(s->source.context, session->context, stream, (uint32_t)first,
                     (uint32_t)(last - first + 1));
}

/* ---------------------------------------------------------------- segments */

/* The item index out of the manifest's copy of it. */
static sdx_status take_counts(segment *s, const uint8_t *plain, sdx_error *err) {
  const layout_manifest *m = &s->manifest;
  const uint32_t blocks = m->item_counts_size;
  const uint8_t *counts = plain + LAYOUT_ROOTS_AT + m->term_top_size + m->class_top_size;
  uint64_t first = 0;
  if (blocks == 0) return SDX_OK;
  s->firsts = plain_array((size_t)blocks + 1, sizeof *s->firsts);
  if (s->firsts == NULL) return error_memory(err);
  for (uint32_t i = 0; i < blocks; i++) {
    s->firsts[i] = (uint32_t)first;
    first += counts[i];
  }
  s->firsts[blocks] = (uint32_t)first;
  if (first == m->info.items) return SDX_OK;
  return error_set(err, SDX_DAMAGED, "a segment's manifest is damaged; reindex --missing mends it");
}

sdx_status segment_open(segment **out, uint64_t id, uint32_t number, const block_source *source,
                        block_cache *cache, segment_session *session, sdx_error *err) {
  segment *s = plain_alloc(sizeof *s);
  if (s == NULL) return error_memory(err);
  s->source = *source;
  s->number = number;
  s->cache = cache;
  block_ref ref = BLOCK_REF_INIT;
  segment_session opening = { .context = session->context, .err = err };
  sdx_status status = SDX_OK;
  const uint8_t *plain = block_get(s, &opening, STREAM_MANIFEST, 0, &ref);
  if (plain == NULL)
    status = opening.status;
  else
    status = layout_manifest_decode(&s->manifest, plain, err);
  if (status == SDX_OK) status = take_counts(s, plain, err);
  session->blocks_opened += opening.blocks_opened;
  if (status == SDX_OK && s->manifest.info.id != id)
    status = error_set(err, SDX_DAMAGED, "a segment's manifest names another segment");
  block_release(&ref);
  if (status != SDX_OK) {
    segment_close(s);
    return status;
  }
  *out = s;
  return SDX_OK;
}

void segment_close(segment *s) {
  if (s == NULL) return;
  plain_free(s->firsts);
  wipe(s, sizeof *s);
  plain_free(s);
}

const segment_info *segment_about(const segment *s) { return &s->manifest.info; }
