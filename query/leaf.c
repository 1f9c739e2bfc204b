/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/leaf.h"

#include "base/wipe.h"

bool leaf_open(leaf *l, scratch *s, const segment *seg, segment_session *session,
               const plan_members *members) {
  *l = (leaf){ .df = members->df, .max_wdf = members->max_wdf, .min_length = members->min_length,
               .items = segment_about(seg)->items };
  if (members->count == 0) return true;
  l->cursors = scratch_take(s, members->count * sizeof(*l->cursors));
  if (l->cursors == NULL) return false;
  for (; l->count < members->count; l->count++)
    postings_open(&l->cursors[l->count], seg, session, &members->terms[l->count]);
  return true;
}

void leaf_close(leaf *l) {
  for (uint32_t i = 0; i < l->count; i++) postings_close(&l->cursors[i]);
  l->count = 0;
}

uint32_t leaf_next(leaf *l, uint32_t from) {
  uint32_t next = SEGMENT_END;
  for (uint32_t i = 0; i < l->count; i++) {
    postings *p = &l->cursors[i];
    const uint32_t at = postings_seek(p, from);
    if (at != UINT32_MAX && p->ordinals[at] < next) next = p->ordinals[at];
  }
  return next;
}

/* ---------------------------------------------------------------- filling */

/* Members after the first may meet bits that are set: the union's wdf is the sum. */
static void fill_more(postings *p, uint32_t base, uint64_t *bits, uint32_t *wdf) {
  uint32_t i = postings_seek(p, base);
  if (i == UINT32_MAX) return;
  do {
    for (; i < p->count; i++) {
      const uint32_t at = p->ordinals[i] - base;
      if (at >= WINDOW) return;
      wdf[at] = bits_has(bits, at) ? wdf[at] + p->wdfs[i] : p->wdfs[i];
      bits_set(bits, at);
    }
    i = 0;
  } while (postings_next(p));
}

static void fill_first(postings *p, uint32_t base, uint64_t *bits, uint32_t *wdf) {
  uint32_t i = postings_seek(p, base);
  if (i == UINT32_MAX) return;
  do {
    for (; i < p->count; i++) {
      const uint32_t at = p->ordinals[i] - base;
      if (at >= WINDOW) return;
      wdf[at] = p->wdfs[i];
      bits_set(bits, at);
    }
    i = 0;
  } while (postings_next(p));
}

static void fill_bits(postings *p, uint32_t base, uint64_t *bits) {
  uint32_t i = postings_seek(p, base);
  if (i == UINT32_MAX) return;
  do {
    for (; i < p->count; i++) {
      const uint32_t at = p->ordinals[i] - base;
      if (at >= WINDOW) return;
      bits_set(bits, at);
    }
    i = 0;
  } while (postings_next(p));
}

void leaf_fill(leaf *l, uint32_t base, uint64_t *bits, uint32_t *wdf) {
  bits_clear(bits);
  for (uint32_t i = 0; i < l->count; i++) {
    if (wdf == NULL) fill_bits(&l->cursors[i], base, bits);
    else if (i == 0) fill_first(&l->cursors[i], base, bits, wdf);
    else fill_more(&l->cursors[i], base, bits, wdf);
  }
}

/* ---------------------------------------------------------------- probing */

static void probe_one(postings *p, uint32_t base, const uint64_t *mask, uint64_t *bits,
                      uint32_t *wdf) {
  BITS_EACH(mask, at) {
    const uint32_t target = base + at;
    const uint32_t i = postings_seek(p, target);
    if (i == UINT32_MAX) return;
    if (p->ordinals[i] != target) continue;
    if (wdf != NULL) wdf[at] = bits_has(bits, at) ? wdf[at] + p->wdfs[i] : p->wdfs[i];
    bits_set(bits, at);
  }
}

/* Rough costs in nanoseconds, measured: a block decoded, a posting scattered, an ordinal sought. */
enum { COST_BLOCK = 60, COST_POSTING = 2, COST_SEEK = 12 };

static bool probing_is_cheaper(const leaf *l, uint32_t wanted) {
  uint64_t fill = 0, probe = 0;
  for (uint32_t i = 0; i < l->count; i++) {
    const uint64_t postings_here = (uint64_t)l->cursors[i].df * WINDOW / (l->items + 1);
    const uint64_t blocks = postings_here / POSTINGS_BLOCK + 1;
    fill += postings_here * COST_POSTING + blocks * COST_BLOCK;
    probe += wanted * (uint64_t)COST_SEEK + (wanted < blocks ? wanted : blocks) * COST_BLOCK;
  }
  return probe < fill;
}

void leaf_probe(leaf *l, uint32_t base, const uint64_t *mask, uint64_t *bits, uint32_t *wdf) {
  if (!probing_is_cheaper(l, bits_count(mask))) {
    leaf_fill(l, base, bits, wdf);
    bits_and(bits, mask);
    return;
  }
  bits_clear(bits);
  for (uint32_t i = 0; i < l->count; i++) probe_one(&l->cursors[i], base, mask, bits, wdf);
}

/* ---------------------------------------------------------------- bounds */

bool leaf_bounds(leaf *l, uint32_t base, uint32_t *max_wdf, uint32_t *min_length) {
  uint64_t sum = 0;
  *min_length = UINT32_MAX;
  for (uint32_t i = 0; i < l->count; i++) {
    uint32_t most = 0, wdf, length, last;
    for (uint32_t at = base; postings_bounds(&l->cursors[i], at, &wdf, &length, &last); at = last + 1) {
      if (wdf > most) most = wdf;
      if (length < *min_length) *min_length = length;
      if (last < at || last - base >= WINDOW - 1) break; /* a short list bounds all of the segment */
    }
    sum += most;
  }
  *max_wdf = sum < l->max_wdf ? (uint32_t)sum : l->max_wdf;
  if (*min_length < l->min_length) *min_length = l->min_length;
  return sum > 0;
}

/* ---------------------------------------------------------------- positions */

static bool make_room(leaf *l, scratch *s, uint32_t count) {
  if (count <= l->merged_room) return true;
  uint32_t room = l->merged_room != 0 ? 2 * l->merged_room : 256;
  while (room < count) room *= 2;
  uint32_t *merged = scratch_take(s, room * sizeof(*merged));
  if (merged == NULL) return false;
  if (l->merged_room != 0) memcpy(merged, l->merged, l->merged_room * sizeof(*merged));
  l->merged = merged;
  l->merged_room = room;
  return true;
}

bool leaf_positions(leaf *l, scratch *s, uint32_t ordinal, position_list *out) {
  *out = (position_list){ 0 };
  for (uint32_t i = 0; i < l->count; i++) {
    postings *p = &l->cursors[i];
    const uint32_t at = postings_seek(p, ordinal);
    if (at == UINT32_MAX || p->ordinals[at] != ordinal) continue;
    position_list more;
    more.at = postings_positions(p, at, &more.count);
    if (more.count == 0) continue;
    if (out->count == 0) {
      *out = more;
      continue;
    }
    const bool merged = out->at == l->merged;
    if (!make_room(l, s, out->count + more.count)) return false;
    if (!merged) memcpy(l->merged, out->at, out->count * sizeof(*out->at));
    positions_merge(l->merged, out->count, &more);
    *out = (position_list){ .at = l->merged, .count = out->count + more.count };
  }
  return out->count > 0;
}
