/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/draft.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"
#include "indexer/extract/charset.h"

#define DRAFT_KEEP ((size_t)1 << 20) /* a buffer that grew beyond this is given back */

static void list_free(draft_list *list) {
  free(list->spans);
  *list = (draft_list){ 0 };
}

static void buffer_recycle(buffer *b) {
  if (b->capacity > DRAFT_KEEP || b->failed)
    buffer_free(b);
  else
    buffer_reset(b);
}

void draft_begin(draft *d, sdx_kind kind, int64_t now) {
  buffer_recycle(&d->body);
  buffer_recycle(&d->text);
  d->names.count = d->fields.count = d->folders.count = d->flags.count = d->labels.count = 0;
  d->id = d->thread = d->payload = (draft_span){ 0 };
  d->now = now;
  d->stamp = 0;
  d->fallback = 0;
  d->kind = kind;
  d->date = d->sent = d->expires = 0;
  d->size = 0;
  d->has_attachment = d->partial = d->failed = false;
  d->reason = NULL;
  d->attachment_size = 0;
}

void draft_free(draft *d) {
  buffer_free(&d->body);
  buffer_free(&d->text);
  list_free(&d->names);
  list_free(&d->fields);
  list_free(&d->folders);
  list_free(&d->flags);
  list_free(&d->labels);
  free(d->item_fields);
  free(d->item_lists);
  *d = (draft)DRAFT_INIT;
}

static draft_span put(draft *d, const void *bytes, size_t size) {
  const draft_span span = { .at = d->text.size, .size = size };
  buffer_put(&d->text, bytes, size);
  return span;
}

/* The capacity to grow an array to that must hold `count`; 0 where it is large enough. */
static size_t grown(size_t count, size_t capacity) {
  if (count <= capacity) return 0;
  return count < 16 ? 16 : count * 2;
}

static void list_add(draft *d, draft_list *list, draft_span span) {
  const size_t capacity = grown(list->count + 1, list->capacity);
  if (capacity != 0) {
    draft_span *spans = reallocarray(list->spans, capacity, sizeof *spans);
    if (spans == NULL) {
      d->failed = true;
      return;
    }
    list->spans = spans;
    list->capacity = capacity;
  }
  list->spans[list->count++] = span;
}

void draft_add_field(draft *d, const char *name, const void *text, size_t size) {
  if (size == 0) return;
  list_add(d, &d->names, put(d, name, strlen(name) + 1));
  list_add(d, &d->fields, put(d, text, size));
}

void draft_add_attachment(draft *d, const char *name, const void *text, size_t size) {
  if (size == 0) return;
  buffer whole = BUFFER_INIT;
  if (name != NULL && name[0] != '\0') {
    (void)charset_decode(&whole, DRAFT_NAME_MAX, NULL, name, strlen(name));
    buffer_put_u8(&whole, '\n');
  }
  buffer_put(&whole, text, size);
  if (whole.failed) d->failed = true;
  draft_add_field(d, "attachment", whole.data, whole.failed ? 0 : whole.size);
  buffer_free(&whole);
}

static bool list_has(const draft *d, const draft_list *list, const void *text, size_t size) {
  for (size_t i = 0; i < list->count; i++)
    if (list->spans[i].size == size && memcmp(d->text.data + list->spans[i].at, text, size) == 0)
      return true;
  return false;
}

static void set_add(draft *d, draft_list *list, const void *text, size_t size) {
  if (size == 0 || d->text.failed || list_has(d, list, text, size)) return;
  list_add(d, list, put(d, text, size));
}

