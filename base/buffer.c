/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buffer.h"

#include <string.h>

#include "base/extent.h"
#include "base/wipe.h"

bool buffer_reserve(buffer *b, size_t more) {
  if (b->failed) return false;
  if (more <= b->capacity - b->size) return true;
  extent e = { .at = b->data, .room = b->capacity };
  if (more > SIZE_MAX / 4 || !extent_reserve(&e, b->size, b->size + more)) {
    b->failed = true;
    return false;
  }
  b->data = e.at;
  b->capacity = e.room;
  return true;
}

void buffer_put(buffer *b, const void *bytes, size_t size) {
  if (size == 0 || !buffer_reserve(b, size)) return;
  memcpy(b->data + b->size, bytes, size);
  b->size += size;
}

void buffer_put_u8(buffer *b, uint8_t v) {
  if (!buffer_reserve(b, 1)) return;
  b->data[b->size++] = v;
}

static void put_little_endian(buffer *b, uint64_t v, size_t size) {
  if (!buffer_reserve(b, size)) return;
  for (size_t i = 0; i < size; i++) b->data[b->size++] = (uint8_t)(v >> (8 * i));
}

void buffer_put_u16(buffer *b, uint16_t v) { put_little_endian(b, v, 2); }
void buffer_put_u32(buffer *b, uint32_t v) { put_little_endian(b, v, 4); }
void buffer_put_u64(buffer *b, uint64_t v) { put_little_endian(b, v, 8); }

void buffer_put_varint(buffer *b, uint64_t v) {
  if (!buffer_reserve(b, 10)) return;
  while (v >= 0x80) {
    b->data[b->size++] = (uint8_t)(v | 0x80);
    v >>= 7;
  }
  b->data[b->size++] = (uint8_t)v;
}

void buffer_put_zigzag(buffer *b, int64_t v) {
  buffer_put_varint(b, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

void buffer_put_string(buffer *b, const void *bytes, size_t size) {
  buffer_put_varint(b, size);
  buffer_put(b, bytes, size);
}

void buffer_cut(buffer *b, size_t size) {
  if (size == b->size) return;
  wipe(b->data + size, b->size - size);
  b->size = size;
}

void buffer_reset(buffer *b) {
  wipe(b->data, b->size);
  b->size = 0;
  b->failed = false;
}

void buffer_free(buffer *b) {
  extent e = { .at = b->data, .room = b->capacity };
  extent_free(&e, b->size);
  *b = (buffer)BUFFER_INIT;
}
