/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that are given NULL for what they cannot do without: each says so, and none of them crashes. */
#include "host.h"

#define refused(call)                                                                            \
  do {                                                                                           \
    sdx_error err = { .status = SDX_OK, .message = "" };                                         \
    assert_int_equal((call), SDX_INVALID);                                                       \
    assert_int_equal(err.status, SDX_INVALID);                                                   \
    assert_string_not_equal(err.message, "");                                                    \
  } while (0)

static void places_for_objects(void **state) {
  host *h = *state;
  const sdx_bytes text = host_bytes("x");
  uint8_t raw[SDX_KEY_SIZE] = { 1 };
  const sdx_secret secret = { SDX_SECRET_KEY, raw, sizeof raw };
  sdx_pool *pool;
  sdx_error ignored;
  refused(sdx_open(NULL, h->path, &secret, NULL, &err));
  refused(sdx_deposit_open(NULL, h->path, &secret, NULL, &err));
  refused(sdx_pool_new(NULL, NULL, &err));
  host_ok(sdx_pool_new(&pool, NULL, &ignored), &ignored);
  refused(sdx_pool_take(pool, h->path, &secret, NULL, &err));
  sdx_pool_free(pool);
  refused(sdx_batch_begin(NULL, h->index, NULL, &err));
  refused(sdx_cancel_new(NULL, &err));
  refused(sdx_search(h->index, text, NULL, NULL, &err));
  refused(sdx_suggest(h->index, text, NULL, NULL, &err));
  refused(sdx_show(h->index, text, 0, NULL, &err));
  refused(sdx_snippet(h->index, text, text, text, NULL, &err));
}

static void places_for_values(void **state) {
  host *h = *state;
  uint8_t raw[SDX_KEY_SIZE] = { 1 };
  refused(sdx_mark_of(h->path, NULL, NULL, &err));
  refused(sdx_status_of(h->index, 0, NULL, &err));
  refused(sdx_key_parse(NULL, raw, sizeof raw, &err));
  refused(sdx_key_generate(NULL, &err));
  refused(sdx_deposit_key(h->index, NULL, &err));
}

static void callbacks(void **state) {
  host *h = *state;
  refused(sdx_export(h->index, 0, NULL, NULL, &err));
  refused(sdx_inspect(h->path, NULL, NULL, NULL, &err));
  refused(sdx_receipts(h->path, NULL, NULL, NULL, &err));
}

static void queries(void **state) {
  host *h = *state;
  const sdx_bytes text = host_bytes("x");
  sdx_query *q;
  sdx_results *results;
  char *html;
  sdx_error ignored;
  refused(sdx_query_new(NULL, &err));
  host_ok(sdx_query_new(&q, &ignored), &ignored);
  host_ok(sdx_query_set(q, sdx_query_words(q, NULL, text), &ignored), &ignored);
  refused(sdx_search_query(h->index, q, NULL, NULL, &err));
  refused(sdx_snippet_query(h->index, text, q, text, NULL, &err));
  refused(sdx_search_query(h->index, NULL, NULL, &results, &err));
  assert_null(results);
  refused(sdx_snippet_query(h->index, text, NULL, text, &html, &err));
  assert_null(html);
  sdx_query_free(q);
}

/* A query that could not be made is one in which every call failed. */
static void no_query(void **state) {
  (void)state;
  const sdx_node none[] = { 0 };
  const sdx_bytes text = host_bytes("x");
  assert_int_equal(sdx_query_text(NULL, text), 0);
  assert_int_equal(sdx_query_words(NULL, "subject", text), 0);
  assert_int_equal(sdx_query_fuzzy(NULL, NULL, text, 3), 0);
  assert_int_equal(sdx_query_filter(NULL, "in", text), 0);
  assert_int_equal(sdx_query_filter(NULL, "no such", text), 0);
  assert_int_equal(sdx_query_everything(NULL), 0);
  assert_int_equal(sdx_query_dates(NULL, 0, 1), 0);
  assert_int_equal(sdx_query_and(NULL, none, 1), 0);
  assert_int_equal(sdx_query_not(NULL, 0), 0);
  refused(sdx_query_set(NULL, 0, &err));
}

/* No paths are none: a source that ends at once. */
static void no_paths(void **state) {
  (void)state;
  sdx_source *source;
  const sdx_entry *entry;
  sdx_error ignored;
  host_ok(sdx_source_open(&source, NULL, 0, NULL, &ignored), &ignored);
  assert_int_equal(sdx_source_next(source, &entry, &ignored), SDX_NOT_FOUND);
  sdx_source_close(source);
  refused(sdx_source_open(&source, NULL, 1, NULL, &err));
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(places_for_objects), cmocka_unit_test(places_for_values),
    cmocka_unit_test(callbacks),          cmocka_unit_test(queries),
    cmocka_unit_test(no_query),           cmocka_unit_test(no_paths),
  };
  return cmocka_run_group_tests(tests, host_begin, host_end);
}
