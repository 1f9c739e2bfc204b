/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard.h - keeps data.mdb and lock.mdb together while somebody opens or swaps them.
 *
 * The two are a pair, but two files. Whoever opens them holds the guard shared, whoever replaces
 * them exclusively. It is an flock() on the directory: that needs no file of its own, works where
 * nothing can be written, and ends with its holder. Nobody waits for LMDB's write lock inside it.
 */
#ifndef SEALDEX_STORE_GUARD_H
#define SEALDEX_STORE_GUARD_H

#include "store/environment.h"

/* `operation` is LOCK_SH or LOCK_EX. */
sdx_status guard_take(int *guard, const environment *e, int operation, sdx_error *err) SDX_CHECK;
void guard_release(int guard);

#endif
