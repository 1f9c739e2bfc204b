/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/build.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/plain.h"

#define PENDING_MAX 256
#define PENDING_SENT 192 /* where there are two buffers */
#define PENDING_SIZE (BLOCKS_KEY_SIZE + STORE_BLOCK_SIZE)

static sdx_status enter(segment_build *b, sdx_error *err) {
  write_txn w;
  key_request request = { .kind = KEYRING_SEGMENT };
  sdx_status status = write_begin(&w, b->index, b->now, false, err);
  if (status != SDX_OK) return status;
  w.visible = false;
  status = write_add_keys(&w, &request, 1, err);
  if (status == SDX_OK) {
    b->id = request.id;
    b->key = request.key;
    b->lock = write_build_lock(b->index, b->id);
    if (b->lock < 0) status = error_system(err, errno, "cannot lock the index directory");
  }
  if (status == SDX_OK) {
    const holder_row row = { .kind = HOLDER_BUILD, .id = b->id, .time = b->now,
                             .was = KEYRING_SEGMENT };
    status = holder_put(w.store, NULL, &row, err);
  }
  if (status == SDX_OK) return write_commit(&w, err);
  write_abort(&w);
  return status;
}

static sdx_status enter_inside(segment_build *b, sdx_error *err) {
  key_request request = { .kind = KEYRING_SEGMENT };
  const sdx_status status = write_add_keys(b->inside, &request, 1, err);
  b->id = request.id;
  b->key = request.key;
  return status;
}

sdx_status build_begin(segment_build *b, sdx_index *index, int64_t now, write_txn *inside,
                       sdx_error *err) {
  *b = (segment_build){ .index = index, .now = now, .inside = inside, .lock = -1 };
  nonce_pool_start(&b->pool);
  const sdx_status status = inside != NULL ? enter_inside(b, err) : enter(b, err);
  if (status == SDX_OK) blocks_of(&b->blocks, index->index_id, b->id, b->key);
  else build_end(b);
  return status;
}

static sdx_status run_enter(void *context, sdx_error *err) {
  segment_build *b = context;
  const sdx_status status = enter(b, err);
  if (status == SDX_OK) blocks_of(&b->blocks, b->index->index_id, b->id, b->key);
  return status;
}

void build_send(segment_build *b, sdx_index *index, int64_t now, errand_runner *runner) {
  *b = (segment_build){ .index = index, .now = now, .lock = -1, .runner = runner,
                        .errand = { .run = run_enter, .context = b } };
  nonce_pool_start(&b->pool);
  errand_send(runner, &b->errand);
}

sdx_status build_await(segment_build *b, sdx_error *err) {
  return b->runner != NULL ? errand_wait(b->runner, &b->errand, err) : SDX_OK;
}

static int by_key(const void *a, const void *b) {
  return memcmp(*(const uint8_t *const *)a, *(const uint8_t *const *)b, BLOCKS_KEY_SIZE);
}

/* In key order, so that neighbours in the tree are written together. */
static sdx_status put_blocks(sdx_index *index, store_txn *t, const uint8_t *blocks, size_t count,
                             sdx_error *err) {
  const uint8_t *order[PENDING_MAX];
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < count; i++) order[i] = blocks + i * PENDING_SIZE;
  qsort(order, count, sizeof *order, by_key);
  for (size_t i = 0; i < count && status == SDX_OK; i++)
    status = store_put_new(t, STORE_BLOCKS, order[i], BLOCKS_KEY_SIZE, order[i] + BLOCKS_KEY_SIZE,
                           STORE_BLOCK_SIZE, err);
  if (status == SDX_OK) atomic_fetch_add(&index->count_bytes_written, count * STORE_BLOCK_SIZE);
  return status;
}

/* The front is whole when the last blocks are there. */
static sdx_status put_all(segment_build *b, store_txn *t, const uint8_t *blocks, size_t count, bool last,
                          sdx_error *err) {
  const sdx_status status = put_blocks(b->index, t, blocks, count, err);
  if (status != SDX_OK || !last) return status;
  atomic_fetch_add(&b->index->count_bytes_written, b->front.size);
  return blocks_put_front(&b->blocks, t, b->front.data, b->front.size / STORE_BLOCK_SIZE, err);
}

static sdx_status commit_blocks(segment_build *b, const uint8_t *blocks, size_t count, bool last,
                                sdx_error *err) {
  write_txn w;
  sdx_status status = write_begin(&w, b->index, b->now, false, err);
  if (status != SDX_OK) return status;
  w.visible = false;
  status = put_all(b, w.store, blocks, count, last, err);
  if (status == SDX_OK) status = write_commit(&w, err);
  else write_abort(&w);
  store_release_map(b->index->store);
  if (status == SDX_OK && b->between != NULL) b->between(b->context);
  return status;
}

static sdx_status run_commit(void *context, sdx_error *err) {
  segment_build *b = context;
  return commit_blocks(b, b->handed, b->handed_count, false, err);
}

