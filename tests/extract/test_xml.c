/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "extracting.h"

#include "indexer/extract/xml.h"

static const char *const TEXT[] = { "t", NULL };
static const xml_rules RULES = { .text = TEXT };

/* The text is as expected; gives what is said of what was left out. */
static const char *read_as(const char *xml, size_t limit, const char *text) {
  buffer out = BUFFER_INIT;
  const char *lost = xml_text(&out, limit, &RULES, xml, strlen(xml));
  buffer_put_u8(&out, 0);
  assert_false(out.failed);
  assert_string_equal((const char *)out.data, text);
  buffer_free(&out);
  return lost;
}

static void whole(void **state) {
  (void)state;
  assert_null(read_as("<?xml version='1.0'?><w:d xmlns:w='x'><w:t>one</w:t> <w:t>two &amp; three</w:t></w:d>", 100,
                      "one\ntwo & three\n"));
}

static void broken(void **state) {
  (void)state;
  assert_non_null(read_as("<d><t>one</t><t>two</t><", 100, "one\ntwo\n"));
  assert_non_null(read_as("<d><t>one</t>", 100, "one\n"));
  assert_non_null(read_as("<d><t>one</t></x></d>", 100, "one\n"));
  assert_non_null(read_as("no xml at all", 100, ""));
}

static void longer_than_is_kept(void **state) {
  (void)state;
  assert_string_equal(read_as("<d><t>one</t><t>two</t></d>", 0, ""), "more text than is read of one item");
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(whole),
    cmocka_unit_test(broken),
    cmocka_unit_test(longer_than_is_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
