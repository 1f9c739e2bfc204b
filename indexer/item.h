/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * item.h - an item on its way in: checked, digested, analysed, encoded as a record.
 */
#ifndef SEALDEX_INDEXER_ITEM_H
#define SEALDEX_INDEXER_ITEM_H

#include "index/place.h"
#include "segment/builder.h"

#define ITEM_ATTRIBUTE_MAX 1024      /* bytes of a folder, flag or label */
#define ITEM_ATTRIBUTES_MAX 1000     /* of one item */
#define ITEM_TEXT_MAX (128U << 20)   /* bytes of all fields */
#define ITEM_PAYLOAD_MAX (16U << 20)

/* The name under which the host's thread id stands among the stored fields. */
#define ITEM_THREAD_FIELD ":thread"

/* Working memory; zero it before first use. What it holds is the last item's. */
typedef struct item_work {
  uint8_t blind[BLIND_SIZE];
  uint64_t content;     /* digest of all but attributes and expiry */
  uint32_t attributes;  /* digest of folders, flags and labels */
  builder_item built;   /* borrows the item and this object */
  text_terms terms;     /* the caller's to fill; borrows the analyser */
  buffer text;          /* encoded fields */
  buffer keys;          /* attribute keys, one behind the other */
  sdx_bytes *key_list;  /* ... and where each is: ascending, each once */
  size_t key_capacity;
  record_term *term_list;
  size_t term_capacity;
} item_work;
void item_work_free(item_work *w); /* wipes */

/* Checks the item and fills blind, digests and `built`. SDX_INVALID where it is malformed. */
sdx_status item_prepare(item_work *w, const sdx_index *index, const sdx_item *item,
                        sdx_error *err) SDX_CHECK;
/* All that is indexed of a prepared item: its encoded fields. */
sdx_bytes item_fields(const item_work *w);
/* Analyses encoded fields. The terms borrow the analyser. */
sdx_status item_analyse(text_analyser *a, sdx_bytes fields, text_terms *out, sdx_error *err) SDX_CHECK;
/* Appends the record of a prepared item whose `terms` are there. */
sdx_status item_encode(item_work *w, const text_analyser *a, buffer *out, sdx_error *err) SDX_CHECK;

#endif
