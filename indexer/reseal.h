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

/* Folds the journal, and rewrites each segment and each trash bucket under new keys. The caller holds the
 * maintenance lock. The row that says how far it came stays until reseal_forget, since replacing the other keys
 * (indexer/key_set.h) belongs to it. SDX_DAMAGED where some do not open: those stay, the others are done. */
sdx_status reseal_all(sdx_index *index, int64_t now, sdx_error *err) SDX_CHECK;
sdx_status reseal_forget(write_txn *w, sdx_error *err) SDX_CHECK;

#endif
