/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/match.h"

#include "query/bitmap.h"
#include "query/expansion.h"
#include "query/occurs.h"

typedef enum node_kind {
  NODE_NOTHING,
  NODE_ALL,
  NODE_AND,
  NODE_OR,
  NODE_NOT,
  NODE_LEAF,
  NODE_TOGETHER, /* an AND of words that must stand together */
  NODE_SET,      /* items that an expansion found, as bits of the whole segment */
  NODE_BITMAPS,  /* union of attribute bitmaps */
  NODE_RANGE,    /* ordinals [low, high) */
  NODE_SIZE      /* bytes of the original in [low, high) */
} node_kind;

typedef struct node {
  node_kind kind;
  bool weighted, body, ordered, lazy, absent;
  uint32_t count;
  struct node **children;   /* as the query has them: scores are always added in this order */
  struct node **order;      /* as they are evaluated */
  uint64_t items;           /* about how many match: the order of evaluation */
  double bound;             /* of the window under evaluation: where it is promising */
  double spread[WINDOW_WORDS]; /* 64 items at a time; -INFINITY: none of them matches */
  uint64_t bits[WINDOW_WORDS];
  leaf terms;               /* NODE_LEAF */
  leaf spots;               /* a leaf's positions are read apart from its postings */
  bool has_spots;
  double weight, top;       /* top: no item scores more */
  uint32_t *wdf;            /* [WINDOW]; NULL where scores are not wanted */
  bitmap_window limit;      /* only these items */
  bool limited;
  uint32_t window;          /* NODE_TOGETHER */
  uint32_t place;           /* of a word in such a node */
  position_list *lists;
  uint32_t *starts;         /* where a phrase may begin, of one item */
  uint32_t starts_room;
  const plan_members *members;
  const uint64_t *set;      /* NODE_SET */
  bitmap_window *bitmaps;   /* NODE_BITMAPS */
  int64_t low, high;
} node;

struct matcher {
  scratch *s;
  view_read *read;
  const segment *seg;
  segment_session *session;
  size_t number;
  uint32_t items;
  const rank_model *model;
  match_options options;
  node *root;
  uint32_t coarse;           /* windows for which bounds of the whole segment will do */
  bitmap_window dead;
  bool has_dead;
  node **lazy;               /* nodes that match_verify asks */
  uint32_t lazy_count, lazy_room;
  node **leaves;             /* all that must be closed */
  uint32_t leaf_count, leaf_room;
  block_ref lengths, sizes, item;
};

/* ---------------------------------------------------------------- building */

static node *build(matcher *m, const plan *p, bool spine);

static bool push(matcher *m, node ***list, uint32_t *count, uint32_t *room, node *n) {
  if (*count == *room) {
    const uint32_t more = *room != 0 ? 2 * *room : 8;
    node **grown = scratch_take(m->s, more * sizeof(*grown));
    if (grown == NULL) return false;
    if (*count != 0) memcpy(grown, *list, *count * sizeof(*grown));
    *list = grown;
    *room = more;
  }
  (*list)[(*count)++] = n;
  return true;
}

static node *new_node(matcher *m, node_kind kind) {
  node *n = SCRATCH_ONE(m->s, node);
  if (n != NULL) n->kind = kind;
  return n;
}

/* Those that leave least are evaluated first; what is only known by looking at each item last. */
static bool sort_children(matcher *m, node *n) {
  n->order = scratch_take(m->s, (n->count + 1) * sizeof(node *));
  if (n->order == NULL) return false;
  for (uint32_t i = 0; i < n->count; i++) {
    uint32_t k = i;
    for (; k > 0 && n->order[k - 1]->items > n->children[i]->items; k--)
      n->order[k] = n->order[k - 1];
    n->order[k] = n->children[i];
  }
  return true;
}

