/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json.h - a small JSON writer.
 *
 * Writes as it goes, one line per top-level value, commas by itself. Strings are UTF-8; bytes that
 * are not become U+FFFD, so that what is printed is always valid JSON.
 *
 *   json j = { .out = stdout };
 *   json_object(&j, NULL);
 *   json_uint(&j, "added", 3);
 *   json_close(&j);
 *
 * `key` is the member's name inside an object, NULL inside an array or at the top.
 */
#ifndef SEALDEX_TOOLS_JSON_H
#define SEALDEX_TOOLS_JSON_H

#include <stdio.h>

#include "sealdex.h"

enum { JSON_DEPTH = 16 };

typedef struct json {
  FILE *out;
  unsigned depth;
  char closers[JSON_DEPTH]; /* what ends each open object or array */
  bool filled[JSON_DEPTH];  /* whether it has a member yet */
} json;

void json_object(json *j, const char *key);
void json_array(json *j, const char *key);
/* Ends the innermost object or array; at the top, ends the line. */
void json_close(json *j);

void json_string(json *j, const char *key, sdx_bytes value);
void json_text(json *j, const char *key, const char *value);
void json_int(json *j, const char *key, int64_t value);
void json_uint(json *j, const char *key, uint64_t value);
void json_bool(json *j, const char *key, bool value);
/* In the fewest digits that give the same double back; null for what is not finite. */
void json_double(json *j, const char *key, double value);
/* Bytes that are not text, in base64. */
void json_base64(json *j, const char *key, sdx_bytes value);
/* A member whose name is data (a facet's value), not a constant. */
void json_uint_named(json *j, sdx_bytes key, uint64_t value);
void json_object_named(json *j, sdx_bytes key);

/* Whether the bytes are well-formed UTF-8. */
bool json_is_utf8(sdx_bytes bytes);

#endif
