/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * draft.h - an item while it is being read: it owns its bytes, and lends them as an sdx_item.
 *
 * Every extractor is a function of one shape:
 *
 *   bool NAME_extract(const void *bytes, size_t size, draft *d);
 *
 * It takes bytes that may be anything, fills `d`, and returns false, with d->reason set, where
 * nothing of them can be read. What could be read only in part is an item with d->partial. An
 * extractor opens no file and keeps no state between calls, so that it can run in a process of its
 * own. Reasons are fixed words: they never hold text of the item.
 *
 * Memory that runs out sets `failed`, as in buffer.h, and draft_item then gives NULL. (GLib and
 * GMime abort the process where memory runs out; only a process of its own contains that.)
 *
 * A draft is used over and over: draft_begin wipes what the last item left.
 */
#ifndef SEALDEX_EXTRACT_DRAFT_H
#define SEALDEX_EXTRACT_DRAFT_H

#include "base/buffer.h"
#include "sealdex.h"

#define DRAFT_BODY_MAX ((size_t)8 << 20)       /* bytes of body text that are kept of one item */
#define DRAFT_ATTACHMENT_MAX ((size_t)8 << 20) /* and of text of its attachments, together */

#define DRAFT_NAME_MAX 4096 /* of the name of a file */

/* A piece of draft.text; stands for a pointer while the buffer may still move. */
typedef struct draft_span {
  size_t at;
  size_t size;
} draft_span;

typedef struct draft_list {
  draft_span *spans;
  size_t count;
  size_t capacity;
} draft_list;

typedef struct draft {
  /* What the caller knows before the extractor runs. */
  int64_t now;   /* a date more than a day after this cannot be; 0: any can ... */
  int64_t stamp; /* ... and is held to a day after this, when its source was written, or 0: `now` */
  int64_t fallback; /* the date where the bytes have none, or 0 */
  /* Reads the text out of an attachment; NULL: they are indexed by name. Kept by draft_begin. */
  void (*read_attachment)(struct draft *d, const char *name, const void *bytes, size_t size);

  /* Where attached calendars are kept, each as a u32 size and its bytes; NULL: nowhere. Kept too.
   */
  buffer *invitations;
  bool always_id; /* an item has an id also where its file holds no other. Kept too. */

  /* What the extractor fills: */
  sdx_kind kind;
  int64_t date;
  int64_t sent;
  int64_t expires;
  uint64_t size;
  bool has_attachment;
  bool partial;       /* the item is there, and `reason` says what of it is not */
  const char *reason; /* fixed words */
  buffer body;        /* the field "body": UTF-8 */

  /* the rest through the functions below. */
  buffer text;
  draft_list names; /* of fields, as C strings in text */
  draft_list fields;
  draft_list folders;
  draft_list flags;
  draft_list labels;
  draft_span id;
  draft_span thread;
  draft_span payload;
  size_t attachment_size; /* text of attachments so far */
  bool failed;            /* memory ran out */

  /* What draft_item lends. */
  sdx_item item;
  sdx_field *item_fields;
  size_t item_fields_capacity;
  sdx_bytes *item_lists;
  size_t item_lists_capacity;
} draft;

#define DRAFT_INIT                                                                                 \
  { 0 }

void draft_begin(draft *d, sdx_kind kind, int64_t now);
void draft_free(draft *d);

/* All of these copy. Empty text is no field. */
void draft_add_field(draft *d, const char *name, const void *text, size_t size);
/* The text of an attachment, behind a line with its name, so that a hit in it can say where it was:
 * a first line that is one of the item's file names. Without a name the text alone. */
void draft_add_attachment(draft *d, const char *name, const void *text, size_t size);
void draft_add_folder(draft *d, const void *name, size_t size);
void draft_add_flag(draft *d, const void *name, size_t size); /* each once */
void draft_add_label(draft *d, const void *name, size_t size);
void draft_set_id(draft *d, const void *id, size_t size);
/* An id that is a digest of the fields and the body, for items that have none of their own. */
void draft_set_digest_id(draft *d);
void draft_set_thread(draft *d, const void *id, size_t size);
void draft_set_payload(draft *d, const void *bytes, size_t size);

/* Notes that something of the item could not be read. The first reason stays. */
void draft_set_partial(draft *d, const char *reason);
/* Says why nothing could be read, and returns false. */
bool draft_refuse(draft *d, const char *reason);

/* The first field of that name, borrowed until the next change; size 0 where there is none. */
sdx_bytes draft_field(const draft *d, const char *name);

/* The item, borrowed until the next draft_begin or draft_add; NULL where memory ran out. */
const sdx_item *draft_item(draft *d);

#endif
