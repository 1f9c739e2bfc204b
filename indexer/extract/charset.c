/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/charset.h"

#include <errno.h>
#include <gmime/gmime.h>
#include <iconv.h>
#include <string.h>

#include "indexer/extract/libraries.h"

#define NAME_MAX_SIZE 40
#define SAMPLE 8192
static const char REPLACEMENT[] = "\xef\xbf\xbd";

/* What mail says, and what iconv is to read it as. */
static const struct {
  const char *said;
  const char *meant;
} MEANINGS[] = {
  { "iso-8859-1", "CP1252" },
  { "iso8859-1", "CP1252" },
  { "iso_8859-1", "CP1252" },
  { "latin1", "CP1252" },
  { "iso-8859-9", "CP1254" },
  { "iso-8859-11", "CP874" },
  { "tis-620", "CP874" },
  { "gb2312", "GB18030" },
  { "gb_2312-80", "GB18030" },
  { "gbk", "GB18030" },
  { "x-gbk", "GB18030" },
  { "cp936", "GB18030" },
  { "euc-cn", "GB18030" },
  { "euc-kr", "UHC" },
  { "ks_c_5601-1987", "UHC" },
  { "ks_c_5601-1989", "UHC" },
  { "ksc5601", "UHC" },
  { "ksc_5601", "UHC" },
  { "korean", "UHC" },
  { "shift_jis", "CP932" },
  { "shift-jis", "CP932" },
  { "sjis", "CP932" },
  { "x-sjis", "CP932" },
  { "windows-31j", "CP932" },
  { "big5", "BIG5-HKSCS" },
  { "x-big5", "BIG5-HKSCS" },
  { "iso-8859-8-i", "ISO-8859-8" },
  { "iso-8859-8-e", "ISO-8859-8" },
  { "unicode-1-1-utf-7", "UTF-7" },
  { "x-unicode-2-0-utf-7", "UTF-7" },
  { "x-mac-roman", "MACINTOSH" },
  { "x-euc-jp", "EUC-JP" },
  { "cp-850", "CP850" },
};

size_t charset_whole(const void *text, size_t size) {
  const uint8_t *at = text;
  size_t start = size;
  while (start > 0 && size - start < 3 && (at[start - 1] & 0xc0) == 0x80) start--;
  if (start == 0) return size;
  const uint8_t lead = at[start - 1];
  const size_t length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return size - (start - 1) < length ? start - 1 : size;
}

bool charset_is_text(const void *bytes, size_t size) {
  const uint8_t *at = bytes;
  const size_t sample = size < SAMPLE ? size : SAMPLE;
  if (charset_wide(bytes, size) != NULL) return true;
  size_t zeros = 0;
  size_t controls = 0; /* a tenth of random bytes */
  for (size_t i = 0; i < sample; i++) {
    zeros += at[i] == 0;
    controls += at[i] < 0x20 && (at[i] < '\t' || at[i] > '\r') && at[i] != 0x1b;
  }
  return zeros * 100 <= sample && controls * 16 <= sample;
}

const char *charset_wide(const void *bytes, size_t size) {
  const uint8_t *at = bytes;
  if (size < 4) return NULL;
  if ((at[0] == 0xff && at[1] == 0xfe) || (at[0] != 0 && at[1] == 0 && at[2] != 0 && at[3] == 0))
    return "UTF-16LE";
  if ((at[0] == 0xfe && at[1] == 0xff) || (at[0] == 0 && at[1] != 0 && at[2] == 0 && at[3] != 0))
    return "UTF-16BE";
  return NULL;
}

/* ASCII without NUL: the common case, and all of it is copied at once. */
static size_t plain_prefix(const uint8_t *at, size_t size) {
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    uint64_t word;
    memcpy(&word, at + i, 8);
    const uint64_t zero = (word - UINT64_C(0x0101010101010101)) & ~word;
    if (((word | zero) & UINT64_C(0x8080808080808080)) != 0) break;
  }
  while (i < size && at[i] != 0 && at[i] < 0x80) i++;
  return i;
}

/* Copies UTF-8, with what is none of it replaced. */
static void put_repaired(buffer *out, const uint8_t *at, size_t size) {
  const char *rest = (const char *)at;
  const char *end = rest + size;
  while (rest < end) {
    const char *stop = rest;
    (void)g_utf8_validate_len(rest, (gsize)(end - rest), &stop);
    buffer_put(out, rest, (size_t)(stop - rest));
    if (stop == end) return;
    if (*stop == '\0')
      buffer_put_u8(out, ' ');
    else
      buffer_put(out, REPLACEMENT, 3);
    rest = stop + 1;
  }
}

/* Through iconv, in steps, replacing what it refuses; false where `limit` was reached. */
static bool put_converted(buffer *out, size_t limit, iconv_t converter, const uint8_t *at,
                          size_t size) {
  char *in = (char *)(uintptr_t)at;
  size_t left = size;
  const size_t stop_at = limit > SIZE_MAX - out->size ? SIZE_MAX : out->size + limit;
  bool flushed = false;
  while (!flushed) {
    if (out->size >= stop_at) return false;
    char chunk[4096];
    char *to = chunk;
    size_t room = sizeof chunk;
    errno = 0;
    const size_t n = left > 0 ? iconv(converter, &in, &left, &to, &room)
                              : iconv(converter, NULL, NULL, &to, &room);
    flushed = left == 0 && n != (size_t)-1 && room > 0 && to == chunk;
    put_repaired(out, (uint8_t *)chunk, (size_t)(to - chunk));
    if (n == (size_t)-1 && errno != E2BIG) {
      buffer_put(out, REPLACEMENT, 3);
      if (left == 0) return true;
      in++;
      left--;
    }
  }
  return true;
}

