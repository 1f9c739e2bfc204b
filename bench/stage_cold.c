/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a fresh process waits for: open the index and answer one query. "warm": its files are in the
 * page cache; "evicted": they are not. Then cold searches of every class: evicted, opened, and only
 * the search timed.
 */
#include <stdio.h>

#include "compared.h"
#include "place.h"
#include "stopwatch.h"
#include "usage.h"

enum { OPENS = 60 };

typedef struct fresh {
  const contender *c;
  const workload_query *query;
  double *took; /* [0] open, [1] search; shared with the child */
} fresh;

static int ask_fresh(void *context) {
  static answer a;
  const fresh *f = context;
  char text[600];
  engine *e = NULL;
  f->c->class->phrase(f->query, text, sizeof text);
  const double start = stopwatch_now();
  if (f->c->class->open(&e, f->c->dir, ENGINE_READ) != 0) return -1;
  const double opened = stopwatch_now();
  const int result = f->c->class->search(e, f->query, text, ANSWER_HITS, false, &a);
  f->took[1] = stopwatch_now() - opened;
  f->took[0] = opened - start;
  f->c->class->close(e);
  return result;
}

/* Asks each engine in turn for some queries of a class, each in a fresh process. */
static int ask_class(bench *b, int class, size_t most, bool evict, samples *whole,
                     samples *searches) {
  double *took = usage_share(2 * sizeof *took);
  size_t order[ENGINES_MAX];
  int result = 0;
  const size_t first = b->work->first[class], end = b->work->first[class + 1];
  for (size_t i = first; i < end && i < first + most && result == 0; i++) {
    stage_shuffle(b, order, b->count);
    for (size_t k = 0; k < b->count && result == 0; k++) {
      fresh f = { &b->engines[order[k]], &b->work->queries[i], took };
      if (evict) place_evict(f.c->dir);
      result = usage_in_child(ask_fresh, &f);
      samples_add(&whole[order[k]], took[0] + took[1]);
      samples_add(&searches[order[k]], took[1]);
    }
  }
  usage_unshare(took, 2 * sizeof *took);
  return result;
}

static int put_class(bench *b, int class, size_t most, bool evict, const char *stage,
                     const char *subject, bool whole, compared *c) {
  samples opens[ENGINES_MAX] = { 0 }, searches[ENGINES_MAX] = { 0 };
  const int result = ask_class(b, class, most, evict, opens, searches);
  if (result == 0) compared_add_samples(c, b, subject, whole ? opens : searches);
  for (size_t k = 0; k < b->count; k++) {
    if (result == 0)
      stage_put_latency(b, stage, &b->engines[k], subject, whole ? &opens[k] : &searches[k]);
    samples_free(&opens[k]);
    samples_free(&searches[k]);
  }
  return result;
}

int stage_cold(bench *b) {
  static compared opening, cold;
  int result = 0;
  fprintf(stderr, "opening in fresh processes\n");
  for (size_t k = 0; k < b->count; k++) place_warm(b->engines[k].dir);
  if (put_class(b, QUERY_MEDIUM, OPENS, false, "open", "page cache warm", true, &opening) != 0 ||
      put_class(b, QUERY_MEDIUM, OPENS, true, "open", "evicted", true, &opening) != 0)
    result = -1;
  fprintf(stderr, "searching what is not in memory\n");
  for (int class = 0; class < QUERY_CLASSES && result == 0; class ++)
    result = put_class(b, class, b->cold, true, "cold", query_class_name((query_class) class),
                       false, &cold);
  if (result == 0) compared_put(&opening, b, "ratio open");
  if (result == 0) compared_put(&cold, b, "ratio cold");
  for (size_t k = 0; k < b->count; k++) place_warm(b->engines[k].dir);
  compared_free(&opening);
  compared_free(&cold);
  return result;
}
