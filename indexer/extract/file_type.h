/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file_type.h - what a file is, by its first bytes; where they are text, its name says of what
 * kind.
 *
 * Signatures are few and looked for here, so that the host parses nothing to know who shall.
 */
#ifndef SEALDEX_EXTRACT_FILE_TYPE_H
#define SEALDEX_EXTRACT_FILE_TYPE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum file_type {
  FILE_UNKNOWN = 0,
  FILE_MESSAGE,
  FILE_MBOX,       /* by its name, and it begins with a separator */
  FILE_MAYBE_MBOX, /* it begins with a separator: a message, or an mbox if a second one follows */
  FILE_LINES,      /* JSON Lines */
  FILE_TEXT,
  FILE_MARKDOWN,
  FILE_HTML,
  FILE_CALENDAR, /* from here on read by the worker */
  FILE_CONTACT,
  FILE_PDF,
  FILE_PACKAGE, /* zip and what is made of it, and other archives */
  FILE_OLE,     /* compound files, and sheets and texts of the time before them */
  FILE_RTF,
  FILE_XML,
} file_type;

#define FILE_TYPE_SAMPLE ((size_t)65536) /* so many first bytes are enough */

file_type file_type_of(const char *name, const void *bytes, size_t size);

#endif
