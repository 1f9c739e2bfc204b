/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bulk build from decoded text, in a process of its own, until all is durable and found; then what an
 * engine's users run behind it, told apart. Engines take turns; those that are quick build several
 * times, and the last index stays for the other stages.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "place.h"
#include "stage.h"
#include "usage.h"

enum { SLOW_SECONDS = 30, ROUNDS_MAX = 9, THREADS = 2 };

/* What it took until the items were durable, and until upkeep behind that was done. */
typedef struct built {
  usage durable, settled;
} built;

typedef struct building {
  const bench *b;
  const contender *c;
  const char *from; /* of engines that are derived */
  unsigned threads; /* 0: as an engine does by itself, and upkeep behind it */
  built *used;
} building;

static int build_here(void *context) {
  const building *w = context;
  const engine_class *class = w->c->class;
  usage_forget_peak();
  const usage before = usage_now();
  int result = 0;
  if (w->from != NULL) {
    result = class->derive(w->from, w->c->dir);
  } else {
    engine *e = NULL;
    if (class->create(&e, w->c->dir) != 0) return -1;
    const corpus *mail = w->b->mail;
    result = w->threads > 0 ? class->add_on(e, mail->items, mail->count, w->threads)
                            : class->add(e, mail->items, mail->count);
    w->used->durable = usage_since(&before);
    if (result == 0 && w->threads == 0 && class->finish != NULL) result = class->finish(e);
    class->close(e);
  }
  w->used->settled = usage_since(&before);
  if (w->from != NULL) w->used->durable = w->used->settled;
  return result;
}

static const char *made_from(const bench *b, const contender *c) {
  if (c->class->made_of == NULL) return NULL;
  for (size_t k = 0; k < b->count; k++)
    if (strcmp(b->engines[k].class->name, c->class->made_of) == 0) return b->engines[k].dir;
  return NULL;
}

static int build_once(bench *b, const contender *c, unsigned threads, built *used) {
  built *shared = usage_share(sizeof *shared);
  building w = { b, c, made_from(b, c), threads, shared };
  place_clear(c->dir);
  /* Sealdex makes its directory itself, the others want one. */
  if (stage_is_peer(c)) mkdir(c->dir, 0700);
  const int result = usage_in_child(build_here, &w);
  *used = *shared;
  usage_unshare(shared, sizeof *shared);
  if (result != 0) fprintf(stderr, "sealdex-bench: %s did not build\n", c->class->name);
  return result;
}

static int ascending(const void *a, const void *b) {
  const double x = ((const built *)a)->durable.seconds, y = ((const built *)b)->durable.seconds;
  return (x > y) - (x < y);
}

static void put_usage(bench *b, const char *name, const char *subject, const usage *u) {
  const double text = (double)b->mail->text_bytes;
  figures *f = &b->figures;
  figures_put(f, "build", name, subject, "items", "1/s", (double)b->mail->count / u->seconds);
  figures_put(f, "build", name, subject, "seconds", "s", u->seconds);
  figures_put(f, "build", name, subject, "cpu", "s", u->cpu);
  figures_put(f, "build", name, subject, "peak", "MiB", u->peak_mib);
  figures_put(f, "build", name, subject, "minor faults", "1", (double)u->minor);
  figures_put(f, "build", name, subject, "major faults", "1", (double)u->major);
  figures_put(f, "build", name, subject, "written", "bytes/text", (double)u->written / text);
}

