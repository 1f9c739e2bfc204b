/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * build.h - writing a segment: the sink that seals its blocks into the store, and its publication.
 *
 * A small segment is built inside the transaction that publishes it. A big one is built in small
 * transactions of its own under an unpublished id, beside other writers; what a crash leaves of it
 * the next writer collects.
 */
#ifndef SEALDEX_INDEX_BUILD_H
#define SEALDEX_INDEX_BUILD_H

#include "index/opened.h"
#include "index/write.h"

typedef struct segment_build {
  sdx_index *index;
  holder_id id;
  seal_key *key;
  sealed_blocks blocks;
  int64_t now;
  write_txn *inside;       /* NULL: transactions of its own */
  int lock;                /* says that we live; -1: none */
  nonce_pool pool;
  uint8_t *pending;        /* sealed blocks with their keys, until there are enough */
  size_t pending_count;
  uint32_t attributes_size;
  void (*between)(void *context); /* called after each transaction of its own; may be NULL */
  void *context;
} segment_build;

sdx_status build_begin(segment_build *b, sdx_index *index, int64_t now, write_txn *inside,
                       sdx_error *err) SDX_CHECK;
block_sink build_sink(segment_build *b);
/* Writes the attribute object (version 0) behind the other blocks, and what is pending. */
sdx_status build_finish(segment_build *b, const attributes *a, sdx_error *err) SDX_CHECK;
/* Publishes in `w` (or in the transaction it was built inside). */
sdx_status build_publish(segment_build *b, write_txn *w, const segment_info *info,
                         sdx_error *err) SDX_CHECK;
/* Ends it, published or not. Zeroed or ended already is fine. */
void build_end(segment_build *b);

#endif
