/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layout.h - the bytes of a segment: every structure with its encoder and its decoder side by side,
 * so that writer and reader cannot drift apart. docs/format-segment.md has the pictures.
 *
 * Nothing here allocates (but buffers that are handed in), opens a block or knows a cursor. Decoders
 * are functions of (bytes, size), survive any bytes, and answer false or 0 where these are not an
 * encoding. Numbers are little-endian; `varint` is LEB128 as in base/buffer.h.
 *
 *   layout_bounds.c      bounds in one byte, and pairs of them
 *   layout_postings.c    blocks of postings, their skip groups
 *   layout_positions.c   chunks of positions, and inline lists, which have both
 *   layout_dictionary.c  leaves and upper levels of the dictionaries, term and class entries
 *   layout_items.c       the manifest and item records
 */
#ifndef SEALDEX_SEGMENT_LAYOUT_H
#define SEALDEX_SEGMENT_LAYOUT_H

#include "base/buffer.h"
#include "base/cursor.h"
#include "segment/bits.h"
#include "segment/reader.h"

/* ---------------------------------------------------------------- bounds in one byte */

/* Exact up to 31, then four bits behind the leading one: the least code whose value is >= v, the
 * greatest whose value is <= v. So bounds lose at most a sixteenth and never lie. */
uint8_t layout_ceiling(uint32_t v);
uint8_t layout_floor(uint32_t v);
uint32_t layout_value(uint8_t code);

/* Of a block, as codes: each of its postings has at most the wdf and at least the length of one pair.
 * One pair alone would mostly be of two items, and promise what none of them keeps. A pair of wdf 0
 * and length 255 is none. */
typedef struct layout_bounds {
  uint8_t wdfs[POSTINGS_PAIRS], lengths[POSTINGS_PAIRS];
} layout_bounds;
/* Of n postings, 1 to POSTINGS_BLOCK; `average` length of the segment's items. */
void layout_bounds_make(layout_bounds *out, const uint32_t *wdfs, const uint32_t *lengths, uint32_t n,
                        double average);

/* The order of Golomb codes that makes n values shortest, and their cost in bits. */
unsigned layout_best_order(const uint32_t *values, uint32_t n, uint64_t *cost);

/* ---------------------------------------------------------------- postings */

#define LAYOUT_BLOCK_MAX 2304 /* bytes of an encoded block of postings, at most */

/* One block: 1 to 128 postings, all of them in lists of at most 128, else 128 but in the last block.
 * `base` is the least ordinal that the first may be: 0, or the last of the block before + 1.
 * Encodes into out[LAYOUT_BLOCK_MAX], returns the size. */
size_t layout_block_encode(uint8_t *out, const uint32_t *ordinals, const uint32_t *wdfs, uint32_t n,
                           uint32_t base);
typedef postings_wdfs_later layout_wdfs; /* wdfs that were not decoded yet, borrowed: see reader.h */

/* Returns the bytes read; 0 where they are no block (or go on behind `size`). On success the
 * ordinals ascend and are below `items`. The arrays have room for POSTINGS_BLOCK. Where later->at is
 * set, the wdfs are left to layout_wdfs_decode, while `bytes` are there. *plain says that all that
 * stands in `wdfs` is 1, before and after; a block whose wdfs are read later does not touch them. */
size_t layout_block_decode(const uint8_t *bytes, size_t size, uint32_t n, uint32_t base,
                           uint32_t items, uint32_t *ordinals, uint32_t *wdfs, bool *plain,
                           layout_wdfs *later);
void layout_wdfs_decode(const layout_wdfs *later, uint32_t *wdfs);

/* Skip header of a list of more than 128 postings: entries of blocks in groups of LAYOUT_GROUP, each
 * group in one piece within a block of its stream; more than one group have a directory in front. */
#define LAYOUT_GROUP 64
#define LAYOUT_NEAR_DF 2048 /* postings of a list whose skip header stands behind them, in their stream */
#define LAYOUT_GROUP_MAX (6 + LAYOUT_GROUP * (12 + 2 * POSTINGS_PAIRS))
#define LAYOUT_DIRECTORY_ENTRY 18

