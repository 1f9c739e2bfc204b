/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command.h - the commands of sealdex-bench. Each returns the exit code: 0, 2 for usage, 6 for
 * failure. */
#ifndef SEALDEX_BENCH_COMMAND_H
#define SEALDEX_BENCH_COMMAND_H

int command_run(int argc, char **argv);
int command_generate(int argc, char **argv);
int command_describe(int argc, char **argv);
int command_agree(int argc, char **argv);
int command_relevance(int argc, char **argv);
int command_gate_work(int argc, char **argv);
int command_gate(int argc, char **argv);
int command_attack(int argc, char **argv);
int command_report(int argc, char **argv);
int command_fresh(int argc, char **argv); /* hidden: see fresh.h */

#endif
