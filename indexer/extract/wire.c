/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/wire.h"

#include <string.h>

void wire_put_batch(buffer *out, uint32_t count, uint64_t size) {
  buffer_put_u32(out, WIRE_MAGIC);
  buffer_put_u32(out, count);
  buffer_put_u64(out, size);
}

bool wire_get_batch(uint32_t *count, uint64_t *size, const uint8_t bytes[WIRE_BATCH_HEAD]) {
  cursor c = cursor_over(bytes, WIRE_BATCH_HEAD);
  const uint32_t magic = cursor_get_u32(&c);
  *count = cursor_get_u32(&c);
  *size = cursor_get_u64(&c);
  return magic == WIRE_MAGIC && *size <= WIRE_REQUEST_HEAD + WIRE_INPUT_MAX;
}

void wire_put_request(buffer *out, const wire_request *request) {
  buffer_put_u8(out, (uint8_t)request->type);
  buffer_put_u8(out, (uint8_t)(request->bare | request->invitations << 1));
  buffer_put_u64(out, (uint64_t)request->now);
  buffer_put_u64(out, (uint64_t)request->fallback);
  buffer_put_u64(out, (uint64_t)request->stamp);
  buffer_put_u64(out, request->size);
}

bool wire_get_request(wire_request *out, const uint8_t **bytes, cursor *c) {
  *out = (wire_request){ .type = (file_type)cursor_get_u8(c) };
  const uint8_t flags = cursor_get_u8(c);
  out->bare = (flags & 1) != 0;
  out->invitations = (flags & 2) != 0;
  out->now = (int64_t)cursor_get_u64(c);
  out->fallback = (int64_t)cursor_get_u64(c);
  out->stamp = (int64_t)cursor_get_u64(c);
  out->size = cursor_get_u64(c);
  *bytes = cursor_get(c, out->size);
  return !c->failed;
}

/* ---------------------------------------------------------------- items */

static void put_span(buffer *out, const draft *d, draft_span span) {
  buffer_put_varint(out, span.size);
  if (span.size > 0) buffer_put(out, d->text.data + span.at, span.size);
}

static void put_list(buffer *out, const draft *d, const draft_list *list) {
  buffer_put_varint(out, list->count);
  for (size_t i = 0; i < list->count; i++) put_span(out, d, list->spans[i]);
}

void wire_put_item(buffer *out, const draft *d) {
  if (d->failed || d->text.failed || d->body.failed) {
    out->failed = true;
    return;
  }
  buffer_put_u8(out, (uint8_t)d->kind);
  buffer_put_u8(out, (uint8_t)(d->has_attachment | d->partial << 1));
  buffer_put_zigzag(out, d->date);
  buffer_put_zigzag(out, d->sent);
  buffer_put_zigzag(out, d->expires);
  buffer_put_varint(out, d->size);
  const char *reason = d->partial && d->reason != NULL ? d->reason : "";
  buffer_put_string(out, reason, strlen(reason));
  put_span(out, d, d->id);
  put_span(out, d, d->thread);
  buffer_put_string(out, d->body.data, d->body.size);
  buffer_put_varint(out, d->fields.count);
  for (size_t i = 0; i < d->fields.count; i++) {
    put_span(out, d, d->names.spans[i]);
    put_span(out, d, d->fields.spans[i]);
  }
  put_list(out, d, &d->folders);
  put_list(out, d, &d->flags);
  put_list(out, d, &d->labels);
}

void wire_get_reason(char reason[WIRE_REASON_MAX + 1], const void *bytes, size_t size) {
  const char *at = bytes;
  if (size > WIRE_REASON_MAX) size = WIRE_REASON_MAX;
  for (size_t i = 0; i < size; i++) {
    const bool sane = (at[i] >= 'a' && at[i] <= 'z') || (at[i] >= 'A' && at[i] <= 'Z') ||
                      (at[i] != '\0' && strchr(" ,.:;'()-/0123456789", at[i]) != NULL);
    reason[i] = sane ? at[i] : '?';
  }
  reason[size] = '\0';
}

/* A name of letters and dashes, which the index then may know or not. */
static bool get_name(char name[33], cursor *c) {
  size_t size = 0;
  const uint8_t *bytes = cursor_get_string(c, &size); /* its NUL is part of it */
  if (bytes == NULL || size < 2 || size > 32 || bytes[size - 1] != 0) return false;
  for (size_t i = 0; i + 1 < size; i++)
    if ((bytes[i] < 'a' || bytes[i] > 'z') && bytes[i] != '-') return false;
  memcpy(name, bytes, size);
  return true;
}

static bool get_fields(draft *d, cursor *c) {
  char name[33];
  size_t size = 0;
  for (uint64_t count = cursor_get_varint(c); count > 0 && !c->failed; count--) {
    if (!get_name(name, c)) return false;
    const uint8_t *text = cursor_get_string(c, &size);
    if (text != NULL) draft_add_field(d, name, text, size);
  }
  return !c->failed;
}

static bool get_list(draft *d, cursor *c, void (*add)(draft *, const void *, size_t)) {
  size_t size = 0;
  uint64_t count = cursor_get_varint(c);
  if (count > 1000) return false;
  for (; count > 0 && !c->failed; count--) {
    const uint8_t *text = cursor_get_string(c, &size);
    if (text != NULL) add(d, text, size);
  }
  return !c->failed;
}

bool wire_get_item(draft *d, char reason[WIRE_REASON_MAX + 1], const void *bytes, size_t size) {
  cursor c = cursor_over(bytes, size);
  const uint8_t kind = cursor_get_u8(&c);
  const uint8_t flags = cursor_get_u8(&c);
  if (kind < SDX_MESSAGE || kind > SDX_DOCUMENT) return false;
  d->kind = (sdx_kind)kind;
  d->has_attachment = flags & 1;
  d->partial = flags & 2;
  d->date = cursor_get_zigzag(&c);
  d->sent = cursor_get_zigzag(&c);
  d->expires = cursor_get_zigzag(&c);
  d->size = cursor_get_varint(&c);
  size_t length = 0;
  const uint8_t *text = cursor_get_string(&c, &length);
  wire_get_reason(reason, text, text != NULL ? length : 0);
  d->reason = d->partial ? reason : NULL;
  text = cursor_get_string(&c, &length);
  if (length > 0) draft_set_id(d, text, length);
  text = cursor_get_string(&c, &length);
  if (length > 0) draft_set_thread(d, text, length);
  text = cursor_get_string(&c, &length);
  if (length > 0) buffer_put(&d->body, text, length);
  return !c.failed && get_fields(d, &c) && get_list(d, &c, draft_add_folder) &&
         get_list(d, &c, draft_add_flag) && get_list(d, &c, draft_add_label) &&
         cursor_left(&c) == 0;
}
