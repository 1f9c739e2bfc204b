/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether two runs on one machine agree: Sealdex against every other engine, the ratios of medians
 * to within 10%, of 99th percentiles to within 30%; stage by stage.
 *
 *   sealdex-bench agree [--out FILE] FIGURES FIGURES
 *
 * Names the ratios that are farther apart; exit 1 where there are any.
 */
#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "figures.h"

typedef struct agreement {
  const char *name, *stage, *measure; /* rows of which are compared */
  bool tail; /* rows are latencies of one engine: their ratio to Sealdex's is taken */
  double band;
  size_t compared, within;
  double worst;
  char where[240];
} agreement;

static const agreement all[] = {
  { .name = "search, medians", .stage = "ratio", .measure = "ratio", .band = 0.1 },
  { .name = "search and exact total, medians",
    .stage = "ratio total",
    .measure = "ratio",
    .band = 0.1 },
  { .name = "open and first search, medians",
    .stage = "ratio open",
    .measure = "ratio",
    .band = 0.1 },
  { .name = "first search, evicted, medians",
    .stage = "ratio cold",
    .measure = "ratio",
    .band = 0.1 },
  { .name = "writes, medians", .stage = "ratio write", .measure = "ratio", .band = 0.1 },
  { .name = "visits of small indexes, medians",
    .stage = "ratio users",
    .measure = "ratio",
    .band = 0.1 },
  { .name = "readers beside a writer, medians",
    .stage = "ratio readers",
    .measure = "ratio",
    .band = 0.1 },
  { .name = "bulk build", .stage = "build", .measure = "seconds", .tail = true, .band = 0.1 },
  { .name = "bytes on disk", .stage = "size", .measure = "size", .tail = true, .band = 0.1 },
  { .name = "search, 99th percentiles",
    .stage = "search",
    .measure = "p99",
    .tail = true,
    .band = 0.3 },
  { .name = "search and exact total, 99th percentiles",
    .stage = "total",
    .measure = "p99",
    .tail = true,
    .band = 0.3 },
  { .name = "visits of small indexes, 99th percentiles",
    .stage = "users",
    .measure = "p99",
    .tail = true,
    .band = 0.3 },
  { .name = "readers beside a writer, 99th percentiles",
    .stage = "readers",
    .measure = "p99",
    .tail = true,
    .band = 0.3 },
};
enum { AGREEMENTS = sizeof all / sizeof all[0] };

static void note(agreement *a, double first, double second, const figure *at) {
  if (!(first > 0) || !(second > 0)) return;
  const double off = fabs(log(second / first));
  a->compared++;
  if (off <= log(1 + a->band))
    a->within++;
  else
    printf("apart by %5.1f%%: %s: %s, %s: %.4g and %.4g\n", (exp(off) - 1) * 100, a->name,
           at->engine, at->subject, first, second);
  if (off <= a->worst) return;
  a->worst = off;
  snprintf(a->where, sizeof a->where, "%s, %s", at->engine, at->subject);
}

/* What is compared of a row: its value, or Sealdex's over it. */
static double ratio_at(const figures *f, const figure *at, bool tail) {
  const double value = figures_value(f, at->stage, at->engine, at->subject, at->measure);
  return tail ? figures_value(f, at->stage, "Sealdex", at->subject, at->measure) / value : value;
}

static void compare(agreement *a, const figures *one, const figures *two) {
  for (size_t i = 0; i < one->count; i++) {
    const figure *r = &one->rows[i];
    if (strcmp(r->stage, a->stage) != 0 || strcmp(r->measure, a->measure) != 0) continue;
    if (a->tail && strcmp(r->engine, "Sealdex") == 0) continue;
    note(a, ratio_at(one, r, a->tail), ratio_at(two, r, a->tail), r);
  }
}

/* A column per row's engine in the report. */
static void put(figures *f, const agreement *a) {
  const struct {
    const char *column;
    double value;
  } rows[] = {
    { "compared", (double)a->compared },
    { "apart by more than the band", (double)(a->compared - a->within) },
    { "band, %", a->band * 100 },
    { "farthest apart, %", (exp(a->worst) - 1) * 100 },
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    figures_put(f, "agree", rows[i].column, a->name, "agreement", "1", rows[i].value);
}

int command_agree(int argc, char **argv) {
  static const struct option options[] = { { "out", 1, NULL, 'o' }, { NULL, 0, NULL, 0 } };
  figures one = { 0 }, two = { 0 }, rows = { 0 };
  const char *out = NULL;
  for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (c != 'o') return 2;
    out = optarg;
  }
  if (argc - optind != 2) {
    fprintf(stderr, "usage: sealdex-bench agree [--out FILE] FIGURES FIGURES\n");
    return 2;
  }
  int result =
      figures_read(&one, argv[optind]) == 0 && figures_read(&two, argv[optind + 1]) == 0 ? 0 : 6;
  for (size_t i = 0; i < AGREEMENTS && result != 6; i++) {
    agreement a = all[i];
    compare(&a, &one, &two);
    if (a.compared == 0) continue;
    printf("%-42s %4zu of %4zu within %2.0f%%; farthest apart by %.1f%% (%s)\n", a.name, a.within,
           a.compared, a.band * 100, (exp(a.worst) - 1) * 100, a.where);
    if (a.within < a.compared) result = 1;
    put(&rows, &a);
  }
  if (out != NULL && result != 6 && figures_write(&rows, out) != 0) result = 6;
  figures_free(&one);
  figures_free(&two);
  figures_free(&rows);
  return result;
}
