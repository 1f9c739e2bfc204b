/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/mbox.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/wipe.h"
#include "indexer/extract/header.h"
#include "indexer/extract/libraries.h"

#define STEP_LEAST ((size_t)16 << 10) /* bytes read at a time */
#define STEP_MOST ((size_t)1 << 20)
#define LOOK_AHEAD ((size_t)65536) /* a separator and the line behind it are shorter */

void mbox_open(mbox *m, int fd, uint64_t size) {
  *m = (mbox){ .fd = fd, .step = STEP_MOST };
  if (size < STEP_MOST) m->step = size < STEP_LEAST ? STEP_LEAST : (size_t)size + 1;
}

void mbox_close(mbox *m) {
  buffer_free(&m->data);
}

static sdx_status fill(mbox *m, sdx_error *err) {
  if (!buffer_reserve(&m->data, m->step)) return error_memory(err);
  for (;;) {
    const ssize_t n = read(m->fd, m->data.data + m->data.size, m->step);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return error_system(err, errno, "an mbox cannot be read");
    if (n == 0) m->end_of_file = true;
    m->data.size += (size_t)n;
    return SDX_OK;
  }
}

/* Fills until `size` bytes stand behind `from`, or the file ends. */
static sdx_status ensure(mbox *m, size_t from, size_t size, sdx_error *err) {
  sdx_status status = SDX_OK;
  while (status == SDX_OK && !m->end_of_file && m->data.size - from < size) status = fill(m, err);
  return status;
}

/* Forgets what stands before m->at, once that is more than what would have to move. */
static void drop_given(mbox *m) {
  const size_t left = m->data.size - m->at;
  if (m->at == 0 || m->at < left) return;
  memmove(m->data.data, m->data.data + m->at, left);
  wipe(m->data.data + left, m->data.size - left);
  m->data.size = left;
  m->at = 0;
}

/* ---------------------------------------------------------------- separators */

/* `hh:mm` somewhere in the line, and a year at its end or before a zone: what ctime writes. */
static bool has_date(const char *at, const char *end) {
  bool clock = false;
  bool year = false;
  for (const char *c = at; end - c > 5; c++) {
    if (c[0] == ' ' && c[3] == ':' && c[1] >= '0' && c[1] <= '2') clock = true;
    if (c[0] == ' ' && (c[1] == '1' || c[1] == '2') && (c[2] == '9' || c[2] == '0')) year = true;
  }
  return clock && year;
}

static bool is_known_field(const char *at, const char *end) {
  static const char *const NAMES[] = { "From",         "To",         "Cc",           "Subject",
                                       "Date",         "Received",   "Return-Path",  "Message-ID",
                                       "Status",       "Sender",     "MIME-Version", "Reply-To",
                                       "Delivered-To", "Path",       "Newsgroups",   "Content-Type",
                                       "Xref",         "References", "Relay-Version" };
  size_t size = 0;
  while (at + size < end && strchr(": \t", at[size]) == NULL) size++;
  const header_field field = { .name = { .data = at, .size = size } };
  if (field.name.size > 2 && (at[0] == 'X' || at[0] == 'x') && at[1] == '-') return true;
  for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
    if (header_is(&field, NAMES[i])) return true;
  return false;
}

/* Whether a separator stands at data[at]; LOOK_AHEAD bytes behind it have been read. */
static bool is_separator(const mbox *m, size_t at) {
  const char *data = (const char *)m->data.data;
  const char *line = data + at;
  const char *end = data + m->data.size;
  if (!header_line_is_separator(line, end)) return false;
  const char *next = header_line_next(line, end);
  while (end - next > 6 && memcmp(next, ">From ", 6) == 0) next = header_line_next(next, end);
  if (!header_line_is_field(next, end)) return false;
  if (has_date(line, next)) return true;
  const bool behind_empty =
      at == m->at || (at >= 2 && line[-1] == '\n' &&
                      (line[-2] == '\n' || (at >= 3 && line[-2] == '\r' && line[-3] == '\n')));
  return behind_empty && is_known_field(next, end);
}

