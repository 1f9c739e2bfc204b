/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process needs that opens an index and does nothing but search: a quarter of the queries of
 * every class, one after the other, by one engine.
 */
#include <stdio.h>

#include "place.h"
#include "stage.h"
#include "usage.h"

enum { EVERY = 4 };

typedef struct searching {
  const bench *b;
  const contender *c;
  usage used;
  double private_mib; /* in the end, without what is mapped of files */
} searching;

static int search_here(void *context) {
  static answer a;
  searching *s = context;
  char text[600];
  engine *e = NULL;
  a.total = 0;
  usage_forget_peak();
  const usage before = usage_now();
  const double private_before = usage_private_mib();
  if (s->c->class->open(&e, s->c->dir, ENGINE_READ) != 0) return -1;
  int result = 0;
  for (size_t i = 0; i < s->b->work->count && result == 0; i += EVERY) {
    s->c->class->phrase(&s->b->work->queries[i], text, sizeof text);
    result = s->c->class->search(e, &s->b->work->queries[i], text, ANSWER_HITS, false, &a);
  }
  s->private_mib = usage_private_mib() - private_before;
  s->used = usage_since(&before);
  s->c->class->close(e);
  return result;
}

int stage_memory(bench *b) {
  fprintf(stderr, "searching in processes of their own\n");
  searching *s = usage_share(sizeof *s);
  int result = 0;
  for (size_t k = 0; k < b->count && result == 0; k++) {
    *s = (searching){ .b = b, .c = &b->engines[k] };
    place_warm(s->c->dir);
    result = usage_in_child(search_here, s);
    const double searches = (double)((b->work->count + EVERY - 1) / EVERY);
    const struct {
      const char *measure, *unit;
      double value;
    } rows[] = {
      { "peak resident", "MiB", s->used.peak_mib },
      { "its own memory", "MiB", s->private_mib },
      { "searches", "1/s", searches / s->used.seconds },
      { "searches per CPU second", "1/s", searches / s->used.cpu },
      { "minor faults", "1/search", (double)s->used.minor / searches },
      { "major faults", "1/search", (double)s->used.major / searches },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && result == 0; i++)
      figures_put(&b->figures, "memory", s->c->class->name, "searching", rows[i].measure,
                  rows[i].unit, rows[i].value);
  }
  usage_unshare(s, sizeof *s);
  return result;
}
