/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bits.h - streams of bits, least significant first, and the one variable-length code in them.
 *
 * Exponential Golomb of order k: a value v lies in bucket e, where bucket e holds the 2^(k+e) values
 * from ((2^e) - 1) * 2^k on; written are e zero bits, a one bit, and k+e bits of the offset in the
 * bucket. It is short where values are spread around 2^k and stays short on long tails, which is
 * how gaps and positions of words are: both clump.
 *
 * The writer writes into room that the caller has measured (bits_cost); the reader takes any bytes,
 * and bits_ok() tells whether it came behind the end.
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

/* Reading. Up to 63 bits are kept in a register: a code costs a count of zeros and a shift, and the
 * loads that refill it are not waited for. There is no branch for the end: BITS_PAD bytes behind the
 * stream must be readable, whatever they hold, and a reader that comes there stays there. */
#define BITS_PAD 16u

typedef struct bit_reader {
  const uint8_t *at;    /* what is loaded next */
  const uint8_t *limit; /* as far as that goes: 8 bytes behind the stream */
  uint64_t word;        /* the next bits, lowest first */
  unsigned have;        /* of them */
} bit_reader;

#define BITS_HOT static inline __attribute__((always_inline, unused))

/* Functions that read many codes are compiled a second time for processors whose shifts by a variable take
 * one step; which one runs is settled when the library is loaded. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define BITS_CLONES __attribute__((target_clones("bmi2", "default")))
#else
#define BITS_CLONES
#endif

BITS_HOT bit_reader bits_over(const void *bytes, size_t size) {
  const uint8_t *at = (const uint8_t *)bytes;
  return (bit_reader){ .at = at, .limit = at + size + 8, .word = 0, .have = 0 };
}

/* Where the reader stands, in bits since `bytes`, at which it began. */
BITS_HOT uint64_t bits_told(const bit_reader *r, const void *bytes) {
  return (uint64_t)(r->at - (const uint8_t *)bytes) * 8 - r->have;
}

/* Field by field: a whole struct that was just written in parts is slow to copy. */
BITS_HOT void bits_save(bit_reader *to, const bit_reader *from) {
  to->at = from->at;
  to->word = from->word;
  to->have = from->have;
}

/* Makes `have` at least 56. */
BITS_HOT void bits_refill(bit_reader *r) {
  uint64_t next;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  memcpy(&next, r->at, 8);
#else
  next = 0;
  for (unsigned i = 0; i < 8; i++) next |= (uint64_t)r->at[i] << (8 * i);
#endif
  r->word |= next << r->have;
  r->at += (63 - r->have) >> 3;
  r->at = r->at < r->limit ? r->at : r->limit;
  r->have |= 56;
}

BITS_HOT uint32_t bits_take(bit_reader *r, unsigned count) {
  const uint32_t v = (uint32_t)(r->word & ((UINT64_C(1) << count) - 1));
  r->word >>= count;
  r->have -= count;
  return v;
}

BITS_HOT uint32_t bits_get(bit_reader *r, unsigned count) { /* count <= 32 */
  bits_refill(r);
  return bits_take(r, count);
}

/* Gives up: bits_ok says so from then on. */
BITS_HOT void bits_break(bit_reader *r) {
  r->at = r->limit;
  r->word = 0;
  r->have = 0;
}

BITS_HOT uint32_t bits_get_golomb(bit_reader *r, unsigned k) {
  bits_refill(r);
  /* The bit set on top makes a word of zeros a code that is too long. */
  const unsigned e = (unsigned)__builtin_ctzll(r->word | UINT64_C(1) << 63);
  const unsigned cost = 2 * e + 1 + k;
  if (__builtin_expect(k + e > 31 || cost > 56, 0)) {
    if (k + e > 32) {
      bits_break(r);
      return 0;
    }
    (void)bits_take(r, e + 1);
    return (uint32_t)(bits_get(r, k + e) + (UINT64_C(1) << (k + e)) - (UINT64_C(1) << k));
  }
  const uint32_t bucket = 1u << (k + e); /* its size; it begins at this less 2^k */
  const uint32_t offset = (uint32_t)(r->word >> (e + 1)) & (bucket - 1);
  r->word >>= cost;
  r->have -= cost;
  return offset + bucket - (1u << k);
}

/* A reader that begins at a bit. */
BITS_HOT bit_reader bits_from(const void *bytes, size_t size, uint64_t bit) {
  bit_reader r = bits_over(bytes, size);
  if (bit / 8 > size) {
    bits_break(&r);
    return r;
  }
  r.at += bit / 8;
  (void)bits_get(&r, (unsigned)(bit % 8));
  return r;
}

/* Takes the next code out of what the register holds, without a refill; false where it is not whole there,
 * or longer than 31 bits behind its zeros: bits_get_golomb reads it. */
BITS_HOT bool bits_take_golomb(bit_reader *r, unsigned k, uint32_t *v) {
  const unsigned e = (unsigned)__builtin_ctzll(r->word | UINT64_C(1) << 63);
  const unsigned cost = 2 * e + 1 + k;
  if (__builtin_expect(cost > r->have || k + e > 31, 0)) return false;
  const uint32_t bucket = 1u << (k + e);
  *v = ((uint32_t)(r->word >> (e + 1)) & (bucket - 1)) + bucket - (1u << k);
  r->word >>= cost;
  r->have -= cost;
  return true;
}

