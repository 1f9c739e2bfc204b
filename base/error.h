/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * error.h - filling the one error type, sdx_error, from every room.
 *
 * base/ is what every room may include: it knows the public header and nothing else.
 */
#ifndef SEALDEX_BASE_ERROR_H
#define SEALDEX_BASE_ERROR_H

#include <errno.h>

#include "sealdex.h"

/* Sets *err (if not NULL) to `status` and a formatted line, and returns `status`. The format must
 * never be given an id, a term, a query, text, a key or a path of an item. */
sdx_status error_set(sdx_error *err, sdx_status status, const char *format, ...) SDX_PRINTF(3, 4);

/* The same for a failed system call: appends strerror(errno_value); ENOSPC and EDQUOT become
 * SDX_NO_SPACE, ENOMEM becomes SDX_NO_MEMORY, all else SDX_SYSTEM. */
sdx_status error_system(sdx_error *err, int errno_value, const char *what);

/* "out of memory", the same words everywhere. */
sdx_status error_memory(sdx_error *err);

/* SDX_INVALID: a caller gave NULL for what the call writes its answer to, or for a callback. */
sdx_status error_no_place(sdx_error *err);
sdx_status error_no_callback(sdx_error *err);

#endif