/* Must be checked item by item; on the spine of an eager query that can wait for the ranking. */
static bool put_off(matcher *m, node *n, bool spine) {
  n->lazy = spine && m->options.lazy;
  return !n->lazy || push(m, &m->lazy, &m->lazy_count, &m->lazy_room, n);
}

static node *build_leaf(matcher *m, const plan_members *members, double weight, bool weighted) {
  node *n = new_node(m, NODE_LEAF);
  if (n == NULL) return NULL;
  n->members = members;
  n->items = members->df;
  n->weighted = weighted && m->options.scores;
  n->weight = weight;
  if (members->limit != NULL) {
    n->limited = true;
    bitmap_window_open(&n->limit, members->limit);
  }
  if (n->weighted) {
    n->wdf = scratch_take(m->s, WINDOW * sizeof(*n->wdf));
    n->top = rank_bound(m->model, weight, members->max_wdf, members->min_length);
    if (n->wdf == NULL) return NULL;
  }
  if (!push(m, &m->leaves, &m->leaf_count, &m->leaf_room, n)) return NULL;
  return leaf_open(&n->terms, m->s, m->seg, m->session, members) ? n : NULL;
}

/* ---- expansions */

typedef struct expanding {
  matcher *m;
  plan_terms terms;
  uint64_t *set;
  bool body;
} expanding;

static bool keep_term(void *context, sdx_bytes name, const segment_term *term) {
  expanding *e = context;
  (void)name;
  return plan_terms_add(&e->terms, e->m->s, term);
}

static bool stands_in_body(matcher *m, postings *p, uint32_t i) {
  uint32_t count;
  segment_item item;
  const uint32_t *at = postings_positions(p, i, &count);
  return count > 0 &&
         segment_item_get(m->seg, m->session, p->ordinals[i], &item, &m->item) == SDX_OK &&
         at[0] <= item.body_end;
}

static bool set_term(void *context, sdx_bytes name, const segment_term *term) {
  expanding *e = context;
  postings p;
  (void)name;
  postings_open(&p, e->m->seg, e->m->session, term);
  while (postings_next(&p))
    for (uint32_t i = 0; i < p.count; i++)
      if (!e->body || stands_in_body(e->m, &p, i)) bits_set(e->set, p.ordinals[i]);
  postings_close(&p);
  return e->m->session->status == SDX_OK;
}

static node *build_expansion(matcher *m, const plan *p) {
  node *n = new_node(m, NODE_SET);
  const size_t words = ((size_t)m->items + WINDOW) / 64 + 1; /* a window may begin at the end */
  expanding e = { .m = m, .set = SCRATCH_MANY(m->s, uint64_t, words), .body = p->body };
  if (n == NULL || e.set == NULL) return NULL;
  expansion_run(m->seg, m->session, p->source, p->prefix, 1, m->options.clock, set_term, &e);
  n->set = e.set;
  for (size_t i = 0; i < words; i++) n->items += (uint64_t)__builtin_popcountll(e.set[i]);
  return n;
}

/* An expansion whose positions are asked for: one leaf of all its terms. */
static node *build_expansion_leaf(matcher *m, const plan *p) {
  expanding e = { .m = m };
  expansion_run(m->seg, m->session, p->source, p->prefix, 1, m->options.clock, keep_term, &e);
  plan_members *members = SCRATCH_ONE(m->s, plan_members);
  if (members == NULL) return NULL;
  members->terms = e.terms.terms;
  members->count = e.terms.count;
  for (uint32_t i = 0; i < e.terms.count; i++) members->df += e.terms.terms[i].df;
  return build_leaf(m, members, 0, false);
}

/* ---- words that stand together */

static node *build_together(matcher *m, const plan *p, bool spine);

/* What stands together with others is checked with them: alone it is not, since positions are read
 * once, in ascending order. */
