/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 1, 2, 4 and 8 readers beside a writer that makes 50 single adds per second, each durable. Readers
 * are threads of one process (sharing a handle where the engine allows it) or processes, and always
 * see the newest mail. Each asks one query of every class, the classes in a drawn order, then again
 * one of every class, and so on: its own sequence each round, the same for every engine. Of a slow
 * engine, which answers a few dozen queries in a run, classes that take a thousand times as long as
 * others would else make up more or less of a run by chance. Before the clock starts, each asks
 * other queries for a while: what a new process costs is the cold stage's. Engines take turns in
 * several rounds of short runs, in an order drawn anew each time; rates are means of the middle
 * half of the rounds, percentiles of all searches. A reader's rate counts from search to search:
 * many of a slow engine's outlast the run.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "compared.h"
#include "histogram.h"
#include "random.h"
#include "ratio.h"
#include "stopwatch.h"
#include "usage.h"

enum { READERS_MAX = 8, PARTIES = 8, ROUNDS_MAX = 15 };
static const double warming_seconds = 0.35, add_interval = 0.02; /* opening counts as warming */

/* Where a reader is in its sequence of queries. */
typedef struct sequence {
  uint64_t random;
  size_t left; /* classes that the next queries are of */
  int classes[QUERY_CLASSES];
} sequence;

typedef struct outcome {
  histogram searches, adds;
  double cpu, elapsed; /* seconds */
  int failed;
} outcome;

/* One reader, or the writer. */
typedef struct worker {
  const bench *b;
  const contender *c;
  engine *shared; /* NULL: opens its own */
  size_t number;
  uint64_t random, warming; /* of a reader: where its sequences of queries begin */
  double start, end;
  outcome *out;
} worker;

static void sleep_until(double when) {
  const double left = when - stopwatch_now();
  if (left <= 0) return;
  const struct timespec t = { (time_t)left, (long)((left - floor(left)) * 1e9) };
  nanosleep(&t, NULL);
}

static const workload_query *draw_next(const workload *work, sequence *s) {
  if (s->left == 0)
    for (int class = 0; class < QUERY_CLASSES; class ++)
      if (work->first[class + 1] > work->first[class]) s->classes[s->left++] = class;
  const size_t at = random_next(&s->random) % s->left;
  const int class = s->classes[at];
  s->classes[at] = s->classes[--s->left];
  const size_t count = work->first[class + 1] - work->first[class];
  return &work->queries[work->first[class] + random_next(&s->random) % count];
}

/* Returns how many seconds it took. */
static double ask_next(const worker *w, engine *e, sequence *s, answer *a) {
  char text[600];
  const workload_query *q = draw_next(w->b->work, s);
  w->c->class->phrase(q, text, sizeof text);
  const double before = stopwatch_now();
  if (w->c->class->search(e, q, text, ANSWER_HITS, false, a) != 0) w->out->failed = 1;
  return stopwatch_now() - before;
}

static void *read_on(void *context) {
  worker *w = context;
  answer *a = malloc(sizeof *a);
  engine *e = w->shared;
  sequence counted = { .random = w->random }, warming = { .random = w->warming };
  if (a == NULL || (e == NULL && w->c->class->open(&e, w->c->dir, ENGINE_FOLLOW) != 0)) {
    w->out->failed = 1;
    free(a);
    return NULL;
  }
  while (stopwatch_now() < w->start && !w->out->failed) ask_next(w, e, &warming, a);
  const double start = stopwatch_now(), cpu = stopwatch_read(CLOCK_THREAD_CPUTIME_ID);
  do {
    histogram_add(&w->out->searches, ask_next(w, e, &counted, a));
    w->out->elapsed = stopwatch_now() - start;
  } while (start + w->out->elapsed < w->end && !w->out->failed);
  w->out->cpu = stopwatch_read(CLOCK_THREAD_CPUTIME_ID) - cpu;
  if (e != w->shared) w->c->class->close(e);
  free(a);
  return NULL;
}

static void *write_on(void *context) {
  worker *w = context;
  engine *e = NULL;
  char id[64];
  if (w->c->class->open(&e, w->c->dir, ENGINE_WRITE) != 0) {
    w->out->failed = 1;
    return NULL;
  }
  sleep_until(w->start);
  for (size_t i = 0; stopwatch_now() < w->end && !w->out->failed; i++) {
    corpus_item item = w->b->mail->items[(w->number + i * 31) % w->b->mail->count];
    snprintf(id, sizeof id, "live/%zu/%zu", w->number, i);
    item.id = id;
    item.date = w->b->mail->items[w->b->mail->count - 1].date + (int64_t)i;
    const double before = stopwatch_now();
    if (w->c->class->add(e, &item, 1) != 0) w->out->failed = 1;
    histogram_add(&w->out->adds, stopwatch_now() - before);
    sleep_until(w->start + add_interval * (double)(i + 1));
  }
  w->c->class->close(e);
  return NULL;
}

typedef struct party {
  const bench *b;
  const contender *c;
  size_t readers, serial, round;
  bool processes;
  double start;
  outcome *outs; /* of the readers, then of the writer; shared */
} party;

static worker make_worker(const party *p, size_t i) {
  return (worker){ .b = p->b,
                   .c = p->c,
                   .number = i < p->readers ? i : p->serial,
                   .random = 77 + i + p->round * READERS_MAX,
                   .warming = 7777 + i + p->round * READERS_MAX,
                   .start = p->start,
                   .end = p->start + p->b->seconds,
                   .out = &p->outs[i] };
}

