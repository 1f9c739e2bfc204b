/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * merge.h - segments become one, without what was superseded, is due, or goes to the trash.
 *
 * The new segment is written in small transactions beside readers and writers; the transaction that
 * publishes it resolves again what they changed meanwhile.
 */
#ifndef SEALDEX_INDEXER_MERGE_H
#define SEALDEX_INDEXER_MERGE_H

#include "index/due.h"
#include "index/recent.h"
#include "indexer/maintain.h"

/* Where an item stands from now on. */
typedef struct merge_place {
  holder_id holder; /* 0: it goes on in the new segment */
  uint32_t ordinal;
} merge_place;

/* Segments whose items have successors elsewhere: a rebuild's. Items that are dead when the merge
 * begins are its own to carry on, whatever `of` says. */
typedef struct merge_successors {
  void *context;
  /* The places of a segment's items by ordinal, to be changed; NULL: it has none. */
  merge_place *(*of)(void *context, holder_id segment);
  /* In the publishing transaction, when all that the merge carries on has its place. */
  sdx_status (*publish)(void *context, write_txn *w, sdx_error *err);
  uint64_t carried; /* out: items that went on in the new segment */
} merge_successors;
sdx_status merge_replace(sdx_index *index, const holder_id *ids, size_t count,
                         merge_successors *successors, int64_t now, maintain_tally *tally,
                         sdx_error *err) SDX_CHECK;

/* True where a merge leaves the dead version out. One that was deposited just now waits for the
 * next upkeep, which adopts it; one with a change that no fold has carried out, for the fold: its
 * trash record would lack it. */
bool merge_leaves_out(const due_row *row, const recent *journal, int64_t now);

/* Under the maintenance lock. SDX_DAMAGED where one of them does not open: then nothing changed. */
sdx_status merge_run(sdx_index *index, const holder_id *ids, size_t count, int64_t now,
                     maintain_tally *tally, sdx_error *err) SDX_CHECK;

#endif
