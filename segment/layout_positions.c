/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "segment/layout.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define NONE UINT32_MAX

static void fill(uint32_t *values, uint32_t n, uint32_t v) {
  for (uint32_t i = 0; i < n; i++) values[i] = v;
}

/* ---------------------------------------------------------------- chunks
 *
 * Bits: mode (3), order of first positions (5), then by mode how many positions a posting has, 0: one;
 * 1: its wdf; 2: its wdf if that is 0 or 1, else coded, zigzag of wdf less count; 3: wdf divided by a
 * number that stands here; 4: coded for all; all but mode 0: order of gaps (5). Then whether there are
 * parts (1): if so, width (5), and for each part of 16 postings but the first its offset in bits from
 * the first's. A part: [mode 2 and 4: counts], first positions of all its postings, gaps less 1 of all.
 *
 * Columns, since a loop whose next step does not depend on a count is what a processor foresees;
 * parts where a chunk is long, since a phrase wants few of the positions of a common word.
 */
enum { COUNT_ONE = 0, COUNT_WDF = 1, COUNT_SOME = 2, COUNT_PER = 3, COUNT_ALL = 4 };

#define PART LAYOUT_CHUNK_PART
#define PARTS (POSTINGS_BLOCK / PART)
#define SPLIT_BITS 1024u /* from so many on */

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

static uint64_t gap_cost(const uint32_t *counts, uint32_t n, const uint32_t *positions, unsigned k) {
  uint64_t cost = 0;
  for (uint32_t i = 0; i < n; positions += counts[i++])
    for (uint32_t j = 1; j < counts[i]; j++) cost += bits_cost(positions[j] - positions[j - 1] - 1, k);
  return cost;
}

/* As layout_best_order, for the gaps within postings. */
static unsigned best_gap_order(const uint32_t *counts, uint32_t n, const uint32_t *positions) {
  uint64_t sum = 0, gaps = 0;
  const uint32_t *p = positions;
  for (uint32_t i = 0; i < n; p += counts[i++])
    if (counts[i] > 1) {
      sum += p[counts[i] - 1] - p[0];
      gaps += counts[i] - 1;
    }
  if (gaps == 0) return 0;
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
  return k;
}

static unsigned best_first_order(const uint32_t *counts, uint32_t n, const uint32_t *positions) {
  uint32_t firsts[POSTINGS_BLOCK] = { 0 }, m = 0;
  uint64_t cost;
  for (uint32_t i = 0; i < n; positions += counts[i++])
    if (counts[i] > 0) firsts[m++] = positions[0];
  return layout_best_order(firsts, m, &cost);
}

