/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/item.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/wipe.h"
#include "index/bytes.h"

void item_work_free(item_work *w) {
  buffer_free(&w->text);
  buffer_free(&w->keys);
  plain_free(w->key_list);
  plain_free(w->term_list);
  wipe(w, sizeof *w);
}

/* ------------------------------------------------------------------ checking */

static sdx_status check_values(const sdx_bytes *values, size_t count, sdx_error *err) {
  if (count > ITEM_ATTRIBUTES_MAX)
    return error_set(err, SDX_INVALID, "an item has at most %d folders, flags or labels",
                     ITEM_ATTRIBUTES_MAX);
  for (size_t i = 0; i < count; i++)
    if (values[i].size == 0 || values[i].size > ITEM_ATTRIBUTE_MAX)
      return error_set(err, SDX_INVALID, "a folder, flag or label has 1 to %d bytes",
                       ITEM_ATTRIBUTE_MAX);
  return SDX_OK;
}

static sdx_status check_fields(const sdx_item *item, uint64_t *bytes, sdx_error *err) {
  *bytes = 0;
  for (size_t i = 0; i < item->field_count; i++) {
    const sdx_field *f = &item->fields[i];
    if (f->name == NULL || text_field_find(f->name, strlen(f->name)) == NULL)
      return error_set(err, SDX_INVALID, "field %zu has a name that is not known", i);
    *bytes += f->text.size;
    if (*bytes > ITEM_TEXT_MAX)
      return error_set(err, SDX_INVALID, "the text of an item has at most %u MiB", ITEM_TEXT_MAX >> 20);
  }
  return SDX_OK;
}

static sdx_status check(const sdx_item *item, uint64_t *text_bytes, sdx_error *err) {
  if (item == NULL || item->version != 1)
    return error_set(err, SDX_INVALID, "an item of version 1 is needed");
  if (item->id.data == NULL || item->id.size == 0 || item->id.size > SDX_ID_MAX)
    return error_set(err, SDX_INVALID, "an item's id has 1 to %d bytes", SDX_ID_MAX);
  if (item->kind < SDX_MESSAGE || item->kind > SDX_DOCUMENT)
    return error_set(err, SDX_INVALID, "an item of an unknown kind");
  if (item->payload.size > ITEM_PAYLOAD_MAX)
    return error_set(err, SDX_INVALID, "a payload has at most %u MiB", ITEM_PAYLOAD_MAX >> 20);
  if (item->thread.size > ITEM_ATTRIBUTE_MAX)
    return error_set(err, SDX_INVALID, "a thread id has at most %d bytes", ITEM_ATTRIBUTE_MAX);
  if (item->expires < 0) return error_set(err, SDX_INVALID, "an item's expiry is before 1970");
  sdx_status status = check_values(item->folders, item->folder_count, err);
  if (status == SDX_OK) status = check_values(item->flags, item->flag_count, err);
  if (status == SDX_OK) status = check_values(item->labels, item->label_count, err);
  return status == SDX_OK ? check_fields(item, text_bytes, err) : status;
}

/* ------------------------------------------------------------------ preparing */

static int by_bytes(const void *a, const void *b) {
  const sdx_bytes *x = a, *y = b;
  const int order = memcmp(x->data, y->data, x->size < y->size ? x->size : y->size);
  return order != 0 ? order : (x->size > y->size) - (x->size < y->size);
}

static void put_keys(item_work *w, char letter, const sdx_bytes *values, size_t count, size_t *n) {
  for (size_t i = 0; i < count; i++) {
    const size_t at = w->keys.size;
    buffer_put_u8(&w->keys, (uint8_t)letter);
    buffer_put(&w->keys, values[i].data, values[i].size);
    w->key_list[(*n)++] = (sdx_bytes){ (const char *)w->keys.data + at, values[i].size + 1 };
  }
}

