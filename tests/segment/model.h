/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.h - a naive index to judge segments by: items as plain arrays, made from a seed, and a check
 * that looks at everything a segment says of them.
 */
#ifndef SEALDEX_TESTS_SEGMENT_MODEL_H
#define SEALDEX_TESTS_SEGMENT_MODEL_H

#include "segment/builder.h"
#include "segment/memory.h"

typedef struct random_state {
  uint64_t s;
} random_state;
uint64_t random_next(random_state *r);
uint32_t random_below(random_state *r, uint32_t n);

/* One posting of an item, its term by number in the model. */
typedef struct model_posting {
  uint32_t term, wdf, count;
  uint32_t *positions;
} model_posting;

typedef struct model_item {
  char id[64];
  sdx_kind kind;
  char language[4];
  int64_t date, sent, expires;
  uint64_t size, thread, text_bytes;
  bool has_attachment;
  uint32_t length, body_end;
  char *attributes[4];
  size_t attribute_count;
  char *text, *payload; /* NULL: none */
  model_posting *postings; /* ascending by term */
  size_t count;
} model_item;

typedef struct model_term {
  char name[100];
  size_t size;
} model_term;

/* Terms stand in byte order; items in order of addition, until model_sort. */
typedef struct model {
  model_term *terms;
  size_t term_count;
  model_item *items;
  size_t count;
} model;

typedef struct model_shape {
  uint64_t seed;
  uint32_t items, terms, postings; /* postings: of an item, on average */
  uint32_t max_wdf;
  bool two_languages, same_dates, oldest_first;
} model_shape;

model *model_new(const model_shape *shape);
void model_free(model *m);
/* A model of the items of both (the first's first); the models stay the owners of what is in them. */
model *model_select(const model *m, const bool *keep);
void model_free_selection(model *m);

/* Adds item i as a record. */
sdx_status model_add(const model *m, size_t i, inverter *v, sdx_error *err);
/* Calls back with item i as a record. */
sdx_status model_record(const model *m, size_t i,
                        sdx_status (*use)(void *context, const record *r, sdx_error *err),
                        void *context, sdx_error *err);

/* A segment in memory, read by borrowing, or through a cache by a source that copies. */
typedef struct model_segment {
  memory_blocks *blocks;
  attributes *attributes;
  block_source source;
  block_cache *cache;
  segment *seg;
  segment_session session;
  segment_info info;
} model_segment;
/* Builds it of all items; ordinals (may be NULL) as of inverter_write. Asserts success. */
void model_build(model_segment *out, const model *m, text_analyser *a, uint64_t id, bool cached,
                 uint32_t *ordinals);
/* Opens blocks that somebody else has written. */
void model_open(model_segment *s, uint64_t id, bool cached);
void model_close(model_segment *s);

/* Compares a segment with the model, whose items must be in order of ordinals. Asserts. */
void model_check(const model *m, model_segment *s, text_analyser *a, random_state *r);
/* Puts items in order of ordinals: model item i becomes item ordinals[i]. */
void model_sort(model *m, const uint32_t *ordinals);

#endif
