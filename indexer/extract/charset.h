/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * charset.h - bytes in some character set to UTF-8 that is always valid.
 *
 * Nothing is ever refused: bytes that mean nothing become U+FFFD, NUL becomes a space. The names of
 * character sets are those of mail and web pages, and mean what browsers take them to mean (their
 * windows superset: iso-8859-1 is windows-1252, gb2312 is gb18030). An unknown name, none, or one
 * that the bytes prove wrong is guessed: a byte order mark, else UTF-8 where valid, else
 * windows-1252. The mark itself is no part of the text.
 */
#ifndef SEALDEX_EXTRACT_CHARSET_H
#define SEALDEX_EXTRACT_CHARSET_H

#include "base/buffer.h"

/* Appends at most about `limit` bytes of UTF-8 to *out; false where text was left out for that.
 * `name` may be NULL. */
bool charset_decode(buffer *out, size_t limit, const char *name, const void *bytes, size_t size);

/* False where the first bytes hold what text in no character set has much of. */
bool charset_is_text(const void *bytes, size_t size);

/* "UTF-16LE" or "UTF-16BE" where the bytes begin with its mark, or with two characters of ASCII in
 * it; else NULL. */
const char *charset_wide(const void *bytes, size_t size);

/* How many of the bytes at `text`, at most `size`, end on a character of UTF-8. */
size_t charset_whole(const void *text, size_t size);

#endif