static node *build_word(matcher *m, const plan *p) {
  node *n;
  switch (p->kind) {
  case PLAN_EXPANSION: return build_expansion_leaf(m, p);
  case PLAN_LEAF: {
    const plan_members *members = &p->leaf->segments[m->number];
    return members->count == 0 ? new_node(m, NODE_NOTHING)
                               : build_leaf(m, members, p->leaf->weight, p->weighted);
  }
  case PLAN_WINDOW:
    n = build_together(m, p, false);
    if (n != NULL) n->lazy = true;
    return n;
  default: break;
  }
  n = new_node(m, NODE_OR);
  if (n == NULL) return NULL;
  n->children = SCRATCH_MANY(m->s, node *, p->count + 1);
  if (n->children == NULL) return NULL;
  for (uint32_t i = 0; i < p->count; i++) {
    node *child = build_word(m, p->children[i]);
    if (child == NULL) return NULL;
    n->children[n->count++] = child;
    n->weighted |= child->weighted;
    n->top += child->top;
    n->items += child->items;
  }
  return sort_children(m, n) ? n : NULL;
}

static bool open_spots(matcher *m, node *n) {
  if (n->kind == NODE_TOGETHER) return true; /* opened as it was built */
  if (n->kind != NODE_LEAF) {
    for (uint32_t i = 0; i < n->count; i++)
      if (!open_spots(m, n->children[i])) return false;
    return true;
  }
  n->has_spots = leaf_open(&n->spots, m->s, m->seg, m->session, n->members);
  return n->has_spots;
}

static node *build_together(matcher *m, const plan *p, bool spine) {
  node *n = new_node(m, NODE_TOGETHER);
  if (n == NULL) return NULL;
  n->children = SCRATCH_MANY(m->s, node *, p->count + 1);
  n->lists = SCRATCH_MANY(m->s, position_list, p->count + 1);
  if (n->children == NULL || n->lists == NULL) return NULL;
  n->window = p->window;
  n->ordered = p->ordered;
  n->body = p->body;
  n->items = m->items;
  for (; n->count < p->count; n->count++) {
    node *word = build_word(m, p->children[n->count]);
    if (word == NULL || !open_spots(m, word)) return NULL;
    word->place = n->count;
    n->children[n->count] = word;
    n->weighted |= word->weighted;
    n->top += word->top;
    if (word->items < n->items) n->items = word->items;
  }
  return sort_children(m, n) && put_off(m, n, spine) ? n : NULL;
}

/* ---- filters */

/* The bitmaps of all values that are the same but for case; of the one that is the same, if any. */
static node *build_attribute(matcher *m, const plan *p) {
  const attributes *a;
  node *n = new_node(m, NODE_BITMAPS);
  if (n == NULL) return NULL;
  const sdx_status status = view_attributes(m->read, m->number, &a, m->session->err);
  if (status != SDX_OK) {
    if (m->session->status == SDX_OK) m->session->status = status;
    return n;
  }
  const sdx_bytes value = p->source->text;
  char *key = scratch_take(m->s, value.size + 1);
  if (key == NULL) return NULL;
  key[0] = p->source->letter;
  memcpy(key + 1, value.data, value.size);
  const roaring_bitmap_t *exact = attributes_find(a, key, value.size + 1), *items;
  sdx_bytes name;
  uint32_t room = exact != NULL ? 1 : 0;
  for (size_t i = 0; exact == NULL && attributes_at(a, i, &name, &items); i++)
    room += name.size == value.size + 1 && strncasecmp(name.data, key, name.size) == 0;
  n->bitmaps = SCRATCH_MANY(m->s, bitmap_window, room + 1);
  if (n->bitmaps == NULL) return NULL;
  if (exact != NULL) bitmap_window_open(&n->bitmaps[n->count++], exact);
  for (size_t i = 0; exact == NULL && attributes_at(a, i, &name, &items); i++)
    if (name.size == value.size + 1 && name.data[0] == key[0] &&
        strncasecmp(name.data, key, name.size) == 0 && n->count < room)
      bitmap_window_open(&n->bitmaps[n->count++], items);
  n->absent = p->source->number == 1;
  n->items = 0;
  for (uint32_t i = 0; i < n->count; i++) n->items += bitmap_window_items(&n->bitmaps[i]);
  if (n->absent) n->items = m->items - (n->items < m->items ? n->items : m->items);
  return n;
}

