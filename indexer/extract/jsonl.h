/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jsonl.h - items as JSON Lines: one object a line, for hosts in any language.
 *
 *   {"id": "...", "kind": "message", "date": 1717200000, "sent": ...,
 *    "fields": {"subject": "...", "to": ["...", "..."], ...},
 *    "attributes": {"folder": "..." or [...], "flags": [...], "labels": [...], "thread": "...",
 *                   "size": 1234, "has_attachment": true},
 *    "payload": "...", "expires": ...}
 *
 * "payload_base64" in the place of "payload" is for bytes that are not UTF-8.
 *
 * id and fields must be there; kind is "message" where not said. Times are epoch seconds, or text
 * in ISO 8601 (a date alone is 00:00 UTC). Members with other names are passed over. Bytes that are
 * not UTF-8, and halves of surrogate pairs, are repaired.
 */
#ifndef SEALDEX_EXTRACT_JSONL_H
#define SEALDEX_EXTRACT_JSONL_H

#include "indexer/extract/draft.h"

#define JSONL_LINE_MAX ((size_t)64 << 20)

/* One line, without its end; the id of the item is set where it could be read, also of one refused.
 */
bool jsonl_extract(const void *bytes, size_t size, draft *d);

/* Reads lines from a descriptor. */
typedef struct jsonl {
  int fd; /* borrowed */
  buffer data;
  size_t at;       /* where the next line begins in it */
  uint64_t line;   /* number of the line given last, from 1 */
  uint64_t offset; /* bytes given so far */
  bool end_of_file;
} jsonl;

typedef struct jsonl_line {
  const char *bytes; /* borrowed until the next step */
  size_t size;
  bool too_long; /* longer than JSONL_LINE_MAX, and passed over */
} jsonl_line;

void jsonl_open(jsonl *l, int fd);
/* The next line that is not blank; SDX_NOT_FOUND at the end. */
sdx_status jsonl_next(jsonl *l, jsonl_line *out, sdx_error *err) SDX_CHECK;
void jsonl_close(jsonl *l);

#endif
