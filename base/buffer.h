/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * buffer.h - a growable byte buffer for encoders, with a sticky failure flag.
 *
 * An encoder puts bytes without looking and asks once at the end: if `failed` is set, memory ran
 * out on the way and the contents mean nothing. Whatever leaves the buffer (growth, reset, free)
 * is wiped, since it may be plaintext.
 *
 * Numbers are little-endian; a varint is LEB128: seven bits a byte, least significant first, the
 * top bit set on all bytes but the last.
 */
#ifndef SEALDEX_BASE_BUFFER_H
#define SEALDEX_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct buffer {
  uint8_t *data;
  size_t size;
  size_t capacity;
  bool failed;
} buffer;

#define BUFFER_INIT { 0 }

/* Makes room for `more` bytes behind `size`; false (and `failed`) where memory ran out. */
bool buffer_reserve(buffer *b, size_t more);
void buffer_put(buffer *b, const void *bytes, size_t size);
void buffer_put_u8(buffer *b, uint8_t v);
void buffer_put_u16(buffer *b, uint16_t v);
void buffer_put_u32(buffer *b, uint32_t v);
void buffer_put_u64(buffer *b, uint64_t v);
void buffer_put_varint(buffer *b, uint64_t v);
void buffer_put_zigzag(buffer *b, int64_t v); /* varint of (v << 1) ^ (v >> 63) */
void buffer_put_string(buffer *b, const void *bytes, size_t size); /* varint length, bytes */
/* Wipes what is behind the first `size` bytes, of which there must be so many. */
void buffer_cut(buffer *b, size_t size);
/* Wipes the contents and keeps the memory. */
void buffer_reset(buffer *b);
/* Wipes and frees; the buffer is as after BUFFER_INIT. */
void buffer_free(buffer *b);

#endif
