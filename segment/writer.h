/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * writer.h - writing a segment's blocks as a stream: items in order of ordinals, then terms in byte
 * order, each with its postings in order of ordinals, then classes in order. Blocks go to the sink
 * as they fill; memory is some blocks, four bytes an item, and 14 bytes for each 128 postings of
 * the term being written.
 *
 * Errors are sticky: put without looking, and ask segment_writer_finish (or _status, to stop early).
 */
#ifndef SEALDEX_SEGMENT_WRITER_H
#define SEALDEX_SEGMENT_WRITER_H

#include "segment/layout.h"

typedef struct segment_writer segment_writer;

typedef struct writer_setup {
  uint64_t id;
  uint16_t analyser;
  uint32_t items;          /* that will come */
  int64_t newest, oldest;  /* of their sort dates */
  uint64_t max_size;       /* of their sizes */
  uint32_t language_count;
  char languages[SEGMENT_LANGUAGES][4]; /* ascending */
} writer_setup;

sdx_status segment_writer_new(segment_writer **out, const writer_setup *setup, const block_sink *sink,
                              sdx_error *err) SDX_CHECK;
void segment_writer_free(segment_writer *w); /* wipes */
sdx_status segment_writer_status(const segment_writer *w);

/* The next item. Frames are compressed text and payload, or empty; stored_at and sizes are set here. */
void segment_writer_item(segment_writer *w, const layout_item *item, uint64_t thread, sdx_bytes text,
                         sdx_bytes payload);
uint32_t segment_writer_length(const segment_writer *w, uint32_t ordinal);

/* A term, its postings, its end. A term without postings is not written: false from _end. */
void segment_writer_term(segment_writer *w, const void *name, size_t size, uint8_t flags);
void segment_writer_posting(segment_writer *w, uint32_t ordinal, uint32_t wdf,
                            const uint32_t *positions, uint32_t count);
bool segment_writer_term_end(segment_writer *w);

/* A class; its members as layout_members_put made them. as_member says that its statistics are those
 * of its only member, and are left out. */
void segment_writer_class(segment_writer *w, segment_class_kind kind, uint8_t language, sdx_bytes key,
                          const segment_class *about, bool as_member, const buffer *members);

/* Writes what is left, the manifest last. */
sdx_status segment_writer_finish(segment_writer *w, segment_info *info) SDX_CHECK;

#endif
