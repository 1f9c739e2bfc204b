/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/node.h"

matcher *match_open(scratch *s, view_read *read, size_t number, const plan *p,
                    const rank_model *model, const match_options *options) {
  matcher *m = SCRATCH_ONE(s, matcher);
  if (m == NULL) return NULL;
  const view_segment *v = &read->view->segments[number];
  m->s = s;
  m->read = read;
  m->seg = v->seg;
  m->session = &read->session;
  m->number = number;
  m->items = segment_about(v->seg)->items;
  m->model = model;
  m->options = *options;
  if (v->dead != NULL && !roaring_bitmap_is_empty(v->dead)) {
    m->has_dead = true;
    bitmap_window_open(&m->dead, v->dead);
  }
  m->root = node_build(m, p, true);
  if (m->root != NULL && !s->failed) return m;
  match_close(m);
  return NULL;
}

void match_close(matcher *m) {
  for (uint32_t i = 0; i < m->leaf_count; i++) {
    leaf_close(&m->leaves[i]->terms);
    if (m->leaves[i]->has_spots) leaf_close(&m->leaves[i]->spots);
  }
  block_release(&m->lengths);
  block_release(&m->sizes);
  block_release(&m->item);
}

bool match_is_lazy(const matcher *m) { return m->lazy_count > 0; }

/* ---------------------------------------------------------------- counting */

/* Of the ordinals [low, high). */
static bool count_between(const node *n, int64_t low, int64_t high, uint64_t *count) {
  const node *rest = NULL;
  switch (n->kind) {
  case NODE_AND: /* periods, and at most one thing else */
    for (uint32_t i = 0; i < n->count; i++) {
      const node *child = n->children[i];
      if (child->kind == NODE_RANGE) {
        if (child->low > low) low = child->low;
        if (child->high < high) high = child->high;
      } else if (rest == NULL) {
        rest = child;
      } else {
        return false;
      }
    }
    if (rest != NULL) return count_between(rest, low, high, count);
    break;
  case NODE_RANGE:
    if (n->low > low) low = n->low;
    if (n->high < high) high = n->high;
    break;
  case NODE_BITMAPS:
    if (n->count != 1 || n->absent) return false;
    *count = low < high ? roaring_bitmap_range_cardinality(n->bitmaps[0].bitmap, (uint64_t)low,
                                                           (uint64_t)high)
                        : 0;
    return true;
  case NODE_ALL: break;
  default: return false;
  }
  *count = low < high ? (uint64_t)(high - low) : 0;
  return true;
}

bool match_count(const matcher *m, uint64_t *count) {
  return !m->has_dead && count_between(m->root, 0, m->items, count);
}

/* ---------------------------------------------------------------- skipping */

static uint32_t next_in_set(const node *n, uint32_t from, uint32_t items) {
  for (uint32_t w = from >> 6; w <= (items >> 6); w++) {
    uint64_t left = n->set[w];
    if (w == from >> 6) left &= ~UINT64_C(0) << (from & 63);
    if (left != 0) return (w << 6) + (uint32_t)__builtin_ctzll(left);
  }
  return SEGMENT_END;
}

/* Less than a few items in a window: worth asking where the next one is. */
static bool is_sparse(const matcher *m, const node *n) {
  return n->items < UINT32_MAX && n->items * WINDOW < 4 * (uint64_t)m->items;
}

static uint32_t next(matcher *m, node *n, uint32_t from) {
  uint32_t least = SEGMENT_END;
  switch (n->kind) {
  case NODE_NOTHING: return SEGMENT_END;
  case NODE_ALL:
  case NODE_NOT:
  case NODE_SIZE: return from;
  case NODE_AND:
  case NODE_TOGETHER:
    from = next(m, n->order[0], from);
    for (uint32_t i = 1; i < n->count && from != SEGMENT_END && is_sparse(m, n->order[i]); i++)
      from = next(m, n->order[i], from);
    return from;
  case NODE_OR:
    for (uint32_t i = 0; i < n->count && least != from; i++) {
      const uint32_t at = next(m, n->children[i], from);
      if (at < least) least = at;
    }
    return least;
  case NODE_LEAF: return leaf_next(&n->terms, from);
  case NODE_SET: return next_in_set(n, from, m->items);
  case NODE_BITMAPS:
    if (n->absent) return from;
    for (uint32_t i = 0; i < n->count; i++) {
      const uint32_t at = bitmap_window_next(&n->bitmaps[i], from);
      if (at < least) least = at;
    }
    return least;
  case NODE_RANGE:
    if (from < n->low) from = (uint32_t)n->low;
    return from < n->high ? from : SEGMENT_END;
  }
  return SEGMENT_END;
}

