/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "segment/ahead.h"

#include "segment/cache.h"
#include "segment/segment.h"

#define TOPS_MAX                                                                                   \
  8 /* blocks of the upper levels, which are read as a whole where they are no more */
#define LIST_BLOCKS 8

static void want(const segment *s, const segment_ahead *a, segment_stream stream, uint32_t number) {
  if (s->source.borrow != NULL || number >= s->manifest.blocks[stream]) return;
  if (s->cache != NULL && cache_has(s->cache, cache_key(s->number, stream, number))) return;
  a->want(a->context, stream, number);
}

static void want_first(const segment *s, const segment_ahead *a, segment_stream stream,
                       uint32_t count) {
  for (uint32_t i = 0; i < count; i++) want(s, a, stream, i);
}

static void want_top(const segment *s, const segment_ahead *a, segment_stream stream, uint8_t depth,
                     uint32_t root, bool copied) {
  const uint32_t blocks = s->manifest.blocks[stream];
  if (depth <= (copied ? 1 : 0)) return;
  if (blocks <= TOPS_MAX)
    want_first(s, a, stream, blocks);
  else
    want(s, a, stream, root);
}

void segment_ahead_tops(const segment *s, const segment_ahead *a) {
  want_top(s, a, STREAM_TERM_TOP, s->manifest.term_depth, s->manifest.term_root,
           s->manifest.term_top_size > 0);
  want_top(s, a, STREAM_CLASS_TOP, s->manifest.class_depth, s->manifest.class_root,
           s->manifest.class_top_size > 0);
}

void segment_ahead_class(const segment *s, segment_session *session, segment_class_kind kind,
                         uint8_t language, const void *key, size_t size, bool stored,
                         const segment_ahead *a) {
  uint32_t leaf;
  if (kind == CLASS_FOLD && !layout_folds_may_have(s->manifest.folds, key, size)) {
    if (stored) return;
  } else if (dictionary_class_leaf(s, session, kind, language, key, size, &leaf)) {
    want(s, a, STREAM_CLASSES, leaf);
  }
  if (!stored) segment_ahead_term(s, session, key, size, a); /* its members begin as it does */
}

void segment_ahead_term(const segment *s, segment_session *session, const void *term, size_t size,
                        const segment_ahead *a) {
  uint32_t leaf;
  if (dictionary_term_leaf(s, session, term, size, &leaf)) want(s, a, STREAM_TERMS, leaf);
}

void segment_ahead_postings(const segment *s, const segment_term *term, const segment_ahead *a) {
  if (term->inline_size > 0 || term->postings_size == 0) return;
  if (term->df > POSTINGS_BLOCK)
    want(s, a, term->df <= LAYOUT_NEAR_DF ? STREAM_POSTINGS : STREAM_SKIPS,
         (uint32_t)(term->skips / BLOCK_PLAIN));
  const uint64_t first = term->postings / BLOCK_PLAIN,
                 last = (term->postings + term->postings_size - 1) / BLOCK_PLAIN;
  for (uint64_t i = first; i <= last && i < first + LIST_BLOCKS; i++)
    want(s, a, STREAM_POSTINGS, (uint32_t)i);
}

void segment_ahead_lengths(const segment *s, uint32_t items, const segment_ahead *a) {
  const uint32_t blocks = s->manifest.blocks[STREAM_LENGTHS];
  if (items >= blocks) want_first(s, a, STREAM_LENGTHS, blocks);
}

void segment_ahead_item_top(const segment *s, const segment_ahead *a) {
  if (s->firsts == NULL && s->manifest.blocks[STREAM_ITEM_TOP] == 1) want(s, a, STREAM_ITEM_TOP, 0);
}

void segment_ahead_item(const segment *s, segment_session *session, uint32_t ordinal,
                        const segment_ahead *a) {
  uint32_t number;
  if (items_block(s, session, ordinal, &number)) want(s, a, STREAM_ITEMS, number);
}
