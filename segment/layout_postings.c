/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/wipe.h"
#include "segment/bitpack.h"
#include "segment/layout.h"

/* The cost has one valley, near the mean. */
unsigned layout_best_order(const uint32_t *values, uint32_t n, uint64_t *cost_out) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < n; i++) sum += values[i];
  const uint64_t mean = n > 0 ? sum / n : 0;
  unsigned k = mean > 1 ? 63u - (unsigned)__builtin_clzll(mean) : 0;
  if (k > BITS_ORDER_MAX) k = BITS_ORDER_MAX;
  uint64_t best = UINT64_MAX;
  for (int step = -1; step <= 1; step += 2)
    for (unsigned try = step < 0 ? k : k + 1; try <= BITS_ORDER_MAX; try += (unsigned)step) {
      uint64_t cost = 0;
      for (uint32_t i = 0; i < n; i++) cost += bits_cost(values[i], try);
      if (cost >= best) break;
      best = cost;
      k = try;
    }
  *cost_out = best;
  return k;
}

/* ---------------------------------------------------------------- full blocks
 *
 *   u8: gap width (6 bits) | 0x40 exceptions follow | 0x80 a wdf section follows (else all are 1)
 *   [u8: wdf width (6 bits) | 0x40 exceptions | 0x80 a base byte follows (else it is 1)] [u8 base]
 *   gaps packed, [exceptions]; [wdfs less base packed, [exceptions]]
 *
 * Exceptions are numbers wider than the width: u8 count, so many u8 indices, so many u8 of the bits
 * above. A gap is an ordinal less the one before less 1.
 */
#define EXCEPTIONS 0x40u
#define SECOND 0x80u
#define WIDTH_MASK 0x3fu

static unsigned width_of(uint32_t v) { return v == 0 ? 0 : 32u - (unsigned)__builtin_clz(v); }

/* The width that makes the section smallest, exceptions included. */
static unsigned best_width(const uint32_t values[POSTINGS_BLOCK], uint32_t *exceptions) {
  uint32_t wider[34] = { 0 }; /* wider[w]: how many need more than w bits */
  unsigned max = 0;
  for (uint32_t i = 0; i < POSTINGS_BLOCK; i++) {
    const unsigned w = width_of(values[i]);
    if (w > 0) wider[w - 1]++;
    if (w > max) max = w;
  }
  for (int w = 31; w >= 0; w--) wider[w] += wider[w + 1];
  unsigned best = max;
  uint32_t best_size = BITPACK_BYTES(max);
  for (unsigned w = max > 8 ? max - 8 : 0; w < max; w++) {
    const uint32_t size = BITPACK_BYTES(w) + 1 + 2 * wider[w];
    if (size < best_size) {
      best_size = size;
      best = w;
    }
  }
  *exceptions = best < max ? wider[best] : 0;
  return best;
}

static uint8_t *section_encode(uint8_t *out, const uint32_t values[POSTINGS_BLOCK], unsigned width,
                               uint32_t exceptions) {
  uint32_t low[POSTINGS_BLOCK];
  const uint32_t mask = width >= 32 ? UINT32_MAX : (1u << width) - 1;
  for (uint32_t i = 0; i < POSTINGS_BLOCK; i++) low[i] = values[i] & mask;
  bitpack_pack(out, low, width);
  out += BITPACK_BYTES(width);
  if (exceptions == 0) return out;
  *out++ = (uint8_t)exceptions;
  uint8_t *const index = out, *const high = out + exceptions;
  for (uint32_t i = 0, n = 0; i < POSTINGS_BLOCK; i++)
    if (values[i] > mask) {
      index[n] = (uint8_t)i;
      high[n++] = (uint8_t)(values[i] >> width);
    }
  return out + 2 * exceptions;
}

/* Where the section ends; NULL: behind `end`, or it is none. */
static const uint8_t *section_end(const uint8_t *at, const uint8_t *end, unsigned width,
                                  bool exceptions) {
  if ((size_t)(end - at) < BITPACK_BYTES(width)) return NULL;
  at += BITPACK_BYTES(width);
  if (!exceptions) return at;
  if (at == end || width > 31) return NULL;
  const uint32_t count = *at++;
  return count <= POSTINGS_BLOCK && (size_t)(end - at) >= 2 * count ? at + 2 * (size_t)count : NULL;
}

/* Of a section that section_end has looked at; adds to each number. */
static void section_decode(const uint8_t *at, unsigned width, bool exceptions, uint32_t addend,
                           uint32_t values[POSTINGS_BLOCK]) {
  bitpack_unpack(values, at, width, addend);
  if (!exceptions) return;
  at += BITPACK_BYTES(width);
  const uint32_t count = *at++;
  const uint8_t *const high = at + count;
  for (uint32_t i = 0; i < count; i++) values[at[i] & 127u] += (uint32_t)high[i] << width;
}