void draft_add_folder(draft *d, const void *name, size_t size) {
  set_add(d, &d->folders, name, size);
}
void draft_add_flag(draft *d, const void *name, size_t size) {
  set_add(d, &d->flags, name, size);
}
void draft_add_label(draft *d, const void *name, size_t size) {
  set_add(d, &d->labels, name, size);
}
void draft_set_id(draft *d, const void *id, size_t size) {
  d->id = put(d, id, size);
}
void draft_set_digest_id(draft *d) {
  GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
  if (!d->text.failed && d->text.size > 0)
    g_checksum_update(sum, d->text.data, (gssize)d->text.size);
  if (!d->body.failed && d->body.size > 0)
    g_checksum_update(sum, d->body.data, (gssize)d->body.size);
  draft_set_id(d, g_checksum_get_string(sum), 32);
  g_checksum_free(sum);
}
void draft_set_thread(draft *d, const void *id, size_t size) {
  d->thread = put(d, id, size);
}
void draft_set_payload(draft *d, const void *bytes, size_t size) {
  d->payload = put(d, bytes, size);
}

void draft_set_partial(draft *d, const char *reason) {
  if (d->partial) return;
  d->partial = true;
  d->reason = reason;
}

bool draft_refuse(draft *d, const char *reason) {
  d->partial = false;
  d->reason = reason;
  return false;
}

static sdx_bytes lend(const draft *d, draft_span span) {
  if (span.size == 0) return (sdx_bytes){ 0 };
  return (sdx_bytes){ .data = (const char *)d->text.data + span.at, .size = span.size };
}

sdx_bytes draft_field(const draft *d, const char *name) {
  if (d->failed || d->text.failed) return (sdx_bytes){ 0 };
  for (size_t i = 0; i < d->fields.count; i++)
    if (strcmp((const char *)d->text.data + d->names.spans[i].at, name) == 0)
      return lend(d, d->fields.spans[i]);
  return (sdx_bytes){ 0 };
}

static const sdx_bytes *lend_list(const draft *d, const draft_list *list, sdx_bytes **free_place) {
  if (list->count == 0) return NULL;
  sdx_bytes *first = *free_place;
  for (size_t i = 0; i < list->count; i++) first[i] = lend(d, list->spans[i]);
  *free_place += list->count;
  return first;
}

static bool make_room(draft *d, size_t fields, size_t names) {
  size_t capacity = grown(fields, d->item_fields_capacity);
  if (capacity != 0) {
    free(d->item_fields);
    d->item_fields = calloc(capacity, sizeof *d->item_fields);
    d->item_fields_capacity = d->item_fields != NULL ? capacity : 0;
  }
  capacity = grown(names, d->item_lists_capacity);
  if (capacity != 0) {
    free(d->item_lists);
    d->item_lists = calloc(capacity, sizeof *d->item_lists);
    d->item_lists_capacity = d->item_lists != NULL ? capacity : 0;
  }
  return fields <= d->item_fields_capacity && names <= d->item_lists_capacity;
}

const sdx_item *draft_item(draft *d) {
  if (d->failed || d->text.failed || d->body.failed) return NULL;
  const size_t names = d->folders.count + d->flags.count + d->labels.count;
  if (!make_room(d, d->fields.count + 1, names)) return NULL;
  size_t count = 0;
  if (d->body.size > 0)
    d->item_fields[count++] =
        (sdx_field){ .name = "body",
                     .text = { .data = (const char *)d->body.data, .size = d->body.size } };
  for (size_t i = 0; i < d->fields.count; i++)
    d->item_fields[count++] =
        (sdx_field){ .name = (const char *)d->text.data + d->names.spans[i].at,
                     .text = lend(d, d->fields.spans[i]) };
  sdx_bytes *place = d->item_lists;
  d->item = (sdx_item){ .version = 1,
                        .id = lend(d, d->id),
                        .kind = d->kind,
                        .date = d->date,
                        .sent = d->sent,
                        .fields = d->item_fields,
                        .field_count = count,
                        .folder_count = d->folders.count,
                        .flag_count = d->flags.count,
                        .label_count = d->labels.count,
                        .thread = lend(d, d->thread),
                        .size = d->size,
                        .has_attachment = d->has_attachment,
                        .payload = lend(d, d->payload),
                        .expires = d->expires };
  d->item.folders = lend_list(d, &d->folders, &place);
  d->item.flags = lend_list(d, &d->flags, &place);
  d->item.labels = lend_list(d, &d->labels, &place);
  return &d->item;
}
