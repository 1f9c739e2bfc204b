/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire.h - what goes between the host and the worker that reads for it (worker.h).
 *
 *   at the start: the zones of zones.h, as they stand
 *   batch:        u32 "SDXW", u32 count, u64 size of what follows, and so many requests
 *   request:      u8 type, u8 flags (1 bare, 2 invitations), i64 now, fallback, stamp, u64 size, and so many
 *                 bytes
 *   reply:        to each request of the batch in turn, frames of u32 size and so many bytes: u8 WIRE_ITEM and
 *                 an item, u8 WIRE_REFUSED and a reason, or u8 WIRE_END, which ends the reply
 *   item:         u8 kind, u8 flags (1 attachment, 2 partial), zigzag date, sent, expires; varint size;
 *                 strings reason, id, thread, body; then fields (name, text), folders, flags, labels, each
 *                 as a varint count and strings
 *
 * Numbers are as in buffer.h. Both programs are of one build, so there is no version. The worker
 * may have been taken over by what it read: the host believes nothing of a reply but its text.
 */
#ifndef SEALDEX_EXTRACT_WIRE_H
#define SEALDEX_EXTRACT_WIRE_H

#include "base/cursor.h"
#include "indexer/extract/draft.h"
#include "indexer/extract/file_type.h"

#define WIRE_MAGIC 0x57584453u
#define WIRE_FRAME_MAX ((size_t)48 << 20)
#define WIRE_INPUT_MAX ((uint64_t)256 << 20) /* bytes of one file */
#define WIRE_REASON_MAX 120

enum { WIRE_ITEM = 1, WIRE_REFUSED = 2, WIRE_END = 3 };

typedef struct wire_request {
  file_type type;
  bool bare;        /* leave attachments unread */
  bool invitations; /* behind a message, the events of calendars attached to it */
  int64_t now;
  int64_t fallback;
  int64_t stamp; /* when the source was written, or 0 (draft.h) */
  uint64_t size;
} wire_request;

/* What stands before the requests of a batch, and before the bytes of a request. */
#define WIRE_BATCH_HEAD 16
#define WIRE_REQUEST_HEAD 34
void wire_put_batch(buffer *out, uint32_t count, uint64_t size);
bool wire_get_batch(uint32_t *count, uint64_t *size, const uint8_t bytes[WIRE_BATCH_HEAD]);
/* The request without its bytes; and with them, which are borrowed. */
void wire_put_request(buffer *out, const wire_request *request);
bool wire_get_request(wire_request *out, const uint8_t **bytes, cursor *c);

void wire_put_item(buffer *out, const draft *d);
/* Fills *d, which has been begun; false where the bytes are no item. A reason is kept where it is
 * of letters and points; it goes to reason[], which d->reason then points to. */
bool wire_get_item(draft *d, char reason[WIRE_REASON_MAX + 1], const void *bytes, size_t size);
void wire_get_reason(char reason[WIRE_REASON_MAX + 1], const void *bytes, size_t size);

#endif
