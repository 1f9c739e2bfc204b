/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/ahead.h"

#include <string.h>

#include "segment/ahead.h"

static void want_class(view_read *read, const segment *seg, const plan_class *cls,
                       const segment_ahead *of) {
  segment_session *session = &read->session;
  int language = 0;
  if (cls->kind == PLAN_TERM) {
    segment_ahead_term(seg, session, cls->key.data, cls->key.size, of);
    return;
  }
  if (cls->language != NULL) language = plan_language(segment_about(seg), cls->language);
  if (language < 0) return;
  const bool stem = cls->kind == PLAN_STEM;
  segment_ahead_class(seg, session, stem ? CLASS_STEM : CLASS_FOLD, (uint8_t)(stem ? language : 0),
                      cls->key.data, cls->key.size, false, of);
}

static __attribute__((noinline)) void read_classes(view_read *read, plan_class *const *classes,
                                                   size_t count, const sdx_bytes *marked) {
  view_ahead a;
  view_ahead_begin(&a, read);
  for (size_t i = 0; i < read->view->segment_count; i++) {
    const segment *seg = read->view->segments[i].seg;
    const segment_ahead of = view_ahead_of(&a, i);
    for (size_t k = 0; k < count; k++) want_class(read, seg, classes[k], &of);
    if (marked != NULL)
      segment_ahead_class(seg, &read->session, CLASS_FOLD, 0, marked->data, marked->size, true,
                          &of);
  }
  view_ahead_go(&a);
}

void ahead_classes(view_read *read, plan_class *const *classes, size_t count,
                   const sdx_bytes *marked) {
  if (view_ahead_wanted(read)) read_classes(read, classes, count, marked);
}

static void want_lists(const segment *seg, size_t number, const plan *p, bool scores,
                       const segment_ahead *of) {
  for (uint32_t i = 0; i < p->count; i++) want_lists(seg, number, p->children[i], scores, of);
  if (p->kind != PLAN_LEAF) return;
  const plan_members *members = &p->leaf->segments[number];
  for (uint32_t i = 0; i < members->count; i++) segment_ahead_postings(seg, &members->terms[i], of);
  if (scores && p->weighted) segment_ahead_lengths(seg, members->df, of);
}

static __attribute__((noinline)) void read_lists(view_read *read, const plan *p, bool scores) {
  view_ahead a;
  view_ahead_begin(&a, read);
  for (size_t i = 0; i < read->view->segment_count; i++) {
    const segment *seg = read->view->segments[i].seg;
    const segment_ahead of = view_ahead_of(&a, i);
    segment_ahead_item_top(seg, &of);
    want_lists(seg, i, p, scores, &of);
  }
  view_ahead_go(&a);
}

void ahead_lists(view_read *read, const plan *p, bool scores) {
  if (view_ahead_wanted(read)) read_lists(read, p, scores);
}

static __attribute__((noinline)) void read_hits(view_read *read, const rank_hit *hits,
                                                size_t count) {
  view_ahead a;
  view_ahead_begin(&a, read);
  for (size_t i = 0; i < count; i++) {
    const segment_ahead of = view_ahead_of(&a, hits[i].segment);
    segment_ahead_item(read->view->segments[hits[i].segment].seg, &read->session, hits[i].ordinal,
                       &of);
  }
  view_ahead_go(&a);
}

void ahead_hits(view_read *read, const rank_hit *hits, size_t count) {
  if (view_ahead_wanted(read)) read_hits(read, hits, count);
}
