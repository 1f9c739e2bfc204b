/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ahead.h - which blocks a reader of a segment will ask for soon, so that those of many segments
 * can be read together where they are not in memory.
 *
 * Each function names blocks that are not opened yet; what it has to open itself to know (the upper
 * levels of a dictionary) it opens. A guess may be wrong either way: nothing but time hangs on it.
 */
#ifndef SEALDEX_SEGMENT_AHEAD_H
#define SEALDEX_SEGMENT_AHEAD_H

#include "segment/reader.h"

typedef struct segment_ahead {
  void (*want)(void *context, segment_stream stream, uint32_t number);
  void *context;
} segment_ahead;

/* What any first search in the segment needs: the upper levels of its dictionaries. */
void segment_ahead_tops(const segment *s, const segment_ahead *a);
/* Where a class and its members stand; with `stored` the class alone. */
void segment_ahead_class(const segment *s, segment_session *session, segment_class_kind kind,
                         uint8_t language, const void *key, size_t size, bool stored,
                         const segment_ahead *a);
void segment_ahead_term(const segment *s, segment_session *session, const void *term, size_t size,
                        const segment_ahead *a);
/* The beginning of a term's postings. */
void segment_ahead_postings(const segment *s, const segment_term *term, const segment_ahead *a);
/* The lengths that so many items need to be ranked, where that is most of the column. */
void segment_ahead_lengths(const segment *s, uint32_t items, const segment_ahead *a);
/* An item's record; first, where that says where it is. */
void segment_ahead_item_top(const segment *s, const segment_ahead *a);
void segment_ahead_item(const segment *s, segment_session *session, uint32_t ordinal,
                        const segment_ahead *a);

#endif
