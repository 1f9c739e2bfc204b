/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes to the built index, each durable when it returns: single adds, batches, single deletes,
 * batches of deletes, and then the purge, which makes all that was deleted unreadable. Engines take
 * turns call by call.
 *
 * Every engine's batches are of several kinds (most are quick; one in a few also merges what came
 * before), so that their median is of one kind or of another by chance: ratios are of rounds of
 * TOGETHER batches in a row, which hold all kinds.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compared.h"
#include "place.h"
#include "stopwatch.h"
#include "usage.h"

enum { BATCH = 100, TOGETHER = 10 };

typedef struct writing {
  const char *subject;
  size_t calls, batch; /* items of one call */
  size_t together;     /* calls whose mean is one value for the ratios */
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

typedef struct written {
  passes took; /* a piece per call */
  double bytes[ENGINES_MAX], cpu[ENGINES_MAX];
} written;

/* One call of every engine, in turn. */
static int write_in_turn(bench *b, const writing *w, size_t call, written *out) {
  size_t order[ENGINES_MAX];
  stage_shuffle(b, order, b->count);
  for (size_t i = 0; i < b->count; i++) {
    const size_t k = order[i];
    place_settle(b->engines[k].dir); /* what the last engine left to the disk is not this one's */
    const uint64_t before = usage_written();
    const double cpu = stopwatch_cpu(), start = stopwatch_now();
    const int result = write_once(&b->engines[k], w, call);
    *passes_at(&out->took, k, 0, call) = stopwatch_now() - start;
    out->cpu[k] += stopwatch_cpu() - cpu;
    out->bytes[k] += (double)(usage_written() - before);
    if (result != 0) return -1;
  }
  return 0;
}

/* What the ratios are of: the mean of every `together` calls in a row. */
static void compare_writes(bench *b, const writing *w, const written *out, compared *c) {
  double *values[ENGINES_MAX] = { NULL };
  const size_t together = w->together < w->calls ? w->together : w->calls;
  const size_t rounds = together > 0 ? w->calls / together : 0;
  for (size_t k = 0; k < b->count; k++) {
    values[k] = calloc(rounds + 1, sizeof *values[k]);
    if (values[k] == NULL) abort();
    for (size_t i = 0; i < rounds * together; i++)
      values[k][i / together] += *passes_at(&out->took, k, 0, i) / (double)together;
  }
  if (together > 1)
    compared_add_rounds(c, b, w->subject, values, rounds);
  else
    compared_add(c, b, w->subject, values, rounds);
  for (size_t k = 0; k < b->count; k++) free(values[k]);
}

static void put_writes(bench *b, const writing *w, const written *out) {
  const double items = (double)(w->calls * w->batch);
  double text = 0;
  for (size_t i = 0; i < w->calls * w->batch; i++)
    text += (double)(w->items[i].subject.size + w->items[i].from.size + w->items[i].body.size);
  for (size_t k = 0; k < b->count; k++) {
    const char *name = b->engines[k].class->name;
    samples s = { 0 };
    double sum = 0;
    passes_samples(&out->took, k, 1, &s);
    for (size_t i = 0; i < s.count; i++) sum += s.values[i];
    stage_put_latency(b, "write", &b->engines[k], w->subject, &s);
    samples_free(&s);
    figures_put(&b->figures, "write", name, w->subject, "items", "1/s", items / sum);
    figures_put(&b->figures, "write", name, w->subject, "cpu", "us/item",
                out->cpu[k] / items * 1e6);
    figures_put(&b->figures, "write", name, w->subject, "written", "KiB/item",
                out->bytes[k] / items / 1024);
    figures_put(&b->figures, "write", name, w->subject, "amplification", "bytes/text",
                out->bytes[k] / text);
  }
}

static int write_all(bench *b, const writing *w, compared *c) {
  written out = { .took = passes_new(b->count, w->calls, 1) };
  int result = 0;
  fprintf(stderr, "writing: %s\n", w->subject);
  for (size_t call = 0; call < w->calls && result == 0; call++)
    result = write_in_turn(b, w, call, &out);
  if (result == 0) {
    compare_writes(b, w, &out, c);
    put_writes(b, w, &out);
    stage_keep(b, "write", w->subject, &out.took);
  }
  passes_free(&out.took);
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
  const size_t batches = (b->adds + 1) / 2;
  corpus_item *single = make_items(b, b->adds, &ids, "added");
  corpus_item *many = make_items(b, BATCH * batches, &batch_ids, "batch");
  const writing all[] = {
    { "single add", b->adds, 1, 1, false, single },
    { "batch of 100 adds", batches, BATCH, TOGETHER, false, many },
    { "single delete", b->adds, 1, 1, true, single },
    { "batch of 100 deletes", batches, BATCH, TOGETHER, true, many },
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
