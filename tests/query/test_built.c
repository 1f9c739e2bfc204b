/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Queries made by calls: each is the query that its text is, and text in them is never anything
 * else. */
#include <pthread.h>

#include "host.h"

static const char mailbox[] =
    "{\"id\": \"m1\", \"date\": 1715940000, \"fields\": {\"from\": \"Priya "
    "<priya@lantern.example>\", \"to\": "
    "\"Jo <jo@lantern.example>\", \"subject\": \"Final budget review\", \"message-id\": "
    "\"<1@lantern.example>\", "
    "\"body\": \"The final budget review is tomorrow. Bring projections.\"}, \"attributes\": "
    "{\"folder\": "
    "\"INBOX\", \"flags\": [\"seen\"], \"size\": 2048}}\n"
    "{\"id\": \"m2\", \"date\": 1718355600, \"fields\": {\"from\": \"Ana <ana@cafe.example>\", "
    "\"subject\": "
    "\"A projector\", \"body\": \"The review of the budget can wait. C++ or nothing (a OR b).\", "
    "\"filename\": \"invoice-2024.pdf\"}, \"attributes\": {\"folder\": \"My \\\"best\\\" "
    "(mails)\", \"labels\": "
    "[\"is:unread\"], \"size\": 300000, \"has_attachment\": true}}\n"
    "{\"id\": \"m3\", \"date\": 1698919200, \"fields\": {\"subject\": \"Voicemail\", \"body\": "
    "\"subject final "
    "NOT here AND there, from the harbour. 中文字\"}, \"attributes\": {\"folder\": \"Lists\", "
    "\"size\": 1500}}\n"
    "{\"id\": \"e1\", \"kind\": \"event\", \"date\": -86400, \"fields\": {\"title\": \"Moon "
    "landing\"}}\n";

static sdx_bytes text(const char *t) {
  return host_bytes(t);
}

static sdx_results *find(host *h, const sdx_query *q, const char *typed) {
  sdx_results *out;
  sdx_error err;
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  options.now = HOST_NOW;
  options.sort = SDX_NEWEST_FIRST;
  host_ok(q != NULL ? sdx_search_query(h->index, q, &options, &out, &err)
                    : sdx_search(h->index, text(typed), &options, &out, &err),
          &err);
  return out;
}

static void ids_of(const sdx_results *r, char out[256]) {
  out[0] = '\0';
  for (size_t i = 0; i < sdx_results_count(r); i++) {
    const sdx_bytes id = sdx_results_hit(r, i)->id;
    if (i > 0) strcat(out, " ");
    strncat(out, id.data, id.size);
  }
}

/* The node finds `ids`; where there is a text, it is read as the same and finds the same. */
static void finds(host *h, sdx_query *q, sdx_node root, const char *typed, const char *ids) {
  char got[256], same[256];
  sdx_error err;
  host_ok(sdx_query_set(q, root, &err), &err);
  sdx_results *built = find(h, q, NULL);
  ids_of(built, got);
  if (strcmp(got, ids) != 0) fail_msg("%s: `%s`, not `%s`", typed, got, ids);
  assert_false(sdx_results_fell_back(built));
  if (typed != NULL) {
    sdx_results *other = find(h, NULL, typed);
    const sdx_bytes a = sdx_results_parsed(built), b = sdx_results_parsed(other);
    ids_of(other, same);
    if (a.size != b.size || memcmp(a.data, b.data, a.size) != 0)
      fail_msg("%s: read as `%.*s`, not `%.*s`", typed, (int)a.size, a.data, (int)b.size, b.data);
    assert_string_equal(same, ids);
    sdx_results_free(other);
  }
  sdx_results_free(built);
  sdx_query_free(q);
}

static sdx_query *begin(void) {
  sdx_query *q;
  sdx_error err;
  host_ok(sdx_query_new(&q, &err), &err);
  return q;
}

#define FINDS(node, typed, ids)                                                                    \
  do {                                                                                             \
    sdx_query *q = begin();                                                                        \
    finds(h, q, node, typed, ids);                                                                 \
  } while (0)
#define NODES(...)                                                                                 \
  (const sdx_node[]){ __VA_ARGS__ }, sizeof((sdx_node[]){ __VA_ARGS__ }) / sizeof(sdx_node)
