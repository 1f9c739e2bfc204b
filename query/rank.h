/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rank.h - BM25 as Xapian computes it, and the k best of what was found.
 *
 * The formula is that of BM25Weight in Xapian 1.4 (xapian-core/weight/bm25weight.cc), with k2 = 0,
 * k3 = 1 and min_normlen = 0.5. With N items of average length L, a term in df of them, and an item
 * of length l that has it wdf times:
 *
 *   w     = (N - df + 0.5) / (df + 0.5);   w < 2 becomes w / 2 + 1, so that no weight is negative
 *   score = log(w) (k1 + 1) wdf / (k1 (b max(l / L, 0.5) + 1 - b) + wdf)
 *
 * A term that stands twice in a query counts twice, as in Xapian (k3 is without effect at wqf 1).
 */
#ifndef SEALDEX_QUERY_RANK_H
#define SEALDEX_QUERY_RANK_H

#include <math.h>

#include "query/scratch.h"

#define RANK_K1 1.0
#define RANK_B 0.5
#define RANK_MIN_NORMLEN 0.5

typedef struct rank_model {
  double k1, b;
  double items;         /* N */
  double length_factor; /* 1 / average length */
  double constant;      /* k1 (1 - b) */
  double slope;         /* k1 b */
} rank_model;

/* `length` is the sum of all lengths. */
void rank_model_init(rank_model *m, uint64_t items, uint64_t length, double k1, double b);
/* The weight of a term: all of the formula that no item changes. */
double rank_weight(const rank_model *m, uint64_t df);

/* The part of the denominator that depends on the item alone. */
static inline double rank_norm(const rank_model *m, uint32_t length) {
  const double normlen = length * m->length_factor;
  return m->slope * (normlen > RANK_MIN_NORMLEN ? normlen : RANK_MIN_NORMLEN) + m->constant;
}

static inline double rank_score(double weight, double norm, uint32_t wdf) {
  return wdf != 0 ? weight * ((double)wdf / (norm + (double)wdf)) : 0;
}

/* No item that has the term at most max_wdf times, in a length of at least min_length, scores more.
 * An item is at least as long as it has the term often. */
static inline double rank_bound(const rank_model *m, double weight, uint32_t max_wdf,
                                uint32_t min_length) {
  return rank_score(weight, rank_norm(m, max_wdf > min_length ? max_wdf : min_length), max_wdf);
}

/* Items that have the term less often score less than `least`, however short they are. */
static inline uint32_t rank_least_wdf(const rank_model *m, double weight, double least) {
  const double norm = rank_norm(m, 0) * (1 - 1e-9);
  if (least <= 0 || rank_score(weight, norm, 1) >= least) return 0;
  const double enough = weight > least ? ceil(norm * least / (weight - least)) : INFINITY;
  return enough < UINT32_MAX / 2 ? (uint32_t)enough : UINT32_MAX / 2;
}

/* Sums of bounds and of scores are rounded in different orders: what bounds say is multiplied by this. */
#define RANK_ROUNDING (1 + 1e-12)

/* ---------------------------------------------------------------- the best */

typedef enum rank_order {
  RANK_BY_SCORE,  /* then newest first */
  RANK_NEWEST,
  RANK_OLDEST
} rank_order;

#define RANK_OUTSIDE UINT32_MAX /* the segment of a hit that is none of the view's */

typedef struct rank_hit {
  double score;
  int64_t date;  /* where it is `dated`: hits that differ in score need none */
  uint64_t thread;
  uint32_t segment, ordinal;
  bool dated;
} rank_hit;

/* The date of a hit that has none yet. */
typedef int64_t (*rank_date_of)(void *context, const rank_hit *hit);
/* Whether a hit is older than all that stand before it in its segment; where that is not known at once, false. */
typedef bool (*rank_is_older)(void *context, const rank_hit *hit);
/* Compares the external ids of two hits that are equal in all else: < 0 where a comes first. */
typedef int (*rank_compare_ids)(void *context, const rank_hit *a, const rank_hit *b);

typedef struct rank_top {
  rank_hit *hits; /* best first where they came so, and after rank_top_finish; else a heap, the
                     worst first */
  bool heap;
  size_t count, room;
  rank_order order;
  const rank_hit *after; /* only hits that come behind this one; NULL: all */
  double threshold;    /* BY_SCORE: what scores less cannot enter; -infinity while there is room */
  rank_date_of date_of;
  rank_is_older is_older;
  rank_compare_ids compare_ids;
  void *context;
} rank_top;

/* Room for the k best. */
bool rank_top_init(rank_top *t, scratch *s, size_t k, rank_order order, rank_date_of date_of,
                   rank_is_older is_older, rank_compare_ids compare_ids, void *context);
/* < 0 where a comes before b. */
int rank_compare(const rank_top *t, const rank_hit *a, const rank_hit *b);
/* Keeps the hit if it is among the best so far; returns whether. */
bool rank_top_offer(rank_top *t, const rank_hit *hit);
/* BY_DATE orders: could an item of this date still enter? */
bool rank_top_wants(const rank_top *t, int64_t date);
void rank_top_finish(rank_top *t);

#endif
