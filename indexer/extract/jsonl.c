/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/jsonl.h"

#include <glib.h>
#include <json.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/wipe.h"
#include "indexer/extract/charset.h"

#define STEP ((size_t)1 << 18)
#define DEPTH 16

/* ---------------------------------------------------------------- one line */

static sdx_bytes text_of(struct json_object *value) {
  if (!json_object_is_type(value, json_type_string)) return (sdx_bytes){ 0 };
  return (sdx_bytes){ .data = json_object_get_string(value),
                      .size = (size_t)json_object_get_string_len(value) };
}

static bool member(struct json_object *object, const char *name, struct json_object **value) {
  return json_object_object_get_ex(object, name, value) && *value != NULL;
}

typedef void put_text(draft *d, const char *name, sdx_bytes text);

static void put_field(draft *d, const char *name, sdx_bytes text) {
  draft_add_field(d, name, text.data, text.size);
}
static void put_folder(draft *d, const char *name, sdx_bytes text) {
  (void)name;
  draft_add_folder(d, text.data, text.size);
}
static void put_flag(draft *d, const char *name, sdx_bytes text) {
  (void)name;
  draft_add_flag(d, text.data, text.size);
}
static void put_label(draft *d, const char *name, sdx_bytes text) {
  (void)name;
  draft_add_label(d, text.data, text.size);
}

/* A string, or an array of strings; false where the value is anything else. */
static bool put_texts(draft *d, const char *name, struct json_object *value, put_text *put) {
  if (value == NULL) return true;
  if (json_object_is_type(value, json_type_string)) {
    put(d, name, text_of(value));
    return true;
  }
  if (!json_object_is_type(value, json_type_array)) return false;
  const size_t count = json_object_array_length(value);
  for (size_t i = 0; i < count; i++) {
    struct json_object *text = json_object_array_get_idx(value, i);
    if (!json_object_is_type(text, json_type_string)) return false;
    put(d, name, text_of(text));
  }
  return true;
}

static bool parse_date(const char *text, int64_t *seconds) {
  char whole[64];
  const size_t size = strlen(text);
  if (size == 0 || size > 40) return false;
  g_snprintf(whole, sizeof whole, "%s%s", text, strpbrk(text, "Tt ") == NULL ? "T00:00:00" : "");
  GTimeZone *utc = g_time_zone_new_utc();
  GDateTime *date = g_date_time_new_from_iso8601(whole, utc);
  g_time_zone_unref(utc);
  if (date == NULL) return false;
  *seconds = g_date_time_to_unix(date);
  g_date_time_unref(date);
  return true;
}

/* A time as a number or as text; an absent one leaves *seconds. */
static bool read_time(struct json_object *object, const char *name, int64_t *seconds) {
  struct json_object *value = NULL;
  if (!member(object, name, &value)) return true;
  switch (json_object_get_type(value)) {
  case json_type_int:
    *seconds = json_object_get_int64(value);
    return true;
  case json_type_double: {
    const double number = json_object_get_double(value);
    if (!(number > -1e15 && number < 1e15)) return false;
    *seconds = (int64_t)number;
    return true;
  }
  case json_type_string:
    return parse_date(json_object_get_string(value), seconds);
  default:
    return false;
  }
}

static bool read_kind(draft *d, struct json_object *object) {
  static const struct {
    const char *name;
    sdx_kind kind;
  } KINDS[] = { { "message", SDX_MESSAGE },
                { "event", SDX_EVENT },
                { "contact", SDX_CONTACT },
                { "document", SDX_DOCUMENT } };
  struct json_object *value = NULL;
  d->kind = SDX_MESSAGE;
  if (!member(object, "kind", &value)) return true;
  if (!json_object_is_type(value, json_type_string)) return false;
  for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
    if (strcmp(json_object_get_string(value), KINDS[i].name) == 0) {
      d->kind = KINDS[i].kind;
      return true;
    }
  return false;
}

