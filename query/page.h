/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * page.h - where a page of results ended, so that the next one goes on there however much has arrived and
 * vanished meanwhile.
 *
 * A cursor holds the last hit's place in the order (score, date, id) and the statistics that scores were made
 * of. Pages behind it are ranked by the same statistics, so what was there before scores what it scored,
 * and no hit is shown twice or passed over.
 *
 *   u8 version (1)  u8 order  u8 collapse  u64 digest of the query  varint N  varint sum of lengths
 *   u64 k1  u64 b  zigzag now  u64 score  zigzag date  string id
 *   varint count  { u64 digest of a class  varint df }
 */
#ifndef SEALDEX_QUERY_PAGE_H
#define SEALDEX_QUERY_PAGE_H

#include "base/buffer.h"
#include "query/scratch.h"

#define PAGE_CLASSES_MAX 128 /* of a query, whose df are kept; those behind them are as they are */

typedef struct page_class {
  uint64_t digest, df;
} page_class;

typedef struct page_statistics {
  uint64_t items, length;
  uint32_t count;
  bool frozen;         /* df are looked up, not entered */
  page_class *classes; /* [PAGE_CLASSES_MAX] in scratch; NULL where nobody turns pages */
} page_statistics;

typedef struct page {
  sdx_sort sort;
  bool collapse;
  uint64_t query;
  double k1, b;
  int64_t now;
  double score;
  int64_t date;
  sdx_bytes id; /* in scratch where it was decoded */
  page_statistics statistics;
} page;

/* A digest of bytes, for telling apart. `seed` 0, or a digest that goes on. */
uint64_t page_digest(uint64_t seed, const void *bytes, size_t size);
/* Room for classes; false where memory ran out (s->failed). */
bool page_statistics_open(page_statistics *out, scratch *s);
/* The df of a class that weights are made of: the given one is entered, or the one entered before taken. */
uint64_t page_df(page_statistics *s, uint64_t digest, uint64_t df);

void page_encode(buffer *out, const page *p);
/* False where the bytes are no encoding. */
bool page_decode(page *out, scratch *s, const void *bytes, size_t size);

#endif
