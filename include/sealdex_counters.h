/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sealdex_counters.h - what can be watched in operation: durations, counts and bytes.
 *
 * A header of its own, that knows no type of text, item, id or query, and nothing else of Sealdex: so that no
 * counter can ever hold a word.
 */
#ifndef SEALDEX_COUNTERS_H
#define SEALDEX_COUNTERS_H

#include <stdint.h>

typedef struct sdx_counters {
  uint64_t searches, search_us; /* calls, and microseconds in them */
  uint64_t blocks_opened, blocks_hit; /* sealed blocks opened; found open in the cache */
  uint64_t adds, folds, merges;
  uint64_t bytes_written;
} sdx_counters;

#endif
