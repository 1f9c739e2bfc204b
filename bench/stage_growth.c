/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How figures move with the size of a mailbox: terms that stand in a fixed number of items (rare
 * ones in 10 or fewer; an AND whose rarer word stands in about 1,000, and the other in at most 4,000
 * or in a share of all), and common ones, whose number grows. The subject of the rows is the number of items.
 */
#include <stdio.h>
#include <string.h>

#include "stage.h"
#include "stopwatch.h"

enum { BLOCK = 20 }; /* queries that an engine is asked before the next one's turn */

/* Some queries on one engine; `took` NULL: not measured. */
static int ask_block(bench *b, const contender *c, size_t first, size_t end, samples *took) {
  static answer a;
  char text[600];
  for (size_t i = first; i < end; i++) {
    const workload_query *q = &b->work->queries[i];
    c->class->phrase(q, text, sizeof text);
    const double start = stopwatch_now();
    if (c->class->search(c->e, q, text, ANSWER_HITS, false, &a) != 0) return -1;
    if (took != NULL) samples_add(took, stopwatch_now() - start);
  }
  return 0;
}

static int measure_class(bench *b, int class, samples took[ENGINES_MAX]) {
  const size_t end = b->work->first[class + 1];
  size_t order[ENGINES_MAX];
  for (size_t pass = 0; pass <= b->passes; pass++) { /* the first one warms */
    for (size_t i = b->work->first[class]; i < end; i += BLOCK) {
      stage_shuffle(b, order, b->count);
      for (size_t j = 0; j < b->count; j++)
        if (ask_block(b, &b->engines[order[j]], i, i + BLOCK < end ? i + BLOCK : end,
                      pass > 0 ? &took[order[j]] : NULL) != 0)
          return -1;
    }
  }
  return 0;
}

static void put_class(bench *b, const char *subject, const char *measure,
                      samples took[ENGINES_MAX]) {
  char tail[48];
  snprintf(tail, sizeof tail, "%s, p99", measure);
  for (size_t k = 0; k < b->count; k++) {
    const char *name = b->engines[k].class->name;
    if (took[k].count > 0) {
      figures_put(&b->figures, "growth", name, subject, measure, "us",
                  samples_quantile(&took[k], 0.5) * 1e6);
      b->figures.rows[b->figures.count - 1].n = took[k].count;
      figures_put(&b->figures, "growth", name, subject, tail, "us",
                  samples_quantile(&took[k], 0.99) * 1e6);
    }
    samples_free(&took[k]);
  }
}

/* The build's rows become rows of growth. */
static void put_build(bench *b, const figures *built, const char *subject) {
  static const struct {
    const char *stage, *measure, *name, *unit;
  } rows[] = { { "build", "rate", "build rate", "MB/s" },
               { "build", "seconds", "build", "s" },
               { "build", "peak", "build, peak memory", "MiB" },
               { "size", "size", "size", "bytes/text" } };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    for (size_t k = 0; k < b->count; k++)
      figures_put(
          &b->figures, "growth", b->engines[k].class->name, subject, rows[i].name, rows[i].unit,
          figures_value(built, rows[i].stage, b->engines[k].class->name, "bulk", rows[i].measure));
}

int stage_growth(bench *b) {
  static const struct {
    int class;
    const char *name;
  } classes[] = { { QUERY_RARE, "rare" },
                  { QUERY_AND3, "AND of df 1,000 and 4,000" },
                  { QUERY_AND2, "AND of df 1,000" },
                  { QUERY_COMMON, "common" },
                  { QUERY_NEWEST, "newest 10" } };
  char subject[32];
  samples took[ENGINES_MAX] = { 0 };
  snprintf(subject, sizeof subject, "%zu", b->mail->count);
  const figures kept = b->figures;
  b->figures = (figures){ 0 };
  int result = stage_build(b);
  figures built = b->figures;
  b->figures = kept;
  if (result == 0) put_build(b, &built, subject);
  figures_free(&built);
  if (result == 0) result = stage_open_all(b, ENGINE_READ);
  if (result == 0) fprintf(stderr, "searching among %zu items\n", b->mail->count);
  for (size_t i = 0; i < sizeof classes / sizeof classes[0] && result == 0; i++) {
    result = measure_class(b, classes[i].class, took);
    put_class(b, subject, classes[i].name, took);
  }
  stage_close_all(b);
  return result;
}