/* A batch has many builds that are finished and not published. */
static sdx_status run_last_commit(void *context, sdx_error *err) {
  segment_build *b = context;
  const sdx_status status = commit_blocks(b, b->handed, b->handed_count, true, err);
  plain_free(b->handed);
  b->handed = NULL;
  buffer_free(&b->front);
  return status;
}

/* What was handed over before has to be written first: there are two buffers. */
static sdx_status hand_over(segment_build *b, bool last, sdx_error *err) {
  const sdx_status status = errand_wait(b->runner, &b->errand, err);
  if (status != SDX_OK) return status;
  uint8_t *empty = b->handed;
  b->handed = b->pending;
  b->handed_count = b->pending_count;
  b->pending = empty;
  b->errand.run = last ? run_last_commit : run_commit;
  errand_send(b->runner, &b->errand);
  return SDX_OK;
}

static sdx_status flush(segment_build *b, bool last, sdx_error *err) {
  sdx_status status;
  if (b->pending_count == 0 && !last) return SDX_OK;
  if (b->runner != NULL) status = hand_over(b, last, err);
  else if (b->inside == NULL) status = commit_blocks(b, b->pending, b->pending_count, last, err);
  else status = put_all(b, b->inside->store, b->pending, b->pending_count, last, err);
  if (status == SDX_OK) b->pending_count = 0;
  return status;
}

static sdx_status put_in_front(segment_build *b, segment_stream stream, uint32_t number, uint32_t place,
                               const uint8_t plain[BLOCK_PLAIN], sdx_error *err) {
  const size_t at = (size_t)place * STORE_BLOCK_SIZE, end = at + STORE_BLOCK_SIZE;
  if (end > b->front.size && !buffer_reserve(&b->front, end - b->front.size)) return error_memory(err);
  if (end > b->front.size) b->front.size = end;
  blocks_seal(&b->blocks, b->inside != NULL ? &b->inside->pool : &b->pool, stream, number, plain,
              b->front.data + at);
  return SDX_OK;
}

static sdx_status put_block(void *context, segment_stream stream, uint32_t number,
                            const uint8_t plain[BLOCK_PLAIN], sdx_error *err) {
  segment_build *b = context;
  uint32_t place;
  if (blocks_in_front(stream, number, &place))
    return put_in_front(b, stream, number, place, plain, err);
  const size_t most = b->runner != NULL ? PENDING_SENT : PENDING_MAX;
  if (b->pending == NULL) b->pending = plain_alloc(most * PENDING_SIZE);
  if (b->pending == NULL) return error_memory(err);
  uint8_t *at = b->pending + b->pending_count * PENDING_SIZE;
  blocks_key(&b->blocks, stream, number, at);
  blocks_seal(&b->blocks, b->inside != NULL ? &b->inside->pool : &b->pool, stream, number, plain,
              at + BLOCKS_KEY_SIZE);
  b->pending_count++;
  return b->pending_count < most ? SDX_OK : flush(b, false, err);
}

block_sink build_sink(segment_build *b) { return (block_sink){ .put = put_block, .context = b }; }

sdx_status build_finish(segment_build *b, const attributes *a, sdx_error *err) {
  buffer encoded = BUFFER_INIT;
  attributes_encode(&encoded, a);
  sdx_status status = encoded.failed ? error_memory(err) : blocks_attributes_pad(&encoded, err);
  for (size_t at = 0; at < encoded.size && status == SDX_OK; at += BLOCK_PLAIN)
    status = put_block(b, STREAM_ATTRIBUTES, (uint32_t)(at / BLOCK_PLAIN), encoded.data + at, err);
  b->attributes_size = (uint32_t)encoded.size;
  buffer_free(&encoded);
  if (status == SDX_OK) status = flush(b, true, err);
  plain_free(b->pending);
  b->pending = NULL;
  return status;
}

sdx_status build_publish(segment_build *b, write_txn *w, const segment_info *info, sdx_error *err) {
  const holder_row row = { .kind = HOLDER_SEGMENT, .id = b->id, .items = info->items,
                           .number = info->blocks, .attributes_size = b->attributes_size,
                           .format = info->format, .analyser = info->analyser, .time = b->now,
                           .was = KEYRING_SEGMENT };
  sdx_status status = SDX_OK;
  if (b->inside == NULL) {
    holder_row unpublished;
    status = holder_get(w->store, NULL, HOLDER_BUILD, b->id, &unpublished, err);
    if (status == SDX_NOT_FOUND)
      return error_set(err, SDX_DAMAGED, "segment %016llx was collected before it was published",
                       (unsigned long long)b->id);
    if (status == SDX_OK) status = holder_delete(w->store, HOLDER_BUILD, b->id, err);
  }
  return status == SDX_OK ? holder_put(w->store, w->index->row_key, &row, err) : status;
}

void build_end(segment_build *b) {
  if (b->index == NULL) return;
  if (b->lock >= 0) close(b->lock);
  nonce_pool_stop(&b->pool);
  seal_key_free(b->key);
  plain_free(b->pending);
  plain_free(b->handed);
  buffer_free(&b->front);
  *b = (segment_build){ .lock = -1 };
}
