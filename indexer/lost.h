/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lost.h - items that went with a destroyed holder: how many are still missing.
 */
#ifndef SEALDEX_INDEXER_LOST_H
#define SEALDEX_INDEXER_LOST_H

#include "index/write.h"

/* Counts anew, by the places that name a holder that is no more, and drops rows of which nothing is
 * missing any longer. Reads all of `ids` where there is such a row. */
sdx_status lost_recount(sdx_index *index, int64_t now, sdx_error *err) SDX_CHECK;

#endif
