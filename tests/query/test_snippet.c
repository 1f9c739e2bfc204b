/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Snippets: what they mark and where they begin and end, over text that the host hands in and text
 * that is stored. */
#include "host.h"

static void snippet(host *h, const char *id, const char *query, const char *given,
                    const char *wanted) {
  char *html;
  sdx_error err;
  host_ok(sdx_snippet(h->index, host_bytes(id), host_bytes(query), host_bytes(given), &html, &err),
          &err);
  if (strcmp(html, wanted) != 0) fail_msg("%s: `%s`, not `%s`", query, html, wanted);
  sdx_text_free(html);
}

static void words_are_marked(void **state) {
  host *h = *state;
  host_message(h, "a", 1, "x@y.example", "none", "none", "INBOX");
  static const struct {
    const char *query, *text, *html;
  } rows[] = {
    { "budget", "The budget runs out.", "The <b>budget</b> runs out." },
    { "run", "The budget runs out (in May).", "The budget <b>runs</b> out (in May)." },
    { "budget", "(\"The budget\")", "(&quot;The <b>budget</b>&quot;)" },
    { "may", "in May).", "in <b>May</b>)." },
    { "cafe", "Our café\xe2\x80\xa6", "Our <b>café</b>\xe2\x80\xa6" },
    { "\"final budget\"", "budget final budget; final",
      "budget <b>final</b> <b>budget</b>; final" },
    { "-budget final", "final budget", "<b>final</b> budget" },
    { "proj*", "new projector, projections", "new <b>projector</b>, <b>projections</b>" },
    { "budgte~", "a budget!", "a <b>budget</b>!" },
    { "日本", "日本語の手紙です。", "<b>日本</b>語の手紙です。" },
    { "\"日本語\"", "日本語の手紙です。", "<b>日本語</b>の手紙です。" },
    { "<i>", "<i> & \"x\" 'y'", "&lt;<b>i</b>&gt; &amp; &quot;x&quot; &#39;y&#39;" },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    snippet(h, "a", rows[i].query, rows[i].text, rows[i].html);
}

static void near_words_are_marked_where_they_are_near(void **state) {
  static const struct {
    const char *query, *html;
  } rows[] = {
    { "one NEAR/2 two", "one x y z <b>two</b> a <b>one</b> b c d one e f two" },
    { "one NEAR/1 two", "one x y z two a one b c d one e f two" },
    { "two NEAR/4 one",
      "<b>one</b> x y z <b>two</b> a <b>one</b> b c d <b>one</b> e f <b>two</b>" },
    { "two ADJ/2 one", "one x y z <b>two</b> a <b>one</b> b c d one e f two" },
    { "one ADJ/2 two", "one x y z two a one b c d one e f two" },
    { "one ADJ/3 two", "one x y z two a one b c d <b>one</b> e f <b>two</b>" },
    { "\"z two\" NEAR/2 one", "<b>one</b> x y <b>z</b> <b>two</b> a <b>one</b> b c d one e f two" },
    { "(two OR d) NEAR/1 one", "one x y z two a one b c <b>d</b> <b>one</b> e f two" },
    { "x (one NEAR/1 d)", "one <b>x</b> y z two a one b c <b>d</b> <b>one</b> e f two" },
    { "one NEAR/4 one", "one x y z two a <b>one</b> b c d <b>one</b> e f two" },
    { "one NEAR/3 one", "one x y z two a one b c d one e f two" },
    { "one NEAR/2 tw*", "one x y z <b>two</b> a <b>one</b> b c d one e f two" },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    snippet(*state, "a", rows[i].query, "one x y z two a one b c d one e f two", rows[i].html);
}

static void long_texts_are_cut_into_pieces(void **state) {
  char text[4096] = "(alpha), ", *html;
  sdx_error err;
  for (int i = 0; i < 100; i++) strcat(text, "filling ");
  strcat(text, "here: \"omega\". ");
  for (int i = 0; i < 100; i++) strcat(text, "filling ");
  strcat(text, "(the end)?!");
  host_ok(sdx_snippet(((host *)*state)->index, host_bytes("a"), host_bytes("alpha omega end"),
                      host_bytes(text), &html, &err),
          &err);
  assert_memory_equal(html, "(<b>alpha</b>), filling", 23);
  assert_non_null(strstr(html, "filling \xe2\x80\xa6 filling"));
  assert_non_null(strstr(html, "here: &quot;<b>omega</b>&quot;. filling"));
  assert_non_null(strstr(html, "(the <b>end</b>)?!"));
  assert_string_equal(html + strlen(html) - 3, ")?!");
  sdx_text_free(html);
}

static const char attached[] =
    "{\"id\": \"one\", \"date\": 5, \"fields\": {\"subject\": \"lamps\", \"body\": \"see below\", "
    "\"filename\": "
    "\"bill <1>.pdf\", \"attachment\": \"repair of one lantern\"}}\n"
    "{\"id\": \"two\", \"date\": 4, \"fields\": {\"subject\": \"lamps\", \"filename\": [\"a.txt\", "
    "\"b.txt\"], "
    "\"attachment\": [\"a.txt\\nan anchor\", \"b.txt\\na lantern\"]}}\n"
    "{\"id\": \"none\", \"date\": 3, \"fields\": {\"attachment\": \"a lantern again\"}}\n";

static void attachments_are_named(void **state) {
  static const char *const html[] = {
    "in attachment: bill &lt;1&gt;.pdf: repair of one <b>lantern</b>",
    "in attachment: b.txt: a <b>lantern</b>",
    "in attachment: a <b>lantern</b> again",
  };
  static const char *const ids[] = { "one", "two", "none" };
  host *h = *state;
  sdx_error err;
  sdx_results *results;
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  options.want = SDX_WANT_ALL | SDX_WANT_EXCERPTS;
  options.sort = SDX_NEWEST_FIRST;
  host_add(h, attached, sizeof attached - 1);
  host_ok(sdx_search(h->index, host_bytes("lantern"), &options, &results, &err), &err);
  assert_int_equal(sdx_results_count(results), 3);
  for (size_t i = 0; i < 3; i++) {
    const sdx_hit *hit = sdx_results_hit(results, i);
    assert_int_equal(hit->snippet.size, strlen(html[i]));
    assert_memory_equal(hit->snippet.data, html[i], hit->snippet.size);
    assert_int_equal(hit->excerpt_count, 1);
    assert_int_equal(hit->excerpts[0].html.size, strlen(html[i]));
    assert_memory_equal(hit->excerpts[0].html.data, html[i], strlen(html[i]));
    snippet(h, ids[i], "lantern", "", html[i]);
  }
  sdx_results_free(results);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(words_are_marked),
    cmocka_unit_test(near_words_are_marked_where_they_are_near),
    cmocka_unit_test(long_texts_are_cut_into_pieces),
    cmocka_unit_test(attachments_are_named),
  };
  return cmocka_run_group_tests(tests, host_begin, host_end);
}
