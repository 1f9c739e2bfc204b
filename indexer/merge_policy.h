/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * merge_policy.h - which segments become one.
 *
 * Purges first: a segment that holds what is due, tombstones that are old, or more than a
 * fifth of dead items is rewritten, together with all that are smaller. Then size: sorted from
 * great to small, each segment is to be at least as big as all behind it together; where one is
 * not, it and all behind it become one. So sizes at least double every other step: a handful of
 * segments, and an item is rewritten about log2(N / fold) times at most.
 *
 * A write that somebody waits for carries out no merge of more than `limit` items: those are for
 * maintenance. Where that does not come, and segments of more than half of that are many, the two
 * smallest of them become one: so neither their number nor the wait grows without bound.
 */
#ifndef SEALDEX_INDEXER_MERGE_POLICY_H
#define SEALDEX_INDEXER_MERGE_POLICY_H

#include "index/index.h"

#define MERGE_BIG_MANY 24

typedef struct merge_candidate {
  holder_id id;
  uint32_t items, dead;
  int64_t oldest_dead; /* since when the oldest tombstone is there; INT64_MAX: none */
  bool due;            /* holds something that is due now */
  bool chosen;         /* out */
} merge_candidate;

/* Marks the segments of the next merge (perhaps only one, to be rewritten); returns how many. Sorts
 * the candidates. `all`: every one. `old`: tombstones from then or before are. */
size_t merge_choose(merge_candidate *candidates, size_t count, bool all, uint64_t limit,
                    int64_t old);

#endif
