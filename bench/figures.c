/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void figures_add(figures *f, const figure *row) {
  if (f->count == f->capacity) {
    f->capacity = f->capacity == 0 ? 256 : f->capacity * 2;
    f->rows = realloc(f->rows, f->capacity * sizeof *f->rows);
    if (f->rows == NULL) abort();
  }
  f->rows[f->count++] = *row;
}

static void copy_name(char *out, size_t size, const char *name) {
  snprintf(out, size, "%s", name);
  for (char *p = out; *p != '\0'; p++)
    if (*p == '\t' || *p == '\n') *p = ' ';
}

void figures_put(figures *f, const char *stage, const char *engine, const char *subject,
                 const char *measure, const char *unit, double value) {
  figure row = { .value = value, .low = NAN, .high = NAN, .n = 1 };
  copy_name(row.stage, sizeof row.stage, stage);
  copy_name(row.engine, sizeof row.engine, engine);
  copy_name(row.subject, sizeof row.subject, subject);
  copy_name(row.measure, sizeof row.measure, measure);
  copy_name(row.unit, sizeof row.unit, unit);
  figures_add(f, &row);
}

const figure *figures_find(const figures *f, const char *stage, const char *engine,
                           const char *subject, const char *measure) {
  for (size_t i = 0; i < f->count; i++) {
    const figure *r = &f->rows[i];
    if (strcmp(r->stage, stage) == 0 && strcmp(r->engine, engine) == 0 &&
        strcmp(r->subject, subject) == 0 && strcmp(r->measure, measure) == 0)
      return r;
  }
  return NULL;
}

double figures_value(const figures *f, const char *stage, const char *engine, const char *subject,
                     const char *measure) {
  const figure *r = figures_find(f, stage, engine, subject, measure);
  return r != NULL ? r->value : NAN;
}

/* The next tab-separated word of a line, which is cut there; "" behind the last. */
static const char *next_part(char **line) {
  char *part = *line, *tab = strchr(part, '\t');
  if (tab != NULL) {
    *tab = '\0';
    *line = tab + 1;
  } else {
    *line = part + strlen(part);
  }
  return part;
}

int figures_read(figures *f, const char *path) {
  char text[512];
  FILE *in = fopen(path, "r");
  if (in == NULL) {
    perror(path);
    return -1;
  }
  while (fgets(text, sizeof text, in) != NULL) {
    if (text[0] == '#') continue;
    text[strcspn(text, "\n")] = '\0';
    char *line = text;
    figure r = { 0 };
    copy_name(r.stage, sizeof r.stage, next_part(&line));
    copy_name(r.engine, sizeof r.engine, next_part(&line));
    copy_name(r.subject, sizeof r.subject, next_part(&line));
    copy_name(r.measure, sizeof r.measure, next_part(&line));
    copy_name(r.unit, sizeof r.unit, next_part(&line));
    r.value = strtod(next_part(&line), NULL);
    r.low = strtod(next_part(&line), NULL);
    r.high = strtod(next_part(&line), NULL);
    r.n = strtoull(next_part(&line), NULL, 10);
    if (r.measure[0] != '\0') figures_add(f, &r);
  }
  fclose(in);
  return 0;
}

int figures_write(const figures *f, const char *path) {
  FILE *out = fopen(path, "w");
  if (out == NULL) {
    perror(path);
    return -1;
  }
  fprintf(out, "#stage\tengine\tsubject\tmeasure\tunit\tvalue\tlow\thigh\tn\n");
  for (size_t i = 0; i < f->count; i++) {
    const figure *r = &f->rows[i];
    fprintf(out, "%s\t%s\t%s\t%s\t%s\t%.7g\t%.7g\t%.7g\t%llu\n", r->stage, r->engine, r->subject,
            r->measure, r->unit, r->value, r->low, r->high, (unsigned long long)r->n);
  }
  if (fclose(out) == 0) return 0;
  perror(path);
  return -1;
}

static void json_text(FILE *out, const char *name, const char *text) {
  fprintf(out, "\"%s\": \"", name);
  for (; *text != '\0'; text++) {
    if (*text == '"' || *text == '\\') fputc('\\', out);
    fputc(*text, out);
  }
  fputs("\", ", out);
}

static void json_number(FILE *out, const char *name, double value) {
  if (isfinite(value)) fprintf(out, "\"%s\": %.7g, ", name, value);
}

void figures_json(const figures *f, FILE *out) {
  fprintf(out, "{\"figures\": [");
  for (size_t i = 0; i < f->count; i++) {
    const figure *r = &f->rows[i];
    fprintf(out, "%s\n {", i > 0 ? "," : "");
    json_text(out, "stage", r->stage);
    json_text(out, "engine", r->engine);
    json_text(out, "subject", r->subject);
    json_text(out, "measure", r->measure);
    json_text(out, "unit", r->unit);
    json_number(out, "value", r->value);
    json_number(out, "low", r->low);
    json_number(out, "high", r->high);
    fprintf(out, "\"n\": %llu}", (unsigned long long)r->n);
  }
  fprintf(out, "\n]}\n");
}

void figures_free(figures *f) {
  free(f->rows);
  *f = (figures){ 0 };
}
