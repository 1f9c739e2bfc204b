/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mend.h - what the source has and the index lacks is added, and nothing else is touched.
 */
#ifndef SEALDEX_INDEXER_REBUILD_MEND_H
#define SEALDEX_INDEXER_REBUILD_MEND_H

#include "indexer/rebuild/reindexing.h"

sdx_status mend_run(reindexing *r, sdx_error *err) SDX_CHECK;

#endif