static node *build_range(matcher *m, const plan *p) {
  node *n = new_node(m, NODE_RANGE);
  if (n == NULL) return NULL;
  n->low = p->high == DATE_LAST ? 0 : segment_date_bound(m->seg, m->session, p->high);
  n->high = p->low == DATE_FIRST ? m->items : segment_date_bound(m->seg, m->session, p->low);
  if (n->high < n->low) n->high = n->low;
  n->items = (uint64_t)(n->high - n->low);
  return n;
}

static node *build_date(matcher *m, const plan *p) {
  node *n = build_range(m, p);
  if (n == NULL || !occurs_any(m->seg, m->session)) return n;
  const size_t words = ((size_t)m->items + WINDOW) / 64 + 1;
  uint64_t *set = SCRATCH_MANY(m->s, uint64_t, words);
  if (set == NULL) return NULL;
  for (int64_t i = n->low; i < n->high; i++) set[i >> 6] |= UINT64_C(1) << (i & 63);
  occurs_apply(m->seg, m->session, p->low, p->high, (int32_t)p->source->number, set);
  n->kind = NODE_SET;
  n->set = set;
  n->items = 0;
  for (size_t i = 0; i < words; i++) n->items += (uint64_t)__builtin_popcountll(set[i]);
  return n;
}

static node *build_threads(matcher *m, const plan *p) {
  node *n = new_node(m, NODE_SET);
  const size_t words = ((size_t)m->items + WINDOW) / 64 + 1;
  uint64_t *set = SCRATCH_MANY(m->s, uint64_t, words);
  if (n == NULL || set == NULL) return NULL;
  for (uint32_t i = 0; i < m->items; i++) {
    const uint64_t thread = segment_thread_at(m->seg, m->session, i, &m->item);
    if (thread_set_has(&p->threads, thread) == p->ordered) continue;
    set[i >> 6] |= UINT64_C(1) << (i & 63);
    n->items++;
  }
  block_release(&m->item);
  n->set = set;
  return n;
}

static node *build_size(matcher *m, const plan *p) {
  node *n = new_node(m, NODE_SIZE);
  if (n == NULL) return NULL;
  n->low = p->low;
  n->high = p->high;
  n->items = UINT64_MAX; /* last of all */
  return n;
}

/* ---- branches */

static node *build_branch(matcher *m, const plan *p, node_kind kind, bool spine) {
  node *n = new_node(m, kind);
  if (n == NULL) return NULL;
  n->children = SCRATCH_MANY(m->s, node *, p->count + 1);
  if (n->children == NULL) return NULL;
  n->items = kind == NODE_AND ? UINT64_MAX : 0;
  for (uint32_t i = 0; i < p->count; i++) {
    node *child = build(m, p->children[i], spine && kind == NODE_AND);
    if (child == NULL) return NULL;
    if (kind == NODE_OR && child->kind == NODE_NOTHING) continue;
    n->children[n->count++] = child;
    n->weighted |= child->weighted;
    n->top += child->top;
    if (kind == NODE_OR) n->items += child->items;
    else if (child->items < n->items) n->items = child->items;
  }
  if (kind != NODE_NOT && n->count == 1) return n->children[0];
  if (!sort_children(m, n)) return NULL;
  if (n->count == 0) n->kind = NODE_NOTHING;
  if (kind == NODE_NOT) n->items = m->items, n->weighted = false, n->top = 0;
  return n;
}

static node *build_plan_leaf(matcher *m, const plan *p, bool spine) {
  const plan_members *members = &p->leaf->segments[m->number];
  if (members->count == 0) return new_node(m, NODE_NOTHING);
  node *n = build_leaf(m, members, p->leaf->weight, p->weighted);
  if (n == NULL || !p->body) return n;
  n->body = true;
  return open_spots(m, n) && put_off(m, n, spine) ? n : NULL;
}

