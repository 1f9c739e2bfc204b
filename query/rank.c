/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/rank.h"

#include <stdlib.h>

void rank_model_init(rank_model *m, uint64_t items, uint64_t length, double k1, double b) {
  m->k1 = k1;
  m->b = b;
  m->items = (double)items;
  m->length_factor = length != 0 ? (double)items / (double)length : 0;
  m->constant = k1 * (1 - b);
  m->slope = k1 * b;
}

double rank_weight(const rank_model *m, uint64_t df) {
  double w = (m->items - (double)df + 0.5) / ((double)df + 0.5);
  if (w < 2) w = w * 0.5 + 1;
  return log(w) * (m->k1 + 1);
}

bool rank_top_init(rank_top *t, scratch *s, size_t k, rank_order order, rank_date_of date_of,
                   rank_is_older is_older, rank_compare_ids compare_ids, void *context) {
  *t = (rank_top){ .room = k,
                   .order = order,
                   .threshold = -INFINITY,
                   .date_of = date_of,
                   .is_older = is_older,
                   .compare_ids = compare_ids,
                   .context = context };
  if (k > SIZE_MAX / 4 / sizeof(*t->hits)) {
    s->failed = true;
    return false;
  }
  t->hits = scratch_take(s, (k + 1) * sizeof(*t->hits));
  return t->hits != NULL;
}

static int64_t date_of(const rank_top *t, const rank_hit *hit) {
  return hit->dated ? hit->date : t->date_of(t->context, hit);
}

/* Items of a segment stand in the order of their dates: so where these differ, none need be read. */
static bool stand_apart(const rank_top *t, const rank_hit *a, const rank_hit *b) {
  return a->segment == b->segment && a->ordinal != b->ordinal && !a->dated && !b->dated &&
         t->is_older(t->context, a->ordinal > b->ordinal ? a : b);
}

int rank_compare(const rank_top *t, const rank_hit *a, const rank_hit *b) {
  if (t->order == RANK_BY_SCORE && a->score != b->score) return a->score > b->score ? -1 : 1;
  if (stand_apart(t, a, b))
    return (a->ordinal < b->ordinal) == (t->order != RANK_OLDEST) ? -1 : 1;
  const int64_t x = date_of(t, a), y = date_of(t, b);
  if (x != y) return (x > y) == (t->order != RANK_OLDEST) ? -1 : 1;
  if (a->segment == b->segment && a->ordinal == b->ordinal) return 0;
  const int ids = t->compare_ids(t->context, a, b);
  if (ids != 0) return ids;
  if (a->segment != b->segment) return a->segment < b->segment ? -1 : 1;
  return a->ordinal < b->ordinal ? -1 : 1;
}

static void swap(rank_hit *a, rank_hit *b) {
  const rank_hit hit = *a;
  *a = *b;
  *b = hit;
}

/* Lets the hit at i sink below those that come after it in the order. */
static void sink(rank_top *t, size_t i) {
  for (;;) {
    size_t worst = i;
    for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < t->count; child++)
      if (rank_compare(t, &t->hits[worst], &t->hits[child]) < 0) worst = child;
    if (worst == i) return;
    swap(&t->hits[i], &t->hits[worst]);
    i = worst;
  }
}

static void rise(rank_top *t, size_t i) {
  while (i > 0) {
    const size_t parent = (i - 1) / 2;
    if (rank_compare(t, &t->hits[parent], &t->hits[i]) >= 0) return;
    swap(&t->hits[i], &t->hits[parent]);
    i = parent;
  }
}

static const rank_hit *worst(const rank_top *t) {
  return &t->hits[t->heap ? 0 : t->count - 1];
}

bool rank_top_wants(const rank_top *t, int64_t date) {
  if (t->room == 0) return false;
  if (t->count < t->room) return true;
  return t->order == RANK_OLDEST ? date <= worst(t)->date : date >= worst(t)->date;
}

/* Hits that came in their order are a heap the other way round. */
static void make_heap(rank_top *t) {
  for (size_t i = 0; i < t->count / 2; i++) swap(&t->hits[i], &t->hits[t->count - 1 - i]);
  t->heap = true;
}

bool rank_top_offer(rank_top *t, const rank_hit *hit) {
  if (t->room == 0) return false;
  if (t->after != NULL && rank_compare(t, hit, t->after) <= 0) return false;
  const bool behind = !t->heap && (t->count == 0 || rank_compare(t, hit, worst(t)) >= 0);
  if (t->count == t->room && behind) return false;
  if (!t->heap && !behind) make_heap(t);
  if (t->count < t->room) {
    t->hits[t->count] = *hit;
    t->count++;
    if (t->heap) rise(t, t->count - 1);
  } else {
    if (rank_compare(t, hit, &t->hits[0]) >= 0) return false;
    t->hits[0] = *hit;
    sink(t, 0);
  }
  if (t->count == t->room && t->order == RANK_BY_SCORE) t->threshold = worst(t)->score;
  return true;
}

/* Few hits: those that came in their order stand nearly the other way round. */
static void insert_each(rank_top *t) {
  for (size_t i = 0; i < t->count / 2; i++) swap(&t->hits[i], &t->hits[t->count - 1 - i]);
  for (size_t i = 1; i < t->count; i++) {
    const rank_hit hit = t->hits[i];
    size_t k = i;
    for (; k > 0 && rank_compare(t, &t->hits[k - 1], &hit) > 0; k--) t->hits[k] = t->hits[k - 1];
    t->hits[k] = hit;
  }
}

#define FEW 16

void rank_top_finish(rank_top *t) {
  const size_t count = t->count;
  if (!t->heap) return;
  t->heap = false;
  if (count <= FEW) {
    insert_each(t);
    return;
  }
  while (t->count > 1) { /* heap sort: the worst goes to the end */
    swap(&t->hits[0], &t->hits[t->count - 1]);
    t->count--;
    sink(t, 0);
  }
  t->count = count;
}
