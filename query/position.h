/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * position.h - do words stand together? Pure functions over ascending lists of positions, one list
 * per word of the query.
 */
#ifndef SEALDEX_QUERY_POSITION_H
#define SEALDEX_QUERY_POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POSITION_WORDS_MAX 64 /* of a NEAR, whose words may share positions */

typedef struct position_list {
  const uint32_t *at;
  uint32_t count;
} position_list;

/* Of the places where a phrase might start (ascending, at least 0), keeps those where its word number
 * `offset` stands, too; returns how many are left. */
uint32_t positions_keep(uint32_t *starts, uint32_t count, const position_list *word,
                        uint32_t offset);
/* Merges `more` into an ascending list that has room for both. */
void positions_merge(uint32_t *list, uint32_t count, const position_list *more);
/* Words in this order, the last less than `window` behind the first. */
bool positions_ordered(const position_list *lists, size_t n, uint32_t window);
/* Words in any order, each at a position of its own, all within `window` positions. */
bool positions_near(const position_list *lists, size_t n, uint32_t window);

#endif