uint32_t match_next(matcher *m, uint32_t from) {
  if (m->session->status != SDX_OK || from >= m->items) return SEGMENT_END;
  const uint32_t at = next(m, m->root, from);
  return at < m->items ? at : SEGMENT_END;
}

static void spread(matcher *m, node *n, uint32_t base);

static void spread_constant(node *n, double v) {
  for (uint32_t w = 0; w < WINDOW_WORDS; w++) n->spread[w] = v;
}

/* In all children, or in any. */
static void spread_branch(matcher *m, node *n, uint32_t base, bool all) {
  spread_constant(n, all ? 0 : -INFINITY);
  for (uint32_t i = 0; i < n->count; i++) {
    const double *more = n->children[i]->spread;
    spread(m, n->children[i], base);
    if (all)
      for (uint32_t w = 0; w < WINDOW_WORDS; w++) n->spread[w] += more[w];
    else
      for (uint32_t w = 0; w < WINDOW_WORDS; w++)
        n->spread[w] = more[w] < 0        ? n->spread[w]
                       : n->spread[w] < 0 ? more[w]
                                          : n->spread[w] + more[w];
  }
}

static void spread_range(node *n, uint32_t base) {
  for (uint32_t w = 0; w < WINDOW_WORDS; w++) {
    const int64_t from = (int64_t)base + 64 * w;
    n->spread[w] = n->low < from + 64 && n->high > from ? 0 : -INFINITY;
  }
}

static void spread(matcher *m, node *n, uint32_t base) {
  switch (n->kind) {
  case NODE_NOTHING: spread_constant(n, -INFINITY); return;
  case NODE_AND:
  case NODE_TOGETHER: spread_branch(m, n, base, true); return;
  case NODE_OR: spread_branch(m, n, base, false); return;
  case NODE_LEAF:
    if (!n->weighted) break;
    leaf_spread(&n->terms, base, m->model, n->weight, n->spread);
    return;
  case NODE_RANGE: spread_range(n, base); return;
  default: break;
  }
  spread_constant(n, 0);
}

/* The nodes' bounds, now that it is known which words of the window are promising. */
static void settle_bounds(node *n, const uint64_t *mask) {
  n->bound = 0;
  if (!n->weighted) return;
  for (uint32_t w = 0; w < WINDOW_WORDS; w++)
    if (mask[w] != 0 && n->spread[w] > n->bound) n->bound = n->spread[w];
  n->bound *= RANK_ROUNDING;
  if (n->kind == NODE_AND || n->kind == NODE_OR || n->kind == NODE_TOGETHER)
    for (uint32_t i = 0; i < n->count; i++) settle_bounds(n->children[i], mask);
}

/* Where words must all be there, most of a window is often promising: then bounds by block cost more than
 * they spare, and for some windows those of the whole segment take their place. */
#define COARSE_WINDOWS 4

static bool all_words(const node *n) {
  if (n->kind == NODE_LEAF) return true;
  if (n->kind != NODE_AND && n->kind != NODE_TOGETHER) return false;
  for (uint32_t i = 0; i < n->count; i++)
    if (n->children[i]->kind != NODE_LEAF) return false;
  return n->count > 1;
}

static bool promise_coarsely(matcher *m, double least, uint64_t mask[WINDOW_WORDS]) {
  node *n = m->root;
  if (n->top * RANK_ROUNDING < least) return false;
  for (uint32_t w = 0; w < WINDOW_WORDS; w++) mask[w] = ~UINT64_C(0);
  n->bound = n->top * RANK_ROUNDING;
  for (uint32_t i = 0; i < n->count; i++) n->children[i]->bound = n->children[i]->top * RANK_ROUNDING;
  return true;
}

static bool promise_by_block(matcher *m, uint32_t base, double least, uint64_t mask[WINDOW_WORDS]) {
  uint32_t promising = 0;
  spread(m, m->root, base);
  for (uint32_t w = 0; w < WINDOW_WORDS; w++) {
    const bool yes = m->root->spread[w] * RANK_ROUNDING >= least;
    mask[w] = yes ? ~UINT64_C(0) : 0;
    promising += yes;
  }
  if (promising == 0) return false;
  if (promising > WINDOW_WORDS * 3 / 4 && m->root->count > 1 && all_words(m->root))
    m->coarse = COARSE_WINDOWS;
  settle_bounds(m->root, mask);
  return true;
}

