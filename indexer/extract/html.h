/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * html.h - the text that a person sees of an HTML page, by libxml2's HTML parser.
 *
 * Scripts, styles and comments are left out; blocks stand on lines of their own, table cells apart;
 * white space is collapsed but in <pre>; of an image its alt text is kept. The parser builds no
 * tree and fetches nothing.
 */
#ifndef SEALDEX_EXTRACT_HTML_H
#define SEALDEX_EXTRACT_HTML_H

#include "base/buffer.h"

/* Appends to *out the text of the UTF-8 page `html`, at most about `limit` bytes; to *title, where
 * not NULL, what <title> says. False where something was left out: the limit, or elements nested
 * deeper than is done to read. */
bool html_text(buffer *out, size_t limit, buffer *title, const char *html, size_t size);

/* The character set that the page names for itself (<meta charset>, XML declaration) in its first
 * bytes, for pages that came without one; false where it names none. */
bool html_charset(char name[48], const void *bytes, size_t size);

/* As html_text, from bytes in `charset` (NULL: what the page says, else guessed). */
bool html_decode(buffer *out, size_t limit, buffer *title, const char *charset, const void *bytes,
                 size_t size);

#endif
