/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time limits and cancelling, wherever a call takes its time: an answer that was cut short says so.
 */
#include "host.h"

enum { ITEMS = 300 };

static void add_items(host *h) {
  for (int i = 0; i < ITEMS; i++) {
    char id[16], from[64], subject[64];
    snprintf(id, sizeof id, "m%03d", i);
    snprintf(from, sizeof from, "Person %d <person%d@lamp.example>", i % 40, i % 40);
    snprintf(subject, sizeof subject, "lamp number %d", i);
    host_message(h, id, HOST_NOW - i, from, subject, "a lamp for everybody",
                 i % 2 ? "INBOX" : "Lists");
  }
}

static sdx_search_options options_of(unsigned kind) {
  static const sdx_order order = { .key = SDX_ORDER_SUBJECT };
  sdx_search_options o = SDX_SEARCH_OPTIONS_INIT;
  o.now = HOST_NOW;
  o.facets = (kind & 1) != 0;
  o.orders = (kind & 2) != 0 ? &order : NULL;
  o.order_count = (kind & 2) != 0;
  o.collapse_threads = (kind & 4) != 0;
  o.want = SDX_WANT_ALL;
  return o;
}

static const char *const queries[] = {
  "lamp",
  "*",
  "*nowhere*",
  "nowhere~2",
  "thread_has:seen",
  "thread_all:seen",
  "thread_none:seen lamp",
  "in:inbox",
  "nothing",
};
enum { QUERIES = sizeof queries / sizeof *queries };

/* A limit that is over at once: no answer claims to be complete. */
static void cut_short(void **state) {
  host *h = *state;
  sdx_error err;
  sdx_results *results;
  add_items(h);
  for (int folded = 0; folded < 2; folded++) {
    for (unsigned kind = 0; kind < 8; kind++)
      for (int i = 0; i < QUERIES; i++) {
        sdx_search_options o = options_of(kind);
        o.time_limit_us = 1;
        host_ok(sdx_search(h->index, host_bytes(queries[i]), &o, &results, &err), &err);
        if (sdx_results_complete(results) || sdx_results_exact(results))
          fail_msg("%s, %u: complete", queries[i], kind);
        sdx_results_free(results);
        o.time_limit_us = 60000000;
        host_ok(sdx_search(h->index, host_bytes(queries[i]), &o, &results, &err), &err);
        assert_true(sdx_results_complete(results));
        sdx_results_free(results);
      }
    host_fold(h);
  }
}

static void cancelled(void **state) {
  host *h = *state;
  sdx_error err;
  sdx_results *results;
  sdx_cancel *cancel;
  host_ok(sdx_cancel_new(&cancel, &err), &err);
  for (int wish = 1; wish >= 0; wish--) {
    sdx_cancel_set(cancel, wish != 0);
    for (unsigned kind = 0; kind < 8; kind++)
      for (int i = 0; i < QUERIES; i++) {
        sdx_search_options o = options_of(kind);
        o.cancel = cancel;
        const sdx_status status = sdx_search(h->index, host_bytes(queries[i]), &o, &results, &err);
        assert_int_equal(status, wish != 0 ? SDX_CANCELLED : SDX_OK);
        sdx_results_free(results);
      }
  }
  sdx_cancel_free(cancel);
}

static void suggestions(void **state) {
  static const char *const typed[] = { "l",           "lam",  "from:p",  "to:p",
                                       "with:person", "in:i", "person@", "nothing" };
  host *h = *state;
  sdx_error err;
  sdx_suggestions *list;
  sdx_cancel *cancel;
  host_ok(sdx_cancel_new(&cancel, &err), &err);
  for (size_t i = 0; i < sizeof typed / sizeof *typed; i++) {
    sdx_suggest_options o = SDX_SUGGEST_OPTIONS_INIT;
    o.now = HOST_NOW;
    o.time_limit_us = 1;
    host_ok(sdx_suggest(h->index, host_bytes(typed[i]), &o, &list, &err), &err);
    assert_false(sdx_suggestions_complete(list));
    sdx_suggestions_free(list);
    o.time_limit_us = 0;
    o.cancel = cancel;
    sdx_cancel_set(cancel, true);
    assert_int_equal(sdx_suggest(h->index, host_bytes(typed[i]), &o, &list, &err), SDX_CANCELLED);
    sdx_cancel_set(cancel, false);
    host_ok(sdx_suggest(h->index, host_bytes(typed[i]), &o, &list, &err), &err);
    assert_true(sdx_suggestions_complete(list));
    sdx_suggestions_free(list);
  }
  sdx_cancel_free(cancel);
}

/* Of the best hits in an order all are found, however few are asked for, and one of each thread. */
static void few_of_many_in_an_order(void **state) {
  host *h = *state;
  char all[2048], few[2048];
  sdx_search_options o = options_of(2);
  o.limit = ITEMS;
  host_search(h, "lamp", &o, all);
  for (size_t limit = 1; limit < 60; limit += 7) {
    o.limit = limit;
    host_search(h, "lamp", &o, few);
    assert_memory_equal(all, few, strlen(few));
    assert_int_equal(strlen(few), 5 * limit - 1);
  }
}

/* Options that were not begun with their _INIT macro, or of a later header, are refused, not guessed at. */
static void options_of_another_version(void **state) {
  host *h = *state;
  sdx_error err;
  sdx_results *results;
  sdx_suggestions *found;
  sdx_batch *batch;
  const sdx_field body = { "body", host_bytes("a lamp") };
  sdx_item item = SDX_ITEM_INIT;
  item.id = host_bytes("v1");
  item.fields = &body;
  item.field_count = 1;
  for (uint32_t version = 0; version < 3; version += 2) {
    sdx_search_options search = SDX_SEARCH_OPTIONS_INIT;
    sdx_suggest_options suggest = SDX_SUGGEST_OPTIONS_INIT;
    sdx_write_options write = SDX_WRITE_OPTIONS_INIT;
    sdx_batch_options many = SDX_BATCH_OPTIONS_INIT;
    search.version = suggest.version = write.version = many.version = version;
    assert_int_equal(sdx_search(h->index, host_bytes("lamp"), &search, &results, &err), SDX_INVALID);
    assert_int_equal(sdx_suggest(h->index, host_bytes("la"), &suggest, &found, &err), SDX_INVALID);
    assert_int_equal(sdx_add(h->index, &item, &write, NULL, &err), SDX_INVALID);
    assert_int_equal(sdx_batch_begin(&batch, h->index, &many, &err), SDX_INVALID);
  }
  sdx_search_options search = SDX_SEARCH_OPTIONS_INIT;
  search.sort = (sdx_sort)7;
  assert_int_equal(sdx_search(h->index, host_bytes("lamp"), &search, &results, &err), SDX_INVALID);
  assert_int_equal(sdx_search_query(h->index, NULL, NULL, &results, &err), SDX_INVALID);
  assert_null(results);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(cut_short),
    cmocka_unit_test(cancelled),
    cmocka_unit_test(suggestions),
    cmocka_unit_test(few_of_many_in_an_order),
    cmocka_unit_test(options_of_another_version),
  };
  return cmocka_run_group_tests(tests, host_begin, host_end);
}
