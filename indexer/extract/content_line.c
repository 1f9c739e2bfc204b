/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/content_line.h"

#include <string.h>
#include <strings.h>

#include "indexer/extract/charset.h"

void content_open(content_reader *r, const void *bytes, size_t size) {
  *r = (content_reader){ .at = bytes, .end = (const char *)bytes + size };
}

void content_close(content_reader *r) {
  buffer_free(&r->raw);
  buffer_free(&r->bytes);
}

void content_line_free(content_line *line) {
  buffer_free(&line->name);
  buffer_free(&line->parameters);
  buffer_free(&line->value);
}

/* ---------------------------------------------------------------- joining lines */

/* The physical line at r->at without its end, and moves past it. Old systems end lines with CR. */
static sdx_bytes physical_line(content_reader *r) {
  const char *start = r->at;
  const char *stop = start;
  while (stop < r->end && *stop != '\n' && *stop != '\r') stop++;
  r->at = stop;
  while (r->at < r->end && *r->at == '\r') r->at++;
  if (r->at < r->end && *r->at == '\n') r->at++;
  return (sdx_bytes){ .data = start, .size = (size_t)(stop - start) };
}

/* The colon that ends the name and the parameters; NULL where there is none. */
static const char *find_colon(const char *at, const char *end) {
  bool quoted = false;
  const char *first = NULL;
  for (; at < end; at++) {
    if (*at == '"') quoted = !quoted;
    if (*at != ':') continue;
    if (!quoted) return at;
    if (first == NULL) first = at;
  }
  return first; /* a quote that is not closed ends nothing */
}

static bool mentions(const char *at, const char *end, const char *word) {
  const size_t length = strlen(word);
  for (; (size_t)(end - at) >= length && at < end; at++)
    if (strncasecmp(at, word, length) == 0) return true;
  return false;
}

static bool is_continued(const content_reader *r) {
  return r->at < r->end && (*r->at == ' ' || *r->at == '\t');
}

/* Joins one line into r->raw; false at the end of the bytes. */
static bool join(content_reader *r, bool *cut) {
  buffer_reset(&r->raw);
  *cut = false;
  if (r->at >= r->end) return false;
  sdx_bytes piece = physical_line(r);
  buffer_put(&r->raw, piece.data, piece.size);
  const char *colon = find_colon(piece.data, piece.data + piece.size);
  const bool quoted = colon != NULL && mentions(piece.data, colon, "QUOTED-PRINTABLE");
  for (;;) {
    const bool soft = quoted && piece.size > 0 && piece.data[piece.size - 1] == '=';
    if (!soft && !is_continued(r)) break;
    if (r->at >= r->end) break;
    if (soft) r->raw.size -= r->raw.size > 0 && r->raw.data[r->raw.size - 1] == '=';
    if (!soft) r->at++;
    piece = physical_line(r);
    if (r->raw.size + piece.size > CONTENT_VALUE_MAX) {
      *cut = true;
      piece.size = CONTENT_VALUE_MAX > r->raw.size ? CONTENT_VALUE_MAX - r->raw.size : 0;
    }
    buffer_put(&r->raw, piece.data, piece.size);
  }
  return !r->raw.failed;
}

/* ---------------------------------------------------------------- taking a line apart */

static void put_upper(buffer *out, const char *at, const char *end) {
  for (; at < end; at++)
    if (*at != ' ' && *at != '\0')
      buffer_put_u8(out, (uint8_t)(*at >= 'a' && *at <= 'z' ? *at - 32 : *at));
}

static void put_parameter(content_line *line, const char *at, const char *end) {
  const char *equals = memchr(at, '=', (size_t)(end - at));
  if (equals == NULL) {
    buffer_put(&line->parameters, "TYPE", 4);
  } else {
    put_upper(&line->parameters, at, equals);
    at = equals + 1;
  }
  buffer_put_u8(&line->parameters, '=');
  for (; at < end; at++)
    if (*at != '"' && *at != '\0') buffer_put_u8(&line->parameters, (uint8_t)*at);
  buffer_put_u8(&line->parameters, 0);
}