typedef struct layout_skip {  /* of one block */
  uint32_t last;              /* ordinal */
  uint32_t postings_size;
  uint32_t positions_size;
  layout_bounds bounds;
} layout_skip;

typedef postings_group layout_group; /* an encoded group, borrowed: see reader.h */

typedef struct layout_directory { /* of one group; addresses from the term's own */
  uint32_t last;
  uint32_t group;
  uint64_t postings, positions;
} layout_directory;

size_t layout_group_encode(uint8_t out[LAYOUT_GROUP_MAX], const layout_skip *skips, uint32_t count,
                           uint32_t base);
bool layout_group_decode(layout_group *g, const uint8_t *bytes, size_t size);
void layout_directory_encode(uint8_t out[LAYOUT_DIRECTORY_ENTRY], const layout_directory *d);
void layout_directory_decode(layout_directory *d, const uint8_t bytes[LAYOUT_DIRECTORY_ENTRY]);

static inline uint32_t layout_load32(const uint8_t *p) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  uint32_t v;
  memcpy(&v, p, 4);
  return v;
#else
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
#endif
}
static inline uint32_t layout_load(const uint8_t *p, uint32_t width) {
  uint32_t v = 0;
  for (uint32_t i = 0; i < width; i++) v |= (uint32_t)p[i] << (8 * i);
  return v;
}
static inline uint32_t layout_group_last(const layout_group *g, uint32_t i) {
  const uint8_t *p = g->lasts + (size_t)i * g->last_width;
  return g->base + (g->last_width == 2 ? (uint32_t)p[0] | (uint32_t)p[1] << 8 : layout_load32(p));
}
/* Where the i-th block of postings, and its chunk of positions, begin and end within the group. */
static inline uint32_t layout_group_end(const layout_group *g, uint32_t i) {
  return layout_load(g->ends + (size_t)i * g->end_width, g->end_width);
}
static inline uint32_t layout_group_place(const layout_group *g, uint32_t i) {
  return layout_load(g->places + (size_t)i * g->place_width, g->place_width);
}

/* ---------------------------------------------------------------- positions */

/* A chunk: the positions of the postings of one block. wdfs, counts and positions in order. Appends;
 * appends nothing where no posting has positions. */
void layout_chunk_encode(buffer *out, const uint32_t *wdfs, const uint32_t *counts, uint32_t n,
                         const uint32_t *positions);

#define LAYOUT_CHUNK_PART 16u /* postings in a part of a long chunk */

typedef struct layout_chunk {
  const uint8_t *bytes;
  size_t size;
  uint32_t count, span;       /* postings: in all, in a part */
  uint32_t part, next;        /* the part that is open; whose gaps come next ... */
  uint32_t inside;            /* ... and how many of these were read already */
  uint64_t starts[POSTINGS_BLOCK / LAYOUT_CHUNK_PART]; /* of parts, in bits */
  uint32_t per;               /* wdf per position, by mode */
  uint8_t mode, first_order, gap_order;
  bit_reader gaps;
  uint32_t counts[POSTINGS_BLOCK], firsts[POSTINGS_BLOCK];
} layout_chunk;
/* BITS_PAD bytes behind the chunk must be readable. All of these are false on damage. */
bool layout_chunk_open(layout_chunk *c, const void *bytes, size_t size, uint32_t n);
/* Opens the part of posting i: its count and first position stand in the arrays then. */
bool layout_chunk_reach(layout_chunk *c, const uint32_t *wdfs, uint32_t i);
/* Writes the positions of posting i, counts[i] of them; its part is open. */
bool layout_chunk_read(layout_chunk *c, const uint32_t *wdfs, uint32_t i, uint32_t *out);
/* The same up to the first that is >= `enough`, included; *count: how many. Its part is open, and it has some. */
bool layout_chunk_read_until(layout_chunk *c, const uint32_t *wdfs, uint32_t i, uint32_t enough,
                             uint32_t *out, uint32_t *count);

