/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window.h - evaluation goes through a segment in windows of ordinals; within one, a set of items is
 * a handful of words of bits.
 */
#ifndef SEALDEX_QUERY_WINDOW_H
#define SEALDEX_QUERY_WINDOW_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define WINDOW 2048 /* ordinals; a window begins at a multiple of 64 */
#define WINDOW_WORDS (WINDOW / 64)

static inline void bits_clear(uint64_t *a) { memset(a, 0, WINDOW_WORDS * sizeof(*a)); }
static inline void bits_copy(uint64_t *a, const uint64_t *b) {
  memcpy(a, b, WINDOW_WORDS * sizeof(*a));
}
static inline void bits_and(uint64_t *a, const uint64_t *b) {
  for (int i = 0; i < WINDOW_WORDS; i++) a[i] &= b[i];
}
static inline void bits_or(uint64_t *a, const uint64_t *b) {
  for (int i = 0; i < WINDOW_WORDS; i++) a[i] |= b[i];
}
static inline void bits_and_not(uint64_t *a, const uint64_t *b) {
  for (int i = 0; i < WINDOW_WORDS; i++) a[i] &= ~b[i];
}
static inline void bits_set(uint64_t *a, uint32_t i) { a[i >> 6] |= UINT64_C(1) << (i & 63); }
static inline bool bits_has(const uint64_t *a, uint32_t i) { return (a[i >> 6] >> (i & 63)) & 1; }
static inline bool bits_any(const uint64_t *a) {
  uint64_t any = 0;
  for (int i = 0; i < WINDOW_WORDS; i++) any |= a[i];
  return any != 0;
}
/* Without an instruction for it (x86-64's first version has none): sums side by side in each byte. */
static inline uint32_t bits_count(const uint64_t *a) {
  uint64_t low = 0, high = 0;
  for (int i = 0; i < WINDOW_WORDS; i++) {
    uint64_t v = a[i] - ((a[i] >> 1) & UINT64_C(0x5555555555555555));
    v = (v & UINT64_C(0x3333333333333333)) + ((v >> 2) & UINT64_C(0x3333333333333333));
    v = (v + (v >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    low += v & UINT64_C(0x00ff00ff00ff00ff);
    high += (v >> 8) & UINT64_C(0x00ff00ff00ff00ff);
  }
  return (uint32_t)(((low + high) * UINT64_C(0x0001000100010001)) >> 48);
}
/* The first bit that is set from i on; WINDOW: none. */
static inline uint32_t bits_next(const uint64_t *a, uint32_t i) {
  if (i >= WINDOW) return WINDOW;
  uint64_t word = a[i >> 6] & (~UINT64_C(0) << (i & 63));
  for (uint32_t w = i >> 6;;) {
    if (word != 0) return (w << 6) + (uint32_t)__builtin_ctzll(word);
    if (++w == WINDOW_WORDS) return WINDOW;
    word = a[w];
  }
}
/* Sets the bits of [from, to), both at most WINDOW. */
static inline void bits_range(uint64_t *a, uint32_t from, uint32_t to) {
  for (uint32_t w = from >> 6; from < to; w++) {
    const uint32_t end = (w + 1) << 6 < to ? (w + 1) << 6 : to;
    const uint32_t n = end - from;
    a[w] |= (n == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1) << (from & 63);
    from = end;
  }
}

/* Runs the statement for each bit, `i` its number, ascending. */
#define BITS_EACH(a, i)                                                                          \
  for (uint32_t w_##i = 0, i; w_##i < WINDOW_WORDS; w_##i++)                                     \
    for (uint64_t left_##i = (a)[w_##i];                                                         \
         left_##i != 0 && (i = (w_##i << 6) + (uint32_t)__builtin_ctzll(left_##i), true);        \
         left_##i &= left_##i - 1)

#endif
