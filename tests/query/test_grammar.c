/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The grammar: what each form is read as, printed in the query language; and that what is printed is
 * read as the same again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "query/grammar.h"

typedef struct row {
  const char *typed;
  const char *parsed;
  bool fell_back;
} row;

static const row rows[] = {
  { "foo bar", "foo AND bar", false },
  { "foo bar OR baz", "(foo AND bar) OR baz", false },
  { "a OR b c", "a OR (b AND c)", false },
  { "foo NOT bar", "foo AND NOT bar", false },
  { "foo -bar baz", "foo AND NOT bar AND baz", false },
  { "+foo bar", "foo AND bar", false },
  { "-foo", "NOT foo", false },
  { "NOT foo", "NOT foo", false },
  { "foo NEAR bar", "foo NEAR/10 bar", false },
  { "foo NEAR/3 bar NEAR baz", "foo NEAR/3 bar NEAR/3 baz", false },
  { "foo ADJ/2 bar", "foo ADJ/2 bar", false },
  { "nasa.gov", "\"nasa gov\"", false },
  { "scsi-2", "\"scsi 2\"", false },
  { "C++", "c++", false },
  { "at&t", "at&t", false },
  { "a@b.co.uk", "\"a b co uk\"", false },
  { "don't", "don't", false },
  { "foo:bar", "\"foo bar\"", false },
  { "http://foo.bar/x", "\"http foo bar x\"", false },
  { "\"foo bar\"", "\"foo bar\"", false },
  { "\"foo", "foo", true },
  { "foo)", "foo", true },
  { "(foo", "foo", true },
  { "foo AND", "foo", true },
  { "AND foo", "foo", true },
  { "foo OR", "foo", true },
  { "()", "", false },
  { "foo ()", "foo", false },
  { "subject:(a b)", "subject:a AND subject:b", false },
  { "subject:(a OR b) c", "(subject:a OR subject:b) AND c", false },
  { "subject:\"a b\"", "subject:\"a b\"", false },
  { "subject:foo-bar", "subject:\"foo bar\"", false },
  { "Subject:Foo", "subject:foo", false },
  { "foo foo", "foo AND foo", false },
  { "foo,bar", "foo AND bar", false },
  { "foo/bar", "\"foo bar\"", false },
  { "foo+bar", "\"foo bar\"", false },
  { "proj*", "proj*", false },
  { "*voice", "*voice", false },
  { "*voi*", "*voi*", false },
  { "pro*t", "pro*t", false },
  { "*", "*", false },
  { "nasa.go*", "\"nasa go*\"", false },
  { "中文字", "中文字", false },
  { "\"中文字\"", "\"中文字\"", false },
  { "foo 中文字 bar", "foo AND 中文字 AND bar", false },
  { "foo - bar", "foo AND bar", false },
  { "-(foo bar)", "NOT (foo AND bar)", false },
  { "foo -\"bar baz\"", "foo AND NOT \"bar baz\"", false },
  { "a b -c OR d", "(a AND b AND NOT c) OR d", false },
  { "NOT a OR b", "NOT a OR b", false },
  { "a AND NOT b", "a AND NOT b", false },
  { "a OR NOT b", "a OR NOT b", false },
  { "U.S.A", "usa", false },
  { "x_y", "x_y", false },
  { "3.14", "3.14", false },
  { "phone:02/555.12.34", "phone:\"02 555.12.34\" OR phone:025551234", false },
  { "phone:(212.555.0123 x)", "(phone:\"212.555.0123\" OR phone:2125550123) AND phone:x", false },
  { "phone:+32-2-555-12-34", "phone:\"32 2 555 12 34\" OR phone:3225551234", false },
  { "phone:\"02/555.12.34\"", "phone:\"02 555.12.34\"", false },
  { "phone:1-2", "phone:\"1 2\"", false },
  { "phone:12/34-ab", "phone:\"12 34 ab\"", false },
  { "02/555.12.34", "\"02 555.12.34\"", false },
  { "a NEAR (b OR c)", "a NEAR/10 (b OR c)", false },
  { "a NEAR (b c)", "a AND b AND c", true },
  { "(a OR \"b c\") ADJ/2 d~1", "(a OR \"b c\") ADJ/2 d~1", false },
  { "subject:(a OR b) NEAR c", "(subject:a OR subject:b) NEAR/10 c", false },
  { "\"foo bar\" NEAR baz", "\"foo bar\" NEAR/10 baz", false },
  { "rep*.pdf", "\"rep* pdf\"", false },
  { "*.example.org", "\"example org\"", false },
  { "\"annual rev* meeting\"", "\"annual rev* meeting\"", false },
  { "from:jo*@x.org", "from:\"jo* x org\"", false },
  { "subject:*", "subject:*", false },
  { "foo-bar NEAR baz", "foo NEAR/10 bar NEAR/10 baz", false },
  { "subject:a NEAR b", "subject:a NEAR/10 b", false },
  { "a XOR b", "a AND xor AND b", false },
  { "(a b) c", "a AND b AND c", false },
  { "a (b OR c) d", "a AND (b OR c) AND d", false },
  { "fuzzy~", "fuzzy~1", false },
  { "budget~2", "budget~2", false },
  { "foo.bar~", "\"foo bar\"", false },
  { "foo :)", "foo", true },
  { "from:Jo.Smith@x.org", "from:\"jo smith x org\"", false },
  { "with:jo", "with:jo", false },
  { "with:\"jo smith\"", "with:\"jo smith\"", false },
  { "body:word", "body:word", false },
  { "message-id:<a@b>", "message-id:<a@b>", false },
  { "in:INBOX", "in:INBOX", false },
  { "in:\"My Folder\"", "in:\"My Folder\"", false },
  { "in:(Inbox OR \"My Folder\")", "in:Inbox OR in:\"My Folder\"", false },
  { "is:unread -is:flagged", "is:unread AND NOT is:flagged", false },
  { "has:attachment", "has:attachment", false },
  { "has:x", "x", true },
  { "kind:message", "kind:message", false },
  { "larger:5M", "larger:5M", false },
  { "smaller:100k", "smaller:100k", false },
  { "before:2024-06-01 x", "before:2024-06-01 AND x", false },
  { "after:2024", "after:2024", false },
  { "on:2024-05-17", "on:2024-05-17", false },
  { "older_than:30d", "older_than:30d", false },
  { "date:2024-01..2024-03", "date:2024-01..2024-03", false },
  { "before:banana split", "banana AND split", true },
  { "subject: foo", "subject AND foo", false },
  { "“curly quotes”", "\"curly quotes\"", false },
  { "((a))", "a", false },
  { "AND", "and", true },
  { "OR", "or", true },
  { "NOT", "not", true },
  { "-", "", false },
  { "\"\"", "", false },
  { "-\"", "", true },
  { "NOT NOT a", "NOT a", true },
  { "--a", "a", false },
  { "a -(b OR c)", "a AND NOT (b OR c)", false },
  { "\"café\"", "\"café\"", false },
  { "Café*", "café*", false },
  { "subject:*", "subject:*", false },
  { "a AND (b OR c) AND NOT d", "a AND (b OR c) AND NOT d", false },
  { "\"annual rev*\"", "\"annual rev*\"", false },
  { "a NEAR b ADJ c", "a AND b AND c", true },
  { "subject:(a (b OR -c))", "subject:a AND (subject:b OR NOT subject:c)", false },
  { "label:\"to do\"", "label:\"to do\"", false },
  { "x12.5 \"a\"", "x12.5 AND \"a\"", false },
  { "budget NEAR/5 review", "budget NEAR/5 review", false },
  { "date:2024-01..", "date:2024-01..", false },
  { "is:read", "is:read", false },
  { "NEAR", "near", true },
  { "a(b)c", "a AND b AND c", false },
  { "-\"a b\"", "NOT \"a b\"", false },
  { "-subject:x", "NOT subject:x", false },
  { "foo \"bar\"-baz", "foo AND \"bar\" AND baz", false },
};