bool match_promising(matcher *m, uint32_t base, double least, uint64_t mask[WINDOW_WORDS]) {
  const bool coarse = m->coarse > 0;
  if (coarse) m->coarse--;
  if (!(coarse ? promise_coarsely(m, least, mask) : promise_by_block(m, base, least, mask)))
    return false;
  if (m->items - base < WINDOW) { /* there is nothing behind the last item */
    const uint32_t end = m->items - base;
    for (uint32_t w = end >> 6; w < WINDOW_WORDS; w++)
      mask[w] &= w == end >> 6 ? (UINT64_C(1) << (end & 63)) - 1 : 0;
  }
  return true;
}

/* ---------------------------------------------------------------- scores */

/* The items of a window that are to be scored, side by side. */
typedef struct scoring {
  uint32_t count;
  const uint32_t *places;
  const double *norms;
  double *scores;
} scoring;

static void add_scores(const node *n, const scoring *s, const uint64_t *bits) {
  if (!n->weighted) return;
  if (n->kind == NODE_LEAF) {
    const double weight = n->weight;
    for (uint32_t k = 0; bits == NULL && k < s->count; k++)
      s->scores[k] += rank_score(weight, s->norms[k], n->wdf[s->places[k]]);
    for (uint32_t k = 0; bits != NULL && k < s->count; k++) { /* no branch: nobody foresees it */
      const uint32_t at = s->places[k];
      const double wdf = n->wdf[at] & (0 - (uint32_t)bits_has(bits, at));
      const double sum = s->norms[k] + wdf;
      s->scores[k] += weight * (wdf / (sum > 1e-280 ? sum : 1e-280));
    }
    return;
  }
  for (uint32_t i = 0; i < n->count; i++) {
    const node *child = n->children[i];
    if (!child->weighted) continue;
    if (n->kind != NODE_OR) {
      add_scores(child, s, bits);
      continue;
    }
    uint64_t matched[WINDOW_WORDS];
    bits_copy(matched, child->bits);
    if (bits != NULL) bits_and(matched, bits);
    add_scores(child, s, matched);
  }
}

/* The next items of `bits`, from place *from on, with nothing added yet. */
static uint32_t begin_scores(matcher *m, uint32_t base, const uint64_t *bits, uint32_t *from,
                             uint32_t *places, double *norms, double *scores) {
  uint32_t count = 0;
  for (; count < MATCH_SCORED && (*from = bits_next(bits, *from)) < WINDOW; ++*from) {
    places[count] = *from;
    scores[count] = 0;
    norms[count++] =
        rank_norm(m->model, segment_length_at(m->seg, m->session, base + *from, &m->lengths));
  }
  return count;
}

/* Drops items that cannot reach `least` by what one word gives them and `rest`, which the others do not
 * exceed: then nobody looks for them in the others' lists. */
static void drop_hopeless(matcher *m, node *known, uint32_t base, double rest, double least) {
  uint32_t places[MATCH_SCORED], from = 0;
  double norms[MATCH_SCORED], scores[MATCH_SCORED];
  scoring s = { .places = places, .norms = norms, .scores = scores };
  while ((s.count = begin_scores(m, base, known->bits, &from, places, norms, scores)) > 0) {
    add_scores(known, &s, NULL);
    for (uint32_t k = 0; k < s.count; k++) {
      const bool hopeless = (scores[k] + rest) * RANK_ROUNDING < least;
      known->bits[places[k] >> 6] &= ~((uint64_t)hopeless << (places[k] & 63));
    }
  }
}

/* ---------------------------------------------------------------- windows */

static void evaluate(matcher *m, node *n, uint32_t base, const uint64_t *mask, double least);

/* Only the items of the window that there are. */
static void all(const matcher *m, uint32_t base, uint64_t *bits) {
  bits_clear(bits);
  bits_range(bits, 0, m->items - base < WINDOW ? m->items - base : WINDOW);
}

static void take_mask(const matcher *m, uint32_t base, const uint64_t *mask, uint64_t *bits) {
  if (mask != NULL) bits_copy(bits, mask);
  else all(m, base, bits);
}

/* Nanoseconds for an item, tried: what is left is scored once more. See leaf_cost. */
#define COST_SCORE 40