#define WORDS(field, t) sdx_query_words(q, field, text(t))

static void check_units(host *h) {
  FINDS(WORDS(NULL, "budget reviewing"), "budget reviewing", "m2 m1");
  FINDS(WORDS("subject", "reviews"), "subject:reviews", "m1");
  FINDS(WORDS("Subject", "final budget"), "subject:(final budget)", "m1");
  FINDS(WORDS("with", "priya"), "with:priya", "m1");
  FINDS(WORDS("message-id", "<1@lantern.example>"), "message-id:\"<1@lantern.example>\"", "m1");
  FINDS(WORDS(NULL, "invoice-2024.pdf"), "invoice-2024.pdf", "m2");
  FINDS(WORDS(NULL, "中文"), "中文", "m3");
  FINDS(sdx_query_phrase(q, NULL, text("final budget")), "\"final budget\"", "m1");
  FINDS(sdx_query_phrase(q, "subject", text("final budget")), "subject:\"final budget\"", "m1");
  FINDS(sdx_query_phrase(q, NULL, text("review")), "\"review\"", "m2 m1");
  FINDS(sdx_query_prefix(q, NULL, text("proj")), "proj*", "m2 m1");
  FINDS(sdx_query_prefix(q, "filename", text("invoice-20")), "filename:invoice-20*", "m2");
  FINDS(sdx_query_prefix(q, NULL, text("budget rev")), "budget rev*", "m2 m1");
  FINDS(sdx_query_pattern(q, NULL, text("*voice*")), "*voice*", "m2 m3");
  FINDS(sdx_query_pattern(q, "subject", text("*")), "subject:*", "m2 m1 m3 e1");
  FINDS(sdx_query_fuzzy(q, NULL, text("budgte"), 0), "budgte~", "m2 m1");
  FINDS(sdx_query_fuzzy(q, "subject", text("budgte"), 1), "subject:budgte~1", "");
  FINDS(sdx_query_text(q, text("subject:review OR voicemail")), "subject:review OR voicemail",
        "m1 m3");
  FINDS(sdx_query_everything(q), "*", "m2 m1 m3 e1");
}

static void check_filters(host *h) {
  FINDS(sdx_query_filter(q, "in", text("inbox")), "in:inbox", "m1");
  FINDS(sdx_query_filter(q, "is", text("unread")), "is:unread", "m2 m3 e1");
  FINDS(sdx_query_filter(q, "kind", text("event")), "kind:event", "e1");
  FINDS(sdx_query_filter(q, "newer_than", text("2d")), "newer_than:2d", "m2");
  FINDS(sdx_query_filter(q, "larger", text("100k")), "larger:100k", "m2");
  FINDS(sdx_query_dates(q, 1698919200, 1715940001), "date:@1698919200..@1715940000", "m1 m3");
  FINDS(sdx_query_dates(q, 1715940001, INT64_MAX), "date:@1715940001..", "m2");
  FINDS(sdx_query_dates(q, INT64_MIN, -86399), "date:..@-86400", "e1");
  FINDS(sdx_query_dates(q, 5, 5), NULL, "");
  FINDS(sdx_query_dates(q, INT64_MIN, INT64_MAX), "*", "m2 m1 m3 e1");
  FINDS(sdx_query_sizes(q, 1500, 300000), "larger:1499 smaller:300000", "m1 m3");
  FINDS(sdx_query_sizes(q, 2048, INT64_MAX), "larger:2047", "m2 m1");
  FINDS(sdx_query_sizes(q, 0, INT64_MAX), "*", "m2 m1 m3 e1");
}