static uint64_t column_cost(unsigned mode, const uint32_t *wdfs, const uint32_t *counts, uint32_t n,
                            const uint32_t *positions, unsigned first, unsigned gap) {
  uint64_t cost = gap_cost(counts, n, positions, gap);
  for (uint32_t i = 0; i < n; positions += counts[i++]) {
    if (count_is_coded(mode, wdfs[i])) cost += bits_cost(zigzag(wdfs[i], counts[i]), 0);
    if (counts[i] > 0) cost += bits_cost(positions[0], first);
  }
  return cost;
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

/* A run of postings and their positions. */
typedef struct part {
  uint32_t from, count;
  const uint32_t *positions;
  uint64_t bits;
} part;

static uint32_t cut(part parts[PARTS], const uint32_t *counts, uint32_t n, const uint32_t *positions) {
  uint32_t m = 0;
  for (uint32_t i = 0; i < n; positions += counts[i++]) {
    if (i % PART == 0) parts[m++] = (part){ .from = i, .positions = positions };
    parts[m - 1].count++;
  }
  return m;
}

void layout_chunk_encode(buffer *out, const uint32_t *wdfs, const uint32_t *counts, uint32_t n,
                         const uint32_t *positions) {
  uint64_t total = 0, bits = 0;
  for (uint32_t i = 0; i < n; i++) total += counts[i];
  if (total == 0) return;
  uint32_t per;
  part parts[PARTS];
  const unsigned mode = count_mode(wdfs, counts, n, &per);
  const unsigned first = best_first_order(counts, n, positions);
  const unsigned gap = best_gap_order(counts, n, positions);
  const uint32_t m = cut(parts, counts, n, positions);
  for (uint32_t i = 0; i < m; i++)
    bits += parts[i].bits = column_cost(mode, wdfs + parts[i].from, counts + parts[i].from,
                                        parts[i].count, parts[i].positions, first, gap);
  if (!buffer_reserve(out, (size_t)(bits / 8) + 48)) return;

  bit_writer w = { .at = out->data + out->size };
  bits_put(&w, mode, 3);
  bits_put(&w, first, 5);
  if (mode == COUNT_PER) bits_put_golomb(&w, per, 0);
  if (mode != COUNT_ONE) bits_put(&w, gap, 5);
  const uint64_t furthest = bits - parts[m - 1].bits;
  if (m > 1 && bits >= SPLIT_BITS && furthest <= INT32_MAX) {
    const unsigned width = 64u - (unsigned)__builtin_clzll(furthest | 1);
    uint64_t offset = 0;
    bits_put(&w, 1, 1);
    bits_put(&w, width, 5);
    for (uint32_t i = 1; i < m; i++) bits_put(&w, (uint32_t)(offset += parts[i - 1].bits), width);
    for (uint32_t i = 0; i < m; i++)
      put_columns(&w, mode, wdfs + parts[i].from, counts + parts[i].from, parts[i].count,
                  parts[i].positions, first, gap);
  } else {
    bits_put(&w, 0, 1);
    put_columns(&w, mode, wdfs, counts, n, positions, first, gap);
  }
  out->size = (size_t)(bits_finish(&w) - out->data);
}

/* ---------------------------------------------------------------- reading chunks */

bool layout_chunk_open(layout_chunk *c, const void *bytes, size_t size, uint32_t n) {
  bit_reader r = bits_over(bytes, size);
  c->bytes = bytes;
  c->size = size;
  c->count = c->span = n;
  c->part = NONE;
  c->mode = (uint8_t)bits_get(&r, 3);
  c->first_order = (uint8_t)bits_get(&r, 5);
  c->per = c->mode == COUNT_PER ? bits_get_golomb(&r, 0) : 1;
  c->gap_order = c->mode != COUNT_ONE ? (uint8_t)bits_get(&r, 5) : 0;
  const bool split = bits_get(&r, 1) == 1;
  uint32_t offsets[PARTS] = { 0 };
  if (split) {
    const unsigned width = bits_get(&r, 5);
    c->span = PART;
    for (uint32_t i = 1; i < (n + PART - 1) / PART; i++) offsets[i] = bits_get(&r, width);
  }
  const uint64_t from = bits_told(&r, bytes);
  for (uint32_t i = 0; i < PARTS; i++) c->starts[i] = from + offsets[i];
  return bits_ok(&r) && c->per > 0 && c->mode <= COUNT_ALL && n > 0 && n <= POSTINGS_BLOCK;
}

/* The count of a posting whose code is z. */
static inline int64_t count_of(uint32_t wdf, uint32_t z) {
  return (int64_t)wdf - ((int64_t)(z >> 1) ^ -(int64_t)(z & 1));
}

/* *some: no posting is without positions. */
static bool read_any_counts(const layout_chunk *c, bit_reader *reader, const uint32_t *wdfs, uint32_t n,
                            uint32_t *counts, bool *some) {
  uint64_t total = 0;
  bit_reader r = *reader;
  for (uint32_t i = 0; i < n; i++) {
    uint64_t count = wdfs[i];
    if (count_is_coded(c->mode, wdfs[i])) {
      count = (uint64_t)count_of(wdfs[i], bits_get_golomb(&r, 0));
    } else if (c->mode == COUNT_PER) {
      count = wdfs[i] / c->per;
      if (count * c->per != wdfs[i]) return false;
    }
    if (count > UINT32_MAX) return false;
    counts[i] = (uint32_t)count;
    *some = *some && count > 0;
    total += count;
  }
  bits_save(reader, &r);
  return total <= bits_left(&r); /* each position takes a bit at least */
}

#define ROW 16u /* postings that are looked at side by side */

/* Which wdfs of a row are above 1, as bits. */
static inline uint32_t above_one(const uint32_t *wdfs) {
#ifdef __SSE2__
  const __m128i low = _mm_set1_epi32(1), none = _mm_setzero_si128();
  __m128i small[4]; /* all ones where a wdf is 0 or 1 */
  for (unsigned i = 0; i < 4; i++)
    small[i] = _mm_cmpeq_epi32(
        _mm_andnot_si128(low, _mm_loadu_si128((const __m128i *)(const void *)(wdfs + 4 * (size_t)i))), none);
  const __m128i all = _mm_packs_epi16(_mm_packs_epi32(small[0], small[1]), _mm_packs_epi32(small[2], small[3]));
  return (uint32_t)_mm_movemask_epi8(all) ^ 0xffffu;
#else
  uint32_t bits = 0;
  for (uint32_t i = 0; i < ROW; i++) bits |= (uint32_t)(wdfs[i] > 1) << i;
  return bits;
#endif
}

#define WDF_ODD (UINT32_C(1) << 20) /* no sum of lesser ones leaves 32 bits */

/* A row of n postings of the commonest modes: where wdf and count differ is rare, and then alone something has
 * to be done. False where a number is odd enough to be left to read_any_counts. */
BITS_HOT bool read_row(bit_reader *r, unsigned mode, const uint32_t *wdfs, uint32_t n, uint32_t *counts,
                       uint64_t *total, bool *some) {
  uint32_t coded = 0, sum = 0, any = 0, zero = 0;
  if (n == ROW) {
    coded = above_one(wdfs);
    for (uint32_t i = 0; i < ROW; i++) {
      counts[i] = wdfs[i];
      sum += wdfs[i];
      any |= wdfs[i];
      zero |= wdfs[i] == 0;
    }
  } else {
    for (uint32_t i = 0; i < n; i++) {
      counts[i] = wdfs[i];
      coded |= (uint32_t)(wdfs[i] > 1) << i;
      sum += wdfs[i];
      any |= wdfs[i];
      zero |= wdfs[i] == 0;
    }
  }
  if (any >= WDF_ODD) return false;
  *total += sum;
  if (mode == COUNT_WDF) coded = 0;
  for (uint32_t left = (uint32_t)__builtin_popcount(coded); left > 0;) {
    uint32_t same = bits_get_ones(r, left); /* codes of 0: as many positions as the wdf says */
    left -= same;
    if (left == 0) break;
    for (; same > 0; same--) coded &= coded - 1;
    const uint32_t i = (uint32_t)__builtin_ctz(coded);
    const int64_t count = count_of(wdfs[i], bits_get_golomb(r, 0));
    coded &= coded - 1;
    left--;
    if ((uint64_t)count > UINT32_MAX) return false;
    counts[i] = (uint32_t)count;
    *total += (uint64_t)count - wdfs[i];
    zero |= count == 0;
  }
  *some = *some && zero == 0;
  return true;
}

BITS_HOT bool read_counts(const layout_chunk *c, bit_reader *reader, const uint32_t *wdfs, uint32_t n,
                          uint32_t *counts, bool *some) {
  uint64_t total = 0;
  bool ok = c->mode == COUNT_SOME || c->mode == COUNT_WDF;
  bit_reader r = *reader;
  for (uint32_t i = 0; ok && i < n; i += ROW)
    ok = read_row(&r, c->mode, wdfs + i, n - i < ROW ? n - i : ROW, counts + i, &total, some);
  if (!ok) {
    *some = true;
    return read_any_counts(c, reader, wdfs, n, counts, some);
  }
  bits_save(reader, &r);
  return total <= bits_left(&r);
}

/* Reads counts and first positions of a part, and stands before its gaps. */
static BITS_CLONES bool open_part(layout_chunk *c, const uint32_t *wdfs, uint32_t number) {
  const uint32_t from = number * c->span;
  const uint32_t n = c->count - from < c->span ? c->count - from : c->span;
  uint32_t *const counts = c->counts + from, *const firsts = c->firsts + from;
  bit_reader r = bits_from(c->bytes, c->size, c->starts[number]);
  bool some = true;
  c->part = NONE;
  if (c->mode == COUNT_ONE)
    fill(counts, n, 1);
  else if (!read_counts(c, &r, wdfs + from, n, counts, &some))
    return false;
  if (some)
    bits_get_many_golombs(&r, c->first_order, n, firsts);
  else
    for (uint32_t i = 0; i < n; i++) firsts[i] = counts[i] > 0 ? bits_get_golomb(&r, c->first_order) : 0;
  if (!bits_ok(&r)) return false;
  bits_save(&c->gaps, &r);
  c->gaps.limit = r.limit;
  c->next = from;
  c->inside = 0;
  c->part = number;
  return true;
}

bool layout_chunk_reach(layout_chunk *c, const uint32_t *wdfs, uint32_t i) {
  const uint32_t number = c->span == PART ? i / PART : 0;
  return number == c->part || open_part(c, wdfs, number);
}

BITS_CLONES bool layout_chunk_read_until(layout_chunk *c, const uint32_t *wdfs, uint32_t i, uint32_t enough,
                                         uint32_t *out, uint32_t *count) {
  const bool behind = i < c->next || (i == c->next && c->inside > 0);
  if (behind && !open_part(c, wdfs, c->part)) return false; /* back to the part's first */
  bit_reader r = c->gaps;
  const unsigned order = c->gap_order;
  const uint32_t n = c->counts[i];
  uint64_t skipped = 0, position = c->firsts[i];
  for (uint32_t k = c->next; k < i; k++) skipped += c->counts[k] - (c->counts[k] > 0);
  bits_skip_golombs(&r, order, skipped - c->inside);
  uint32_t have = 1;
  *out = (uint32_t)position;
  while (have < n && position < enough) {
    uint32_t gap = bits_get_golomb(&r, order);
    do {
      position += gap + UINT64_C(1);
      out[have++] = (uint32_t)position;
    } while (have < n && position < enough && bits_take_golomb(&r, order, &gap));
  }
  bits_save(&c->gaps, &r);
  c->next = have < n ? i : i + 1;
  c->inside = have < n ? have - 1 : 0;
  *count = have;
  return position <= UINT32_MAX && bits_ok(&r);
}

bool layout_chunk_read(layout_chunk *c, const uint32_t *wdfs, uint32_t i, uint32_t *out) {
  uint32_t count = 0;
  if (c->counts[i] == 0) return true;
  return layout_chunk_read_until(c, wdfs, i, UINT32_MAX, out, &count) && count == c->counts[i];
}

/* ---------------------------------------------------------------- inline lists
 *
 * Bits: gaps, of an order that follows from df; wdfs and counts by the mode that stands in the entry,
 * 0: 1 and one position; 1: one number (Golomb of order 0) and one position; 2: each wdf coded, and
 * counts as in a chunk of mode 2; 3: wdf 0; then positions as in a part, of the segment's orders.
 */
enum { INLINE_ONES = 0, INLINE_CONSTANT = 1, INLINE_CODED = 2, INLINE_FILTER = 3 };

static unsigned inline_gap_order(const layout_context *x, uint32_t df) {
  const uint32_t mean = x->items / df;
  return mean > 1 ? 31u - (unsigned)__builtin_clz(mean) : 0;
}

static unsigned inline_count_mode(unsigned mode) { return mode == INLINE_CODED ? COUNT_SOME : COUNT_ONE; }

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
    put_columns(&w, inline_count_mode(*mode), wdfs, counts, n, positions, x->first_order, x->gap_order);
  const size_t size = (size_t)(bits_finish(&w) - room);
  if (size > LAYOUT_INLINE_BYTES) return 0;
  memcpy(out, room, size);
  return size;
}

