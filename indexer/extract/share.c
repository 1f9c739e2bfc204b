/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/share.h"

#include <string.h>
#include <strings.h>

#define HEADER_MAX ((size_t)64 << 10) /* bytes in which the field is looked for */

uint64_t share_hash(uint64_t seed, const void *bytes, size_t size) {
  const unsigned char *p = bytes;
  uint64_t h = seed != 0 ? seed : UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < size; i++) h = (h ^ p[i]) * UINT64_C(0x100000001b3);
  return h;
}

static sdx_bytes value_of(const char *at, const char *end) {
  const char *line = memchr(at, '\n', (size_t)(end - at));
  if (line != NULL && line + 1 < end && (line[1] == ' ' || line[1] == '\t')) /* folded once */
    line = memchr(line + 1, '\n', (size_t)(end - line - 1));
  if (line == NULL) line = end;
  const char *open = memchr(at, '<', (size_t)(line - at));
  const char *close = open != NULL ? memchr(open, '>', (size_t)(line - open)) : NULL;
  if (close != NULL) return (sdx_bytes){ open + 1, (size_t)(close - open - 1) };
  while (at < line && (*at == ' ' || *at == '\t')) at++;
  while (line > at && (line[-1] == ' ' || line[-1] == '\t' || line[-1] == '\r')) line--;
  return (sdx_bytes){ at, (size_t)(line - at) };
}

sdx_bytes share_message_id(const char *message, size_t size) {
  static const char name[] = "message-id:";
  const char *at = message, *end = message + (size < HEADER_MAX ? size : HEADER_MAX);
  while (at < end && *at != '\n' && *at != '\r') {
    if ((size_t)(end - at) > sizeof name && strncasecmp(at, name, sizeof name - 1) == 0)
      return value_of(at + sizeof name - 1, end);
    const char *line = memchr(at, '\n', (size_t)(end - at));
    if (line == NULL) break;
    at = line + 1;
  }
  return (sdx_bytes){ NULL, 0 };
}