static bool read_fields(draft *d, struct json_object *object) {
  struct json_object *fields = NULL;
  if (!member(object, "fields", &fields) || !json_object_is_type(fields, json_type_object))
    return draft_refuse(d, "\"fields\" is no object of texts");
  struct json_object_iterator at = json_object_iter_begin(fields);
  const struct json_object_iterator end = json_object_iter_end(fields);
  for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
    struct json_object *value = json_object_iter_peek_value(&at);
    if (!put_texts(d, json_object_iter_peek_name(&at), value, put_field))
      return draft_refuse(d, "a field is neither a text nor an array of texts");
  }
  return true;
}

static bool read_attributes(draft *d, struct json_object *object) {
  static const struct {
    const char *name;
    put_text *put;
  } SETS[] = { { "folder", put_folder },
               { "folders", put_folder },
               { "flags", put_flag },
               { "labels", put_label } };
  struct json_object *attributes = NULL;
  struct json_object *value = NULL;
  if (!member(object, "attributes", &attributes)) return true;
  if (!json_object_is_type(attributes, json_type_object))
    return draft_refuse(d, "\"attributes\" is no object");
  for (size_t i = 0; i < sizeof SETS / sizeof SETS[0]; i++)
    if (member(attributes, SETS[i].name, &value) && !put_texts(d, "", value, SETS[i].put))
      return draft_refuse(d, "folder, flags or labels are neither a text nor an array of texts");
  if (member(attributes, "thread", &value)) {
    if (!json_object_is_type(value, json_type_string))
      return draft_refuse(d, "\"thread\" is no text");
    draft_set_thread(d, text_of(value).data, text_of(value).size);
  }
  if (member(attributes, "size", &value)) {
    if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
      return draft_refuse(d, "\"size\" is no number of bytes");
    d->size = json_object_get_uint64(value);
  }
  if (member(attributes, "has_attachment", &value)) {
    if (!json_object_is_type(value, json_type_boolean))
      return draft_refuse(d, "\"has_attachment\" is neither true nor false");
    d->has_attachment = json_object_get_boolean(value);
  }
  return true;
}

/* False where the text is not whole groups of four digits, the last of them padded. */
static bool put_base64_payload(draft *d, sdx_bytes text) {
  static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const size_t digits = strspn(text.data, DIGITS);
  const size_t padding = strspn(text.data + digits, "=");
  if (digits + padding != text.size || text.size % 4 != 0 || padding > 2) return false;
  if (text.size == 0) return true;
  gsize size = 0;
  guchar *bytes = g_base64_decode(text.data, &size);
  draft_set_payload(d, bytes, size);
  wipe(bytes, size);
  g_free(bytes);
  return true;
}

static bool read_payload(draft *d, struct json_object *object) {
  struct json_object *value = NULL;
  if (member(object, "payload", &value)) {
    if (!json_object_is_type(value, json_type_string))
      return draft_refuse(d, "\"payload\" is no text");
    draft_set_payload(d, text_of(value).data, text_of(value).size);
  } else if (member(object, "payload_base64", &value)) {
    if (!json_object_is_type(value, json_type_string) || !put_base64_payload(d, text_of(value)))
      return draft_refuse(d, "\"payload_base64\" is no base64");
  }
  return true;
}

static bool read_item(draft *d, struct json_object *object) {
  struct json_object *value = NULL;
  if (!json_object_is_type(object, json_type_object))
    return draft_refuse(d, "the line is no JSON object");
  if (!member(object, "id", &value) || !json_object_is_type(value, json_type_string))
    return draft_refuse(d, "\"id\" is missing or no text");
  const sdx_bytes id = text_of(value);
  if (id.size == 0) return draft_refuse(d, "\"id\" is empty");
  draft_set_id(d, id.data, id.size);
  if (!read_kind(d, object))
    return draft_refuse(d, "\"kind\" is not message, event, contact or document");
  if (!read_time(object, "date", &d->date)) return draft_refuse(d, "\"date\" is no time");
  if (!read_time(object, "sent", &d->sent)) return draft_refuse(d, "\"sent\" is no time");
  if (!read_time(object, "expires", &d->expires)) return draft_refuse(d, "\"expires\" is no time");
  return read_payload(d, object) && read_attributes(d, object) && read_fields(d, object);
}

