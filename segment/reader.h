/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reader.h - reading one segment: terms, classes, postings, positions, items.
 *
 * A segment is immutable and shared by threads; a session belongs to one call of one thread and
 * carries the read transaction. Errors on hot paths are sticky in the session: functions that return
 * plain values return 0 (or the end) once session->status is set; check it once at the end.
 *
 * Items of a segment are numbered by ordinals, 0 the newest. Whether an item is dead is not known
 * here (index/view.h knows).
 */
#ifndef SEALDEX_SEGMENT_READER_H
#define SEALDEX_SEGMENT_READER_H

#include "base/buffer.h"
#include "segment/block.h"

#define SEGMENT_FORMAT 1
#define SEGMENT_LANGUAGES 16
#define POSTINGS_BLOCK 128
#define POSTINGS_PAIRS 3
#define SEGMENT_END UINT32_MAX /* an ordinal behind all others */

typedef struct segment segment;

typedef struct segment_info {
  uint64_t id;
  uint16_t format, analyser; /* versions */
  uint32_t items;
  uint32_t terms, classes;
  uint64_t length;           /* sum over items, for the average */
  uint32_t min_length;
  int64_t newest, oldest;    /* sort dates; newest of ordinal 0, oldest of the last */
  uint32_t language_count;
  char languages[SEGMENT_LANGUAGES][4]; /* ISO codes, "en" */
  uint64_t text_bytes;       /* decoded text that was indexed */
  uint64_t blocks;           /* of all streams but attributes */
} segment_info;

typedef struct segment_session {
  void *context;       /* handed to the source: the read transaction */
  sdx_status status;   /* sticky */
  sdx_error *err;      /* filled with the first failure; may be NULL */
  uint64_t blocks_opened, blocks_hit; /* counters */
} segment_session;

/* Reads the manifest. `number` is the segment's small number in this process, unique among the open
 * segments that share `cache` (cache may be NULL for sources that lend memory). */
sdx_status segment_open(segment **out, uint64_t id, uint32_t number, const block_source *source,
                        block_cache *cache, segment_session *session, sdx_error *err) SDX_CHECK;
void segment_close(segment *s);
const segment_info *segment_about(const segment *s);

/* Gives block `number` of `stream`, pinned in *ref (what it held before is released); NULL and a
 * sticky status where it does not open. Nothing happens where *ref already is that block. */
const uint8_t *block_get(const segment *s, segment_session *session, segment_stream stream,
                         uint32_t number, block_ref *ref);
void block_release(block_ref *ref);

/* ---------------------------------------------------------------- terms */

/* One term as the dictionary has it; a value, holds nothing. */
typedef struct segment_term {
  uint32_t df;
  uint64_t cf;             /* sum of wdf */
  uint32_t max_wdf;        /* bounds over its postings ... */
  uint32_t min_length;     /* ... least length of an item that has it */
  bool has_positions;
  uint8_t inline_size;     /* few postings stand in the dictionary itself */
  uint8_t inline_bytes[32];
  uint64_t postings, positions, skips; /* byte addresses in their streams */
  uint32_t postings_size, positions_size;
} segment_term;

/* SDX_NOT_FOUND (no message) where the segment lacks it. */
sdx_status segment_find(const segment *s, segment_session *session, const void *term, size_t size,
                        segment_term *out) SDX_CHECK;

/* Whether the segment has a term; the answer is kept. Always to be asked for the same one. */
bool segment_keeps_term(const segment *s, segment_session *session, const void *term, size_t size);

/* Terms in byte order, from the first that is >= the given one. */
typedef struct segment_terms segment_terms;
sdx_status segment_terms_open(segment_terms **out, const segment *s, segment_session *session,
                              const void *from, size_t size) SDX_CHECK;
/* False at the end or on failure. *name is good until the next call; *term may be NULL. */
bool segment_terms_next(segment_terms *t, sdx_bytes *name, segment_term *term);
/* The same in two parts, for walks that pass by most of what they see: the name, and how many items have the
 * term at most; then, at will, the term. */
bool segment_terms_step(segment_terms *t, sdx_bytes *name, uint32_t *most);
bool segment_terms_read(segment_terms *t, segment_term *term);
void segment_terms_close(segment_terms *t); /* wipes */

/* A class: a fold (language 0) or the stem of one language. */
typedef enum segment_class_kind { CLASS_FOLD = 0, CLASS_STEM = 1 } segment_class_kind;
typedef struct segment_class {
  uint32_t df, max_wdf, min_length; /* of the union of its members */
  uint64_t cf;
  uint32_t members;
} segment_class;
/* Finds the class and appends its members to `names` as strings (varint length, bytes; buffer.h).
 * SDX_NOT_FOUND: no item has it. A class whose only member has the key's own bytes is mostly not
 * stored, but found all the same ("omitted classes" in docs/format-segment.md); so there is no need
 * to look for the surface term as well, and it would be wrong: its stem may be another. `language`
 * indexes segment_info.languages (0 for folds). */
