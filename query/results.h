/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * results.h - what a search gives back: hits with their texts, totals, facets, why it is partial.
 */
#ifndef SEALDEX_QUERY_RESULTS_H
#define SEALDEX_QUERY_RESULTS_H

#include "query/engine.h"
#include "query/snippet.h"

#define RESULTS_WHY_MAX 8

typedef struct results_facet {
  const char *name;
  sdx_facet_value *values; /* most frequent first */
  size_t count;
} results_facet;

struct sdx_results {
  scratch memory;          /* holds all that is below */
  sdx_hit *hits;
  size_t count;
  uint64_t total;
  bool exact, fell_back;
  const char *why[RESULTS_WHY_MAX];
  size_t why_count;
  sdx_bytes parsed, suggestion, next;
  results_facet facets[4];
  size_t facet_count;
};

sdx_results *results_new(void); /* NULL: no memory */
/* Another reason why the answer is partial; each is given once. */
void results_add_why(sdx_results *r, const char *why);

/* Fills in the hits that were asked for. `words` may be NULL where no snippets are wanted. On damage
 * the session's status is set, and *failed_segment says where. */
sdx_status results_fill(sdx_results *r, view_read *read, text_analyser *analyser,
                        const engine_result *found, size_t offset, unsigned want,
                        const snippet_words *words, const query_clock *clock,
                        size_t *failed_segment, sdx_error *err) SDX_CHECK;

#endif
