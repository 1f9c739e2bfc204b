/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Orders made up of keys, what is asked of whole threads, and totals: as JMAP's Email/query has them. */
#include "host.h"

static void add(host *h, const char *id, int64_t age, const char *from, const char *subject, uint64_t size,
                const char *thread, const char *flag) {
  sdx_error err;
  const sdx_field fields[] = { { "from", host_bytes(from) }, { "subject", host_bytes(subject) },
                               { "body", host_bytes("lamp") } };
  const sdx_bytes flags[] = { host_bytes(flag) };
  sdx_item item = SDX_ITEM_INIT;
  sdx_write_options writing = SDX_WRITE_OPTIONS_INIT;
  item.id = host_bytes(id);
  item.date = HOST_NOW - age;
  item.sent = HOST_NOW - 2 * age;
  item.fields = fields;
  item.field_count = 3;
  item.flags = flags;
  item.flag_count = flag[0] != '\0';
  item.size = size;
  item.thread = host_bytes(thread);
  writing.now = HOST_NOW;
  host_ok(sdx_add(h->index, &item, &writing, NULL, &err), &err);
}

static void add_all(host *h) {
  add(h, "a", 10, "Zoe <a@x.example>", "Re: apple", 300, "t1", "flagged");
  add(h, "b", 20, "\"Adam\" <z@x.example>", "[list] Fwd: Banana", 100, "t1", "");
  add(h, "c", 30, "max@x.example", "cherry", 200, "t2", "flagged");
  add(h, "d", 40, "Adam <z@x.example>", "Re: Re: \xc3\x84pfel", 200, "t2", "Flagged");
  add(h, "e", 50, "zack@x.example", "", 50, "t3", "");
}

static void ordered(host *h, const char *query, const sdx_order *orders, size_t count, bool collapse,
                    size_t limit, const char *wanted) {
  char got[2048];
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  options.now = HOST_NOW;
  options.orders = orders;
  options.order_count = count;
  options.collapse_threads = collapse;
  options.limit = limit;
  host_search(h, query, &options, got);
  if (strcmp(got, wanted) != 0) fail_msg("`%s`, not `%s`", got, wanted);
}

static void check(host *h) {
  const sdx_bytes flagged = { "flagged", 7 };
  char got[2048];
#define ORDERED(wanted, ...)                                                                       \
  do {                                                                                             \
    const sdx_order o[] = { __VA_ARGS__ };                                                         \
    ordered(h, "lamp", o, sizeof o / sizeof *o, false, 10, wanted);                                \
  } while (0)
  ORDERED("a b c d e", { SDX_ORDER_DATE, true, { 0 } });
  ORDERED("e d c b a", { SDX_ORDER_SENT, false, { 0 } });
  ORDERED("e b c d a", { SDX_ORDER_SIZE, false, { 0 } });
  ORDERED("a d c b e", { SDX_ORDER_SIZE, true, { 0 } }, { SDX_ORDER_DATE, false, { 0 } });
  ORDERED("b d c e a", { SDX_ORDER_FROM, false, { 0 } });
  ORDERED("e d a b c", { SDX_ORDER_SUBJECT, false, { 0 } });
  ORDERED("a c d b e", { SDX_ORDER_KEYWORD, true, flagged });
  ORDERED("c d a b e", { SDX_ORDER_ALL_IN_THREAD, true, flagged });
  ORDERED("e a b c d", { SDX_ORDER_SOME_IN_THREAD, false, flagged });
#undef ORDERED
  const sdx_order size[] = { { SDX_ORDER_SIZE, true, { 0 } } };
  ordered(h, "lamp", size, 1, true, 10, "a c e");
  ordered(h, "lamp", size, 1, false, 2, "a c");
  ordered(h, "lamp -subject:cherry", size, 1, false, 10, "a d b e");
  host_search(h, "thread_has:flagged", NULL, got);
  assert_string_equal(got, "a b c d");
  host_search(h, "thread_all:flagged", NULL, got);
  assert_string_equal(got, "c d");
  host_search(h, "thread_none:flagged", NULL, got);
  assert_string_equal(got, "e");
  host_search(h, "thread_all:unread thread_has:flagged -subject:cherry", NULL, got);
  assert_string_equal(got, "a b d");
  host_search(h, "-thread_all:flagged", NULL, got);
  assert_string_equal(got, "a b e");
}

