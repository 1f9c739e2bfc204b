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

/* The lower end of a bucket in seconds. */
static inline double histogram_value(uint32_t bucket) {
  if (bucket < 64) return (double)bucket * 1e-9;
  return (double)((uint64_t)(64 + bucket % 64) << (bucket / 64 - 1)) * 1e-9;
}

/* The q-quantile in seconds: the lower end of its bucket. */
static inline double histogram_quantile(const histogram *h, double q) {
  uint64_t seen = 0;
  const double rank = q * (double)h->count;
  for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
    seen += h->buckets[i];
    if ((double)seen >= rank && seen > 0) return histogram_value(i);
  }
  return 0;
}

/* A quantile near 1 for comparing, as samples_tail: the mean from q - (1 - q) / 2 to q + (1 - q) /
 * 2, of as many samples as that is, be it a part of one. */
static inline double histogram_tail(const histogram *h, double q) {
  const double first = (q - (1 - q) / 2) * (double)h->count;
  const double end = (q + (1 - q) / 2) * (double)h->count;
  double seen = 0, sum = 0;
  for (uint32_t i = 0; i < HISTOGRAM_BUCKETS && seen < end; i++) {
    const double next = seen + (double)h->buckets[i];
    const double from = seen > first ? seen : first, to = next < end ? next : end;
    if (to > from) sum += (to - from) * histogram_value(i);
    seen = next;
  }
  return end > first ? sum / (end - first) : 0;
}

#endif
