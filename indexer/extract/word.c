/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/word.h"

#include "base/cursor.h"
#include "indexer/extract/charset.h"

static size_t room(const buffer *b) {
  return b->size < DRAFT_BODY_MAX ? DRAFT_BODY_MAX - b->size : 0;
}

static uint64_t number_at(const void *bytes, size_t size, size_t offset, size_t width) {
  if (offset > size) return 0;
  cursor c = cursor_over((const uint8_t *)bytes + offset, size - offset);
  return cursor_get_little_endian(&c, width);
}

/* ---------------------------------------------------------------- Word */

/* Appends raw text with Word's marks made into lines and blanks; the code of fields is left out. */
static void put_clean(buffer *out, const buffer *raw) {
  unsigned code = 0; /* fields that are open and still in their code */
  unsigned open = 0;
  for (size_t i = 0; i < raw->size; i++) {
    const uint8_t c = raw->data[i];
    if (c == 0x13) {
      open++;
      code++;
    } else if (c == 0x14) {
      code -= code > 0;
    } else if (c == 0x15) {
      if (code == open) code -= code > 0;
      open -= open > 0;
    } else if (code > 0 || c == 0x01 || c == 0x08 || c == 0x1f || c == 0x02 || c == 0x05) {
      continue;
    } else if (c == 0x0d || c == 0x0b || c == 0x0c || c == '\n') {
      buffer_put_u8(out, '\n');
    } else if (c == 0x1e) {
      buffer_put_u8(out, '-');
    } else {
      buffer_put_u8(out, c < 0x20 ? ' ' : c);
    }
  }
}

static bool is_word_8(const void *document, size_t size) {
  return number_at(document, size, 0, 2) == 0xa5ec && number_at(document, size, 2, 2) > 0x69;
}

int word_table(const void *document, size_t size) {
  const uint64_t flags = number_at(document, size, 0x0a, 2);
  if (flags & 0x100) return -1;
  if (!is_word_8(document, size)) return -2;
  return flags & 0x200 ? 1 : 0;
}

/* Appends the text of one piece, of `count` characters. */
static void put_piece(buffer *raw, const void *document, size_t size, uint32_t where,
                      uint64_t count) {
  const bool narrow = where & 0x40000000u;
  const size_t at = narrow ? (where & 0x3fffffffu) / 2 : where & 0x3fffffffu;
  if (at >= size) return;
  const size_t width = narrow ? 1 : 2;
  const size_t kept = count < (size - at) / width ? (size_t)count : (size - at) / width;
  if (kept == 0) return;
  (void)charset_decode(raw, room(raw), narrow ? "windows-1252" : "UTF-16LE",
                       (const uint8_t *)document + at, kept * width);
}

/* The piece table: where each run of characters stands in the document. */
static bool put_pieces(buffer *raw, const void *document, size_t size, const void *table,
                       size_t table_size) {
  const uint64_t offset = number_at(document, size, 0x1a2, 4);
  const uint64_t length = number_at(document, size, 0x1a6, 4);
  if (offset > table_size || length > table_size - offset || length == 0) return false;
  cursor c = cursor_over((const uint8_t *)table + offset, (size_t)length);
  while (cursor_left(&c) > 0 && !c.failed) {
    const uint8_t kind = cursor_get_u8(&c);
    if (kind == 1) {
      (void)cursor_get(&c, cursor_get_u16(&c));
      continue;
    }
    const uint32_t bytes = cursor_get_u32(&c);
    const uint8_t *at = kind == 2 ? cursor_get(&c, bytes) : NULL;
    if (at == NULL || bytes < 16) return false;
    const size_t pieces = (bytes - 4) / 12;
    for (size_t i = 0; i < pieces && room(raw) > 0; i++) {
      const uint64_t from = number_at(at, bytes, i * 4, 4);
      const uint64_t to = number_at(at, bytes, i * 4 + 4, 4);
      const uint32_t where = (uint32_t)number_at(at, bytes, (pieces + 1) * 4 + i * 8 + 2, 4);
      if (to > from) put_piece(raw, document, size, where, to - from);
    }
    return true;
  }
  return false;
}

void word_text(draft *d, const void *document, size_t size, const void *table, size_t table_size) {
  buffer raw = BUFFER_INIT;
  const size_t start = (size_t)number_at(document, size, 0x18, 4);
  const size_t end = (size_t)number_at(document, size, 0x1c, 4);
  bool found = false;
  if (is_word_8(document, size)) {
    found = put_pieces(&raw, document, size, table, table_size);
  } else if (start < end && end <= size) {
    (void)charset_decode(&raw, DRAFT_BODY_MAX, "windows-1252", (const uint8_t *)document + start,
                         end - start);
    found = true;
  }
  if (!found) draft_set_partial(d, "it is damaged");
  if (room(&raw) == 0) draft_set_partial(d, "more text than is read of one item");
  if (raw.failed)
    d->failed = true;
  else
    put_clean(&d->body, &raw);
  buffer_free(&raw);
}

/* ---------------------------------------------------------------- PowerPoint */

enum {
  SLIDES_MASTER = 0x3f8,
  SLIDES_WIDE = 0xfa0,
  SLIDES_NARROW = 0xfa8,
  SLIDES_STRING = 0xfba,
  SLIDES_ENCRYPTED = 0x2f14
};

/* The names of tags that later versions hide their own data behind. */
static bool is_tag_name(const uint8_t *at, size_t size) {
  static const char NAME[] = "_\0_\0_\0P\0P\0T";
  return size >= sizeof NAME && memcmp(at, NAME, sizeof NAME) == 0;
}

/* Records in records: a container's are read as if they stood behind it. */
void slides_text(draft *d, const void *bytes, size_t size) {
  cursor c = cursor_over(bytes, size);
  while (cursor_left(&c) >= 8 && room(&d->body) > 0 && !d->body.failed) {
    const uint16_t version = cursor_get_u16(&c);
    const uint16_t type = cursor_get_u16(&c);
    const uint32_t length = cursor_get_u32(&c);
    if (type == SLIDES_ENCRYPTED) {
      draft_set_partial(d, "it is encrypted");
      return;
    }
    if ((version & 0xf) == 0xf && type != SLIDES_MASTER) continue;
    const size_t kept = length < cursor_left(&c) ? length : cursor_left(&c);
    const uint8_t *at = cursor_get(&c, kept);
    if (kept == 0 || at == NULL) continue;
    if (type != SLIDES_WIDE && type != SLIDES_NARROW && type != SLIDES_STRING) continue;
    if (type == SLIDES_STRING && is_tag_name(at, kept)) continue;
    buffer raw = BUFFER_INIT;
    (void)charset_decode(&raw, room(&d->body), type == SLIDES_NARROW ? "windows-1252" : "UTF-16LE",
                         at, kept);
    if (raw.failed) d->failed = true;
    if (!raw.failed) put_clean(&d->body, &raw);
    buffer_put_u8(&d->body, '\n');
    buffer_free(&raw);
  }
}
