/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 64 };

typedef struct names {
  const char *list[NAMES_MAX];
  size_t count;
} names;

static void names_add(names *n, const char *name) {
  for (size_t i = 0; i < n->count; i++)
    if (strcmp(n->list[i], name) == 0) return;
  if (n->count < NAMES_MAX) n->list[n->count++] = name;
}

/* Engines and subjects of a stage, in the order in which they were measured. */
static void gather(const figures *f, const char *stage, const char *measure, names *engines,
                   names *subjects) {
  for (size_t i = 0; i < f->count; i++) {
    const figure *r = &f->rows[i];
    if (strcmp(r->stage, stage) != 0 || (measure != NULL && strcmp(r->measure, measure) != 0))
      continue;
    names_add(engines, r->engine);
    names_add(subjects, r->subject);
  }
}

/* Three significant digits, without an exponent. */
static void number(FILE *out, double v) {
  if (!isfinite(v))
    fprintf(out, "-");
  else if (v == 0)
    fprintf(out, "0");
  else if (fabs(v) >= 100)
    fprintf(out, "%.0f", v);
  else if (fabs(v) >= 10)
    fprintf(out, "%.1f", v);
  else if (fabs(v) >= 1)
    fprintf(out, "%.2f", v);
  else
    fprintf(out, "%.3f", v);
}

static void head(FILE *out, const char *what, const names *columns) {
  fprintf(out, "\n| %s |", what);
  for (size_t k = 0; k < columns->count; k++) fprintf(out, " %s |", columns->list[k]);
  fprintf(out, "\n|---|");
  for (size_t k = 0; k < columns->count; k++) fprintf(out, "---:|");
  fprintf(out, "\n");
}

typedef struct table {
  const char *stage, *measure, *title;
  bool bounds; /* with the interval */
  bool mean;   /* a last row with the geometric mean of each column */
} table;

static double column_mean(const figures *f, const table *t, const char *engine,
                          const names *subjects) {
  double sum = 0;
  size_t n = 0;
  for (size_t i = 0; i < subjects->count; i++) {
    const double v = figures_value(f, t->stage, engine, subjects->list[i], t->measure);
    if (!(v > 0)) continue;
    sum += log(v);
    n++;
  }
  return n > 0 ? exp(sum / (double)n) : NAN;
}

/* One measure of one stage: a row per subject, a column per engine. */
static void write_table(FILE *out, const figures *f, const table *t) {
  names engines = { 0 }, subjects = { 0 };
  gather(f, t->stage, t->measure, &engines, &subjects);
  if (subjects.count == 0) return;
  head(out, t->title, &engines);
  for (size_t i = 0; i < subjects.count; i++) {
    const char *subject = subjects.list[i];
    fprintf(out, "| %s |", subject);
    for (size_t k = 0; k < engines.count; k++) {
      const figure *r = figures_find(f, t->stage, engines.list[k], subject, t->measure);
      fputc(' ', out);
      number(out, r != NULL ? r->value : NAN);
      if (t->bounds && r != NULL && isfinite(r->low)) {
        fprintf(out, " (");
        number(out, r->low);
        fprintf(out, " to ");
        number(out, r->high);
        fputc(')', out);
      }
      fprintf(out, " |");
    }
    fprintf(out, "\n");
  }
  if (!t->mean) return;
  fprintf(out, "| geometric mean |");
  for (size_t k = 0; k < engines.count; k++) {
    fputc(' ', out);
    number(out, column_mean(f, t, engines.list[k], &subjects));
    fprintf(out, " |");
  }
  fprintf(out, "\n");
}

/* All measures of one subject: a row per measure with its unit, a column per engine. */
static void write_measures(FILE *out, const figures *f, const char *stage, const char *subject,
                           const char *title) {
  names engines = { 0 }, measures = { 0 };
  for (size_t i = 0; i < f->count; i++) {
    const figure *r = &f->rows[i];
    if (strcmp(r->stage, stage) != 0 || strcmp(r->subject, subject) != 0) continue;
    names_add(&engines, r->engine);
    names_add(&measures, r->measure);
  }
  if (measures.count == 0) return;
  head(out, title, &engines);
  for (size_t i = 0; i < measures.count; i++) {
    const char *unit = "";
    for (size_t k = 0; k < engines.count; k++) {
      const figure *r = figures_find(f, stage, engines.list[k], subject, measures.list[i]);
      if (r != NULL) unit = r->unit;
    }
    fprintf(out, "| %s%s%s |", measures.list[i], strcmp(unit, "1") == 0 ? "" : ", ",
            strcmp(unit, "1") == 0 ? "" : unit);
    for (size_t k = 0; k < engines.count; k++) {
      fputc(' ', out);
      number(out, figures_value(f, stage, engines.list[k], subject, measures.list[i]));
      fprintf(out, " |");
    }
    fprintf(out, "\n");
  }
}

