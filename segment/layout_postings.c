/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/wipe.h"
#include "segment/bitpack.h"
#include "segment/layout.h"

/* The order that makes `n` values shortest. The cost has one valley, near the mean. */
static unsigned best_order(const uint32_t *values, uint32_t n, uint64_t *cost_out) {
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

static const uint8_t *section_decode(const uint8_t *at, const uint8_t *end, unsigned width,
                                     bool exceptions, uint32_t values[POSTINGS_BLOCK]) {
  if ((size_t)(end - at) < BITPACK_BYTES(width)) return NULL;
  bitpack_unpack(values, at, width);
  at += BITPACK_BYTES(width);
  if (!exceptions) return at;
  if (at == end || width > 31) return NULL;
  const uint32_t count = *at++;
  if (count > POSTINGS_BLOCK || (size_t)(end - at) < 2 * count) return NULL;
  const uint8_t *const high = at + count;
  for (uint32_t i = 0; i < count; i++) values[at[i] & 127u] |= (uint32_t)high[i] << width;
  return high + count;
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
                          uint32_t *ordinals, uint32_t *wdfs, bool *plain) {
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
  at = section_decode(at, end, gap_width, (head & EXCEPTIONS) != 0, ordinals);
  if (at == NULL || !full_ordinals(ordinals, gap_width, (head & EXCEPTIONS) != 0, base, items))
    return 0;
  if ((head & SECOND) == 0) {
    if (!*plain) fill(wdfs, POSTINGS_BLOCK, 1);
    *plain = true;
  } else {
    *plain = false;
    at = section_decode(at, end, wdf_width, (second & EXCEPTIONS) != 0, wdfs);
    if (at == NULL) return 0;
    bitpack_add(wdfs, least);
  }
  return (size_t)(at - bytes);
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
  const unsigned gap_order = best_order(gaps, n, &cost);
  bits_put(&w, mode, 2);
  bits_put(&w, gap_order, 5);
  unsigned wdf_order = 0;
  if (mode == WDF_CONSTANT) bits_put_golomb(&w, least, 0);
  if (mode >= WDF_ABOVE_ZERO) {
    for (uint32_t i = 0; i < n; i++) values[i] = wdfs[i] - (mode == WDF_ABOVE_ZERO);
    wdf_order = best_order(values, n, &cost);
    if (wdf_order > 7) wdf_order = 7;
    bits_put(&w, wdf_order, 3);
  }
  for (uint32_t i = 0; i < n; i++) bits_put_golomb(&w, gaps[i], gap_order);
  if (mode >= WDF_ABOVE_ZERO)
    for (uint32_t i = 0; i < n; i++) bits_put_golomb(&w, values[i], wdf_order);
  return (size_t)(bits_finish(&w) - out);
}

/* Loops work on a copy of the reader, which the compiler keeps in registers. */
static bool gaps_read(bit_reader *reader, unsigned order, uint32_t n, uint32_t base, uint32_t items,
                      uint32_t *ordinals) {
  bit_reader r = *reader;
  uint64_t next = base;
  for (uint32_t i = 0; i < n; i++) {
    next += bits_get_golomb(&r, order);
    ordinals[i] = (uint32_t)next++;
  }
  bits_save(reader, &r);
  return next <= items && bits_ok(&r); /* sums of 32 bits ascend in 64 */
}

static void values_read(bit_reader *reader, unsigned order, uint32_t n, uint32_t add, uint32_t *values) {
  bit_reader r = *reader;
  for (uint32_t i = 0; i < n; i++) values[i] = bits_get_golomb(&r, order) + add;
  bits_save(reader, &r);
}

static size_t short_decode(const uint8_t *bytes, size_t size, uint32_t n, uint32_t base,
                           uint32_t items, uint32_t *ordinals, uint32_t *wdfs) {
  bit_reader r = bits_over(bytes, size);
  const unsigned mode = bits_get(&r, 2), gap_order = bits_get(&r, 5);
  uint32_t constant = 1;
  unsigned wdf_order = 0;
  if (mode == WDF_CONSTANT) constant = bits_get_golomb(&r, 0);
  if (mode >= WDF_ABOVE_ZERO) wdf_order = bits_get(&r, 3);
  if (!gaps_read(&r, gap_order, n, base, items, ordinals)) return 0;
  if (mode >= WDF_ABOVE_ZERO)
    values_read(&r, wdf_order, n, mode == WDF_ABOVE_ZERO, wdfs);
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
                           uint32_t items, uint32_t *ordinals, uint32_t *wdfs, bool *plain) {
  if (n == POSTINGS_BLOCK) return full_decode(bytes, size, base, items, ordinals, wdfs, plain);
  *plain = false;
  return n < POSTINGS_BLOCK ? short_decode_anywhere(bytes, size, n, base, items, ordinals, wdfs) : 0;
}

/* ---------------------------------------------------------------- skip groups
 *
 *   u8 count - 1, u8 widths, u32 base, then columns: lasts (less base, 2 or 4 bytes), ends of the
 *   blocks of postings and of the chunks of positions (from the group's first byte on; 2 or 4, and 0,
 *   2, 3 or 4 bytes), greatest wdf (code), least length (code).
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
  for (uint32_t i = 0; i < count; i++) *at++ = skips[i].max_wdf;
  for (uint32_t i = 0; i < count; i++) *at++ = skips[i].min_length;
  return (size_t)(at - out);
}

bool layout_group_decode(layout_group *g, const uint8_t *bytes, size_t size) {
  if (size < 6) return false;
  *g = (layout_group){ .count = bytes[0] + 1u, .base = (uint32_t)load(bytes + 2, 4) };
  if (g->count > LAYOUT_GROUP || bytes[1] > 15) return false;
  g->last_width = (bytes[1] & 1) != 0 ? 4 : 2;
  g->end_width = (bytes[1] & 2) != 0 ? 4 : 2;
  g->place_width = place_widths[bytes[1] >> 2];
  if (size < 6 + (size_t)g->count * (g->last_width + g->end_width + g->place_width + 2)) return false;
  g->lasts = bytes + 6;
  g->ends = g->lasts + (size_t)g->count * g->last_width;
  g->places = g->ends + (size_t)g->count * g->end_width;
  g->wdfs = g->places + (size_t)g->count * g->place_width;
  g->lengths = g->wdfs + g->count;
  return true;
}

void layout_directory_encode(uint8_t out[LAYOUT_DIRECTORY_ENTRY], const layout_directory *d) {
  out = store(out, d->last, 4);
  *out++ = d->max_wdf;
  *out++ = d->min_length;
  out = store(out, d->group, 4);
  out = store(out, d->postings, 5);
  store(out, d->positions, 5);
}

void layout_directory_decode(layout_directory *d, const uint8_t bytes[LAYOUT_DIRECTORY_ENTRY]) {
  d->last = (uint32_t)load(bytes, 4);
  d->max_wdf = bytes[4];
  d->min_length = bytes[5];
  d->group = (uint32_t)load(bytes + 6, 4);
  d->postings = load(bytes + 10, 5);
  d->positions = load(bytes + 15, 5);
}

/* ---------------------------------------------------------------- positions
 *
 * Bits: mode (3), order of first positions (5), then by mode how many positions a posting has, 0: one;
 * 1: its wdf; 2: its wdf if that is 0 or 1, else coded, zigzag of wdf less count; 3: wdf divided by a
 * number that stands here; 4: coded for all; all but mode 0: order of gaps (5). Then [mode 2 and 4:
 * counts], all first positions, all gaps less 1: in columns, since a loop whose next step does not
 * depend on a count is what a processor foresees.
 */
enum { COUNT_ONE = 0, COUNT_WDF = 1, COUNT_SOME = 2, COUNT_PER = 3, COUNT_ALL = 4 };

static uint32_t zigzag(uint32_t wdf, uint32_t count) {
  const int64_t d = (int64_t)wdf - (int64_t)count;
  return (uint32_t)(((uint64_t)d << 1) ^ (uint64_t)(d >> 63));
}

static bool count_is_coded(unsigned mode, uint32_t wdf) {
  return mode == COUNT_ALL || (mode == COUNT_SOME && wdf > 1);
}

static unsigned count_mode(const uint32_t *wdfs, const uint32_t *counts, uint32_t n, uint32_t *per) {
  bool one = true, wdf = true, constant = true, some = true;
  *per = counts[0] > 0 ? wdfs[0] / counts[0] : 0;
  for (uint32_t i = 0; i < n; i++) {
    one = one && counts[i] == 1;
    wdf = wdf && counts[i] == wdfs[i];
    some = some && (wdfs[i] > 1 || counts[i] == wdfs[i]);
    constant = constant && *per > 0 && (uint64_t)*per * counts[i] == wdfs[i];
  }
  return one ? COUNT_ONE : wdf ? COUNT_WDF : constant ? COUNT_PER : some ? COUNT_SOME : COUNT_ALL;
}

/* Turns positions into what is coded, firsts and gaps apart, to find the best orders. */
typedef struct chunk_orders {
  unsigned first, gap;
  uint64_t bits;
} chunk_orders;

static uint64_t gap_cost(const uint32_t *counts, uint32_t n, const uint32_t *positions, unsigned k) {
  uint64_t cost = 0;
  for (uint32_t i = 0; i < n; i++) {
    for (uint32_t j = 1; j < counts[i]; j++)
      cost += bits_cost(positions[j] - positions[j - 1] - 1, k);
    positions += counts[i];
  }
  return cost;
}

static void find_orders(chunk_orders *o, const uint32_t *counts, uint32_t n, const uint32_t *positions) {
  uint32_t firsts[POSTINGS_BLOCK] = { 0 }, m = 0;
  uint64_t sum = 0, gaps = 0;
  const uint32_t *p = positions;
  for (uint32_t i = 0; i < n; i++) {
    if (counts[i] == 0) continue;
    firsts[m++] = p[0];
    sum += p[counts[i] - 1] - p[0];
    gaps += counts[i] - 1;
    p += counts[i];
  }
  o->first = best_order(firsts, m, &o->bits);
  o->gap = 0;
  if (gaps == 0) return;
  const uint64_t mean = sum / gaps;
  unsigned k = mean > 1 ? 63u - (unsigned)__builtin_clzll(mean) : 0;
  uint64_t best = UINT64_MAX;
  for (int step = -1; step <= 1; step += 2)
    for (unsigned try = step < 0 ? k : k + 1; try <= BITS_ORDER_MAX; try += (unsigned)step) {
      const uint64_t cost = gap_cost(counts, n, positions, try);
      if (cost >= best) break;
      best = cost;
      k = try;
    }
  o->gap = k;
  o->bits += best;
}

static void put_columns(bit_writer *w, unsigned mode, const uint32_t *wdfs, const uint32_t *counts,
                        uint32_t n, const uint32_t *positions, unsigned first, unsigned gap) {
  for (uint32_t i = 0; i < n; i++)
    if (count_is_coded(mode, wdfs[i])) bits_put_golomb(w, zigzag(wdfs[i], counts[i]), 0);
  const uint32_t *p = positions;
  for (uint32_t i = 0; i < n; p += counts[i++])
    if (counts[i] > 0) bits_put_golomb(w, p[0], first);
  p = positions;
  for (uint32_t i = 0; i < n; p += counts[i++])
    for (uint32_t j = 1; j < counts[i]; j++) bits_put_golomb(w, p[j] - p[j - 1] - 1, gap);
}

void layout_chunk_encode(buffer *out, const uint32_t *wdfs, const uint32_t *counts, uint32_t n,
                         const uint32_t *positions) {
  uint64_t total = 0;
  for (uint32_t i = 0; i < n; i++) total += counts[i];
  if (total == 0) return;
  uint32_t per;
  chunk_orders o;
  const unsigned mode = count_mode(wdfs, counts, n, &per);
  find_orders(&o, counts, n, positions);
  uint64_t bits = 3 + 5 + 5 + 65 + o.bits;
  for (uint32_t i = 0; i < n; i++)
    if (count_is_coded(mode, wdfs[i])) bits += bits_cost(zigzag(wdfs[i], counts[i]), 0);
  if (!buffer_reserve(out, (size_t)(bits / 8) + 8)) return;

  bit_writer w = { .at = out->data + out->size };
  bits_put(&w, mode, 3);
  bits_put(&w, o.first, 5);
  if (mode == COUNT_PER) bits_put_golomb(&w, per, 0);
  if (mode != COUNT_ONE) bits_put(&w, o.gap, 5);
  put_columns(&w, mode, wdfs, counts, n, positions, o.first, o.gap);
  out->size = (size_t)(bits_finish(&w) - out->data);
}

static bool read_counts(layout_chunk *c, bit_reader *reader, unsigned mode, uint32_t per,
                        const uint32_t *wdfs, uint32_t n) {
  uint64_t total = 0;
  bit_reader r = *reader;
  for (uint32_t i = 0; i < n; i++) {
    uint64_t count = wdfs[i];
    if (count_is_coded(mode, wdfs[i])) {
      const uint32_t z = bits_get_golomb(&r, 0);
      count = (uint64_t)((int64_t)wdfs[i] - ((int64_t)(z >> 1) ^ -(int64_t)(z & 1)));
    } else if (mode == COUNT_PER) {
      count = wdfs[i] / per;
      if (count * per != wdfs[i]) return false;
    }
    if (count > UINT32_MAX) return false;
    c->counts[i] = (uint32_t)count;
    c->some = c->some && count > 0;
    total += count;
  }
  bits_save(reader, &r);
  return total <= bits_left(&r); /* each position takes a bit at least */
}

static bool read_columns(layout_chunk *c, bit_reader *r, unsigned mode, uint32_t per, unsigned first,
                         const uint32_t *wdfs, uint32_t n) {
  c->some = true;
  if (mode == COUNT_ONE)
    fill(c->counts, n, 1);
  else if (!read_counts(c, r, mode, per, wdfs, n))
    return false;
  if (c->some)
    values_read(r, first, n, 0, c->firsts);
  else
    for (uint32_t i = 0; i < n; i++) c->firsts[i] = c->counts[i] > 0 ? bits_get_golomb(r, first) : 0;
  c->next = 0;
  c->bits = *r;
  return bits_ok(r);
}

bool layout_chunk_open(layout_chunk *c, const void *bytes, size_t size, const uint32_t *wdfs, uint32_t n) {
  bit_reader r = bits_over(bytes, size);
  const unsigned mode = bits_get(&r, 3), first = bits_get(&r, 5);
  const uint32_t per = mode == COUNT_PER ? bits_get_golomb(&r, 0) : 1;
  c->gap_order = mode != COUNT_ONE ? bits_get(&r, 5) : 0;
  return per > 0 && mode <= COUNT_ALL && read_columns(c, &r, mode, per, first, wdfs, n);
}

bool layout_chunk_skip(layout_chunk *c, uint32_t i) {
  bit_reader r = c->bits;
  const unsigned order = c->gap_order;
  uint64_t gaps = 0;
  for (; c->next < i; c->next++) gaps += c->counts[c->next] - (c->counts[c->next] > 0);
  for (; gaps > 0; gaps--) (void)bits_get_golomb(&r, order);
  bits_save(&c->bits, &r);
  return bits_ok(&r);
}

bool layout_chunk_take(layout_chunk *c, uint32_t *out) {
  const uint32_t count = c->counts[c->next];
  uint64_t position = c->firsts[c->next++];
  if (count == 0) return true;
  *out++ = (uint32_t)position;
  if (count == 1) return true;
  bit_reader r = c->bits;
  const unsigned order = c->gap_order;
  for (uint32_t i = 1; i < count; i++) {
    position += bits_get_golomb(&r, order) + UINT64_C(1);
    *out++ = (uint32_t)position;
  }
  bits_save(&c->bits, &r);
  return position <= UINT32_MAX && bits_ok(&r);
}

/* ---------------------------------------------------------------- inline lists
 *
 * Bits: gaps, of an order that follows from df; wdfs and counts by the mode that stands in the entry,
 * 0: 1 and one position; 1: one number (Golomb of order 0) and one position; 2: each wdf coded, and
 * counts as in a chunk of mode 2; 3: wdf 0; then positions, of the segment's orders.
 */
enum { INLINE_ONES = 0, INLINE_CONSTANT = 1, INLINE_CODED = 2, INLINE_FILTER = 3 };

static unsigned inline_gap_order(const layout_context *x, uint32_t df) {
  const uint32_t mean = x->items / df;
  return mean > 1 ? 31u - (unsigned)__builtin_clz(mean) : 0;
}

static uint8_t inline_mode(const uint32_t *wdfs, const uint32_t *counts, uint32_t n, bool positions) {
  bool single = true, constant = true;
  for (uint32_t i = 0; i < n; i++) {
    single = single && (!positions || counts[i] == 1);
    constant = constant && wdfs[i] == wdfs[0];
  }
  if (constant && wdfs[0] == 0 && !positions) return INLINE_FILTER;
  if (!constant || !single) return INLINE_CODED;
  return wdfs[0] == 1 ? INLINE_ONES : INLINE_CONSTANT;
}

size_t layout_inline_encode(uint8_t out[LAYOUT_INLINE_BYTES], const layout_context *x,
                            const uint32_t *ordinals, const uint32_t *wdfs, const uint32_t *counts,
                            uint32_t n, const uint32_t *positions, uint8_t *mode) {
  uint32_t total = 0;
  bool regular = true;
  for (uint32_t i = 0; i < n; i++) {
    if (counts[i] > LAYOUT_INLINE_BYTES * 8) return 0;
    total += counts[i];
    regular = regular && (wdfs[i] > 1 || counts[i] == wdfs[i]);
  }
  if (n > LAYOUT_INLINE_DF || total > LAYOUT_INLINE_BYTES * 8) return 0;
  *mode = inline_mode(wdfs, counts, n, total > 0);
  if (*mode == INLINE_CODED && total > 0 && !regular) return 0; /* left to a chunk of mode 4 */
  /* Room for the worst: a code takes at most 65 bits. */
  uint8_t room[(LAYOUT_INLINE_DF * 3 + 1 + LAYOUT_INLINE_BYTES * 8) * 9];
  bit_writer w = { .at = room };
  const unsigned gap_order = inline_gap_order(x, n);
  uint32_t next = 0;
  for (uint32_t i = 0; i < n; i++) {
    bits_put_golomb(&w, ordinals[i] - next, gap_order);
    next = ordinals[i] + 1;
  }
  if (*mode == INLINE_CONSTANT) bits_put_golomb(&w, wdfs[0], 0);
  if (*mode == INLINE_CODED)
    for (uint32_t i = 0; i < n; i++) bits_put_golomb(&w, wdfs[i], 0);
  if (total > 0)
    put_columns(&w, *mode == INLINE_CODED ? COUNT_SOME : COUNT_ONE, wdfs, counts, n, positions,
                x->first_order, x->gap_order);
  const size_t size = (size_t)(bits_finish(&w) - room);
  if (size > LAYOUT_INLINE_BYTES) return 0;
  memcpy(out, room, size);
  return size;
}

/* Reads ordinals and wdfs; what follows is left in *r. */
static bool inline_read(bit_reader *r, const layout_context *x, uint32_t df, uint8_t mode,
                        uint32_t *ordinals, uint32_t *wdfs) {
  if (df == 0 || df > LAYOUT_INLINE_DF) return false;
  if (!gaps_read(r, inline_gap_order(x, df), df, 0, x->items, ordinals)) return false;
  uint32_t constant = mode == INLINE_FILTER ? 0 : 1;
  if (mode == INLINE_CONSTANT) constant = bits_get_golomb(r, 0);
  if (mode == INLINE_CODED)
    values_read(r, 0, df, 0, wdfs);
  else
    fill(wdfs, df, constant);
  return bits_ok(r);
}

static bool inline_positions(bit_reader *r, const layout_context *x, uint32_t df, uint8_t mode,
                             const uint32_t *wdfs, layout_chunk *chunk) {
  chunk->gap_order = x->gap_order;
  return mode != INLINE_FILTER && read_columns(chunk, r, mode == INLINE_CODED ? COUNT_SOME : COUNT_ONE,
                                               1, x->first_order, wdfs, df);
}

bool layout_inline_decode(const uint8_t *bytes, size_t size, const layout_context *x, uint32_t df,
                          uint8_t mode, uint32_t *ordinals, uint32_t *wdfs, layout_chunk *chunk) {
  bit_reader r = bits_over(bytes, size);
  return inline_read(&r, x, df, mode, ordinals, wdfs) &&
         (chunk == NULL || inline_positions(&r, x, df, mode, wdfs, chunk));
}

size_t layout_inline_size(const uint8_t *bytes, size_t size, const layout_context *x, uint32_t df,
                          uint8_t mode, bool has_positions) {
  bit_reader r = bits_over(bytes, size);
  if (df == 0 || df > LAYOUT_INLINE_DF) return 0;
  if (mode == INLINE_ONES || mode == INLINE_FILTER) { /* most: nothing but codes to be counted */
    const unsigned gap = inline_gap_order(x, df), first = x->first_order;
    for (uint32_t i = 0; i < df; i++) (void)bits_get_golomb(&r, gap);
    for (uint32_t i = 0; has_positions && i < df; i++) (void)bits_get_golomb(&r, first);
    if (has_positions && mode == INLINE_FILTER) return 0;
  } else {
    uint32_t ordinals[LAYOUT_INLINE_DF], wdfs[LAYOUT_INLINE_DF];
    layout_chunk chunk;
    if (!inline_read(&r, x, df, mode, ordinals, wdfs)) return 0;
    if (has_positions) {
      if (!inline_positions(&r, x, df, mode, wdfs, &chunk) || !layout_chunk_skip(&chunk, df)) return 0;
      r = chunk.bits;
    }
  }
  const size_t used = bits_bytes(&r, bytes);
  return bits_ok(&r) && used <= LAYOUT_INLINE_BYTES ? used : 0;
}

bool layout_inline_statistics(const uint8_t *bytes, size_t size, const layout_context *x, uint32_t df,
                              uint8_t mode, uint64_t *cf, uint32_t *max_wdf) {
  uint32_t ordinals[LAYOUT_INLINE_DF], wdfs[LAYOUT_INLINE_DF];
  *cf = mode == INLINE_ONES ? df : 0;
  *max_wdf = mode == INLINE_ONES ? 1 : 0;
  if (mode == INLINE_ONES || mode == INLINE_FILTER) return true;
  if (!layout_inline_decode(bytes, size, x, df, mode, ordinals, wdfs, NULL)) return false;
  for (uint32_t i = 0; i < df; i++) {
    *cf += wdfs[i];
    if (wdfs[i] > *max_wdf) *max_wdf = wdfs[i];
  }
  return true;
}
