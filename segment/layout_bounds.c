/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>

#include "segment/layout.h"

/* Codes 0 to 31 are themselves; from 32 on, code 32 + 16e + m is (16 + m) << (e + 1). Codes from 240 on
 * stand for "no bound", and none above it is written. */
#define CODE_UNBOUNDED 240u
#define UNBOUNDED (1u << 18) /* the least number that has no code of its own */

uint32_t layout_value(uint8_t code) {
  if (code < 32) return code;
  if (code >= CODE_UNBOUNDED) return UINT32_MAX;
  const unsigned e = (code - 32u) >> 4, m = (code - 32u) & 15;
  return (16u + m) << (e + 1);
}

uint8_t layout_floor(uint32_t v) {
  if (v < 32) return (uint8_t)v;
  if (v >= UNBOUNDED) return CODE_UNBOUNDED - 1;
  const unsigned top = 31u - (unsigned)__builtin_clz(v); /* at least 5 */
  const unsigned m = (v >> (top - 4)) & 15;
  return (uint8_t)(32 + 16 * (top - 5) + m);
}

uint8_t layout_ceiling(uint32_t v) {
  const uint8_t code = layout_floor(v);
  return layout_value(code) == v ? code : (uint8_t)(code + 1);
}

/* ---------------------------------------------------------------- pairs */

/* Postings that none outdoes in both: greatest wdf first, lengths descend. */
#define FRONTIER_MAX 24

typedef struct frontier {
  uint32_t count;
  uint8_t wdfs[FRONTIER_MAX], lengths[FRONTIER_MAX];
} frontier;

static void frontier_of(frontier *f, const uint32_t *wdfs, const uint32_t *lengths, uint32_t n) {
  uint32_t least[CODE_UNBOUNDED + 1]; /* length, by code of the wdf */
  uint8_t codes[POSTINGS_BLOCK];
  uint32_t top = 0;
  for (uint32_t i = 0; i < n; i++) {
    codes[i] = wdfs[i] < 32 ? (uint8_t)wdfs[i] : layout_ceiling(wdfs[i]);
    if (codes[i] > top) top = codes[i];
  }
  for (uint32_t code = 0; code <= top; code++) least[code] = UINT32_MAX;
  for (uint32_t i = 0; i < n; i++)
    if (lengths[i] < least[codes[i]]) least[codes[i]] = lengths[i];
  f->count = 0;
  for (uint32_t code = top + 1; code-- > 0;) {
    if (least[code] == UINT32_MAX) continue;
    const uint8_t length = layout_floor(least[code]);
    if (f->count > 0 && length >= f->lengths[f->count - 1]) continue;
    if (f->count == FRONTIER_MAX) { /* the last stands for all that follow */
      f->lengths[FRONTIER_MAX - 1] = length;
      continue;
    }
    f->wdfs[f->count] = (uint8_t)code;
    f->lengths[f->count++] = length;
  }
}

/* What BM25 makes of a pair, less what is the same for all. It only chooses: any choice is a bound. */
static double worth(uint8_t wdf, uint8_t length, double average) {
  const double w = layout_value(wdf), l = layout_value(length) / average;
  return w > 0 ? w / (0.5 * (l > 0.5 ? l : 0.5) + 0.5 + w) : 0;
}

/* Cuts the frontier in three so that the greatest worth of a part's pair (its greatest wdf, its least
 * length) is least. */
void layout_bounds_make(layout_bounds *out, const uint32_t *wdfs, const uint32_t *lengths, uint32_t n,
                        double average) {
  frontier f;
  uint32_t cut[2];
  frontier_of(&f, wdfs, lengths, n);
  const uint32_t m = f.count;
  double best = INFINITY;
  cut[0] = m > 1 ? 1 : m;
  cut[1] = m > 2 ? 2 : m;
  for (uint32_t i = 1; m > POSTINGS_PAIRS && i + 1 < m; i++) {
    const double first = worth(f.wdfs[0], f.lengths[i - 1], average);
    if (first >= best) break; /* grows with i */
    for (uint32_t k = i + 1; k < m; k++) {
      const double second = worth(f.wdfs[i], f.lengths[k - 1], average);
      const double third = worth(f.wdfs[k], f.lengths[m - 1], average);
      const double most = fmax(first, fmax(second, third));
      if (most >= best) continue;
      best = most;
      cut[0] = i;
      cut[1] = k;
    }
  }
  const uint32_t from[POSTINGS_PAIRS] = { 0, cut[0], cut[1] }, to[POSTINGS_PAIRS] = { cut[0], cut[1], m };
  for (unsigned part = 0; part < POSTINGS_PAIRS; part++) {
    const bool some = from[part] < to[part];
    out->wdfs[part] = some ? f.wdfs[from[part]] : 0;
    out->lengths[part] = some ? f.lengths[to[part] - 1] : UINT8_MAX;
  }
}