static size_t full_encode(uint8_t *out, const uint32_t *gaps, const uint32_t *wdfs) {
  uint8_t *at = out;
  uint32_t gap_exceptions, wdf_exceptions = 0, least = UINT32_MAX, most = 0;
  uint32_t above[POSTINGS_BLOCK];
  const unsigned gap_width = best_width(gaps, &gap_exceptions);
  for (uint32_t i = 0; i < POSTINGS_BLOCK; i++) {
    if (wdfs[i] < least) least = wdfs[i];
    if (wdfs[i] > most) most = wdfs[i];
  }
  const bool plain = least == 1 && most == 1;
  *at++ = (uint8_t)(gap_width | (gap_exceptions > 0 ? EXCEPTIONS : 0) | (plain ? 0 : SECOND));
  unsigned wdf_width = 0;
  if (!plain) {
    if (least > 255) least = 255;
    for (uint32_t i = 0; i < POSTINGS_BLOCK; i++) above[i] = wdfs[i] - least;
    wdf_width = best_width(above, &wdf_exceptions);
    *at++ = (uint8_t)(wdf_width | (wdf_exceptions > 0 ? EXCEPTIONS : 0) | (least != 1 ? SECOND : 0));
    if (least != 1) *at++ = (uint8_t)least;
  }
  at = section_encode(at, gaps, gap_width, gap_exceptions);
  if (!plain) at = section_encode(at, above, wdf_width, wdf_exceptions);
  return (size_t)(at - out);
}

static void fill(uint32_t *values, uint32_t n, uint32_t v) {
  for (uint32_t i = 0; i < n; i++) values[i] = v;
}

/* Ordinals must ascend and stay below `items`, whatever the bytes were: callers index by them. */
static bool full_ordinals(uint32_t *ordinals, unsigned width, bool exceptions, uint32_t base,
                          uint32_t items) {
  if (width + (exceptions ? 8 : 0) > 24 || base >= items) { /* sums might wrap: look at each */
    uint64_t next = base;
    for (uint32_t i = 0; i < POSTINGS_BLOCK; i++) {
      next += ordinals[i];
      if (next >= items) return false;
      ordinals[i] = (uint32_t)next++;
    }
    return true;
  }
  bitpack_sum(ordinals, base);
  return ordinals[POSTINGS_BLOCK - 1] < items && ordinals[POSTINGS_BLOCK - 1] >= base;
}

static size_t full_decode(const uint8_t *bytes, size_t size, uint32_t base, uint32_t items,
                          uint32_t *ordinals, uint32_t *wdfs, bool *plain, layout_wdfs *later) {
  const uint8_t *at = bytes, *const end = bytes + size;
  if (size < 2) return 0;
  const uint8_t head = *at++;
  const unsigned gap_width = head & WIDTH_MASK;
  uint8_t second = 0;
  uint32_t least = 1;
  if ((head & SECOND) != 0) {
    second = *at++;
    if ((second & SECOND) != 0) {
      if (at == end) return 0;
      least = *at++;
    }
  }
  const unsigned wdf_width = second & WIDTH_MASK;
  if (gap_width > 32 || wdf_width > 32) return 0;
  const bool gap_exceptions = (head & EXCEPTIONS) != 0, wdf_exceptions = (second & EXCEPTIONS) != 0;
  const uint8_t *behind = section_end(at, end, gap_width, gap_exceptions);
  if (behind == NULL) return 0;
  section_decode(at, gap_width, gap_exceptions, 0, ordinals);
  if (!full_ordinals(ordinals, gap_width, gap_exceptions, base, items)) return 0;
  if ((head & SECOND) == 0) {
    if (!*plain) fill(wdfs, POSTINGS_BLOCK, 1);
    *plain = true;
    return (size_t)(behind - bytes);
  }
  at = behind;
  behind = section_end(at, end, wdf_width, wdf_exceptions);
  if (behind == NULL) return 0;
  *later = (layout_wdfs){ .at = at, .least = least, .width = (uint8_t)wdf_width,
                          .exceptions = wdf_exceptions };
  return (size_t)(behind - bytes);
}

void layout_wdfs_decode(const layout_wdfs *later, uint32_t *wdfs) {
  section_decode(later->at, later->width, later->exceptions, later->least, wdfs);
}

/* ---------------------------------------------------------------- short blocks
 *
 * Bits: mode (2), order of gaps (5), then by mode 0: all wdfs are 1; 1: all are one number (Golomb
 * of order 0); 2: order (3), each wdf less 1 behind the gaps; 3: order (3), each wdf behind the gaps.
 */
