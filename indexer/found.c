/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/found.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/plain.h"
#include "base/stack.h"
#include "base/wipe.h"
#include "index/place.h"
#include "indexer/item.h"

void found_clear(sdx_found *f) {
  buffer_free(&f->id);
  buffer_free(&f->text);
  buffer_free(&f->payload);
  buffer_free(&f->attributes);
  for (size_t i = 0; i < f->field_count; i++) plain_free(f->names[i]);
  plain_free(f->names);
  plain_free(f->fields);
  plain_free(f->values);
  wipe(f, sizeof *f);
}

static sdx_bytes bytes_of(const buffer *b) {
  return (sdx_bytes){ (const char *)b->data, b->size };
}

/* ------------------------------------------------------------------ fields */

static sdx_status split_fields(sdx_found *f, sdx_error *err) {
  sdx_bytes name, text;
  size_t count = 0;
  cursor c = cursor_over(f->text.data, f->text.size);
  while (record_fields_next(&c, &name, &text)) count++;
  if (c.failed) return error_set(err, SDX_DAMAGED, "the stored text of an item is malformed");
  f->fields = plain_array(count + 1, sizeof *f->fields);
  f->names = plain_array(count + 1, sizeof *f->names);
  if (f->fields == NULL || f->names == NULL) return error_memory(err);
  c = cursor_over(f->text.data, f->text.size);
  while (record_fields_next(&c, &name, &text)) {
    if (name.size == strlen(ITEM_THREAD_FIELD) &&
        memcmp(name.data, ITEM_THREAD_FIELD, name.size) == 0) {
      f->item.thread = text;
      continue;
    }
    char *copy = plain_alloc(name.size + 1);
    if (copy == NULL) return error_memory(err);
    memcpy(copy, name.data, name.size);
    f->names[f->field_count] = copy;
    f->fields[f->field_count++] = (sdx_field){ copy, text };
  }
  f->item.fields = f->fields;
  f->item.field_count = f->field_count;
  return SDX_OK;
}

/* ------------------------------------------------------------------ attributes */

static size_t pick(const buffer *strings, char letter, sdx_bytes *out) {
  size_t n = 0;
  cursor c = cursor_over(strings->data, strings->size);
  while (cursor_left(&c) > 0 && !c.failed) {
    size_t size;
    const uint8_t *key = cursor_get_string(&c, &size);
    if (key == NULL || size == 0 || key[0] != (uint8_t)letter) continue;
    if (out != NULL) out[n] = (sdx_bytes){ (const char *)key + 1, size - 1 };
    n++;
  }
  return n;
}

static sdx_status split_attributes(sdx_found *f, sdx_error *err) {
  sdx_item *item = &f->item;
  item->folder_count = pick(&f->attributes, 'f', NULL);
  item->flag_count = pick(&f->attributes, 'g', NULL);
  item->label_count = pick(&f->attributes, 'l', NULL);
  f->values = plain_array(item->folder_count + item->flag_count + item->label_count + 1,
                     sizeof *f->values);
  if (f->values == NULL) return error_memory(err);
  sdx_bytes *at = f->values;
  item->folders = at;
  at += pick(&f->attributes, 'f', at);
  item->flags = at;
  at += pick(&f->attributes, 'g', at);
  item->labels = at;
  (void)pick(&f->attributes, 'l', at);
  return SDX_OK;
}

/* ------------------------------------------------------------------ the item */

/* The date of expiry stands with the item's place, where it may have changed. */
static sdx_status find_expiry(sdx_found *f, view_read *r, sdx_error *err) {
  uint8_t blind[BLIND_SIZE];
  place p;
  place_blind(blind, r->index->id_key, bytes_of(&f->id));
  const sdx_status status = place_get(r->txn, r->index->table_key, blind, &p, err);
  if (status == SDX_NOT_FOUND)
    return error_set(err, SDX_DAMAGED, "an item stands in a segment and not in \"ids\"");
  f->item.expires = p.expires;
  return status;
}

sdx_status found_read(sdx_found *f, view_read *r, size_t number, uint32_t ordinal,
                      const attributes *a, sdx_error *err) {
  const segment *seg = r->view->segments[number].seg;
  block_ref hold = BLOCK_REF_INIT;
  segment_item item;
  found_clear(f);
  f->item.version = 1;
  sdx_status status = segment_item_get(seg, &r->session, ordinal, &item, &hold);
  if (status == SDX_OK) {
    buffer_put(&f->id, item.id.data, item.id.size);
    f->item.kind = item.kind;
    f->item.date = item.date;
    f->item.sent = item.sent;
    f->item.size = item.size;
    f->item.has_attachment = item.has_attachment;
  }
  if (status == SDX_OK && item.has_text) status = segment_text_get(seg, &r->session, &item, &f->text);
  if (status == SDX_OK && item.has_payload)
    status = segment_payload_get(seg, &r->session, &item, &f->payload);
  block_release(&hold);
  if (status != SDX_OK) return status;
  if (a != NULL) attributes_of(a, ordinal, &f->attributes);
  if (f->id.failed || f->text.failed || f->payload.failed || f->attributes.failed)
    return error_memory(err);
  f->item.id = bytes_of(&f->id);
  f->item.payload = bytes_of(&f->payload);
  f->complete = (r->view->partial & VIEW_CHANGES_MISSING) == 0;
  status = split_fields(f, err);
  if (status == SDX_OK) status = split_attributes(f, err);
  return status == SDX_OK ? find_expiry(f, r, err) : status;
}

sdx_status found_fill(sdx_found *f, view_read *r, size_t number, uint32_t ordinal, sdx_error *err) {
  const attributes *a = NULL;
  const sdx_status status = view_attributes(r, number, &a, err);
  return status == SDX_OK ? found_read(f, r, number, ordinal, a, err) : status;
}

static sdx_status show(sdx_index *index, sdx_bytes id, int64_t now, sdx_found **out, sdx_error *err) {
  view_read r;
  size_t number;
  uint32_t ordinal;
  sdx_status status = index_check(index, err);
  if (status != SDX_OK) return status;
  if (id.data == NULL || id.size == 0 || id.size > SDX_ID_MAX)
    return error_set(err, SDX_INVALID, "an id has 1 to %d bytes", SDX_ID_MAX);
  sdx_found *f = plain_alloc(sizeof *f);
  if (f == NULL) return error_memory(err);
  status = view_begin_at(&r, index, 0, now, err);
  if (status == SDX_OK) {
    status = view_find(&r, id, &number, &ordinal, err);
    if (status == SDX_OK) status = found_fill(f, &r, number, ordinal, err);
    view_end(&r);
  }
  if (status == SDX_OK) *out = f;
  else sdx_found_free(f);
  return status;
}

typedef struct showing {
  sdx_index *index;
  sdx_bytes id;
  int64_t now;
  sdx_found **out;
  sdx_error *err;
  sdx_status status;
} showing;

static void show_aside(void *context) {
  showing *a = context;
  a->status = show(a->index, a->id, a->now, a->out, a->err);
}

sdx_status sdx_show(sdx_index *index, sdx_bytes id, int64_t now, sdx_found **out, sdx_error *err) {
  showing a = { .index = index, .id = id, .now = now, .out = out, .err = err };
  if (out == NULL) return error_no_place(err);
  return stack_aside(show_aside, &a) ? a.status : error_memory(err);
}

const sdx_item *sdx_found_item(const sdx_found *found) { return &found->item; }

bool sdx_found_complete(const sdx_found *found) { return found->complete; }

void sdx_found_free(sdx_found *found) {
  if (found == NULL) return;
  found_clear(found);
  plain_free(found);
}
