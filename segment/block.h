/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block.h - the blocks that a segment is cut into: where they come from, go to, and are kept opened.
 *
 * A segment is a set of streams; a stream is a run of plaintext blocks of BLOCK_PLAIN bytes, numbered
 * from 0. This room never sees ciphertext or a database: whoever builds or opens a segment hands in
 * a sink or a source (index/ seals into LMDB; memory.h keeps blocks in memory).
 */
#ifndef SEALDEX_SEGMENT_BLOCK_H
#define SEALDEX_SEGMENT_BLOCK_H

#include "sealdex.h"

#define BLOCK_PLAIN 4032 /* 4,080 stored bytes less 48 of nonce and tag */

typedef enum segment_stream {
  STREAM_MANIFEST = 0,
  STREAM_ITEMS = 1,      /* item records */
  STREAM_ITEM_TOP = 2,   /* first ordinal of each block of STREAM_ITEMS */
  STREAM_LENGTHS = 3,    /* column: length in terms, for ranking */
  STREAM_DATES = 4,      /* column: sort date */
  STREAM_SIZES = 5,      /* column: bytes of the original */
  STREAM_THREADS = 6,    /* column: thread hash */
  STREAM_TERMS = 7,      /* dictionary of surface and filter terms, leaves */
  STREAM_TERM_TOP = 8,   /* its upper levels */
  STREAM_CLASSES = 9,    /* dictionary of folds and stems, leaves */
  STREAM_CLASS_TOP = 10,
  STREAM_POSTINGS = 11,
  STREAM_SKIPS = 12,     /* headers of long lists: where each postings block is, and its bounds */
  STREAM_POSITIONS = 13,
  STREAM_STORED = 14,    /* stored text and payloads, zstd, each item on its own */
  STREAM_ATTRIBUTES = 15, /* the attribute object; versioned, see attributes.h */
  STREAM_COUNT = 16
} segment_stream;

/* Receives finished blocks, in any order between streams, in order within one. */
typedef struct block_sink {
  sdx_status (*put)(void *context, segment_stream stream, uint32_t number,
                    const uint8_t plain[BLOCK_PLAIN], sdx_error *err);
  void *context;
} block_sink;

/* Gives blocks. Exactly one of the two is set.
 *   get    opens a block into `plain`; `session` is the session's context (a read transaction).
 *          SDX_DAMAGED where it does not open or is not there.
 *   borrow points at a block that is in memory for as long as the source lives; NULL: not there. */
typedef struct block_source {
  sdx_status (*get)(void *context, void *session, segment_stream stream, uint32_t number,
                    uint8_t plain[BLOCK_PLAIN], sdx_error *err);
  const uint8_t *(*borrow)(void *context, segment_stream stream, uint32_t number);
  /* Optional: says that these blocks of a stream will be read soon (cold pages). */
  void (*prefetch)(void *context, void *session, segment_stream stream, uint32_t first,
                   uint32_t count);
  void *context;
} block_source;

/* Opened blocks within a budget, shared by all sessions of a handle, without a lock on the path of a
 * hit. Set-associative; a block in use is pinned and not evicted; where a set is all pinned the
 * block is opened into memory of its own. Evicted and freed blocks are wiped. */
typedef struct block_cache block_cache;
typedef struct block_memory { /* who provides the pages (crypto's opened_alloc), so that they are out of dumps */
  void *(*alloc)(size_t size);
  void (*free)(void *p, size_t size);
} block_memory;
sdx_status block_cache_new(block_cache **out, size_t budget_bytes, const block_memory *memory,
                           sdx_error *err) SDX_CHECK;
void block_cache_free(block_cache *c); /* nothing may be pinned */
/* Gives back the memory of all blocks; nothing may be pinned, and no other thread may use the cache. */
void block_cache_empty(block_cache *c);
/* Wipes all that belongs to this segment number (see segment_open), which is gone. */
void block_cache_forget(block_cache *c, uint32_t segment_number);
size_t block_cache_bytes(const block_cache *c);

/* A pinned block. Zero it before first use (BLOCK_REF_INIT); block_release, or the next block_get
 * into it, unpins. */
typedef struct block_ref {
  const uint8_t *data; /* BLOCK_PLAIN bytes; NULL: none */
  const void *segment; /* whose block */
  uint32_t stream, number;
  void *frame;
  void *owner;
} block_ref;
#define BLOCK_REF_INIT { 0 }

#endif
