/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tally.h - counts by string, in a search's scratch. */
#ifndef SEALDEX_QUERY_TALLY_H
#define SEALDEX_QUERY_TALLY_H

#include "query/scratch.h"

typedef struct tally_entry {
  sdx_bytes value;
  uint64_t count;
} tally_entry;

typedef struct tally {
  scratch *s;
  tally_entry *slots; /* open addressing, at most half full; a slot is free where count is 0 */
  size_t room, used;
} tally;

void tally_init(tally *t, scratch *s);
/* Adds to the count of a value, which is copied when it is new. */
void tally_add(tally *t, const void *value, size_t size, uint64_t count);
/* The entries, greatest count first, equal ones in byte order; at most `most`. */
size_t tally_sorted(const tally *t, size_t most, tally_entry **out);

#endif
