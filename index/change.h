/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * change.h - changes of an item's attributes, as journal records keep them.
 *
 *   replace (1) | count (varint) | { kind (1) | value (string) } ...
 *
 * `replace` 1: folders, flags and labels go before the changes are made.
 */
#ifndef SEALDEX_INDEX_CHANGE_H
#define SEALDEX_INDEX_CHANGE_H

#include "segment/attributes.h"

#define CHANGE_VALUE_MAX 1024

/* SDX_INVALID where a kind is unknown, or a value empty or too long. */
sdx_status change_encode(buffer *out, bool replace, const sdx_change *changes, size_t count,
                         sdx_error *err) SDX_CHECK;
/* Applies encoded changes to one item of the attribute object. */
sdx_status change_apply(attributes *a, uint32_t ordinal, sdx_bytes changes, sdx_error *err) SDX_CHECK;

#endif
