/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "command.h"
#include "json.h"

static uint64_t file_size(const char *dir) {
  char *path = NULL;
  struct stat st;
  uint64_t size = 0;
  if (asprintf(&path, "%s/data.mdb", dir) < 0) return 0;
  if (stat(path, &st) == 0) size = (uint64_t)st.st_size;
  free(path);
  return size;
}

static exit_code run(const options *o) {
  sdx_error err = { 0 };
  exit_code code = options_expect(o, 0, 0, "");
  if (code != EXIT_DONE) return code;
  uint64_t before = file_size(o->dir);
  if (sdx_compact(o->dir, &err) != SDX_OK) return complain(&err);
  uint64_t after = file_size(o->dir);
  if (o->json) {
    json j = { .out = stdout };
    json_object(&j, NULL);
    json_uint(&j, "before", before);
    json_uint(&j, "after", after);
    json_close(&j);
  } else {
    printf("compacted: %" PRIu64 " bytes before, %" PRIu64 " after\n", before, after);
  }
  return EXIT_DONE;
}

const command command_compact = {
  .name = "compact",
  .arguments = "DIR",
  .summary = "rewrite the store without its free pages; needs no key",
  .details = "",
  .takes = "",
  .run = run,
};
