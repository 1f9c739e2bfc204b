/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "extracting.h"

#include <unistd.h>

#include "indexer/extract/jsonl.h"

static draft d = DRAFT_INIT;

static bool read_line(const char *line) {
  draft_begin(&d, SDX_MESSAGE, 0);
  return jsonl_extract(line, strlen(line), &d);
}

static void assert_refused(const char *line) {
  assert_false(read_line(line));
  assert_non_null(d.reason);
}

static void whole_item(void **state) {
  (void)state;
  assert_true(read_line(
      "{\"id\":\"a/"
      "1\",\"kind\":\"event\",\"date\":1717200000,\"sent\":\"2024-06-01\",\"expires\":\"2024-06-"
      "01T00:00:10Z\","
      "\"fields\":{\"subject\":\"Caf\\u00e9 "
      "\\ud83d\\ude00\",\"to\":[\"a@x\",\"b@x\"],\"body\":\"t\\u0000x\"},"
      "\"attributes\":{\"folder\":[\"A\",\"B\"],\"flags\":[\"seen\",\"seen\"],\"labels\":\"l\","
      "\"thread\":\"t\","
      "\"size\":5000000000,\"has_attachment\":true},\"payload\":\"{}\",\"unknown\":[1]}"));
  const sdx_item *item = draft_item(&d);
  assert_int_equal(item->id.size, 3);
  assert_int_equal(item->kind, SDX_EVENT);
  assert_int_equal(item->date, 1717200000);
  assert_int_equal(item->sent, 1717200000);
  assert_int_equal(item->expires, 1717200010);
  assert_string_equal(field(&d, "subject"), "Café 😀");
  assert_string_equal(nth_field(&d, "to", 1), "b@x");
  assert_int_equal(draft_field(&d, "body").size, 3);
  assert_true(set_has(item->folders, item->folder_count, "A") &&
              set_has(item->folders, item->folder_count, "B"));
  assert_int_equal(item->flag_count, 1);
  assert_true(set_has(item->labels, item->label_count, "l"));
  assert_memory_equal(item->thread.data, "t", 1);
  assert_int_equal(item->size, 5000000000);
  assert_true(item->has_attachment);
  assert_memory_equal(item->payload.data, "{}", 2);
}

static void least_item(void **state) {
  (void)state;
  static const char LINE[] = "{\"id\":\"1\",\"fields\":{\"body\":null}}";
  assert_true(read_line(LINE));
  const sdx_item *item = draft_item(&d);
  assert_int_equal(item->kind, SDX_MESSAGE);
  assert_int_equal(item->field_count, 0);
  assert_int_equal(item->size, sizeof LINE - 1);
}

/* As `export` prints a payload that is not UTF-8. */
static void payload_in_base64(void **state) {
  (void)state;
  assert_true(read_line("{\"id\":\"1\",\"payload_base64\":\"AP8BgA==\",\"fields\":{}}"));
  const sdx_item *item = draft_item(&d);
  assert_int_equal(item->payload.size, 4);
  assert_memory_equal(item->payload.data, "\0\xff\1\x80", 4);
  assert_true(read_line("{\"id\":\"1\",\"payload_base64\":\"\",\"fields\":{}}"));
  assert_int_equal(draft_item(&d)->payload.size, 0);
  assert_refused("{\"id\":\"1\",\"payload_base64\":7,\"fields\":{}}");
  assert_refused("{\"id\":\"1\",\"payload_base64\":\"AP8\",\"fields\":{}}");
  assert_refused("{\"id\":\"1\",\"payload_base64\":\"A===\",\"fields\":{}}");
  assert_refused("{\"id\":\"1\",\"payload_base64\":\"AP==8BgA\",\"fields\":{}}");
  assert_refused("{\"id\":\"1\",\"payload_base64\":\"AP 8BgA\",\"fields\":{}}");
}

