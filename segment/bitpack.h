/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bitpack.h - 128 numbers of one width, four lanes at a time.
 *
 * Number i stands in lane i mod 4, row i div 4. The rows of a lane follow each other as bits, least
 * significant first, in little-endian words of 32 bits; word n of lane l is at byte 16 n + 4 l. So
 * one SSE2 register holds a word of each lane, and a row is two shifts and a mask for four numbers.
 * Without SSE2 plain C reads and writes the same bytes.
 */
#ifndef SEALDEX_SEGMENT_BITPACK_H
#define SEALDEX_SEGMENT_BITPACK_H

#include <stdint.h>

#define BITPACK_COUNT 128
#define BITPACK_BYTES(width) (16u * (width))

/* Width 0 to 32; the numbers must fit it. Writes BITPACK_BYTES(width). */
void bitpack_pack(uint8_t *out, const uint32_t in[BITPACK_COUNT], unsigned width);
/* Reads BITPACK_BYTES(width), and adds to each. */
void bitpack_unpack(uint32_t out[BITPACK_COUNT], const uint8_t *in, unsigned width, uint32_t addend);
/* Gaps to ordinals, in place: each becomes `base` plus the gaps up to it plus its index. */
void bitpack_sum(uint32_t inout[BITPACK_COUNT], uint32_t base);

#endif
