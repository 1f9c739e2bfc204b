/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * command.h - the commands of `sealdex`, one row each: what main.c dispatches and --help prints.
 */
#ifndef SEALDEX_TOOLS_COMMAND_H
#define SEALDEX_TOOLS_COMMAND_H

#include "options.h"

typedef struct command {
  const char *name;
  const char *arguments; /* as --help shows them behind the name */
  const char *summary;   /* one line */
  const char *details;   /* its own options and rules, for `sealdex NAME --help` */
  const char *takes;     /* as options_parse takes it */
  exit_code (*run)(const options *o);
} command;

extern const command command_keygen, command_init, command_add, command_search, command_show,
    command_snippet, command_suggest, command_set, command_delete, command_restore, command_sweep, command_inspect,
    command_status, command_verify, command_export, command_compact, command_close, command_reopen,
    command_deposit_key, command_deposit, command_rekey, command_slot_add, command_slot_remove,
    command_mark;

#endif