static void refused_lines(void **state) {
  (void)state;
  assert_refused("");
  assert_refused("not json");
  assert_refused("[1]");
  assert_refused("\"text\"");
  assert_refused("{\"id\":\"1\",\"fields\":{}} more");
  assert_refused("{\"id\":\"1\",\"fields\":{}");
  assert_refused("{\"id\":\"1\",\"fields\":{},}");
  assert_refused("{'id':'1','fields':{}}");
  assert_refused("{\"fields\":{}}");
  assert_refused("{\"id\":\"\",\"fields\":{}}");
  assert_refused("{\"id\":1,\"fields\":{}}");
  assert_refused("{\"id\":\"1\"}");
  assert_refused("{\"id\":\"1\",\"fields\":[]}");
  assert_refused("{\"id\":\"1\",\"fields\":{\"body\":7}}");
  assert_refused("{\"id\":\"1\",\"fields\":{\"to\":[\"a\",7]}}");
  assert_refused("{\"id\":\"1\",\"kind\":\"mail\",\"fields\":{}}");
  assert_refused("{\"id\":\"1\",\"date\":\"soon\",\"fields\":{}}");
  assert_refused("{\"id\":\"1\",\"date\":true,\"fields\":{}}");
  assert_refused("{\"id\":\"1\",\"date\":1e300,\"fields\":{}}");
  assert_refused("{\"id\":\"1\",\"payload\":{},\"fields\":{}}");
  assert_refused("{\"id\":\"1\",\"attributes\":7,\"fields\":{}}");
  assert_refused("{\"id\":\"1\",\"attributes\":{\"flags\":{}},\"fields\":{}}");
  assert_refused("{\"id\":\"1\",\"attributes\":{\"size\":-1},\"fields\":{}}");
  assert_refused("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[");
  /* The id of a line that is refused for something else can still be told. */
  assert_refused("{\"id\":\"told\",\"fields\":7}");
  assert_int_equal(d.id.size, 4);
}

static void repaired_lines(void **state) {
  (void)state;
  assert_true(
      read_line("{\"id\":\"1\",\"fields\":{\"body\":\"bad \xff byte, half \\ud800 pair\"}}"));
  assert_string_equal(field(&d, "body"), "bad ÿ byte, half \xef\xbf\xbd pair");
}

static void times(void **state) {
  (void)state;
  assert_true(read_line("{\"id\":\"1\",\"date\":-5,\"fields\":{}}"));
  assert_int_equal(d.date, -5);
  assert_true(read_line("{\"id\":\"1\",\"date\":1717200000.9,\"fields\":{}}"));
  assert_int_equal(d.date, 1717200000);
  assert_true(read_line("{\"id\":\"1\",\"date\":\"2024-06-01T02:00:00+02:00\",\"fields\":{}}"));
  assert_int_equal(d.date, 1717200000);
}

static void lines_of_a_descriptor(void **state) {
  (void)state;
  int ends[2];
  static const char TEXT[] = "first\n\n  \r\nsecond\r\nthird";
  jsonl lines;
  jsonl_line line;
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(write(ends[1], TEXT, sizeof TEXT - 1), sizeof TEXT - 1);
  (void)close(ends[1]);
  jsonl_open(&lines, ends[0]);
  assert_int_equal(jsonl_next(&lines, &line, NULL), SDX_OK);
  assert_memory_equal(line.bytes, "first", line.size);
  assert_int_equal(jsonl_next(&lines, &line, NULL), SDX_OK);
  assert_int_equal(lines.line, 4);
  assert_int_equal(jsonl_next(&lines, &line, NULL), SDX_OK);
  assert_int_equal(line.size, 5);
  assert_int_equal(lines.offset, sizeof TEXT - 1);
  assert_int_equal(jsonl_next(&lines, &line, NULL), SDX_NOT_FOUND);
  jsonl_close(&lines);
  (void)close(ends[0]);
}

static int finish(void **state) {
  (void)state;
  draft_free(&d);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(whole_item),
    cmocka_unit_test(least_item),
    cmocka_unit_test(payload_in_base64),
    cmocka_unit_test(refused_lines),
    cmocka_unit_test(repaired_lines),
    cmocka_unit_test(times),
    cmocka_unit_test(lines_of_a_descriptor),
  };
  return cmocka_run_group_tests(tests, NULL, finish);
}
