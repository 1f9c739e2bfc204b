/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "extracting.h"

#include "indexer/extract/charset.h"

#define assert_text(name, bytes, text) assert_decoded((name), (bytes), sizeof(bytes) - 1, (text))

static void assert_decoded(const char *name, const char *bytes, size_t size, const char *text) {
  buffer out = BUFFER_INIT;
  assert_true(charset_decode(&out, 1000, name, bytes, size));
  buffer_put_u8(&out, 0);
  assert_false(out.failed);
  assert_string_equal((const char *)out.data, text);
  buffer_free(&out);
}

static void mark_is_no_text(void **state) {
  (void)state;
  assert_text(NULL,
              "\xff\xfe"
              "a\0\xe9\0",
              "aé");
  assert_text(NULL,
              "\xfe\xff"
              "\0a\0\xe9",
              "aé");
  assert_text("utf-16",
              "\xff\xfe"
              "a\0b\0",
              "ab");
  assert_text("utf-16",
              "\xfe\xff"
              "\0a\0b",
              "ab");
  assert_text("utf-16le",
              "\xff\xfe"
              "a\0b\0",
              "ab");
  assert_text("UTF-16BE",
              "\xfe\xff"
              "\0a\0b",
              "ab");
  assert_text(NULL,
              "\xef\xbb\xbf"
              "caf\xc3\xa9",
              "café");
  assert_text("utf-8",
              "\xef\xbb\xbf"
              "plain",
              "plain");
}

static void mark_in_the_text_stays(void **state) {
  (void)state;
  assert_text(NULL, "a\0b\0\xff\xfe", "ab\xef\xbb\xbf");
  assert_text(NULL,
              "\xff\xfe\xff\xfe"
              "b\0",
              "\xef\xbb\xbf"
              "b");
}

/* Behind a mark bytes are never windows-1252, however few of them are UTF-8. */
static void mark_tells_of_utf8(void **state) {
  (void)state;
  assert_text(NULL,
              "\xef\xbb\xbf"
              "a\xff"
              "bcde",
              "a\xef\xbf\xbd"
              "bcde");
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(mark_is_no_text),
    cmocka_unit_test(mark_in_the_text_stays),
    cmocka_unit_test(mark_tells_of_utf8),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
