/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many small users: indexes of 20 to 400 items, opened, searched once and closed, in Zipfian order
 * (a few users are busy, most are seldom seen). Sixteen indexes are built, and copied until there
 * are enough of them.
 *
 * The same visits are made in several passes, in an order drawn anew each time. For the ratios a
 * visit counts with the lower quartile of its passes, as queries do (passes.h); for percentiles
 * with their median: an interrupt takes as long as the quickest engine's whole visit, so that one
 * sample in a hundred would tell of the machine, not of the slow visits.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "compared.h"
#include "place.h"
#include "random.h"
#include "stopwatch.h"
#include "usage.h"

enum { MODELS = 16, VISITS = 6 /* for every index */, PASSES = 4 };

static void user_dir(const contender *c, size_t user, char *out, size_t size) {
  snprintf(out, size, "%s-users/%zu", c->dir, user);
}

typedef struct making {
  const bench *b;
  const contender *c;
  size_t user;
} making;

static int make_model(void *context) {
  const making *m = context;
  const engine_class *class = m->c->class;
  char dir[440];
  engine *e = NULL;
  user_dir(m->c, m->user, dir, sizeof dir);
  if (stage_is_peer(m->c)) mkdir(dir, 0700);
  size_t items = (size_t)(20 * pow(20, (double)m->user / (MODELS - 1)));
  const size_t first = m->user * 997 % m->b->mail->count;
  if (items > m->b->mail->count - first) items = m->b->mail->count - first;
  if (class->create(&e, dir) != 0) return -1;
  int result = class->add(e, m->b->mail->items + first, items);
  if (result == 0 && class->finish != NULL) result = class->finish(e);
  class->close(e);
  return result;
}

static int make_users(const bench *b, const contender *c) {
  char dir[440], model[440];
  snprintf(dir, sizeof dir, "%s-users", c->dir);
  place_clear(dir);
  mkdir(dir, 0700);
  for (size_t user = 0; user < b->users; user++) {
    making m = { b, c, user };
    user_dir(c, user, dir, sizeof dir);
    user_dir(c, user % MODELS, model, sizeof model);
    if (user < MODELS ? usage_in_child(make_model, &m) != 0 : place_copy(model, dir) != 0) {
      fprintf(stderr, "sealdex-bench: %s: no index for a user\n", c->class->name);
      return -1;
    }
  }
  return 0;
}

/* Rank from a density that falls as 1 / rank, over all users. */
static size_t draw_user(bench *b) {
  const double u = random_share(&b->random);
  const size_t user = (size_t)pow((double)b->users, u) - 1;
  return user * 7919 % b->users; /* busy users are of all sizes */
}

typedef struct visit {
  size_t user;
  const workload_query *query;
} visit;

static visit *draw_visits(bench *b, size_t count) {
  const size_t first = b->work->first[QUERY_MEDIUM], end = b->work->first[QUERY_AND2 + 1];
  visit *visits = calloc(count + 1, sizeof *visits);
  if (visits == NULL) abort();
  for (size_t i = 0; i < count && end > first; i++) {
    visits[i].user = draw_user(b);
    visits[i].query = &b->work->queries[first + random_next(&b->random) % (end - first)];
  }
  return visits;
}

static int make_visit(const contender *c, const visit *v, double *took) {
  static answer a;
  char dir[440], text[600];
  engine *e = NULL;
  user_dir(c, v->user, dir, sizeof dir);
  c->class->phrase(v->query, text, sizeof text);
  const double start = stopwatch_now();
  if (c->class->open(&e, dir, ENGINE_READ) != 0) return -1;
  const int result = c->class->search(e, v->query, text, ANSWER_HITS, false, &a);
  c->class->close(e);
  *took = stopwatch_now() - start;
  return result;
}

/* All visits once, each to every engine before the next. */
static int make_pass(bench *b, const visit *visits, const passes *took, size_t pass, double *cpu) {
  size_t order[ENGINES_MAX], *sequence = malloc((took->pieces + 1) * sizeof *sequence);
  int result = 0;
  if (sequence == NULL) abort();
  stage_shuffle(b, sequence, took->pieces);
  for (size_t i = 0; i < took->pieces && result == 0; i++) {
    const size_t piece = sequence[i];
    stage_shuffle(b, order, b->count);
    for (size_t j = 0; j < b->count && result == 0; j++) {
      const size_t k = order[j];
      const double before = stopwatch_cpu();
      result = make_visit(&b->engines[k], &visits[piece], passes_at(took, k, pass, piece));
      cpu[k] += stopwatch_cpu() - before;
    }
  }
  free(sequence);
  return result;
}

static void put_users(bench *b, const char *subject, const passes *took, const double *cpu) {
  static compared visits;
  char dir[440];
  compared_add_passes(&visits, b, subject, took, RATIO_MEDIAN);
  compared_put(&visits, b, "ratio users");
  stage_keep(b, "users", subject, took);
  for (size_t k = 0; k < b->count; k++) {
    const char *name = b->engines[k].class->name;
    double *medians = passes_quantiles(took, k, 0.5);
    samples s = { 0 };
    snprintf(dir, sizeof dir, "%s-users", b->engines[k].dir);
    for (size_t i = 0; i < took->pieces; i++) samples_add(&s, medians[i]);
    stage_put_latency(b, "users", &b->engines[k], subject, &s);
    figures_put(&b->figures, "users", name, subject, "cpu", "us/visit",
                cpu[k] / (double)(took->pieces * took->count) * 1e6);
    figures_put(&b->figures, "users", name, subject, "bytes", "KiB/index",
                (double)place_bytes(dir) / 1024 / (double)b->users);
    samples_free(&s);
    free(medians);
  }
}

int stage_users(bench *b) {
  double cpu[ENGINES_MAX] = { 0 };
  passes took = passes_new(b->count, VISITS * b->users, PASSES);
  int result = 0;
  char dir[440], subject[48];
  fprintf(stderr, "visiting %zu small users\n", b->users);
  snprintf(subject, sizeof subject, "%zu indexes", b->users);
  for (size_t k = 0; k < b->count && result == 0; k++) result = make_users(b, &b->engines[k]);
  visit *visits = draw_visits(b, took.pieces);
  for (size_t pass = 0; pass < took.count && result == 0; pass++)
    result = make_pass(b, visits, &took, pass, cpu);
  if (result == 0) put_users(b, subject, &took, cpu);
  for (size_t k = 0; k < b->count; k++) {
    snprintf(dir, sizeof dir, "%s-users", b->engines[k].dir);
    place_clear(dir);
  }
  free(visits);
  passes_free(&took);
  return result;
}
