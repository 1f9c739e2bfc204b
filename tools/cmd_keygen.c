/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "command.h"
#include "json.h"
#include "keyfile.h"

static exit_code run(const options *o) {
  exit_code code = options_expect(o, 0, 0, "");
  if (code == EXIT_DONE) code = keyfile_generate(o->dir);
  if (code != EXIT_DONE) return code;
  if (o->json) {
    json j = { .out = stdout };
    json_object(&j, NULL);
    json_text(&j, "file", o->dir);
    json_close(&j);
  } else {
    printf("wrote a new key to %s; an index sealed with it cannot be read without it\n", o->dir);
  }
  return EXIT_DONE;
}

const command command_keygen = {
  .name = "keygen",
  .arguments = "FILE",
  .summary = "write a new random key to a new file (mode 0600)",
  .details = "The file holds 64 hex digits. An existing file is never overwritten.\n",
  .takes = "",
  .run = run,
};
