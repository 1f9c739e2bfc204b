/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opened.h - a published segment that is open: its key, its reader, its attributes. Shared by views
 * and counted; when nobody holds it any more its key and its opened blocks are wiped.
 */
#ifndef SEALDEX_INDEX_OPENED_H
#define SEALDEX_INDEX_OPENED_H

#include "index/blocks.h"
#include "index/holder.h"
#include "segment/attributes.h"

/* One version of a segment's attribute object; counted. */
typedef struct opened_attributes {
  attributes *object;
  atomic_uint references;
} opened_attributes;
void opened_attributes_release(opened_attributes *a); /* NULL is fine */

typedef struct opened_segment {
  sdx_index *index;
  holder_id id;
  uint32_t number;      /* in the cache */
  block_cache *cache;
  seal_key *key;
  sealed_blocks blocks;
  segment *seg;
  unsigned release_every; /* blocks that are read until the map is released; 0: never. For one thread's own */
  unsigned blocks_read;
  pthread_mutex_t lock; /* guards the two below */
  opened_attributes *attributes;
  uint32_t attributes_version;
  atomic_uint references;
} opened_segment;

/* SDX_NOT_FOUND where the keyring has no such key; SDX_DAMAGED where the manifest does not open. */
sdx_status opened_segment_new(opened_segment **out, sdx_index *index, block_cache *cache,
                              store_txn *t, const holder_row *row, sdx_error *err) SDX_CHECK;
/* The same in two steps, for whoever opens many: what it needs beside the store, then its manifest. On failure of
 * the second it is the caller's to release. */
sdx_status opened_segment_prepare(opened_segment **out, sdx_index *index, block_cache *cache,
                                  const holder_row *row, sdx_error *err) SDX_CHECK;
sdx_status opened_segment_read(opened_segment *s, store_txn *t, const holder_row *row,
                               sdx_error *err) SDX_CHECK;
opened_segment *opened_segment_hold(opened_segment *s);
void opened_segment_release(opened_segment *s); /* NULL is fine */

/* The attribute object that the row names; release it. */
sdx_status opened_segment_attributes(opened_segment *s, store_txn *t, const holder_row *row,
                                     opened_attributes **out, sdx_error *err) SDX_CHECK;

/* Loads and decodes an attribute object. */
sdx_status opened_attributes_load(attributes **out, const sealed_blocks *b, store_txn *t,
                                  const holder_row *row, sdx_error *err) SDX_CHECK;

#endif
