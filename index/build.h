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

#include "index/errand.h"
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
  errand_runner *runner;   /* who writes them; NULL: the thread that seals them */
  errand errand;
  uint8_t *handed;         /* blocks that were handed to the runner */
  size_t handed_count;
  buffer front;            /* sealed blocks that are written last, in one piece */
  uint32_t attributes_size;
  void (*between)(void *context); /* called after each transaction of its own; may be NULL */
  void *context;
} segment_build;

sdx_status build_begin(segment_build *b, sdx_index *index, int64_t now, write_txn *inside,
                       sdx_error *err) SDX_CHECK;
/* The same without waiting: its transactions are `runner`'s, which must end before the build does. */
void build_send(segment_build *b, sdx_index *index, int64_t now, errand_runner *runner);
/* Until a build that was sent has begun; and after build_finish, which does not wait for that: until all
 * of it is written. Nothing to wait for where it was not sent. */
sdx_status build_await(segment_build *b, sdx_error *err) SDX_CHECK;
block_sink build_sink(segment_build *b);
/* Writes the attribute object (version 0) behind the other blocks, and what is pending. */
sdx_status build_finish(segment_build *b, const attributes *a, sdx_error *err) SDX_CHECK;
/* Publishes in `w` (or in the transaction it was built inside). */
sdx_status build_publish(segment_build *b, write_txn *w, const segment_info *info,
                         sdx_error *err) SDX_CHECK;
/* Ends it, published or not. Zeroed or ended already is fine. */
void build_end(segment_build *b);

#endif
