/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check.h - whole trees of data.mdb, checked page by page. */
#ifndef SEALDEX_STORE_CHECK_H
#define SEALDEX_STORE_CHECK_H

#include "store/pages.h"

typedef struct check {
  const pages *p;
  uint8_t *seen;     /* a bit for each page that something refers to; NULL: not asked */
  bool values;       /* look at the headers of the pages of values, too */
  uint64_t place;    /* the page at hand: where a check fails, the one that is damaged */
  pages_table count; /* of the table at hand */
  uint64_t free;     /* pages in the lists of the free table */
  uint64_t used;     /* of the tables inside, and of themselves, as their records say */
  uint8_t last_key[PAGES_KEY_MAX];
  size_t last_key_size;
  bool first_key;
  bool integer_keys;
} check;

/* A table and all its pages. `inside`: its values may be tables; those are counted, and not entered
 * unless `seen` is there. */
bool check_table(check *c, const pages_table *t, bool inside);
/* The free table with its lists. */
bool check_free(check *c);

#endif
