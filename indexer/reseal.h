/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reseal.h - all that is sealed is sealed anew, under new keys, beside readers and writers.
 *
 * The row "reseal" of `meta` (8 bytes) says how far the keyring's generation was when it began: every
 * key that was born by then has to go. So an interrupted run goes on with what is left, and what was
 * written meanwhile is left alone.
 */
#ifndef SEALDEX_INDEXER_RESEAL_H
#define SEALDEX_INDEXER_RESEAL_H

#include "index/write.h"

/* Under the maintenance lock. Folds the journal, rewrites each segment and each trash bucket. The row stays
 * until reseal_forget: the replacement of the other keys (indexer/key_set.h) is part of it. SDX_DAMAGED where some do not open: the others are done, those stay. */
sdx_status reseal_all(sdx_index *index, int64_t now, sdx_error *err) SDX_CHECK;
sdx_status reseal_forget(write_txn *w, sdx_error *err) SDX_CHECK;

#endif
