/* SPDX-License-Identifier: GPL-2.0-or-later */
/* delete and restore: the same walk over ids, each reported by itself. */
#include <inttypes.h>
#include <stdio.h>

#include "command.h"
#include "json.h"
#include "plain.h"
#include "session.h"

typedef struct verb {
  sdx_status (*act)(sdx_index *index, sdx_bytes id, int64_t now, sdx_error *err);
  const char *done; /* "deleted" */
  const char *not_found;
} verb;

/* What concerns this id alone is reported and passed over; anything else ends the run. */
static bool concerns_id(sdx_status status) {
  return status == SDX_NOT_FOUND || status == SDX_INVALID;
}

static exit_code act_on_all(const options *o, const verb *v, sdx_index *index, json *j) {
  sdx_error err = { 0 };
  uint64_t done = 0, failed = 0;
  exit_code code = EXIT_DONE;
  for (size_t i = 0; i < o->word_count; i++) {
    sdx_bytes id = bytes_of(o->words[i]);
    sdx_status status = v->act(index, id, o->now, &err);
    if (status == SDX_OK) {
      done++;
      if (!o->json) {
        printf("%s ", v->done);
        plain_print(stdout, id);
        printf("\n");
      }
      continue;
    }
    failed++;
    const char *reason = reason_of(&err, v->not_found);
    complain_item(id, reason);
    if (o->json) {
      json_object(j, NULL);
      json_string(j, "id", id);
      json_text(j, "reason", reason);
      json_close(j);
    }
    if (!concerns_id(status)) {
      code = outcome_of(status);
      break;
    }
  }
  if (o->json) {
    json_close(j);
    json_uint(j, v->done, done);
    json_uint(j, "failed", failed);
    json_close(j);
  }
  return code == EXIT_DONE && failed > 0 ? EXIT_NOTHING : code;
}

static exit_code run(const options *o, const verb *v) {
  sdx_index *index = NULL;
  json j = { .out = stdout };
  exit_code code = options_expect(o, 1, SIZE_MAX, "at least one id");
  if (code == EXIT_DONE) code = session_open(&index, o);
  if (code != EXIT_DONE) return code;
  if (o->json) {
    json_object(&j, NULL);
    json_array(&j, "failures");
  }
  code = act_on_all(o, v, index, &j);
  sdx_close(index);
  return code;
}

static exit_code run_delete(const options *o) {
  static const verb v = { sdx_delete, "deleted", "not found: unknown, or deleted already" };
  return run(o, &v);
}

static exit_code run_restore(const options *o) {
  static const verb v = { sdx_restore, "restored",
                          "not found: unknown, not deleted, or past its retention" };
  return run(o, &v);
}

const command command_delete = {
  .name = "delete",
  .arguments = "DIR --key FILE ID...",
  .summary = "hide items at once; they are purged when the retention is over",
  .details = "One line per id; an id that fails never stops the rest.\n",
  .takes = "",
  .run = run_delete,
};

const command command_restore = {
  .name = "restore",
  .arguments = "DIR --key FILE ID...",
  .summary = "bring deleted items back",
  .details = "One line per id; an id that fails never stops the rest.\n",
  .takes = "",
  .run = run_restore,
};
