/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filtered.h - a filter of nothing but one attribute and dates, in one segment: its items stand in
 * a bitmap, between two ordinals. Who wants the newest takes as many as are wanted, and no window
 * is evaluated.
 */
#ifndef SEALDEX_QUERY_FILTERED_H
#define SEALDEX_QUERY_FILTERED_H

#include "query/plan.h"

typedef struct filtered {
  const roaring_bitmap_t *among; /* NULL: all */
  uint32_t low, high;            /* ordinals [low, high) of ... */
  uint32_t items;                /* so many */
  const roaring_bitmap_t *dead;  /* NULL: none */
  roaring_uint32_iterator_t at;  /* of `among` */
  uint32_t next;                 /* without it */
} filtered;

/* False where the plan is more than such a filter. Failure is the session's sticky status. */
bool filtered_open(filtered *f, view_read *read, size_t number, const plan *p);
/* How many it finds, dead ones too. */
uint64_t filtered_count(const filtered *f);
/* The next ordinals, from new to old, at most so many; fewer: there are no more. */
uint32_t filtered_next(filtered *f, uint32_t *ordinals, uint32_t most);

#endif