static node *build(matcher *m, const plan *p, bool spine) {
  switch (p->kind) {
  case PLAN_NOTHING: return new_node(m, NODE_NOTHING);
  case PLAN_ALL: {
    node *n = new_node(m, NODE_ALL);
    if (n != NULL) n->items = m->items;
    return n;
  }
  case PLAN_AND: return build_branch(m, p, NODE_AND, spine);
  case PLAN_OR: return build_branch(m, p, NODE_OR, false);
  case PLAN_NOT: return build_branch(m, p, NODE_NOT, false);
  case PLAN_LEAF: return build_plan_leaf(m, p, spine);
  case PLAN_WINDOW: return build_together(m, p, spine);
  case PLAN_EXPANSION: return build_expansion(m, p);
  case PLAN_ATTRIBUTE: return build_attribute(m, p);
  case PLAN_THREADS: return build_threads(m, p);
  case PLAN_DATE: return build_date(m, p);
  case PLAN_SIZE: return build_size(m, p);
  }
  return NULL;
}

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
  m->root = build(m, p, true);
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

/* Sums of bounds and of scores are rounded in different orders. */
#define ROUNDING (1 + 1e-12)

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
  n->bound *= ROUNDING;
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
  if (n->top * ROUNDING < least) return false;
  for (uint32_t w = 0; w < WINDOW_WORDS; w++) mask[w] = ~UINT64_C(0);
  n->bound = n->top * ROUNDING;
  for (uint32_t i = 0; i < n->count; i++) n->children[i]->bound = n->children[i]->top * ROUNDING;
  return true;
}

