/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ahead.h - a source that is read ahead of whoever takes its entries: by a thread of its own, so
 * that files and the worker that reads them are not waited for.
 *
 * Entries are copied into a few loads, which go round. A load is handed over when it is full, and
 * at once where the taker waits: a slow source delays nothing. At most some 100 entries and about 1
 * MiB (and one entry more) are ahead.
 */
#ifndef SEALDEX_INDEXER_REBUILD_AHEAD_H
#define SEALDEX_INDEXER_REBUILD_AHEAD_H

#include "sealdex.h"

typedef struct ahead ahead;

/* The source is the thread's until ahead_close. */
sdx_status ahead_open(ahead **out, sdx_source *source, sdx_error *err) SDX_CHECK;
/* As sdx_source_next; *origin is the entry's unit (extract/share.h). To be called by one thread. */
sdx_status ahead_next(ahead *a, const sdx_entry **out, uint64_t *origin, sdx_error *err) SDX_CHECK;
/* Stops reading, and waits until that is so. Wipes; NULL is fine. */
void ahead_close(ahead *a);

#endif
