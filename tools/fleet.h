/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fleet.h - one run for each of many users: each in a process of its own, so that what goes wrong
 * with one is that one's alone.
 *
 *   --store STORE          a directory with an index directory per user
 *   --users FILE           a line per user: the name, and behind tabs the paths of its sources;
 * where there are none, --from's with %u for the name
 *   --keys DIR             DIR/NAME is the user's key file; or
 *   --key-command COMMAND  run by sh with the name as $1, writes the key to its standard output
 *   --init                 make indexes that are not there
 *   --jobs N               users at once; each has its share of --memory
 *   --done FILE            names of users that came through, added as they do; they are passed over
 */
#ifndef SEALDEX_TOOLS_FLEET_H
#define SEALDEX_TOOLS_FLEET_H

#include <signal.h>

#include "options.h"

#define FLEET_TAKES " store= users= keys= key-command= init done="

/* `run` is called in a child, with the user's own options; its last line on standard output is the
 * result. */
exit_code fleet_run(const options *o, exit_code (*run)(const options *o),
                    const volatile sig_atomic_t *stopped);

#endif
