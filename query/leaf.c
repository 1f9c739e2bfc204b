/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/leaf.h"

#include "base/wipe.h"

bool leaf_open(leaf *l, scratch *s, const segment *seg, segment_session *session,
               const plan_members *members) {
  *l = (leaf){ .df = members->df, .max_wdf = members->max_wdf, .min_length = members->min_length,
               .items = segment_about(seg)->items };
  if (members->count == 0) return true;
  l->cursors = scratch_take(s, members->count * sizeof(*l->cursors));
  l->spans = SCRATCH_MANY(s, leaf_span, members->count);
  if (l->cursors == NULL || l->spans == NULL) return false;
  for (; l->count < members->count; l->count++) {
    l->spans[l->count].first = UINT32_MAX;
    l->spans[l->count].density =
        (uint32_t)((uint64_t)members->terms[l->count].df * WINDOW / ((uint64_t)l->items + 1));
    postings_open(&l->cursors[l->count], seg, session, &members->terms[l->count]);
  }
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

/* Nothing of the list is in the window: it was sought before, and goes on behind it. Windows ascend. */
static inline bool is_beyond(const postings *p, uint32_t base) {
  return p->count > 0 ? p->ordinals[p->at] >= base && p->ordinals[p->at] - base >= WINDOW
                      : p->block != UINT32_MAX; /* ended */
}

/* ---------------------------------------------------------------- filling */

/* Where the block's ordinals leave the window. */
static uint32_t end_in_window(const postings *p, uint32_t from, uint32_t base) {
  uint32_t high = p->count;
  if (p->ordinals[high - 1] - base < WINDOW) return high;
  while (from < high) {
    const uint32_t middle = (from + high) / 2;
    if (p->ordinals[middle] - base < WINDOW) from = middle + 1;
    else high = middle;
  }
  return from;
}

/* The next part of the list in the window, at indices [*from, *to) of the current block. `at` is the
 * place in the window from which on it is wanted; blocks of which the mask wants nothing are passed by.
 * False: there is none. */
static bool next_part(postings *p, uint32_t base, const uint64_t *mask, uint32_t at, uint32_t *from,
                      uint32_t *to) {
  if (mask != NULL) at = bits_next(mask, at);
  if (at >= WINDOW) return false;
  *from = postings_seek(p, base + at);
  if (*from == UINT32_MAX) return false;
  *to = end_in_window(p, *from, base);
  return *from < *to;
}

static void put_first(const uint32_t *restrict ordinals, const uint32_t *restrict wdfs, uint32_t n,
                      uint32_t base, uint64_t *restrict bits, uint32_t *restrict out) {
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t at = ordinals[i] - base;
    out[at] = wdfs[i];
    bits_set(bits, at);
  }
}

/* Members after the first may meet bits that are set: the union's wdf is the sum. */
static void put_more(const uint32_t *restrict ordinals, const uint32_t *restrict wdfs, uint32_t n,
                     uint32_t base, uint64_t *restrict bits, uint32_t *restrict out) {
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t at = ordinals[i] - base;
    out[at] = (out[at] & (0 - (uint32_t)bits_has(bits, at))) + wdfs[i];
    bits_set(bits, at);
  }
}

static void put_bits(const uint32_t *restrict ordinals, uint32_t n, uint32_t base,
                     uint64_t *restrict bits) {
  for (uint32_t i = 0; i < n; i++) bits_set(bits, ordinals[i] - base);
}

/* Each way of reading stays a function of its own: inlined into leaf_read they slow each other down. */
#define NOINLINE __attribute__((noinline))

static NOINLINE void fill_one(postings *p, uint32_t base, const uint64_t *mask, uint64_t *bits,
                              uint32_t *wdf, bool first) {
  uint32_t from, to;
  if (is_beyond(p, base)) return;
  for (uint32_t at = 0; next_part(p, base, mask, at, &from, &to);) {
    const uint32_t *ordinals = p->ordinals + from;
    const uint32_t *wdfs = wdf != NULL ? postings_wdfs(p) + from : NULL;
    if (wdf == NULL) put_bits(ordinals, to - from, base, bits);
    else if (first) put_first(ordinals, wdfs, to - from, base, bits, wdf);
    else put_more(ordinals, wdfs, to - from, base, bits, wdf);
    if (to < p->count) return;
    at = p->ordinals[to - 1] - base + 1;
  }
}

static inline void put_wdf(postings *p, uint32_t i, uint32_t at, const uint64_t *bits, uint32_t *wdf) {
  const uint32_t more = postings_wdfs(p)[i];
  wdf[at] = bits_has(bits, at) ? wdf[at] + more : more;
}