/* Reads ordinals and wdfs; positions come next. */
static bool inline_read(bit_reader *r, const layout_context *x, uint32_t df, uint8_t mode,
                        uint32_t *ordinals, uint32_t *wdfs) {
  if (df == 0 || df > LAYOUT_INLINE_DF) return false;
  if (!bits_get_ascending(r, inline_gap_order(x, df), df, 0, x->items, ordinals)) return false;
  uint32_t constant = mode == INLINE_FILTER ? 0 : 1;
  if (mode == INLINE_CONSTANT) constant = bits_get_golomb(r, 0);
  if (mode == INLINE_CODED)
    bits_get_golombs(r, 0, df, 0, wdfs);
  else
    fill(wdfs, df, constant);
  return bits_ok(r);
}

static void inline_chunk(layout_chunk *c, const uint8_t *bytes, size_t size, const bit_reader *r,
                         const layout_context *x, uint32_t df, uint8_t mode) {
  c->bytes = bytes;
  c->size = size;
  c->count = c->span = df;
  c->part = NONE;
  c->starts[0] = bits_told(r, bytes);
  c->mode = (uint8_t)inline_count_mode(mode);
  c->first_order = x->first_order;
  c->gap_order = x->gap_order;
  c->per = 1;
}

bool layout_inline_decode(const uint8_t *bytes, size_t size, const layout_context *x, uint32_t df,
                          uint8_t mode, uint32_t *ordinals, uint32_t *wdfs, layout_chunk *chunk) {
  bit_reader r = bits_over(bytes, size);
  if (!inline_read(&r, x, df, mode, ordinals, wdfs)) return false;
  if (chunk != NULL) inline_chunk(chunk, bytes, size, &r, x, df, mode);
  return chunk == NULL || mode != INLINE_FILTER;
}