enum { WDF_ONES = 0, WDF_CONSTANT = 1, WDF_ABOVE_ZERO = 2, WDF_ANY = 3 };

static size_t short_encode(uint8_t *out, const uint32_t *gaps, const uint32_t *wdfs, uint32_t n) {
  uint32_t least = UINT32_MAX, most = 0, values[POSTINGS_BLOCK] = { 0 };
  for (uint32_t i = 0; i < n; i++) {
    if (wdfs[i] < least) least = wdfs[i];
    if (wdfs[i] > most) most = wdfs[i];
  }
  const unsigned mode = least != most ? (least > 0 ? WDF_ABOVE_ZERO : WDF_ANY)
                        : least == 1  ? WDF_ONES
                                      : WDF_CONSTANT;
  uint64_t cost;
  bit_writer w = { .at = out };
  const unsigned gap_order = layout_best_order(gaps, n, &cost);
  bits_put(&w, mode, 2);
  bits_put(&w, gap_order, 5);
  unsigned wdf_order = 0;
  if (mode == WDF_CONSTANT) bits_put_golomb(&w, least, 0);
  if (mode >= WDF_ABOVE_ZERO) {
    for (uint32_t i = 0; i < n; i++) values[i] = wdfs[i] - (mode == WDF_ABOVE_ZERO);
    wdf_order = layout_best_order(values, n, &cost);
    if (wdf_order > 7) wdf_order = 7;
    bits_put(&w, wdf_order, 3);
  }
  for (uint32_t i = 0; i < n; i++) bits_put_golomb(&w, gaps[i], gap_order);
  if (mode >= WDF_ABOVE_ZERO)
    for (uint32_t i = 0; i < n; i++) bits_put_golomb(&w, values[i], wdf_order);
  return (size_t)(bits_finish(&w) - out);
}

static BITS_CLONES size_t short_decode(const uint8_t *bytes, size_t size, uint32_t n, uint32_t base,
                           uint32_t items, uint32_t *ordinals, uint32_t *wdfs) {
  bit_reader r = bits_over(bytes, size);
  const unsigned mode = bits_get(&r, 2), gap_order = bits_get(&r, 5);
  uint32_t constant = 1;
  unsigned wdf_order = 0;
  if (mode == WDF_CONSTANT) constant = bits_get_golomb(&r, 0);
  if (mode >= WDF_ABOVE_ZERO) wdf_order = bits_get(&r, 3);
  if (!bits_get_ascending(&r, gap_order, n, base, items, ordinals)) return 0;
  if (mode >= WDF_ABOVE_ZERO)
    bits_get_golombs(&r, wdf_order, n, mode == WDF_ABOVE_ZERO, wdfs);
  else
    fill(wdfs, n, constant);
  return bits_ok(&r) ? bits_bytes(&r, bytes) : 0;
}

/* The reader wants room behind the bytes: where they may end too near to the end, they are copied. */
static size_t short_decode_anywhere(const uint8_t *bytes, size_t size, uint32_t n, uint32_t base,
                                    uint32_t items, uint32_t *ordinals, uint32_t *wdfs) {
  size_t used = 0;
  if (size > BITS_PAD)
    used = short_decode(bytes, size - BITS_PAD, n, base, items, ordinals, wdfs);
  if (used == 0) {
    uint8_t copy[LAYOUT_BLOCK_MAX + BITS_PAD];
    const size_t kept = size < LAYOUT_BLOCK_MAX ? size : LAYOUT_BLOCK_MAX;
    memcpy(copy, bytes, kept);
    memset(copy + kept, 0, BITS_PAD);
    used = short_decode(copy, kept, n, base, items, ordinals, wdfs);
    wipe(copy, kept);
  }
  return used;
}

size_t layout_block_encode(uint8_t *out, const uint32_t *ordinals, const uint32_t *wdfs, uint32_t n,
                           uint32_t base) {
  uint32_t gaps[POSTINGS_BLOCK] = { 0 }, next = base;
  for (uint32_t i = 0; i < n; i++) {
    gaps[i] = ordinals[i] - next;
    next = ordinals[i] + 1;
  }
  return n == POSTINGS_BLOCK ? full_encode(out, gaps, wdfs) : short_encode(out, gaps, wdfs, n);
}

size_t layout_block_decode(const uint8_t *bytes, size_t size, uint32_t n, uint32_t base,
                           uint32_t items, uint32_t *ordinals, uint32_t *wdfs, bool *plain,
                           layout_wdfs *later) {
  later->at = NULL;
  if (n == POSTINGS_BLOCK) return full_decode(bytes, size, base, items, ordinals, wdfs, plain, later);
  *plain = false;
  return n < POSTINGS_BLOCK ? short_decode_anywhere(bytes, size, n, base, items, ordinals, wdfs) : 0;
}

