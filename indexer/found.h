/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * found.h - an item taken out of the index in full.
 */
#ifndef SEALDEX_INDEXER_FOUND_H
#define SEALDEX_INDEXER_FOUND_H

#include "base/buffer.h"
#include "index/view.h"

struct sdx_found {
  sdx_item item;      /* borrows what follows */
  buffer id, text, payload, attributes;
  sdx_field *fields;
  char **names;       /* of the fields */
  size_t field_count;
  sdx_bytes *values;  /* folders, then flags, then labels */
  bool complete;
};

/* Fills *out (zeroed, or filled before) with item `ordinal` of the view's segment `number`. */
sdx_status found_fill(sdx_found *out, view_read *r, size_t number, uint32_t ordinal,
                      sdx_error *err) SDX_CHECK;
/* The same with these attributes (NULL: none). */
sdx_status found_read(sdx_found *out, view_read *r, size_t number, uint32_t ordinal,
                      const attributes *a, sdx_error *err) SDX_CHECK;
void found_clear(sdx_found *f); /* wipes */

#endif
