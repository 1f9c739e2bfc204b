/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record.h - one item in full, as journal and trash keep it: all that is needed to index it, to show
 * it, and to bring it back exactly, without analysing its text again.
 */
#ifndef SEALDEX_SEGMENT_RECORD_H
#define SEALDEX_SEGMENT_RECORD_H

#include "base/buffer.h"
#include "base/cursor.h"
#include "sealdex.h"

#define RECORD_VERSION 1

typedef struct record_term {
  sdx_bytes term;            /* surface or filter term */
  uint32_t wdf;
  uint32_t first, count;     /* positions[first .. first + count) */
} record_term;

/* Attribute keys are strings with a leading letter: see attributes.h. */
typedef struct record {
  sdx_bytes id;
  sdx_kind kind;
  int64_t date, sent, expires;
  uint64_t size, thread;     /* thread: 64-bit keyed hash of the thread id */
  bool has_attachment;
  uint16_t analyser;         /* version that made the terms */
  char language[4];          /* ISO code */
  uint32_t length, body_end;
  uint64_t text_bytes;       /* decoded text that was indexed */
  const sdx_bytes *attributes;
  size_t attribute_count;
  sdx_bytes text;            /* encoded fields (record_fields_*), empty where text is not stored */
  sdx_bytes payload;
  const record_term *terms;  /* ascending by bytes, each once */
  size_t term_count;
  const uint32_t *positions;
  size_t position_count;
} record;

/* Appends the encoding; ask out->failed. Text, payload and terms together are one zstd frame. */
void record_encode(buffer *out, const record *r);

/* Decodes. The record borrows `arena` (filled here: reset it before, wipe it after). SDX_DAMAGED on
 * any bytes that are not an encoding. */
typedef struct record_arena {
  buffer bytes;              /* decompressed body */
  buffer arrays;             /* terms, positions, attributes */
} record_arena;
#define RECORD_ARENA_INIT { BUFFER_INIT, BUFFER_INIT }
void record_arena_reset(record_arena *a);
void record_arena_free(record_arena *a);
sdx_status record_decode(record *out, record_arena *arena, const void *bytes, size_t size,
                         sdx_error *err) SDX_CHECK;

/* Stored text: the fields of an item one after another, each as string name, string text. Names and not
 * numbers of text.h's table, since the table may change (docs/format-segment.md). */
void record_fields_put(buffer *out, const char *name, const char *text, size_t size);
/* False at the end (or on damage: then c->failed). */
bool record_fields_next(cursor *c, sdx_bytes *name, sdx_bytes *text);

#endif
