/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes to the built index, each durable when it returns: single adds, batches, single deletes,
 * batches of deletes, and then the purge, which makes all that was deleted unreadable. Engines take
 * turns call by call.
 *
 * The same sequence of calls is made several times, each time on a fresh copy of the indexes as
 * they were built: a call does the same work in every repeat, so that it counts with the lower
 * quartile of its repeats, which what else the disk has to do hardly moves (passes.h). Of single
 * calls the ratios are of medians over the calls: what one of them waits for. Every engine's
 * batches are of several kinds (most are quick; one in a few also merges what came before), and
 * their median is of one kind or of another by chance: of batches the ratios are of means over all
 * calls, in which each kind has its share. Percentiles, rates and bytes are of all repeats as they
 * were; what an engine does on another call in every repeat is in these alone.
 *
 * The indexes stay as they were built: the copies are removed.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compared.h"
#include "place.h"
#include "stopwatch.h"
#include "usage.h"

enum { BATCH = 100, KINDS = 4 };

/* Calls of one kind, as they are made in every repeat. */
typedef struct writing {
  const char *subject;
  size_t calls, batch; /* items of one call */
  ratio_middle middle; /* of the calls, for the ratios */
  bool removes;
  const corpus_item *items;                    /* calls * batch of them */
  passes took;                                 /* a pass per repeat, a piece per call */
  double bytes[ENGINES_MAX], cpu[ENGINES_MAX]; /* of all repeats */
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

/* One call of every engine, in turn. */
static int write_in_turn(bench *b, writing *w, size_t repeat, size_t call) {
  size_t order[ENGINES_MAX];
  stage_shuffle(b, order, b->count);
  for (size_t i = 0; i < b->count; i++) {
    const size_t k = order[i];
    place_settle(b->engines[k].dir); /* what the last engine left to the disk is not this one's */
    const uint64_t before = usage_written();
    const double cpu = stopwatch_cpu(), start = stopwatch_now();
    const int result = write_once(&b->engines[k], w, call);
    *passes_at(&w->took, k, repeat, call) = stopwatch_now() - start;
    w->cpu[k] += stopwatch_cpu() - cpu;
    w->bytes[k] += (double)(usage_written() - before);
    if (result != 0) return -1;
  }
  return 0;
}

static void put_writes(bench *b, const writing *w) {
  const double items = (double)(w->calls * w->batch * w->took.count);
  double text = 0;
  for (size_t i = 0; i < w->calls * w->batch; i++)
    text += (double)(w->items[i].subject.size + w->items[i].from.size + w->items[i].body.size);
  text *= (double)w->took.count;
  for (size_t k = 0; k < b->count; k++) {
    const char *name = b->engines[k].class->name;
    samples s = { 0 };
    double sum = 0;
    passes_samples(&w->took, k, w->took.count, &s);
    for (size_t i = 0; i < s.count; i++) sum += s.values[i];
    stage_put_latency(b, "write", &b->engines[k], w->subject, &s);
    samples_free(&s);
    figures_put(&b->figures, "write", name, w->subject, "items", "1/s", items / sum);
    figures_put(&b->figures, "write", name, w->subject, "cpu", "us/item", w->cpu[k] / items * 1e6);
    figures_put(&b->figures, "write", name, w->subject, "written", "KiB/item",
                w->bytes[k] / items / 1024);
    figures_put(&b->figures, "write", name, w->subject, "amplification", "bytes/text",
                w->bytes[k] / text);
  }
}

/* Where an index lies while copies of it take its place. */
static void kept_dir(const contender *c, char *out, size_t size) {
  snprintf(out, size, "%s-kept", c->dir);
}

static int fail(const contender *c) {
  fprintf(stderr, "sealdex-bench: %s: no copy of its index\n", c->class->name);
  return -1;
}

static int keep_all(bench *b) {
  char kept[440];
  stage_close_all(b);
  for (size_t k = 0; k < b->count; k++) {
    kept_dir(&b->engines[k], kept, sizeof kept);
    place_clear(kept);
    if (rename(b->engines[k].dir, kept) != 0) return fail(&b->engines[k]);
  }
  return 0;
}

/* Fresh copies of all indexes, on the disk before the clock starts. */
static int copy_all(const bench *b) {
  char kept[440];
  for (size_t k = 0; k < b->count; k++) {
    kept_dir(&b->engines[k], kept, sizeof kept);
    place_clear(b->engines[k].dir);
    if (place_copy(kept, b->engines[k].dir) != 0) return fail(&b->engines[k]);
  }
  sync();
  return 0;
}

static int restore_all(const bench *b) {
  char kept[440];
  int result = 0;
  for (size_t k = 0; k < b->count; k++) {
    kept_dir(&b->engines[k], kept, sizeof kept);
    if (access(kept, F_OK) != 0) continue;
    place_clear(b->engines[k].dir);
    if (rename(kept, b->engines[k].dir) != 0) result = fail(&b->engines[k]);
  }
  return result;
}

/* The whole sequence once. */
static int write_all(bench *b, writing all[KINDS], size_t repeat) {
  int result = copy_all(b);
  if (result == 0) result = stage_open_all(b, ENGINE_WRITE);
  for (size_t i = 0; i < KINDS && result == 0; i++) {
    fprintf(stderr, "writing: %s\n", all[i].subject);
    for (size_t call = 0; call < all[i].calls && result == 0; call++)
      result = write_in_turn(b, &all[i], repeat, call);
  }
  stage_close_all(b);
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
  const size_t batches = (b->adds + 3) / 4;
  corpus_item *single = make_items(b, b->adds, &ids, "added");
  corpus_item *many = make_items(b, BATCH * batches, &batch_ids, "batch");
  writing all[KINDS] = {
    { "single add", b->adds, 1, RATIO_MEDIAN, false, single, { 0 }, { 0 }, { 0 } },
    { "batch of 100 adds", batches, BATCH, RATIO_MEAN, false, many, { 0 }, { 0 }, { 0 } },
    { "single delete", b->adds, 1, RATIO_MEDIAN, true, single, { 0 }, { 0 }, { 0 } },
    { "batch of 100 deletes", batches, BATCH, RATIO_MEAN, true, many, { 0 }, { 0 }, { 0 } },
  };
  for (size_t i = 0; i < KINDS; i++) all[i].took = passes_new(b->count, all[i].calls, b->repeats);
  int result = keep_all(b);
  for (size_t repeat = 0; repeat < b->repeats && result == 0; repeat++)
    result = write_all(b, all, repeat);
  for (size_t i = 0; i < KINDS; i++) {
    if (result == 0) {
      compared_add_passes(&writes, b, all[i].subject, &all[i].took, all[i].middle);
      put_writes(b, &all[i]);
      stage_keep(b, "write", all[i].subject, &all[i].took);
    }
    passes_free(&all[i].took);
  }
  if (result == 0) compared_put(&writes, b, "ratio write");
  if (result == 0) result = purge_all(b);
  if (restore_all(b) != 0) result = -1;
  compared_free(&writes);
  free(single);
  free(many);
  free(ids);
  free(batch_ids);
  return result;
}