static void write_corpus(FILE *out, const figures *f) {
  fprintf(out, "%.0f items, %.1f MB of decoded text",
          figures_value(f, "corpus", "-", "mail", "items"),
          figures_value(f, "corpus", "-", "mail", "text") / 1e6);
  const double raw = figures_value(f, "corpus", "-", "mail", "raw");
  if (raw > 0)
    fprintf(out, " out of %.1f MB of files; decoding took %.1f s and is charged to no engine",
            raw / 1e6, figures_value(f, "corpus", "-", "mail", "decoding"));
  fprintf(out,
          ". %.0f queries in all, at most %.0f per class, none twice within a pass; %.0f measured "
          "passes.\n\n",
          figures_value(f, "corpus", "-", "queries", "all"),
          figures_value(f, "corpus", "-", "queries", "per class"),
          figures_value(f, "corpus", "-", "queries", "passes"));
  for (size_t i = 0; i < f->count; i++)
    if (strcmp(f->rows[i].stage, "machine") == 0)
      fprintf(out, "- %s: %s\n", f->rows[i].engine, f->rows[i].subject);
}

static int markdown(const figures *f, const char *dir) {
  static const table latencies[] = {
    { "search", "p50", "top 10, warm, median us (least to greatest median of a pass)", true, true },
    { "search", "p99", "top 10, warm, 99th percentile us", false, true },
    { "ratio", "ratio", "Sealdex / peer, medians (95% interval)", true, false },
    { "total", "p50", "top 10 and exact total, median us", false, true },
    { "total", "p99", "top 10 and exact total, 99th percentile us", false, true },
    { "ratio total", "ratio", "Sealdex / peer, medians with exact totals (95% interval)", true,
      false },
    { "open", "p50", "fresh process, open and a first medium query, median us", false, false },
    { "open", "p99", "the same, 99th percentile us", false, false },
    { "cold", "p50", "first search after eviction, index open, median us", false, true },
  };
  static const table answers[] = {
    { "answers", "hits", "hits of all queries together", false, false },
    { "answers", "equal totals", "share of queries whose total equals Sealdex's", false, false },
    { "answers", "overlap", "share of the ten best that are Sealdex's too", false, false },
  };
  char path[512];
  snprintf(path, sizeof path, "%s/report.md", dir);
  FILE *out = fopen(path, "w");
  if (out == NULL) {
    perror(path);
    return -1;
  }
  fprintf(out, "# Bench report\n\n");
  write_corpus(out, f);
  fprintf(out, "\n## Building\n");
  write_measures(out, f, "build", "bulk", "bulk build, durable at its end");
  write_table(out, f,
              &(table){ "build", "rate", "build, MB of text per second (spread)", true, false });
  write_table(out, f, &(table){ "size", "size", "bytes on disk / bytes of text", false, false });
  fprintf(out, "\n## Searching\n");
  for (size_t i = 0; i < sizeof latencies / sizeof latencies[0]; i++)
    write_table(out, f, &latencies[i]);
  fprintf(out, "\n## The same answers\n");
  for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) write_table(out, f, &answers[i]);
  fprintf(out, "\n## Writing\n");
  write_table(out, f,
              &(table){ "write", "p50", "durable writes, median us per call", false, false });
  write_table(out, f,
              &(table){ "write", "p99", "durable writes, 99th percentile us", false, false });
  write_table(out, f, &(table){ "write", "items", "items per second", false, false });
  write_table(out, f,
              &(table){ "write", "amplification", "bytes written / bytes of text", false, false });
  write_measures(out, f, "write", "purge", "purge of what was deleted");
  if (fclose(out) == 0) return 0;
  perror(path);
  return -1;
}

int report_write(const figures *f, const char *dir) {
  char path[512];
  if (markdown(f, dir) != 0) return -1;
  snprintf(path, sizeof path, "%s/report.json", dir);
  FILE *out = fopen(path, "w");
  if (out == NULL) {
    perror(path);
    return -1;
  }
  figures_json(f, out);
  if (fclose(out) == 0) return 0;
  perror(path);
  return -1;
}