/* The bits of the code that a word begins with; the word then begins behind it. Up to 127, and then the word
 * means nothing. */
BITS_HOT unsigned bits_pass(uint64_t *word, unsigned k) {
  const unsigned cost = 2 * (unsigned)__builtin_ctzll(*word | UINT64_C(1) << 63) + 1 + k;
  *word >>= cost & 63;
  return cost;
}

/* The same with its value, which means something where codes that were taken together fit 56 bits: no code of
 * three has more than 31 behind its zeros then. */
BITS_HOT unsigned bits_pass_golomb(uint64_t *word, unsigned k, uint32_t *v) {
  const unsigned e = (unsigned)__builtin_ctzll(*word | UINT64_C(1) << 63);
  const uint32_t bucket = UINT32_C(1) << ((k + e) & 31);
  *v = ((uint32_t)(*word >> ((e + 1) & 63)) & (bucket - 1)) + bucket - (UINT32_C(1) << k);
  const unsigned cost = 2 * e + 1 + k;
  *word >>= cost & 63;
  return cost;
}

/* n codes of one order, each with something added. */
BITS_HOT void bits_get_golombs(bit_reader *reader, unsigned k, uint32_t n, uint32_t add, uint32_t *out) {
  bit_reader r = *reader; /* a copy, which the compiler keeps in registers */
  for (uint32_t i = 0; i < n;) {
    uint32_t v = bits_get_golomb(&r, k); /* refills: the next ones are mostly there, too */
    do {
      out[i++] = v + add;
    } while (i < n && bits_take_golomb(&r, k, &v));
  }
  bits_save(reader, &r);
}

/* The same of many: three of a refill, since how many more are there is nothing that a processor foresees. */
BITS_HOT void bits_get_many_golombs(bit_reader *reader, unsigned k, uint32_t n, uint32_t *out) {
  bit_reader r = *reader;
  uint32_t i = 0;
  while (n - i >= 3) {
    uint32_t v[3];
    bits_refill(&r);
    uint64_t word = r.word;
    unsigned cost = bits_pass_golomb(&word, k, &v[0]);
    cost += bits_pass_golomb(&word, k, &v[1]);
    cost += bits_pass_golomb(&word, k, &v[2]);
    if (__builtin_expect(cost > 56, 0)) { /* long ones are read alone */
      out[i++] = bits_get_golomb(&r, k);
      continue;
    }
    r.word = word;
    r.have -= cost;
    for (unsigned j = 0; j < 3; j++) out[i++] = v[j];
  }
  while (i < n) out[i++] = bits_get_golomb(&r, k);
  bits_save(reader, &r);
}

/* Takes the codes of 0, of order 0, that come next: ones. At most `most`; there may be more than it took. */
BITS_HOT uint32_t bits_get_ones(bit_reader *r, uint32_t most) {
  bits_refill(r);
  uint32_t ones = (uint32_t)__builtin_ctzll(~r->word | UINT64_C(1) << 32);
  if (ones > most) ones = most;
  (void)bits_take(r, ones);
  return ones;
}

/* Passes by n codes of one order. */
BITS_HOT void bits_skip_golombs(bit_reader *r, unsigned k, uint64_t n) {
  while (n > 0) {
    if (n >= 4) { /* as in bits_get_many_golombs */
      bits_refill(r);
      uint64_t word = r->word;
      unsigned cost = bits_pass(&word, k);
      cost += bits_pass(&word, k);
      cost += bits_pass(&word, k);
      cost += bits_pass(&word, k);
      if (__builtin_expect(cost <= 56 && k <= 16, 1)) {
        r->word = word;
        r->have -= cost;
        n -= 4;
        if (r->at == r->limit && r->have < 8) return; /* behind the end */
        continue;
      }
    }
    (void)bits_get_golomb(r, k);
    n--;
    if (r->at == r->limit && r->have < 8) return;
  }
}

/* n gaps of one order become numbers that ascend from `base` on, below `limit`; false where not. */
BITS_HOT bool bits_get_ascending(bit_reader *reader, unsigned k, uint32_t n, uint32_t base,
                                 uint32_t limit, uint32_t *out) {
  bit_reader r = *reader;
  uint64_t next = base;
  for (uint32_t i = 0; i < n;) {
    uint32_t v = bits_get_golomb(&r, k);
    do {
      next += v;
      out[i++] = (uint32_t)next++;
    } while (i < n && bits_take_golomb(&r, k, &v));
  }
  bits_save(reader, &r);
  return next <= limit; /* 128 sums of 32 bits ascend in 64 */
}

/* Bytes read since `bytes`; the last perhaps in part. */
BITS_HOT size_t bits_bytes(const bit_reader *r, const void *bytes) {
  return (size_t)(r->at - (const uint8_t *)bytes) - r->have / 8;
}

/* Nothing was read from behind the end. */
BITS_HOT bool bits_ok(const bit_reader *r) { return r->at - r->have / 8 <= r->limit - 8; }

BITS_HOT uint64_t bits_left(const bit_reader *r) {
  return bits_ok(r) ? (uint64_t)(r->limit - 8 - (r->at - r->have / 8)) * 8 + 7 : 0;
}

#endif
