/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan.h - a tree made ready for one view: words resolved to classes of surface terms, classes to
 * the terms of each segment, with the statistics of the whole view.
 *
 * A word of the text is the union of the surface terms of its stem class, one class per language,
 * each for items of that language; a word that stands in quotes or beside others is its fold class. A
 * query word without marks also takes the stems of words with marks that fold to it.
 */
#ifndef SEALDEX_QUERY_PLAN_H
#define SEALDEX_QUERY_PLAN_H

#include "index/view.h"
#include "query/clock.h"
#include "query/page.h"
#include "query/rank.h"
#include "query/thread_set.h"
#include "query/tree.h"

/* What one segment has of a class. */
typedef struct plan_members {
  const segment_term *terms;
  uint32_t count;
  uint32_t df, max_wdf, min_length; /* of the union */
  const roaring_bitmap_t *limit;    /* only these items; NULL: all */
} plan_members;

typedef enum plan_class_kind { PLAN_FOLD, PLAN_STEM, PLAN_TERM } plan_class_kind;

typedef struct plan_class {
  plan_class_kind kind;
  const char *language;   /* of the items that it matches; NULL: any */
  sdx_bytes key;          /* prefix and folded word, folded stem, or the term itself */
  uint64_t df;            /* over the view, dead items counted */
  double weight;
  plan_members *segments; /* one per segment of the view */
} plan_class;

typedef enum plan_kind {
  PLAN_NOTHING,
  PLAN_ALL,
  PLAN_AND,
  PLAN_OR,
  PLAN_NOT,       /* not its one child */
  PLAN_LEAF,      /* `leaf` */
  PLAN_WINDOW,    /* children (leaves, patterns, or OR of leaves) within `window` positions */
  PLAN_EXPANSION, /* a pattern or fuzzy word: `source`, behind `prefix` */
  PLAN_ATTRIBUTE, /* `key`; `ordered`: items without it */
  PLAN_THREADS,   /* items whose thread is in `threads`; `ordered`: is not */
  PLAN_DATE,      /* `low`, `high` */
  PLAN_SIZE
} plan_kind;

typedef struct plan {
  plan_kind kind;
  bool weighted;          /* adds to scores */
  bool ordered;           /* of a window: in this order */
  bool body;              /* only up to the last position of the item's body */
  uint32_t window;
  uint32_t count;
  struct plan **children;
  plan_class *leaf;
  const tree *source;
  const char *prefix;
  sdx_bytes key; /* of an attribute, with its letter */
  uint32_t hash; /* of the key */
  int64_t low, high;
  thread_set threads;
} plan;

/* What a segment has of an attribute: the bitmaps of all values that are the same but for case; of
 * the one that is the very same, if there is one. */
typedef struct plan_values {
  const roaring_bitmap_t *first; /* NULL: there is none */
  bool several;                  /* plan_values_next gives all */
  const attributes *all;
  size_t at;
} plan_values;
/* On failure the session's status is set, and there is none. */
plan_values plan_values_of(const plan *p, view_read *read, size_t number);
/* The values in turn, where there are several; NULL: no more. */
const roaring_bitmap_t *plan_values_next(const plan *p, plan_values *v);

/* False where no item of the segment can match, which took no look at its items. */
bool plan_may_match(const plan *p, view_read *read, size_t number);

typedef struct plan_context {
  scratch *s;
  text_analyser *analyser;
  view_read *read;
  rank_model model;
  page_statistics *statistics; /* df that weights are made of; NULL: those of the view */
  const query_clock *clock; /* NULL: there is time */
  bool timed_out; /* and the plan stands for less than the tree */
  size_t segment; /* that was looked at last: where a sticky status comes from */
} plan_context;

/* Resolves the tree in the view. A damaged segment shows in read->session.status alone. */
sdx_status plan_make(plan **out, plan_context *c, const tree *t, sdx_error *err) SDX_CHECK;

/* The number of a language in a segment; -1 where no item of it has that language. */
int plan_language(const segment_info *info, const char *code);

/* Looks up the terms of one segment by name, appending to an array in scratch. */
typedef struct plan_terms {
  segment_term *terms;
  uint32_t count, room;
} plan_terms;
/* Adds a term's entry; false where memory ran out. */
bool plan_terms_add(plan_terms *t, scratch *s, const segment_term *term);

#endif
