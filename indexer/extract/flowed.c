/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/flowed.h"

#include <string.h>

void flowed_join(buffer *out, const char *text, size_t size, bool delsp) {
  const char *at = text;
  const char *end = text + size;
  bool flowing = false; /* the line before goes on */
  size_t depth = 0;     /* of quotes on it */
  while (at < end) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    const char *next = newline != NULL ? newline + 1 : end;
    const char *stop = newline != NULL ? newline : end;
    if (stop > at && stop[-1] == '\r') stop--;
    size_t quotes = 0;
    while (at < stop && *at == '>') at++, quotes++;
    if (at < stop && *at == ' ') at++; /* stuffed */
    const bool signature = stop - at == 3 && memcmp(at, "-- ", 3) == 0;
    if (flowing && (quotes != depth || signature)) buffer_put_u8(out, '\n');
    if (!flowing || quotes != depth || signature) {
      for (size_t i = 0; i < quotes; i++) buffer_put_u8(out, '>');
      if (quotes > 0) buffer_put_u8(out, ' ');
    }
    depth = quotes;
    flowing = !signature && stop > at && stop[-1] == ' ';
    buffer_put(out, at, (size_t)(stop - at) - (flowing && delsp ? 1 : 0));
    if (!flowing) buffer_put_u8(out, '\n');
    at = next;
  }
  if (flowing) buffer_put_u8(out, '\n');
}
