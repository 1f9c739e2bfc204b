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

/* Keeps up to 63 bits in a register: a code costs a count of zeros and a shift, and the loads that
 * refill it are not waited for. */
typedef struct bit_reader {
  const uint8_t *at, *end; /* bytes not yet loaded */
  uint64_t word;           /* the next bits, lowest first */
  unsigned have;           /* of them */
  unsigned missing;        /* zero bytes that were taken from behind the end */
  bool damaged;            /* a code that no writer writes */
} bit_reader;

static inline bit_reader bits_over(const void *bytes, size_t size) {
  const uint8_t *at = (const uint8_t *)bytes;
  return (bit_reader){ .at = at, .end = at + size };
}

/* Rare paths take and return the reader by value: were its address taken, it could not live in
 * registers where it is used. */
#define BITS_RARE static __attribute__((noinline, unused))
#define BITS_HOT static inline __attribute__((always_inline, unused))

BITS_RARE bit_reader bits_refill_at_end(bit_reader r) {
  r.word &= (UINT64_C(1) << r.have) - 1; /* what other refills left above */
  for (; r.have <= 55; r.have += 8) {
    if (r.at < r.end)
      r.word |= (uint64_t)*r.at++ << r.have;
    else
      r.missing++;
  }
  return r;
}

/* Makes `have` at least 56. */
BITS_HOT void bits_refill(bit_reader *r) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  if (__builtin_expect(r->end - r->at >= 8, 1)) {
    uint64_t next;
    memcpy(&next, r->at, 8);
    r->word |= next << r->have;
    r->at += (63 - r->have) >> 3;
    r->have |= 56;
    return;
  }
#endif
  *r = bits_refill_at_end(*r);
}

BITS_HOT uint32_t bits_get(bit_reader *r, unsigned count) { /* count <= 32 */
  bits_refill(r);
  const uint32_t v = (uint32_t)(r->word & ((UINT64_C(1) << count) - 1));
  r->word >>= count;
  r->have -= count;
  return v;
}

/* A code of more than 56 bits, or none at all. */
BITS_RARE bit_reader bits_get_golomb_long(bit_reader r, unsigned k, uint32_t *out) {
  const unsigned e = r.word != 0 ? (unsigned)__builtin_ctzll(r.word) : 64;
  *out = 0;
  if (k + e > 32) {
    r.damaged = true;
    r.word = 0;
    r.have = 0;
    return r;
  }
  (void)bits_get(&r, e);
  (void)bits_get(&r, 1);
  const uint64_t v = (uint64_t)bits_get(&r, k + e) + (((UINT64_C(1) << e) - 1) << k);
  if (v > UINT32_MAX) r.damaged = true;
  *out = (uint32_t)v;
  return r;
}

BITS_HOT uint32_t bits_get_golomb(bit_reader *r, unsigned k) {
  bits_refill(r);
  /* The bit set on top makes a word of zeros a code that is too long. */
  const unsigned e = (unsigned)__builtin_ctzll(r->word | UINT64_C(1) << 63);
  const unsigned cost = 2 * e + 1 + k;
  if (__builtin_expect(cost > 56, 0)) {
    uint32_t v;
    *r = bits_get_golomb_long(*r, k, &v);
    return v;
  }
  const uint64_t bucket = UINT64_C(1) << (k + e); /* its size; it begins at this less 2^k */
  const uint64_t offset = (r->word >> (e + 1)) & (bucket - 1);
  r->word >>= cost;
  r->have -= cost;
  return (uint32_t)(offset + bucket - (UINT64_C(1) << k));
}

static inline uint64_t bits_left(const bit_reader *r) {
  const uint64_t loaded = (uint64_t)(r->end - r->at) * 8 + r->have, zeros = (uint64_t)r->missing * 8;
  return loaded > zeros ? loaded - zeros : 0;
}

/* Nothing was read from behind the end. */
static inline bool bits_ok(const bit_reader *r) {
  return !r->damaged && (uint64_t)r->missing * 8 <= (uint64_t)r->have;
}

/* Bytes read since `bytes`, at which the reader began; the last perhaps in part. */
static inline size_t bits_bytes(const bit_reader *r, const void *bytes) {
  return (size_t)(r->at - (const uint8_t *)bytes) + r->missing - r->have / 8;
}

#endif
