/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chain.h - postings of many terms while they are collected: for each term a chain of chunks of
 * varints in pages that all share. A chunk is twice as large as the one before it in its chain, up to
 * a limit, so rare terms cost little and common ones waste little; no posting allocates.
 */
#ifndef SEALDEX_SEGMENT_CHAIN_H
#define SEALDEX_SEGMENT_CHAIN_H

#include "sealdex.h"

typedef struct chain_store chain_store;

#define CHAIN_INSIDE 8u

/* One term's chain; all zero is the empty one. What is short, as the only posting of most terms, stands
 * in it, and takes no chunk. */
typedef struct chain {
  union {
    struct {
      uint32_t first, tail; /* chunks */
    };
    uint8_t inside[CHAIN_INSIDE]; /* where size is 0 */
  };
  uint32_t last;        /* document of the last posting */
  uint32_t df;
  uint16_t used, size;  /* bytes of the tail; size 0: there is no chunk */
} chain;

sdx_status chain_store_new(chain_store **out, sdx_error *err) SDX_CHECK;
void chain_store_free(chain_store *s); /* wipes */
size_t chain_store_bytes(const chain_store *s);

/* Appends a posting. Documents ascend; positions ascend strictly. */
sdx_status chain_add(chain_store *s, chain *c, uint32_t document, uint32_t wdf,
                     const uint32_t *positions, uint32_t count, sdx_error *err) SDX_CHECK;

/* Where the next posting will be written: worth fetching some postings ahead, since the chains of an
 * item's terms lie anywhere. */
const void *chain_tail(const chain_store *s, const chain *c);

/* Reads a chain from its start. */
typedef struct chain_reader {
  const chain_store *store;
  const uint8_t *at, *end;
  uint32_t next; /* chunk */
  uint32_t tail, tail_used;
  uint32_t left; /* postings */
  uint32_t document;
} chain_reader;
chain_reader chain_read(const chain_store *s, const chain *c);
/* False at the end. The positions of the posting must be read (or skipped, `out` NULL) before the next. */
bool chain_next(chain_reader *r, uint32_t *document, uint32_t *wdf, uint32_t *count);
void chain_positions(chain_reader *r, uint32_t count, uint32_t *out);

#endif