static void put(bench *b, const contender *c, built *runs, size_t n, double base) {
  qsort(runs, n, sizeof *runs, ascending);
  usage *u = &runs[(n - 1) / 2].durable, *settled = &runs[(n - 1) / 2].settled;
  u->seconds += base; /* of what it was derived from */
  settled->seconds += base;
  const double text = (double)b->mail->text_bytes, bytes = (double)place_bytes(c->dir);
  const char *name = c->class->name;
  figures *f = &b->figures;
  const bool derived = made_from(b, c) != NULL;
  figures_put(f, "build", name, "bulk", "rate", "MB/s", text / 1e6 / u->seconds);
  figure *rate = &f->rows[f->count - 1];
  rate->low = text / 1e6 / runs[n - 1].durable.seconds;
  rate->high = text / 1e6 / runs[0].durable.seconds;
  rate->n = n;
  put_usage(b, name, "bulk", u);
  figures_put(f, "build", name, "bulk and upkeep", "rate", "MB/s", text / 1e6 / settled->seconds);
  put_usage(b, name, "bulk and upkeep", settled);
  if (!derived && b->mail->raw_bytes > 0)
    figures_put(f, "build", name, "bulk", "from raw files", "MB/s",
                (double)b->mail->raw_bytes / 1e6 / (u->seconds + b->mail->decode_seconds));
  figures_put(f, "size", name, "bulk", "bytes", "bytes", bytes);
  figures_put(f, "size", name, "bulk", "size", "bytes/text", bytes / text);
  if (c->class->used != NULL)
    figures_put(f, "size", name, "pages in use", "size", "bytes/text",
                (double)c->class->used(c->dir) / text);
}

/* On several threads, in a place beside; between the rounds of the others, so that both have the same machine. */
static int build_on(bench *b, const contender *c, unsigned threads, built *used) {
  contender beside = *c;
  if (c->class->add_on == NULL) return 0;
  snprintf(beside.dir, sizeof beside.dir, "%.390s-on", c->dir);
  const int result = build_once(b, &beside, threads, used);
  place_clear(beside.dir);
  return result;
}

static void put_threads(bench *b, const contender *c, unsigned threads, built *runs, size_t n) {
  char subject[32];
  const double text = (double)b->mail->text_bytes;
  if (c->class->add_on == NULL || n == 0) return;
  qsort(runs, n, sizeof *runs, ascending);
  snprintf(subject, sizeof subject, "bulk, %u threads", threads);
  figures_put(&b->figures, "build", c->class->name, subject, "rate", "MB/s",
              text / 1e6 / runs[(n - 1) / 2].durable.seconds);
  put_usage(b, c->class->name, subject, &runs[(n - 1) / 2].durable);
}

/* A slow engine's index from an earlier run on the same mail is taken as it is, with its figures.
 */
static bool stands(const bench *b, const contender *c) {
  return figures_find(&b->earlier, "build", c->class->name, "bulk", "rate") != NULL &&
         access(c->dir, F_OK) == 0;
}

static void put_earlier(bench *b, const contender *c) {
  for (size_t i = 0; i < b->earlier.count; i++) {
    const figure *r = &b->earlier.rows[i];
    if (strcmp(r->engine, c->class->name) == 0 &&
        strncmp(r->subject, "bulk", 4) == 0)
      figures_add(&b->figures, r);
  }
}

int stage_build(bench *b) {
  static built runs[ENGINES_MAX][ROUNDS_MAX], together[ENGINES_MAX][ROUNDS_MAX];
  size_t n[ENGINES_MAX] = { 0 };
  const size_t rounds = b->rounds < ROUNDS_MAX ? b->rounds : ROUNDS_MAX;
  for (size_t round = 0; round < rounds; round++) {
    for (size_t k = 0; k < b->count; k++) {
      if (stands(b, &b->engines[k])) continue;
      if (round > 0 && (runs[k][0].durable.seconds > SLOW_SECONDS || made_from(b, &b->engines[k]) != NULL))
        continue;
      fprintf(stderr, "building %s\n", b->engines[k].class->name);
      if (build_once(b, &b->engines[k], 0, &runs[k][n[k]]) != 0) return -1;
      if (build_on(b, &b->engines[k], THREADS, &together[k][n[k]++]) != 0) return -1;
    }
  }
  for (size_t k = 0; k < b->count; k++) {
    double base = 0;
    if (n[k] == 0) {
      put_earlier(b, &b->engines[k]);
      continue;
    }
    for (size_t i = 0; i < b->count; i++)
      if (made_from(b, &b->engines[k]) == b->engines[i].dir)
        base = n[i] > 0 ? runs[i][(n[i] - 1) / 2].durable.seconds
                        : figures_value(&b->earlier, "build", b->engines[i].class->name, "bulk",
                                        "seconds");
    put(b, &b->engines[k], runs[k], n[k], base);
    put_threads(b, &b->engines[k], THREADS, together[k], n[k]);
  }
  return 0;
}
