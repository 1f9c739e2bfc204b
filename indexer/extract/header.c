/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/header.h"

#include <string.h>
#include <strings.h>

#include "indexer/extract/address.h"
#include "indexer/extract/charset.h"

#define NAME_SIZE_MAX 256
#define GROUP_DEPTH_MAX 8
#define COLONS_MAX 1000

const char *header_line_next(const char *at, const char *end) {
  const char *newline = memchr(at, '\n', (size_t)(end - at));
  return newline != NULL ? newline + 1 : end;
}

static bool is_blank(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\r')) at++;
  return at == end || *at == '\n';
}

static bool is_empty(const char *at, const char *end) {
  return at < end && (*at == '\n' || (*at == '\r' && (at + 1 == end || at[1] == '\n')));
}

static bool is_folded(const char *at, const char *end) {
  return at < end && (*at == ' ' || *at == '\t');
}

/* The colon behind the name that a line begins with, or NULL. Two dashes begin no name: that is the
 * boundary of a part, which may hold a colon. */
static const char *colon_of(const char *at, const char *end, size_t *name_size) {
  const char *start = at;
  if (end - at >= 2 && at[0] == '-' && at[1] == '-') return NULL;
  while (at<end && * at> ' ' && *at < 0x7f && *at != ':' && at - start < NAME_SIZE_MAX) at++;
  *name_size = (size_t)(at - start);
  while (at < end && (*at == ' ' || *at == '\t')) at++;
  return *name_size > 0 && at < end && *at == ':' ? at : NULL;
}

bool header_line_is_field(const char *at, const char *end) {
  size_t name_size;
  return colon_of(at, end, &name_size) != NULL;
}

bool header_line_is_separator(const char *at, const char *end) {
  return end - at > 5 && memcmp(at, "From ", 5) == 0 && !header_line_is_field(at, end);
}

void header_open(header_reader *r, const void *bytes, size_t size) {
  const char *at = bytes;
  const char *end = at + size;
  if (size >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) at += 3;
  while (at < end && is_blank(at, end)) at = header_line_next(at, end);
  if (header_line_is_separator(at, end)) at = header_line_next(at, end);
  *r = (header_reader){ .at = at, .start = at, .end = end };
}

/* Whether the line at r->at, which is no field, can be passed over: a strayed separator, or a line
 * of junk with a field behind it. If not, the body has begun without an empty line. */
static bool is_junk(const header_reader *r) {
  if (header_line_is_separator(r->at, r->end)) return true;
  if (r->end - r->at > 6 && memcmp(r->at, ">From ", 6) == 0) return true;
  return header_line_is_field(header_line_next(r->at, r->end), r->end);
}

/* A line of blanks folds a value, but where no field follows it was meant to be empty. */
static bool ends_with_blanks(const char *at, const char *end) {
  if (!is_blank(at, end)) return false;
  const char *next = header_line_next(at, end);
  return !is_folded(next, end) && !header_line_is_field(next, end);
}

static const char *skip_rest(const char *at, const char *end) {
  while (at < end && !is_empty(at, end)) at = header_line_next(at, end);
  return header_line_next(at, end);
}

bool header_next(header_reader *r, header_field *field) {
  for (;;) {
    if (r->at >= r->end) return false;
    if ((size_t)(r->at - r->start) > HEADER_MAX) {
      r->cut = true;
      r->at = skip_rest(r->at, r->end);
      return false;
    }
    if (is_empty(r->at, r->end)) {
      r->at = header_line_next(r->at, r->end);
      return false;
    }
    size_t name_size;
    const char *colon = colon_of(r->at, r->end, &name_size);
    if (colon != NULL) {
      const char *value_end = header_line_next(r->at, r->end);
      while (is_folded(value_end, r->end) && !ends_with_blanks(value_end, r->end))
        value_end = header_line_next(value_end, r->end);
      field->name = (sdx_bytes){ .data = r->at, .size = name_size };
      field->value = (sdx_bytes){ .data = colon + 1, .size = (size_t)(value_end - colon - 1) };
      if (field->value.size > HEADER_MAX) {
        field->value.size = HEADER_MAX;
        r->cut = true;
      }
      if (r->at + name_size != colon) r->irregular = true;
      r->at = value_end;
      r->seen = true;
      return true;
    }
    const bool blank = is_blank(r->at, r->end);
    if (!blank && !is_junk(r)) {
      r->irregular = true;
      return false;
    }
    r->irregular = true;
    r->at = header_line_next(r->at, r->end);
    if (blank && r->seen) return false;
  }
}

