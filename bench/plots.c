/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plots.h"

#include <math.h>
#include <string.h>

static const char *const engines[] = { "Sealdex", "Xapian", "Xapian compacted", "FTS5",
                                       "SQLCipher" };
enum { ENGINES = sizeof engines / sizeof engines[0] };

static FILE *open_data(const char *dir, const char *name) {
  char path[512];
  snprintf(path, sizeof path, "%s/plot-%s.dat", dir, name);
  FILE *out = fopen(path, "w");
  if (out == NULL) perror(path);
  return out;
}

static int close_data(FILE *out) {
  if (fclose(out) == 0) return 0;
  perror("plot data");
  return -1;
}

static void value(FILE *out, double v) {
  if (isfinite(v))
    fprintf(out, "\t%.5g", v);
  else
    fprintf(out, "\t?");
}

static void head(FILE *out, const char *what) {
  fprintf(out, "\"%s\"", what);
  for (size_t k = 0; k < ENGINES; k++) fprintf(out, "\t\"%s\"", engines[k]);
  fprintf(out, "\n");
}

/* A line per subject of the stage, a column per engine. */
static int write_stage(const figures *f, const char *dir, const char *name, const char *stage,
                       const char *measure) {
  FILE *out = open_data(dir, name);
  if (out == NULL) return -1;
  head(out, "class");
  for (size_t i = 0; i < f->count; i++) {
    const figure *r = &f->rows[i];
    if (strcmp(r->stage, stage) != 0 || strcmp(r->measure, measure) != 0 ||
        strcmp(r->engine, engines[0]) != 0)
      continue;
    fprintf(out, "\"%s\"", r->subject);
    for (size_t k = 0; k < ENGINES; k++)
      value(out, figures_value(f, stage, engines[k], r->subject, measure));
    fprintf(out, "\n");
  }
  return close_data(out);
}

/* A line per engine that has the figure. */
static int write_bars(const figures *f, const char *dir, const char *name, const char *stage,
                      const char *subject, const char *measure) {
  FILE *out = open_data(dir, name);
  if (out == NULL) return -1;
  for (size_t k = 0; k < ENGINES; k++) {
    const double v = figures_value(f, stage, engines[k], subject, measure);
    if (isfinite(v)) fprintf(out, "\"%s\"\t%.5g\n", engines[k], v);
    const double used = figures_value(f, stage, engines[k], "pages in use", measure);
    if (isfinite(used)) fprintf(out, "\"%s, in use\"\t%.5g\n", engines[k], used);
  }
  return close_data(out);
}

/* What a table of ratios says that sealing adds, in per cent. */
static double added(const figures *f, const char *stage, const char *subject) {
  return (figures_value(f, stage, "Sealdex unsealed", subject, "ratio") - 1) * 100;
}

static double one_ratio(const figures *f, const char *stage, const char *subject,
                        const char *measure) {
  return figures_value(f, stage, "Sealdex", subject, measure) /
         figures_value(f, stage, "Sealdex unsealed", subject, measure);
}

void plots_sealing(const figures *f, sealing_cost costs[SEALING_COSTS]) {
  const sealing_cost all[SEALING_COSTS] = {
    { "search, warm", added(f, "ratio", "geometric mean") },
    { "search and exact total", added(f, "ratio total", "geometric mean") },
    { "first search, evicted", added(f, "ratio cold", "geometric mean") },
    { "open and search", added(f, "ratio open", "page cache warm") },
    { "open and search, evicted", added(f, "ratio open", "evicted") },
    { "bulk build", (1 / one_ratio(f, "build", "bulk", "rate") - 1) * 100 },
    { "single durable add", added(f, "ratio write", "single add") },
    { "bytes on disk", (one_ratio(f, "size", "bulk", "bytes") - 1) * 100 },
  };
  memcpy(costs, all, sizeof all);
}

static int write_sealing(const figures *f, const char *dir) {
  sealing_cost costs[SEALING_COSTS];
  FILE *out = open_data(dir, "sealing");
  if (out == NULL) return -1;
  plots_sealing(f, costs);
  for (size_t i = 0; i < SEALING_COSTS; i++)
    if (isfinite(costs[i].percent)) fprintf(out, "\"%s\"\t%.3g\n", costs[i].what, costs[i].percent);
  return close_data(out);
}

/* A line per size of mailbox; the measures of growth by engine. */
static int write_growth(const figures *f, const char *dir) {
  static const struct {
    const char *name, *measure;
  } all[] = { { "growth-rare", "rare" },
              { "growth-and", "AND of df 1,000" },
              { "growth-fixed", "AND of df 1,000 and 4,000" },
              { "growth-build", "build rate" },
              { "growth-common", "common" },
              { "growth-files", "files, seconds" },
              { "growth-memory", "files, peak memory" } };
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    if (write_stage(f, dir, all[i].name, "growth", all[i].measure) != 0) return -1;
  return 0;
}

/* Quantiles of all searches: a line per quantile. */
static int write_tails(const figures *f, const char *dir) {
  static const char *const points[] = { "p50", "p90", "p99", "p999", "max" };
  FILE *out = open_data(dir, "tails");
  if (out == NULL) return -1;
  head(out, "quantile");
  for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
    fprintf(out, "\"%s\"", points[i]);
    for (size_t k = 0; k < ENGINES; k++)
      value(out, figures_value(f, "tails", engines[k], "all classes", points[i]));
    fprintf(out, "\n");
  }
  return close_data(out);
}

int plots_write(const figures *f, const char *dir) {
  if (write_stage(f, dir, "search", "search", "p50") != 0) return -1;
  if (write_bars(f, dir, "size", "size", "bulk", "size") != 0) return -1;
  if (write_bars(f, dir, "build", "build", "bulk", "rate") != 0) return -1;
  if (write_stage(f, dir, "readers", "readers", "searches") != 0) return -1;
  if (write_sealing(f, dir) != 0 || write_tails(f, dir) != 0) return -1;
  return write_growth(f, dir);
}
