/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/blocks.h"

#include <string.h>

#include "base/error.h"
#include "base/wipe.h"
#include "index/bytes.h"
#include "index/meta.h"

#define NAME_SIZE 5
#define FRONT 255 /* the name of no stream */

static const char ad_label[13] = "sealdex block";
static const char place_label[] = "sealdex block place";

static void block_name(uint8_t name[NAME_SIZE], unsigned stream, uint32_t number) {
  name[0] = (uint8_t)stream;
  put_le(name + 1, number, 4);
}

bool blocks_in_front(segment_stream stream, uint32_t number, uint32_t *place) {
  *place = stream == STREAM_LENGTHS ? number + 1 : 0;
  return stream == STREAM_MANIFEST || stream == STREAM_LENGTHS;
}

void blocks_of(sealed_blocks *out, const uint8_t index_id[16], holder_id id, const seal_key *key) {
  uint8_t hash[32];
  out->id = id;
  out->key = key;
  secret_hash(hash, sizeof hash, seal_key_secret(key), place_label, sizeof place_label - 1);
  memcpy(out->place, hash, sizeof out->place);
  wipe(hash, sizeof hash);
  memcpy(out->ad, ad_label, sizeof ad_label);
  put_le(out->ad + 13, META_FORMAT, 2);
  memcpy(out->ad + 15, index_id, 16);
  put_be(out->ad + 31, id, 8);
  memset(out->ad + 39, 0, 5);
}

static void key_of(const sealed_blocks *b, unsigned stream, uint32_t number,
                   uint8_t key[BLOCKS_KEY_SIZE]) {
  uint8_t name[NAME_SIZE];
  block_name(name, stream, number);
  put_be(key, b->id, 8);
  put_be(key + 8, crypto_short_hash(b->place, name, sizeof name), 8);
}

void blocks_key(const sealed_blocks *b, segment_stream stream, uint32_t number,
                uint8_t key[BLOCKS_KEY_SIZE]) {
  uint32_t place;
  if (blocks_in_front(stream, number, &place))
    key_of(b, FRONT, place / BLOCKS_RUN, key);
  else
    key_of(b, stream, number, key);
}

sdx_status blocks_put_front(const sealed_blocks *b, store_txn *t, const uint8_t *sealed, size_t count,
                            sdx_error *err) {
  uint8_t key[BLOCKS_KEY_SIZE];
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < count && status == SDX_OK; i += BLOCKS_RUN) {
    const size_t run = count - i < BLOCKS_RUN ? count - i : BLOCKS_RUN;
    key_of(b, FRONT, (uint32_t)(i / BLOCKS_RUN), key);
    status = store_put_new(t, STORE_BLOCKS, key, sizeof key, sealed + i * STORE_BLOCK_SIZE,
                           run * STORE_BLOCK_SIZE, err);
  }
  return status;
}

static void block_ad(const sealed_blocks *b, segment_stream stream, uint32_t number,
                     uint8_t ad[BLOCKS_AD_SIZE]) {
  memcpy(ad, b->ad, 39);
  block_name(ad + 39, stream, number);
}

void blocks_seal(const sealed_blocks *b, nonce_pool *pool, segment_stream stream, uint32_t number,
                 const uint8_t plain[BLOCK_PLAIN], uint8_t sealed[STORE_BLOCK_SIZE]) {
  uint8_t ad[BLOCKS_AD_SIZE];
  block_ad(b, stream, number, ad);
  seal(sealed, b->key, pool, ad, sizeof ad, plain, BLOCK_PLAIN);
}

sdx_status blocks_get(const sealed_blocks *b, store_txn *t, segment_stream stream, uint32_t number,
                      uint8_t plain[BLOCK_PLAIN], sdx_error *err) {
  uint8_t key[BLOCKS_KEY_SIZE], ad[BLOCKS_AD_SIZE], room[STORE_PAGE];
  sdx_bytes value;
  uint32_t place;
  (void)blocks_in_front(stream, number, &place); /* 0 where it does not */
  blocks_key(b, stream, number, key);
  const sdx_status status = store_get_block(
      t, key, sizeof key, (size_t)(place % BLOCKS_RUN) * STORE_BLOCK_SIZE, room, &value, err);
  if (status == SDX_NOT_FOUND)
    return error_set(err, SDX_DAMAGED, "segment %016llx: a block is missing", (unsigned long long)b->id);
  if (status != SDX_OK) return status;
  block_ad(b, stream, number, ad);
  if (value.size == STORE_BLOCK_SIZE &&
      unseal(plain, b->key, ad, sizeof ad, (const uint8_t *)value.data, value.size) == SDX_OK)
    return SDX_OK;
  return error_set(err, SDX_DAMAGED, "segment %016llx: a block does not open",
                   (unsigned long long)b->id);
}

