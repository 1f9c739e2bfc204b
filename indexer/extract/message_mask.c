/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/message_mask.h"

#include <string.h>
#include <strings.h>

#include "indexer/extract/header.h"

#define VALUE_MAX 65536 /* a longer value is hidden without being read */

static const char NAME[] = "content-type";

bool message_mask_is_message(GMimeContentType *type) {
  static const char *const SUBTYPES[] = { "rfc822", "rfc2822", "global", "news" };
  for (size_t i = 0; i < G_N_ELEMENTS(SUBTYPES); i++)
    if (g_mime_content_type_is_type(type, "message", SUBTYPES[i])) return true;
  return false;
}

/* Where the first `word` stands in the value, whatever its case; NULL where it does not. */
static char *find_word(char *value, size_t size, const char *word) {
  const size_t length = strlen(word);
  for (size_t i = 0; i + length <= size; i++)
    if (strncasecmp(value + i, word, length) == 0) return value + i;
  return NULL;
}

static GMimeContentType *parse(GMimeParserOptions *options, const char *value, size_t size) {
  char *line = g_strndup(value, size);
  for (size_t i = 0; i < size; i++)
    if (line[i] == '\r' || line[i] == '\n' || line[i] == '\0') line[i] = ' ';
  GMimeContentType *type = g_mime_content_type_parse(options, g_strstrip(line));
  g_free(line);
  return type;
}

/* A digest's parts are messages where they do not say otherwise: it becomes a `xigest`. */
static void mask_value(GMimeParserOptions *options, char *name, char *value, size_t size) {
  if (size > VALUE_MAX) {
    *name = 'X';
    return;
  }
  for (int round = 0; round < 2; round++) {
    GMimeContentType *type = parse(options, value, size);
    if (type == NULL) return;
    const bool message = message_mask_is_message(type);
    const bool digest = g_mime_content_type_is_type(type, "multipart", "digest");
    g_object_unref(type);
    if (!message && !digest) return;
    char *word = digest && round == 0 ? find_word(value, size, "digest") : NULL;
    if (word == NULL) {
      *name = 'X';
      return;
    }
    *word = 'x';
  }
}

static bool may_matter(char *value, size_t size) {
  return size > VALUE_MAX || find_word(value, size, "message") != NULL ||
         find_word(value, size, "digest") != NULL;
}

/* The next line that begins as Content-Type does, from the line at `line` on. */
static const char *next_type(const char *line, const char *end) {
  while ((size_t)(end - line) >= sizeof NAME) {
    if ((*line | 0x20) == 'c' && strncasecmp(line, NAME, sizeof NAME - 1) == 0) return line;
    line = header_line_next(line, end);
  }
  return NULL;
}

static const char *value_end(const char *line, const char *end) {
  const char *next = header_line_next(line, end);
  while (next < end && (*next == ' ' || *next == '\t')) next = header_line_next(next, end);
  return next;
}

void message_mask(buffer *out, GMimeParserOptions *options, const void *bytes, size_t size) {
  const char *start = bytes;
  const char *end = start + size;
  for (const char *line = next_type(start, end); line != NULL;) {
    const char *next = value_end(line, end);
    const size_t at = (size_t)(line - start) + sizeof NAME - 1;
    const size_t length = (size_t)(next - start) - at;
    char *value = (char *)(uintptr_t)(start + at);
    if (may_matter(value, length)) {
      if (out->size == 0) buffer_put(out, bytes, size);
      if (out->failed) return;
      char *copy = (char *)out->data;
      const char *colon = memchr(copy + at, ':', length);
      const size_t skip = colon != NULL ? (size_t)(colon + 1 - (copy + at)) : length;
      mask_value(options, copy + (line - start), copy + at + skip, length - skip);
    }
    line = next_type(next, end);
  }
}
