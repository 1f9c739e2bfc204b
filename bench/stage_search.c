/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Searches, warm: from the query's text to ten ids and dates. Each query runs on all engines before
 * the next does, in an order drawn anew each time, so that a noisy machine hurts all alike, and
 * nobody always finds the processor's caches as the same neighbour left them. A first pass warms
 * every cache and compares the ten best; the last passes ask for exact totals as well. Engines that
 * are quick in a class take part in more passes of it: what disturbs one search in a hundred would
 * otherwise be their tail. (Slow ones ask for exact totals once.)
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compared.h"
#include "ratio.h"
#include "stopwatch.h"

enum { QUERY_TEXT = 600, QUICK_PASSES = 4 /* times as many */ };
static const double quick_seconds = 0.001;

/* Times of one class: [engine][pass][query]. */
typedef struct timed {
  const bench *b;
  size_t first, queries, passes;
  size_t passes_of[ENGINES_MAX]; /* that an engine takes part in */
  double *seconds;
  double cpu[ENGINES_MAX]; /* of all passes together */
} timed;

static double *time_of(const timed *t, size_t k, size_t pass, size_t query) {
  return &t->seconds[(k * t->passes + pass) * t->queries + query];
}

static double shared_ids(const answer *a, const answer *b) {
  size_t shared = 0;
  for (size_t i = 0; i < a->count; i++)
    for (size_t k = 0; k < b->count; k++) shared += strcmp(a->ids[i], b->ids[k]) == 0;
  const size_t most = a->count > b->count ? a->count : b->count;
  return most == 0 ? 1 : (double)shared / (double)most;
}

static int ask(bench *b, timed *t, size_t k, size_t pass, size_t query, bool totals, answer *a) {
  char text[QUERY_TEXT];
  const contender *c = &b->engines[k];
  const workload_query *q = &b->work->queries[t->first + query];
  c->class->phrase(q, text, sizeof text);
  const double cpu = stopwatch_cpu(), start = stopwatch_now();
  const int result = c->class->search(c->e, q, text, ANSWER_HITS, totals, a);
  *time_of(t, k, pass, query) = stopwatch_now() - start;
  t->cpu[k] += stopwatch_cpu() - cpu;
  return result;
}

/* One query on all engines. */
static int ask_all(bench *b, timed *t, size_t query, size_t pass, bool totals,
                   answer answers[ENGINES_MAX]) {
  size_t order[ENGINES_MAX];
  stage_shuffle(b, order, b->count);
  for (size_t i = 0; i < b->count; i++) {
    const size_t k = order[i];
    if (pass < t->passes_of[k] && ask(b, t, k, pass, query, totals, &answers[k]) != 0) return -1;
  }
  return 0;
}

/* Samples of all passes, with the spread of the passes' medians at the median's row. */
static void put_engine(bench *b, const timed *t, const char *stage, size_t k, const char *subject) {
  samples s = { 0 };
  double low = INFINITY, high = 0, *scratch = malloc(t->queries * sizeof *scratch);
  if (scratch == NULL) abort();
  for (size_t pass = 0; pass < t->passes_of[k]; pass++) {
    memcpy(scratch, time_of(t, k, pass, 0), t->queries * sizeof *scratch);
    for (size_t i = 0; i < t->queries; i++) samples_add(&s, scratch[i]);
    const double median = ratio_median(scratch, t->queries);
    if (median < low) low = median;
    if (median > high) high = median;
  }
  const size_t at = b->figures.count;
  stage_put_latency(b, stage, &b->engines[k], subject, &s);
  b->figures.rows[at].low = low * 1e6;
  b->figures.rows[at].high = high * 1e6;
  figures_put(&b->figures, stage, b->engines[k].class->name, subject, "cpu", "us",
              t->cpu[k] / (double)s.count * 1e6);
  samples_free(&s);
  free(scratch);
}

/* Each query's median over the passes. */
static double *query_medians(const timed *t, size_t k) {
  double *medians = malloc((t->queries + 1) * sizeof *medians), scratch[64];
  if (medians == NULL) abort();
  for (size_t i = 0; i < t->queries; i++) {
    const size_t passes = t->passes_of[k] < 64 ? t->passes_of[k] : 64;
    for (size_t pass = 0; pass < passes; pass++) scratch[pass] = *time_of(t, k, pass, i);
    medians[i] = ratio_median(scratch, passes);
  }
  return medians;
}