/* As fill_one, but puts what the mask wants alone: little of it, so that hardly anything is written. */
static NOINLINE void sift_one(postings *p, uint32_t base, const uint64_t *mask, uint64_t *bits,
                              uint32_t *wdf) {
  if (is_beyond(p, base)) return;
  for (uint32_t at = bits_next(mask, 0); at < WINDOW;) {
    uint32_t i = postings_seek(p, base + at), last = 0;
    if (i == UINT32_MAX) return;
    for (; i < p->count && (at = p->ordinals[i] - base) < WINDOW; i++) {
      last = at;
      if (!bits_has(mask, at)) continue;
      if (wdf != NULL) put_wdf(p, i, at, bits, wdf);
      bits_set(bits, at);
    }
    if (i < p->count) {
      postings_stand(p, i);
      return;
    }
    at = bits_next(mask, last + 1);
  }
}

/* ---------------------------------------------------------------- probing */

static NOINLINE void probe_one(postings *p, uint32_t base, const uint64_t *mask, uint64_t *bits,
                               uint32_t *wdf) {
  if (is_beyond(p, base)) return;
  BITS_EACH(mask, at) {
    const uint32_t target = base + at;
    const uint32_t i = postings_seek(p, target);
    if (i == UINT32_MAX) return;
    if (p->ordinals[i] != target) continue;
    if (wdf != NULL) put_wdf(p, i, at, bits, wdf);
    bits_set(bits, at);
  }
}

/* Rough costs in nanoseconds, measured: a posting scattered, one passed by, an ordinal sought, a list
 * looked at. */
enum { COST_POSTING = 2, COST_PASSED = 1, COST_SEEK = 12, COST_LIST = 8 };

/* So few that most postings are passed by. */
static bool is_thin(uint32_t wanted) { return wanted <= WINDOW / 32; }

/* Blocks decoded are about the same either way: filling passes by those of which nothing is wanted. */
static uint32_t cost_of_filling(const leaf_span *span, uint32_t wanted) {
  return span->density * (is_thin(wanted) ? COST_PASSED : COST_POSTING);
}

static uint32_t cost_of_probing(uint32_t wanted) { return wanted * COST_SEEK; }

void leaf_read(leaf *l, uint32_t base, const uint64_t *mask, uint64_t *bits, uint32_t *wdf) {
  const uint32_t wanted = mask != NULL ? bits_count(mask) : WINDOW;
  const bool thin = mask != NULL && is_thin(wanted);
  bits_clear(bits);
  for (uint32_t i = 0; i < l->count; i++) {
    postings *p = &l->cursors[i];
    if (mask != NULL && cost_of_probing(wanted) < cost_of_filling(&l->spans[i], wanted))
      probe_one(p, base, mask, bits, wdf);
    else if (thin)
      sift_one(p, base, mask, bits, wdf);
    else
      fill_one(p, base, mask, bits, wdf, i == 0);
  }
  if (mask != NULL && !thin) bits_and(bits, mask);
}

uint64_t leaf_cost(const leaf *l, uint32_t wanted) {
  uint64_t cost = 0;
  for (uint32_t i = 0; i < l->count; i++) {
    const uint32_t fill = cost_of_filling(&l->spans[i], wanted), probe = cost_of_probing(wanted);
    cost += COST_LIST + (fill < probe ? fill : probe);
  }
  return cost;
}

/* ---------------------------------------------------------------- item by item */

/* Of a list and what the members before have; returns how many. */
static uint32_t join(postings *p, const leaf_posting *before, uint32_t count, leaf_posting *out) {
  uint32_t n = 0, k = 0;
  while (postings_next(p))
    for (uint32_t i = 0; i < p->count; i++) {
      leaf_posting one = { p->ordinals[i], p->wdfs[i] };
      while (k < count && before[k].ordinal < one.ordinal) out[n++] = before[k++];
      if (k < count && before[k].ordinal == one.ordinal) one.wdf += before[k++].wdf;
      out[n++] = one;
    }
  while (k < count) out[n++] = before[k++];
  return n;
}

bool leaf_collect(leaf *l, scratch *s, leaf_posting **out, uint32_t *count) {
  size_t room = 1;
  for (uint32_t i = 0; i < l->count; i++) room += l->cursors[i].df;
  leaf_posting *all = scratch_take(s, room * sizeof(*all));
  leaf_posting *spare = l->count > 1 ? scratch_take(s, room * sizeof(*spare)) : NULL;
  *count = 0;
  if (s->failed) return false;
  for (uint32_t i = 0; i < l->count; i++) {
    *count = join(&l->cursors[i], spare, *count, all);
    *out = all;
    all = spare;
    spare = *out;
  }
  return true;
}