static bool promise_by_block(matcher *m, uint32_t base, double least, uint64_t mask[WINDOW_WORDS]) {
  uint32_t promising = 0;
  spread(m, m->root, base);
  for (uint32_t w = 0; w < WINDOW_WORDS; w++) {
    const bool yes = m->root->spread[w] * ROUNDING >= least;
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
      const bool hopeless = (scores[k] + rest) * ROUNDING < least;
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

static void evaluate_and(matcher *m, node *n, uint32_t base, const uint64_t *mask, double least) {
  const uint64_t *left = mask;
  for (uint32_t i = 0; i < n->count; i++) {
    node *child = n->order[i];
    const double rest = n->bound - child->bound;
    evaluate(m, child, base, left, least - rest);
    left = child->bits;
    if (i == 0 && least > 0 && child->weighted && n->count > 1 && are_few(n->order[1], left))
      drop_hopeless(m, child, base, rest, least);
    if (!bits_any(left)) break;
  }
  bits_copy(n->bits, left);
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
  while (idle < n->count && (rest + n->order[idle]->bound) * ROUNDING < least)
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
  if (least <= 0 || n->wdf == NULL) return;
  const double norm = rank_norm(m->model, 0) * (1 - 1e-9);
  if (rank_score(n->weight, norm, 1) >= least) return;
  const double enough = n->weight > least ? norm * least / (n->weight - least) : INFINITY;
  const uint32_t wdf = enough < UINT32_MAX / 2 ? (uint32_t)enough : UINT32_MAX / 2;
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

/* ---- words that stand together */

static bool body_end(matcher *m, uint32_t ordinal, uint32_t *out) {
  segment_item item;
  if (segment_item_get(m->seg, m->session, ordinal, &item, &m->item) != SDX_OK) return false;
  *out = item.body_end;
  return true;
}

static void cut_at(position_list *l, uint32_t end) {
  while (l->count > 0 && l->at[l->count - 1] > end) l->count--;
}

static bool make_starts_room(matcher *m, node *n, uint32_t count) {
  if (count <= n->starts_room) return true;
  const uint32_t room = count < 64 ? 64 : 2 * count;
  n->starts = scratch_take(m->s, room * sizeof(*n->starts));
  n->starts_room = n->starts != NULL ? room : 0;
  return n->starts != NULL;
}

static bool add_spots(matcher *m, node *n, uint32_t ordinal, position_list *out);

/* Words one after another: where the rarest stands says where the phrase may begin, and each other
 * word leaves fewer of these places. Most items fail at the second word. */
static bool is_phrase(matcher *m, node *n, uint32_t ordinal, uint32_t end, position_list *where) {
  uint32_t left = 0;
  for (uint32_t k = 0; k < n->count; k++) {
    node *word = n->order[k];
    position_list l;
    if (!add_spots(m, word, ordinal, &l)) return false;
    cut_at(&l, end);
    if (k > 0) {
      left = positions_keep(n->starts, left, &l, word->place);
    } else {
      if (!make_starts_room(m, n, l.count)) return false;
      for (uint32_t i = 0; i < l.count; i++)
        if (l.at[i] >= word->place) n->starts[left++] = l.at[i] - word->place;
    }
    if (left == 0) return false;
  }
  *where = (position_list){ .at = n->starts, .count = left };
  return true;
}

/* Places of any of several: words of several fields, or of a group. */
static bool add_any_spots(matcher *m, node *n, uint32_t ordinal, position_list *out) {
  *out = (position_list){ 0 };
  for (uint32_t i = 0; i < n->count; i++) {
    position_list more;
    if (!add_spots(m, n->children[i], ordinal, &more) || more.count == 0) continue;
    if (out->count == 0) {
      *out = more;
      continue;
    }
    if (!make_starts_room(m, n, out->count + more.count)) return false;
    if (out->at != n->starts) memcpy(n->starts, out->at, out->count * sizeof(*out->at));
    positions_merge(n->starts, out->count, &more);
    *out = (position_list){ .at = n->starts, .count = out->count + more.count };
  }
  return out->count > 0;
}

static bool add_spots(matcher *m, node *n, uint32_t ordinal, position_list *out) {
  uint32_t end = UINT32_MAX;
  if (n->kind == NODE_LEAF) return leaf_positions(&n->spots, &n->terms, m->s, ordinal, out);
  if (n->kind != NODE_TOGETHER) return add_any_spots(m, n, ordinal, out);
  if (n->body && !body_end(m, ordinal, &end)) return false;
  return is_phrase(m, n, ordinal, end, out);
}

static bool stands(matcher *m, node *n, uint32_t ordinal) {
  uint32_t end = UINT32_MAX;
  position_list where;
  if (n->body && !body_end(m, ordinal, &end)) return false;
  if (n->kind == NODE_LEAF) {
    position_list l;
    return leaf_positions(&n->spots, &n->terms, m->s, ordinal, &l) && l.at[0] <= end;
  }
  if (n->ordered && n->window == n->count) return is_phrase(m, n, ordinal, end, &where);
  for (uint32_t i = 0; i < n->count; i++) {
    if (!add_spots(m, n->children[i], ordinal, &n->lists[i])) return false;
    cut_at(&n->lists[i], end);
  }
  return n->ordered ? positions_ordered(n->lists, n->count, n->window)
                    : positions_near(n->lists, n->count, n->window);
}

static void keep_standing(matcher *m, node *n, uint32_t base) {
  uint64_t candidates[WINDOW_WORDS];
  bits_copy(candidates, n->bits);
  bits_clear(n->bits);
  BITS_EACH(candidates, i)
    if (stands(m, n, base + i)) bits_set(n->bits, i);
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
    if (n->body && !n->lazy) keep_standing(m, n, base);
    return;
  case NODE_TOGETHER:
    evaluate_and(m, n, base, mask, least);
    if (!n->lazy) keep_standing(m, n, base);
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

bool match_verify(matcher *m, uint32_t ordinal) {
  for (uint32_t i = 0; i < m->lazy_count; i++)
    if (!stands(m, m->lazy[i], ordinal)) return false;
  return true;
}
