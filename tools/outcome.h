/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * outcome.h - how a run ends: exit codes, and the one line that says why.
 *
 * Errors go to standard error as `PROGRAM: what is wrong and what to do`; what concerns one item
 * goes there as `failed ID: reason`. Ids are the user's own data, so control characters in them are
 * never passed on to a terminal.
 */
#ifndef SEALDEX_TOOLS_OUTCOME_H
#define SEALDEX_TOOLS_OUTCOME_H

#include "sealdex.h"

typedef enum exit_code {
  EXIT_DONE = 0,
  EXIT_NOTHING = 1, /* nothing found, unknown or purged id, or not all done */
  EXIT_USAGE = 2,   /* usage, malformed key */
  EXIT_KEY = 3,     /* wrong key */
  EXIT_DAMAGED = 4,
  EXIT_BUSY = 5,   /* locked or closed */
  EXIT_SYSTEM = 6, /* system error, missing index or file */
  EXIT_UNSET = 255 /* inside the program only: carry on */
} exit_code;

exit_code outcome_of(sdx_status status);

/* Prints the error's line and returns its exit code. */
exit_code complain(const sdx_error *err);
/* Prints a line about the command line and returns EXIT_USAGE. */
exit_code complain_usage(const char *format, ...) SDX_PRINTF(1, 2);
/* Prints a line that ends in what errno says and returns EXIT_SYSTEM. */
exit_code complain_system(int errno_value, const char *format, ...) SDX_PRINTF(2, 3);

/* Such a line without the program's name. */
const char *reason_in(const char *line);

/* Prints `failed ID: reason` to standard error. */
void complain_item(sdx_bytes id, const char *reason);
/* The same for an item that was done, but not wholly: `VERB ID: reason`. */
void note_item(const char *verb, sdx_bytes id, const char *reason);
/* `reason` in short for an id that an operation did not find, else the library's own line. */
const char *reason_of(const sdx_error *err, const char *not_found);
/* The end of a command about one id: its `failed` line, and the exit code. */
exit_code complain_id(const char *id, const sdx_error *err, const char *not_found);

#endif
