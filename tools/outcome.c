/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "outcome.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "plain.h"

exit_code outcome_of(sdx_status status) {
  switch (status) {
  case SDX_OK:
    return EXIT_DONE;
  case SDX_NOT_FOUND:
  case SDX_CANCELLED:
    return EXIT_NOTHING;
  case SDX_INVALID:
    return EXIT_USAGE;
  case SDX_WRONG_KEY:
    return EXIT_KEY;
  case SDX_DAMAGED:
  case SDX_ROLLED_BACK:
    return EXIT_DAMAGED;
  case SDX_LOCKED:
  case SDX_CLOSED:
    return EXIT_BUSY;
  case SDX_SYSTEM:
  case SDX_NO_MEMORY:
  case SDX_NO_SPACE:
  case SDX_FORKED:
    break;
  }
  return EXIT_SYSTEM;
}

/* The programs share this file. */
static void begin(void) {
  fflush(stdout);
  fprintf(stderr, "%s: ", program_invocation_short_name);
}

const char *reason_in(const char *line) {
  const size_t name = strlen(program_invocation_short_name);
  return strncmp(line, program_invocation_short_name, name) == 0 && strncmp(line + name, ": ", 2) == 0
             ? line + name + 2
             : line;
}

exit_code complain(const sdx_error *err) {
  begin();
  fprintf(stderr, "%s\n", err->message[0] ? err->message : "the operation failed");
  return outcome_of(err->status);
}

exit_code complain_usage(const char *format, ...) {
  va_list args;
  va_start(args, format);
  begin();
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  return EXIT_USAGE;
}

exit_code complain_system(int errno_value, const char *format, ...) {
  va_list args;
  va_start(args, format);
  begin();
  vfprintf(stderr, format, args);
  fprintf(stderr, ": %s\n", strerror(errno_value));
  va_end(args);
  return EXIT_SYSTEM;
}

void note_item(const char *verb, sdx_bytes id, const char *reason) {
  fflush(stdout);
  fprintf(stderr, "%s ", verb);
  plain_print(stderr, id);
  fprintf(stderr, ": %s\n", reason);
}

void complain_item(sdx_bytes id, const char *reason) {
  note_item("failed", id, reason);
}

const char *reason_of(const sdx_error *err, const char *not_found) {
  return err->status == SDX_NOT_FOUND ? not_found : err->message;
}

exit_code complain_id(const char *id, const sdx_error *err, const char *not_found) {
  complain_item(bytes_of(id), reason_of(err, not_found));
  return outcome_of(err->status);
}
