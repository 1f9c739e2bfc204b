/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blocks.h - a segment's blocks as the store has them: sealed, under keys that tell nothing.
 *
 *   key    segment id (8, big-endian) | SipHash-2-4 of stream (1) and number (4, little-endian) (8)
 *   value  4,080 bytes: nonce field, 4,032 of ciphertext, tag
 *
 * What nearly every search reads, the manifest and behind it the lengths, is the segment's *front*: runs of at
 * most 64 such blocks, one behind the other in one value, which the disk reads at once. How many they are, only
 * the number of items says. A run's number stands in the place of a stream's, and 255 in that of the stream.
 *
 * The SipHash key is the first half of keyed BLAKE2b-256 of "sealdex block place" under the segment's
 * key. Associated data: "sealdex block" | format (2) | index id (16) | segment id (8, big-endian) |
 * stream (1) | number (4).
 */
#ifndef SEALDEX_INDEX_BLOCKS_H
#define SEALDEX_INDEX_BLOCKS_H

#include "base/buffer.h"
#include "index/index.h"

#define BLOCKS_KEY_SIZE 16
#define BLOCKS_AD_SIZE 44

typedef struct sealed_blocks {
  holder_id id;
  const seal_key *key;
  uint8_t place[16];
  uint8_t ad[BLOCKS_AD_SIZE]; /* all but stream and number */
} sealed_blocks;

/* Borrows `key`. */
void blocks_of(sealed_blocks *out, const uint8_t index_id[16], holder_id id, const seal_key *key);
/* Of the value that a block stands in. */
void blocks_key(const sealed_blocks *b, segment_stream stream, uint32_t number,
                uint8_t key[BLOCKS_KEY_SIZE]);

/* Blocks of a run. */
#define BLOCKS_RUN 64
/* Whether a block belongs to the front, and its place there. */
bool blocks_in_front(segment_stream stream, uint32_t number, uint32_t *place);
/* Puts a front of so many sealed blocks. */
sdx_status blocks_put_front(const sealed_blocks *b, store_txn *t, const uint8_t *sealed, size_t count,
                            sdx_error *err) SDX_CHECK;

void blocks_seal(const sealed_blocks *b, nonce_pool *pool, segment_stream stream, uint32_t number,
                 const uint8_t plain[BLOCK_PLAIN], uint8_t sealed[STORE_BLOCK_SIZE]);
/* SDX_DAMAGED, and the error names the segment, where the block is not there or does not open. */
sdx_status blocks_get(const sealed_blocks *b, store_txn *t, segment_stream stream, uint32_t number,
                      uint8_t plain[BLOCK_PLAIN], sdx_error *err) SDX_CHECK;

/* The attribute object of a segment: its encoding, zeros, and its size (4) at the end of the last block, cut
 * into blocks of STREAM_ATTRIBUTES, numbered version << 16 | i. Sizes are those of whole blocks: the
 * encoding's own would tell in clear how many labels and folders there are, and in how many items. */
#define BLOCKS_ATTRIBUTES_MAX ((size_t)65535 * BLOCK_PLAIN)
size_t blocks_attributes_count(size_t size);
/* Makes an encoding whole blocks. SDX_INVALID where it is too big. */
sdx_status blocks_attributes_pad(buffer *encoded, sdx_error *err) SDX_CHECK;
sdx_status blocks_attributes_get(const sealed_blocks *b, store_txn *t, uint32_t version, size_t size,
                                 buffer *out, sdx_error *err) SDX_CHECK;
/* `encoded` is padded. */
sdx_status blocks_attributes_put(const sealed_blocks *b, store_txn *t, nonce_pool *pool,
                                 uint32_t version, const buffer *encoded, sdx_error *err) SDX_CHECK;
sdx_status blocks_attributes_delete(const sealed_blocks *b, store_txn *t, uint32_t version,
                                    size_t size, sdx_error *err) SDX_CHECK;

#endif
