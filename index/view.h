/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * view.h - an immutable picture of one generation of the index: what a search runs on.
 *
 * A view is shared by threads and counted; the store's snapshot belongs to the reading call. A view
 * holds: the published segments, the journal as in-memory segments, which items are dead, attributes
 * with the journal's changes applied, and the statistics that ranking needs.
 */
#ifndef SEALDEX_INDEX_VIEW_H
#define SEALDEX_INDEX_VIEW_H

#include "index/index.h"
#include "segment/ahead.h"
#include "segment/attributes.h"

/* One segment of a view, published or in memory. */
typedef struct view_segment {
  const segment *seg;
  holder_id holder;               /* 0 for a segment made of journal records */
  const roaring_bitmap_t *dead;   /* deleted and superseded ordinals; NULL: none */
  uint32_t live;                  /* items - dead */
} view_segment;

/* Reasons why a picture is partial. */
enum {
  VIEW_SEGMENT_DAMAGED = 1, /* a segment does not open */
  VIEW_SEGMENT_MISSING = 2, /* destroyed by a keyless purge, or its key or blocks are gone */
  VIEW_JOURNAL_UNREAD = 4,  /* journal records were left for a later call */
  VIEW_JOURNAL_DAMAGED = 8, /* a journal record does not open */
  VIEW_ROWS_DAMAGED = 16    /* rows that say what there is are damaged, or gone */
};
/* With these, changes of attributes may be missing. */
#define VIEW_CHANGES_MISSING (VIEW_JOURNAL_UNREAD | VIEW_JOURNAL_DAMAGED | VIEW_ROWS_DAMAGED)

typedef struct view {
  uint64_t generation;
  view_segment *segments;  /* published ones first, then the journal's */
  size_t segment_count;
  uint64_t items;          /* N: dead items count until they are merged away */
  uint64_t length;         /* sum of lengths */
  uint64_t live;
  unsigned partial;        /* VIEW_ ... */
  uint64_t missing_items;
} view;

/* What one reading call holds. Lives on the caller's stack. */
typedef struct view_read {
  sdx_index *index;
  view *view;
  store_txn *txn;
  segment_session session; /* for segments of this view, in this call */
  int64_t now;             /* items that expired by then are dead */
  bool missed;             /* something that was read ahead was not in memory */
} view_read;

/* Takes a snapshot and the view of its generation (made anew where the generation moved). Refuses
 * with SDX_CLOSED where the account is closed, SDX_ROLLED_BACK for a restored store. `deadline`
 * (CLOCK_MONOTONIC nanoseconds, 0: none) bounds the reading of a long journal. */
sdx_status view_begin(view_read *out, sdx_index *index, int64_t deadline, sdx_error *err) SDX_CHECK;
/* The same at another time than the clock's: `now` decides which items have expired (0: index_now). */
sdx_status view_begin_at(view_read *out, sdx_index *index, int64_t deadline, int64_t now,
                         sdx_error *err) SDX_CHECK;
void view_end(view_read *r);
/* Lets go of the newest picture: no call may rely on finding it. */
void view_drop(sdx_index *index);

/* Attributes of segment number i of the view, journal changes applied; loaded on first use, kept with
 * the view; borrowed. Thread-safe. */
sdx_status view_attributes(view_read *r, size_t i, const attributes **out, sdx_error *err) SDX_CHECK;
/* All segments will be asked for an attribute of this hash: the processor fetches where it stands in those
 * that are loaded, and, told once more, the attribute. */
void view_attributes_fetch(const view_read *r, uint32_t hash, bool again);

/* Finds a live item by external id: segment number and ordinal. SDX_NOT_FOUND. */
sdx_status view_find(view_read *r, sdx_bytes id, size_t *segment_number, uint32_t *ordinal,
                     sdx_error *err) SDX_CHECK;

/* Reading ahead, while the view's pages are not all in memory: blocks of any of its segments are named, then
 * read together. On the caller's stack. */
#define VIEW_AHEAD_MAX 384
typedef struct view_ahead {
  view_read *read;
  size_t segment;
  size_t count;
  uint8_t keys[VIEW_AHEAD_MAX][16];
} view_ahead;
/* False where it is not worth while: all was in memory when that was last looked at. Asked before a
 * view_ahead is on the stack, which is wiped as deep as calls reached. */
bool view_ahead_wanted(const view_read *r);
void view_ahead_begin(view_ahead *a, view_read *r);
/* For the functions of segment/ahead.h, about segment number i; good until it is called again. */
segment_ahead view_ahead_of(view_ahead *a, size_t i);
void view_ahead_go(view_ahead *a);

/* A segment stopped opening (session.status is SDX_DAMAGED): later calls leave it out and say so.
 * The caller retries its call, or answers with what it has, partial. */
void view_mark_damaged(view_read *r, size_t segment_number);

#endif
