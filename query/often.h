/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * often.h - the best hits of one word, by how often each has it.
 *
 * A hit's score takes its length, and lengths of hits all over a segment are in as many blocks as
 * there are. So all hits are listed with their wdf first; those that have the word most often are
 * scored, and then those alone whose wdf lets them reach what has been ranked by then, however
 * short they are.
 */
#ifndef SEALDEX_QUERY_OFTEN_H
#define SEALDEX_QUERY_OFTEN_H

#include "query/plan.h"
#include "query/window.h"

#define OFTEN_MOST 4096 /* hits of a word; where there are more, windows are passed by instead */

typedef struct often_hit {
  uint32_t segment, ordinal, wdf;
} often_hit;

#define OFTEN_COUNTS 32 /* wdf of so many and more are one */

typedef struct often {
  double weight; /* of the word */
  often_hit *hits;
  uint32_t count, room;
  uint32_t counts[OFTEN_COUNTS]; /* hits by wdf */
} often;

/* For so many hits; false where memory ran out. */
bool often_open(often *o, scratch *s, uint32_t most);
/* The hits of a window, with wdf[i] where bit i is set; false where there is no room for them. */
bool often_add(often *o, size_t number, uint32_t base, const uint64_t *bits, const uint32_t *wdf);
/* Offers those that may be ranked to `top`. Failure is the session's; *failed_segment says where.
 */
void often_rank(const often *o, view_read *read, const rank_model *model, rank_top *top,
                size_t *failed_segment);

#endif
