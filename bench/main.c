/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sealdex-bench: the same mail, the same queries, engines in turn in one run.
 *
 * Searches run engine after engine for each query, so that a noisy machine hurts all alike; a first
 * pass warms every cache and compares the answers. Builds run in processes of their own, so that
 * peak memory is each engine's own.
 */
#include <ftw.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mailbox.h"
#include "report.h"
#include "stopwatch.h"

typedef struct settings {
  size_t limit, queries, passes, adds;
  uint64_t seed;
  size_t generate; /* made-up messages instead of real ones */
  bool describe;
  const char *work, *json, *only;
} settings;

static const char usage[] =
    "usage: sealdex-bench [options] PATH...\n"
    "  --limit N     read at most N items            --queries N  per class (200)\n"
    "  --passes N    measured passes (3)             --adds N     single durable adds (200)\n"
    "  --seed N      of the workload (1)             --work DIR   for the indexes\n"
    "  --only NAME   one engine alone                --json FILE  all figures\n"
    "  --generate N  made-up messages, no PATH       --describe   print the corpus' statistics\n";

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

/* An empty place for an engine: Sealdex makes its directory itself, the others want one. */
static void clear_place(const contender *c, const char *dir) {
  nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  if (c->class != &engine_sealdex) mkdir(dir, 0700);
}

typedef struct build_figures {
  double seconds, cpu, peak_mib;
} build_figures;

static double resident_mib(void) {
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  return (double)use.ru_maxrss / 1024;
}

static int build_here(const contender *c, const corpus *mail, build_figures *f) {
  engine *e = NULL;
  const double before = resident_mib();
  if (c->class->create(&e, c->dir) != 0) return -1;
  const double start = stopwatch_now(), cpu = stopwatch_cpu();
  const int result = c->class->build(e, mail);
  f->seconds = stopwatch_now() - start;
  f->cpu = stopwatch_cpu() - cpu;
  f->peak_mib = resident_mib() - before; /* the corpus itself is not the engine's */
  c->class->close(e);
  return result;
}

