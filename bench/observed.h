/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * observed.h - what somebody sees who has all files of a Sealdex index before and after every mail
 * that is added to it: by how much everything that can be counted grew, and which strings were
 * written.
 */
#ifndef SEALDEX_BENCH_OBSERVED_H
#define SEALDEX_BENCH_OBSERVED_H

#include "corpus.h"

enum { OBSERVED_JOURNAL, OBSERVED_USED, OBSERVED_PAGES, OBSERVED_KEYRING, OBSERVED_FEATURES };

/* A string of 8 bytes that the mail wrote, and that was on none of the pages before. */
typedef struct observed_string {
  uint64_t value;
  uint32_t mail;
} observed_string;

typedef struct observed {
  uint32_t (*features)[OBSERVED_FEATURES]; /* per mail: growth of the journal's bytes (0: it was
                                              folded), of used pages, pages that differ, pages of
                                              the keyring that do */
  observed_string *strings; /* by value, then by mail; a quarter of them, taken by value */
  size_t count, room;
  uint64_t looked_at; /* pages that differed, over all mails */
} observed;

/* Makes an index in `dir`, which exists, and adds the mails one by one. 0 or -1, with a line on
 * stderr. */
int observe(observed *o, const corpus *mail, const char *dir);
void observed_free(observed *o);

#endif
