/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Searches, warm: from the query's text to ten ids and dates. Engines take turns in blocks of
 * BLOCK queries, the same ones for each, in an order drawn anew each time: close enough in time
 * that a noisy machine hurts all alike, and long enough that what an engine finds in the
 * processor's caches is its own, whoever its neighbours are. (The first query of a block finds a
 * neighbour's: one in BLOCK, which is in the tails of all engines alike.) All engines take part in
 * all passes.
 *
 * A first pass warms every cache, compares the ten best, and tells how many passes fit: a class of
 * which a pass is quick gets more of them. Exact totals are a class of their own, with half as
 * many.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compared.h"
#include "passes.h"
#include "ratio.h"
#include "stopwatch.h"

enum { QUERY_TEXT = 600, BLOCK = 20, QUICK_PASSES = 4 /* times as many at most */ };
static const double class_seconds = 12; /* that more passes may fill */

/* One class while it is measured. */
typedef struct timed {
  size_t first; /* of its queries */
  bool totals;
  passes took;
  double cpu[ENGINES_MAX];      /* of all passes together */
  uint64_t *found[ENGINES_MAX]; /* exact totals by query; NULL: not counted */
} timed;

static double shared_ids(const answer *a, const answer *b) {
  size_t shared = 0;
  for (size_t i = 0; i < a->count; i++)
    for (size_t k = 0; k < b->count; k++) shared += strcmp(a->ids[i], b->ids[k]) == 0;
  const size_t most = a->count > b->count ? a->count : b->count;
  return most == 0 ? 1 : (double)shared / (double)most;
}

static int ask(bench *b, timed *t, size_t k, size_t pass, size_t query, answer *a) {
  char text[QUERY_TEXT];
  const contender *c = &b->engines[k];
  const workload_query *q = &b->work->queries[t->first + query];
  c->class->phrase(q, text, sizeof text);
  const double cpu = stopwatch_cpu(), start = stopwatch_now();
  const int result = c->class->search(c->e, q, text, ANSWER_HITS, t->totals, a);
  *passes_at(&t->took, k, pass, query) = stopwatch_now() - start;
  t->cpu[k] += stopwatch_cpu() - cpu;
  if (t->found[k] != NULL) t->found[k][query] = a->total;
  return result;
}

/* Some queries on all engines, one engine after the other. */
static int ask_block(bench *b, timed *t, size_t pass, const size_t *queries, size_t count) {
  static answer a;
  size_t order[ENGINES_MAX];
  stage_shuffle(b, order, b->count);
  for (size_t k = 0; k < b->count; k++)
    for (size_t i = 0; i < count; i++)
      if (ask(b, t, order[k], pass, queries[i], &a) != 0) return -1;
  return 0;
}

static int ask_passes(bench *b, timed *t) {
  const size_t n = t->took.pieces;
  size_t *order = malloc((n + 1) * sizeof *order);
  if (order == NULL) abort();
  int result = 0;
  for (size_t pass = 0; pass < t->took.count && result == 0; pass++) {
    stage_shuffle(b, order, n);
    for (size_t i = 0; i < n && result == 0; i += BLOCK)
      result = ask_block(b, t, pass, order + i, n - i < BLOCK ? n - i : BLOCK);
  }
  free(order);
  return result;
}

/* Samples of all passes, with the spread of the passes' medians at the median's row. */
static void put_engine(bench *b, const timed *t, const char *stage, size_t k, const char *subject) {
  samples s = { 0 };
  double low = INFINITY, high = 0, *scratch = malloc(t->took.pieces * sizeof *scratch);
  if (scratch == NULL) abort();
  for (size_t pass = 0; pass < t->took.count; pass++) {
    memcpy(scratch, passes_at(&t->took, k, pass, 0), t->took.pieces * sizeof *scratch);
    const double median = ratio_median(scratch, t->took.pieces);
    if (median < low) low = median;
    if (median > high) high = median;
  }
  passes_samples(&t->took, k, t->took.count, &s);
  const size_t at = b->figures.count;
  stage_put_latency(b, stage, &b->engines[k], subject, &s);
  b->figures.rows[at].low = low * 1e6;
  b->figures.rows[at].high = high * 1e6;
  figures_put(&b->figures, stage, b->engines[k].class->name, subject, "cpu", "us",
              t->cpu[k] / (double)s.count * 1e6);
  samples_free(&s);
  free(scratch);
}

