/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine.h - one door for Sealdex and its peers: same items, same queries, each in the way that its
 * own users run it (see each engine_*.c for the settings, which `describe` prints).
 *
 * Every function returns 0, or -1 with a line on stderr.
 */
#ifndef SEALDEX_BENCH_ENGINE_H
#define SEALDEX_BENCH_ENGINE_H

#include "corpus.h"
#include "workload.h"

#define ANSWER_HITS 10
#define ANSWER_ID 160

/* The ten best: ids and dates copied out, as an application would have them. */
typedef struct answer {
  size_t count;
  char ids[ANSWER_HITS][ANSWER_ID];
  int64_t dates[ANSWER_HITS];
  uint64_t total; /* exact, where it was asked for; else 0 */
} answer;

typedef struct engine engine; /* each engine's own */

typedef struct engine_class {
  const char *name;
  const char *describe; /* version and settings, for the report */
  int (*create)(engine **out, const char *dir);
  /* Bulk build in `order`ed items, durable when it returns. */
  int (*build)(engine *e, const corpus *c);
  /* Adds one item and makes it durable. */
  int (*add)(engine *e, const corpus_item *item);
  int (*delete_item)(engine *e, const corpus_item *item);
  /* After writing: what users of the engine do before searching (close, reopen read-only, ...). */
  int (*open)(engine **out, const char *dir);
  /* Writes the query in the engine's own language. */
  void (*phrase)(const workload_query *q, char *out, size_t size);
  /* From the text to ten ids and dates; `exact_total` also counts all hits. */
  int (*search)(engine *e, const workload_query *q, const char *text, bool exact_total, answer *a);
  void (*close)(engine *e);
} engine_class;

extern const engine_class engine_sealdex;
extern const engine_class engine_xapian;
extern const engine_class engine_fts5;
/* SQLCipher defines the same symbols as SQLite, so it lives in a module of its own, loaded from beside
 * the program; NULL where script/bootstrap --bench has not brought it. */
const engine_class *engine_sqlcipher_load(void);

/* Bytes of all files below a directory. */
uint64_t engine_bytes(const char *dir);

#endif
