/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * apart.h - reads a segment, whose bytes may be anything, for the reading's sake: its records one by one, and
 * all of it through a merge.
 */
#ifndef SEALDEX_TESTS_SEGMENT_APART_H
#define SEALDEX_TESTS_SEGMENT_APART_H

#include <stdlib.h>

#include "segment/builder.h"

static inline sdx_status apart_record(void *context, uint32_t ordinal, const record *r, sdx_error *err) {
  (void)context;
  (void)ordinal;
  (void)r;
  (void)err;
  return SDX_OK;
}

typedef struct apart_blocks {
  uint32_t put, most;
} apart_blocks;

static inline sdx_status apart_block(void *context, segment_stream stream, uint32_t number,
                                     const uint8_t plain[BLOCK_PLAIN], sdx_error *err) {
  apart_blocks *b = context;
  (void)stream;
  (void)number;
  (void)plain;
  (void)err;
  return ++b->put > b->most ? SDX_NO_SPACE : SDX_OK;
}

/* A merge may write so many blocks at most. Items 0 and 2 are taken and dropped. */
static inline void take_apart(const segment *s, segment_session *session, uint32_t most, sdx_error *err) {
  roaring_bitmap_t *which = roaring_bitmap_create();
  if (which == NULL) abort();
  roaring_bitmap_add(which, 0);
  roaring_bitmap_add(which, 2);
  (void)!segment_take(s, session, NULL, which, apart_record, NULL, err);
  session->status = SDX_OK;
  apart_blocks blocks = { .most = most };
  const block_sink sink = { apart_block, &blocks };
  const merge_input input = { .seg = s, .session = session, .dropped = which };
  attributes *merged = NULL;
  segment_info info;
  if (segment_merge(&input, 1, 9, &sink, &merged, &info, NULL, NULL, err) == SDX_OK)
    attributes_free(merged);
  roaring_bitmap_free(which);
}

#endif