/* Few enough that scoring them by what is known costs less than looking for them in the next list. */
static bool are_few(const node *next, const uint64_t *bits) {
  const uint32_t wanted = bits_count(bits);
  return next->kind == NODE_LEAF && (uint64_t)wanted * COST_SCORE <= leaf_cost(&next->terms, wanted);
}

/* Nanoseconds, tried: to decode a block of postings, and to see by two words' positions that an item is no
 * match. */
#define COST_BLOCK 300
#define COST_STANDS 300

/* Words that nearly every item has say little: where reading their lists, those from order[from] on, costs
 * more than the items that only they would take out, positions are looked at before. */
static bool stands_first(const matcher *m, const node *n, uint32_t from, const uint64_t *left) {
  const uint32_t wanted = bits_count(left);
  double reading = 0, kept = 1;
  if (n->kind != NODE_TOGETHER || n->inner || from >= n->count) return false;
  for (uint32_t i = from; i < n->count; i++) {
    const node *word = n->order[i];
    if (word->kind != NODE_LEAF) return false;
    const double lacking = word->items < m->items ? 1 - (double)word->items / m->items : 0;
    const double blocks = (1 - lacking) * WINDOW / POSTINGS_BLOCK;
    reading += COST_BLOCK * (blocks < wanted ? blocks : wanted);
    kept *= 1 - lacking * lacking; /* words come together: twice as likely there as elsewhere */
  }
  return reading > wanted * (1 - kept) * COST_STANDS;
}

/* While what is found is ranked as it comes, nothing is lost by looking at a few items more than are
 * ranked in the end. */
#define STANDS_MOST 32

static void evaluate_and(matcher *m, node *n, uint32_t base, const uint64_t *mask, double least) {
  const uint64_t *left = mask;
  n->stood = SEGMENT_END;
  for (uint32_t i = 0; i < n->count; i++) {
    node *child = n->order[i];
    const double rest = n->bound - child->bound;
    evaluate(m, child, base, left, least - rest);
    left = child->bits;
    if (i == 0 && least > 0 && child->weighted && n->count > 1 && are_few(n->order[1], left))
      drop_hopeless(m, child, base, rest, least);
    if (!bits_any(left)) break;
    if (i > 0 && least <= 0 && n->stood == SEGMENT_END && stands_first(m, n, i + 1, left) &&
        (!n->lazy || bits_count(left) <= STANDS_MOST)) {
      bits_copy(n->bits, left);
      together_keep(m, n, base);
      n->stood = base;
      left = n->bits;
      if (!bits_any(left)) break;
    }
  }
  if (left != n->bits) bits_copy(n->bits, left);
}

/* Children that together cannot reach `least` bring in no item of their own (MAXSCORE): they are
 * asked for those that the others found. */
static void evaluate_or(matcher *m, node *n, uint32_t base, const uint64_t *mask, double least) {
  double rest = 0;
  bits_clear(n->bits);
  if (least <= 0) {
    for (uint32_t i = 0; i < n->count; i++) {
      evaluate(m, n->children[i], base, mask, least);
      bits_or(n->bits, n->children[i]->bits);
    }
    return;
  }
  for (uint32_t i = 1; i < n->count; i++) { /* least bound first */
    node *moved = n->order[i];
    uint32_t k = i;
    for (; k > 0 && n->order[k - 1]->bound > moved->bound; k--) n->order[k] = n->order[k - 1];
    n->order[k] = moved;
  }
  uint32_t idle = 0;
  while (idle < n->count && (rest + n->order[idle]->bound) * RANK_ROUNDING < least)
    rest += n->order[idle++]->bound;
  for (uint32_t i = idle; i < n->count; i++) {
    evaluate(m, n->order[i], base, mask, -INFINITY);
    bits_or(n->bits, n->order[i]->bits);
  }
  for (uint32_t i = 0; i < idle; i++) {
    if (bits_any(n->bits)) evaluate(m, n->order[i], base, n->bits, -INFINITY);
    else bits_clear(n->order[i]->bits);
  }
}

/* Items whose wdf alone says that they cannot reach `least`, however short they are. */
static void drop_weak(const matcher *m, node *n, double least) {
  const uint32_t wdf = n->wdf != NULL ? rank_least_wdf(m->model, n->weight, least) : 0;
  if (wdf == 0) return;
  for (uint32_t w = 0; w < WINDOW_WORDS; w++) {
    uint64_t kept = 0;
    for (uint64_t left = n->bits[w]; left != 0; left &= left - 1) {
      const uint32_t i = (uint32_t)__builtin_ctzll(left);
      kept |= (uint64_t)(n->wdf[64 * w + i] >= wdf) << i;
    }
    n->bits[w] = kept;
  }
}

