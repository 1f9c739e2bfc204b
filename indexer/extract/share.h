/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * share.h - one source read by several threads, each with a walk and a worker of its own.
 *
 * What is read as one (a file; of big mboxes and JSON Lines each message and line) is a unit. Each
 * unit belongs to one of the readers, by a hash of what names it: so nothing has to be agreed on,
 * things that could have one id are met by one reader, and a directory that changes meanwhile loses
 * nothing.
 *
 * A unit's *origin* is a hash of where its bytes stand, their size and their date: a reader passes
 * over origins that the caller says are done. Such a unit still counts as having given its id.
 */
#ifndef SEALDEX_EXTRACT_SHARE_H
#define SEALDEX_EXTRACT_SHARE_H

#include "sealdex.h"

#define SHARE_SPLIT_MIN ((uint64_t)1 << 20) /* smaller files are never divided */

typedef struct source_share {
  unsigned lane, lanes; /* this reader's number, and how many there are; 0 lanes: not shared */
  bool (*done)(void *context, uint64_t origin); /* may be NULL */
  void *context;
} source_share;

/* A reader of its share of what `whole` would give, to be used by one thread and closed like any
 * source. `whole` must not have been read from. */
sdx_status source_share_open(sdx_source **out, const sdx_source *whole, const source_share *share,
                             sdx_error *err) SDX_CHECK;
/* Before the readers of another pass. SDX_INVALID where the source can be read once only. */
sdx_status source_again(sdx_source *s, sdx_error *err) SDX_CHECK;
/* The origin of the unit that the last entry came from; entries of one unit follow each other. */
uint64_t source_origin(const sdx_source *s);
/* Bytes of input in all, where known. */
uint64_t source_total(const sdx_source *s);

/* FNV-1a, 64 bits, going on from `seed` (0: the beginning). */
uint64_t share_hash(uint64_t seed, const void *bytes, size_t size);
/* The Message-ID of a message's header, without `<>`; size 0 where there is none. Found by its name
 * alone: quick, and the same as the extractor finds wherever the field is of the usual form. */
sdx_bytes share_message_id(const char *message, size_t size);

#endif