static void check_branches(host *h) {
  FINDS(sdx_query_and(q, NODES(WORDS(NULL, "budget"), WORDS("subject", "projector"))),
        "budget subject:projector", "m2");
  FINDS(sdx_query_or(q, NODES(WORDS("subject", "projector"), WORDS(NULL, "voicemail"))),
        "subject:projector OR voicemail", "m2 m3");
  FINDS(sdx_query_and(q, NODES(WORDS(NULL, "budget"), sdx_query_not(q, WORDS(NULL, "projector")))),
        "budget -projector", "m1");
  FINDS(sdx_query_not(q, sdx_query_or(q, NODES(WORDS(NULL, "budget"), WORDS(NULL, "moon")))),
        "-(budget OR moon)", "m3");
  FINDS(sdx_query_near(q, NODES(WORDS(NULL, "budget"), WORDS(NULL, "review")), 1, false),
        "budget NEAR/1 review", "m1");
  FINDS(sdx_query_near(q, NODES(WORDS(NULL, "review"), WORDS(NULL, "budget")), 3, true),
        "review ADJ/3 budget", "m2");
  FINDS(sdx_query_near(q, NODES(WORDS(NULL, "final budget"), WORDS(NULL, "review")), 0, false),
        "final NEAR budget NEAR review", "m1");
  FINDS(sdx_query_near(q,
                       NODES(sdx_query_phrase(q, NULL, text("final budget")),
                             sdx_query_or(q, NODES(WORDS(NULL, "review"),
                                                   sdx_query_prefix(q, NULL, text("mo"))))),
                       2, false),
        "\"final budget\" NEAR/2 (review OR mo*)", "m1");
  FINDS(sdx_query_and(q, NODES(WORDS(NULL, "budget"), sdx_query_text(q, text("c++ OR bring")),
                               sdx_query_filter(q, "has", text("attachment")))),
        "budget (c++ OR bring) has:attachment", "m2");
}

static void built_is_what_the_text_is(void **state) {
  host *h = *state;
  host_add(h, mailbox, sizeof mailbox - 1);
  for (int folded = 0; folded < 2; folded++) {
    check_units(h);
    check_filters(h);
    check_branches(h);
    host_fold(h);
  }
}

/* Nothing that a form can send is an operator. */
static void text_is_text(void **state) {
  host *h = *state;
  FINDS(WORDS(NULL, "NOT here"), "not here", "m3");
  FINDS(WORDS(NULL, "budget OR voicemail"), "budget or voicemail", "");
  FINDS(WORDS(NULL, "subject:final"), "\"subject final\"", "m3");
  FINDS(WORDS(NULL, "-voicemail"), "voicemail", "m3");
  FINDS(WORDS(NULL, "proj*"), "proj", "");
  FINDS(WORDS(NULL, "budgte~"), "budgte", "");
  FINDS(WORDS(NULL, "((((\"budget"), "budget", "m2 m1");
  FINDS(WORDS(NULL, "in:INBOX"), "\"in inbox\"", "");
  FINDS(sdx_query_phrase(q, NULL, text("final \" OR budget")), "\"final or budget\"", "");
  FINDS(sdx_query_phrase(q, NULL, text("final bud*")), "\"final bud\"", "");
  FINDS(sdx_query_prefix(q, NULL, text("*oject")), "oject*", "");
  FINDS(sdx_query_prefix(q, NULL, text("b*get proj")), "b get proj*", "");
  FINDS(sdx_query_prefix(q, NULL, text("proj OR x")), "proj or x*", "");
  FINDS(sdx_query_pattern(q, NULL, text("subject:proj*")), "\"subject proj*\"", "");
  FINDS(sdx_query_fuzzy(q, NULL, text("-budgte~"), 1), "budgte~1", "");
  FINDS(sdx_query_filter(q, "in", text("My \"best\" (mails)")), NULL, "m2");
  FINDS(sdx_query_filter(q, "label", text("is:unread")), "label:is:unread", "m2");
  FINDS(sdx_query_filter(q, "in", text("INBOX OR Lists")), NULL, "");
  FINDS(sdx_query_words(q, NULL, (sdx_bytes){ "budget\0voicemail", 16 }), "budget voicemail", "");
  FINDS(WORDS(NULL, "\xff\xfe budget \xc3"), NULL, "");
  FINDS(WORDS(NULL, "  ... !!"), "", "");
  FINDS(sdx_query_and(q, NODES(WORDS(NULL, "..."), WORDS(NULL, "budget"))), "budget", "m2 m1");
  FINDS(sdx_query_not(q, WORDS(NULL, "()")), "", "");
  FINDS(sdx_query_or(q, NULL, 0), "", "");
  /* A choice of none allows nothing, as a form has it where nobody ticked a folder. */
  FINDS(sdx_query_and(q, NODES(WORDS(NULL, "budget"), sdx_query_or(q, NULL, 0))), NULL, "");
  FINDS(sdx_query_or(q, NODES(WORDS(NULL, "voicemail"), sdx_query_or(q, NULL, 0))), NULL, "m3");
  FINDS(
      sdx_query_and(q, NODES(WORDS(NULL, "voicemail"), sdx_query_not(q, sdx_query_or(q, NULL, 0)))),
      NULL, "m3");
  FINDS(sdx_query_and(q, NODES(WORDS(NULL, "voicemail"), sdx_query_and(q, NULL, 0))), "voicemail",
        "m3");
}

