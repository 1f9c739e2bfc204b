/* SPDX-License-Identifier: GPL-2.0-or-later */
/* extracting.h - what the tests of the extractors share: small questions to a draft. */
#ifndef SEALDEX_TESTS_EXTRACTING_H
#define SEALDEX_TESTS_EXTRACTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "indexer/extract/draft.h"

/* The n-th field (from 0) of that name as a C string in a buffer of the test; "" where there is
 * none. */
static inline const char *nth_field(draft *d, const char *name, size_t n) {
  static char text[1 << 16];
  const sdx_item *item = draft_item(d);
  assert_non_null(item);
  text[0] = '\0';
  for (size_t i = 0; i < item->field_count; i++) {
    if (strcmp(item->fields[i].name, name) != 0 || n-- != 0) continue;
    const sdx_bytes found = item->fields[i].text;
    assert_true(found.size < sizeof text);
    memcpy(text, found.data, found.size);
    text[found.size] = '\0';
    break;
  }
  return text;
}

static inline const char *field(draft *d, const char *name) {
  return nth_field(d, name, 0);
}

#define assert_field(d, name, text) assert_string_equal(field((d), (name)), (text))
#define assert_field_has(d, name, text) assert_non_null(strstr(field((d), (name)), (text)))
#define assert_field_lacks(d, name, text) assert_null(strstr(field((d), (name)), (text)))

static inline bool set_has(const sdx_bytes *set, size_t count, const char *text) {
  for (size_t i = 0; i < count; i++)
    if (set[i].size == strlen(text) && memcmp(set[i].data, text, set[i].size) == 0) return true;
  return false;
}

#endif
