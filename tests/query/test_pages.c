/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pages by cursor: while items arrive, change, vanish and are folded between two pages, no item that stays
 * is shown twice or passed over, in any order; cursors are of one query and one index. Cancelling. */
#include "host.h"

#define ITEMS 300

static const char *const vocabulary[] = { "harbour", "lamp", "oil", "wick", "keeper", "tide" };

static uint64_t seed = 7;

static uint32_t below(uint32_t n) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (uint32_t)((seed >> 11) % n);
}

static void add(host *h, unsigned number) {
  char id[16], body[512] = "harbour";
  snprintf(id, sizeof id, "i%u", number);
  for (uint32_t i = below(30); i > 0; i--) {
    strcat(body, " ");
    strcat(body, vocabulary[below(6)]);
  }
  host_message(h, id, HOST_NOW - (int64_t)below(20) * SDX_DAY, "a@b.example", vocabulary[below(6)], body,
               below(3) > 0 ? "INBOX" : "Sent");
}

static sdx_results *page(host *h, const char *query, sdx_search_options *options, sdx_status wanted) {
  sdx_error err;
  sdx_results *results = NULL;
  const sdx_status status = sdx_search(h->index, host_bytes(query), options, &results, &err);
  if (status != wanted) fail_msg("%d, not %d: %s", status, wanted, err.message);
  return results;
}

/* How often each item was shown; items that arrive after the first page are counted from ITEMS on. */
static unsigned shown[4 * ITEMS];
static bool gone[4 * ITEMS];
static unsigned next_number;

static void disturb(host *h) {
  for (int i = 0; i < 6; i++) add(h, next_number++);
  for (int i = 0; i < 4; i++) {
    const unsigned number = below(next_number);
    char id[16];
    snprintf(id, sizeof id, "i%u", number);
    if (gone[number]) continue;
    gone[number] = true;
    host_delete(h, id);
  }
  if (below(3) == 0) host_fold(h);
}

static void walk(host *h, const char *query, sdx_sort sort, bool disturbed) {
  char cursor[4096] = "";
  const unsigned there = next_number;
  bool was_gone[4 * ITEMS];
  memcpy(was_gone, gone, sizeof gone);
  memset(shown, 0, sizeof shown);
  double last_score = 1e300;
  int64_t last_date = sort == SDX_OLDEST_FIRST ? INT64_MIN : INT64_MAX;
  for (unsigned pages = 0;; pages++) {
    sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
    options.limit = 7;
    options.sort = sort;
    options.now = HOST_NOW;
    options.pages = true;
    options.after = host_bytes(cursor);
    sdx_results *results = page(h, query, &options, SDX_OK);
    const sdx_bytes next = sdx_results_next(results);
    for (size_t i = 0; i < sdx_results_count(results); i++) {
      const sdx_hit *hit = sdx_results_hit(results, i);
      unsigned number;
      char id[16] = "";
      memcpy(id, hit->id.data, hit->id.size);
      assert_int_equal(sscanf(id, "i%u", &number), 1);
      if (shown[number]++ != 0) fail_msg("%s: i%u is shown twice", query, number);
      if (sort == SDX_BY_RELEVANCE || sort == SDX_BY_RECENCY) {
        assert_true(hit->score <= last_score);
        last_score = hit->score;
      } else {
        assert_true(sort == SDX_NEWEST_FIRST ? hit->date <= last_date : hit->date >= last_date);
        last_date = hit->date;
      }
    }
    assert_true(next.size < sizeof cursor);
    assert_true(next.size == 0 || sdx_results_count(results) == 7);
    memcpy(cursor, next.data != NULL ? next.data : "", next.size);
    cursor[next.size] = '\0';
    sdx_results_free(results);
    if (cursor[0] == '\0') break;
    assert_true(pages < ITEMS);
    if (disturbed && next_number < 4 * ITEMS - 8) disturb(h);
  }
  /* what stayed is shown once, where it is one of the hits */
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  options.limit = 4 * ITEMS;
  options.sort = sort;
  options.now = HOST_NOW;
  sdx_results *all = page(h, query, &options, SDX_OK);
  for (size_t i = 0; i < sdx_results_count(all); i++) {
    unsigned number;
    char id[16] = "";
    const sdx_bytes got = sdx_results_hit(all, i)->id;
    memcpy(id, got.data, got.size);
    assert_int_equal(sscanf(id, "i%u", &number), 1);
    if (number < there && shown[number] == 0) fail_msg("%s: i%u was passed over", query, number);
  }
  for (unsigned i = 0; i < there; i++)
    if (was_gone[i]) assert_int_equal(shown[i], 0);
  sdx_results_free(all);
}

static void test_pages(void **state) {
  static const char *const queries[] = { "harbour",        "lamp OR oil",      "harbour -wick",
                                         "keep*",          "\"lamp oil\" OR tide", "in:sent tide",
                                         "subject:keeper", "lamp NEAR/4 oil" };
  static const sdx_sort sorts[] = { SDX_BY_RELEVANCE, SDX_NEWEST_FIRST, SDX_OLDEST_FIRST,
                                    SDX_BY_RECENCY };
  host *h = *state;
  while (next_number < ITEMS) add(h, next_number++);
  host_fold(h);
  for (size_t q = 0; q < 8; q++)
    for (size_t s = 0; s < 4; s++) walk(h, queries[q], sorts[s], s % 2 == 0 || q < 2);
}

static void test_cursors_are_checked(void **state) {
  host *h = *state;
  char cursor[4096];
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  options.limit = 3;
  options.pages = true;
  options.now = HOST_NOW;
  sdx_results *first = page(h, "harbour", &options, SDX_OK);
  const sdx_bytes next = sdx_results_next(first);
  assert_true(next.size > 40 && next.size < sizeof cursor);
  assert_null(memmem(next.data, next.size, "harbour", 7));
  memcpy(cursor, next.data, next.size);
  cursor[next.size] = '\0';
  sdx_results_free(first);
  options.after = host_bytes(cursor);
  sdx_results_free(page(h, "harbour", &options, SDX_OK));
  assert_null(page(h, "lamp", &options, SDX_INVALID));
  options.sort = SDX_NEWEST_FIRST;
  assert_null(page(h, "harbour", &options, SDX_INVALID));
  options.sort = SDX_BY_RELEVANCE;
  for (size_t i = 0; i < strlen(cursor); i += 5) {
    if (i >= 30 && i <= 45) continue; /* of its random bytes the cipher uses the first 24 */
    const char kept = cursor[i];
    cursor[i] = kept == 'A' ? 'B' : 'A';
    assert_null(page(h, "harbour", &options, SDX_INVALID));
    cursor[i] = kept;
  }
  options.after = host_bytes("no cursor at all!");
  assert_null(page(h, "harbour", &options, SDX_INVALID));
}

static void test_cancel(void **state) {
  host *h = *state;
  sdx_error err;
  sdx_cancel *cancel;
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  host_ok(sdx_cancel_new(&cancel, &err), &err);
  options.cancel = cancel;
  sdx_results_free(page(h, "harbour", &options, SDX_OK));
  sdx_cancel_set(cancel, true);
  assert_null(page(h, "harbour", &options, SDX_CANCELLED));
  sdx_cancel_set(cancel, false);
  sdx_results_free(page(h, "harbour", &options, SDX_OK));
  sdx_cancel_free(cancel);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_pages),
    cmocka_unit_test(test_cursors_are_checked),
    cmocka_unit_test(test_cancel),
  };
  return cmocka_run_group_tests(tests, host_begin, host_end);
}
