/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bits.h - streams of bits, least significant first, and the one variable-length code in them.
 *
 * Exponential Golomb of order k: a value v lies in bucket e, where bucket e holds the 2^(k+e) values
 * from ((2^e) - 1) * 2^k on; written are e zero bits, a one bit, and k+e bits of the offset in the
 * bucket. It is short where values are spread around 2^k and stays short on long tails, which is
 * how gaps and positions of words are: both clump.
 *
 * The writer writes into room that the caller has measured (bits_cost); the reader takes any bytes:
 * behind the end it reads zeros, and bits_ok() tells.
 */
#ifndef SEALDEX_SEGMENT_BITS_H
#define SEALDEX_SEGMENT_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BITS_ORDER_MAX 31

typedef struct bit_writer {
  uint8_t *at;
  uint64_t word;
  unsigned used; /* bits in `word`, below 32 between calls */
} bit_writer;

/* Bits that bits_put_golomb takes. */
static inline unsigned bits_cost(uint32_t v, unsigned k) {
  const unsigned e = 63u - (unsigned)__builtin_clzll(((uint64_t)v >> k) + 1);
  return 2 * e + 1 + k;
}

static inline void bits_put(bit_writer *w, uint32_t v, unsigned count) { /* count <= 32 */
  w->word |= (uint64_t)v << w->used;
  w->used += count;
  if (w->used >= 32) {
    const uint32_t low = (uint32_t)w->word;
    for (unsigned i = 0; i < 4; i++) w->at[i] = (uint8_t)(low >> (8 * i));
    w->at += 4;
    w->word >>= 32;
    w->used -= 32;
  }
}

static inline void bits_put_golomb(bit_writer *w, uint32_t v, unsigned k) {
  const uint64_t bucket = ((uint64_t)v >> k) + 1;
  const unsigned e = 63u - (unsigned)__builtin_clzll(bucket);
  if (e == 32) { /* the top of 32 bits, of order 0 */
    bits_put(w, 0, 32);
    bits_put(w, 1, 1);
  } else {
    bits_put(w, 1u << e, e + 1);
  }
  bits_put(w, (uint32_t)(v - (((UINT64_C(1) << e) - 1) << k)), k + e); /* never above 32 */
}

/* Completes the last byte; returns the end. */
static inline uint8_t *bits_finish(bit_writer *w) {
  for (; w->used > 0; w->used = w->used > 8 ? w->used - 8 : 0) {
    *w->at++ = (uint8_t)w->word;
    w->word >>= 8;
  }
  return w->at;
}

typedef struct bit_reader {
  const uint8_t *bytes;
  size_t size;
  uint64_t bit;  /* the next one */
  bool damaged;  /* a code that no writer writes */
} bit_reader;

static inline bit_reader bits_over(const void *bytes, size_t size) {
  return (bit_reader){ .bytes = (const uint8_t *)bytes, .size = size, .bit = 0, .damaged = false };
}

/* At least 57 bits from the next one on. */
static inline uint64_t bits_peek(const bit_reader *r) {
  const uint64_t at = r->bit >> 3;
  uint64_t word = 0;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  if (__builtin_expect(at + 8 <= r->size, 1)) {
    memcpy(&word, r->bytes + at, 8);
    return word >> (r->bit & 7);
  }
#endif
  for (uint64_t i = at; i < r->size && i < at + 8; i++) word |= (uint64_t)r->bytes[i] << (8 * (i - at));
  return word >> (r->bit & 7);
}

static inline uint32_t bits_get(bit_reader *r, unsigned count) { /* count <= 32 */
  const uint64_t word = bits_peek(r);
  r->bit += count;
  return (uint32_t)(word & ((UINT64_C(1) << count) - 1));
}

static inline uint32_t bits_get_golomb_long(bit_reader *r, unsigned k, unsigned e) {
  if (k + e > 32) {
    r->damaged = true;
    return 0;
  }
  r->bit += e + 1;
  const uint64_t offset = bits_get(r, k + e);
  const uint64_t v = offset + (((UINT64_C(1) << e) - 1) << k);
  if (v > UINT32_MAX) r->damaged = true;
  return (uint32_t)v;
}

static inline uint32_t bits_get_golomb(bit_reader *r, unsigned k) {
  const uint64_t word = bits_peek(r);
  if (__builtin_expect(word == 0, 0)) {
    r->damaged = true;
    r->bit += 64;
    return 0;
  }
  const unsigned e = (unsigned)__builtin_ctzll(word);
  const unsigned cost = 2 * e + 1 + k;
  if (__builtin_expect(cost > 57, 0)) return bits_get_golomb_long(r, k, e);
  r->bit += cost;
  const uint64_t offset = (word >> (e + 1)) & ((UINT64_C(1) << (k + e)) - 1);
  return (uint32_t)(offset + (((UINT64_C(1) << e) - 1) << k));
}

static inline uint64_t bits_left(const bit_reader *r) {
  const uint64_t total = (uint64_t)r->size * 8;
  return r->bit < total ? total - r->bit : 0;
}

static inline bool bits_ok(const bit_reader *r) {
  return !r->damaged && r->bit <= (uint64_t)r->size * 8;
}

#endif
