/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lead.h - words that an item must all have, where one of them stands in few items of the segment:
 * that word leads. Where the others stand in few items, too, those that have them all are found first.
 * The lead's items are looked at one by one, without windows: first those that score most
 * by the lead, then the rest, each time in the order of the segment. So the k best are soon nearly
 * known, and most items need not be looked for in the other words' lists, where each is a block to
 * decode.
 */
#ifndef SEALDEX_QUERY_LEAD_H
#define SEALDEX_QUERY_LEAD_H

#include "query/node.h"

typedef struct lead_item {
  uint32_t ordinal, wdf;
  double norm, own; /* own: its score by the lead */
} lead_item;

typedef struct lead {
  matcher *m;
  lead_item *items; /* ascending */
  uint32_t count;
  uint32_t at;
  double cut;     /* the first pass is over those whose own score is at least this */
  bool second;    /* pass */
  double rest;    /* no item scores more by the other words */
  bool passed_by; /* some items were not looked at: they score too little */
} lead;

/* Whether the matcher's plan is of this kind. Items that cannot score `least` are left out; where
 * that is not positive, nothing is ranked yet. False, too, where memory ran out (the scratch says
 * so). The matcher must be fresh, and is evaluated by windows no more where this is true. */
bool lead_open(lead *l, matcher *m, double least);
/* The next item that has all the words and scores at least `least`, with its score. Dead ones are
 * left out. Where the matcher is lazy, match_verify is still to be asked, at once. False: no more.
 */
bool lead_next(lead *l, double least, uint32_t *ordinal, double *score);

#endif
