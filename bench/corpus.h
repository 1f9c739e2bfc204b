/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * corpus.h - decoded items in memory, so that every engine is charged the same (that is, no)
 * decoding.
 */
#ifndef SEALDEX_BENCH_CORPUS_H
#define SEALDEX_BENCH_CORPUS_H

#include "sealdex.h"

/* One item as all engines get it: an id, a date, a folder and three texts. */
typedef struct corpus_item {
  const char *id;
  const char *folder;
  int64_t date;
  sdx_bytes subject, from, body;
} corpus_item;

typedef struct corpus {
  corpus_item *items; /* oldest first: mail arrives in the order of its dates */
  size_t count;
  uint64_t text_bytes; /* of subject, from and body together */
  uint64_t raw_bytes;  /* of the files they came from; 0: made up */
  double decode_seconds;
  struct corpus_chunk *chunks;
} corpus;

/* Reads every message below the paths (at most `limit`, 0: all). Items without any text are left
 * out. Returns 0, or -1 with a line on stderr. */
int corpus_read(corpus *c, const char *const *paths, size_t path_count, size_t limit);
void corpus_free(corpus *c);

/* For makers of corpora: memory that lives as long as the corpus, a copy of a string in it, and the
 * place of the next item (which counts once c->count is moved). NULL where memory ran out. */
char *corpus_take(corpus *c, size_t size);
const char *corpus_string(corpus *c, const char *data, size_t size);
corpus_item *corpus_next(corpus *c);

#endif