/* ------------------------------------------------------------------ the attribute object */

#define SIZE_SIZE 4

size_t blocks_attributes_count(size_t size) { return (size + BLOCK_PLAIN - 1) / BLOCK_PLAIN; }

static uint32_t attribute_block(uint32_t version, size_t i) { return version << 16 | (uint32_t)i; }

sdx_status blocks_attributes_pad(buffer *encoded, sdx_error *err) {
  const size_t size = encoded->size, whole = blocks_attributes_count(size + SIZE_SIZE) * BLOCK_PLAIN;
  if (whole > BLOCKS_ATTRIBUTES_MAX)
    return error_set(err, SDX_INVALID, "a segment's attributes are too big");
  if (!buffer_reserve(encoded, whole - size)) return error_memory(err);
  memset(encoded->data + size, 0, whole - size);
  put_le(encoded->data + whole - SIZE_SIZE, size, SIZE_SIZE);
  encoded->size = whole;
  return SDX_OK;
}

/* What was read, without what it was padded with. */
static sdx_status unpad(const sealed_blocks *b, buffer *out, size_t from, sdx_error *err) {
  const size_t whole = out->size - from;
  const size_t size = whole > 0 ? (size_t)get_le(out->data + out->size - SIZE_SIZE, SIZE_SIZE) : 0;
  if (size + SIZE_SIZE > whole && whole > 0)
    return error_set(err, SDX_DAMAGED, "segment %016llx: its attributes are damaged",
                     (unsigned long long)b->id);
  out->size = from + size;
  return SDX_OK;
}

#define AHEAD_AT_ONCE 128

static void attributes_ahead(const sealed_blocks *b, store_txn *t, uint32_t version, size_t count) {
  uint8_t keys[AHEAD_AT_ONCE][BLOCKS_KEY_SIZE];
  if (count > AHEAD_AT_ONCE) count = AHEAD_AT_ONCE;
  for (size_t i = 0; i < count; i++)
    blocks_key(b, STREAM_ATTRIBUTES, attribute_block(version, i), keys[i]);
  (void)store_ahead(t, STORE_BLOCKS, keys[0], BLOCKS_KEY_SIZE, count);
}

sdx_status blocks_attributes_get(const sealed_blocks *b, store_txn *t, uint32_t version, size_t size,
                                 buffer *out, sdx_error *err) {
  const size_t from = out->size, count = blocks_attributes_count(size);
  if (!buffer_reserve(out, count * BLOCK_PLAIN)) return error_memory(err);
  sdx_status status = SDX_OK;
  attributes_ahead(b, t, version, count);
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    status = blocks_get(b, t, STREAM_ATTRIBUTES, attribute_block(version, i), out->data + out->size,
                        err);
    out->size += BLOCK_PLAIN;
  }
  return status == SDX_OK ? unpad(b, out, from, err) : status;
}

sdx_status blocks_attributes_put(const sealed_blocks *b, store_txn *t, nonce_pool *pool,
                                 uint32_t version, const buffer *encoded, sdx_error *err) {
  uint8_t key[BLOCKS_KEY_SIZE], sealed[STORE_BLOCK_SIZE];
  sdx_status status = SDX_OK;
  const size_t count = blocks_attributes_count(encoded->size);
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    blocks_key(b, STREAM_ATTRIBUTES, attribute_block(version, i), key);
    blocks_seal(b, pool, STREAM_ATTRIBUTES, attribute_block(version, i),
                encoded->data + i * BLOCK_PLAIN, sealed);
    status = store_put(t, STORE_BLOCKS, key, sizeof key, sealed, sizeof sealed, err);
  }
  return status;
}

sdx_status blocks_attributes_delete(const sealed_blocks *b, store_txn *t, uint32_t version,
                                    size_t size, sdx_error *err) {
  uint8_t key[BLOCKS_KEY_SIZE];
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < blocks_attributes_count(size) && status == SDX_OK; i++) {
    blocks_key(b, STREAM_ATTRIBUTES, attribute_block(version, i), key);
    status = store_delete(t, STORE_BLOCKS, key, sizeof key, err);
  }
  return status;
}