/* ---------------------------------------------------------------- lists within the dictionary */

#define LAYOUT_INLINE_DF 6
#define LAYOUT_INLINE_BYTES 31 /* beside the mode, they fit segment_term.inline_bytes */

/* What inline lists need not say because the segment does. */
typedef struct layout_context {
  uint32_t items, min_length;
  uint8_t first_order, gap_order; /* of positions in inline lists */
} layout_context;

/* Encodes; 0 where it does not fit LAYOUT_INLINE_BYTES. *mode: two bits for the entry. */
size_t layout_inline_encode(uint8_t out[LAYOUT_INLINE_BYTES], const layout_context *x,
                            const uint32_t *ordinals, const uint32_t *wdfs, const uint32_t *counts,
                            uint32_t n, const uint32_t *positions, uint8_t *mode);
/* Reads ordinals and wdfs of an inline list, and opens the chunk of its positions unless that is NULL.
 * BITS_PAD bytes behind the list must be readable. Returns false on damage. */
bool layout_inline_decode(const uint8_t *bytes, size_t size, const layout_context *x, uint32_t df,
                          uint8_t mode, uint32_t *ordinals, uint32_t *wdfs, layout_chunk *chunk);
/* Its size in bytes; 0 on damage. BITS_PAD bytes as above. */
size_t layout_inline_size(const uint8_t *bytes, size_t size, const layout_context *x, uint32_t df,
                          uint8_t mode, bool has_positions);
/* Sum and greatest of its wdfs. */
bool layout_inline_statistics(const uint8_t *bytes, size_t size, const layout_context *x, uint32_t df,
                              uint8_t mode, uint64_t *cf, uint32_t *max_wdf);

/* ---------------------------------------------------------------- dictionaries */

#define LAYOUT_TERM_MAX 512   /* bytes of a term */
#define LAYOUT_KEY_MAX (LAYOUT_TERM_MAX + 2) /* a class key has kind and language in front */
#define LAYOUT_RESTART 16     /* entries between restarts */
#define LAYOUT_VALUE_MAX 1024 /* bytes of an entry behind its key */

/* Builds leaves one after another. Addresses are those of the data of the entry to be added. */
typedef struct layout_leaf_builder {
  uint8_t block[BLOCK_PLAIN];
  uint8_t last[LAYOUT_KEY_MAX], first[LAYOUT_KEY_MAX];
  size_t last_size, first_size;
  uint32_t count, at;
  uint64_t base[3], restart[3]; /* postings, positions, skips */
} layout_leaf_builder;
void layout_leaf_begin(layout_leaf_builder *b, const uint64_t addresses[3]);
/* False where the leaf is full: end it, begin another. */
bool layout_leaf_add(layout_leaf_builder *b, const uint8_t *key, size_t size, const uint8_t *value,
                     size_t value_size, const uint64_t addresses[3]);
void layout_leaf_end(layout_leaf_builder *b);

/* Reads a leaf: a cursor over entries. */
typedef struct layout_leaf {
  const uint8_t *block;
  uint32_t count, end, index; /* index of the entry that comes next */
  uint64_t addresses[3];      /* of its data */
  const uint8_t *first;
  size_t first_size;
  cursor at;
} layout_leaf;
bool layout_leaf_open(layout_leaf *l, const uint8_t block[BLOCK_PLAIN]);
/* Stands before the entry at restart r. */
bool layout_leaf_restart(layout_leaf *l, uint32_t r);
/* Reads the key of the next entry: *shared bytes of the key before (of the leaf's first at a
 * restart), then `size` others. The value comes next (layout_term_read, layout_class_read). */
bool layout_leaf_key(layout_leaf *l, size_t *shared, const uint8_t **suffix, size_t *size);
/* Finds the first entry >= key. *exact: it is the key, its head has been read, and its value comes
 * next; else l->index is its number (and the rest of *l means nothing). False on damage. `skip`
 * reads over a value. */
