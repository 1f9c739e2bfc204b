/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/file_type.h"

#include <string.h>
#include <strings.h>

#include "indexer/extract/charset.h"
#include "indexer/extract/message.h"

/* What the name says. */
typedef enum name_class {
  NAME_SILENT, /* nothing: the bytes decide */
  NAME_MESSAGE,
  NAME_MBOX,
  NAME_LINES,
  NAME_TEXT, /* text of any kind: source code, tables, settings */
  NAME_MARKDOWN,
  NAME_HTML,
  NAME_XML,
  NAME_CALENDAR,
  NAME_CONTACT,
  NAME_NEVER, /* what mail programs keep for themselves */
} name_class;

static const struct {
  const char *extension;
  name_class names;
} EXTENSIONS[] = {
  { "eml", NAME_MESSAGE },  { "emlx", NAME_SILENT },       { "mbox", NAME_MBOX },
  { "mbx", NAME_MBOX },     { "jsonl", NAME_LINES },       { "ndjson", NAME_LINES },
  { "md", NAME_MARKDOWN },  { "markdown", NAME_MARKDOWN }, { "html", NAME_HTML },
  { "htm", NAME_HTML },     { "xhtml", NAME_HTML },        { "xml", NAME_XML },
  { "fb2", NAME_XML },      { "fodt", NAME_XML },          { "svg", NAME_XML },
  { "ics", NAME_CALENDAR }, { "ifb", NAME_CALENDAR },      { "ical", NAME_CALENDAR },
  { "vcs", NAME_CALENDAR }, { "vcf", NAME_CONTACT },       { "vcard", NAME_CONTACT },
};

/* Files of mail stores that are neither mail nor documents. */
static bool is_of_mail_store(const char *name) {
  static const char *const STARTS[] = { ".", "dovecot", "maildir", "courier", "subscriptions" };
  for (size_t i = 0; i < sizeof STARTS / sizeof STARTS[0]; i++)
    if (strncmp(name, STARTS[i], strlen(STARTS[i])) == 0) return true;
  return false;
}

static name_class class_of(const char *name) {
  const char *slash = strrchr(name, '/');
  if (slash != NULL) name = slash + 1;
  if (strcasecmp(name, "mbox") == 0) return NAME_MBOX;
  if (is_of_mail_store(name)) return NAME_NEVER;
  const char *dot = strrchr(name, '.');
  if (dot == NULL) return NAME_SILENT;
  for (size_t i = 0; i < sizeof EXTENSIONS / sizeof EXTENSIONS[0]; i++)
    if (strcasecmp(dot + 1, EXTENSIONS[i].extension) == 0) return EXTENSIONS[i].names;
  /* An extension of letters says that it is no message, which has numbers there. */
  for (const char *c = dot + 1; *c != '\0'; c++)
    if ((*c | 0x20) < 'a' || (*c | 0x20) > 'z') return NAME_SILENT;
  return dot[1] != '\0' && strlen(dot) <= 12 ? NAME_TEXT : NAME_SILENT;
}

/* Whether the bytes begin, behind a byte order mark and blank lines, with an mbox separator. */
static bool begins_with_separator(const char *at, size_t size) {
  if (size >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) at += 3, size -= 3;
  while (size > 0 && strchr(" \t\r\n", *at) != NULL && *at != '\0') at++, size--;
  return size > 5 && memcmp(at, "From ", 5) == 0;
}

/* ---------------------------------------------------------------- signatures */

static bool has(const char *at, size_t size, size_t offset, const char *signature, size_t length) {
  return size >= offset + length && memcmp(at + offset, signature, length) == 0;
}
#define HAS(offset, text) has(at, size, (offset), (text), sizeof(text) - 1)