static int run_threads(void *context) {
  const party *p = context;
  pthread_t threads[READERS_MAX + 1];
  worker workers[READERS_MAX + 1];
  engine *shared = NULL;
  if (p->c->class->threads && p->c->class->open(&shared, p->c->dir, ENGINE_FOLLOW) != 0) return -1;
  for (size_t i = 0; i <= p->readers; i++) {
    workers[i] = make_worker(p, i);
    if (i < p->readers) workers[i].shared = shared;
    if (pthread_create(&threads[i], NULL, i < p->readers ? read_on : write_on, &workers[i]) != 0)
      abort();
  }
  for (size_t i = 0; i <= p->readers; i++) pthread_join(threads[i], NULL);
  if (shared != NULL) p->c->class->close(shared);
  return 0;
}

static int run_processes(const party *p) {
  pid_t pids[READERS_MAX + 1];
  int result = 0;
  fflush(NULL);
  for (size_t i = 0; i <= p->readers; i++) {
    worker w = make_worker(p, i);
    pids[i] = fork();
    if (pids[i] != 0) continue;
    if (i < p->readers)
      read_on(&w);
    else
      write_on(&w);
    _exit(w.out->failed);
  }
  for (size_t i = 0; i <= p->readers; i++) {
    int status = -1;
    waitpid(pids[i], &status, 0);
    if (status != 0) result = -1;
  }
  return result;
}

/* All rounds of one engine with so many readers. */
typedef struct tally {
  histogram searches, adds;
  double rates[ROUNDS_MAX], add_rates[ROUNDS_MAX]; /* per second */
  double waits[ROUNDS_MAX];                        /* seconds per search: 1 / rate */
  double cpu;
} tally;

static int run_party(bench *b, contender *c, size_t readers, bool processes, size_t round,
                     tally *t) {
  const size_t size = (READERS_MAX + 1) * sizeof(outcome);
  party p = { .b = b,
              .c = c,
              .readers = readers,
              .serial = (size_t)(random_next(&b->random) % 1000000000),
              .round = round,
              .processes = processes,
              .outs = usage_share(size) };
  p.start = stopwatch_now() + warming_seconds;
  int result = processes ? run_processes(&p) : usage_in_child(run_threads, &p);
  double rate = 0;
  for (size_t i = 0; i < readers; i++) {
    histogram_join(&t->searches, &p.outs[i].searches);
    rate += (double)p.outs[i].searches.count / fmax(p.outs[i].elapsed, 1e-6);
    t->cpu += p.outs[i].cpu;
    if (p.outs[i].failed) result = -1;
  }
  histogram_join(&t->adds, &p.outs[readers].adds);
  t->rates[round] = rate;
  t->waits[round] = 1 / fmax(rate, 1e-3);
  t->add_rates[round] = (double)p.outs[readers].adds.count / b->seconds;
  usage_unshare(p.outs, size);
  return result;
}

static void put_party(bench *b, const contender *c, const char *subject, size_t rounds, tally *t) {
  double low = INFINITY, high = 0;
  for (size_t i = 0; i < rounds; i++) {
    low = fmin(low, t->rates[i]);
    high = fmax(high, t->rates[i]);
  }
  const struct {
    const char *measure, *unit;
    double value;
  } rows[] = {
    { "searches", "1/s", ratio_midmean(t->rates, rounds) },
    { "p50", "us", histogram_quantile(&t->searches, 0.5) * 1e6 },
    { "p99", "us", histogram_tail(&t->searches, 0.99) * 1e6 },
    { "cpu", "us", t->cpu / (double)(t->searches.count > 0 ? t->searches.count : 1) * 1e6 },
    { "adds", "1/s", ratio_midmean(t->add_rates, rounds) },
    { "add p50", "us", histogram_quantile(&t->adds, 0.5) * 1e6 },
  };
  const size_t at = b->figures.count;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    figures_put(&b->figures, "readers", c->class->name, subject, rows[i].measure, rows[i].unit,
                rows[i].value);
  b->figures.rows[at].low = low;
  b->figures.rows[at].high = high;
  b->figures.rows[at].n = rounds;
}

int stage_readers(bench *b) {
  static const size_t counts[PARTIES] = { 1, 2, 4, 8, 1, 2, 4, 8 };
  static compared rates;
  const size_t rounds = b->turns < ROUNDS_MAX ? b->turns : ROUNDS_MAX;
  tally *tallies = calloc(PARTIES * ENGINES_MAX, sizeof *tallies);
  if (tallies == NULL) abort();
  int result = 0;
  fprintf(stderr, "reading beside a writer\n");
  for (size_t round = 0; round < rounds; round++)
    for (size_t i = 0; i < PARTIES; i++) {
      size_t order[ENGINES_MAX];
      stage_shuffle(b, order, b->count);
      for (size_t k = 0; k < b->count && result == 0; k++)
        result = run_party(b, &b->engines[order[k]], counts[i], i >= PARTIES / 2, round,
                           &tallies[i * ENGINES_MAX + order[k]]);
    }
  for (size_t i = 0; i < PARTIES && result == 0; i++) {
    char subject[48];
    double *waits[ENGINES_MAX];
    const bool processes = i >= PARTIES / 2;
    snprintf(subject, sizeof subject, "%zu %s%s", counts[i], processes ? "process" : "thread",
             counts[i] == 1 ? ""
             : processes    ? "es"
                            : "s");
    for (size_t k = 0; k < b->count; k++) {
      tally *t = &tallies[i * ENGINES_MAX + k];
      waits[k] = t->waits;
      put_party(b, &b->engines[k], subject, rounds, t);
    }
    compared_add(&rates, b, subject, waits, rounds, RATIO_MIDMEAN);
  }
  if (result == 0) compared_put(&rates, b, "ratio readers");
  compared_free(&rates);
  free(tallies);
  return result;
}