bool layout_leaf_find(layout_leaf *l, const uint8_t *key, size_t size,
                      bool (*skip)(layout_leaf *l, const layout_context *x), const layout_context *x,
                      bool *exact);

/* A term's value; inline_bytes[0] of the reader's struct is the mode, the list follows. `flags` are
 * what classes and merging need. */
#define LAYOUT_OWN_STEM 1u /* its stem, in the segment's one language, is the term itself */
#define LAYOUT_FOLDS 2u    /* its fold differs from it */
typedef struct layout_term {
  segment_term term;
  uint8_t flags;
} layout_term;
size_t layout_term_encode(uint8_t out[LAYOUT_VALUE_MAX], const layout_term *t, uint32_t skip_padding,
                          uint32_t skips_size);
bool layout_term_read(layout_leaf *l, const layout_context *x, layout_term *out);
bool layout_term_skip(layout_leaf *l, const layout_context *x);
/* How many items have the term whose entry comes next, at most; reads nothing. */
uint32_t layout_term_most(const layout_leaf *l, const layout_context *x);

/* A class's value: its statistics, unless they are its one member's, then its members, each as
 * the length shared with the class's key and the rest. Long lists stand in STREAM_SKIPS. */
#define LAYOUT_MEMBERS_MAX 512 /* bytes of members within an entry */
typedef struct layout_class {
  segment_class about;
  bool as_member;   /* statistics are those of its only member */
  uint64_t address; /* of the members, where `outside` */
  uint32_t size;
  bool outside;
  const uint8_t *members; /* else here */
} layout_class;
void layout_members_put(buffer *out, sdx_bytes key, sdx_bytes member);
/* Appends the next member to `names` as a string. */
bool layout_members_next(cursor *c, sdx_bytes key, buffer *names);
void layout_class_encode(buffer *out, const layout_class *c);
bool layout_class_read(layout_leaf *l, const layout_context *x, layout_class *out);
bool layout_class_skip(layout_leaf *l, const layout_context *x);

/* An upper level: separators and children. Child i holds the keys from separator i on. */
typedef struct layout_top_builder {
  uint8_t block[BLOCK_PLAIN];
  uint32_t count, at;
} layout_top_builder;
void layout_top_begin(layout_top_builder *b);
bool layout_top_add(layout_top_builder *b, const uint8_t *key, size_t size, uint32_t child);
void layout_top_end(layout_top_builder *b);
/* The child that holds the key; false on damage. */
/* The same block without what is free between its keys and its slots; `size` bytes, 0 where that is more than
 * there is room for. */
#define LAYOUT_ROOT_MAX 1536
size_t layout_top_pack(uint8_t out[LAYOUT_ROOT_MAX], const uint8_t block[BLOCK_PLAIN]);
bool layout_top_find_packed(const uint8_t *top, size_t top_size, const uint8_t *key, size_t size,
                            uint32_t *child);
bool layout_top_find(const uint8_t block[BLOCK_PLAIN], const uint8_t *key, size_t size,
                     uint32_t *child);
/* Length of the shortest prefix of `key` that is above `before` (which is below key). */
size_t layout_separator(const uint8_t *before, size_t before_size, const uint8_t *key, size_t size);

/* ---------------------------------------------------------------- items */

typedef struct layout_item {
  sdx_bytes id;
  sdx_kind kind;
  uint8_t language;
  bool has_attachment, has_text, has_payload;
  int64_t date, sent, expires;
  uint32_t length, body_end;
  uint64_t size, text_bytes;
  uint64_t stored_at;
  uint32_t text_size, payload_size;
} layout_item;

