/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sandbox.h - giving up everything but reading what comes in and writing what goes out.
 *
 * After sandbox_enter the process can read and write its open descriptors, have memory up to
 * SANDBOX_MEMORY, and end. Opening files answers that there are none - but where the kernel has
 * Landlock, that which text needs (time zones, character sets, the character maps of PDF) can be
 * read. Network, processes and threads answer that they are not permitted; any other system call
 * ends the process. Load what needs files before.
 */
#ifndef SEALDEX_EXTRACT_SANDBOX_H
#define SEALDEX_EXTRACT_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#define SANDBOX_MEMORY ((size_t)1536 << 20) /* of address space: input, libraries and work */

/* False where a part of it that every supported kernel has could not be put in force. */
bool sandbox_enter(void);
/* Starts the clock of one request: SIGPROF ends the process after so many seconds of work. 0 stops
 * it. */
void sandbox_allow_seconds(unsigned seconds);

#endif
