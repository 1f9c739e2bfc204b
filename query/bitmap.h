/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bitmap.h - a roaring bitmap read window by window. */
#ifndef SEALDEX_QUERY_BITMAP_H
#define SEALDEX_QUERY_BITMAP_H

#include <roaring/roaring.h>

#include "query/window.h"

typedef struct bitmap_window {
  const roaring_bitmap_t *bitmap;
  roaring_uint32_iterator_t at;
  uint32_t base; /* of `bits`; UINT32_MAX: none yet */
  bool full;     /* they are all set */
  uint64_t bits[WINDOW_WORDS];
} bitmap_window;

void bitmap_window_open(bitmap_window *b, const roaring_bitmap_t *bitmap);
uint64_t bitmap_window_items(const bitmap_window *b);
/* The window that begins at base; windows ascend. Good until the next one. */
const uint64_t *bitmap_window_bits(bitmap_window *b, uint32_t base);
/* The first member >= from, UINT32_MAX behind the last. */
uint32_t bitmap_window_next(bitmap_window *b, uint32_t from);

#endif
