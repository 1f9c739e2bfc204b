/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "export.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine.h"

static FILE *open_in(const char *dir, const char *name) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  FILE *out = fopen(path, "w");
  if (out == NULL) perror(path);
  return out;
}

static int close_out(FILE *out) {
  return out != NULL && fclose(out) == 0 ? 0 : -1;
}

/* A field of scriptindex; lines behind the first begin with "=". */
static void script_field(FILE *out, const char *name, sdx_bytes text) {
  fprintf(out, "%s=", name);
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] == '\r') continue;
    fputc(text.data[i], out);
    if (text.data[i] == '\n') fputc('=', out);
  }
  fputc('\n', out);
}

static int write_script(const corpus *c, const char *dir) {
  FILE *out = open_in(dir, "items.script");
  if (out == NULL) return -1;
  for (size_t i = 0; i < c->count; i++) {
    const corpus_item *it = &c->items[i];
    fprintf(out, "id=%s\ndate=%lld\nfolder=%s\n", it->id, (long long)it->date, it->folder);
    script_field(out, "body", it->body);
    script_field(out, "subject", it->subject);
    script_field(out, "from", it->from);
    fputc('\n', out);
  }
  return close_out(out);
}

/* Columns end with 0x1f and rows with 0x1e, which no text may hold. */
static void ascii_field(FILE *out, sdx_bytes text, char end) {
  for (size_t i = 0; i < text.size; i++)
    fputc(text.data[i] == 0x1e || text.data[i] == 0x1f ? ' ' : text.data[i], out);
  fputc(end, out);
}

static int write_ascii(const corpus *c, const char *dir) {
  FILE *mail = open_in(dir, "mail.ascii"), *item = open_in(dir, "item.ascii");
  for (size_t i = 0; i < c->count && mail != NULL && item != NULL; i++) {
    const corpus_item *it = &c->items[i];
    ascii_field(mail, it->subject, 0x1f);
    ascii_field(mail, it->from, 0x1f);
    ascii_field(mail, it->body, 0x1e);
    fprintf(item, "%zu\x1f%s\x1f%lld\x1f%s\x1e", i + 1, it->id, (long long)it->date, it->folder);
  }
  const int result = close_out(mail);
  return close_out(item) == 0 ? result : -1;
}

static int write_queries(const workload *w, const char *dir, const char *name,
                         const engine_class *of) {
  char text[600];
  FILE *out = open_in(dir, name);
  if (out == NULL) return -1;
  for (size_t i = 0; i < w->count; i++) {
    of->phrase(&w->queries[i], text, sizeof text);
    fprintf(out, "%s\t%s\n", query_class_name(w->queries[i].kind), text);
  }
  return close_out(out);
}

int export_write(const corpus *c, const workload *w, const char *dir) {
  mkdir(dir, 0700);
  if (write_script(c, dir) != 0 || write_ascii(c, dir) != 0) return -1;
  if (write_queries(w, dir, "queries.xapian", &engine_xapian) != 0) return -1;
  return write_queries(w, dir, "queries.fts5", &engine_fts5);
}