static void test_orders(void **state) {
  host *h = *state;
  sdx_error err;
  add_all(h);
  add(h, "gone", 60, "x@x.example", "gone", 1, "t3", "flagged");
  host_delete(h, "gone"); /* counts for no thread */
  check(h);
  host_fold(h);
  check(h);
  const sdx_bytes seen[] = { { "b", 1 } };
  const sdx_change change = { .kind = SDX_ADD_LABEL, .value = { "x", 1 } };
  host_ok(sdx_set(h->index, seen[0], &change, 1, HOST_NOW, &err), &err);
  check(h);
}

static void test_excerpts(void **state) {
  host *h = *state;
  sdx_error err;
  sdx_results *results;
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  options.want = SDX_WANT_EXCERPTS;
  options.html_mark = true;
  host_ok(sdx_search(h->index, host_bytes("cherry lamp"), &options, &results, &err), &err);
  assert_int_equal(sdx_results_count(results), 1);
  const sdx_hit *hit = sdx_results_hit(results, 0);
  assert_int_equal(hit->excerpt_count, 2);
  assert_memory_equal(hit->excerpts[0].field.data, "subject", 7);
  assert_int_equal(hit->excerpts[0].html.size, 19);
  assert_memory_equal(hit->excerpts[0].html.data, "<mark>cherry</mark>", 19);
  assert_memory_equal(hit->excerpts[1].html.data, "<mark>lamp</mark>", 17);
  sdx_results_free(results);
}

/* The exact total of few is how many hits there are in all. */
static void totals_agree(host *h) {
  static const char *const queries[] = {
    "in:even",
    "in:odd date:2024-06-01..2024-06-10",
    "in:even before:2024-06-05 after:2024-05-28",
    "date:2024-06-01..2024-06-10",
    "in:odd after:2024-06-10 before:2024-06-02",
    "in:none",
    "in:even -in:odd",
    "in:even in:odd",
    "in:even OR in:odd",
    "-in:even",
    "*",
    "word in:odd",
  };
  sdx_error err;
  for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
    for (sdx_sort sort = SDX_BY_RELEVANCE; sort <= SDX_OLDEST_FIRST; sort++) {
      sdx_search_options few = SDX_SEARCH_OPTIONS_INIT, all = SDX_SEARCH_OPTIONS_INIT;
      sdx_results *some, *each;
      few.now = all.now = HOST_NOW;
      few.sort = all.sort = sort;
      few.limit = 3;
      all.limit = 1000;
      host_ok(sdx_search(h->index, host_bytes(queries[i]), &few, &some, &err), &err);
      host_ok(sdx_search(h->index, host_bytes(queries[i]), &all, &each, &err), &err);
      const size_t count = sdx_results_count(each);
      if (sdx_results_total(some) != count) fail_msg("%s: %zu", queries[i], count);
      assert_int_equal(sdx_results_total(each), count);
      assert_int_equal(sdx_results_count(some), count < 3 ? count : 3);
      assert_true(count > 0 || i == 4 || i == 5 || i == 7);
      sdx_results_free(some);
      sdx_results_free(each);
    }
}

static void test_totals(void **state) {
  host *h = *state;
  char id[16];
  for (int i = 0; i < 400; i++) {
    snprintf(id, sizeof id, "m%d", i);
    host_message(h, id, HOST_NOW - i * 7200, "a@x.example", "word", i % 3 == 0 ? "word" : "other",
                 i % 2 == 0 ? "even" : "odd");
  }
  totals_agree(h);
  host_fold(h);
  totals_agree(h); /* nothing is dead: filters are counted without looking */
  host_delete(h, "m8");
  totals_agree(h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_orders),
    cmocka_unit_test(test_excerpts),
    cmocka_unit_test_setup_teardown(test_totals, host_begin, host_end), /* an index without dead items */
  };
  return cmocka_run_group_tests(tests, host_begin, host_end);
}
