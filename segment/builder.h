/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * builder.h - building segments: from analysed items (the inverter), and from other segments (merge).
 */
#ifndef SEALDEX_SEGMENT_BUILDER_H
#define SEALDEX_SEGMENT_BUILDER_H

#include "segment/attributes.h"
#include "segment/reader.h"
#include "segment/record.h"
#include "text/text.h"

/* What is known of an item beside its terms. All borrowed for the call. */
typedef struct builder_item {
  sdx_bytes id;
  sdx_kind kind;
  int64_t date, sent, expires;
  uint64_t size, thread;
  bool has_attachment;
  uint64_t text_bytes;
  const sdx_bytes *attributes; /* as in attributes.h; kind, language and attachment are added here */
  size_t attribute_count;
  sdx_bytes text;              /* encoded fields or empty */
  sdx_bytes payload;
} builder_item;

/* Collects items in any order of dates, numbers them newest first when it writes. Postings are kept
 * compressed, in chains by term; memory is what inverter_bytes says (vocabulary not counted). */
typedef struct inverter inverter;
/* `analyser` owns the vocabulary that term ids refer to; reset it only after inverter_write. */
sdx_status inverter_new(inverter **out, text_analyser *analyser, sdx_error *err) SDX_CHECK;
void inverter_free(inverter *v); /* wipes */
sdx_status inverter_add(inverter *v, const builder_item *item, const text_terms *terms,
                        sdx_error *err) SDX_CHECK;
/* An item out of a journal or trash record. */
sdx_status inverter_add_record(inverter *v, const record *r, sdx_error *err) SDX_CHECK;
size_t inverter_count(const inverter *v);
size_t inverter_bytes(const inverter *v);
/* Writes all blocks and the attribute object, then forgets everything. ordinals[i], if not NULL, is
 * the ordinal of the i-th item added. Items of one date keep the order: later added first. */
sdx_status inverter_write(inverter *v, uint64_t segment_id, const block_sink *sink,
                          attributes **attributes_out, uint32_t *ordinals, segment_info *info,
                          sdx_error *err) SDX_CHECK;

/* Merging. `dropped` (may be NULL) are ordinals of the input that do not survive; `ordinals` (may be
 * NULL) receives for each item of the input its new ordinal or SEGMENT_END. Memory is bounded
 * whatever the size: streams in, streams out. Statistics of the result are exact. Items of one date
 * keep the order of the inputs. Languages of the result are those of all inputs. */
#define MERGE_INPUTS_MAX 64
typedef struct merge_input {
  const segment *seg;
  segment_session *session;
  const attributes *attributes;
  const roaring_bitmap_t *dropped;
  uint32_t *ordinals;
} merge_input;
sdx_status segment_merge(const merge_input *inputs, size_t count, uint64_t segment_id,
                         const block_sink *sink, attributes **attributes_out, segment_info *info,
                         bool (*cancelled)(void *), void *cancel_context, sdx_error *err) SDX_CHECK;

/* The same segment under another id, block by block; its attributes are the caller's to write. SDX_DAMAGED
 * where a block does not open. */
sdx_status segment_copy(const segment *s, segment_session *session, uint64_t segment_id, const block_sink *sink,
                        segment_info *info, sdx_error *err) SDX_CHECK;

/* Takes items back out of a segment as records, in one pass over its terms: for trash, export and
 * rebuilding. Calls `take` once per ordinal of `which`, ascending. */
sdx_status segment_take(const segment *s, segment_session *session, const attributes *a,
                        const roaring_bitmap_t *which,
                        sdx_status (*take)(void *context, uint32_t ordinal, const record *r,
                                           sdx_error *err),
                        void *context, sdx_error *err) SDX_CHECK;

/* Reads every block of the segment and checks every invariant of the format; *problems counts, and
 * `report` (may be NULL) is told a line for each, which names the place and nothing of the text. */
sdx_status segment_check(const segment *s, segment_session *session,
                         void (*report)(void *context, const char *line), void *context,
                         uint64_t *problems, sdx_error *err) SDX_CHECK;

#endif
