/* SPDX-License-Identifier: GPL-2.0-or-later */
/* random.h - SplitMix64 (Steele, Lea, Flood 2014): seeded, the same everywhere. */
#ifndef SEALDEX_BENCH_RANDOM_H
#define SEALDEX_BENCH_RANDOM_H

#include <stdint.h>

static inline uint64_t random_next(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* Uniform in [0, 1). */
static inline double random_share(uint64_t *state) {
  return (double)(random_next(state) >> 11) * 0x1p-53;
}

#endif
