/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * expansion.h - patterns and fuzzy words, as the terms of one segment that they stand for.
 *
 * A pattern is compared with surface terms, and where it was typed without marks also with the folded
 * forms of words with marks. A fuzzy word is compared in its folded form, in characters.
 */
#ifndef SEALDEX_QUERY_EXPANSION_H
#define SEALDEX_QUERY_EXPANSION_H

#include "query/clock.h"
#include "query/plan.h"

/* Calls `each` for every term that at least `least` items may have, most of them once, until the clock is up. It
 * returns false to stop. Failure is the session's sticky status. */
typedef bool (*expansion_each)(void *context, sdx_bytes name, const segment_term *term);
void expansion_run(const segment *seg, segment_session *session, const tree *source,
                   const char *prefix, uint32_t least, const query_clock *clock,
                   expansion_each each, void *context);

/* Does the word match the pattern, whose stars stand for any bytes? */
bool pattern_matches(sdx_bytes pattern, sdx_bytes word);
/* The least number of characters to insert, delete or replace between two words, or more than `most`
 * where it is more (at most 2). */
unsigned edit_distance(sdx_bytes a, sdx_bytes b, unsigned most);

#endif
