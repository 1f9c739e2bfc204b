/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/bitmap.h"

#define NONE UINT32_MAX

void bitmap_window_open(bitmap_window *b, const roaring_bitmap_t *bitmap) {
  b->bitmap = bitmap;
  b->base = NONE;
  roaring_init_iterator(bitmap, &b->at);
}

uint64_t bitmap_window_items(const bitmap_window *b) {
  return roaring_bitmap_get_cardinality(b->bitmap);
}

/* Where the window is all set or all clear, the count says so: attributes often come in long runs. */
static bool is_uniform(bitmap_window *b, uint32_t base) {
  const uint64_t count =
      roaring_bitmap_range_cardinality(b->bitmap, base, (uint64_t)base + WINDOW);
  if (count == WINDOW) memset(b->bits, 0xff, sizeof(b->bits));
  return count == WINDOW || count == 0;
}

const uint64_t *bitmap_window_bits(bitmap_window *b, uint32_t base) {
  if (b->base == base) return b->bits;
  b->base = base;
  bits_clear(b->bits);
  if (is_uniform(b, base)) return b->bits;
  if (!roaring_move_uint32_iterator_equalorlarger(&b->at, base)) return b->bits;
  while (b->at.has_value && b->at.current_value - base < WINDOW) {
    bits_set(b->bits, b->at.current_value - base);
    roaring_advance_uint32_iterator(&b->at);
  }
  return b->bits;
}

uint32_t bitmap_window_next(bitmap_window *b, uint32_t from) {
  return roaring_move_uint32_iterator_equalorlarger(&b->at, from) ? b->at.current_value : NONE;
}
