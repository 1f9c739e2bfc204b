/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "keyfile.h"

/* As `sealdex mark` printed it. */
static exit_code read_mark(sdx_mark *mark, const char *path) {
  char digest[65] = { 0 };
  FILE *in = fopen(path, "re");
  if (!in) return complain_system(errno, "opening the mark %s", path);
  bool sound = fscanf(in, "%" SCNu64 " %" SCNu64 " %64[0-9a-f]", &mark->generation,
                      &mark->store_generation, digest) == 3 &&
               strlen(digest) == 64;
  fclose(in);
  for (size_t i = 0; i < 32 && sound; i++) {
    unsigned byte = 0;
    sound = sscanf(digest + 2 * i, "%2x", &byte) == 1;
    mark->digest[i] = (uint8_t)byte;
  }
  return sound ? EXIT_DONE : complain_usage("%s is no mark, as `sealdex mark` prints it", path);
}

exit_code session_open(sdx_index **out, const options *o) {
  sdx_open_options opening = SDX_OPEN_OPTIONS_INIT;
  sdx_error err = { 0 };
  keyfile key;
  sdx_mark mark;
  const char *path = options_text(o, "mark");
  *out = NULL;
  exit_code code = path ? read_mark(&mark, path) : EXIT_DONE;
  if (code == EXIT_DONE) code = keyfile_read(&key, o);
  if (code != EXIT_DONE) return code;
  opening.accept_restored = options_flag(o, "accept-restored");
  opening.mark = path ? &mark : NULL;
  if (sdx_open(out, o->dir, &key.secret, &opening, &err) != SDX_OK) code = complain(&err);
  keyfile_wipe(&key);
  return code;
}
