/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/naming.h"

#include <glib.h>
#include <string.h>

#include "indexer/extract/charset.h"

static void put_percent(buffer *out, uint8_t byte) {
  static const char DIGITS[] = "0123456789ABCDEF";
  buffer_put_u8(out, '%');
  buffer_put_u8(out, (uint8_t)DIGITS[byte >> 4]);
  buffer_put_u8(out, (uint8_t)DIGITS[byte & 15]);
}

void naming_put_escaped(buffer *out, const char *bytes, size_t size) {
  const char *at = bytes;
  const char *end = bytes + size;
  while (at < end) {
    const char *stop = at;
    (void)g_utf8_validate_len(at, (gsize)(end - at), &stop);
    for (; at < stop; at++) {
      if ((unsigned char)*at < 0x20 || *at == 0x7f)
        put_percent(out, (uint8_t)*at);
      else
        buffer_put_u8(out, (uint8_t)*at);
    }
    if (stop < end) put_percent(out, (uint8_t)*at++);
  }
}

size_t naming_maildir_base(const char *name, size_t size) {
  for (size_t i = size; i-- > 0;)
    if ((name[i] == ':' || name[i] == '!' || name[i] == ';') && size - i >= 3 &&
        (name[i + 1] == '1' || name[i + 1] == '2') && name[i + 2] == ',')
      return i;
  return size;
}

void naming_add_flags(draft *d, const char *name, size_t size) {
  static const struct {
    char letter;
    const char *flag;
  } FLAGS[] = { { 'S', "seen" },  { 'R', "answered" }, { 'F', "flagged" },
                { 'D', "draft" }, { 'T', "trashed" },  { 'P', "passed" } };
  const size_t base = naming_maildir_base(name, size);
  if (base == size || name[base + 1] != '2') return;
  for (size_t i = 0; i < G_N_ELEMENTS(FLAGS); i++)
    if (memchr(name + base + 3, FLAGS[i].letter, size - base - 3) != NULL)
      draft_add_flag(d, FLAGS[i].flag, strlen(FLAGS[i].flag));
}

int64_t naming_maildir_date(const char *name, size_t size) {
  int64_t date = 0;
  size_t i = 0;
  for (; i < size && i < 11 && g_ascii_isdigit(name[i]); i++) date = date * 10 + (name[i] - '0');
  return (i == 9 || i == 10) && i < size && name[i] == '.' ? date : 0;
}

/* One shifted sequence of modified UTF-7 (RFC 3501): base64 of UTF-16 with ',' for '/'. */
static bool put_shifted(buffer *out, const char *at, size_t size) {
  char text[256] = "";
  guchar bytes[256];
  if (size + 4 >= sizeof text) return false;
  for (size_t i = 0; i < size; i++) text[i] = at[i] == ',' ? '/' : at[i];
  gint state = 0;
  guint save = 0;
  size_t count = g_base64_decode_step(text, size, bytes, &state, &save);
  /* Without padding the decoder holds back the last one or two bytes. */
  const size_t missing = (4 - size % 4) % 4;
  count += g_base64_decode_step("===", missing, bytes + count, &state, &save);
  if (count % 2 != 0 || size % 4 == 1) return false;
  return charset_decode(out, sizeof text * 3, "UTF-16BE", bytes, count);
}

/* A component of a Maildir++ name: dots separate, & shifts. */
static void put_maildir_name(buffer *out, const char *name, size_t size) {
  for (size_t i = 0; i < size; i++) {
    const char *end = name[i] == '&' ? memchr(name + i, '-', size - i) : NULL;
    if (end == NULL) {
      const char c = name[i] == '.' ? '/' : name[i];
      naming_put_escaped(out, &c, 1);
      continue;
    }
    const size_t length = (size_t)(end - name) - i - 1;
    if (length == 0)
      buffer_put_u8(out, '&');
    else if (!put_shifted(out, name + i + 1, length))
      naming_put_escaped(out, name + i, length + 2);
    i += length + 1;
  }
}

void naming_put_folder(buffer *out, const char *path, size_t size) {
  if (size == 0) {
    buffer_put(out, "INBOX", 5);
    return;
  }
  const char *slash = memrchr(path, '/', size);
  const char *last = slash != NULL ? slash + 1 : path;
  const size_t last_size = size - (size_t)(last - path);
  naming_put_escaped(out, path, (size_t)(last - path));
  if (last_size > 1 && last[0] == '.')
    put_maildir_name(out, last + 1, last_size - 1);
  else
    naming_put_escaped(out, last, last_size);
}

sdx_bytes naming_stem(const char *path, size_t size) {
  const char *slash = memrchr(path, '/', size);
  const char *name = slash != NULL ? slash + 1 : path;
  size_t length = size - (size_t)(name - path);
  const char *dot = memrchr(name, '.', length);
  if (dot != NULL && dot > name) length = (size_t)(dot - name);
  return (sdx_bytes){ .data = name, .size = length };
}
