/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes to the built index, each durable when it returns: single adds, batches, single deletes,
 * batches of deletes, and then the purge, which makes all that was deleted unreadable.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compared.h"
#include "place.h"
#include "stopwatch.h"
#include "usage.h"

enum { BATCH = 100, BATCHES = 20 };

typedef struct writing {
  const char *subject;
  size_t calls, batch; /* items of one call */
  bool removes;
  const corpus_item *items; /* calls * batch of them */
} writing;

/* New items with texts of the mail. */
static corpus_item *make_items(const bench *b, size_t count, char **ids, const char *prefix) {
  corpus_item *items = calloc(count, sizeof *items);
  *ids = malloc(count * 32);
  if (items == NULL || *ids == NULL) abort();
  for (size_t i = 0; i < count; i++) {
    items[i] = b->mail->items[(i * 7919 + 13) % b->mail->count];
    items[i].id = *ids + i * 32;
    snprintf(*ids + i * 32, 32, "%s/%zu", prefix, i);
    items[i].date = b->mail->items[b->mail->count - 1].date + 60 * (int64_t)(i + 1);
  }
  return items;
}

static int write_once(const contender *c, const writing *w, size_t call) {
  const corpus_item *items = w->items + call * w->batch;
  return w->removes ? c->class->remove(c->e, items, w->batch)
                    : c->class->add(c->e, items, w->batch);
}

static int write_all(bench *b, const writing *w, compared *c) {
  samples took[ENGINES_MAX] = { 0 };
  double written[ENGINES_MAX] = { 0 }, cpu[ENGINES_MAX] = { 0 }, text = 0;
  size_t order[ENGINES_MAX];
  int result = 0;
  fprintf(stderr, "writing: %s\n", w->subject);
  for (size_t i = 0; i < w->calls * w->batch; i++)
    text += (double)(w->items[i].subject.size + w->items[i].from.size + w->items[i].body.size);
  for (size_t call = 0; call < w->calls && result == 0; call++) {
    stage_shuffle(b, order, b->count);
    for (size_t i = 0; i < b->count && result == 0; i++) {
      const size_t k = order[i];
      const uint64_t before = usage_written();
      const double cpu_before = stopwatch_cpu(), start = stopwatch_now();
      result = write_once(&b->engines[k], w, call);
      samples_add(&took[k], stopwatch_now() - start);
      cpu[k] += stopwatch_cpu() - cpu_before;
      written[k] += (double)(usage_written() - before);
    }
  }
  if (result == 0) compared_add_samples(c, b, w->subject, took);
  for (size_t k = 0; k < b->count; k++) {
    const char *name = b->engines[k].class->name;
    const double items = (double)(w->calls * w->batch);
    if (result == 0) {
      double sum = 0;
      for (size_t i = 0; i < took[k].count; i++) sum += took[k].values[i];
      stage_put_latency(b, "write", &b->engines[k], w->subject, &took[k]);
      figures_put(&b->figures, "write", name, w->subject, "items", "1/s", items / sum);
      figures_put(&b->figures, "write", name, w->subject, "cpu", "us/item", cpu[k] / items * 1e6);
      figures_put(&b->figures, "write", name, w->subject, "written", "KiB/item",
                  written[k] / items / 1024);
      figures_put(&b->figures, "write", name, w->subject, "amplification", "bytes/text",
                  written[k] / text);
    }
    samples_free(&took[k]);
  }
  return result;
}

typedef struct purging {
  const contender *c;
  usage *used;
} purging;

static int purge_here(void *context) {
  const purging *p = context;
  usage_forget_peak();
  const usage before = usage_now();
  const int result = p->c->class->purge(p->c->dir);
  *p->used = usage_since(&before);
  return result;
}

static int purge_all(bench *b) {
  usage *used = usage_share(sizeof *used);
  int result = 0;
  for (size_t k = 0; k < b->count && result == 0; k++) {
    const contender *c = &b->engines[k];
    fprintf(stderr, "purging %s\n", c->class->name);
    purging p = { c, used };
    result = usage_in_child(purge_here, &p);
    figures_put(&b->figures, "write", c->class->name, "purge", "seconds", "s", used->seconds);
    figures_put(&b->figures, "write", c->class->name, "purge", "cpu", "s", used->cpu);
    figures_put(&b->figures, "write", c->class->name, "purge", "peak", "MiB", used->peak_mib);
    figures_put(&b->figures, "write", c->class->name, "purge", "written", "MiB",
                (double)used->written / 1048576);
    figures_put(&b->figures, "size", c->class->name, "after writes and purge", "bytes", "bytes",
                (double)place_bytes(c->dir));
  }
  usage_unshare(used, sizeof *used);
  return result;
}

int stage_write(bench *b) {
  static compared writes;
  char *ids = NULL, *batch_ids = NULL;
  corpus_item *single = make_items(b, b->adds, &ids, "added");
  corpus_item *many = make_items(b, BATCH * BATCHES, &batch_ids, "batch");
  const writing all[] = {
    { "single add", b->adds, 1, false, single },
    { "batch of 100 adds", BATCHES, BATCH, false, many },
    { "single delete", b->adds, 1, true, single },
    { "batch of 100 deletes", BATCHES, BATCH, true, many },
  };
  int result = stage_open_all(b, ENGINE_WRITE);
  for (size_t i = 0; i < sizeof all / sizeof all[0] && result == 0; i++)
    result = write_all(b, &all[i], &writes);
  stage_close_all(b);
  if (result == 0) compared_put(&writes, b, "ratio write");
  if (result == 0) result = purge_all(b);
  compared_free(&writes);
  free(single);
  free(many);
  free(ids);
  free(batch_ids);
  return result;
}