static text_analyser *analyser;

static int open_analyser(void **state) {
  (void)state;
  return text_analyser_open(&analyser, "en", NULL) == SDX_OK ? 0 : -1;
}

static int close_analyser(void **state) {
  (void)state;
  text_analyser_close(analyser);
  return 0;
}

static const query_context context = { .dates = { .now = 1717236000 } };

/* Parses and prints; `out` is a string. */
static bool print_parsed(sdx_bytes text, buffer *out) {
  scratch s = SCRATCH_INIT;
  query q;
  assert_int_equal(query_parse(&q, &s, analyser, text, &context, NULL), SDX_OK);
  buffer_reset(out);
  tree_print(q.root, out);
  buffer_put_u8(out, 0);
  assert_false(out->failed);
  scratch_free(&s);
  return q.fell_back;
}

static sdx_bytes string(const char *text) {
  return (sdx_bytes){ .data = text, .size = strlen(text) };
}

static void test_rows(void **state) {
  (void)state;
  buffer out = BUFFER_INIT;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    const bool fell_back = print_parsed(string(rows[i].typed), &out);
    if (strcmp((const char *)out.data, rows[i].parsed) != 0)
      fail_msg("%s is read as %s, not %s", rows[i].typed, (const char *)out.data, rows[i].parsed);
    if (fell_back != rows[i].fell_back) fail_msg("%s: fell back %d", rows[i].typed, fell_back);
  }
  buffer_free(&out);
}

