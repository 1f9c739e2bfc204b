/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stage.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "random.h"

void stage_shuffle(bench *b, size_t *order, size_t n) {
  for (size_t i = 0; i < n; i++) order[i] = i;
  for (size_t i = n; i > 1; i--) {
    const size_t k = random_next(&b->random) % i, t = order[k];
    order[k] = order[i - 1];
    order[i - 1] = t;
  }
}

void stage_close_all(bench *b) {
  for (size_t k = 0; k < b->count; k++) {
    if (b->engines[k].e != NULL) b->engines[k].class->close(b->engines[k].e);
    b->engines[k].e = NULL;
  }
}

int stage_open_all(bench *b, engine_access access) {
  stage_close_all(b);
  for (size_t k = 0; k < b->count; k++)
    if (b->engines[k].class->open(&b->engines[k].e, b->engines[k].dir, access) != 0) return -1;
  return 0;
}

void stage_put_latency(bench *b, const char *stage, const contender *c, const char *subject,
                       samples *s) {
  static const struct {
    const char *name;
    double quantile;
    bool tail;
  } points[] = { { "p50", 0.5, false },
                 { "p90", 0.9, false },
                 { "p99", 0.99, true },
                 { "p999", 0.999, true },
                 { "max", 1, false } };
  if (s->count == 0) return;
  for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
    const double seconds = points[i].tail ? samples_tail(s, points[i].quantile)
                                          : samples_quantile(s, points[i].quantile);
    figures_put(&b->figures, stage, c->class->name, subject, points[i].name, "us", seconds * 1e6);
    b->figures.rows[b->figures.count - 1].n = s->count;
  }
  double sum = 0;
  for (size_t i = 0; i < s->count; i++) sum += s->values[i];
  figures_put(&b->figures, stage, c->class->name, subject, "mean", "us",
              sum / (double)s->count * 1e6);
}

void stage_keep(const bench *b, const char *stage, const char *subject, const passes *p) {
  for (size_t k = 0; k < p->engines && b->samples != NULL; k++)
    for (size_t pass = 0; pass < p->count; pass++)
      for (size_t i = 0; i < p->pieces; i++)
        fprintf(b->samples, "%s\t%s\t%s\t%zu\t%zu\t%.2f\n", stage, b->engines[k].class->name,
                subject, pass, i, *passes_at(p, k, pass, i) * 1e6);
}

bool stage_is_peer(const contender *c) {
  return strncmp(c->class->name, "Sealdex", 7) != 0;
}
