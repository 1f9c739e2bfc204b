/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * upsert.h - what adding an item means, given what stands under its id; and the rows that follow.
 */
#ifndef SEALDEX_INDEXER_UPSERT_H
#define SEALDEX_INDEXER_UPSERT_H

#include "index/due.h"
#include "index/place.h"
#include "index/write.h"

typedef enum verdict {
  VERDICT_NEW = 1,    /* nothing stands there, or what stood there is lost or due */
  VERDICT_REVIVED,    /* a deleted item is added anew: the old version is superseded */
  VERDICT_REPLACED,   /* a live item gets other content */
  VERDICT_TOUCHED,    /* the same content with other attributes or another expiry */
  VERDICT_SAME
} verdict;

/* What is known of a version that is to be added. */
typedef struct upsert {
  const uint8_t *blind;
  uint64_t content;
  uint32_t attributes;
  int64_t expires;
} upsert;

/* Reads what stands under the id into *old (state 0: nothing). */
sdx_status upsert_decide(sdx_index *index, store_txn *t, const upsert *u, int64_t now, bool undelete,
                         place *old, verdict *out, sdx_error *err) SDX_CHECK;

/* Writes the rows of the new version that stands at (holder, ordinal), and those of the version that
 * it supersedes. `append`: as for place_put. */
sdx_status upsert_place(write_txn *w, const upsert *u, const place *old, holder_id holder,
                        uint32_t ordinal, bool append, sdx_error *err) SDX_CHECK;

/* A version that another of the same id follows: its row in `due`. */
sdx_status upsert_supersede(write_txn *w, const uint8_t blind[BLIND_SIZE], holder_id holder,
                            uint32_t ordinal, int64_t due, sdx_error *err) SDX_CHECK;

/* The rows of a version that stays as it is but for its expiry (0: none). Changes *p. */
sdx_status upsert_expiry(write_txn *w, const uint8_t blind[BLIND_SIZE], place *p, int64_t expires,
                         sdx_error *err) SDX_CHECK;

/* One item fewer is missing of those that went with a destroyed holder. */
sdx_status upsert_found_again(write_txn *w, holder_id lost, sdx_error *err) SDX_CHECK;

/* When what changes now falls due: a depositor cannot say. */
int64_t upsert_due(const sdx_index *index, int64_t since);

#endif
