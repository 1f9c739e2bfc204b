/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/opened.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/plain.h"

static sdx_status get_block(void *context, void *session, segment_stream stream, uint32_t number,
                            uint8_t plain[BLOCK_PLAIN], sdx_error *err) {
  opened_segment *s = context;
  const sdx_status status = blocks_get(&s->blocks, session, stream, number, plain, err);
  if (s->release_every != 0 && ++s->blocks_read % s->release_every == 0)
    store_release_map(s->index->store);
  return status;
}

#define PREFETCH_AT_ONCE 64

static void prefetch_blocks(void *context, void *session, segment_stream stream, uint32_t first,
                            uint32_t count) {
  const opened_segment *s = context;
  if (!atomic_load_explicit(&s->index->cold, memory_order_relaxed)) return;
  uint8_t keys[PREFETCH_AT_ONCE][BLOCKS_KEY_SIZE];
  if (count > PREFETCH_AT_ONCE) count = PREFETCH_AT_ONCE;
  for (uint32_t i = 0; i < count; i++) blocks_key(&s->blocks, stream, first + i, keys[i]);
  (void)store_ahead(session, STORE_BLOCKS, keys[0], BLOCKS_KEY_SIZE, count);
}

sdx_status opened_segment_prepare(opened_segment **out, sdx_index *index, block_cache *cache,
                                  const holder_row *row, sdx_error *err) {
  opened_segment *s = plain_alloc(sizeof *s);
  if (s == NULL) return error_memory(err);
  s->index = index;
  s->id = row->id;
  s->cache = cache;
  s->number = (uint32_t)atomic_fetch_add(&index->next_segment_number, 1);
  atomic_init(&s->references, 1);
  pthread_mutex_init(&s->lock, NULL);
  const sdx_status status = index_holder_key(index, KEYRING_SEGMENT, row->id, &s->key, err);
  if (status == SDX_OK) {
    blocks_of(&s->blocks, index->index_id, s->id, s->key);
    *out = s;
  } else {
    opened_segment_release(s);
  }
  return status;
}

sdx_status opened_segment_read(opened_segment *s, store_txn *t, const holder_row *row,
                               sdx_error *err) {
  const block_source source = { .get = get_block, .prefetch = prefetch_blocks, .context = s };
  segment_session session = { .context = t };
  sdx_status status = segment_open(&s->seg, s->id, s->number, &source, s->cache, &session, err);
  if (status == SDX_OK && segment_about(s->seg)->items != row->items)
    status = error_set(err, SDX_DAMAGED, "segment %016llx: its row and its manifest disagree",
                       (unsigned long long)s->id);
  return status;
}

sdx_status opened_segment_new(opened_segment **out, sdx_index *index, block_cache *cache,
                              store_txn *t, const holder_row *row, sdx_error *err) {
  opened_segment *s = NULL;
  sdx_status status = opened_segment_prepare(&s, index, cache, row, err);
  if (status == SDX_OK) status = opened_segment_read(s, t, row, err);
  if (status == SDX_OK) *out = s;
  else opened_segment_release(s);
  return status;
}

opened_segment *opened_segment_hold(opened_segment *s) {
  atomic_fetch_add(&s->references, 1);
  return s;
}

void opened_segment_release(opened_segment *s) {
  if (s == NULL || atomic_fetch_sub(&s->references, 1) != 1) return;
  opened_attributes_release(s->attributes);
  segment_close(s->seg);
  block_cache_forget(s->cache, s->number);
  seal_key_free(s->key);
  pthread_mutex_destroy(&s->lock);
  plain_free(s);
}

/* ------------------------------------------------------------------ attributes */

void opened_attributes_release(opened_attributes *a) {
  if (a == NULL || atomic_fetch_sub(&a->references, 1) != 1) return;
  attributes_free(a->object);
  plain_free(a);
}

sdx_status opened_attributes_load(attributes **out, const sealed_blocks *b, store_txn *t,
                                  const holder_row *row, sdx_error *err) {
  buffer encoded = BUFFER_INIT;
  sdx_status status = blocks_attributes_get(b, t, row->attributes_version, row->attributes_size,
                                            &encoded, err);
  if (status == SDX_OK) status = attributes_decode(out, encoded.data, encoded.size, err);
  buffer_free(&encoded);
  return status;
}

static sdx_status load(opened_segment *s, store_txn *t, const holder_row *row, sdx_error *err) {
  opened_attributes *fresh = plain_alloc(sizeof *fresh);
  if (fresh == NULL) return error_memory(err);
  atomic_init(&fresh->references, 1);
  const sdx_status status = opened_attributes_load(&fresh->object, &s->blocks, t, row, err);
  if (status != SDX_OK) {
    opened_attributes_release(fresh);
    return status;
  }
  opened_attributes_release(s->attributes);
  s->attributes = fresh;
  s->attributes_version = row->attributes_version;
  return SDX_OK;
}

sdx_status opened_segment_attributes(opened_segment *s, store_txn *t, const holder_row *row,
                                     opened_attributes **out, sdx_error *err) {
  sdx_status status = SDX_OK;
  pthread_mutex_lock(&s->lock);
  if (s->attributes == NULL || s->attributes_version != row->attributes_version)
    status = load(s, t, row, err);
  if (status == SDX_OK) {
    *out = s->attributes;
    atomic_fetch_add(&s->attributes->references, 1);
  }
  pthread_mutex_unlock(&s->lock);
  return status;
}