sdx_status segment_find_class(const segment *s, segment_session *session, segment_class_kind kind,
                              uint8_t language, const void *key, size_t size, segment_class *out,
                              buffer *names) SDX_CHECK;
/* The same with the members' entries: calls `each` for every member, in byte order, until it returns
 * false. With `stored`, omitted classes are not looked for: half the work where a class is not
 * expected. `names` is working memory. */
typedef bool (*segment_member)(void *context, sdx_bytes name, const segment_term *term);
sdx_status segment_class_members(const segment *s, segment_session *session, segment_class_kind kind,
                                 uint8_t language, const void *key, size_t size, bool stored,
                                 segment_class *out, buffer *names, segment_member each,
                                 void *context) SDX_CHECK;
/* Stored classes (not those omitted, whose key is a surface term) in byte order of (kind, language,
 * key); for merging, verifying, and folds by prefix. `names` may be NULL. */
typedef struct segment_classes segment_classes;
sdx_status segment_classes_open(segment_classes **out, const segment *s, segment_session *session,
                                segment_class_kind kind, uint8_t language, const void *from,
                                size_t size) SDX_CHECK;
bool segment_classes_next(segment_classes *c, segment_class_kind *kind, uint8_t *language,
                          sdx_bytes *key, segment_class *cls, buffer *names);
void segment_classes_close(segment_classes *c);

/* ---------------------------------------------------------------- postings */

/* A group of a list's skip header; the cursor's own. */
typedef struct postings_group {
  uint32_t number;
  uint32_t count, base; /* base: least ordinal of its first block */
  uint32_t last_width, end_width, place_width;
  const uint8_t *lasts, *ends, *places, *wdfs, *lengths;
  uint64_t postings, positions; /* its first bytes, from the list's */
} postings_group;

/* Where the wdfs of a block are, as long as nobody wanted them; the cursor's own. */
typedef struct postings_wdfs_later {
  const uint8_t *at; /* NULL: they are decoded */
  uint32_t least;
  uint8_t width;
  bool exceptions;
} postings_wdfs_later;

/* A cursor over one term's postings, decoded 128 at a time. Lives on the stack (about 1.4 KB);
 * postings_close releases its pins. Public fields may be read, not written. */
typedef struct postings {
  uint32_t ordinals[POSTINGS_BLOCK]; /* the current block, ascending ... */
  uint32_t wdfs[POSTINGS_BLOCK];     /* ... within-document frequencies; after a seek: postings_wdfs */
  uint32_t count;                    /* in the current block; 0 before the first and at the end */
  uint32_t df;
  uint32_t block;                    /* number of the current block */
  const segment *seg;
  segment_session *session;
  segment_term term;
  /* the rest is the cursor's own */
  uint32_t blocks;
  uint32_t at;                       /* where the last seek ended in the block */
  uint64_t next_at;
  uint32_t last;
  bool plain;                        /* all that stands in wdfs is 1 */
  postings_wdfs_later later;
  uint32_t positions_block;          /* whose positions are decoded; UINT32_MAX: none */
  postings_group group;
  block_ref data, skip, place;
  struct postings_positions *decoded;
} postings;

/* Stands before the first block. */
void postings_open(postings *p, const segment *s, segment_session *session, const segment_term *term);
void postings_rewind(postings *p); /* back to there */
void postings_close(postings *p); /* wipes */
/* Decodes the next block, wdfs included; false at the end. */
bool postings_next(postings *p);
/* Decodes the first block whose last ordinal is >= target (does nothing where the current one is);
 * returns the index in it of the first ordinal >= target, or UINT32_MAX at the end. Never goes
 * back: targets ascend. Wdfs are decoded when they are asked for: many a block that is looked into
 * has no item that is wanted. */
uint32_t postings_seek(postings *p, uint32_t target);
/* The wdfs of the current block. */
static inline const uint32_t *postings_wdfs(postings *p);
void postings_read_wdfs(postings *p); /* the part of it that is not inlined */
/* Tells the cursor that index i of the current block is the first ordinal that matters from now on: the next
 * seek looks there first. */
static inline void postings_stand(postings *p, uint32_t i) { p->at = i; }
/* Takes over the block of another cursor over the same list where that has `target` between its first and
 * last, and this one would have to decode it. */
void postings_follow(postings *p, postings *other, uint32_t target);
/* Without decoding: bounds of the block that may hold `target`, from the skip header. Each posting has
 * at most the wdf and at least the length of one pair; a pair of wdf 0 need not be looked at. False
 * at the end. For lists without a header: bounds of the whole, and as last ordinal the segment's where
 * the list has not been decoded. */