static void put_head(content_line *line, const char *at, const char *end) {
  const char *stop = memchr(at, ';', (size_t)(end - at));
  const char *name_end = stop != NULL ? stop : end;
  const char *dot = memchr(at, '.', (size_t)(name_end - at));
  put_upper(&line->name, dot != NULL ? dot + 1 : at, name_end);
  buffer_put_u8(&line->name, 0);
  while (stop != NULL) {
    const char *from = stop + 1;
    bool quoted = false;
    for (stop = from; stop < end && (quoted || *stop != ';'); stop++) quoted ^= *stop == '"';
    put_parameter(line, from, stop);
    if (stop == end) stop = NULL;
  }
}

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void put_unquoted(buffer *out, const char *at, const char *end) {
  for (; at < end; at++) {
    if (*at != '=' || end - at < 3 || hex(at[1]) < 0 || hex(at[2]) < 0) {
      buffer_put_u8(out, (uint8_t)*at);
      continue;
    }
    buffer_put_u8(out, (uint8_t)(hex(at[1]) << 4 | hex(at[2])));
    at += 2;
  }
}

static bool is_one_of(const char *said, const char *a, const char *b) {
  return said != NULL && (strcasecmp(said, a) == 0 || strcasecmp(said, b) == 0);
}

static bool has_type(const content_line *line, const char *value) {
  const char *said = NULL;
  for (size_t n = 0; (said = content_parameter(line, "TYPE", n)) != NULL; n++)
    if (strcasecmp(said, value) == 0) return true;
  return false;
}

static void put_value(content_reader *r, content_line *line, const char *at, const char *end) {
  const char *encoding = content_parameter(line, "ENCODING", 0);
  line->encoded = is_one_of(encoding, "b", "base64") || has_type(line, "BASE64");
  line->quoted = is_one_of(encoding, "QUOTED-PRINTABLE", "Q") || has_type(line, "QUOTED-PRINTABLE");
  if (line->encoded) return;
  const char *charset = content_parameter(line, "CHARSET", 0);
  buffer_reset(&r->bytes);
  if (line->quoted)
    put_unquoted(&r->bytes, at, end);
  else
    buffer_put(&r->bytes, at, (size_t)(end - at));
  if (r->bytes.failed) line->value.failed = true;
  if (!r->bytes.failed && r->bytes.size > 0)
    (void)charset_decode(&line->value, CONTENT_VALUE_MAX, charset, r->bytes.data, r->bytes.size);
}

bool content_next(content_reader *r, content_line *line) {
  while (join(r, &line->cut)) {
    if (r->raw.size == 0) continue;
    const char *at = (const char *)r->raw.data;
    const char *end = at + r->raw.size;
    const char *colon = find_colon(at, end);
    if (colon == NULL) continue;
    buffer_reset(&line->name);
    buffer_reset(&line->parameters);
    buffer_reset(&line->value);
    put_head(line, at, colon);
    if (line->name.failed || line->parameters.failed) break;
    put_value(r, line, colon + 1, end);
    return !line->value.failed;
  }
  if (r->raw.failed || line->name.failed || line->parameters.failed) line->value.failed = true;
  return false;
}

bool content_is(const content_line *line, const char *name) {
  return strcmp((const char *)line->name.data, name) == 0;
}

const char *content_parameter(const content_line *line, const char *name, size_t n) {
  const size_t length = strlen(name);
  if (line->parameters.size == 0) return NULL;
  const char *at = (const char *)line->parameters.data;
  const char *end = at + line->parameters.size;
  while (at < end) {
    const size_t size = strlen(at);
    if (size > length && at[length] == '=' && strncmp(at, name, length) == 0 && n-- == 0)
      return at + length + 1;
    at += size + 1;
  }
  return NULL;
}

bool content_part(buffer *out, sdx_bytes *rest, char separator) {
  if (rest->data == NULL) return false;
  const char *at = rest->data;
  const char *end = at + rest->size;
  for (; at < end && *at != separator; at++) {
    if (*at == '\\' && end - at > 1) {
      at++;
      buffer_put_u8(out, *at == 'n' || *at == 'N' ? '\n' : (uint8_t)*at);
    } else {
      buffer_put_u8(out, (uint8_t)*at);
    }
  }
  *rest =
      at < end ? (sdx_bytes){ .data = at + 1, .size = (size_t)(end - at - 1) } : (sdx_bytes){ 0 };
  return true;
}