static file_type type_of_binary(const char *at, size_t size) {
  if (HAS(0, "%PDF-") || memmem(at, size < 1024 ? size : 1024, "%PDF-", 5) != NULL) return FILE_PDF;
  if (HAS(0, "\xd0\xcf\x11\xe0") || HAS(0, "\xdb\xa5") || HAS(0, "\x09\x08\x10\x00") ||
      HAS(0, "\x09\x08\x08\x00") || HAS(0, "\x09\x04\x06\x00") || HAS(0, "\x09\x02\x06\x00") ||
      HAS(0, "\x09\x00\x04\x00") || HAS(0, "\x09\x00\x06\x00"))
    return FILE_OLE;
  if (HAS(0, "PK\3\4") || HAS(0, "PK\5\6") || HAS(0, "PK00PK\3\4") || HAS(257, "ustar") ||
      HAS(0, "7z\xbc\xaf\x27\x1c") || HAS(0, "\x1f\x8b\x08") || HAS(0, "BZh") ||
      HAS(0, "\xfd"
             "7zXZ") ||
      HAS(0, "\x28\xb5\x2f\xfd"))
    return FILE_PACKAGE;
  if (HAS(0, "{\\rt")) return FILE_RTF;
  return FILE_UNKNOWN;
}

/* Whether text begins, behind blanks and a byte order mark, with `word` in any case. */
static bool begins(const char *at, size_t size, const char *word) {
  if (size >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) at += 3, size -= 3;
  while (size > 0 && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')) at++, size--;
  return size >= strlen(word) && strncasecmp(at, word, strlen(word)) == 0;
}

static file_type type_of_text(name_class says, const char *at, size_t size) {
  if (says == NAME_MARKDOWN) return FILE_MARKDOWN;
  if (says == NAME_HTML || begins(at, size, "<!doctype html") || begins(at, size, "<html"))
    return FILE_HTML;
  if (begins(at, size, "<?xml")) return says == NAME_HTML ? FILE_HTML : FILE_XML;
  return says == NAME_XML ? FILE_XML : FILE_TEXT;
}

static bool begins_with(const void *bytes, size_t size, const char *word) {
  if (begins(bytes, size, word)) return true;
  const char *wide = charset_wide(bytes, size);
  if (wide == NULL) return false;
  buffer narrow = BUFFER_INIT;
  (void)charset_decode(&narrow, 64, wide, bytes, size < 256 ? size & ~(size_t)1 : 256);
  const bool found =
      !narrow.failed && narrow.size > 0 && begins((const char *)narrow.data, narrow.size, word);
  buffer_free(&narrow);
  return found;
}

file_type file_type_of(const char *name, const void *bytes, size_t size) {
  const name_class says = class_of(name);
  if (says == NAME_NEVER) return FILE_UNKNOWN;
  if (says == NAME_LINES) return FILE_LINES;
  if (size == 0) return says == NAME_MESSAGE ? FILE_MESSAGE : FILE_UNKNOWN;
  if (says != NAME_MESSAGE && says != NAME_MBOX) {
    if (begins_with(bytes, size, "BEGIN:VCALENDAR")) return FILE_CALENDAR;
    if (begins_with(bytes, size, "BEGIN:VCARD")) return FILE_CONTACT;
    const file_type binary = type_of_binary(bytes, size);
    if (binary != FILE_UNKNOWN) return binary;
  }
  const bool strict = says != NAME_SILENT && says != NAME_MESSAGE && says != NAME_MBOX;
  if (says == NAME_CALENDAR || says == NAME_CONTACT) {
    if (message_begins(bytes, size, true) && !begins_with(bytes, size, "BEGIN:"))
      return FILE_MESSAGE;
    if (!charset_is_text(bytes, size)) return FILE_UNKNOWN;
    return says == NAME_CALENDAR ? FILE_CALENDAR : FILE_CONTACT;
  }
  if (message_begins(bytes, size, strict)) {
    if (!begins_with_separator(bytes, size)) return FILE_MESSAGE;
    if (says == NAME_MESSAGE) return FILE_MESSAGE;
    return says == NAME_MBOX ? FILE_MBOX : FILE_MAYBE_MBOX;
  }
  if (says == NAME_MBOX) return begins_with_separator(bytes, size) ? FILE_MBOX : FILE_UNKNOWN;
  if (!charset_is_text(bytes, size)) return FILE_UNKNOWN;
  return says == NAME_MESSAGE ? FILE_MESSAGE : type_of_text(says, bytes, size);
}
