/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sealdex - the command line of Sealdex, thin over sealdex.h. docs/cli.md has every command.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "process.h"

static const command *const commands[] = {
  &command_keygen,  &command_init,   &command_add,         &command_search,  &command_show,
  &command_suggest, &command_snippet, &command_set,    &command_delete,      &command_restore, &command_sweep,
  &command_inspect, &command_status, &command_verify,      &command_export,  &command_compact,
  &command_close,   &command_reopen, &command_deposit_key, &command_deposit, &command_rekey,
  &command_slot_add, &command_slot_remove, &command_mark,
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static const char common_help[] =
    "Every command takes the directory first, and:\n"
    "  --key FILE              32 raw bytes or 64 hex digits (or SEALDEX_KEY_FILE names it)\n"
    "  --passphrase-file FILE  a passphrase instead\n"
    "  --now TIME              the time to act at: epoch seconds, 2024-05-17, or\n"
    "                          2024-05-17T10:00:00Z (default: the clock)\n"
    "  --json                  print JSON, for machines\n"
    "  --accept-restored       open files of a restored backup\n"
    "  --mark FILE             refuse files that are older than what `mark` printed into it\n"
    "  --                      what follows is no option\n"
    "\n"
    "Exit codes: 0 done; 1 nothing found, unknown or purged id, or not all done; 2 usage,\n"
    "malformed key; 3 wrong key; 4 damaged; 5 locked or closed; 6 system error, missing file.\n";

static void help(void) {
  printf("usage: sealdex COMMAND DIR [options] [arguments]\n\n");
  for (size_t i = 0; i < COMMANDS; i++)
    printf("  %-11s %s\n", commands[i]->name, commands[i]->summary);
  printf("\n%s\nsealdex COMMAND --help tells a command's own options.\n", common_help);
}

static void help_command(const command *c) {
  printf("usage: sealdex %s %s [options]\n\n%s.\n\n%s%s%s", c->name, c->arguments, c->summary,
         c->details, *c->details ? "\n" : "", common_help);
}

static const command *find(const char *name) {
  for (size_t i = 0; i < COMMANDS; i++)
    if (strcmp(commands[i]->name, name) == 0) return commands[i];
  return NULL;
}

static bool asks_for_help(int argc, char **argv) {
  for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], "--help") == 0) return true;
  return false;
}

static exit_code run(const command *c, int argc, char **argv) {
  options o;
  if (asks_for_help(argc, argv)) {
    help_command(c);
    return EXIT_DONE;
  }
  exit_code code = options_parse(&o, c->name, c->takes, argc, argv);
  if (code == EXIT_DONE) code = c->run(&o);
  options_free(&o);
  return code;
}

static exit_code dispatch(int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "";
  if (strcmp(name, "--version") == 0) {
    printf("sealdex %s\n", sdx_version());
    return EXIT_DONE;
  }
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
    const command *c = argc > 2 ? find(argv[2]) : NULL;
    if (c)
      help_command(c);
    else
      help();
    return EXIT_DONE;
  }
  if (!*name) return complain_usage("a command is needed; see: sealdex --help");
  const command *c = find(name);
  if (!c) return complain_usage("there is no command of that name; see: sealdex --help");
  return run(c, argc - 2, argv + 2);
}

int main(int argc, char **argv) {
  process_prepare();
  exit_code code = dispatch(argc, argv);
  errno = 0;
  if (fflush(stdout) != 0 || ferror(stdout))
    code = complain_system(errno ? errno : EIO, "writing the output");
  return (int)code;
}
