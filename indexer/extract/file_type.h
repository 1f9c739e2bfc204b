/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file_type.h - what a file is, by its name and its first bytes. */
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
} file_type;

#define FILE_TYPE_SAMPLE ((size_t)65536) /* so many first bytes are enough */

file_type file_type_of(const char *name, const void *bytes, size_t size);

#endif