/* The item's attribute keys, sorted, each once: the same set always has the same digest. */
static sdx_status prepare_attributes(item_work *w, const sdx_item *item, sdx_error *err) {
  const size_t count = item->folder_count + item->flag_count + item->label_count;
  size_t room = 0, n = 0, kept = 0;
  for (size_t i = 0; i < item->folder_count; i++) room += item->folders[i].size + 1;
  for (size_t i = 0; i < item->flag_count; i++) room += item->flags[i].size + 1;
  for (size_t i = 0; i < item->label_count; i++) room += item->labels[i].size + 1;
  if (count > w->key_capacity) {
    sdx_bytes *grown = plain_resize(w->key_list, count * sizeof *grown);
    if (grown == NULL) return error_memory(err);
    w->key_list = grown;
    w->key_capacity = count;
  }
  buffer_reset(&w->keys);
  if (room > 0 && !buffer_reserve(&w->keys, room)) return error_memory(err); /* it must not move */
  put_keys(w, 'f', item->folders, item->folder_count, &n);
  put_keys(w, 'g', item->flags, item->flag_count, &n);
  put_keys(w, 'l', item->labels, item->label_count, &n);
  if (n > 1) qsort(w->key_list, n, sizeof *w->key_list, by_bytes);
  for (size_t i = 0; i < n; i++)
    if (kept == 0 || by_bytes(&w->key_list[kept - 1], &w->key_list[i]) != 0)
      w->key_list[kept++] = w->key_list[i];
  w->built.attributes = w->key_list;
  w->built.attribute_count = kept;
  return SDX_OK;
}

static void prepare_text(item_work *w, const sdx_item *item) {
  buffer_reset(&w->text);
  for (size_t i = 0; i < item->field_count; i++)
    record_fields_put(&w->text, item->fields[i].name, item->fields[i].text.data,
                      item->fields[i].text.size);
  if (item->thread.size > 0)
    record_fields_put(&w->text, ITEM_THREAD_FIELD, item->thread.data, item->thread.size);
}

/* The host's thread; else the message's own id; else the item is a thread of its own. */
static uint64_t thread_of(const sdx_index *index, const sdx_item *item) {
  sdx_bytes name = item->thread;
  for (size_t i = 0; i < item->field_count && name.size == 0; i++)
    if (strcmp(item->fields[i].name, "message-id") == 0) name = item->fields[i].text;
  if (name.size == 0) name = item->id;
  uint8_t hash[16];
  secret_hash(hash, sizeof hash, index->thread_key, name.data, name.size);
  return get_le(hash, 8);
}

static void digest(item_work *w, const sdx_index *index, const sdx_item *item) {
  uint8_t bytes[80] = { 0 }, hash[16];
  secret_hash(bytes, 16, index->content_key, w->text.data, w->text.size);
  secret_hash(bytes + 16, 16, index->content_key, item->payload.data, item->payload.size);
  put_le(bytes + 32, (uint64_t)item->kind, 8);
  put_le(bytes + 40, (uint64_t)item->date, 8);
  put_le(bytes + 48, (uint64_t)item->sent, 8);
  put_le(bytes + 56, item->size, 8);
  put_le(bytes + 64, item->has_attachment, 8);
  secret_hash(hash, sizeof hash, index->content_key, bytes, sizeof bytes);
  w->content = get_le(hash, 8);

  buffer keys = BUFFER_INIT;
  for (size_t i = 0; i < w->built.attribute_count; i++)
    buffer_put_string(&keys, w->key_list[i].data, w->key_list[i].size);
  secret_hash(hash, sizeof hash, index->content_key, keys.data, keys.size);
  w->attributes = (uint32_t)get_le(hash, 4);
  if (keys.failed) w->text.failed = true;
  buffer_free(&keys);
  wipe(bytes, sizeof bytes);
}

sdx_status item_prepare(item_work *w, const sdx_index *index, const sdx_item *item, sdx_error *err) {
  uint64_t text_bytes = 0;
  sdx_status status = check(item, &text_bytes, err);
  if (status == SDX_OK) status = prepare_attributes(w, item, err);
  if (status != SDX_OK) return status;
  prepare_text(w, item);
  place_blind(w->blind, index->id_key, item->id);
  digest(w, index, item);
  if (w->text.failed || w->keys.failed) return error_memory(err);
  w->built.id = item->id;
  w->built.kind = item->kind;
  w->built.date = item->date;
  w->built.sent = item->sent;
  w->built.expires = item->expires;
  w->built.size = item->size;
  w->built.thread = thread_of(index, item);
  w->built.has_attachment = item->has_attachment;
  w->built.text_bytes = text_bytes;
  w->built.text = index->settings.store_text
                      ? (sdx_bytes){ (const char *)w->text.data, w->text.size }
                      : (sdx_bytes){ NULL, 0 };
  w->built.payload = item->payload;
  return SDX_OK;
}

