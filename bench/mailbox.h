/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mailbox.h - made-up mailboxes of any size, from a seed.
 *
 * Words are made of syllables and drawn by Zipf's law (exponent 1.07 over 60,000 ranks: frequencies
 * as in 20news), with a tail of words that occur once or twice (one in 150 tokens: ids, numbers,
 * typing errors). Lengths are log-normal (median 150 words, sigma 1.0). A message starts a thread
 * with probability 0.45, else it answers one of the last 200 (so sizes of threads fall off
 * geometrically) and quotes a few of its words. 400 correspondents, Zipf again. `sealdex-bench
 * --describe` prints the statistics of any corpus, so that made-up and real mail can be compared.
 */
#ifndef SEALDEX_BENCH_MAILBOX_H
#define SEALDEX_BENCH_MAILBOX_H

#include "corpus.h"

/* Makes `count` messages. Returns 0 or -1. */
int mailbox_make(corpus *c, size_t count, uint64_t seed);

/* Prints figures of a corpus by which mailboxes are compared: length, vocabulary, shares of words
 * by document frequency. Returns 0 or -1. */
int mailbox_describe(const corpus *c);

#endif