/* ---------------------------------------------------------------- where a message ends */

static size_t skip_empty_lines(const mbox *m, size_t at, unsigned lines) {
  const uint8_t *data = m->data.data;
  for (; lines > 0 && at < m->data.size; lines--) {
    if (data[at] == '\r' && at + 1 < m->data.size && data[at + 1] == '\n')
      at += 2;
    else if (data[at] == '\n')
      at++;
    else
      break;
  }
  return at;
}

/* The value of Content-Length, and where the body begins; false where there is none to go by. */
static bool content_length(const mbox *m, size_t start, size_t *body, size_t *length) {
  header_reader header;
  header_field field;
  bool found = false;
  header_open(&header, m->data.data + start, m->data.size - start);
  while (header_next(&header, &field)) {
    if (!header_is(&field, "Content-Length")) continue;
    char digits[24] = "";
    const size_t size = field.value.size < sizeof digits - 1 ? field.value.size : sizeof digits - 1;
    memcpy(digits, field.value.data, size);
    char *stop = NULL;
    const unsigned long long value = strtoull(digits, &stop, 10);
    found = stop != digits && strchr(digits, '-') == NULL && value < MBOX_MESSAGE_MAX;
    *length = (size_t)value;
  }
  *body = (size_t)(header.at - (const char *)m->data.data);
  return found;
}

/* Sets *end where the message's Content-Length leads to a place where one can end. */
static sdx_status end_by_length(mbox *m, size_t start, size_t *end, sdx_error *err) {
  size_t body = 0;
  size_t length = 0;
  sdx_status status = ensure(m, start, LOOK_AHEAD, err);
  if (status != SDX_OK || !content_length(m, start, &body, &length)) return status;
  status = ensure(m, body, length + LOOK_AHEAD, err);
  if (status != SDX_OK || m->data.size - body < length) return status;
  const size_t next = skip_empty_lines(m, body + length, 2);
  if (next == m->data.size ||
      (next > body && m->data.data[next - 1] == '\n' && is_separator(m, next)))
    *end = body + length;
  return SDX_OK;
}

/* Sets *end to the next separator, or the end of the file. */
static sdx_status end_by_separator(mbox *m, size_t start, size_t *end, bool *too_long,
                                   sdx_error *err) {
  size_t scanned = start;
  for (;;) {
    sdx_status status = ensure(m, scanned, LOOK_AHEAD, err);
    if (status != SDX_OK) return status;
    const uint8_t *data = m->data.data;
    const uint8_t *found = memmem(data + scanned, m->data.size - scanned, "\nFrom ", 6);
    if (found != NULL) {
      const size_t at = (size_t)(found - data) + 1;
      status = ensure(m, at, LOOK_AHEAD, err);
      if (status != SDX_OK) return status;
      scanned = at;
      if (!is_separator(m, at)) continue;
      *end = at;
      return SDX_OK;
    }
    if (m->end_of_file) {
      *end = m->data.size;
      return SDX_OK;
    }
    if (m->data.size - start > MBOX_MESSAGE_MAX) { /* forget the middle of it */
      *too_long = true;
      const size_t keep = 8;
      memmove(m->data.data + start + LOOK_AHEAD, m->data.data + m->data.size - keep, keep);
      m->offset += m->data.size - start - LOOK_AHEAD - keep;
      m->data.size = start + LOOK_AHEAD + keep;
      scanned = start + LOOK_AHEAD;
      status = fill(m, err);
      if (status != SDX_OK) return status;
      continue;
    }
    scanned = m->data.size - start > 5 ? m->data.size - 5 : start;
    status = fill(m, err);
    if (status != SDX_OK) return status;
  }
}

/* ---------------------------------------------------------------- messages */

