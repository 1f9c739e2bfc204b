/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Searches, warm: from the query's text to ten ids and dates. Each query runs on all engines before
 * the next does, in an order drawn anew each time, so that a noisy machine hurts all alike, and
 * nobody always finds the processor's caches as the same neighbour left them. A first pass warms
 * every cache and compares the answers; the last one asks for exact totals as well.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ratio.h"
#include "stage.h"
#include "stopwatch.h"

enum { QUERY_TEXT = 600 };

/* Times of one class: [engine][pass][query]. */
typedef struct timed {
  const bench *b;
  size_t first, queries, passes;
  double *seconds;
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

static int ask(bench *b, size_t k, const workload_query *q, bool totals, answer *a, double *took) {
  char text[QUERY_TEXT];
  const contender *c = &b->engines[k];
  c->class->phrase(q, text, sizeof text);
  const double start = stopwatch_now();
  const int result = c->class->search(c->e, q, text, ANSWER_HITS, totals, a);
  *took = stopwatch_now() - start;
  return result;
}

/* One query on all engines. */
static int ask_all(bench *b, const timed *t, size_t query, size_t pass, bool totals,
                   answer answers[ENGINES_MAX]) {
  size_t order[ENGINES_MAX];
  stage_shuffle(b, order, b->count);
  for (size_t i = 0; i < b->count; i++) {
    const size_t k = order[i];
    if (ask(b, k, &b->work->queries[t->first + query], totals, &answers[k],
            time_of(t, k, pass, query)) != 0)
      return -1;
  }
  return 0;
}

/* Samples of all passes, with the spread of the passes' medians at the median's row. */
static void put_engine(bench *b, const timed *t, const char *stage, size_t k, const char *subject) {
  samples s = { 0 };
  double low = INFINITY, high = 0, *scratch = malloc(t->queries * sizeof *scratch);
  if (scratch == NULL) abort();
  for (size_t pass = 0; pass < t->passes; pass++) {
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
  samples_free(&s);
  free(scratch);
}

/* Each query's median over the passes. */
static double *query_medians(const timed *t, size_t k) {
  double *medians = malloc(t->queries * sizeof *medians), scratch[64];
  if (medians == NULL) abort();
  for (size_t i = 0; i < t->queries; i++) {
    const size_t passes = t->passes < 64 ? t->passes : 64;
    for (size_t pass = 0; pass < passes; pass++) scratch[pass] = *time_of(t, k, pass, i);
    medians[i] = ratio_median(scratch, passes);
  }
  return medians;
}

static void put_ratio(bench *b, const char *stage, const char *peer, const char *subject, ratio r) {
  figures_put(&b->figures, stage, peer, subject, "ratio", "ours/theirs", r.value);
  b->figures.rows[b->figures.count - 1].low = r.low;
  b->figures.rows[b->figures.count - 1].high = r.high;
}

/* Medians of queries by engine and class, kept until all classes are measured. */
typedef struct compared {
  double *medians[ENGINES_MAX][QUERY_CLASSES];
  size_t queries[QUERY_CLASSES];
} compared;

static double class_median(const compared *c, size_t k, int class) {
  const size_t n = c->queries[class];
  double *copy = malloc((n + 1) * sizeof *copy);
  if (copy == NULL) abort();
  memcpy(copy, c->medians[k][class], n * sizeof *copy);
  const double median = ratio_median(copy, n);
  free(copy);
  return median;
}

/* Ratios to each peer, and to the best peer of each class. */
static void put_ratios(bench *b, const char *stage, const compared *c) {
  ratio_pair best[QUERY_CLASSES] = { 0 };
  for (int class = 0; class < QUERY_CLASSES; class ++) {
    double least = INFINITY;
    for (size_t k = 1; k < b->count && c->queries[class] > 0; k++) {
      const double median = class_median(c, k, class);
      if (!stage_is_peer(&b->engines[k]) || !(median < least)) continue;
      least = median;
      best[class] = (ratio_pair){ c->medians[0][class], c->medians[k][class], c->queries[class] };
    }
  }
  for (size_t k = 1; k <= b->count; k++) {
    ratio_pair pairs[QUERY_CLASSES] = { 0 };
    const char *peer = k < b->count ? b->engines[k].class->name : "best peer";
    if (k == b->count) memcpy(pairs, best, sizeof pairs);
    for (int class = 0; class < QUERY_CLASSES; class ++) {
      if (k < b->count)
        pairs[class] =
            (ratio_pair){ c->medians[0][class], c->medians[k][class], c->queries[class] };
      if (pairs[class].count > 0)
        put_ratio(b, stage, peer, query_class_name((query_class) class),
                  ratio_of(&pairs[class], 1, 7));
    }
    if (k < b->count || best[0].count > 0)
      put_ratio(b, stage, peer, "geometric mean", ratio_of(pairs, QUERY_CLASSES, 7));
  }
}

static void compared_free(compared *c) {
  for (size_t k = 0; k < ENGINES_MAX; k++)
    for (int class = 0; class < QUERY_CLASSES; class ++) free(c->medians[k][class]);
}

static timed timed_new(const bench *b, int class, size_t passes) {
  timed t = { .b = b, .first = b->work->first[class], .passes = passes };
  t.queries = b->work->first[class + 1] - t.first;
  t.seconds = calloc(b->count * passes * (t.queries + 1), sizeof *t.seconds);
  if (t.seconds == NULL) abort();
  return t;
}

/* The pass that warms, and compares the ten best. */
static int warm_class(bench *b, int class) {
  static answer answers[ENGINES_MAX];
  double overlap[ENGINES_MAX] = { 0 };
  timed t = timed_new(b, class, 1);
  int result = 0;
  for (size_t i = 0; i < t.queries && result == 0; i++) {
    result = ask_all(b, &t, i, 0, false, answers);
    for (size_t k = 0; k < b->count; k++) overlap[k] += shared_ids(&answers[0], &answers[k]);
  }
  for (size_t k = 0; k < b->count && t.queries > 0; k++)
    figures_put(&b->figures, "answers", b->engines[k].class->name,
                query_class_name((query_class) class), "overlap", "share",
                overlap[k] / (double)t.queries);
  free(t.seconds);
  return result;
}

static int measure_class(bench *b, int class, compared *c, samples all[ENGINES_MAX]) {
  static answer answers[ENGINES_MAX];
  timed t = timed_new(b, class, b->passes);
  int result = 0;
  for (size_t pass = 0; pass < t.passes && result == 0; pass++)
    for (size_t i = 0; i < t.queries && result == 0; i++)
      result = ask_all(b, &t, i, pass, false, answers);
  c->queries[class] = t.queries;
  for (size_t k = 0; k < b->count && t.queries > 0; k++) {
    put_engine(b, &t, "search", k, query_class_name((query_class) class));
    c->medians[k][class] = query_medians(&t, k);
    for (size_t i = 0; i < t.passes * t.queries; i++) samples_add(&all[k], *time_of(&t, k, 0, i));
  }
  free(t.seconds);
  return result;
}

static int measure_totals(bench *b, int class, compared *c) {
  static answer answers[ENGINES_MAX];
  double hits[ENGINES_MAX] = { 0 }, same[ENGINES_MAX] = { 0 };
  timed t = timed_new(b, class, 1);
  int result = 0;
  for (size_t i = 0; i < t.queries && result == 0; i++) {
    result = ask_all(b, &t, i, 0, true, answers);
    for (size_t k = 0; k < b->count; k++) {
      hits[k] += (double)answers[k].total;
      same[k] += answers[k].total == answers[0].total;
    }
  }
  c->queries[class] = t.queries;
  for (size_t k = 0; k < b->count && t.queries > 0; k++) {
    const char *name = b->engines[k].class->name, *subject = query_class_name((query_class) class);
    put_engine(b, &t, "total", k, subject);
    c->medians[k][class] = query_medians(&t, k);
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
    if (warm_class(b, class) != 0 || measure_class(b, class, &top, all) != 0 ||
        measure_totals(b, class, &total) != 0)
      result = -1;
  }
  if (result == 0) {
    for (size_t k = 0; k < b->count; k++)
      stage_put_latency(b, "tails", &b->engines[k], "all classes", &all[k]);
    put_ratios(b, "ratio", &top);
    put_ratios(b, "ratio total", &total);
  }
  for (size_t k = 0; k < b->count; k++) samples_free(&all[k]);
  stage_close_all(b);
  compared_free(&top);
  compared_free(&total);
  return result;
}