static int build(contender *c, const corpus *mail) {
  build_figures *f = mmap(NULL, sizeof *f, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (f == MAP_FAILED) return -1;
  clear_place(c, c->dir);
  const pid_t child = fork();
  if (child == 0) _exit(build_here(c, mail, f) == 0 ? 0 : 1);
  int status = -1;
  waitpid(child, &status, 0);
  c->build_seconds = f->seconds;
  c->build_cpu = f->cpu;
  c->peak_mib = f->peak_mib;
  c->bytes = engine_bytes(c->dir);
  munmap(f, sizeof *f);
  return status == 0 ? 0 : -1;
}

static double shared_ids(const answer *a, const answer *b) {
  size_t shared = 0;
  for (size_t i = 0; i < a->count; i++)
    for (size_t k = 0; k < b->count; k++) shared += strcmp(a->ids[i], b->ids[k]) == 0;
  return a->count == 0 ? (b->count == 0 ? 1 : 0) : (double)shared / (double)a->count;
}

/* Asks one query of all engines, the order turning with `turn`. */
static int ask_all(run *r, const workload_query *q, size_t turn, bool totals, bool warming) {
  static answer answers[ENGINES_MAX];
  char text[600];
  for (size_t k = 0; k < r->count; k++) {
    const size_t i = (k + turn) % r->count;
    contender *c = &r->engines[i];
    c->class->phrase(q, text, sizeof text);
    const double start = stopwatch_now();
    if (c->class->search(c->e, q, text, totals, &answers[i]) != 0) return -1;
    const double took = stopwatch_now() - start;
    if (!warming) samples_add(totals ? &c->totals[q->kind] : &c->classes[q->kind], took);
  }
  if (!warming || !totals) return 0;
  const double n = (double)(r->work->first[q->kind + 1] - r->work->first[q->kind]);
  for (size_t k = 0; k < r->count; k++) {
    r->engines[k].hits[q->kind] += answers[k].total;
    r->engines[k].overlap[q->kind] += shared_ids(&answers[0], &answers[k]) / n;
  }
  return 0;
}

static int measure_class(run *r, int class) {
  for (size_t pass = 0; pass <= r->passes; pass++)
    for (size_t i = r->work->first[class]; i < r->work->first[class + 1]; i++)
      if (ask_all(r, &r->work->queries[i], i + pass, pass == 0, pass == 0) != 0) return -1;
  for (size_t i = r->work->first[class]; i < r->work->first[class + 1]; i++)
    if (ask_all(r, &r->work->queries[i], i, true, false) != 0) return -1;
  return 0;
}

static int measure_opens(run *r) {
  answer a;
  char text[600];
  const size_t first = r->work->first[QUERY_MEDIUM], end = r->work->first[QUERY_MEDIUM + 1];
  for (size_t i = first; i < end && i < first + 50; i++) {
    for (size_t k = 0; k < r->count; k++) {
      contender *c = &r->engines[(k + i) % r->count];
      engine *e = NULL;
      c->class->phrase(&r->work->queries[i], text, sizeof text);
      const double start = stopwatch_now();
      if (c->class->open(&e, c->dir) != 0) return -1;
      const int failed = c->class->search(e, &r->work->queries[i], text, false, &a);
      samples_add(&c->opens, stopwatch_now() - start);
      c->class->close(e);
      if (failed != 0) return -1;
    }
  }
  return 0;
}

static int measure_writes(run *r, const settings *s) {
  char id[200];
  for (size_t i = 0; i < 2 * s->adds; i++) {
    const size_t n = i % s->adds; /* first all adds, then all deletes */
    corpus_item item = r->mail->items[(n * 7919) % r->mail->count];
    snprintf(id, sizeof id, "added/%zu", n);
    item.id = id;
    for (size_t k = 0; k < r->count; k++) {
      contender *c = &r->engines[(k + i) % r->count];
      const double start = stopwatch_now();
      if ((i < s->adds ? c->class->add : c->class->delete_item)(c->e, &item) != 0) return -1;
      samples_add(i < s->adds ? &c->adds : &c->deletes, stopwatch_now() - start);
    }
  }
  return 0;
}

static void close_all(run *r) {
  for (size_t k = 0; k < r->count; k++) {
    r->engines[k].class->close(r->engines[k].e);
    r->engines[k].e = NULL;
  }
}

static int measure(run *r, const settings *s) {
  for (size_t k = 0; k < r->count; k++) {
    fprintf(stderr, "building %s\n", r->engines[k].class->name);
    if (build(&r->engines[k], r->mail) != 0) return -1;
  }
  if (measure_opens(r) != 0) return -1;
  for (size_t k = 0; k < r->count; k++)
    if (r->engines[k].class->open(&r->engines[k].e, r->engines[k].dir) != 0) return -1;
  for (int class = 0; class < QUERY_CLASSES; class++) {
    fprintf(stderr, "searching: %s\n", query_class_name((query_class)class));
    if (measure_class(r, class) != 0) return -1;
  }
  close_all(r);
  fprintf(stderr, "adding and deleting one by one\n");
  for (size_t k = 0; k < r->count; k++) { /* in fresh places: Xapian's create overwrites */
    char dir[420];
    snprintf(dir, sizeof dir, "%s-adds", r->engines[k].dir);
    clear_place(&r->engines[k], dir);
    if (r->engines[k].class->create(&r->engines[k].e, dir) != 0) return -1;
  }
  return measure_writes(r, s);
}

static void gather(run *r, const settings *s) {
  const engine_class *all[ENGINES_MAX] = { &engine_sealdex, &engine_xapian, &engine_fts5,
                                           engine_sqlcipher_load() };
  for (size_t k = 0; k < ENGINES_MAX; k++) {
    if (all[k] == NULL) {
      fprintf(stderr, "absent: SQLCipher (script/bootstrap --bench brings it)\n");
      continue;
    }
    if (s->only != NULL && strcasecmp(all[k]->name, s->only) != 0) continue;
    contender *c = &r->engines[r->count++];
    c->class = all[k];
    snprintf(c->dir, sizeof c->dir, "%s/%s", s->work, all[k]->name);
  }
}

static void release(run *r) {
  close_all(r);
  for (size_t k = 0; k < r->count; k++) {
    contender *c = &r->engines[k];
    samples_free(&c->adds);
    samples_free(&c->deletes);
    samples_free(&c->opens);
    for (int class = 0; class < QUERY_CLASSES; class++) {
      samples_free(&c->classes[class]);
      samples_free(&c->totals[class]);
    }
  }
}

static int bench(const settings *s, const char *const *paths, size_t path_count) {
  static run r; /* big */
  corpus mail;
  workload work = { 0 };
  int result = -1;
  if (s->generate > 0 ? mailbox_make(&mail, s->generate, s->seed) != 0
                      : corpus_read(&mail, paths, path_count, s->limit) != 0)
    return -1;
  if (s->describe) {
    result = mailbox_describe(&mail);
    goto out;
  }
  if (workload_draw(&work, &mail, s->queries, s->seed) != 0) goto out;
  r.mail = &mail;
  r.work = &work;
  r.passes = s->passes;
  r.seed = s->seed;
  gather(&r, s);
  if (measure(&r, s) != 0) goto out;
  report_markdown(stdout, &r);
  result = 0;
  if (s->json != NULL) {
    FILE *out = fopen(s->json, "w");
    if (out == NULL) {
      perror(s->json);
      result = -1;
      goto out;
    }
    report_json(out, &r);
    fclose(out);
  }
out:
  release(&r);
  workload_free(&work);
  corpus_free(&mail);
  return result;
}

int main(int argc, char **argv) {
  settings s = { .queries = 200, .passes = 3, .adds = 200, .seed = 1, .work = "/var/tmp/sealdex-bench" };
  static const struct option options[] = {
    { "limit", 1, NULL, 'l' }, { "queries", 1, NULL, 'q' }, { "passes", 1, NULL, 'p' },
    { "adds", 1, NULL, 'a' },  { "seed", 1, NULL, 's' },    { "work", 1, NULL, 'w' },
    { "only", 1, NULL, 'o' },  { "json", 1, NULL, 'j' },
    { "generate", 1, NULL, 'g' }, { "describe", 0, NULL, 'd' }, { NULL, 0, NULL, 0 },
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
    case 'j': s.json = optarg; break;
    case 'g': s.generate = strtoul(optarg, NULL, 10); break;
    case 'd': s.describe = true; break;
    default: fputs(usage, stderr); return 2;
    }
  }
  if (optind == argc && s.generate == 0) {
    fputs(usage, stderr);
    return 2;
  }
  mkdir(s.work, 0700);
  return bench(&s, (const char *const *)argv + optind, (size_t)(argc - optind)) == 0 ? 0 : 6;
}
