/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * match.h - a plan carried out in one segment, window by window.
 *
 * Each node turns a window into the bits of the items that match, asked for a mask of candidates;
 * then scores are added for those that are left, by the nodes that matched them. Where the caller
 * gives the least score that matters, nodes may leave out items that cannot reach it: then what
 * matched is not counted but only ranked.
 */
#ifndef SEALDEX_QUERY_MATCH_H
#define SEALDEX_QUERY_MATCH_H

#include "query/clock.h"
#include "query/leaf.h"

typedef struct matcher matcher;

typedef struct match_options {
  bool scores;  /* keep what scores are made of */
  const query_clock *clock; /* NULL: there is time; else expansions end when it is up */
  bool lazy;    /* words are checked to stand together only when match_verify is called */
} match_options;

/* Opens the plan in segment `number` of the view. NULL: memory ran out (s->failed). Reading errors
 * are the session's sticky status. */
matcher *match_open(scratch *s, view_read *read, size_t number, const plan *p,
                    const rank_model *model, const match_options *options);
void match_close(matcher *m);

/* How many items match, where a filter's bitmap and the dates' bounds say so; false: by looking alone. */
bool match_count(const matcher *m, uint64_t *count);
/* Nothing matches in [from, result). */
uint32_t match_next(matcher *m, uint32_t from);
/* Where in the window an item may score `least`, 64 items at a time; false: nowhere. */
bool match_promising(matcher *m, uint32_t base, double least, uint64_t mask[WINDOW_WORDS]);
/* The items of the window that match, dead ones left out. With a mask, which match_promising must have
 * made for this window and `least`, others may be missing, and items that score less. Without: none.
 * Base must be a multiple of 64, behind the window before. */
const uint64_t *match_window(matcher *m, uint32_t base, const uint64_t *mask, double least);
/* Lists the next items of `bits`, a part of what the window gave, from place *from on, with their
 * scores; returns how many, 0 at the end. */
#define MATCH_SCORED 128
uint32_t match_scores(matcher *m, uint32_t base, const uint64_t *bits, uint32_t *from,
                      uint32_t places[MATCH_SCORED], double scores[MATCH_SCORED]);
/* What the items of the window score is made of, where the plan is nothing but a word: its weight, and how often
 * each has it (as for leaf_read). NULL: the plan is more. */
const uint32_t *match_word(const matcher *m, double *weight);
/* Whether an item of the window matches indeed, where the matcher is lazy. Ordinals ascend. */
bool match_verify(matcher *m, uint32_t ordinal);
/* True where match_verify has anything to say. */
bool match_is_lazy(const matcher *m);

#endif