/* Takes one `>` off lines that were quoted for looking like separators; gives the new size. */
static size_t unquote(char *bytes, size_t size) {
  if (memmem(bytes, size, "\n>", 2) == NULL || memmem(bytes, size, ">From ", 6) == NULL)
    return size;
  size_t to = 0;
  for (size_t i = 0; i < size;) {
    const char *next = header_line_next(bytes + i, bytes + size);
    size_t length = (size_t)(next - (bytes + i));
    size_t quotes = 0;
    while (quotes < length && bytes[i + quotes] == '>') quotes++;
    if (i > 0 && quotes > 0 && length - quotes > 5 && memcmp(bytes + i + quotes, "From ", 5) == 0) {
      i++;
      length--;
    }
    memmove(bytes + to, bytes + i, length);
    to += length;
    i += length;
  }
  wipe(bytes + to, size - to);
  return to;
}

/* Whether the message holds what its dialect should have quoted: then nothing in it is quoted. */
static bool is_unquoted(const char *bytes, size_t size) {
  return memmem(bytes, size, "\nFrom ", 6) != NULL;
}

static int64_t separator_date(const char *line, const char *end) {
  const char *at = line + 5;
  while (at < end && *at != ' ') at++;
  if (at >= end || !has_date(at, end)) return 0;
  return header_date((sdx_bytes){ .data = at, .size = (size_t)(end - at) });
}

sdx_status mbox_next(mbox *m, mbox_message *out, sdx_error *err) {
  *out = (mbox_message){ 0 };
  libraries_start();
  drop_given(m);
  sdx_status status = ensure(m, m->at, LOOK_AHEAD, err);
  if (status != SDX_OK) return status;
  size_t start = m->at;
  if (m->offset == 0 && m->data.size >= 3 && memcmp(m->data.data, "\xef\xbb\xbf", 3) == 0)
    start = 3;
  while (start < m->data.size && strchr(" \t\r\n", (char)m->data.data[start]) != NULL &&
         m->data.data[start] != 0)
    start++;
  if (start == m->data.size && m->end_of_file) {
    m->offset += m->data.size - m->at;
    m->at = m->data.size;
    return SDX_NOT_FOUND;
  }
  const char *data = (const char *)m->data.data;
  const char *stop = data + m->data.size;
  m->offset += start - m->at;
  const size_t begin = m->at = start;
  if (header_line_is_separator(data + start, stop)) {
    const char *next = header_line_next(data + start, stop);
    out->date = separator_date(data + start, next);
    start = (size_t)(next - data);
  }
  size_t end = 0;
  status = end_by_length(m, start, &end, err);
  const bool by_length = end != 0;
  if (status == SDX_OK && !by_length)
    status = end_by_separator(m, start, &end, &out->too_long, err);
  if (status != SDX_OK) return status;
  out->bytes = (char *)m->data.data + start;
  out->size = end - start;
  m->offset += end - begin;
  m->at = end;
  if (!by_length || !is_unquoted(out->bytes, out->size)) out->size = unquote(out->bytes, out->size);
  return SDX_OK;
}

static bool has_letter(sdx_bytes value, char letter) {
  return memchr(value.data, letter, value.size) != NULL;
}

void mbox_add_flags(draft *d, const void *bytes, size_t size) {
  header_reader header;
  header_field field;
  header_open(&header, bytes, size);
  while (header_next(&header, &field)) {
    if (header_is(&field, "Status")) {
      if (has_letter(field.value, 'R')) draft_add_flag(d, "seen", 4);
    } else if (header_is(&field, "X-Status")) {
      if (has_letter(field.value, 'A')) draft_add_flag(d, "answered", 8);
      if (has_letter(field.value, 'F')) draft_add_flag(d, "flagged", 7);
      if (has_letter(field.value, 'T')) draft_add_flag(d, "draft", 5);
      if (has_letter(field.value, 'D')) draft_add_flag(d, "trashed", 7);
    }
  }
}

bool mbox_at_end(const mbox *m) {
  return m->end_of_file && skip_empty_lines(m, m->at, UINT32_MAX) == m->data.size;
}
