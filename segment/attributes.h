/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attributes.h - the values of a segment's items that may change without their text changing: one
 * object of compressed bitmaps (CRoaring, portable serialisation), replaced as a whole at a fold.
 *
 * An attribute is a string with a leading letter:
 *   'f' folder   'g' flag   'l' label   'k' kind (digit)   'n' language (ISO code)   'a' has attachment
 * An item has a set of them.
 */
#ifndef SEALDEX_SEGMENT_ATTRIBUTES_H
#define SEALDEX_SEGMENT_ATTRIBUTES_H

#include <roaring/roaring.h>

#include "base/buffer.h"
#include "sealdex.h"

typedef struct attributes attributes;

sdx_status attributes_new(attributes **out, sdx_error *err) SDX_CHECK;
void attributes_free(attributes *a);
sdx_status attributes_add(attributes *a, const void *key, size_t size, uint32_t ordinal,
                          sdx_error *err) SDX_CHECK;
void attributes_remove(attributes *a, const void *key, size_t size, uint32_t ordinal);
/* Borrowed; NULL where no item has it. */
const roaring_bitmap_t *attributes_find(const attributes *a, const void *key, size_t size);
/* Attributes that are the same but for the case of ASCII letters, in turn: `hash` is the key's, *at
 * begins with 0. NULL: no more. *same: it is the very same key. */
uint32_t attributes_hash(const void *key, size_t size);
const roaring_bitmap_t *attributes_alike(const attributes *a, const void *key, size_t size,
                                         uint32_t hash, size_t *at, bool *same);
/* Before attributes_alike, when that is not just now: the processor fetches where it will look first; and, when
 * that is there, what it will find. */
void attributes_fetch(const attributes *a, uint32_t hash);
void attributes_fetch_found(const attributes *a, uint32_t hash);
/* Has attributes_alike find them without looking at all; lasts until an attribute comes or goes.
 * What was decoded or cloned has it. */
void attributes_index(attributes *a);
/* The i-th attribute in byte order; false behind the last. */
bool attributes_at(const attributes *a, size_t i, sdx_bytes *key, const roaring_bitmap_t **items);
/* Appends each attribute of one item as a string (varint length, bytes). */
void attributes_of(const attributes *a, uint32_t ordinal, buffer *out);
sdx_status attributes_clone(attributes **out, const attributes *a, sdx_error *err) SDX_CHECK;
void attributes_encode(buffer *out, const attributes *a);
sdx_status attributes_decode(attributes **out, const void *bytes, size_t size, sdx_error *err) SDX_CHECK;

#endif
