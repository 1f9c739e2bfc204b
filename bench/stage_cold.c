/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process that was just started (fresh.h) waits for: open the index and answer one query.
 * "warm": its files are in the page cache; "evicted": they are not. Then cold searches of every
 * class: evicted, opened, and only the search timed. Each query runs on all engines, in a drawn
 * order, before the next does, and all of them PASSES times. An engine's turn begins when the disk
 * is idle.
 */
#include <stdio.h>

#include "compared.h"
#include "fresh.h"
#include "place.h"

enum { PASSES = 8 };

/* Some queries of a class, over which every engine is asked in each pass. */
typedef struct asking {
  size_t first;      /* of the queries */
  bool evict, whole; /* whole: the time of opening counts too */
  passes took;
} asking;

/* One query on each engine in turn, each in a fresh process. */
static int ask_all(bench *b, const asking *a, size_t pass, size_t query, fresh *f) {
  size_t order[ENGINES_MAX];
  int result = 0;
  stage_shuffle(b, order, b->count);
  for (size_t k = 0; k < b->count && result == 0; k++) {
    const contender *c = &b->engines[order[k]];
    double open = 0, search = 0;
    if (a->evict) {
      place_settle(c->dir); /* the last engine's read-ahead is not this one's to wait for */
      place_evict(c->dir);
    }
    result = fresh_ask(f, c, &b->work->queries[a->first + query], &open, &search);
    *passes_at(&a->took, order[k], pass, query) = search + (a->whole ? open : 0);
  }
  return result;
}

static int ask_passes(bench *b, const asking *a) {
  fresh *f = fresh_new();
  int result = 0;
  for (size_t pass = 0; pass < a->took.count && result == 0; pass++)
    for (size_t i = 0; i < a->took.pieces && result == 0; i++) result = ask_all(b, a, pass, i, f);
  fresh_free(f);
  return result;
}

static int put_class(bench *b, int class, size_t most, bool evict, const char *stage,
                     const char *subject, bool whole, compared *c) {
  const size_t first = b->work->first[class], end = b->work->first[class + 1];
  asking a = { .first = first, .evict = evict, .whole = whole };
  a.took = passes_new(b->count, end - first < most ? end - first : most, PASSES);
  const int result = ask_passes(b, &a);
  if (result == 0) {
    compared_add_passes(c, b, subject, &a.took, RATIO_MEDIAN);
    stage_keep(b, stage, subject, &a.took);
  }
  for (size_t k = 0; k < b->count && result == 0; k++) {
    samples s = { 0 };
    passes_samples(&a.took, k, PASSES, &s);
    stage_put_latency(b, stage, &b->engines[k], subject, &s);
    samples_free(&s);
  }
  passes_free(&a.took);
  return result;
}

int stage_cold(bench *b) {
  static compared opening, cold;
  int result = 0;
  fprintf(stderr, "opening in fresh processes\n");
  for (size_t k = 0; k < b->count; k++) place_warm(b->engines[k].dir);
  if (put_class(b, QUERY_MEDIUM, 2 * b->cold, false, "open", "page cache warm", true, &opening) !=
          0 ||
      put_class(b, QUERY_MEDIUM, 2 * b->cold, true, "open", "evicted", true, &opening) != 0)
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
