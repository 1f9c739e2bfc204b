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
  NAME_TEXT,
  NAME_MARKDOWN,
  NAME_HTML,
  NAME_OTHER, /* something that lines with colons are usual in, and that is not read */
} name_class;

static const struct {
  const char *extension;
  name_class names;
} EXTENSIONS[] = {
  { "eml", NAME_MESSAGE }, { "emlx", NAME_SILENT },       { "mbox", NAME_MBOX },
  { "mbx", NAME_MBOX },    { "jsonl", NAME_LINES },       { "ndjson", NAME_LINES },
  { "txt", NAME_TEXT },    { "text", NAME_TEXT },         { "log", NAME_TEXT },
  { "md", NAME_MARKDOWN }, { "markdown", NAME_MARKDOWN }, { "html", NAME_HTML },
  { "htm", NAME_HTML },    { "xhtml", NAME_HTML },        { "yml", NAME_OTHER },
  { "yaml", NAME_OTHER },  { "json", NAME_OTHER },        { "xml", NAME_OTHER },
  { "css", NAME_OTHER },   { "js", NAME_OTHER },          { "ics", NAME_OTHER },
  { "vcf", NAME_OTHER },   { "ini", NAME_OTHER },         { "cfg", NAME_OTHER },
  { "conf", NAME_OTHER },  { "toml", NAME_OTHER },        { "csv", NAME_OTHER },
  { "sh", NAME_OTHER },    { "py", NAME_OTHER },          { "rst", NAME_OTHER },
  { "rtf", NAME_OTHER },   { "tex", NAME_OTHER },         { "rb", NAME_OTHER },
  { "c", NAME_OTHER },     { "h", NAME_OTHER },           { "cpp", NAME_OTHER },
  { "java", NAME_OTHER },  { "php", NAME_OTHER },
};

static name_class class_of(const char *name) {
  const char *slash = strrchr(name, '/');
  if (slash != NULL) name = slash + 1;
  if (strcasecmp(name, "mbox") == 0) return NAME_MBOX;
  const char *dot = strrchr(name, '.');
  if (dot == NULL) return NAME_SILENT;
  for (size_t i = 0; i < sizeof EXTENSIONS / sizeof EXTENSIONS[0]; i++)
    if (strcasecmp(dot + 1, EXTENSIONS[i].extension) == 0) return EXTENSIONS[i].names;
  return NAME_SILENT;
}

/* Whether the bytes begin, behind a byte order mark and blank lines, with an mbox separator. */
static bool begins_with_separator(const char *at, size_t size) {
  if (size >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) at += 3, size -= 3;
  while (size > 0 && strchr(" \t\r\n", *at) != NULL && *at != '\0') at++, size--;
  return size > 5 && memcmp(at, "From ", 5) == 0;
}

file_type file_type_of(const char *name, const void *bytes, size_t size) {
  const name_class says = class_of(name);
  const bool strict = says != NAME_SILENT && says != NAME_MESSAGE && says != NAME_MBOX;
  if (says == NAME_LINES) return FILE_LINES;
  if (message_begins(bytes, size, strict)) {
    if (!begins_with_separator(bytes, size)) return FILE_MESSAGE;
    if (says == NAME_MESSAGE) return FILE_MESSAGE;
    return says == NAME_MBOX ? FILE_MBOX : FILE_MAYBE_MBOX;
  }
  switch (says) {
  case NAME_MBOX:
    return begins_with_separator(bytes, size) ? FILE_MBOX : FILE_UNKNOWN;
  case NAME_MESSAGE:
    return charset_is_text(bytes, size) ? FILE_MESSAGE : FILE_UNKNOWN;
  case NAME_TEXT:
    return charset_is_text(bytes, size) ? FILE_TEXT : FILE_UNKNOWN;
  case NAME_MARKDOWN:
    return charset_is_text(bytes, size) ? FILE_MARKDOWN : FILE_UNKNOWN;
  case NAME_HTML:
    return charset_is_text(bytes, size) ? FILE_HTML : FILE_UNKNOWN;
  case NAME_SILENT:
  case NAME_LINES:
  case NAME_OTHER:
    return FILE_UNKNOWN;
  }
  return FILE_UNKNOWN;
}
