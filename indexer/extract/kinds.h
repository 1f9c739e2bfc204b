/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kinds.h - the one place that knows all extractors: bytes of a type to the items in them. */
#ifndef SEALDEX_EXTRACT_KINDS_H
#define SEALDEX_EXTRACT_KINDS_H

#include "indexer/extract/draft_sink.h"
#include "indexer/extract/file_type.h"

/* Before all else, once in the worker's process: what libraries would log goes nowhere, since it
 * may quote what they read. */
void kinds_start(void);

/* Gives each item to `sink`; false, with d->reason, where there is none. `depth` is how many
 * archives and messages the bytes stand in. */
bool kinds_extract(file_type type, const void *bytes, size_t size, draft *d, draft_sink *sink,
                   unsigned depth);

#endif
