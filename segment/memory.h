/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memory.h - a segment's blocks in memory: how the journal is searched, and how tests run.
 */
#ifndef SEALDEX_SEGMENT_MEMORY_H
#define SEALDEX_SEGMENT_MEMORY_H

#include "segment/block.h"

typedef struct memory_blocks memory_blocks;
sdx_status memory_blocks_new(memory_blocks **out, const block_memory *memory, sdx_error *err) SDX_CHECK;
void memory_blocks_free(memory_blocks *m); /* wipes */
block_sink memory_blocks_sink(memory_blocks *m);
block_source memory_blocks_source(memory_blocks *m);
size_t memory_blocks_bytes(const memory_blocks *m);

#endif
