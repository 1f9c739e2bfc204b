/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "extracting.h"

#include "indexer/extract/html.h"

static char result[4096];

static const char *text_of(const char *page) {
  buffer out = BUFFER_INIT;
  assert_true(html_decode(&out, 4000, NULL, NULL, page, strlen(page)));
  assert_false(out.failed);
  assert_true(out.size < sizeof result);
  if (out.size > 0) memcpy(result, out.data, out.size);
  result[out.size] = '\0';
  buffer_free(&out);
  return result;
}

static void entities(void **state) {
  (void)state;
  assert_string_equal(text_of("a &amp; b &lt;c&gt; &eacute; &#233; &#xe9; &nbsp;x &bogus; &"),
                      "a & b <c> é é é x &bogus; &\n");
}

static void blocks_and_cells(void **state) {
  (void)state;
  assert_string_equal(text_of("<p>one<p>two<br>three<div>four</div>five"),
                      "one\ntwo\nthree\nfour\nfive\n");
  assert_string_equal(text_of("<table><tr><td>a<td>b</tr><tr><th>c</th><td>d</td></tr></table>"),
                      "a b\nc d\n");
  assert_string_equal(text_of("in<b>si</b>de <i> and </i>  out"), "inside and out\n");
  assert_string_equal(text_of("<pre>one\ntwo</pre>three"), "one\ntwo\nthree\n");
}

static void hidden_text(void **state) {
  (void)state;
  assert_string_equal(
      text_of("<style>p{}</style>a<script>if (a < b) x('</p>')</script>b<!-- c -->d"), "abd\n");
  assert_string_equal(text_of("<head><title>T</title></head><body>b"), "b\n");
  assert_string_equal(text_of("<img src=x alt='a picture'>"), "a picture\n");
}

static void soft_hyphens_vanish(void **state) {
  (void)state;
  assert_string_equal(text_of("hy&shy;phen"), "hyphen\n");
}

static void title_is_apart(void **state) {
  (void)state;
  static const char PAGE[] = "<html><title> The\n title </title><body>text</body></html>";
  buffer out = BUFFER_INIT;
  buffer title = BUFFER_INIT;
  assert_true(html_decode(&out, 100, &title, NULL, PAGE, sizeof PAGE - 1));
  assert_int_equal(title.size, 9);
  assert_memory_equal(title.data, "The title", 9);
  buffer_free(&out);
  buffer_free(&title);
}

static void charset_of_the_page(void **state) {
  (void)state;
  assert_string_equal(text_of("<meta charset=\"koi8-r\"><p>\xf0\xd2\xc9\xd7\xc5\xd4"), "Привет\n");
  assert_string_equal(
      text_of("<meta http-equiv=Content-Type content='text/html; charset=windows-1252'>\x80"),
      "€\n");
  assert_string_equal(text_of("<meta charset=iso-8859-1><p>caf\xe9"), "café\n");
  assert_string_equal(text_of("<p>\xc3\xa9t\xc3\xa9"), "été\n");
}

static void zero_bytes(void **state) {
  (void)state;
  static const char PAGE[] = "<p>be\0fore<p>after";
  buffer out = BUFFER_INIT;
  assert_true(html_decode(&out, 100, NULL, "utf-8", PAGE, sizeof PAGE - 1));
  assert_int_equal(out.size, 14);
  assert_memory_equal(out.data, "be fore\nafter\n", 14);
  buffer_free(&out);
}

static void limits(void **state) {
  (void)state;
  buffer page = BUFFER_INIT;
  buffer out = BUFFER_INIT;
  for (int i = 0; i < 100000; i++) buffer_put(&page, "<b>", 3);
  assert_false(html_text(&out, 1000, NULL, (const char *)page.data, page.size));
  buffer_reset(&page);
  buffer_put(&page, "<p>kept<script>if (a <b c</script><!-- <a --><a", 47);
  for (int i = 0; i < 100000; i++) buffer_put(&page, " a=b", 4);
  buffer_put(&page, ">", 1);
  assert_false(html_text(&out, 1000, NULL, (const char *)page.data, page.size));
  assert_int_equal(out.size, 5);
  assert_memory_equal(out.data, "kept\n", 5);
  buffer_reset(&out);
  buffer_reset(&page);
  for (int i = 0; i < 1000; i++) buffer_put(&page, "w\xc3\xb6rd ", 6);
  assert_false(html_text(&out, 1000, NULL, (const char *)page.data, page.size));
  assert_true(out.size <= 1001 && out.size > 990);
  buffer_free(&page);
  buffer_free(&out);
}

static void nothing(void **state) {
  (void)state;
  assert_string_equal(text_of(""), "");
  assert_string_equal(text_of("<"), "<\n");
  assert_string_equal(text_of("<p"), "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(entities),       cmocka_unit_test(blocks_and_cells),
    cmocka_unit_test(hidden_text),    cmocka_unit_test(soft_hyphens_vanish),
    cmocka_unit_test(title_is_apart), cmocka_unit_test(charset_of_the_page),
    cmocka_unit_test(zero_bytes),     cmocka_unit_test(limits),
    cmocka_unit_test(nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
