/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/rtf_packed.h"

#include <string.h>

#include "base/cursor.h"

#define WINDOW 4096
#define UNPACKED_MAX ((size_t)64 << 20)

static const char START[] =
    "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    "\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
    "\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

/* A dictionary of 4,096 bytes that turns, which is what was written last. */
static void unpack(buffer *out, cursor *c) {
  uint8_t window[WINDOW] = { 0 };
  size_t at = sizeof START - 1;
  memcpy(window, START, at);
  while (cursor_left(c) > 0 && out->size < UNPACKED_MAX) {
    unsigned flags = cursor_get_u8(c);
    for (unsigned i = 0; i < 8 && cursor_left(c) > 0; i++, flags >>= 1) {
      if ((flags & 1) == 0) {
        window[at] = cursor_get_u8(c);
        buffer_put_u8(out, window[at]);
        at = (at + 1) % WINDOW;
        continue;
      }
      const unsigned high = cursor_get_u8(c);
      const unsigned token = high << 8 | cursor_get_u8(c);
      size_t from = token >> 4;
      if (c->failed || from == at) return; /* the end */
      for (unsigned n = (token & 15) + 2; n > 0; n--) {
        window[at] = window[from];
        buffer_put_u8(out, window[at]);
        at = (at + 1) % WINDOW;
        from = (from + 1) % WINDOW;
      }
    }
  }
}

bool rtf_unpack(buffer *out, const void *bytes, size_t size) {
  cursor c = cursor_over(bytes, size);
  (void)cursor_get(&c, 8); /* sizes, packed and not */
  const uint32_t type = cursor_get_u32(&c);
  (void)cursor_get_u32(&c);
  if (c.failed) return false;
  if (type == 0x75465a4c) {
    unpack(out, &c);
    return true;
  }
  if (type != 0x414c454d) return false;
  const size_t rest = cursor_left(&c);
  buffer_put(out, cursor_get(&c, rest), rest);
  return true;
}
