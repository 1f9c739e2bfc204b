/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * leaf.h - the postings of a class in one segment: the union of its members', as one list.
 *
 * A leaf is read in one of two ways, window by window and never backwards: filled, which decodes
 * all its postings in the window, or probed, which looks up given ordinals.
 */
#ifndef SEALDEX_QUERY_LEAF_H
#define SEALDEX_QUERY_LEAF_H

#include "query/plan.h"
#include "query/position.h"
#include "query/window.h"

typedef struct leaf {
  postings *cursors;      /* one per member */
  uint32_t count;
  uint32_t df, max_wdf, min_length; /* of the union */
  uint32_t items;         /* of the segment */
  uint32_t *merged;       /* positions out of several members */
  uint32_t merged_room;
  struct leaf *older;     /* opened before this one */
} leaf;

/* Opens the members; false where memory ran out. Close all with leaf_close. */
bool leaf_open(leaf *l, scratch *s, const segment *seg, segment_session *session,
               const plan_members *members);
void leaf_close(leaf *l);

/* No member has an ordinal in [from, result). */
uint32_t leaf_next(leaf *l, uint32_t from);
/* The ordinals in [base, base + WINDOW) as bits; wdf[i] (may be NULL) where bit i is set. */
void leaf_fill(leaf *l, uint32_t base, uint64_t *bits, uint32_t *wdf);
/* The same for those ordinals only whose bit is set in `mask`, by whichever way costs less. */
void leaf_probe(leaf *l, uint32_t base, const uint64_t *mask, uint64_t *bits, uint32_t *wdf);
/* Bounds over the window: no item in it has a greater wdf or a smaller length. False: there is none. */
bool leaf_bounds(leaf *l, uint32_t base, uint32_t *max_wdf, uint32_t *min_length);
/* Positions of an ordinal, ascending. A leaf that is asked for positions is not filled or probed. */
bool leaf_positions(leaf *l, scratch *s, uint32_t ordinal, position_list *out);

#endif
