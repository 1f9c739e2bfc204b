/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cursor.h - reading encoded bytes that may be anything.
 *
 * A decoder takes (pointer, end) and survives any bytes: every read checks the end; the first one
 * that does not fit sets `failed` and from then on all reads return 0 and move nothing. Ask once
 * at the end. The encodings are those of buffer.h.
 */
#ifndef SEALDEX_BASE_CURSOR_H
#define SEALDEX_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct cursor {
  const uint8_t *at;
  const uint8_t *end;
  bool failed;
} cursor;

static inline cursor cursor_over(const void *bytes, size_t size) {
  const uint8_t *at = (const uint8_t *)bytes;
  return (cursor){ .at = at, .end = at + size, .failed = false };
}

static inline size_t cursor_left(const cursor *c) { return (size_t)(c->end - c->at); }

/* Borrows `size` bytes and moves past them; NULL where they are not there. */
static inline const uint8_t *cursor_get(cursor *c, size_t size) {
  if (c->failed || size > cursor_left(c)) {
    c->failed = true;
    return NULL;
  }
  const uint8_t *bytes = c->at;
  c->at += size;
  return bytes;
}

static inline uint64_t cursor_get_little_endian(cursor *c, size_t size) {
  const uint8_t *bytes = cursor_get(c, size);
  uint64_t v = 0;
  if (bytes != NULL)
    for (size_t i = 0; i < size; i++) v |= (uint64_t)bytes[i] << (8 * i);
  return v;
}

static inline uint8_t cursor_get_u8(cursor *c) { return (uint8_t)cursor_get_little_endian(c, 1); }
static inline uint16_t cursor_get_u16(cursor *c) { return (uint16_t)cursor_get_little_endian(c, 2); }
static inline uint32_t cursor_get_u32(cursor *c) { return (uint32_t)cursor_get_little_endian(c, 4); }
static inline uint64_t cursor_get_u64(cursor *c) { return cursor_get_little_endian(c, 8); }

static inline uint64_t cursor_get_varint(cursor *c) {
  if (!c->failed && c->at < c->end && *c->at < 0x80) return *c->at++; /* most are small */
  uint64_t v = 0;
  for (unsigned shift = 0; shift < 64 && !c->failed && c->at < c->end; shift += 7) {
    const uint8_t byte = *c->at++;
    if (shift == 63 && byte > 1) break;
    v |= (uint64_t)(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return v;
  }
  c->failed = true;
  return 0;
}

static inline int64_t cursor_get_zigzag(cursor *c) {
  const uint64_t v = cursor_get_varint(c);
  return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* A varint length and so many bytes; *size is 0 and the result NULL where they are not there. */
static inline const uint8_t *cursor_get_string(cursor *c, size_t *size) {
  const uint64_t length = cursor_get_varint(c);
  const uint8_t *bytes = length <= cursor_left(c) ? cursor_get(c, (size_t)length) : NULL;
  if (bytes == NULL) c->failed = true;
  *size = bytes != NULL ? (size_t)length : 0;
  return bytes;
}

#endif