static void test_printed_is_read_again(void **state) {
  (void)state;
  buffer again = BUFFER_INIT;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    assert_false(print_parsed(string(rows[i].parsed), &again));
    assert_string_equal((const char *)again.data, rows[i].parsed);
  }
  buffer_free(&again);
}

static void test_strict(void **state) {
  (void)state;
  query_context strict = context;
  strict.strict = true;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    scratch s = SCRATCH_INIT;
    query q;
    sdx_error err = { 0 };
    const sdx_status status =
        query_parse(&q, &s, analyser, string(rows[i].typed), &strict, &err);
    assert_int_equal(status, rows[i].fell_back ? SDX_INVALID : SDX_OK);
    if (status != SDX_OK) assert_non_null(strstr(err.message, " at byte "));
    scratch_free(&s);
  }
}

/* Any bytes at all: no fault but memory, and what is printed is read without falling back. */
static void test_random_bytes(void **state) {
  (void)state;
  static const char *const pieces[] = {
    "foo", "bar", " ", " ", "(", ")", "\"", "-", "+", "*", "~", "~2", ":", "from:", "subject:", "in:",
    "before:", "2024", " OR ", " AND ", " NOT ", " NEAR/3 ", " ADJ ", "a.b", "caf\xc3\xa9", "\xe4\xb8\xad",
    "\xe6\x96\x87", "\xff", "C++", ",", "is:", "unread", "larger:", "5M", "\xe2\x80\x9c", "with:", "message-id:",
  };
  uint64_t seed = 7;
  buffer text = BUFFER_INIT, out = BUFFER_INIT, again = BUFFER_INIT;
  for (int round = 0; round < 20000; round++) {
    buffer_reset(&text);
    for (int n = (int)(seed >> 60); n >= 0; n--) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      const char *piece = pieces[(seed >> 33) % (sizeof(pieces) / sizeof(*pieces))];
      buffer_put(&text, piece, strlen(piece));
    }
    const sdx_bytes typed = { .data = (const char *)text.data, .size = text.size };
    print_parsed(typed, &out);
    const bool fell_back = print_parsed(string((const char *)out.data), &again);
    if (fell_back || strcmp((const char *)out.data, (const char *)again.data) != 0)
      fail_msg("%.*s: %s is read again as %s", (int)typed.size, typed.data,
               (const char *)out.data, (const char *)again.data);
  }
  buffer_free(&text);
  buffer_free(&out);
  buffer_free(&again);
}

static void test_deep(void **state) {
  (void)state;
  char text[4096];
  memset(text, '(', sizeof(text));
  buffer out = BUFFER_INIT;
  assert_true(print_parsed((sdx_bytes){ .data = text, .size = sizeof(text) }, &out));
  for (size_t i = 0; i < sizeof(text); i += 2) memcpy(text + i, "a ", 2);
  assert_true(print_parsed((sdx_bytes){ .data = text, .size = sizeof(text) }, &out));
  buffer_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_rows),   cmocka_unit_test(test_printed_is_read_again),
    cmocka_unit_test(test_strict), cmocka_unit_test(test_random_bytes),
    cmocka_unit_test(test_deep),
  };
  return cmocka_run_group_tests(tests, open_analyser, close_analyser);
}
