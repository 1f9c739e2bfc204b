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

double samples_quantile(samples *s, double q) {
  if (s->count == 0) return 0;
  if (!s->sorted) {
    qsort(s->values, s->count, sizeof *s->values, ascending);
    s->sorted = 1;
  }
  const double rank = ceil(q * (double)s->count);
  const size_t i = rank < 1 ? 0 : (size_t)rank - 1;
  return s->values[i < s->count ? i : s->count - 1];
}

void samples_free(samples *s) {
  free(s->values);
  *s = (samples){ 0 };
}
