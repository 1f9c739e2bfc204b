/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * header.h - the header of an Internet message: its fields, and what their values say.
 *
 * Cutting a header into fields is done here and not by GMime's parser, which gives up on lines that
 * real mail has (an mbox separator, junk, `>From `, a blank before the colon). Values are decoded
 * by GMime: encoded words (RFC 2047), addresses, dates; bytes beyond ASCII that nothing declares
 * are UTF-8 where valid, else windows-1252.
 */
#ifndef SEALDEX_EXTRACT_HEADER_H
#define SEALDEX_EXTRACT_HEADER_H

#include <gmime/gmime.h>

#include "base/buffer.h"
#include "sealdex.h"

#define HEADER_MAX                                                                                 \
  ((size_t)1 << 20) /* bytes of a header that are read; the rest is passed over                    \
                     */

/* One field, as it stands: the value may be folded over lines and hold any byte. */
typedef struct header_field {
  sdx_bytes name;
  sdx_bytes value;
} header_field;

typedef struct header_reader {
  const char *at;
  const char *start;
  const char *end;
  bool seen;      /* a field has been met */
  bool irregular; /* lines were passed over that a strict reader would stumble over */
  bool cut;       /* the header is longer than HEADER_MAX */
} header_reader;

/* Begins behind a byte order mark, blank lines and an mbox separator line. */
void header_open(header_reader *r, const void *bytes, size_t size);
/* The next field; false at the end, where r->at is the first byte of the body. */
bool header_next(header_reader *r, header_field *field);
bool header_is(const header_field *field, const char *name);

/* True where the line at `at` is a field: a name, maybe blanks, a colon. */
bool header_line_is_field(const char *at, const char *end);
/* True where the line is `From ` and something, and no field. */
bool header_line_is_separator(const char *at, const char *end);
/* The first byte of the next line, or `end`. */
const char *header_line_next(const char *at, const char *end);

/* All append UTF-8 to *out. */
void header_put_text(buffer *out, GMimeParserOptions *options, sdx_bytes value);
/* "Name <address>, Name <address>", with the names of groups. */
void header_put_addresses(buffer *out, GMimeParserOptions *options, sdx_bytes value);
/* The same, never the short way (address.h). */
void header_put_addresses_parsed(buffer *out, GMimeParserOptions *options, sdx_bytes value);
/* The first message id in the value, without its angle brackets; false where there is none. */
bool header_put_id(buffer *out, sdx_bytes value);

/* The date that the value says (of Received: what stands behind the last semicolon); 0: none. */
int64_t header_date(sdx_bytes value);
int64_t header_received_date(sdx_bytes value);

/* How header values are read; free with g_mime_parser_options_free. */
GMimeParserOptions *header_options(void);

#endif
