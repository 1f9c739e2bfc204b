/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * segment.h - an open segment from the inside: what the reader's files share. Callers outside this
 * room include reader.h.
 */
#ifndef SEALDEX_SEGMENT_SEGMENT_H
#define SEALDEX_SEGMENT_SEGMENT_H

#include <stdatomic.h>

#include "segment/layout.h"
#include "segment/reader.h"

#define SEGMENT_DATES_KEPT 64 /* nodes of the upper levels of a binary search, from 1 on */

struct segment {
  block_source source;
  block_cache *cache;
  uint32_t number;
  layout_manifest manifest;
  uint32_t *firsts; /* the first ordinal of each block of items, and their number; NULL: see the item index */
  /* What was looked up once, and does not change: see segment_keeps_term, segment_date_bound. */
  _Atomic uint8_t kept_term;
  _Atomic uint64_t
      kept_dates[SEGMENT_DATES_KEPT]; /* less the oldest, and 1 more; 0: not known yet */
};

/* Sets the sticky status, and the session's error if it is the first; returns it. */
sdx_status session_fail(segment_session *session, sdx_status status, const char *message);
/* Bytes of a stream that do not make sense. */
sdx_status session_damaged(segment_session *session);

/* As block_get, without a call where the block is at hand. */
static inline const uint8_t *block_at_hand(const segment *s, segment_session *session,
                                           segment_stream stream, uint32_t number, block_ref *ref) {
  return ref->number == number && ref->stream == (uint32_t)stream && ref->segment == s
             ? ref->data
             : block_get(s, session, stream, number, ref);
}

/* The bytes at an address and how many of them lie in one block; NULL and sticky status on failure. */
const uint8_t *stream_view(const segment *s, segment_session *session, segment_stream stream,
                           uint64_t address, size_t *available, block_ref *ref);
/* Copies bytes that may lie across blocks; false and sticky status on failure. */
bool stream_copy(const segment *s, segment_session *session, segment_stream stream, uint64_t address,
                 void *out, size_t size, block_ref *ref);
/* Bytes of a stream, rounded up to blocks: what a size that was read may not exceed. */
uint64_t stream_bytes(const segment *s, segment_stream stream);
/* Tells the source that bytes will be read, where the first of them are not in the cache. */
void stream_prefetch(const segment *s, segment_session *session, segment_stream stream,
                     uint64_t address, uint64_t size);

/* A term with what merging and classes need beside the reader's struct. */
sdx_status dictionary_find(const segment *s, segment_session *session, const void *term, size_t size,
                           layout_term *out);
/* A class that is stored, and its members' names; *as_member: its statistics are those of its one
 * member, and are not in *out. */
sdx_status dictionary_find_class(const segment *s, segment_session *session, segment_class_kind kind,
                                 uint8_t language, const void *key, size_t size, segment_class *out,
                                 bool *as_member, buffer *names);
/* The leaf on which a term, or a class, would stand; false where there is none, and on failure. */
bool dictionary_term_leaf(const segment *s, segment_session *session, const void *term, size_t size,
                          uint32_t *leaf);
bool dictionary_class_leaf(const segment *s, segment_session *session, segment_class_kind kind,
                           uint8_t language, const void *key, size_t size, uint32_t *leaf);
/* The flags of the term that segment_terms_next gave last. */
uint8_t segment_terms_flags(const segment_terms *t);
/* What classes_next gave last: whether its statistics were looked up at its member. */
bool segment_classes_as_member(const segment_classes *c);
/* As segment_classes_next, but leaves statistics of single members alone (zero). */
bool segment_classes_next_bare(segment_classes *c, segment_class_kind *kind, uint8_t *language,
                               sdx_bytes *key, segment_class *cls, buffer *names);

/* An item record as it stands; out->id borrows *hold. */
sdx_status items_read(const segment *s, segment_session *session, uint32_t ordinal, layout_item *out,
                      block_ref *hold);
/* The block of its record. */
bool items_block(const segment *s, segment_session *session, uint32_t ordinal, uint32_t *number);

#endif
