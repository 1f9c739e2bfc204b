/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * correct.h - "did you mean": for a query that finds nothing, one that does, by words of the user's own
 * live items in place of those that none has.
 */
#ifndef SEALDEX_QUERY_CORRECT_H
#define SEALDEX_QUERY_CORRECT_H

#include "query/engine.h"

#define CORRECT_WORDS_MAX 8 /* of a query that are looked at */

/* Appends the corrected query to `out`; nothing where there is none. The tree's words are replaced:
 * it is of no use behind this. A damaged segment shows in read->session.status alone. */
sdx_status correct_query(buffer *out, plan_context *c, tree *root, const query_clock *clock, sdx_error *err) SDX_CHECK;

/* Edits between two words, an exchange of neighbours counting as one; more than 2 count as 3. */
unsigned correct_distance(sdx_bytes a, sdx_bytes b);

#endif
