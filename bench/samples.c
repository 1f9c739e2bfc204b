/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "samples.h"

#include <math.h>
#include <stdlib.h>

void samples_add(samples *s, double seconds) {
  if (s->count == s->capacity) {
    s->capacity = s->capacity == 0 ? 1024 : s->capacity * 2;
    s->values = realloc(s->values, s->capacity * sizeof *s->values);
    if (s->values == NULL) abort();
  }
  s->values[s->count++] = seconds;
  s->sorted = 0;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static size_t rank_of(const samples *s, double q) {
  const double rank = ceil(q * (double)s->count - 1e-9); /* of what is a whole number, rounded */
  const size_t i = rank < 1 ? 0 : (size_t)rank - 1;
  return i < s->count ? i : s->count - 1;
}

static void sort(samples *s) {
  if (s->sorted) return;
  qsort(s->values, s->count, sizeof *s->values, ascending);
  s->sorted = 1;
}

double samples_quantile(samples *s, double q) {
  if (s->count == 0) return 0;
  sort(s);
  return s->values[rank_of(s, q)];
}

double samples_tail(samples *s, double q) {
  if (s->count == 0) return 0;
  sort(s);
  const size_t first = rank_of(s, q - (1 - q) / 2), last = rank_of(s, q + (1 - q) / 2);
  double sum = 0;
  for (size_t i = first; i <= last; i++) sum += s->values[i];
  return sum / (double)(last - first + 1);
}

void samples_free(samples *s) {
  free(s->values);
  *s = (samples){ 0 };
}
