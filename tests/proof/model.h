/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.h - what an index must do, said in arrays and linear scans.
 *
 * Items are few, words are few and plain (they neither fold nor stem), so that every answer can be
 * worked out by looking at all items.
 */
#ifndef SEALDEX_PROOF_MODEL_H
#define SEALDEX_PROOF_MODEL_H

#include "sealdex.h"

#define MODEL_ITEMS 48
#define MODEL_WORDS 12 /* of the vocabulary; an item's words are a bit set */
#define MODEL_FOLDERS 3
#define MODEL_FLAGS 2
#define MODEL_RETENTION (45 * (int64_t)SDX_DAY)

typedef enum model_life { MODEL_ABSENT, MODEL_LIVE, MODEL_DELETED } model_life;

typedef struct model_item {
  model_life life;
  uint32_t words; /* bit i: holds word i */
  int64_t date;
  unsigned folder;
  unsigned flags;  /* bit i: holds flag i */
  int64_t expires; /* 0: never */
  int64_t deleted_at;
} model_item;

typedef struct model {
  model_item items[MODEL_ITEMS];
  int64_t now;
  uint32_t
      superseded; /* versions that were replaced: those that the index still holds are no more */
} model;

extern const char *const model_words[MODEL_WORDS];
extern const char *const model_folders[MODEL_FOLDERS];
extern const char *const model_flags[MODEL_FLAGS];

/* Lets time pass to `now`: what has expired is deleted at its date. */
void model_advance(model *m, int64_t now);
/* True where the clock could be set back to `now` without an expiry in between, whose effect
 * depends on whether anybody looked. */
bool model_can_go_back(const model *m, int64_t now);
/* Forgets what is due: a sweep. Returns how many deleted items went. */
unsigned model_sweep(model *m);
/* True while a deleted item can be brought back. */
bool model_restorable(const model *m, unsigned item);

/* A query that the model can answer by looking. */
typedef struct model_query {
  uint32_t all, any,
      none;              /* words: all of these, at least one of these (0: no such demand), none */
  int folder;            /* -1: any */
  int flag;              /* -1: any */
  int64_t after, before; /* dates in [after, before); 0: open. Whole days */
} model_query;
bool model_matches(const model *m, unsigned item, const model_query *q);
/* The query in the query language. */
void model_query_text(const model_query *q, char *out, size_t size);

#endif
