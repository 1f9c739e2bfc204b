/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which items the engines find, in whatever order: the whole sets of hits of some queries of each
 * class, where all engines found fewer than ANSWER_MOST.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stage.h"

enum { ASKED = 50 };

static int by_id(const void *a, const void *b) {
  return strcmp(a, b);
}

/* Hits of both over hits of either; both sorted. */
static double share_of_both(const answer *a, const answer *b) {
  size_t i = 0, k = 0, both = 0;
  while (i < a->count && k < b->count) {
    const int order = strcmp(a->ids[i], b->ids[k]);
    both += order == 0;
    i += order <= 0;
    k += order >= 0;
  }
  const size_t either = a->count + b->count - both;
  return either == 0 ? 1 : (double)both / (double)either;
}

/* True where all answers are whole, and sorted by id now. */
static int ask_all(bench *b, const workload_query *q, answer *answers, bool *whole) {
  char text[600];
  *whole = true;
  for (size_t k = 0; k < b->count; k++) {
    const contender *c = &b->engines[k];
    c->class->phrase(q, text, sizeof text);
    if (c->class->search(c->e, q, text, ANSWER_MOST, false, &answers[k]) != 0) return -1;
    if (answers[k].count == ANSWER_MOST) *whole = false;
    qsort(answers[k].ids, answers[k].count, sizeof answers[k].ids[0], by_id);
  }
  return 0;
}

static int compare_class(bench *b, int class, answer *answers) {
  double same[ENGINES_MAX] = { 0 };
  size_t compared = 0;
  const size_t first = b->work->first[class], end = b->work->first[class + 1];
  for (size_t i = first; i < end && i < first + ASKED; i++) {
    bool whole;
    if (ask_all(b, &b->work->queries[i], answers, &whole) != 0) return -1;
    if (!whole) continue;
    compared++;
    for (size_t k = 0; k < b->count; k++) same[k] += share_of_both(&answers[0], &answers[k]);
  }
  for (size_t k = 0; k < b->count && compared > 0; k++) {
    figures_put(&b->figures, "answers", b->engines[k].class->name,
                query_class_name((query_class) class), "same hits", "share",
                same[k] / (double)compared);
    b->figures.rows[b->figures.count - 1].n = compared;
  }
  return 0;
}

int stage_answers(bench *b) {
  fprintf(stderr, "comparing answers\n");
  answer *answers = malloc(ENGINES_MAX * sizeof *answers);
  if (answers == NULL) abort();
  int result = stage_open_all(b, ENGINE_READ);
  for (int class = 0; class < QUERY_CLASSES && result == 0; class ++)
    result = compare_class(b, class, answers);
  stage_close_all(b);
  free(answers);
  return result;
}
