/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cursor.h - the cursors of a transaction, for its end. */
#ifndef SEALDEX_STORE_CURSOR_H
#define SEALDEX_STORE_CURSOR_H

#include "store/environment.h"

void cursor_close_all(store_txn *t);

#endif
