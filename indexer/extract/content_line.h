/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * content_line.h - the lines that calendars and cards are made of: `group.NAME;PARAM=x:value`.
 *
 * Folded lines are joined (also quoted-printable's soft breaks of vCard 2.1 and vCalendar 1.0), the
 * value is decoded to UTF-8 from the character set that its line names, else the likely one.
 * Backslash escapes stay as they are: what they part depends on the property. Lines without a colon
 * are passed over.
 */
#ifndef SEALDEX_EXTRACT_CONTENT_LINE_H
#define SEALDEX_EXTRACT_CONTENT_LINE_H

#include "base/buffer.h"
#include "sealdex.h"

#define CONTENT_VALUE_MAX ((size_t)1 << 20) /* bytes of one value that are read */

typedef struct content_reader {
  const char *at;
  const char *end;
  buffer raw; /* the joined line */
  buffer bytes;
} content_reader;

typedef struct content_line {
  buffer name;       /* upper case, without its group, as a C string */
  buffer parameters; /* `NAME=value` and NUL, one behind the other; names in upper case */
  buffer value;
  bool encoded; /* in base64: no text */
  bool cut;     /* longer than CONTENT_VALUE_MAX */
  bool quoted;  /* it came quoted-printable, so that line ends in it are its own */
} content_line;

#define CONTENT_LINE_INIT                                                                          \
  { .name = BUFFER_INIT, .parameters = BUFFER_INIT, .value = BUFFER_INIT }

void content_open(content_reader *r, const void *bytes, size_t size);
/* The next line; false at the end or where memory ran out (then line->value.failed). */
bool content_next(content_reader *r, content_line *line);
void content_close(content_reader *r);
void content_line_free(content_line *line);

bool content_is(const content_line *line, const char *name);
/* The value of the n-th parameter of that name (from 0), or NULL. A bare word, as vCard 2.1 has
 * them, is a value of TYPE. */
const char *content_parameter(const content_line *line, const char *name, size_t n);

/* Cuts the next part off *rest at `separator` where no backslash stands before it, and appends it
 * to *out without its escapes; false where nothing is left. *rest.data is NULL after the last. */
bool content_part(buffer *out, sdx_bytes *rest, char separator);

#endif
