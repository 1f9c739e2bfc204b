/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/lead.h"

#define ITEMS_MOST 4096 /* of a lead */
#define SPARSE 32       /* in a window, on the average: where there are more, windows cost less */
#define SPARSE_TOGETHER 128 /* of two words that must stand together */
#define SHORT 4             /* times the lead's items, of another word */
#define TASTED 64           /* about so many items are in the first pass */
#define LEVELS 64           /* of own scores, to find them */

/* ---------------------------------------------------------------- opening */

static bool is_word(const node *n) {
  return n->kind == NODE_LEAF && !n->body && !n->limited;
}

/* Where two words must stand together it is worth more: most of the time goes to positions. */
static bool is_led(const matcher *m) {
  const node *root = m->root;
  const uint64_t items = root->order[0]->items;
  const bool pair = root->kind == NODE_TOGETHER && root->count == 2;
  return items <= ITEMS_MOST &&
         items * WINDOW < (pair ? SPARSE_TOGETHER : SPARSE) * (uint64_t)m->items;
}

static bool can_lead(const matcher *m) {
  const node *root = m->root;
  if (root->kind != NODE_AND && root->kind != NODE_TOGETHER) return false;
  if (root->kind == NODE_TOGETHER && !root->lazy) return false;
  if (root->count < 2 || !root->order[0]->weighted || !is_led(m)) return false;
  for (uint32_t i = 0; i < root->count; i++)
    if (!is_word(root->children[i])) return false;
  return true;
}

/* Leaves the items that have the other words as well, as far as those stand in few items themselves: to
 * look for one is quicker then than to read its length. Returns how many are left. */
static uint32_t keep_common(const matcher *m, leaf_posting *all, uint32_t count) {
  for (uint32_t i = 1; i < m->root->count; i++) {
    node *word = m->root->order[i];
    uint32_t kept = 0, wdf;
    if (word->items > SHORT * (uint64_t)count) break;
    for (uint32_t k = 0; k < count; k++)
      if (leaf_has(&word->terms, all[k].ordinal, &wdf)) all[kept++] = all[k];
    leaf_rewind(&word->terms);
    count = kept;
  }
  return count;
}

/* Takes over what can still score `least`. */
static void take_items(lead *l, leaf_posting *all, uint32_t count, double least) {
  matcher *m = l->m;
  count = keep_common(m, all, count);
  const node *first = m->root->order[0];
  const uint32_t enough = rank_least_wdf(m->model, first->weight, least - l->rest);
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t ordinal = all[i].ordinal, wdf = all[i].wdf;
    if (wdf < enough) continue;
    const double norm =
        rank_norm(m->model, segment_length_at(m->seg, m->session, ordinal, &m->lengths));
    const double own = rank_score(first->weight, norm, wdf);
    if ((own + l->rest) * RANK_ROUNDING < least) continue;
    l->items[l->count++] = (lead_item){ .ordinal = ordinal, .wdf = wdf, .norm = norm, .own = own };
  }
  l->passed_by = l->count < count;
}

/* An own score that about TASTED items reach. */
static double find_cut(const lead *l, double top) {
  uint32_t at_level[LEVELS] = { 0 }, above = 0, level = LEVELS;
  if (l->count <= 2 * TASTED || !(top > 0)) return 0;
  for (uint32_t i = 0; i < l->count; i++) {
    const uint32_t own = (uint32_t)(l->items[i].own / top * LEVELS);
    at_level[own < LEVELS ? own : LEVELS - 1]++;
  }
  while (above < TASTED && level > 0) above += at_level[--level];
  return level * (top / LEVELS);
}

bool lead_open(lead *l, matcher *m, double least) {
  leaf_posting *all;
  uint32_t count;
  if (!can_lead(m)) return false;
  const node *first = m->root->order[0];
  *l = (lead){ .m = m };
  for (uint32_t i = 1; i < m->root->count; i++) l->rest += m->root->order[i]->top;
  if (!leaf_collect(&m->root->order[0]->terms, m->s, &all, &count)) return false;
  l->items = scratch_take(m->s, (count + 1) * sizeof(*l->items));
  if (l->items == NULL) return false;
  take_items(l, all, count, least);
  l->cut = least > 0 ? 0 : find_cut(l, first->top);
  return true;
}

/* ---------------------------------------------------------------- items */

static void begin_second(lead *l) {
  const node *root = l->m->root;
  l->second = true;
  l->at = 0;
  for (uint32_t i = 0; i < root->count; i++) {
    leaf_rewind(&root->children[i]->terms);
    if (root->children[i]->has_spots) leaf_rewind(&root->children[i]->spots);
  }
}

/* The next item of the pass, or of the one behind it. */
static const lead_item *next_item(lead *l) {
  for (;;) {
    while (l->at < l->count) {
      const lead_item *item = &l->items[l->at++];
      if ((item->own < l->cut) == l->second) return item;
    }
    if (l->second || l->cut <= 0) return NULL;
    begin_second(l);
  }
}

/* Whether the item has the other words, as far as it can score `least`. */
static bool has_others(lead *l, const lead_item *item, double least) {
  node *root = l->m->root;
  double known = item->own, rest = l->rest;
  root->order[0]->found = item->wdf;
  for (uint32_t i = 1; i < root->count; i++) {
    node *word = root->order[i];
    if ((known + rest) * RANK_ROUNDING < least) {
      l->passed_by = true;
      return false;
    }
    if (!leaf_has(&word->terms, item->ordinal, &word->found)) return false;
    if (!word->weighted) continue;
    known += rank_score(word->weight, item->norm, word->found);
    rest -= word->top;
  }
  return true;
}

/* In the order of the query, as everywhere. */
static double score_of(const node *root, double norm) {
  double score = 0;
  for (uint32_t i = 0; i < root->count; i++) {
    const node *word = root->children[i];
    if (word->weighted) score += rank_score(word->weight, norm, word->found);
  }
  return score;
}

bool lead_next(lead *l, double least, uint32_t *ordinal, double *score) {
  const matcher *m = l->m;
  const lead_item *item;
  while ((item = next_item(l)) != NULL) {
    if (!has_others(l, item, least)) continue;
    if (m->has_dead && roaring_bitmap_contains(m->dead.bitmap, item->ordinal)) continue;
    *ordinal = item->ordinal;
    *score = score_of(m->root, item->norm);
    return true;
  }
  return false;
}
