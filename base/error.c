/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

sdx_status error_set(sdx_error *err, sdx_status status, const char *format, ...) {
  if (err != NULL) {
    va_list args;
    va_start(args, format);
    err->status = status;
    (void)vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
  }
  return status;
}

sdx_status error_system(sdx_error *err, int errno_value, const char *what) {
  sdx_status status = SDX_SYSTEM;
  if (errno_value == ENOSPC || errno_value == EDQUOT) status = SDX_NO_SPACE;
  if (errno_value == ENOMEM) status = SDX_NO_MEMORY;
  char reason[96];
  return error_set(err, status, "%s: %s", what, strerror_r(errno_value, reason, sizeof reason));
}

sdx_status error_memory(sdx_error *err) {
  return error_set(err, SDX_NO_MEMORY, "out of memory");
}

sdx_status error_no_place(sdx_error *err) {
  return error_set(err, SDX_INVALID, "no place for the answer was given");
}

sdx_status error_no_callback(sdx_error *err) {
  return error_set(err, SDX_INVALID, "a callback is needed");
}