bool header_is(const header_field *field, const char *name) {
  return field->name.size == strlen(name) &&
         strncasecmp(field->name.data, name, field->name.size) == 0;
}

/* ---------------------------------------------------------------- values */

GMimeParserOptions *header_options(void) {
  static const char *const CHARSETS[] = { "utf-8", "windows-1252", "iso-8859-1", NULL };
  GMimeParserOptions *options = g_mime_parser_options_new();
  g_mime_parser_options_set_fallback_charsets(options, (const char **)(uintptr_t)CHARSETS);
  return options;
}

/* The value as a C string on one line: line ends and NUL give way, the ends are trimmed. */
static const char *unfold(buffer *line, sdx_bytes value) {
  const char *at = value.data;
  const char *end = at + value.size;
  while (at < end && (is_blank(at, at + 1) || *at == '\n')) at++;
  while (end > at && (end[-1] == '\n' || is_blank(end - 1, end))) end--;
  while (at < end) {
    const char *run = at;
    while (at < end && *at != '\r' && *at != '\n' && *at != '\0') at++;
    buffer_put(line, run, (size_t)(at - run));
    if (at < end && *at == '\0') buffer_put_u8(line, ' ');
    if (at < end) at++;
  }
  buffer_put_u8(line, 0);
  return line->failed ? NULL : (const char *)line->data;
}

static bool is_plain(const char *text) {
  for (; *text != '\0'; text++)
    if ((unsigned char)*text >= 0x80 || (text[0] == '=' && text[1] == '?')) return false;
  return true;
}

static void put_utf8(buffer *out, const char *text) {
  (void)charset_decode(out, SIZE_MAX, "utf-8", text, strlen(text));
}

static void put_decoded(buffer *out, GMimeParserOptions *options, const char *line) {
  if (is_plain(line)) {
    buffer_put(out, line, strlen(line));
    return;
  }
  char *decoded = g_mime_utils_header_decode_text(options, line);
  if (decoded != NULL) put_utf8(out, decoded);
  g_free(decoded);
}

void header_put_text(buffer *out, GMimeParserOptions *options, sdx_bytes value) {
  buffer scratch = BUFFER_INIT;
  const char *line = unfold(&scratch, value);
  if (line == NULL)
    out->failed = true;
  else
    put_decoded(out, options, line);
  buffer_free(&scratch);
}

static void put_address_list(buffer *out, InternetAddressList *list, unsigned depth) {
  const int count = internet_address_list_length(list);
  for (int i = 0; i < count; i++) {
    InternetAddress *address = internet_address_list_get_address(list, i);
    const char *name = internet_address_get_name(address);
    if (i > 0) buffer_put(out, ", ", 2);
    if (name != NULL) put_utf8(out, name);
    if (INTERNET_ADDRESS_IS_GROUP(address)) {
      InternetAddressList *members =
          internet_address_group_get_members((InternetAddressGroup *)address);
      buffer_put(out, ": ", 2);
      if (members != NULL && depth < GROUP_DEPTH_MAX) put_address_list(out, members, depth + 1);
      continue;
    }
    const char *mailbox = internet_address_mailbox_get_addr((InternetAddressMailbox *)address);
    if (mailbox == NULL || mailbox[0] == '\0') continue;
    const bool named = name != NULL && name[0] != '\0';
    if (named) buffer_put(out, " <", 2);
    put_utf8(out, mailbox);
    if (named) buffer_put(out, ">", 1);
  }
}

