/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * leaf.h - the postings of a class in one segment: the union of its members', as one list.
 *
 * A member is read in one of three ways, window by window and never backwards: filled, which puts
 * all its postings in the window; sifted, which passes by all of them and puts those that are wanted;
 * or probed, which looks up each that is wanted.
 */
#ifndef SEALDEX_QUERY_LEAF_H
#define SEALDEX_QUERY_LEAF_H

#include "query/plan.h"
#include "query/position.h"
#include "query/rank.h"
#include "query/window.h"

/* A member: about how many postings it has in a window, and the block that leaf_spread looked at last. */
typedef struct leaf_span {
  uint32_t density;
  uint32_t first, last; /* ordinals; first > last: none */
  double share;         /* of its bounds */
} leaf_span;

typedef struct leaf {
  postings *cursors;      /* one per member */
  leaf_span *spans;       /* likewise */
  uint32_t count;
  uint32_t df, max_wdf, min_length; /* of the union */
  uint32_t items;         /* of the segment */
  uint32_t *merged;       /* positions out of several members */
  uint32_t merged_room;
} leaf;

/* Opens the members; false where memory ran out. Close all with leaf_close. */
bool leaf_open(leaf *l, scratch *s, const segment *seg, segment_session *session,
               const plan_members *members);
void leaf_close(leaf *l);

/* No member has an ordinal in [from, result). */
uint32_t leaf_next(leaf *l, uint32_t from);
/* The ordinals in [base, base + WINDOW) as bits, of `mask` (NULL: all) alone; wdf[i] (may be NULL) where
 * bit i is set. By whichever way costs less. */
void leaf_read(leaf *l, uint32_t base, const uint64_t *mask, uint64_t *bits, uint32_t *wdf);
/* All of it, ordinals ascending, in the scratch. False where memory ran out. The leaf stands at its end. */
typedef struct leaf_posting {
  uint32_t ordinal, wdf;
} leaf_posting;
bool leaf_collect(leaf *l, scratch *s, leaf_posting **out, uint32_t *count);
/* Whether it has the ordinal; then its wdf. Ordinals ascend, and no windows are read meanwhile. */
bool leaf_has(leaf *l, uint32_t ordinal, uint32_t *wdf);
/* Back to the beginning. */
void leaf_rewind(leaf *l);
/* About how many nanoseconds leaf_read takes for a mask of so many bits. */
uint64_t leaf_cost(const leaf *l, uint32_t wanted);
/* Bounds over the window, one for each 64 items: none of them scores more by this leaf, of `weight`.
 * -INFINITY: none has it. */
void leaf_spread(leaf *l, uint32_t base, const rank_model *model, double weight,
                 double spread[WINDOW_WORDS]);
/* Positions of an ordinal, ascending, up to the first that is >= `enough`, included; false: none. A leaf that
 * is asked for positions is not filled or probed: `read` is the one over the same members that is. */
static inline bool leaf_positions(leaf *l, const leaf *read, scratch *s, uint32_t ordinal, uint32_t enough,
                                  position_list *out);
bool leaf_merge_positions(leaf *l, const leaf *read, scratch *s, uint32_t ordinal, uint32_t enough,
                          position_list *out); /* of several members */

static inline bool leaf_positions(leaf *l, const leaf *read, scratch *s, uint32_t ordinal, uint32_t enough,
                                  position_list *out) {
  if (l->count != 1) return leaf_merge_positions(l, read, s, ordinal, enough, out);
  out->at = postings_positions_of(&l->cursors[0], &read->cursors[0], ordinal, enough, &out->count);
  return out->count > 0;
}

#endif