/* ------------------------------------------------------------------ analysing */

sdx_bytes item_fields(const item_work *w) {
  return (sdx_bytes){ (const char *)w->text.data, w->text.size };
}

/* The longest field says what language the item is in. */
static sdx_status detect(text_analyser *a, sdx_bytes fields, sdx_error *err) {
  cursor c = cursor_over(fields.data, fields.size);
  sdx_bytes name, text, longest = { NULL, 0 };
  if (text_language_count(a) < 2) return SDX_OK;
  while (record_fields_next(&c, &name, &text)) {
    const text_field_rule *rule = text_field_find(name.data, name.size);
    if (rule == NULL || rule->weight == 0) continue; /* no words */
    if (text.size > longest.size) longest = text;
  }
  return longest.size == 0 ? SDX_OK : text_detect(a, longest.data, longest.size, err);
}

/* Marks an item whose date filters go by when it takes place (query/occurs.h). */
static sdx_status mark_occurring(text_analyser *a, sdx_bytes fields, sdx_error *err) {
  cursor c = cursor_over(fields.data, fields.size);
  sdx_bytes name, text;
  while (record_fields_next(&c, &name, &text))
    if (name.size == 6 && memcmp(name.data, "occurs", 6) == 0)
      return text_add_filter(a, TEXT_OCCURS, sizeof(TEXT_OCCURS) - 1, err);
  return SDX_OK;
}

/* The fields that are bodies, or all others. */
static sdx_status analyse_some(text_analyser *a, sdx_bytes fields, bool bodies, sdx_error *err) {
  cursor c = cursor_over(fields.data, fields.size);
  sdx_status status = SDX_OK;
  sdx_bytes name, text;
  while (status == SDX_OK && record_fields_next(&c, &name, &text)) {
    const text_field_rule *rule = text_field_find(name.data, name.size);
    if (rule == NULL || (rule->prefix[0] == '\0') != bodies) continue; /* none: the host's thread id */
    status = text_add_field(a, rule, text.data, text.size, err);
  }
  return status;
}

sdx_status item_analyse(text_analyser *a, sdx_bytes fields, text_terms *out, sdx_error *err) {
  sdx_status status = text_begin(a, err);
  if (status == SDX_OK) status = detect(a, fields, err);
  if (status == SDX_OK) status = analyse_some(a, fields, true, err);
  if (status == SDX_OK) status = analyse_some(a, fields, false, err);
  if (status == SDX_OK) status = mark_occurring(a, fields, err);
  return status == SDX_OK ? text_finish(a, out, err) : status;
}

static int by_term(const void *a, const void *b) {
  return by_bytes(&((const record_term *)a)->term, &((const record_term *)b)->term);
}

sdx_status item_encode(item_work *w, const text_analyser *a, buffer *out, sdx_error *err) {
  const size_t count = w->terms.count;
  size_t positions = 0;
  if (count > w->term_capacity) {
    record_term *grown = plain_resize(w->term_list, count * sizeof *grown);
    if (grown == NULL) return error_memory(err);
    w->term_list = grown;
    w->term_capacity = count;
  }
  for (size_t i = 0; i < count; i++) {
    const text_term *t = &w->terms.terms[i];
    w->term_list[i] = (record_term){ .term = text_vocabulary_term(a, t->id), .wdf = t->wdf,
                                     .first = t->first, .count = t->count };
    if (t->first + t->count > positions) positions = t->first + t->count;
  }
  if (count > 1) qsort(w->term_list, count, sizeof *w->term_list, by_term);
  const builder_item *b = &w->built;
  record r = { .id = b->id, .kind = b->kind, .date = b->date, .sent = b->sent,
               .expires = b->expires, .size = b->size, .thread = b->thread,
               .has_attachment = b->has_attachment, .analyser = TEXT_ANALYSER_VERSION,
               .length = w->terms.length, .body_end = w->terms.body_end,
               .text_bytes = b->text_bytes, .attributes = b->attributes,
               .attribute_count = b->attribute_count, .text = b->text, .payload = b->payload,
               .terms = w->term_list, .term_count = count, .positions = w->terms.positions,
               .position_count = positions };
  strncpy(r.language, text_language_code(a, w->terms.language), sizeof r.language - 1);
  record_encode(out, &r);
  return out->failed ? error_memory(err) : SDX_OK;
}
