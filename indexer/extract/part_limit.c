/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/part_limit.h"

#include <glib.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define BOUNDARY_MAX 256 /* RFC 2046 allows 70 */
/* Each line that begins with dashes is compared to each boundary of the parts it stands in. */
#define COMPARISONS_MAX ((size_t)100000000)

/* Calls for each line that begins with two dashes; stops where it gives true. */
static const char *dashed_line(const char *at, const char *end) {
  const char *found = memmem(at, (size_t)(end - at), "\n--", 3);
  return found != NULL ? found + 1 : NULL;
}

static GHashTable *boundaries(const char *at, const char *end) {
  static const char PARAMETER[] = "boundary";
  const size_t length = sizeof PARAMETER - 1;
  GHashTable *set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (; (size_t)(end - at) > length; at++) {
    if ((*at | 0x20) != 'b' || strncasecmp(at, PARAMETER, length) != 0) continue;
    const char *from = at + length;
    while (from < end && strchr(" \t=\"", *from) != NULL && *from != '\0') from++;
    size_t size = 0;
    while (from + size < end && size < BOUNDARY_MAX && strchr("\"\r\n;", from[size]) == NULL)
      size++;
    while (size > 0 && from[size - 1] == ' ') size--;
    if (size > 0) g_hash_table_add(set, g_strndup(from, size));
    at = from - 1;
  }
  return set;
}

static gboolean is_boundary(GHashTable *set, const char *line, const char *end) {
  char text[BOUNDARY_MAX + 8];
  const char *newline = memchr(line, '\n', (size_t)(end - line));
  const char *stop = newline != NULL ? newline : end;
  while (stop > line && strchr(" \t\r", stop[-1]) != NULL && stop[-1] != '\0') stop--;
  const size_t size = (size_t)(stop - line) - 2;
  if (size == 0 || size >= sizeof text) return FALSE;
  memcpy(text, line + 2, size);
  text[size] = '\0';
  return g_hash_table_contains(set, text);
}

size_t part_limit(const void *bytes, size_t size, size_t parts) {
  const char *start = bytes;
  const char *end = start + size;
  size_t count = 0;
  for (const char *at = dashed_line(start, end); at != NULL && count <= parts; count++)
    at = dashed_line(at, end);
  if (count <= parts) return size;

  GHashTable *set = boundaries(start, end);
  const size_t names = g_hash_table_size(set);
  size_t budget = names > 0 ? COMPARISONS_MAX / names : SIZE_MAX;
  size_t kept = size;
  count = 0;
  for (const char *at = dashed_line(start, end); at != NULL; at = dashed_line(at, end))
    if (budget-- == 0 || (is_boundary(set, at, end) && ++count > parts)) {
      kept = (size_t)(at - start);
      break;
    }
  g_hash_table_destroy(set);
  return kept;
}
