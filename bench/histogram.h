/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * histogram.h - latencies in buckets whose width grows with the value (as HdrHistogram does): 64 to
 * each power of two, so that every quantile is right to 1.6%, in memory that processes can share.
 */
#ifndef SEALDEX_BENCH_HISTOGRAM_H
#define SEALDEX_BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 64 * 40 };

typedef struct histogram {
  uint64_t count;
  double sum; /* seconds */
  uint32_t buckets[HISTOGRAM_BUCKETS];
} histogram;

static inline uint32_t histogram_bucket(uint64_t ns) {
  if (ns < 64) return (uint32_t)ns;
  const uint32_t power = 63u - (uint32_t)__builtin_clzll(ns); /* 6 or more */
  const uint32_t bucket = (power - 5) * 64 + (uint32_t)(ns >> (power - 6) & 63);
  return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static inline void histogram_add(histogram *h, double seconds) {
  h->count++;
  h->sum += seconds;
  h->buckets[histogram_bucket((uint64_t)(seconds * 1e9))]++;
}

static inline void histogram_join(histogram *to, const histogram *from) {
  to->count += from->count;
  to->sum += from->sum;
  for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) to->buckets[i] += from->buckets[i];
}

/* The q-quantile in seconds: the lower end of its bucket. */
static inline double histogram_quantile(const histogram *h, double q) {
  uint64_t seen = 0;
  const double rank = q * (double)h->count;
  for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
    seen += h->buckets[i];
    if ((double)seen < rank || seen == 0) continue;
    if (i < 64) return (double)i * 1e-9;
    return (double)((uint64_t)(64 + i % 64) << (i / 64 - 1)) * 1e-9;
  }
  return 0;
}

#endif
