/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/change.h"

#include <string.h>

#include "base/cursor.h"
#include "base/error.h"

static bool known(sdx_change_kind kind) { return kind >= SDX_SET_FOLDER && kind <= SDX_REMOVE_LABEL; }

sdx_status change_encode(buffer *out, bool replace, const sdx_change *changes, size_t count,
                         sdx_error *err) {
  buffer_put_u8(out, replace);
  buffer_put_varint(out, count);
  for (size_t i = 0; i < count; i++) {
    if (!known(changes[i].kind)) return error_set(err, SDX_INVALID, "unknown kind of change");
    if (changes[i].value.size == 0 || changes[i].value.size > CHANGE_VALUE_MAX)
      return error_set(err, SDX_INVALID, "the value of an attribute has 1 to %d bytes",
                       CHANGE_VALUE_MAX);
    buffer_put_u8(out, (uint8_t)changes[i].kind);
    buffer_put_string(out, changes[i].value.data, changes[i].value.size);
  }
  return out->failed ? error_memory(err) : SDX_OK;
}

/* Takes the item out of every attribute whose key begins with one of these letters. */
static void clear(attributes *a, uint32_t ordinal, const char *letters, buffer *keys) {
  sdx_bytes key;
  const roaring_bitmap_t *items;
  buffer_reset(keys);
  for (size_t i = 0; attributes_at(a, i, &key, &items); i++)
    if (key.size > 0 && strchr(letters, key.data[0]) != NULL &&
        roaring_bitmap_contains(items, ordinal))
      buffer_put_string(keys, key.data, key.size);
  cursor c = cursor_over(keys->data, keys->size);
  while (cursor_left(&c) > 0 && !c.failed) {
    size_t size;
    const uint8_t *bytes = cursor_get_string(&c, &size);
    if (bytes != NULL) attributes_remove(a, bytes, size, ordinal);
  }
}

static sdx_status apply_one(attributes *a, uint32_t ordinal, sdx_change_kind kind,
                            const uint8_t *value, size_t size, buffer *scratch, sdx_error *err) {
  static const char letters[] = { [SDX_SET_FOLDER] = 'f',  [SDX_ADD_FOLDER] = 'f',
                                  [SDX_REMOVE_FOLDER] = 'f', [SDX_ADD_FLAG] = 'g',
                                  [SDX_REMOVE_FLAG] = 'g', [SDX_ADD_LABEL] = 'l',
                                  [SDX_REMOVE_LABEL] = 'l' };
  if (kind == SDX_SET_FOLDER) clear(a, ordinal, "f", scratch);
  buffer_reset(scratch);
  buffer_put_u8(scratch, (uint8_t)letters[kind]);
  buffer_put(scratch, value, size);
  if (scratch->failed) return error_memory(err);
  if (kind == SDX_REMOVE_FOLDER || kind == SDX_REMOVE_FLAG || kind == SDX_REMOVE_LABEL) {
    attributes_remove(a, scratch->data, scratch->size, ordinal);
    return SDX_OK;
  }
  return attributes_add(a, scratch->data, scratch->size, ordinal, err);
}

sdx_status change_apply(attributes *a, uint32_t ordinal, sdx_bytes changes, sdx_error *err) {
  buffer scratch = BUFFER_INIT;
  cursor c = cursor_over(changes.data, changes.size);
  if (cursor_get_u8(&c) != 0) clear(a, ordinal, "fgl", &scratch);
  uint64_t left = cursor_get_varint(&c);
  sdx_status status = SDX_OK;
  for (; left > 0 && !c.failed && status == SDX_OK; left--) {
    const sdx_change_kind kind = (sdx_change_kind)cursor_get_u8(&c);
    size_t size;
    const uint8_t *value = cursor_get_string(&c, &size);
    if (!c.failed && !known(kind)) c.failed = true;
    if (!c.failed) status = apply_one(a, ordinal, kind, value, size, &scratch, err);
  }
  if (scratch.failed && status == SDX_OK) status = error_memory(err);
  buffer_free(&scratch);
  if (status == SDX_OK && c.failed)
    return error_set(err, SDX_DAMAGED, "a change of attributes in the journal is malformed");
  return status;
}
