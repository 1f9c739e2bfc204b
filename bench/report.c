/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <math.h>

static void head(FILE *out, const run *r, const char *what) {
  fprintf(out, "\n| %s |", what);
  for (size_t k = 0; k < r->count; k++) fprintf(out, " %s |", r->engines[k].class->name);
  fprintf(out, "\n|---|");
  for (size_t k = 0; k < r->count; k++) fprintf(out, "---:|");
}

/* A latency table; the last row is the geometric mean of the medians. */
static void latencies(FILE *out, run *r, const char *what, double quantile, bool totals) {
  double logs[ENGINES_MAX] = { 0 };
  int classes = 0;
  head(out, r, what);
  for (int class = 0; class < QUERY_CLASSES; class++) {
    const size_t n = r->work->first[class + 1] - r->work->first[class];
    if (n == 0) continue;
    classes++;
    fprintf(out, "\n| %s (%zu queries) |", query_class_name((query_class)class), n);
    for (size_t k = 0; k < r->count; k++) {
      samples *s = totals ? &r->engines[k].totals[class] : &r->engines[k].classes[class];
      const double us = samples_quantile(s, quantile) * 1e6;
      logs[k] += log(us > 0 ? us : 1e-3);
      fprintf(out, " %.1f |", us);
    }
  }
  fprintf(out, "\n| geometric mean |");
  for (size_t k = 0; k < r->count; k++) fprintf(out, " %.1f |", exp(logs[k] / (classes > 0 ? classes : 1)));
  fprintf(out, "\n");
}

static void row(FILE *out, const run *r, const char *what, double (*value)(const run *, const contender *)) {
  fprintf(out, "\n| %s |", what);
  for (size_t k = 0; k < r->count; k++) fprintf(out, " %.3g |", value(r, &r->engines[k]));
}

static double build_rate(const run *r, const contender *c) {
  return (double)r->mail->text_bytes / 1e6 / c->build_seconds;
}
static double build_cpu(const run *r, const contender *c) { (void)r; return c->build_cpu; }
static double peak(const run *r, const contender *c) { (void)r; return c->peak_mib; }
static double size_ratio(const run *r, const contender *c) {
  return (double)c->bytes / (double)r->mail->text_bytes;
}
static double add_ms(const run *r, const contender *c) {
  (void)r;
  samples s = c->adds; /* sorting in place moves no memory */
  return samples_quantile(&s, 0.5) * 1e3;
}
static double delete_ms(const run *r, const contender *c) {
  (void)r;
  samples s = c->deletes;
  return samples_quantile(&s, 0.5) * 1e3;
}
static double open_ms(const run *r, const contender *c) {
  (void)r;
  samples s = c->opens;
  return samples_quantile(&s, 0.5) * 1e3;
}

void report_markdown(FILE *out, run *r) {
  fprintf(out, "%zu items, %.1f MB of decoded text (decoding took %.1f s and is charged to no engine); "
               "seed %llu, %zu passes, engines in turn query by query\n\n",
          r->mail->count, (double)r->mail->text_bytes / 1e6, r->mail->decode_seconds,
          (unsigned long long)r->seed, r->passes);
  for (size_t k = 0; k < r->count; k++) fprintf(out, "- %s\n", r->engines[k].class->describe);
  head(out, r, "writing");
  row(out, r, "build, MB of text per second", build_rate);
  row(out, r, "build, CPU seconds", build_cpu);
  row(out, r, "build, peak resident MiB", peak);
  row(out, r, "bytes on disk / bytes of text", size_ratio);
  row(out, r, "single add, durable, median ms", add_ms);
  row(out, r, "single delete, durable, median ms", delete_ms);
  row(out, r, "open + first medium query, median ms", open_ms);
  fprintf(out, "\n");
  latencies(out, r, "top 10, median us", 0.5, false);
  latencies(out, r, "top 10, p99 us", 0.99, false);
  latencies(out, r, "top 10 and exact total, median us", 0.5, true);
  head(out, r, "hits in all; overlap of top 10");
  for (int class = 0; class < QUERY_CLASSES; class++) {
    fprintf(out, "\n| %s |", query_class_name((query_class)class));
    for (size_t k = 0; k < r->count; k++)
      fprintf(out, " %llu; %.0f%% |", (unsigned long long)r->engines[k].hits[class],
              r->engines[k].overlap[class] * 100);
  }
  fprintf(out, "\n");
}

static void json_samples(FILE *out, const char *name, samples *s, const char *end) {
  fprintf(out, "\"%s\": {\"n\": %zu, \"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"max\": %.3f}%s", name,
          s->count, samples_quantile(s, 0.5) * 1e6, samples_quantile(s, 0.9) * 1e6,
          samples_quantile(s, 0.99) * 1e6, samples_quantile(s, 1) * 1e6, end);
}

void report_json(FILE *out, run *r) {
  fprintf(out, "{\"items\": %zu, \"text_bytes\": %llu, \"seed\": %llu, \"passes\": %zu, \"engines\": [",
          r->mail->count, (unsigned long long)r->mail->text_bytes, (unsigned long long)r->seed, r->passes);
  for (size_t k = 0; k < r->count; k++) {
    contender *c = &r->engines[k];
    fprintf(out, "%s\n {\"name\": \"%s\", \"build_seconds\": %.4f, \"build_cpu_seconds\": %.4f, "
                 "\"peak_mib\": %.1f, \"bytes\": %llu,\n  ",
            k > 0 ? "," : "", c->class->name, c->build_seconds, c->build_cpu, c->peak_mib,
            (unsigned long long)c->bytes);
    json_samples(out, "add_us", &c->adds, ", ");
    json_samples(out, "delete_us", &c->deletes, ", ");
    json_samples(out, "open_us", &c->opens, ",\n  \"classes\": {");
    for (int class = 0; class < QUERY_CLASSES; class++) {
      fprintf(out, "%s\n   \"%s\": {", class > 0 ? "," : "", query_class_name((query_class)class));
      json_samples(out, "top10_us", &c->classes[class], ", ");
      json_samples(out, "total_us", &c->totals[class], ", ");
      fprintf(out, "\"hits\": %llu, \"overlap\": %.4f}", (unsigned long long)c->hits[class],
              c->overlap[class]);
    }
    fprintf(out, "}}");
  }
  fprintf(out, "]}\n");
}
