/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bytes.h - numbers in the keys and fixed-size rows of the store.
 *
 * Keys are big-endian, so that LMDB's byte order is their order; values are little-endian.
 */
#ifndef SEALDEX_INDEX_BYTES_H
#define SEALDEX_INDEX_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline void put_be(uint8_t *out, uint64_t v, size_t size) {
  for (size_t i = 0; i < size; i++) out[i] = (uint8_t)(v >> (8 * (size - 1 - i)));
}

static inline uint64_t get_be(const uint8_t *in, size_t size) {
  uint64_t v = 0;
  for (size_t i = 0; i < size; i++) v = v << 8 | in[i];
  return v;
}

static inline void put_le(uint8_t *out, uint64_t v, size_t size) {
  for (size_t i = 0; i < size; i++) out[i] = (uint8_t)(v >> (8 * i));
}

static inline uint64_t get_le(const uint8_t *in, size_t size) {
  uint64_t v = 0;
  for (size_t i = 0; i < size; i++) v |= (uint64_t)in[i] << (8 * i);
  return v;
}

/* Times in keys: the sign bit is flipped, so that times before 1970 sort first. */
static inline void put_be_time(uint8_t out[8], int64_t t) { put_be(out, (uint64_t)t ^ 1ULL << 63, 8); }
static inline int64_t get_be_time(const uint8_t in[8]) { return (int64_t)(get_be(in, 8) ^ 1ULL << 63); }

#endif
