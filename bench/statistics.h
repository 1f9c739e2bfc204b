/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * statistics.h - figures by which made-up mail is compared with real mail: how frequent words are,
 * how long texts, how large threads, how uneven correspondents. Only counts and shares; never a
 * word.
 */
#ifndef SEALDEX_BENCH_STATISTICS_H
#define SEALDEX_BENCH_STATISTICS_H

#include "corpus.h"

typedef struct statistics {
  double items, text_per_item;
  double body_p10, body_p50, body_p90, body_p99; /* bytes */
  double tokens_per_item, words_per_item;        /* all, and different ones */
  double vocabulary;                             /* different words in all */
  double heaps;                            /* exponent: how the vocabulary grows with tokens */
  double top10, top100, top1000, top10000; /* share of tokens that so many words make up */
  double zipf;                             /* slope of log frequency over log rank, 10 to 5,000 */
  double in_one, in_ten;                   /* share of words in one item; in 2 to 10 */
  double threads_single, thread_mean, thread_p99; /* items that share a subject but for its "Re:" */
  double sender_top10;                            /* share of items by the ten busiest senders */
} statistics;

/* Returns 0 or -1. */
int statistics_of(statistics *s, const corpus *c);
/* One line per figure: name, a tab, value. */
void statistics_print(const statistics *s);

#endif
