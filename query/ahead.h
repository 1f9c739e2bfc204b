/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ahead.h - what a query will read, told to the disk all at once where it is not in memory. */
#ifndef SEALDEX_QUERY_AHEAD_H
#define SEALDEX_QUERY_AHEAD_H

#include "query/plan.h"

/* Where these classes stand, in every segment; `marked` (or NULL): a fold class that is looked for
 * where it is stored. */
void ahead_classes(view_read *read, plan_class *const *classes, size_t count,
                   const sdx_bytes *marked);
/* The lists that a plan evaluates; with `scores`, what ranks their items. */
void ahead_lists(view_read *read, const plan *p, bool scores);
/* The records of hits. */
void ahead_hits(view_read *read, const rank_hit *hits, size_t count);

#endif
