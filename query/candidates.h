/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * candidates.h - what might be proposed to somebody who types: strings, each once, with how many live
 * items have them and which is the newest. In a search's scratch.
 */
#ifndef SEALDEX_QUERY_CANDIDATES_H
#define SEALDEX_QUERY_CANDIDATES_H

#include "index/view.h"
#include "query/scratch.h"

typedef struct candidate {
  sdx_bytes value;
  uint64_t count;            /* of items; at least 1 in the table */
  int64_t date;              /* of the newest */
  uint32_t segment, ordinal; /* where that is */
  bool weak;                 /* matches in a place that says little */
  double score;
} candidate;

typedef struct candidates {
  scratch *s;
  candidate *slots; /* open addressing, at most half full; free where count is 0 */
  size_t room, used;
} candidates;

void candidates_init(candidates *c, scratch *s);
/* The entry of a value, which is copied when it is new; then its count is 0 and the caller's next act is
 * to raise it. NULL where memory ran out. */
candidate *candidates_at(candidates *c, const void *value, size_t size);
/* At most `most` of them, greatest score first, equal ones shortest first, then in byte order. */
size_t candidates_sorted(const candidates *c, size_t most, candidate **out);

/* How many live items of segment `number` have a term, and the newest of them. Above some thousands a
 * term's dead items are not counted off. 0 where none is live. `p` is working memory for many calls: all
 * zero before the first, closed (postings_close) after the last. */
uint64_t candidates_live(postings *p, view_read *read, size_t number, const segment_term *term,
                         uint32_t *newest);
/* Adds such items to an entry. */
void candidates_count(candidate *c, view_read *read, size_t number, uint64_t count,
                      uint32_t newest);

#endif
