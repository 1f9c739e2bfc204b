/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session.h - the index that a command works on, opened with the key that its options name.
 */
#ifndef SEALDEX_TOOLS_SESSION_H
#define SEALDEX_TOOLS_SESSION_H

#include "options.h"

/* Opens; the key is wiped again before this returns. The index is the caller's (sdx_close). */
exit_code session_open(sdx_index **out, const options *o);

#endif