typedef struct layout_items_builder {
  uint8_t block[BLOCK_PLAIN];
  uint32_t count, at;
  int64_t base_date;
  uint64_t base_stored;
} layout_items_builder;
void layout_items_begin(layout_items_builder *b, int64_t date, uint64_t stored);
bool layout_items_add(layout_items_builder *b, const layout_item *item);
void layout_items_end(layout_items_builder *b);
/* The i-th record of a block; out->id borrows it. */
bool layout_items_read(const uint8_t block[BLOCK_PLAIN], uint32_t i, layout_item *out);
/* The same of what every hit shows alone; the rest is passed by. */
bool layout_items_head(const uint8_t block[BLOCK_PLAIN], uint32_t i, item_head *out);
/* Asks for the memory that layout_items_read will look at first. */
static inline void layout_items_fetch(const uint8_t block[BLOCK_PLAIN], uint32_t i) {
  __builtin_prefetch(block);
  if (2 * (i + 1) <= BLOCK_PLAIN) __builtin_prefetch(block + BLOCK_PLAIN - 2 * (i + 1));
}
/* And, when that is there, for the record itself. */
static inline void layout_items_fetch_record(const uint8_t block[BLOCK_PLAIN], uint32_t i) {
  if (2 * (i + 1) > BLOCK_PLAIN) return;
  const uint8_t *slot = block + BLOCK_PLAIN - 2 * (i + 1);
  const size_t offset = (size_t)slot[0] | (size_t)slot[1] << 8;
  if (offset >= BLOCK_PLAIN) return;
  __builtin_prefetch(block + offset);
  __builtin_prefetch(block + (offset < BLOCK_PLAIN - 64 ? offset + 64 : offset));
}
uint32_t layout_items_count(const uint8_t block[BLOCK_PLAIN]);

/* ---------------------------------------------------------------- manifest */

/* Which folds may be stored as classes, in one look: a set of the hashes of their keys. Most words that
 * are sought have none, and it is sought in vain. */
#define LAYOUT_FOLD_BYTES 512 /* bytes of the set */
void layout_folds_add(uint8_t set[LAYOUT_FOLD_BYTES], const void *key, size_t size);
bool layout_folds_may_have(const uint8_t set[LAYOUT_FOLD_BYTES], const void *key, size_t size);

typedef struct layout_manifest {
  segment_info info;
  layout_context context;
  uint8_t date_width, size_width;     /* bytes in their columns */
  uint32_t term_root, class_root;     /* number of the root block ... */
  uint8_t term_depth, class_depth;    /* ... and levels above the leaves; 0: the root is the leaf */
  uint32_t blocks[STREAM_COUNT];      /* of each stream */
  uint8_t folds[LAYOUT_FOLD_BYTES];   /* of stored classes */
  /* Copies of the two roots, packed, where they are small enough: bytes of each, one behind the other from
   * LAYOUT_ROOTS_AT on. To be encoded, they are in term_top and class_top. */
  uint16_t term_top_size, class_top_size;
  const uint8_t *term_top, *class_top;
  uint16_t item_counts_size; /* blocks of items whose records are counted: all, or 0 */
  const uint8_t *item_counts;
} layout_manifest;
#define LAYOUT_ROOTS_AT 736

/* An entry of the lengths: the length, which the item record says where it is so long; above it, whether the
 * item has the very date of the one before. */
#define LAYOUT_LENGTH_LONG 0x7fffu
#define LAYOUT_SAME_DATE 0x8000u

#define LAYOUT_COPIES_MAX (BLOCK_PLAIN - LAYOUT_ROOTS_AT)
/* What the copies of the roots leave for the counts of items. */
static inline size_t layout_manifest_room(const layout_manifest *m) {
  return (size_t)LAYOUT_COPIES_MAX - m->term_top_size - m->class_top_size;
}
/* Points at the copies in the block that the manifest was decoded from. */
void layout_manifest_copies(layout_manifest *m, const uint8_t block[BLOCK_PLAIN]);
void layout_manifest_encode(uint8_t block[BLOCK_PLAIN], const layout_manifest *m);
/* Which of the reasons is no secret: SDX_DAMAGED, with a newer format named as such. */
sdx_status layout_manifest_decode(layout_manifest *m, const uint8_t block[BLOCK_PLAIN], sdx_error *err);

#endif