typedef struct postings_bound {
  uint32_t wdfs[POSTINGS_PAIRS], lengths[POSTINGS_PAIRS];
  uint32_t last; /* ordinal */
} postings_bound;
bool postings_bounds(postings *p, uint32_t target, postings_bound *out);
/* Positions of the posting at index i of the current block, ascending; *count 0 where there are none.
 * Good until the next positions call on this cursor. */
const uint32_t *postings_positions(postings *p, uint32_t i, uint32_t *count);
/* The same of an ordinal (targets ascend; postings_follow is tried first), where those behind the first that is
 * >= `enough` may be left out. */
const uint32_t *postings_positions_of(postings *p, postings *other, uint32_t ordinal, uint32_t enough,
                                      uint32_t *count);

static inline const uint32_t *postings_wdfs(postings *p) {
  if (p->later.at != NULL) postings_read_wdfs(p);
  return p->wdfs;
}

/* ---------------------------------------------------------------- items */

typedef struct segment_item {
  sdx_bytes id;         /* borrows the block held by the ref that was handed in */
  sdx_kind kind;
  uint8_t language;     /* index into segment_info.languages */
  bool has_attachment;
  bool has_text, has_payload;
  int64_t date, sent, expires;
  uint32_t length, body_end;
  uint64_t size;
  uint64_t text_at, payload_at; /* in STREAM_STORED */
  uint32_t text_size, payload_size; /* compressed */
} segment_item;

sdx_status segment_item_get(const segment *s, segment_session *session, uint32_t ordinal,
                            segment_item *out, block_ref *hold) SDX_CHECK;
/* The same for several items in turn: `index` keeps a block of the item index at hand, as `hold` the
 * last block of records. Release both in the end. */
sdx_status segment_item_near(const segment *s, segment_session *session, uint32_t ordinal,
                             segment_item *out, block_ref *hold, block_ref *index) SDX_CHECK;
/* A record that is to be read. Several are located before the first is reached, all are reached
 * before the first is fetched, and that before it is read: so all wait for memory together, step by
 * step. Zero it before first use (ITEM_SPOT_INIT). */
typedef struct item_spot {
  block_ref hold;
  uint32_t block, at; /* in the block */
} item_spot;
#define ITEM_SPOT_INIT                                                                             \
  { 0 }
sdx_status segment_item_locate(const segment *s, segment_session *session, uint32_t ordinal,
                               item_spot *spot, block_ref *index) SDX_CHECK;
/* Opens the block. */
sdx_status segment_item_reach(const segment *s, segment_session *session,
                              item_spot *spot) SDX_CHECK;
/* Asks for the record's memory. */
void segment_item_fetch(const item_spot *spot);
/* Fills *out, which borrows the spot's block. */
sdx_status segment_item_read(const segment *s, segment_session *session, const item_spot *spot,
                             segment_item *out) SDX_CHECK;
/* The same of the few things that every hit shows. */
typedef struct item_head {
  sdx_bytes id; /* borrows the spot's block */
  sdx_kind kind;
  int64_t date;
} item_head;
sdx_status segment_item_head(segment_session *session, const item_spot *spot,
                             item_head *out) SDX_CHECK;
/* Appends the item's stored text (record.h: encoded fields) or payload, decompressed. */
sdx_status segment_text_get(const segment *s, segment_session *session, const segment_item *item,
                            buffer *out) SDX_CHECK;
sdx_status segment_payload_get(const segment *s, segment_session *session, const segment_item *item,
                               buffer *out) SDX_CHECK;

/* Columns, read in ascending order or at random; the ref keeps the last block pinned. */
uint32_t segment_length_at(const segment *s, segment_session *session, uint32_t ordinal, block_ref *hold);
/* Whether the item is older than the one before it, as the column of lengths tells. */
bool segment_is_older(const segment *s, segment_session *session, uint32_t ordinal, block_ref *hold);
int64_t segment_date_at(const segment *s, segment_session *session, uint32_t ordinal, block_ref *hold);
/* Those of several, which the processor fetches side by side. */
void segment_dates_at(const segment *s, segment_session *session, const uint32_t *ordinals,
                      uint32_t count, int64_t *dates, block_ref *hold);
uint64_t segment_size_at(const segment *s, segment_session *session, uint32_t ordinal, block_ref *hold);
uint64_t segment_thread_at(const segment *s, segment_session *session, uint32_t ordinal, block_ref *hold);
/* The first ordinal whose date is < `date` (items are newest first): items of [a, b) are the
 * ordinals from segment_date_bound(b) up to, not including, segment_date_bound(a). */
uint32_t segment_date_bound(const segment *s, segment_session *session, int64_t date);

#endif
