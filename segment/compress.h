/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compress.h - zstd over single pieces: no dictionary, no window shared between items, and working
 * memory that is wiped when it goes, since it holds what was compressed.
 */
#ifndef SEALDEX_SEGMENT_COMPRESS_H
#define SEALDEX_SEGMENT_COMPRESS_H

#include "base/buffer.h"
#include "sealdex.h"

#define COMPRESS_LEVEL 1
#define COMPRESS_CONTENT_MAX (UINT32_MAX / 4) /* bytes of one piece, before */

/* Keeps working memory between pieces; for one thread. */
typedef struct compressor compressor;
sdx_status compressor_new(compressor **out, sdx_error *err) SDX_CHECK;
void compressor_free(compressor *c);

/* Appends one frame; false (and out->failed) where memory ran out. `c` may be NULL. */
bool compress_put(buffer *out, compressor *c, const void *bytes, size_t size);
/* Appends what a frame holds. SDX_DAMAGED where it is none, or claims more than COMPRESS_CONTENT_MAX. */
sdx_status compress_get(buffer *out, const void *frame, size_t size, sdx_error *err) SDX_CHECK;

#endif