size_t layout_inline_size(const uint8_t *bytes, size_t size, const layout_context *x, uint32_t df,
                          uint8_t mode, bool has_positions) {
  bit_reader r = bits_over(bytes, size);
  if (df == 0 || df > LAYOUT_INLINE_DF || (has_positions && mode == INLINE_FILTER)) return 0;
  if (mode == INLINE_ONES || mode == INLINE_FILTER) { /* most: nothing but codes to be counted */
    const unsigned gap = inline_gap_order(x, df), first = x->first_order;
    for (uint32_t i = 0; i < df; i++) (void)bits_get_golomb(&r, gap);
    for (uint32_t i = 0; has_positions && i < df; i++) (void)bits_get_golomb(&r, first);
  } else {
    uint32_t ordinals[LAYOUT_INLINE_DF], wdfs[LAYOUT_INLINE_DF];
    layout_chunk chunk;
    if (!inline_read(&r, x, df, mode, ordinals, wdfs)) return 0;
    if (has_positions) {
      inline_chunk(&chunk, bytes, size, &r, x, df, mode);
      if (!open_part(&chunk, wdfs, 0)) return 0;
      r = chunk.gaps;
      for (uint32_t i = 0; i < df; i++)
        for (uint32_t k = 1; k < chunk.counts[i]; k++) (void)bits_get_golomb(&r, x->gap_order);
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