bool jsonl_extract(const void *bytes, size_t size, draft *d) {
  d->size = size;
  if (size > INT_MAX) return draft_refuse(d, "the line is too long");
  buffer line = BUFFER_INIT;
  bool done = false;
  struct json_object *object = NULL;
  struct json_tokener *tokener = json_tokener_new_ex(DEPTH);
  if (tokener == NULL) {
    d->failed = true;
    return false;
  }
  (void)charset_decode(&line, SIZE_MAX, "utf-8", bytes, size);
  if (line.failed) {
    d->failed = true;
    goto out;
  }
  json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
  buffer_put_u8(&line, 0); /* tells the parser that a number at the end has ended */
  object = json_tokener_parse_ex(tokener, (const char *)line.data, (int)line.size);
  if (json_tokener_get_error(tokener) != json_tokener_success ||
      json_tokener_get_parse_end(tokener) + 1 < line.size) {
    done = draft_refuse(d, "the line is no valid JSON");
    goto out;
  }
  done = read_item(d, object);
out:
  json_object_put(object);
  json_tokener_free(tokener);
  buffer_free(&line);
  return done;
}

/* ---------------------------------------------------------------- lines */

void jsonl_open(jsonl *l, int fd) {
  *l = (jsonl){ .fd = fd };
}

void jsonl_close(jsonl *l) {
  buffer_free(&l->data);
}

static sdx_status fill(jsonl *l, sdx_error *err) {
  const size_t left = l->data.size - l->at;
  if (l->at > left) {
    memmove(l->data.data, l->data.data + l->at, left);
    wipe(l->data.data + left, l->data.size - left);
    l->data.size = left;
    l->at = 0;
  }
  if (!buffer_reserve(&l->data, STEP)) return error_memory(err);
  for (;;) {
    const ssize_t n = read(l->fd, l->data.data + l->data.size, STEP);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return error_system(err, errno, "JSON Lines cannot be read");
    if (n == 0) l->end_of_file = true;
    l->data.size += (size_t)n;
    return SDX_OK;
  }
}

static bool is_blank(const char *at, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (strchr(" \t\r", at[i]) == NULL || at[i] == '\0') return false;
  return true;
}

/* Finds the end of the line at l->at, reading as needed. */
static sdx_status find_line(jsonl *l, jsonl_line *out, sdx_error *err) {
  size_t scanned = 0;
  *out = (jsonl_line){ 0 };
  for (;;) {
    const size_t left = l->data.size - l->at;
    const uint8_t *newline =
        left > scanned ? memchr(l->data.data + l->at + scanned, '\n', left - scanned) : NULL;
    if (newline != NULL || (l->end_of_file && left > 0)) {
      out->bytes = (const char *)l->data.data + l->at;
      out->size = newline != NULL ? (size_t)(newline - l->data.data) - l->at : left;
      const size_t step = out->size + (newline != NULL ? 1 : 0);
      l->at += step;
      l->offset += step;
      l->line++;
      return SDX_OK;
    }
    if (l->end_of_file) return SDX_NOT_FOUND;
    scanned = left;
    if (left > JSONL_LINE_MAX) { /* forget what was read of it */
      out->too_long = true;
      l->at += left;
      l->offset += left;
      scanned = 0;
    }
    const sdx_status status = fill(l, err);
    if (status != SDX_OK) return status;
  }
}

sdx_status jsonl_next(jsonl *l, jsonl_line *out, sdx_error *err) {
  for (;;) {
    const sdx_status status = find_line(l, out, err);
    if (status != SDX_OK) return status;
    if (out->too_long || !is_blank(out->bytes, out->size)) return SDX_OK;
  }
}
