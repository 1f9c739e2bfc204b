/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attribute.h - changing an item's attributes without touching its text.
 */
#ifndef SEALDEX_INDEXER_ATTRIBUTE_H
#define SEALDEX_INDEXER_ATTRIBUTE_H

#include "indexer/upsert.h"
#include "segment/builder.h"

/* The same content was added with other attributes or another expiry: they are applied to the version
 * that stands. *v becomes VERDICT_SAME where the item has them already. */
sdx_status attribute_touch(write_txn *w, const upsert *u, const place *old, sdx_bytes id,
                           const builder_item *given, verdict *v, sdx_error *err) SDX_CHECK;

/* Appends to the journal that the version's attributes are from now on those of `given`. */
sdx_status attribute_replace(write_txn *w, const uint8_t blind[BLIND_SIZE], uint64_t version,
                             const sdx_bytes *given, size_t count, sdx_error *err) SDX_CHECK;

/* True where the live item has exactly these folders, flags and labels (sorted keys) now. */
bool attribute_is(sdx_index *index, sdx_bytes id, const sdx_bytes *given, size_t count, int64_t now);

#endif