/* What is known to match nothing is seen in what is printed. */
static void nothing_is_printed(void **state) {
  host *h = *state;
  sdx_error err;
  sdx_query *q = begin();
  host_ok(sdx_query_set(q, sdx_query_and(q, NODES(WORDS(NULL, "budget"), sdx_query_or(q, NULL, 0))),
                        &err),
          &err);
  sdx_results *r = find(h, q, NULL);
  const sdx_bytes parsed = sdx_results_parsed(r);
  assert_int_equal(parsed.size, strlen("budget AND ()"));
  assert_memory_equal(parsed.data, "budget AND ()", parsed.size);
  sdx_results_free(r);
  sdx_query_free(q);
}

/* The first 1,024 words are those of the whole query, in however many texts they stand. */
static void words_are_counted_in_all(void **state) {
  host *h = *state;
  sdx_error err;
  for (int texts = 1; texts <= 2; texts++) {
    char words[4300] = "";
    for (int i = 0; i < 600; i++) strcat(words, "budget ");
    sdx_query *q = begin();
    sdx_node both[] = { sdx_query_text(q, text(words)), 0 };
    if (texts == 2) both[1] = sdx_query_text(q, text(words));
    host_ok(sdx_query_set(q, sdx_query_and(q, both, (size_t)texts), &err), &err);
    sdx_results *r = find(h, q, NULL);
    assert_int_equal(sdx_results_fell_back(r), texts == 2);
    sdx_results_free(r);
    sdx_query_free(q);
  }
}

static void refused(sdx_query *q, sdx_node root, sdx_status wanted) {
  sdx_error err = { 0 };
  assert_int_equal(sdx_query_set(q, root, &err), wanted);
  assert_int_equal(err.status, wanted);
  assert_int_equal(sdx_query_everything(q), wanted == SDX_OK ? 1 : 0);
  sdx_query_free(q);
}

static void what_does_not_exist_is_refused(void **state) {
  host *h = *state;
  sdx_error err;
  sdx_results *results;
  sdx_query *q = begin();
  refused(q, sdx_query_words(q, "banana", text("x")), SDX_INVALID);
  q = begin();
  refused(q, sdx_query_filter(q, "banana", text("x")), SDX_INVALID);
  q = begin();
  refused(q, sdx_query_filter(q, "before", text("banana")), SDX_INVALID);
  q = begin();
  refused(q, sdx_query_fuzzy(q, NULL, text("x"), 3), SDX_INVALID);
  q = begin();
  refused(q, sdx_query_prefix(q, "message-id", text("x")), SDX_INVALID);
  q = begin();
  refused(q, sdx_query_not(q, 7), SDX_INVALID);
  q = begin();
  const sdx_node one = WORDS(NULL, "x");
  refused(q, sdx_query_and(q, NODES(one, one)), SDX_INVALID);
  q = begin();
  sdx_node deep = WORDS(NULL, "x");
  for (int i = 0; i < 64; i++) deep = sdx_query_not(q, deep);
  refused(q, deep, SDX_INVALID);
  q = begin();
  for (int i = 0; i < 5000; i++) (void)sdx_query_everything(q);
  refused(q, 1, SDX_INVALID);
  q = begin();
  assert_int_equal(sdx_search_query(h->index, q, NULL, &results, &err), SDX_INVALID); /* not set */
  const sdx_node near =
      sdx_query_near(q, NODES(WORDS(NULL, "x"), sdx_query_filter(q, "is", text("read"))), 1, false);
  host_ok(sdx_query_set(q, near, &err), &err);
  assert_int_equal(sdx_search_query(h->index, q, NULL, &results, &err), SDX_INVALID);
  const sdx_node both = sdx_query_and(q, NODES(WORDS(NULL, "final"), WORDS(NULL, "budget")));
  const sdx_node beside = sdx_query_near(q, NODES(both, WORDS(NULL, "review")), 1, false);
  host_ok(sdx_query_set(q, beside, &err), &err);
  assert_int_equal(sdx_search_query(h->index, q, NULL, &results, &err), SDX_INVALID);
  host_ok(sdx_query_set(q, sdx_query_text(q, text("(budget")), &err), &err);
  sdx_search_options strict = SDX_SEARCH_OPTIONS_INIT;
  strict.strict = true;
  assert_int_equal(sdx_search_query(h->index, q, &strict, &results, &err), SDX_INVALID);
  results = find(h, q, NULL);
  assert_true(sdx_results_fell_back(results));
  assert_int_equal(sdx_results_count(results), 2);
  sdx_results_free(results);
  sdx_query_free(q);
}

