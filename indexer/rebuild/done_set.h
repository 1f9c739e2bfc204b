/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * done_set.h - the origins that fresh segments hold already, and which of them a walk has met
 * again.
 *
 * Filled before the walk; then several threads may look. What is not met has gone from the source,
 * or has changed there: it is not published.
 */
#ifndef SEALDEX_INDEXER_REBUILD_DONE_SET_H
#define SEALDEX_INDEXER_REBUILD_DONE_SET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct done_set {
  uint64_t *slots; /* 0: free */
  atomic_bool *met;
  size_t capacity, count;
} done_set;

/* False where memory ran out. */
bool done_set_add(done_set *s, uint64_t origin);
/* True where it is done; it is met from now on. */
bool done_set_meet(done_set *s, uint64_t origin);
bool done_set_was_met(const done_set *s, uint64_t origin);
void done_set_free(done_set *s);

#endif
