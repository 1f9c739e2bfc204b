/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "passes.h"

#include <stdlib.h>

passes passes_new(size_t engines, size_t pieces, size_t count) {
  passes p = { .engines = engines, .pieces = pieces, .count = count };
  p.seconds = calloc(engines * count * pieces + 1, sizeof *p.seconds);
  if (p.seconds == NULL) abort();
  return p;
}

double *passes_at(const passes *p, size_t engine, size_t pass, size_t piece) {
  return &p->seconds[(engine * p->count + pass) * p->pieces + piece];
}

double *passes_quantiles(const passes *p, size_t engine, double q) {
  double *values = malloc((p->pieces + 1) * sizeof *values);
  if (values == NULL) abort();
  for (size_t i = 0; i < p->pieces; i++) {
    samples s = { 0 };
    for (size_t pass = 0; pass < p->count; pass++) samples_add(&s, *passes_at(p, engine, pass, i));
    values[i] = samples_quantile(&s, q);
    samples_free(&s);
  }
  return values;
}

double *passes_values(const passes *p, size_t engine) {
  return passes_quantiles(p, engine, 0.25);
}

void passes_samples(const passes *p, size_t engine, size_t count, samples *all) {
  const size_t most = count < p->count ? count : p->count;
  for (size_t i = 0; i < most * p->pieces; i++) samples_add(all, *passes_at(p, engine, 0, i));
}

void passes_free(passes *p) {
  free(p->seconds);
  *p = (passes){ 0 };
}