/* Pages belong to the query that they were begun with; snippets mark what calls ask for. */
static void pages_and_snippets(void **state) {
  host *h = *state;
  sdx_error err;
  sdx_results *first, *second;
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  char *html;
  options.limit = 1;
  options.pages = true;
  sdx_query *q = begin(), *other = begin();
  host_ok(sdx_query_set(q, WORDS(NULL, "budget"), &err), &err);
  host_ok(sdx_query_set(other, sdx_query_words(other, NULL, text("review")), &err), &err);
  host_ok(sdx_search_query(h->index, q, &options, &first, &err), &err);
  options.after = sdx_results_next(first);
  assert_int_not_equal(options.after.size, 0);
  assert_int_equal(sdx_search_query(h->index, other, &options, &second, &err), SDX_INVALID);
  host_ok(sdx_search_query(h->index, q, &options, &second, &err), &err);
  assert_int_equal(sdx_results_count(second), 1);
  assert_memory_not_equal(sdx_results_hit(first, 0)->id.data, sdx_results_hit(second, 0)->id.data,
                          2);
  host_ok(sdx_snippet_query(h->index, text("m2"), q, (sdx_bytes){ NULL, 0 }, &html, &err), &err);
  assert_non_null(strstr(html, "the <b>budget</b> can"));
  sdx_text_free(html);
  sdx_results_free(first);
  sdx_results_free(second);
  sdx_query_free(q);
  sdx_query_free(other);
}

typedef struct sharing {
  host *h;
  const sdx_query *q;
  unsigned wrong;
} sharing;

static void *search_many(void *context) {
  sharing *s = context;
  for (int i = 0; i < 50; i++) {
    sdx_results *r;
    if (sdx_search_query(s->h->index, s->q, NULL, &r, NULL) != SDX_OK) {
      s->wrong++;
      continue;
    }
    s->wrong += sdx_results_total(r) != 2;
    sdx_results_free(r);
  }
  return NULL;
}

static void many_threads_use_one_query(void **state) {
  sdx_error err;
  pthread_t threads[3];
  sdx_query *q = begin();
  sharing all[3];
  host_ok(
      sdx_query_set(
          q, sdx_query_and(q, NODES(WORDS(NULL, "budget"), sdx_query_prefix(q, NULL, text("rev")))),
          &err),
      &err);
  for (int i = 0; i < 3; i++) {
    all[i] = (sharing){ .h = *state, .q = q };
    assert_int_equal(pthread_create(&threads[i], NULL, search_many, &all[i]), 0);
  }
  for (int i = 0; i < 3; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(all[i].wrong, 0);
  }
  sdx_query_free(q);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(built_is_what_the_text_is),      cmocka_unit_test(text_is_text),
    cmocka_unit_test(what_does_not_exist_is_refused), cmocka_unit_test(pages_and_snippets),
    cmocka_unit_test(many_threads_use_one_query),     cmocka_unit_test(nothing_is_printed),
    cmocka_unit_test(words_are_counted_in_all),
  };
  return cmocka_run_group_tests(tests, host_begin, host_end);
}
