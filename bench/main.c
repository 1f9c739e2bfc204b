/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sealdex-bench: the same mail, the same queries, engines in turn. script/bench calls it, and draws
 * the plots; each command adds rows to a table of figures, or reads one.
 */
#include <stdio.h>
#include <string.h>

#include "command.h"

static const struct {
  const char *name;
  int (*run)(int argc, char **argv);
  const char *help;
} commands[] = {
  { "run", command_run, "measure all engines on real mail or a made-up mailbox" },
  { "generate", command_generate, "write out a made-up mailbox" },
  { "describe", command_describe, "print a corpus' statistics" },
  { "agree", command_agree, "compare two runs" },
  { "relevance", command_relevance, "judge answers by a test collection" },
  { "gate-work", command_gate_work, "what callgrind counts for the regression gate" },
  { "gate", command_gate, "compare such counts with a baseline" },
  { "attack", command_attack, "what files at several times tell of words" },
  { "report", command_report, "turn figures into a report" },
};

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "fresh") == 0) return command_fresh(argc - 1, argv + 1);
  for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++)
    if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
  fprintf(stderr, "usage: sealdex-bench COMMAND ...\n");
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
    fprintf(stderr, "  %-10s %s\n", commands[i].name, commands[i].help);
  return 2;
}
