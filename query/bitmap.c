/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/bitmap.h"

#define NONE UINT32_MAX

void bitmap_window_open(bitmap_window *b, const roaring_bitmap_t *bitmap) {
  b->bitmap = bitmap;
  b->base = NONE;
  b->full = false;
  roaring_init_iterator(bitmap, &b->at);
}

uint64_t bitmap_window_items(const bitmap_window *b) {
  return roaring_bitmap_get_cardinality(b->bitmap);
}

/* Attributes often come in long runs: behind a window that is all set, the count says at once
 * whether the next is. */
static bool is_full(bitmap_window *b, uint32_t base) {
  b->full = b->full &&
            roaring_bitmap_range_cardinality(b->bitmap, base, (uint64_t)base + WINDOW) == WINDOW;
  if (b->full) memset(b->bits, 0xff, sizeof(b->bits));
  return b->full;
}

#define READ_AT_ONCE 64

const uint64_t *bitmap_window_bits(bitmap_window *b, uint32_t base) {
  uint32_t values[READ_AT_ONCE], total = 0, count;
  if (b->base == base) return b->bits;
  b->base = base;
  if (is_full(b, base)) return b->bits;
  bits_clear(b->bits);
  if (!roaring_move_uint32_iterator_equalorlarger(&b->at, base)) return b->bits;
  while (b->at.current_value - base < WINDOW &&
         (count = roaring_read_uint32_iterator(&b->at, values, READ_AT_ONCE)) > 0) {
    uint32_t within = count;
    while (values[within - 1] - base >= WINDOW) within--;
    for (uint32_t i = 0; i < within; i++) bits_set(b->bits, values[i] - base);
    total += within;
    if (within < count || count < READ_AT_ONCE) break;
  }
  b->full = total == WINDOW;
  return b->bits;
}

uint32_t bitmap_window_next(bitmap_window *b, uint32_t from) {
  return roaring_move_uint32_iterator_equalorlarger(&b->at, from) ? b->at.current_value : NONE;
}
