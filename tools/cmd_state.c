/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an index is like: inspect (without a key), status, verify. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "plain.h"
#include "receipt_file.h"
#include "session.h"
#include "when.h"

/* ------------------------------------------------------------------ inspect */

typedef struct line {
  char *name, *value;
} line;

typedef struct lines {
  line *at;
  size_t count, room;
  bool failed;
} lines;

static void collect(void *context, const char *name, const char *value) {
  lines *l = context;
  if (l->count == l->room) {
    size_t room = l->room ? 2 * l->room : 64;
    line *at = reallocarray(l->at, room, sizeof *at);
    if (!at) {
      l->failed = true;
      return;
    }
    l->at = at;
    l->room = room;
  }
  line *added = &l->at[l->count];
  added->name = strdup(name);
  added->value = strdup(value);
  l->failed |= !added->name || !added->value;
  l->count++;
}

/* Counts and sizes are numbers in JSON; ids, which are longer, stay strings. */
static bool is_count(const char *value) {
  size_t n = strspn(value, "0123456789");
  return n > 0 && n <= 15 && value[n] == 0 && (value[0] != '0' || n == 1);
}

static void put_value(json *j, const char *key, const char *value) {
  if (is_count(value))
    json_uint(j, key, strtoull(value, NULL, 10));
  else
    json_text(j, key, value);
}

/* A member per name; a name that comes more than once is an array. */
static void print_inspect_json(const lines *l) {
  json j = { .out = stdout };
  json_object(&j, NULL);
  for (size_t i = 0; i < l->count; i++) {
    size_t before = 0, same = 0;
    for (size_t k = 0; k < l->count; k++) {
      if (strcmp(l->at[k].name, l->at[i].name) != 0) continue;
      before += k < i;
      same++;
    }
    if (before > 0) continue;
    if (same > 1) json_array(&j, l->at[i].name);
    for (size_t k = i; k < l->count; k++)
      if (strcmp(l->at[k].name, l->at[i].name) == 0)
        put_value(&j, same > 1 ? NULL : l->at[i].name, l->at[k].value);
    if (same > 1) json_close(&j);
  }
  json_close(&j);
}

static exit_code run_inspect(const options *o) {
  lines l = { 0 };
  sdx_error err = { 0 };
  exit_code code = options_expect(o, 0, 0, "");
  if (code != EXIT_DONE) return code;
  if (sdx_inspect(o->dir, NULL, collect, &l, &err) != SDX_OK)
    code = complain(&err);
  else if (l.failed)
    code = complain_system(ENOMEM, "inspecting the index");
  else if (o->json)
    print_inspect_json(&l);
  else
    for (size_t i = 0; i < l.count; i++) printf("%s: %s\n", l.at[i].name, l.at[i].value);
  for (size_t i = 0; i < l.count; i++) {
    free(l.at[i].name);
    free(l.at[i].value);
  }
  free(l.at);
  return code;
}

const command command_inspect = {
  .name = "inspect",
  .arguments = "DIR",
  .summary = "print all that the files give away to somebody without a key",
  .details = "Lines of the form `name: value`.\n",
  .takes = "",
  .run = run_inspect,
};

/* ------------------------------------------------------------------ status */

static void print_languages(json *j, const char *languages) {
  json_array(j, "languages");
  for (const char *p = languages; *p;) {
    size_t n = strcspn(p, ",");
    json_string(j, NULL, (sdx_bytes){ p, n });
    p += n + (p[n] == ',');
  }
  json_close(j);
}

static void print_status_json(const sdx_state *s) {
  json j = { .out = stdout };
  json_object(&j, NULL);
  json_uint(&j, "live", s->live);
  json_uint(&j, "deleted", s->deleted);
  json_uint(&j, "superseded", s->superseded);
  json_uint(&j, "missing", s->missing);
  json_uint(&j, "segments", s->segments);
  json_uint(&j, "journal_records", s->journal_records);
  json_uint(&j, "text_bytes", s->text_bytes);
  json_uint(&j, "file_bytes", s->file_bytes);
  json_uint(&j, "used_bytes", s->used_bytes);
  json_uint(&j, "keyring_bytes", s->keyring_bytes);
  json_uint(&j, "generation", s->generation);
  json_int(&j, "retention", s->retention);
  json_int(&j, "last_sweep", s->last_sweep);
  json_int(&j, "closed_since", s->closed_since);
  json_bool(&j, "store_text", s->store_text);
  json_bool(&j, "reindex_due", s->reindex_due);
  print_languages(&j, s->languages);
  json_bool(&j, "complete", s->complete);
  json_close(&j);
}

static void print_size(const char *lead, uint64_t bytes) {
  if (bytes < 1000000)
    printf("%s%.1f kB", lead, (double)bytes / 1e3);
  else
    printf("%s%.1f MB", lead, (double)bytes / 1e6);
}

