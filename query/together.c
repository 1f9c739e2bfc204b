/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Phrases, NEAR, and words held to the body: where words stand in an item decides. */
#include "query/node.h"

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

/* Whether the words order[from] and on stand as a phrase that starts there wants them. */
static bool goes_on(matcher *m, const node *n, uint32_t from, uint32_t ordinal, uint32_t start) {
  for (uint32_t k = from; k < n->count; k++) {
    node *word = n->order[k];
    const uint32_t target = start + word->place;
    position_list l;
    if (!leaf_positions(&word->spots, &word->terms, m->s, ordinal, target, &l)) return false;
    if (l.at[l.count - 1] != target) return false;
  }
  return true;
}

/* As is_phrase, where nobody wants to know all places: positions are read no further than the phrase may go,
 * and mostly there is one place where it may start. */
static bool stands_plainly(matcher *m, node *n, uint32_t ordinal) {
  node *word = n->order[0];
  position_list l;
  if (!leaf_positions(&word->spots, &word->terms, m->s, ordinal, UINT32_MAX, &l)) return false;
  if (l.count == 1)
    return l.at[0] >= word->place && goes_on(m, n, 1, ordinal, l.at[0] - word->place);
  if (!make_starts_room(m, n, l.count)) return false;
  uint32_t left = 0;
  for (uint32_t i = 0; i < l.count; i++)
    if (l.at[i] >= word->place) n->starts[left++] = l.at[i] - word->place;
  for (uint32_t k = 1; k < n->count && left > 0; k++) {
    if (left == 1) return goes_on(m, n, k, ordinal, n->starts[0]);
    word = n->order[k];
    const uint32_t enough = n->starts[left - 1] + word->place;
    if (!leaf_positions(&word->spots, &word->terms, m->s, ordinal, enough, &l)) return false;
    left = positions_keep(n->starts, left, &l, word->place);
  }
  return left > 0;
}

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
  if (n->kind == NODE_LEAF) return leaf_positions(&n->spots, &n->terms, m->s, ordinal, UINT32_MAX, out);
  if (n->kind != NODE_TOGETHER) return add_any_spots(m, n, ordinal, out);
  if (n->body && !body_end(m, ordinal, &end)) return false;
  return is_phrase(m, n, ordinal, end, out);
}

bool together_stands(matcher *m, node *n, uint32_t ordinal) {
  uint32_t end = UINT32_MAX;
  position_list where;
  if (n->plain) return stands_plainly(m, n, ordinal);
  if (n->body && !body_end(m, ordinal, &end)) return false;
  if (n->kind == NODE_LEAF) {
    position_list l;
    return leaf_positions(&n->spots, &n->terms, m->s, ordinal, UINT32_MAX, &l) && l.at[0] <= end;
  }
  if (n->ordered && n->window == n->count) return is_phrase(m, n, ordinal, end, &where);
  for (uint32_t i = 0; i < n->count; i++) {
    if (!add_spots(m, n->children[i], ordinal, &n->lists[i])) return false;
    cut_at(&n->lists[i], end);
  }
  return n->ordered ? positions_ordered(n->lists, n->count, n->window)
                    : positions_near(n->lists, n->count, n->window);
}

void together_keep(matcher *m, node *n, uint32_t base) {
  uint64_t candidates[WINDOW_WORDS];
  bits_copy(candidates, n->bits);
  bits_clear(n->bits);
  BITS_EACH(candidates, i)
    if (together_stands(m, n, base + i)) bits_set(n->bits, i);
}