bool leaf_has(leaf *l, uint32_t ordinal, uint32_t *wdf) {
  bool has = false;
  *wdf = 0;
  for (uint32_t k = 0; k < l->count; k++) {
    postings *p = &l->cursors[k];
    const uint32_t i = postings_seek(p, ordinal);
    if (i == UINT32_MAX || p->ordinals[i] != ordinal) continue;
    *wdf += postings_wdfs(p)[i];
    has = true;
  }
  return has;
}

void leaf_rewind(leaf *l) {
  for (uint32_t i = 0; i < l->count; i++) postings_rewind(&l->cursors[i]);
}

/* ---------------------------------------------------------------- bounds */

/* A score is weight x / (1 + x) with x = wdf / norm, and an item's x adds up over the members: so it is
 * x that is bounded, which costs nothing of what saturation takes away. */
static double share(const rank_model *model, uint32_t wdf, uint32_t length) {
  const double norm = rank_norm(model, wdf > length ? wdf : length);
  return wdf / (norm > 1e-280 ? norm : 1e-280);
}

static double share_of(const postings_bound *b, const rank_model *model) {
  double most = 0;
  for (unsigned pair = 0; pair < POSTINGS_PAIRS; pair++) {
    const double x = share(model, b->wdfs[pair], b->lengths[pair]);
    if (x > most) most = x;
  }
  return most;
}

/* Sums of shares, 64 items at a time; `any`: where there are some. */
typedef struct sums {
  double x[WINDOW_WORDS];
  uint32_t any;
} sums;
_Static_assert(WINDOW_WORDS == 32, "a word of 32 bits has one for each word of a window");

static void spread_long(postings *p, leaf_span *span, uint32_t base, const rank_model *model,
                        sums *out) {
  uint32_t last_word = UINT32_MAX;
  double before = 0;
  for (uint32_t at = 0; at < WINDOW;) {
    if (base + at < span->first || base + at > span->last) { /* wide blocks last for several windows */
      postings_bound b;
      if (!postings_bounds(p, base + at, &b) || b.last < base + at) return;
      *span = (leaf_span){ .first = base + at, .last = b.last, .share = share_of(&b, model) };
    }
    const uint32_t last = span->last - base < WINDOW ? span->last - base : WINDOW - 1;
    const double x = span->share;
    uint32_t w = at >> 6;
    if (w == last_word) { /* two blocks in one word: the greater counts */
      if (x > before) out->x[w] += x - before;
      w++;
    }
    for (; w <= last >> 6; w++) {
      out->x[w] += x;
      out->any |= UINT32_C(1) << w;
    }
    before = last >> 6 == last_word && before > x ? before : x;
    last_word = last >> 6;
    at = last + 1;
  }
}

/* A list of one block is looked at; not to its end, behind which the cursor would not come back. */
static void spread_short(postings *p, uint32_t base, double x, sums *out) {
  if (is_beyond(p, base)) return;
  uint32_t i = postings_seek(p, base), last_word = UINT32_MAX;
  if (i == UINT32_MAX) return;
  for (; i < p->count && p->ordinals[i] - base < WINDOW; i++) {
    const uint32_t w = (p->ordinals[i] - base) >> 6;
    if (w == last_word) continue;
    out->x[w] += x;
    out->any |= UINT32_C(1) << w;
    last_word = w;
  }
}

void leaf_spread(leaf *l, uint32_t base, const rank_model *model, double weight,
                 double spread[WINDOW_WORDS]) {
  sums s = { .any = 0 };
  for (uint32_t i = 0; i < l->count; i++) {
    postings *p = &l->cursors[i];
    if (p->df > POSTINGS_BLOCK) {
      spread_long(p, &l->spans[i], base, model, &s);
    } else {
      if (l->spans[i].share == 0) l->spans[i].share = share(model, p->term.max_wdf, p->term.min_length);
      spread_short(p, base, l->spans[i].share, &s);
    }
  }
  for (uint32_t w = 0; w < WINDOW_WORDS; w++) spread[w] = weight * (s.x[w] / (1 + s.x[w]));
  for (uint32_t w = 0; s.any != UINT32_MAX && w < WINDOW_WORDS; w++)
    if ((s.any >> w & 1) == 0) spread[w] = -INFINITY;
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

bool leaf_merge_positions(leaf *l, const leaf *read, scratch *s, uint32_t ordinal, uint32_t enough,
                          position_list *out) {
  *out = (position_list){ 0 };
  for (uint32_t i = 0; i < l->count; i++) {
    position_list more;
    more.at = postings_positions_of(&l->cursors[i], &read->cursors[i], ordinal, enough, &more.count);
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
  while (out->count > 1 && out->at[out->count - 2] >= enough) out->count--;
  return out->count > 0;
}