static void print_status(const sdx_state *s) {
  char when[WHEN_SIZE];
  printf("items:      %" PRIu64 " live, %" PRIu64 " deleted, %" PRIu64 " superseded\n", s->live,
         s->deleted, s->superseded);
  if (s->missing)
    printf("missing:    %" PRIu64 " items were lost; adding them again brings them back\n",
           s->missing);
  if (!s->complete)
    printf("damaged:    something does not open, and is not counted: see verify\n");
  printf("segments:   %" PRIu64 ", and %" PRIu64 " journal records\n", s->segments,
         s->journal_records);
  print_size("text:       ", s->text_bytes);
  print_size(" indexed\nfiles:      ", s->file_bytes);
  print_size(", of which ", s->used_bytes);
  print_size(" in use; keyring ", s->keyring_bytes);
  printf("\n");
  printf("generation: %" PRIu64 "\n", s->generation);
  printf("retention:  %.6g days\n", (double)s->retention / SDX_DAY);
  printf("last sweep: %s\n", s->last_sweep ? when_format(s->last_sweep, when) : "never");
  if (s->closed_since) printf("closed:     %s\n", when_format(s->closed_since, when));
  printf("languages:  %s\n", s->languages);
  printf("text kept:  %s\n", s->store_text ? "yes" : "no");
  if (s->reindex_due)
    printf("an older analyser made part of this index: reindex when convenient\n");
}

static exit_code run_status(const options *o) {
  sdx_index *index = NULL;
  sdx_state state = { 0 };
  sdx_error err = { 0 };
  exit_code code = options_expect(o, 0, 0, "");
  if (code == EXIT_DONE) code = session_open(&index, o);
  if (code != EXIT_DONE) return code;
  if (sdx_status_of(index, o->now, &state, &err) != SDX_OK)
    code = complain(&err);
  else if (o->json)
    print_status_json(&state);
  else
    print_status(&state);
  sdx_close(index);
  return code;
}

const command command_status = {
  .name = "status",
  .arguments = "DIR --key FILE",
  .summary = "print counts and sizes",
  .details = "",
  .takes = "",
  .run = run_status,
};

/* ------------------------------------------------------------------ verify */

typedef struct verifying {
  bool as_json;
  json j;
} verifying;

static void problem(void *context, const char *text) {
  verifying *v = context;
  if (v->as_json)
    json_text(&v->j, NULL, text);
  else
    printf("%s\n", text);
}

static sdx_status verify_receipts(const options *o, verifying *v, const sdx_receipt *receipts,
                                  size_t count, sdx_error *err) {
  uint64_t problems = 0;
  return sdx_receipts_verify(o->dir, NULL, receipts, count, problem, v, &problems, err);
}

/* Needs no key: the keyring's log and its list of keys show without one. */
static exit_code run_receipts(const options *o, const char *path) {
  sdx_receipt *receipts = NULL;
  size_t count = 0;
  sdx_error err = { 0 };
  verifying v = { .as_json = o->json, .j = { .out = stdout } };
  exit_code code = receipt_file_read(path, o->dir, &receipts, &count);
  if (code == EXIT_DONE && count == 0) {
    fprintf(stderr, "sealdex: the file has no receipt of this index\n");
    code = EXIT_NOTHING;
  }
  if (code != EXIT_DONE) goto out;
  if (o->json) {
    json_object(&v.j, NULL);
    json_array(&v.j, "problems");
  }
  const sdx_status status = verify_receipts(o, &v, receipts, count, &err);
  if (o->json) {
    json_close(&v.j);
    json_uint(&v.j, "receipts", count);
    json_bool(&v.j, "sound", status == SDX_OK);
    json_close(&v.j);
  } else if (status == SDX_OK) {
    printf("%zu receipts hold: no key that they name is in the keyring\n", count);
  }
  if (status != SDX_OK) code = complain(&err);
out:
  free(receipts);
  return code;
}

static exit_code run_verify(const options *o) {
  const char *receipts = options_text(o, "receipts");
  sdx_index *index = NULL;
  sdx_error err = { 0 };
  uint64_t problems = 0;
  verifying v = { .as_json = o->json, .j = { .out = stdout } };
  exit_code code = options_expect(o, 0, 0, "");
  if (code == EXIT_DONE && receipts) return run_receipts(o, receipts);
  if (code == EXIT_DONE) code = session_open(&index, o);
  if (code != EXIT_DONE) return code;
  if (o->json) {
    json_object(&v.j, NULL);
    json_array(&v.j, "problems");
  }
  sdx_status status = options_flag(o, "deep") ? sdx_verify_deep(index, problem, &v, &problems, &err)
                                              : sdx_verify(index, problem, &v, &problems, &err);
  if (o->json) {
    json_close(&v.j);
    json_bool(&v.j, "sound", status == SDX_OK);
    json_close(&v.j);
  } else if (status == SDX_OK) {
    printf("no problems found\n");
  }
  if (status != SDX_OK) code = complain(&err);
  sdx_close(index);
  return code;
}

const command command_verify = {
  .name = "verify",
  .arguments = "DIR --key FILE",
  .summary = "open everything and check that it is whole",
  .details =
      "A line per problem, and exit code 4 where there is any.\n"
      "\n"
      "  --deep              analyse every text that is kept again, and hold its terms against the index\n"
      "  --receipts FILE     check instead, without a key, that what sweep --receipt wrote of\n"
      "                      this index holds: the chain is whole, and no key it names is left\n",
  .takes = "receipts= deep",
  .run = run_verify,
};
