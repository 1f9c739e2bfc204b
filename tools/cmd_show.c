/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Items in full: show, snippet, export. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "item_json.h"
#include "plain.h"
#include "progress.h"
#include "session.h"
#include "when.h"

static const char not_found[] = "not found";

static void print_list(const char *name, const sdx_bytes *values, size_t count) {
  if (count == 0) return;
  printf("%s:", name);
  for (size_t i = 0; i < count; i++) {
    printf("%s ", i ? "," : "");
    plain_print(stdout, values[i]);
  }
  printf("\n");
}

static bool is_long(const char *field) {
  return strcmp(field, "body") == 0 || strcmp(field, "attachment") == 0 ||
         strcmp(field, "note") == 0;
}

static void print_item(const sdx_item *item) {
  char when[WHEN_SIZE];
  print_list("id", &item->id, 1);
  printf("kind: %s\ndate: %s\n", kind_name(item->kind), when_format(item->date, when));
  print_list("folder", item->folders, item->folder_count);
  print_list("flags", item->flags, item->flag_count);
  print_list("labels", item->labels, item->label_count);
  if (item->expires) printf("expires: %s\n", when_format(item->expires, when));
  if (item->payload.size) printf("payload: %zu bytes (see --json)\n", item->payload.size);
  for (size_t i = 0; i < item->field_count; i++)
    if (!is_long(item->fields[i].name)) print_list(item->fields[i].name, &item->fields[i].text, 1);
  for (size_t i = 0; i < item->field_count; i++) {
    if (!is_long(item->fields[i].name)) continue;
    printf("\n");
    plain_print_lines(stdout, item->fields[i].text);
    printf("\n");
  }
}

static exit_code run_show(const options *o) {
  sdx_index *index = NULL;
  sdx_found *found = NULL;
  sdx_error err = { 0 };
  exit_code code = options_expect(o, 1, 1, "an id");
  if (code == EXIT_DONE) code = session_open(&index, o);
  if (code != EXIT_DONE) return code;
  sdx_status status = sdx_show(index, bytes_of(o->words[0]), o->now, &found, &err);
  if (status != SDX_OK) {
    code = complain_id(o->words[0], &err, not_found);
  } else if (o->json) {
    json j = { .out = stdout };
    item_json(&j, sdx_found_item(found));
  } else {
    print_item(sdx_found_item(found));
  }
  if (found != NULL && !sdx_found_complete(found))
    fprintf(stderr, "sealdex: changes of folders, flags or labels may be missing: run verify\n");
  if (found) sdx_found_free(found);
  sdx_close(index);
  return code;
}

const command command_show = {
  .name = "show",
  .arguments = "DIR --key FILE ID",
  .summary = "print one item in full",
  .details = "With --json, one line in the form that add --jsonl reads.\n",
  .takes = "",
  .run = run_show,
};

static exit_code run_snippet(const options *o) {
  sdx_index *index = NULL;
  char *query = NULL, *snippet = NULL;
  sdx_error err = { 0 };
  exit_code code = options_expect(o, 2, SIZE_MAX, "an id and a query");
  if (code == EXIT_DONE) code = session_open(&index, o);
  if (code != EXIT_DONE) return code;
  query = options_join(o, 1);
  if (!query) {
    code = complain_system(ENOMEM, "reading the query");
  } else if (sdx_snippet(index, bytes_of(o->words[0]), bytes_of(query), (sdx_bytes){ 0 }, &snippet,
                         &err) != SDX_OK) {
    code = complain_id(o->words[0], &err, not_found);
  } else if (o->json) {
    json j = { .out = stdout };
    json_object(&j, NULL);
    json_text(&j, "id", o->words[0]);
    json_text(&j, "snippet", snippet);
    json_close(&j);
  } else {
    plain_print_snippet(stdout, bytes_of(snippet), isatty(1) != 0);
    printf("\n");
  }
  options_forget(query);
  if (snippet) sdx_text_free(snippet);
  sdx_close(index);
  return code;
}

const command command_snippet = {
  .name = "snippet",
  .arguments = "DIR --key FILE ID QUERY...",
  .summary = "print the part of an item that a query matches",
  .details = "With --json, the snippet is HTML: text escaped, matches in <b>.\n",
  .takes = "",
  .run = run_snippet,
};

typedef struct exporting {
  json j;
  progress progress;
  uint64_t items, bytes;
} exporting;

static sdx_status export_item(void *context, const sdx_item *item) {
  exporting *e = context;
  item_json(&e->j, item);
  e->items++;
  e->bytes += item->size;
  progress_step(&e->progress, e->items, e->bytes, 0);
  return ferror(e->j.out) ? SDX_CANCELLED : SDX_OK;
}

static exit_code run_export(const options *o) {
  sdx_index *index = NULL;
  sdx_error err = { 0 };
  exporting e = { .j = { .out = stdout } };
  exit_code code = options_expect(o, 0, 0, "");
  if (code == EXIT_DONE) code = session_open(&index, o);
  if (code != EXIT_DONE) return code;
  e.progress = progress_begin("exporting");
  e.progress.shown = e.progress.shown && !isatty(1);
  sdx_status status = sdx_export(index, o->now, export_item, &e, &err);
  progress_clear(&e.progress);
  sdx_close(index);
  if (status == SDX_OK || ferror(stdout)) return EXIT_DONE; /* main reports a failed output */
  return complain(&err);
}

const command command_export = {
  .name = "export",
  .arguments = "DIR --key FILE",
  .summary = "print every live item, one line of JSON each",
  .details = "The lines are in the form that add --jsonl reads.\n",
  .takes = "",
  .run = run_export,
};
