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
#define ANSWER_MOST 1000 /* as many as a judged run wants */
#define ANSWER_ID 160

/* The best hits: ids and dates copied out, as an application would have them. */
typedef struct answer {
  size_t count;
  char ids[ANSWER_MOST][ANSWER_ID];
  int64_t dates[ANSWER_MOST];
  uint64_t total; /* exact, where it was asked for; else 0 */
} answer;

typedef struct engine engine; /* each engine's own */

typedef enum engine_access {
  ENGINE_READ,
  ENGINE_FOLLOW, /* reads, and each search sees the newest commit */
  ENGINE_WRITE
} engine_access;

typedef struct engine_class {
  const char *name;
  const char *describe; /* version and settings, for the report */
  const char
      *made_of; /* the engine from whose finished index `derive` makes this one's; NULL: none */
  bool threads; /* one handle may serve many threads at once */
  int (*create)(engine **out, const char *dir);
  /* Adds all of them in one durable commit. */
  int (*add)(engine *e, const corpus_item *items, size_t count);
  /* The same on so many threads; NULL: has no such way. */
  int (*add_on)(engine *e, const corpus_item *items, size_t count, unsigned threads);
  /* What its users do behind a bulk build; NULL: nothing. */
  int (*finish)(engine *e);
  int (*derive)(const char *from, const char *dir);
  /* Deletes all of them in one durable commit. */
  int (*remove)(engine *e, const corpus_item *items, size_t count);
  /* Makes what was deleted unreadable in its files, as far as the engine can; closes and opens as
   * it needs to, so nothing may be open. */
  int (*purge)(const char *dir);
  /* Makes the index anew from raw files, and puts it in place of the live one; NULL: cannot.
   * `bytes` is how much was read. */
  int (*rebuild)(const char *dir, const char *const *paths, size_t count, unsigned jobs,
                 uint64_t *bytes);
  int (*open)(engine **out, const char *dir, engine_access access);
  /* Writes the query in the engine's own language. */
  void (*phrase)(const workload_query *q, char *out, size_t size);
  /* From the text to ids and dates of the `limit` best; `exact_total` also counts all hits. */
  int (*search)(engine *e, const workload_query *q, const char *text, size_t limit,
                bool exact_total, answer *a);
  void (*close)(engine *e);
  /* Bytes of its files that hold something, without free pages; NULL: as many as the files have. */
  uint64_t (*used)(const char *dir);
} engine_class;

extern const engine_class engine_sealdex;
extern const engine_class engine_xapian;
extern const engine_class engine_xapian_compact;
extern const engine_class engine_fts5;

/* The classes of modules that lie beside the program. SQLCipher defines the same symbols as SQLite,
 * and the library with a null cipher the same as the real one; so each lives in a module of its
 * own. NULL where it was not built (script/bootstrap --bench brings SQLCipher). */
const engine_class *engine_sqlcipher_load(void);
const engine_class *engine_null_load(void);
/* The class of that name, wherever it lives; NULL: not here. */
const engine_class *engine_named(const char *name);

#endif
