/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/item_copy.h"

#include <string.h>

static size_t size_of(const sdx_bytes *list, size_t count) {
  size_t size = 0;
  for (size_t i = 0; i < count; i++) size += list[i].size + 1;
  return size;
}

static size_t room_for(const sdx_item *from) {
  size_t room = from->id.size + from->thread.size + from->payload.size + 3;
  for (size_t i = 0; i < from->field_count; i++)
    room += strlen(from->fields[i].name != NULL ? from->fields[i].name : "") +
            from->fields[i].text.size + 2;
  return room + size_of(from->folders, from->folder_count) +
         size_of(from->flags, from->flag_count) + size_of(from->labels, from->label_count);
}

/* There is room: the bytes do not move. */
static sdx_bytes put(item_copy *c, sdx_bytes b) {
  const size_t at = c->bytes.size;
  buffer_put(&c->bytes, b.data, b.size);
  buffer_put_u8(&c->bytes, 0);
  return (sdx_bytes){ (const char *)c->bytes.data + at, b.size };
}

static const sdx_bytes *put_list(item_copy *c, const sdx_bytes *list, size_t count,
                                 sdx_bytes **at) {
  sdx_bytes *first = *at;
  for (size_t i = 0; i < count; i++) *(*at)++ = put(c, list[i]);
  return first;
}

bool item_copy_set(item_copy *c, const sdx_item *from) {
  const size_t lists = from->folder_count + from->flag_count + from->label_count;
  buffer_reset(&c->bytes);
  buffer_reset(&c->arrays);
  if (!buffer_reserve(&c->bytes, room_for(from)) ||
      !buffer_reserve(&c->arrays, (from->field_count + 1) * sizeof(sdx_field) +
                                      (lists + 1) * sizeof(sdx_bytes)))
    return false;
  sdx_field *fields = (sdx_field *)(void *)c->arrays.data;
  sdx_bytes *at = (sdx_bytes *)(void *)(fields + from->field_count + 1);
  c->item = *from;
  c->item.id = put(c, from->id);
  c->item.thread = put(c, from->thread);
  c->item.payload = put(c, from->payload);
  for (size_t i = 0; i < from->field_count; i++) {
    const char *name = from->fields[i].name;
    fields[i].name = name == NULL ? NULL : put(c, (sdx_bytes){ name, strlen(name) }).data;
    fields[i].text = put(c, from->fields[i].text);
  }
  c->item.fields = fields;
  c->item.folders = put_list(c, from->folders, from->folder_count, &at);
  c->item.flags = put_list(c, from->flags, from->flag_count, &at);
  c->item.labels = put_list(c, from->labels, from->label_count, &at);
  return true;
}

void item_copy_free(item_copy *c) {
  buffer_free(&c->bytes);
  buffer_free(&c->arrays);
  *c = (item_copy){ 0 };
}
