/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process.h - what a program does before anything else: no core dumps, standard descriptors in
 * their places, a limit on file sizes as an error rather than the end; and what it may use.
 */
#ifndef SEALDEX_TOOLS_PROCESS_H
#define SEALDEX_TOOLS_PROCESS_H

void process_prepare(void);

/* How many processors it may run on: fewer than there are where it is bound to some (taskset, a cpuset). */
unsigned process_processors(void);

#endif