/* The rows of one class, and its queries' medians for the ratios. */
static void put_class(bench *b, const timed *t, const char *stage, int class, compared *c) {
  const char *subject = query_class_name((query_class) class);
  double *medians[ENGINES_MAX] = { NULL };
  if (t->queries == 0) return;
  for (size_t k = 0; k < b->count; k++) {
    put_engine(b, t, stage, k, subject);
    medians[k] = query_medians(t, k);
  }
  compared_add(c, b, subject, medians, t->queries);
  for (size_t k = 0; k < b->count; k++) free(medians[k]);
}

/* All engines take part in `passes`, quick ones (NULL: none) in QUICK_PASSES * b->passes. */
static timed timed_new(const bench *b, int class, size_t passes, const bool quick[ENGINES_MAX]) {
  timed t = { .b = b, .first = b->work->first[class], .passes = passes };
  for (size_t k = 0; k < b->count; k++) {
    t.passes_of[k] = quick != NULL && quick[k] ? b->passes * QUICK_PASSES : passes;
    if (t.passes_of[k] > t.passes) t.passes = t.passes_of[k];
  }
  t.queries = b->work->first[class + 1] - t.first;
  t.seconds = calloc(b->count * t.passes * (t.queries + 1), sizeof *t.seconds);
  if (t.seconds == NULL) abort();
  return t;
}

/* The pass that warms, compares the ten best, and tells which engines are quick. */
static int warm_class(bench *b, int class, bool quick[ENGINES_MAX]) {
  static answer answers[ENGINES_MAX];
  double overlap[ENGINES_MAX] = { 0 };
  timed t = timed_new(b, class, 1, NULL);
  int result = 0;
  for (size_t i = 0; i < t.queries && result == 0; i++) {
    result = ask_all(b, &t, i, 0, false, answers);
    for (size_t k = 0; k < b->count; k++) overlap[k] += shared_ids(&answers[0], &answers[k]);
  }
  for (size_t k = 0; k < b->count && t.queries > 0; k++)
    figures_put(&b->figures, "answers", b->engines[k].class->name,
                query_class_name((query_class) class), "overlap", "share",
                overlap[k] / (double)t.queries);
  for (size_t k = 0; k < b->count; k++)
    quick[k] = t.queries > 0 && ratio_median(time_of(&t, k, 0, 0), t.queries) < quick_seconds;
  free(t.seconds);
  return result;
}

static int measure_class(bench *b, int class, const bool quick[ENGINES_MAX], compared *c,
                         samples all[ENGINES_MAX]) {
  static answer answers[ENGINES_MAX];
  timed t = timed_new(b, class, b->passes, quick);
  int result = 0;
  for (size_t pass = 0; pass < t.passes && result == 0; pass++)
    for (size_t i = 0; i < t.queries && result == 0; i++)
      result = ask_all(b, &t, i, pass, false, answers);
  put_class(b, &t, "search", class, c);
  for (size_t k = 0; k < b->count; k++)
    for (size_t i = 0; i < t.passes_of[k] * t.queries; i++)
      samples_add(&all[k], *time_of(&t, k, 0, i));
  free(t.seconds);
  return result;
}

static int measure_totals(bench *b, int class, const bool quick[ENGINES_MAX], compared *c) {
  static answer answers[ENGINES_MAX];
  double hits[ENGINES_MAX] = { 0 }, same[ENGINES_MAX] = { 0 };
  timed t = timed_new(b, class, 1, quick);
  int result = 0;
  for (size_t i = 0; i < t.queries * t.passes && result == 0; i++) {
    result = ask_all(b, &t, i % t.queries, i / t.queries, true, answers);
    for (size_t k = 0; k < b->count && i < t.queries; k++) {
      hits[k] += (double)answers[k].total;
      same[k] += answers[k].total == answers[0].total;
    }
  }
  put_class(b, &t, "total", class, c);
  for (size_t k = 0; k < b->count && t.queries > 0; k++) {
    const char *name = b->engines[k].class->name, *subject = query_class_name((query_class) class);
    figures_put(&b->figures, "answers", name, subject, "hits", "items", hits[k]);
    figures_put(&b->figures, "answers", name, subject, "equal totals", "share",
                same[k] / (double)t.queries);
  }
  free(t.seconds);
  return result;
}

int stage_search(bench *b) {
  static compared top, total;
  samples all[ENGINES_MAX] = { 0 };
  int result = stage_open_all(b, ENGINE_READ);
  for (int class = 0; class < QUERY_CLASSES && result == 0; class ++) {
    fprintf(stderr, "searching: %s\n", query_class_name((query_class) class));
    bool quick[ENGINES_MAX] = { false };
    if (warm_class(b, class, quick) != 0 || measure_class(b, class, quick, &top, all) != 0 ||
        measure_totals(b, class, quick, &total) != 0)
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
