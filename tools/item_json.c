/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "item_json.h"

#include <string.h>

const char *kind_name(sdx_kind kind) {
  switch (kind) {
  case SDX_MESSAGE:
    return "message";
  case SDX_EVENT:
    return "event";
  case SDX_CONTACT:
    return "contact";
  case SDX_DOCUMENT:
    return "document";
  }
  return "unknown";
}

static bool named_before(const sdx_item *item, size_t i) {
  for (size_t k = 0; k < i; k++)
    if (strcmp(item->fields[k].name, item->fields[i].name) == 0) return true;
  return false;
}

/* A member per field name: a string, or an array of them where several fields share the name. */
static void put_fields(json *j, const sdx_item *item) {
  json_object(j, "fields");
  for (size_t i = 0; i < item->field_count; i++) {
    const char *name = item->fields[i].name;
    if (named_before(item, i)) continue;
    size_t same = 0;
    for (size_t k = i; k < item->field_count; k++) same += strcmp(item->fields[k].name, name) == 0;
    if (same == 1) {
      json_string(j, name, item->fields[i].text);
      continue;
    }
    json_array(j, name);
    for (size_t k = i; k < item->field_count; k++)
      if (strcmp(item->fields[k].name, name) == 0) json_string(j, NULL, item->fields[k].text);
    json_close(j);
  }
  json_close(j);
}

static void put_strings(json *j, const char *key, const sdx_bytes *values, size_t count) {
  json_array(j, key);
  for (size_t i = 0; i < count; i++) json_string(j, NULL, values[i]);
  json_close(j);
}

static void put_attributes(json *j, const sdx_item *item) {
  json_object(j, "attributes");
  if (item->folder_count == 1) json_string(j, "folder", item->folders[0]);
  if (item->folder_count > 1) put_strings(j, "folder", item->folders, item->folder_count);
  if (item->flag_count > 0) put_strings(j, "flags", item->flags, item->flag_count);
  if (item->label_count > 0) put_strings(j, "labels", item->labels, item->label_count);
  if (item->thread.size > 0) json_string(j, "thread", item->thread);
  if (item->size > 0) json_uint(j, "size", item->size);
  if (item->has_attachment) json_bool(j, "has_attachment", true);
  json_close(j);
}

void item_json(json *j, const sdx_item *item) {
  json_object(j, NULL);
  json_string(j, "id", item->id);
  json_text(j, "kind", kind_name(item->kind));
  json_int(j, "date", item->date);
  if (item->sent != 0) json_int(j, "sent", item->sent);
  put_fields(j, item);
  put_attributes(j, item);
  if (item->payload.size > 0 && json_is_utf8(item->payload))
    json_string(j, "payload", item->payload);
  else if (item->payload.size > 0)
    json_base64(j, "payload_base64", item->payload);
  if (item->expires != 0) json_int(j, "expires", item->expires);
  json_close(j);
}
