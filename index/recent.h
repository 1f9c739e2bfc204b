/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recent.h - the journal as a view has it: records turned into small segments in memory.
 *
 * Immutable once made, shared by views and counted. A newer picture takes over what an older one
 * read, and adds what came since; small segments are merged as they become many.
 */
#ifndef SEALDEX_INDEX_RECENT_H
#define SEALDEX_INDEX_RECENT_H

#include "index/journal.h"
#include "segment/attributes.h"
#include "segment/memory.h"

#define RECENT_AT_ONCE 256 /* records that are read whatever the deadline */

typedef struct recent_place {
  holder_id epoch;
  uint32_t sequence;
} recent_place;

typedef struct recent_part {
  memory_blocks *blocks;
  segment *seg;
  attributes *attributes;
  uint32_t items;
  recent_place *places; /* by ordinal */
  uint32_t *order;      /* ordinals by place */
  atomic_uint references;
} recent_part;

/* A change of attributes that no fold has carried out yet. */
typedef struct recent_change {
  uint64_t epoch_number;
  uint32_t sequence;
  uint64_t version;
  uint8_t blind[BLIND_SIZE];
  uint8_t *bytes;
  size_t size;
  atomic_uint references;
} recent_change;

typedef struct recent_epoch {
  holder_id id;
  keyring_kind kind; /* of its key */
  uint64_t read; /* bit i: record i was read */
  uint32_t records;
} recent_epoch;

typedef struct recent {
  recent_part **parts;
  size_t part_count;
  recent_change **changes; /* oldest first */
  size_t change_count;
  recent_epoch *epochs;    /* newest first */
  size_t epoch_count;
  bool unread;             /* the deadline came first */
  uint32_t damaged;        /* records that do not open */
  atomic_uint references;
} recent;

/* `before` may be NULL; `deadline` as for view_begin. */
sdx_status recent_load(recent **out, sdx_index *index, store_txn *t, const recent *before,
                       int64_t deadline, sdx_error *err) SDX_CHECK;
recent *recent_hold(recent *r);
void recent_release(recent *r); /* NULL is fine */

recent_part *recent_part_hold(recent_part *p);
void recent_part_release(recent_part *p);
/* The ordinal of a place in the part; SEGMENT_END where it is not there. */
uint32_t recent_part_find(const recent_part *p, holder_id epoch, uint32_t sequence);

#endif
