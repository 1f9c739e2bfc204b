/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sealdex-bench: the same mail, the same queries, engines in turn in one run.
 *
 *   sealdex-bench [--limit N] [--queries N] [--passes N] [--adds N] [--seed N] [--work DIR]
 *                 [--only ENGINE] [--json FILE] PATH...
 */
#include <ftw.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine.h"
#include "samples.h"
#include "stopwatch.h"

enum { ENGINES = 3 };

typedef struct settings {
  size_t limit, queries, passes, adds;
  uint64_t seed;
  const char *work, *json, *only;
} settings;

typedef struct contender {
  const engine_class *class;
  char dir[400];
  double build_seconds, build_cpu;
  uint64_t bytes;
  samples adds;
  samples classes[QUERY_CLASSES];
  uint64_t hits[QUERY_CLASSES]; /* totals, for comparing meanings */
  engine *e;
} contender;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}

static uint64_t measured_bytes; /* nftw has no context argument */
static int add_bytes(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)path, (void)at;
  if (type == FTW_F) measured_bytes += (uint64_t)st->st_size;
  return 0;
}

uint64_t engine_bytes(const char *dir) {
  measured_bytes = 0;
  nftw(dir, add_bytes, 16, FTW_PHYS);
  return measured_bytes;
}

static int build(contender *c, const settings *s, const corpus *mail) {
  snprintf(c->dir, sizeof c->dir, "%s/%s", s->work, c->class->name);
  nftw(c->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  /* sdx_init makes its own directory; the others want one. */
  if (c->class != &engine_sealdex && mkdir(c->dir, 0700) != 0) {
    perror(c->dir);
    return -1;
  }
  engine *e = NULL;
  if (c->class->create(&e, c->dir) != 0) return -1;
  const double start = stopwatch_now(), cpu = stopwatch_cpu();
  const int result = c->class->build(e, mail);
  c->build_seconds = stopwatch_now() - start;
  c->build_cpu = stopwatch_cpu() - cpu;
  c->class->close(e);
  c->bytes = engine_bytes(c->dir);
  return result;
}

/* Engines take turns, query by query, so that a noisy machine hurts all alike; the first pass warms. */
static int search_class(contender *engines, size_t n, const workload *w, int class, size_t passes) {
  char text[600];
  answer a;
  for (size_t pass = 0; pass <= passes; pass++) {
    for (size_t i = w->first[class]; i < w->first[class + 1]; i++) {
      for (size_t k = 0; k < n; k++) {
        contender *c = &engines[(k + i + pass) % n];
        c->class->phrase(&w->queries[i], text, sizeof text);
        const double start = stopwatch_now();
        if (c->class->search(c->e, &w->queries[i], text, pass == 0, &a) != 0) return -1;
        if (pass > 0) samples_add(&c->classes[class], stopwatch_now() - start);
        else c->hits[class] += a.total;
      }
    }
  }
  return 0;
}

static int measure_adds(contender *engines, size_t n, const corpus *mail, size_t adds) {
  char id[200];
  for (size_t i = 0; i < adds; i++) {
    corpus_item item = mail->items[(i * 7919) % mail->count];
    snprintf(id, sizeof id, "added/%zu", i);
    item.id = id;
    for (size_t k = 0; k < n; k++) {
      contender *c = &engines[(k + i) % n];
      const double start = stopwatch_now();
      if (c->class->add(c->e, &item) != 0) return -1;
      samples_add(&c->adds, stopwatch_now() - start);
    }
  }
  return 0;
}

static void print_table(contender *engines, size_t n, const corpus *mail, const workload *w) {
  const double megabytes = (double)mail->text_bytes / 1e6;
  printf("\n%zu items, %.1f MB of text, decoded in %.1f s\n\n", mail->count, megabytes,
         mail->decode_seconds);
  printf("| |");
  for (size_t k = 0; k < n; k++) printf(" %s |", engines[k].class->name);
  printf("\n|---|");
  for (size_t k = 0; k < n; k++) printf("---|");
  printf("\n| build MB/s |");
  for (size_t k = 0; k < n; k++) printf(" %.2f |", megabytes / engines[k].build_seconds);
  printf("\n| build CPU s |");
  for (size_t k = 0; k < n; k++) printf(" %.2f |", engines[k].build_cpu);
  printf("\n| size / text |");
  for (size_t k = 0; k < n; k++)
    printf(" %.3f |", (double)engines[k].bytes / (double)mail->text_bytes);
  printf("\n| add + durable commit p50 ms |");
  for (size_t k = 0; k < n; k++) printf(" %.3f |", samples_quantile(&engines[k].adds, 0.5) * 1e3);
  for (int class = 0; class < QUERY_CLASSES; class++) {
    printf("\n| %s (%zu) p50 us |", query_class_name((query_class)class),
           w->first[class + 1] - w->first[class]);
    for (size_t k = 0; k < n; k++)
      printf(" %.1f |", samples_quantile(&engines[k].classes[class], 0.5) * 1e6);
    printf(" p99");
    for (size_t k = 0; k < n; k++)
      printf(" %.0f", samples_quantile(&engines[k].classes[class], 0.99) * 1e6);
    printf("; hits");
    for (size_t k = 0; k < n; k++) printf(" %llu", (unsigned long long)engines[k].hits[class]);
  }
  printf("\n");
}

static int run(const settings *s, const char *const *paths, size_t path_count) {
  corpus mail;
  workload w = { 0 };
  contender engines[ENGINES] = { { .class = &engine_sealdex }, { .class = &engine_xapian },
                                 { .class = &engine_fts5 } };
  size_t n = ENGINES;
  int result = -1;
  if (corpus_read(&mail, paths, path_count, s->limit) != 0) return -1;
  if (workload_draw(&w, &mail, s->queries, s->seed) != 0) goto out;
  if (s->only != NULL) {
    size_t kept = 0;
    for (size_t k = 0; k < n; k++)
      if (strcasecmp(engines[k].class->name, s->only) == 0) engines[kept++] = engines[k];
    n = kept;
  }
  for (size_t k = 0; k < n; k++) {
    fprintf(stderr, "building %s\n", engines[k].class->describe);
    if (build(&engines[k], s, &mail) != 0) goto out;
  }
  for (size_t k = 0; k < n; k++)
    if (engines[k].class->open(&engines[k].e, engines[k].dir) != 0) goto out;
  for (int class = 0; class < QUERY_CLASSES; class++) {
    fprintf(stderr, "searching: %s\n", query_class_name((query_class)class));
    if (search_class(engines, n, &w, class, s->passes) != 0) goto out;
  }
  for (size_t k = 0; k < n; k++) {
    engines[k].class->close(engines[k].e);
    engines[k].e = NULL;
    /* create opens for writing; Xapian's would overwrite, so single adds go to fresh directories. */
    char dir[420];
    snprintf(dir, sizeof dir, "%s-adds", engines[k].dir);
    nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    if (engines[k].class != &engine_sealdex) mkdir(dir, 0700);
    if (engines[k].class->create(&engines[k].e, dir) != 0) goto out;
  }
  if (measure_adds(engines, n, &mail, s->adds) != 0) goto out;
  print_table(engines, n, &mail, &w);
  result = 0;
out:
  for (size_t k = 0; k < n; k++) {
    engines[k].class->close(engines[k].e);
    samples_free(&engines[k].adds);
    for (int class = 0; class < QUERY_CLASSES; class++) samples_free(&engines[k].classes[class]);
  }
  workload_free(&w);
  corpus_free(&mail);
  return result;
}

int main(int argc, char **argv) {
  settings s = { .queries = 200, .passes = 3, .adds = 200, .seed = 1, .work = "/tmp/sealdex-bench" };
  static const struct option options[] = {
    { "limit", 1, NULL, 'l' },  { "queries", 1, NULL, 'q' }, { "passes", 1, NULL, 'p' },
    { "adds", 1, NULL, 'a' },   { "seed", 1, NULL, 's' },    { "work", 1, NULL, 'w' },
    { "only", 1, NULL, 'o' },   { NULL, 0, NULL, 0 },
  };
  for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    switch (c) {
    case 'l': s.limit = strtoul(optarg, NULL, 10); break;
    case 'q': s.queries = strtoul(optarg, NULL, 10); break;
    case 'p': s.passes = strtoul(optarg, NULL, 10); break;
    case 'a': s.adds = strtoul(optarg, NULL, 10); break;
    case 's': s.seed = strtoul(optarg, NULL, 10); break;
    case 'w': s.work = optarg; break;
    case 'o': s.only = optarg; break;
    default: fprintf(stderr, "usage: sealdex-bench [--limit N] [--queries N] [--passes N] [--adds N] "
                             "[--seed N] [--work DIR] [--only ENGINE] PATH...\n");
      return 2;
    }
  }
  if (optind == argc) {
    fprintf(stderr, "sealdex-bench: name a Maildir, mbox or directory of mail\n");
    return 2;
  }
  mkdir(s.work, 0700);
  return run(&s, (const char *const *)argv + optind, (size_t)(argc - optind)) == 0 ? 0 : 6;
}