static size_t count_of(const char *text, size_t size, char c) {
  size_t count = 0;
  for (size_t i = 0; i < size; i++) count += text[i] == c;
  return count;
}

static void put_parsed(buffer *out, GMimeParserOptions *options, const char *line) {
  if (line[0] == '\0') return;
  const size_t size = strlen(line), start = out->size;
  /* Each colon may begin a group within a group, for which the parser calls itself. */
  InternetAddressList *list =
      count_of(line, size, ':') <= COLONS_MAX ? internet_address_list_parse(options, line) : NULL;
  if (list != NULL) {
    put_address_list(out, list, 0);
    g_object_unref(list);
  }
  /* The parser leaves out what it takes for no address (jr..lee@example.org): then all stays as it stands. */
  if (out->size > start && count_of((const char *)out->data + start, out->size - start, '@') >=
                               count_of(line, size, '@'))
    return;
  buffer_cut(out, start);
  put_decoded(out, options, line);
}

static void put_addresses(buffer *out, GMimeParserOptions *options, sdx_bytes value, bool shortly) {
  buffer scratch = BUFFER_INIT;
  const char *line = unfold(&scratch, value);
  if (line == NULL)
    out->failed = true;
  else if (!shortly || !address_put_plain(out, line))
    put_parsed(out, options, line);
  buffer_free(&scratch);
}

void header_put_addresses(buffer *out, GMimeParserOptions *options, sdx_bytes value) {
  put_addresses(out, options, value, true);
}

void header_put_addresses_parsed(buffer *out, GMimeParserOptions *options, sdx_bytes value) {
  put_addresses(out, options, value, false);
}

bool header_put_id(buffer *out, sdx_bytes value) {
  if (value.size == 0) return false;
  const char *at = value.data;
  const char *end = at + value.size;
  buffer id = BUFFER_INIT;
  while (at < end && id.size == 0) {
    const char *open = memchr(at, '<', (size_t)(end - at));
    if (open == NULL) break;
    const char *close = memchr(open, '>', (size_t)(end - open));
    const char *stop = close != NULL ? close : end;
    for (const char *c = open + 1; c < stop; c++)
      if ((unsigned char)*c > ' ') buffer_put_u8(&id, (uint8_t)*c);
    at = stop;
  }
  if (id.size == 0) { /* without brackets: the first word that has an @ */
    for (at = value.data; at < end && id.size == 0;) {
      while (at < end && (unsigned char)*at <= ' ') at++;
      const char *word = at;
      while (at < end && (unsigned char)*at > ' ') at++;
      if (memchr(word, '@', (size_t)(at - word)) != NULL)
        buffer_put(&id, word, (size_t)(at - word));
    }
  }
  (void)charset_decode(out, SIZE_MAX, NULL, id.data, id.size);
  const bool found = id.size > 0;
  if (id.failed) out->failed = true;
  buffer_free(&id);
  return found;
}

int64_t header_date(sdx_bytes value) {
  if (value.size == 0 || value.size > 1000) return 0;
  buffer scratch = BUFFER_INIT;
  const char *line = unfold(&scratch, value);
  GDateTime *date = line != NULL && line[0] != '\0' ? g_mime_utils_header_decode_date(line) : NULL;
  const int64_t seconds = date != NULL ? g_date_time_to_unix(date) : 0;
  if (date != NULL) g_date_time_unref(date);
  buffer_free(&scratch);
  return seconds;
}

int64_t header_received_date(sdx_bytes value) {
  const char *semicolon = memrchr(value.data, ';', value.size);
  if (semicolon == NULL) return 0;
  const size_t skip = (size_t)(semicolon + 1 - value.data);
  return header_date((sdx_bytes){ .data = semicolon + 1, .size = value.size - skip });
}
