/* SPDX-License-Identifier: GPL-2.0-or-later */
/* txn.h - what the rest of the room needs of transactions beside store.h. */
#ifndef SEALDEX_STORE_TXN_H
#define SEALDEX_STORE_TXN_H

#include "store/environment.h"

/* SDX_FORKED where the handle was made by another process. */
sdx_status txn_check_process(const store *s, sdx_error *err) SDX_CHECK;

/* Notes the result of a write: after a failure the transaction can no longer commit. Returns the
 * status of `rc`. */
sdx_status txn_wrote(store_txn *t, int rc, const char *what, sdx_error *err) SDX_CHECK;

#endif