/* The rows of one class, and its queries' values for the ratios. */
static void put_class(bench *b, const timed *t, const char *stage, int class, compared *c) {
  const char *subject = query_class_name((query_class) class);
  if (t->took.pieces == 0) return;
  for (size_t k = 0; k < b->count; k++) put_engine(b, t, stage, k, subject);
  compared_add_passes(c, b, subject, &t->took, RATIO_MEDIAN);
  stage_keep(b, stage, subject, &t->took);
}

static timed timed_new(const bench *b, int class, size_t count, bool totals) {
  const size_t first = b->work->first[class], queries = b->work->first[class + 1] - first;
  timed t = { .first = first, .totals = totals, .took = passes_new(b->count, queries, count) };
  for (size_t k = 0; k < b->count && totals; k++) {
    t.found[k] = calloc(queries + 1, sizeof *t.found[k]);
    if (t.found[k] == NULL) abort();
  }
  return t;
}

static void timed_free(timed *t) {
  for (size_t k = 0; k < ENGINES_MAX; k++) free(t->found[k]);
  passes_free(&t->took);
}

/* One query on all engines before the next, which warms and compares the ten best. `count`: how
 * many passes are to follow. */
static int warm_class(bench *b, int class, size_t *count) {
  static answer answers[ENGINES_MAX];
  double overlap[ENGINES_MAX] = { 0 };
  timed t = timed_new(b, class, 1, false);
  const double start = stopwatch_now();
  int result = 0;
  for (size_t i = 0; i < t.took.pieces && result == 0; i++) {
    for (size_t k = 0; k < b->count && result == 0; k++) result = ask(b, &t, k, 0, i, &answers[k]);
    for (size_t k = 0; k < b->count; k++) overlap[k] += shared_ids(&answers[0], &answers[k]);
  }
  const double fit = class_seconds / fmax(stopwatch_now() - start, 1e-3);
  *count = (size_t)fmin(fmax(fit, (double)b->passes), (double)(b->passes * QUICK_PASSES));
  for (size_t k = 0; k < b->count && t.took.pieces > 0; k++)
    figures_put(&b->figures, "answers", b->engines[k].class->name,
                query_class_name((query_class) class), "overlap", "share",
                overlap[k] / (double)t.took.pieces);
  timed_free(&t);
  return result;
}

static int measure_class(bench *b, int class, size_t count, compared *c, samples all[ENGINES_MAX]) {
  timed t = timed_new(b, class, count, false);
  const int result = ask_passes(b, &t);
  if (result == 0) put_class(b, &t, "search", class, c);
  /* As many passes of each class as of every other. */
  for (size_t k = 0; k < b->count; k++) passes_samples(&t.took, k, b->passes, &all[k]);
  timed_free(&t);
  return result;
}

static int measure_totals(bench *b, int class, size_t count, compared *c) {
  timed t = timed_new(b, class, count, true);
  const int result = ask_passes(b, &t);
  if (result == 0) put_class(b, &t, "total", class, c);
  for (size_t k = 0; k < b->count && t.took.pieces > 0; k++) {
    const char *name = b->engines[k].class->name, *subject = query_class_name((query_class) class);
    double hits = 0, same = 0;
    for (size_t i = 0; i < t.took.pieces; i++) {
      hits += (double)t.found[k][i];
      same += t.found[k][i] == t.found[0][i];
    }
    figures_put(&b->figures, "answers", name, subject, "hits", "items", hits);
    figures_put(&b->figures, "answers", name, subject, "equal totals", "share",
                same / (double)t.took.pieces);
  }
  timed_free(&t);
  return result;
}

int stage_search(bench *b) {
  static compared top, total;
  samples all[ENGINES_MAX] = { 0 };
  int result = stage_open_all(b, ENGINE_READ);
  for (int class = 0; class < QUERY_CLASSES && result == 0; class ++) {
    fprintf(stderr, "searching: %s\n", query_class_name((query_class) class));
    size_t count = 0;
    if (warm_class(b, class, &count) != 0 || measure_class(b, class, count, &top, all) != 0 ||
        measure_totals(b, class, (count + 1) / 2, &total) != 0)
      result = -1;
  }
  for (size_t k = 0; k < b->count && result == 0; k++)
    stage_put_latency(b, "tails", &b->engines[k], "all classes", &all[k]);
  if (result == 0) compared_put(&top, b, "ratio");
  if (result == 0) compared_put(&total, b, "ratio total");
  for (size_t k = 0; k < b->count; k++) samples_free(&all[k]);
  stage_close_all(b);
  compared_free(&top);
  compared_free(&total);
  return result;
}
