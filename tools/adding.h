/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * adding.h - the walk over sources that `add` and `deposit` share.
 */
#ifndef SEALDEX_TOOLS_ADDING_H
#define SEALDEX_TOOLS_ADDING_H

#include "options.h"

/* Adds what the command's words or --jsonl name: to the index that its key opens, or where
 * `deposit` is not NULL, to that. Prints the sum. */
exit_code adding_run(const options *o, sdx_deposit *deposit);

#endif
