/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "segment/layout.h"

/* Codes 0 to 15 are themselves; from 16 on, code 16 + 8e + m is (8 + m) << (e + 1). The first code
 * whose value would not fit 32 bits stands for "no bound", and none above it is written. */
#define CODE_UNBOUNDED 240u

uint32_t layout_value(uint8_t code) {
  if (code < 16) return code;
  if (code >= CODE_UNBOUNDED) return UINT32_MAX;
  const unsigned e = (code - 16u) >> 3, m = (code - 16u) & 7;
  return (8u + m) << (e + 1);
}

uint8_t layout_floor(uint32_t v) {
  if (v < 16) return (uint8_t)v;
  const unsigned top = 31u - (unsigned)__builtin_clz(v); /* at least 4 */
  const unsigned m = (v >> (top - 3)) & 7;
  return (uint8_t)(16 + 8 * (top - 4) + m);
}

uint8_t layout_ceiling(uint32_t v) {
  const uint8_t code = layout_floor(v);
  return layout_value(code) == v ? code : (uint8_t)(code + 1);
}
