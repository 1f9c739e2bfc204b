/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rederive.h - an item's terms made anew from its stored text, and held against those that it has.
 */
#ifndef SEALDEX_INDEXER_REDERIVE_H
#define SEALDEX_INDEXER_REDERIVE_H

#include "index/index.h"
#include "segment/record.h"

typedef struct rederive rederive;

sdx_status rederive_open(rederive **out, const sdx_index *index, sdx_error *err) SDX_CHECK;
/* *agrees: the record's terms, with their frequencies and positions, its length and its language
 * are what its text gives. True also where that cannot be said: text that is not kept, or terms of
 * another analyser's version. */
sdx_status rederive_check(rederive *d, const record *r, bool *agrees, sdx_error *err) SDX_CHECK;
void rederive_close(rederive *d); /* wipes; NULL is fine */

#endif