static bool name_is_sane(const char *name) {
  const size_t size = strlen(name);
  if (size == 0 || size > NAME_MAX_SIZE) return false;
  for (size_t i = 0; i < size; i++)
    if (!g_ascii_isalnum(name[i]) && strchr("-_.:+()", name[i]) == NULL) return false;
  return true;
}

static bool is_utf8_name(const char *name) {
  return g_ascii_strcasecmp(name, "utf-8") == 0 || g_ascii_strcasecmp(name, "utf8") == 0;
}

/* How many bytes of a byte order mark the text begins with. Where iconv is told "UTF-16", it needs
 * the mark. */
static size_t mark_size(const char *name, const uint8_t *at, size_t size) {
  static const struct {
    const char *name;
    const char *mark;
  } MARKS[] = {
    { "utf-8", "\xef\xbb\xbf" },
    { "UTF-16LE", "\xff\xfe" },
    { "UTF-16BE", "\xfe\xff" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(MARKS); i++) {
    const size_t length = strlen(MARKS[i].mark);
    if (g_ascii_strcasecmp(name, MARKS[i].name) == 0 && size >= length &&
        memcmp(at, MARKS[i].mark, length) == 0)
      return length;
  }
  return 0;
}

static bool is_ascii_name(const char *name) {
  static const char *const NAMES[] = { "us-ascii",     "ascii",     "ansi_x3.4-1968",
                                       "unknown-8bit", "x-unknown", "unknown",
                                       "default",      "8bit",      "iso-8859" };
  for (size_t i = 0; i < G_N_ELEMENTS(NAMES); i++)
    if (g_ascii_strcasecmp(name, NAMES[i]) == 0) return true;
  return false;
}

static iconv_t converter_open(const char *name) {
  if (!name_is_sane(name)) return (iconv_t)-1;
  libraries_start();
  for (size_t i = 0; i < G_N_ELEMENTS(MEANINGS); i++)
    if (g_ascii_strcasecmp(name, MEANINGS[i].said) == 0)
      return iconv_open("UTF-8", MEANINGS[i].meant);
  return iconv_open("UTF-8", g_mime_charset_iconv_name(name));
}

/* True where some bytes beyond ASCII stand as UTF-8 has them: then damage is repaired around them
 * instead of reading all of it as windows-1252. */
static bool has_utf8(const uint8_t *at, size_t size) {
  for (size_t i = 0; i + 1 < size; i++) {
    if (at[i] < 0xc2 || at[i] > 0xf4) continue;
    const size_t length = at[i] < 0xe0 ? 2 : at[i] < 0xf0 ? 3 : 4;
    if (i + length <= size && g_utf8_validate((const char *)at + i, (gssize)length, NULL))
      return true;
  }
  return false;
}

/* A name for bytes that came without one that holds. */
static const char *guess(const uint8_t *at, size_t size, bool said_utf8) {
  const char *wide = charset_wide(at, size);
  if (wide != NULL) return wide;
  if (mark_size("utf-8", at, size) > 0) return "utf-8";
  if (plain_prefix(at, size) == size) return "utf-8";
  const char *bad = NULL;
  if (g_utf8_validate_len((const char *)at, size, &bad)) return "utf-8";
  /* NUL is no proof against UTF-8, nor is a character that was cut off at the end. */
  const size_t valid = (size_t)(bad - (const char *)at);
  if (*bad == '\0')
    return has_utf8(at, size) || plain_prefix(at, valid) == valid ? "utf-8" : "CP1252";
  if (size - valid < 4 && valid > 0 && has_utf8(at, valid)) return "utf-8";
  return said_utf8 && has_utf8(at, size) ? "utf-8" : "CP1252";
}

bool charset_decode(buffer *out, size_t limit, const char *name, const void *bytes, size_t size) {
  const uint8_t *at = bytes;
  if (size == 0) return true;
  const bool unsaid = name == NULL || name[0] == '\0' || is_ascii_name(name);
  const bool said_utf8 = !unsaid && is_utf8_name(name);
  iconv_t converter = (iconv_t)-1;
  if (!unsaid && !said_utf8) converter = converter_open(name);
  if (converter == (iconv_t)-1) {
    name = guess(at, size, said_utf8);
    if (strcmp(name, "utf-8") == 0) {
      const size_t mark = mark_size(name, at, size);
      at += mark, size -= mark;
      const size_t kept = size <= limit ? size : charset_whole(at, limit);
      if (plain_prefix(at, kept) == kept)
        buffer_put(out, at, kept);
      else
        put_repaired(out, at, kept);
      return kept == size;
    }
    converter = iconv_open("UTF-8", name);
    if (converter == (iconv_t)-1) {
      put_repaired(out, at, size < limit ? size : limit);
      return size <= limit;
    }
  }
  const size_t mark = mark_size(name, at, size);
  const bool whole = put_converted(out, limit, converter, at + mark, size - mark);
  iconv_close(converter);
  return whole;
}