static void evaluate_leaf(matcher *m, node *n, uint32_t base, const uint64_t *mask, double least) {
  leaf_read(&n->terms, base, mask, n->bits, n->wdf);
  if (n->limited) bits_and(n->bits, bitmap_window_bits(&n->limit, base));
  drop_weak(m, n, least);
}

static void evaluate_size(matcher *m, node *n, uint32_t base, const uint64_t *mask) {
  uint64_t candidates[WINDOW_WORDS];
  take_mask(m, base, mask, candidates);
  bits_clear(n->bits);
  BITS_EACH(candidates, i) {
    const uint64_t size = segment_size_at(m->seg, m->session, base + i, &m->sizes);
    if (size >= (uint64_t)n->low && size < (uint64_t)n->high) bits_set(n->bits, i);
  }
}

static void evaluate_range(const node *n, uint32_t base, uint64_t *bits) {
  const int64_t end = (int64_t)base + WINDOW;
  const int64_t low = n->low > base ? n->low : base, high = n->high < end ? n->high : end;
  bits_clear(bits);
  if (low < high) bits_range(bits, (uint32_t)(low - base), (uint32_t)(high - base));
}

static void evaluate_bitmaps(matcher *m, node *n, uint32_t base, const uint64_t *mask) {
  bits_clear(n->bits);
  for (uint32_t i = 0; i < n->count; i++) bits_or(n->bits, bitmap_window_bits(&n->bitmaps[i], base));
  if (!n->absent) return;
  uint64_t without[WINDOW_WORDS];
  take_mask(m, base, mask, without);
  bits_and_not(without, n->bits);
  bits_copy(n->bits, without);
}

/* ---- all of them */

static void evaluate(matcher *m, node *n, uint32_t base, const uint64_t *mask, double least) {
  switch (n->kind) {
  case NODE_NOTHING: bits_clear(n->bits); return;
  case NODE_ALL: take_mask(m, base, mask, n->bits); return;
  case NODE_AND: evaluate_and(m, n, base, mask, least); return;
  case NODE_OR: evaluate_or(m, n, base, mask, least); return;
  case NODE_NOT:
    take_mask(m, base, mask, n->bits);
    evaluate(m, n->children[0], base, mask, -INFINITY);
    bits_and_not(n->bits, n->children[0]->bits);
    return;
  case NODE_LEAF:
    evaluate_leaf(m, n, base, mask, least);
    if (n->body && !n->lazy) together_keep(m, n, base);
    return;
  case NODE_TOGETHER:
    evaluate_and(m, n, base, mask, least);
    if (!n->lazy && n->stood != base) together_keep(m, n, base);
    return;
  case NODE_SET:
    bits_copy(n->bits, n->set + (base >> 6));
    break;
  case NODE_BITMAPS: evaluate_bitmaps(m, n, base, mask); break;
  case NODE_RANGE: evaluate_range(n, base, n->bits); break;
  case NODE_SIZE: evaluate_size(m, n, base, mask); return;
  }
  if (mask != NULL) bits_and(n->bits, mask);
}

const uint64_t *match_window(matcher *m, uint32_t base, const uint64_t *mask, double least) {
  evaluate(m, m->root, base, mask, mask != NULL ? least : -INFINITY);
  if (m->has_dead) bits_and_not(m->root->bits, bitmap_window_bits(&m->dead, base));
  return m->root->bits;
}

uint32_t match_scores(matcher *m, uint32_t base, const uint64_t *bits, uint32_t *from,
                      uint32_t places[MATCH_SCORED], double scores[MATCH_SCORED]) {
  double norms[MATCH_SCORED];
  const scoring s = { .count = begin_scores(m, base, bits, from, places, norms, scores),
                      .places = places, .norms = norms, .scores = scores };
  add_scores(m->root, &s, NULL);
  return s.count;
}

const uint32_t *match_word(const matcher *m, double *weight) {
  *weight = m->root->weight;
  return m->root->kind == NODE_LEAF && !m->root->body ? m->root->wdf : NULL;
}

bool match_verify(matcher *m, uint32_t ordinal) {
  for (uint32_t i = 0; i < m->lazy_count; i++) {
    node *n = m->lazy[i];
    const bool stood = n->stood != SEGMENT_END && ordinal - n->stood < WINDOW;
    if (!stood && !together_stands(m, n, ordinal)) return false;
  }
  return true;
}
