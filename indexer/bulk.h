/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bulk.h - segments of many items, in bounded memory: what one thread of a batch builds.
 *
 * Items are analysed and inverted in memory. Where that is full, it is written: sealed, as a
 * segment under an unpublished id, so that nothing ever lies anywhere in clear. Who owns it
 * publishes all parts at once.
 */
#ifndef SEALDEX_INDEXER_BULK_H
#define SEALDEX_INDEXER_BULK_H

#include "index/build.h"
#include "indexer/item.h"

/* A segment that was written. */
typedef struct bulk_part {
  segment_build build;
  segment_info info;
  uint32_t items;
  uint32_t *numbers;  /* the owner's, of each item in the order of adding */
  uint32_t *ordinals; /* ... and where it stands in the segment */
} bulk_part;

typedef struct bulk {
  sdx_index *index;
  int64_t now;
  size_t memory, first; /* first: of the first part */
  text_analyser *analyser;
  inverter *inverter;
  errand_runner *runner; /* NULL: the blocks are written by who makes them */
  bulk_part *open; /* begun by the runner, for what is in the inverter */
  bulk_part **parts;
  size_t part_count;
  uint32_t *numbers; /* of the items in the inverter */
  size_t count, room;
} bulk;

/* `memory`: bytes of terms and postings after which they are written; `first`: after which the
 * first part is, so that threads side by side are not all full at the same time. */
sdx_status bulk_new(bulk **out, sdx_index *index, int64_t now, size_t memory, size_t first,
                    sdx_error *err) SDX_CHECK;
void bulk_free(bulk *b); /* wipes; parts that were not published are collected by the next writer */

/* `number` is the owner's. `fields`: encoded, all that is indexed. After a failure nothing more may
 * be added. */
sdx_status bulk_add(bulk *b, uint32_t number, const builder_item *item, sdx_bytes fields,
                    sdx_error *err) SDX_CHECK;
sdx_status bulk_add_record(bulk *b, uint32_t number, const record *r, sdx_error *err) SDX_CHECK;
/* Writes what is in memory; where there is a runner, it may still be writing. */
sdx_status bulk_flush(bulk *b, sdx_error *err) SDX_CHECK;
/* Writes what is in memory, until all parts are in the store. */
sdx_status bulk_finish(bulk *b, sdx_error *err) SDX_CHECK;
size_t bulk_bytes(const bulk *b); /* how much there is to write */

#endif
