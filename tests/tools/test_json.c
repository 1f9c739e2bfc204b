/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "item_json.h"
#include "json.h"
#include "plain.h"

typedef struct sheet {
  char *text;
  size_t size;
  json j;
} sheet;

static void sheet_begin(sheet *s) {
  *s = (sheet){ 0 };
  s->j.out = open_memstream(&s->text, &s->size);
  assert_non_null(s->j.out);
}

static void sheet_expect(sheet *s, const char *expected) {
  assert_int_equal(fclose(s->j.out), 0);
  assert_string_equal(s->text, expected);
  free(s->text);
}

static void nested_values_have_their_commas(void **state) {
  (void)state;
  sheet s;
  sheet_begin(&s);
  json_object(&s.j, NULL);
  json_uint(&s.j, "n", UINT64_MAX);
  json_array(&s.j, "a");
  json_int(&s.j, NULL, INT64_MIN);
  json_bool(&s.j, NULL, true);
  json_object(&s.j, NULL);
  json_close(&s.j);
  json_array(&s.j, NULL);
  json_close(&s.j);
  json_close(&s.j);
  json_text(&s.j, "t", "");
  json_close(&s.j);
  json_text(&s.j, NULL, "second line");
  sheet_expect(&s,
               "{\"n\":18446744073709551615,\"a\":[-9223372036854775808,true,{},[]],\"t\":\"\"}\n"
               "\"second line\"\n");
}

static void strings_are_escaped_and_repaired(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t size;
    const char *expected;
  } cases[] = {
    { "plain", 5, "\"plain\"\n" },
    { "q\"b\\s/", 6, "\"q\\\"b\\\\s/\"\n" },
    { "\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"\n" },
    { "a\0b\x1b\x7f", 5, "\"a\\u0000b\\u001b\\u007f\"\n" },
    { "caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x90\x8c", 14,
      "\"caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x90\x8c\"\n" },
    { "\xff", 1, "\"\xef\xbf\xbd\"\n" },
    { "\xc3", 1, "\"\xef\xbf\xbd\"\n" },                                 /* cut short */
    { "\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"\n" },                 /* overlong */
    { "\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\n" }, /* a surrogate */
    { "\xf4\x90\x80\x80", 4, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\n" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    sheet s;
    sheet_begin(&s);
    json_string(&s.j, NULL, (sdx_bytes){ cases[i].bytes, cases[i].size });
    sheet_expect(&s, cases[i].expected);
  }
}

static void doubles_come_back_the_same(void **state) {
  (void)state;
  const double values[] = {
    0, 1, 8.25, 0.1, 1.0 / 3, 1e300, -2.2250738585072014e-308, 12345.678901234567
  };
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    sheet s;
    sheet_begin(&s);
    json_double(&s.j, NULL, values[i]);
    fclose(s.j.out);
    assert_true(strtod(s.text, NULL) == values[i]); /* to the last bit */
    free(s.text);
  }
  sheet s;
  sheet_begin(&s);
  json_double(&s.j, NULL, 0.1);
  json_double(&s.j, NULL, (double)NAN);
  sheet_expect(&s, "0.1\nnull\n");
}

static void base64_pads(void **state) {
  (void)state;
  static const char *const cases[][2] = {
    { "", "\"\"\n" },        { "f", "\"Zg==\"\n" },          { "fo", "\"Zm8=\"\n" },
    { "foo", "\"Zm9v\"\n" }, { "foobar", "\"Zm9vYmFy\"\n" }, { "\xff\xfe\xfd", "\"//79\"\n" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    sheet s;
    sheet_begin(&s);
    json_base64(&s.j, NULL, bytes_of(cases[i][0]));
    sheet_expect(&s, cases[i][1]);
  }
}

static void items_take_the_documented_form(void **state) {
  (void)state;
  const sdx_field fields[] = { { "to", bytes_of("ada") },
                               { "subject", bytes_of("Keys") },
                               { "to", bytes_of("mira") } };
  const sdx_bytes folders[] = { bytes_of("INBOX"), bytes_of("Boat") };
  const sdx_bytes flags[] = { bytes_of("seen") };
  sdx_item item = SDX_ITEM_INIT;
  item.id = bytes_of("m/1");
  item.date = 1715933400;
  item.fields = fields;
  item.field_count = 3;
  item.folders = folders;
  item.folder_count = 2;
  item.flags = flags;
  item.flag_count = 1;
  item.payload = bytes_of("\xff");
  item.expires = 5;
  sheet s;
  sheet_begin(&s);
  item_json(&s.j, &item);
  sheet_expect(&s, "{\"id\":\"m/1\",\"kind\":\"message\",\"date\":1715933400,"
                   "\"fields\":{\"to\":[\"ada\",\"mira\"],\"subject\":\"Keys\"},"
                   "\"attributes\":{\"folder\":[\"INBOX\",\"Boat\"],\"flags\":[\"seen\"]},"
                   "\"payload_base64\":\"/w==\",\"expires\":5}\n");
}

static void terminals_see_no_control_characters(void **state) {
  (void)state;
  sheet s;
  sheet_begin(&s);
  plain_print(s.j.out, bytes_of("a\033[2Jb\nc\xc2\x9b"
                                "31md\xc3\xa9"));
  fputc('|', s.j.out);
  plain_print_lines(s.j.out, bytes_of("a\nb\033c"));
  fputc('|', s.j.out);
  plain_print_snippet(s.j.out, bytes_of("x &lt;<b>y</b>&gt; &amp;amp; \033"), false);
  sheet_expect(&s, "a [2Jb c 31md\xc3\xa9|a\nb c|x <y> &amp;  ");
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(nested_values_have_their_commas),
    cmocka_unit_test(strings_are_escaped_and_repaired),
    cmocka_unit_test(doubles_come_back_the_same),
    cmocka_unit_test(base64_pads),
    cmocka_unit_test(items_take_the_documented_form),
    cmocka_unit_test(terminals_see_no_control_characters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