/* ---------------------------------------------------------------- skip groups
 *
 *   u8 count - 1, u8 widths, u32 base, then columns: lasts (less base, 2 or 4 bytes), ends of the
 *   blocks of postings and of the chunks of positions (from the group's first byte on; 2 or 4, and 0,
 *   2, 3 or 4 bytes), three columns of wdfs and three of lengths (codes, in pairs).
 *   widths: 0x01 lasts have 4; 0x02 ends have 4; bits 2, 3: 0, 1, 2, 3 for 0, 2, 3, 4 of places.
 */
static const uint8_t place_widths[4] = { 0, 2, 3, 4 };

static uint8_t *store(uint8_t *out, uint64_t v, uint32_t width) {
  for (uint32_t i = 0; i < width; i++) *out++ = (uint8_t)(v >> (8 * i));
  return out;
}

static uint64_t load(const uint8_t *p, uint32_t width) {
  uint64_t v = 0;
  for (uint32_t i = 0; i < width; i++) v |= (uint64_t)p[i] << (8 * i);
  return v;
}

size_t layout_group_encode(uint8_t out[LAYOUT_GROUP_MAX], const layout_skip *skips, uint32_t count,
                           uint32_t base) {
  uint64_t ends = 0, places = 0;
  for (uint32_t i = 0; i < count; i++) {
    ends += skips[i].postings_size;
    places += skips[i].positions_size;
  }
  const uint32_t last_width = skips[count - 1].last - base > UINT16_MAX ? 4 : 2;
  const uint32_t end_width = ends > UINT16_MAX ? 4 : 2;
  const unsigned place_code = places == 0 ? 0u : places <= UINT16_MAX ? 1u : places < 1u << 24 ? 2u : 3u;
  uint8_t *at = out;
  *at++ = (uint8_t)(count - 1);
  *at++ = (uint8_t)((last_width == 4 ? 1u : 0u) | (end_width == 4 ? 2u : 0u) | place_code << 2);
  at = store(at, base, 4);
  for (uint32_t i = 0; i < count; i++) at = store(at, skips[i].last - base, last_width);
  ends = places = 0;
  for (uint32_t i = 0; i < count; i++) at = store(at, ends += skips[i].postings_size, end_width);
  for (uint32_t i = 0; i < count; i++)
    at = store(at, places += skips[i].positions_size, place_widths[place_code]);
  for (unsigned pair = 0; pair < POSTINGS_PAIRS; pair++)
    for (uint32_t i = 0; i < count; i++) *at++ = skips[i].bounds.wdfs[pair];
  for (unsigned pair = 0; pair < POSTINGS_PAIRS; pair++)
    for (uint32_t i = 0; i < count; i++) *at++ = skips[i].bounds.lengths[pair];
  return (size_t)(at - out);
}

bool layout_group_decode(layout_group *g, const uint8_t *bytes, size_t size) {
  if (size < 6) return false;
  *g = (layout_group){ .count = bytes[0] + 1u, .base = (uint32_t)load(bytes + 2, 4) };
  if (g->count > LAYOUT_GROUP || bytes[1] > 15) return false;
  g->last_width = (bytes[1] & 1) != 0 ? 4 : 2;
  g->end_width = (bytes[1] & 2) != 0 ? 4 : 2;
  g->place_width = place_widths[bytes[1] >> 2];
  if (size < 6 + (size_t)g->count * (g->last_width + g->end_width + g->place_width + 2 * POSTINGS_PAIRS)) return false;
  g->lasts = bytes + 6;
  g->ends = g->lasts + (size_t)g->count * g->last_width;
  g->places = g->ends + (size_t)g->count * g->end_width;
  g->wdfs = g->places + (size_t)g->count * g->place_width;
  g->lengths = g->wdfs + (size_t)POSTINGS_PAIRS * g->count;
  return true;
}

void layout_directory_encode(uint8_t out[LAYOUT_DIRECTORY_ENTRY], const layout_directory *d) {
  out = store(out, d->last, 4);
  out = store(out, d->group, 4);
  out = store(out, d->postings, 5);
  store(out, d->positions, 5);
}

void layout_directory_decode(layout_directory *d, const uint8_t bytes[LAYOUT_DIRECTORY_ENTRY]) {
  d->last = (uint32_t)load(bytes, 4);
  d->group = (uint32_t)load(bytes + 4, 4);
  d->postings = load(bytes + 8, 5);
  d->positions = load(bytes + 13, 5);
}
