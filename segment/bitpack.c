/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "segment/bitpack.h"

#include <string.h>

static void store_word(uint8_t *out, uint32_t v) {
  for (unsigned i = 0; i < 4; i++) out[i] = (uint8_t)(v >> (8 * i));
}

void bitpack_pack(uint8_t *out, const uint32_t in[BITPACK_COUNT], unsigned width) {
  for (unsigned lane = 0; lane < 4; lane++) {
    uint64_t word = 0;
    unsigned used = 0, n = 0;
    for (unsigned row = 0; row < 32; row++) {
      word |= (uint64_t)in[4 * row + lane] << used;
      used += width;
      if (used >= 32) {
        store_word(out + 16 * n++ + 4 * lane, (uint32_t)word);
        word >>= 32;
        used -= 32;
      }
    }
  }
}

#ifdef __SSE2__

#include <emmintrin.h>

#ifdef __clang__
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 32")
#endif

static __m128i load(const void *p) { return _mm_loadu_si128((const __m128i *)p); }
static void store(void *p, __m128i v) { _mm_storeu_si128((__m128i *)p, v); }

/* With `width` a constant, the compiler turns this into straight code without a branch. */
static inline __attribute__((always_inline)) void unpack_rows(uint32_t *out, const uint8_t *in,
                                                              const unsigned width, uint32_t addend) {
  const __m128i mask = _mm_set1_epi32((int)(width == 32 ? ~0u : (1u << width) - 1));
  const __m128i more = _mm_set1_epi32((int)addend);
  UNROLLED
  for (unsigned row = 0; row < 32; row++) {
    const unsigned word = row * width / 32, shift = row * width % 32;
    __m128i v = _mm_srli_epi32(load(in + 16 * word), (int)shift);
    if (shift + width > 32)
      v = _mm_or_si128(v, _mm_slli_epi32(load(in + 16 * (word + 1)), (int)(32 - shift)));
    store(out + 4 * row, _mm_add_epi32(_mm_and_si128(v, mask), more));
  }
}

void bitpack_unpack(uint32_t out[BITPACK_COUNT], const uint8_t *in, unsigned width, uint32_t addend) {
  switch (width) {
#define WIDTH(n) \
  case n: \
    unpack_rows(out, in, n, addend); \
    break;
    WIDTH(1) WIDTH(2) WIDTH(3) WIDTH(4) WIDTH(5) WIDTH(6) WIDTH(7) WIDTH(8) WIDTH(9) WIDTH(10)
    WIDTH(11) WIDTH(12) WIDTH(13) WIDTH(14) WIDTH(15) WIDTH(16) WIDTH(17) WIDTH(18) WIDTH(19)
    WIDTH(20) WIDTH(21) WIDTH(22) WIDTH(23) WIDTH(24) WIDTH(25) WIDTH(26) WIDTH(27) WIDTH(28)
    WIDTH(29) WIDTH(30) WIDTH(31) WIDTH(32)
#undef WIDTH
  default:
    for (unsigned i = 0; i < BITPACK_COUNT; i++) out[i] = addend;
  }
}

void bitpack_sum(uint32_t inout[BITPACK_COUNT], uint32_t base) {
  const __m128i one = _mm_set1_epi32(1);
  __m128i before = _mm_set1_epi32((int)(base - 1));
  UNROLLED
  for (unsigned i = 0; i < BITPACK_COUNT; i += 4) {
    __m128i v = _mm_add_epi32(load(inout + i), one);
    v = _mm_add_epi32(v, _mm_slli_si128(v, 4));
    v = _mm_add_epi32(v, _mm_slli_si128(v, 8));
    v = _mm_add_epi32(v, before);
    store(inout + i, v);
    before = _mm_shuffle_epi32(v, 0xff);
  }
}

#else

static uint32_t load_word(const uint8_t *in) {
  return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

void bitpack_unpack(uint32_t out[BITPACK_COUNT], const uint8_t *in, unsigned width, uint32_t addend) {
  const uint64_t mask = (UINT64_C(1) << width) - 1;
  for (unsigned lane = 0; lane < 4; lane++) {
    uint64_t word = 0;
    unsigned have = 0, n = 0;
    for (unsigned row = 0; row < 32; row++) {
      if (have < width) {
        word |= (uint64_t)load_word(in + 16 * n++ + 4 * lane) << have;
        have += 32;
      }
      out[4 * row + lane] = (uint32_t)(word & mask) + addend;
      word >>= width;
      have -= width;
    }
  }
}

void bitpack_sum(uint32_t inout[BITPACK_COUNT], uint32_t base) {
  uint32_t before = base - 1;
  for (unsigned i = 0; i < BITPACK_COUNT; i++) inout[i] = before += inout[i] + 1;
}

#endif
