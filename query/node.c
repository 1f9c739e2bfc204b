/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/node.h"

#include "query/expansion.h"
#include "query/occurs.h"

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
  if (n == NULL) return NULL;
  n->kind = kind;
  n->stood = SEGMENT_END;
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

/* ---- sets of items */

/* A set of the segment's items, none of them in it yet: longer than they are, since a window may begin at
 * their end. */
static node *new_set(matcher *m, uint64_t **set) {
  node *n = new_node(m, NODE_SET);
  *set = SCRATCH_MANY(m->s, uint64_t, ((size_t)m->items + WINDOW) / 64 + 1);
  if (n == NULL || *set == NULL) return NULL;
  n->set = *set;
  return n;
}

static void count_set(const matcher *m, node *n) {
  n->items = 0;
  for (size_t i = 0; i < (size_t)m->items / 64 + 1; i++)
    n->items += (uint64_t)__builtin_popcountll(n->set[i]);
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
  expanding e = { .m = m, .body = p->body };
  node *n = new_set(m, &e.set);
  if (n == NULL) return NULL;
  expansion_run(m->seg, m->session, p->source, p->prefix, 1, m->options.clock, set_term, &e);
  count_set(m, n);
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
    if (n != NULL) n->lazy = n->inner = true;
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

static bool is_plain_phrase(const node *n) {
  if (!n->ordered || n->window != n->count || n->count < 2 || n->body) return false;
  for (uint32_t i = 0; i < n->count; i++)
    if (n->children[i]->kind != NODE_LEAF) return false;
  return true;
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
  n->plain = is_plain_phrase(n);
  return sort_children(m, n) && put_off(m, n, spine) ? n : NULL;
}

/* ---- filters */

static node *build_attribute(matcher *m, const plan *p) {
  node *n = new_node(m, NODE_BITMAPS);
  if (n == NULL) return NULL;
  plan_values v = plan_values_of(p, m->read, m->number);
  uint32_t count = v.first != NULL ? 1 : 0;
  if (v.several) {
    for (count = 0; plan_values_next(p, &v) != NULL;) count++;
    v.at = 0;
  }
  n->bitmaps = SCRATCH_MANY(m->s, bitmap_window, count + 1);
  if (n->bitmaps == NULL) return NULL;
  for (; n->count < count; n->count++)
    bitmap_window_open(&n->bitmaps[n->count], v.several ? plan_values_next(p, &v) : v.first);
  n->absent = p->ordered;
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
  uint64_t *set;
  node *range = build_range(m, p);
  if (range == NULL || !occurs_any(m->seg, m->session)) return range;
  node *n = new_set(m, &set);
  if (n == NULL) return NULL;
  for (int64_t i = range->low; i < range->high; i++) bits_set(set, (uint32_t)i);
  occurs_apply(m->seg, m->session, p->low, p->high, (int32_t)p->source->number, set);
  count_set(m, n);
  return n;
}

static node *build_threads(matcher *m, const plan *p) {
  uint64_t *set;
  node *n = new_set(m, &set);
  if (n == NULL) return NULL;
  for (uint32_t i = 0; i < m->items; i++) {
    const uint64_t thread = segment_thread_at(m->seg, m->session, i, &m->item);
    if (thread_set_has(&p->threads, thread) == p->ordered) continue;
    bits_set(set, i);
    n->items++;
  }
  block_release(&m->item);
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

/* A period in which the segment has nothing, among what all must match: the rest need not be looked
 * up. */
static node *find_none(matcher *m, const plan *p) {
  const segment_info *info = segment_about(m->seg);
  for (uint32_t i = 0; i < p->count; i++) {
    const plan *c = p->children[i];
    if (c->kind == PLAN_DATE && (c->low > info->newest || c->high <= info->oldest) &&
        !occurs_any(m->seg, m->session))
      return new_node(m, NODE_NOTHING);
  }
  return NULL;
}

static node *build_branch(matcher *m, const plan *p, node_kind kind, bool spine) {
  node *n = new_node(m, kind);
  if (n == NULL) return NULL;
  n->children = SCRATCH_MANY(m->s, node *, p->count + 1);
  if (n->children == NULL) return NULL;
  n->items = kind == NODE_AND ? UINT64_MAX : 0;
  node *none = kind == NODE_AND ? find_none(m, p) : NULL;
  if (none != NULL) return none;
  for (uint32_t i = 0; i < p->count; i++) {
    node *child = node_build(m, p->children[i], spine && kind == NODE_AND);
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

node *node_build(matcher *m, const plan *p, bool spine) {
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
