/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Completion, corrections and facets: what is proposed, in which order, and that nothing of it comes
 * from items that are deleted, be they in the journal or in a segment. */
#include "host.h"

static void suggest(host *h, const char *typed, char out[2048]) {
  sdx_error err;
  sdx_suggestions *list;
  sdx_suggest_options options = SDX_SUGGEST_OPTIONS_INIT;
  options.now = HOST_NOW;
  host_ok(sdx_suggest(h->index, host_bytes(typed), &options, &list, &err), &err);
  size_t at = 0;
  out[0] = '\0';
  for (size_t i = 0; i < sdx_suggestions_count(list); i++) {
    const sdx_suggestion *s = sdx_suggestions_at(list, i);
    at += (size_t)snprintf(out + at, 2048 - at, "%s%.*s", i > 0 ? "|" : "", (int)s->text.size, s->text.data);
    if (s->name.size > 0) at += (size_t)snprintf(out + at, 2048 - at, "=%.*s", (int)s->name.size, s->name.data);
    assert_true(at < 2048);
  }
  assert_true(sdx_suggestions_complete(list));
  sdx_suggestions_free(list);
}

static void proposes(host *h, const char *typed, const char *wanted) {
  char got[2048];
  suggest(h, typed, got);
  if (strcmp(got, wanted) != 0) fail_msg("%s: `%s`, not `%s`", typed, got, wanted);
}

static void corrects(host *h, const char *query, const char *wanted) {
  sdx_error err;
  sdx_results *results;
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  options.want = SDX_WANT_SUGGESTION;
  options.now = HOST_NOW;
  host_ok(sdx_search(h->index, host_bytes(query), &options, &results, &err), &err);
  const sdx_bytes got = sdx_results_suggestion(results);
  if (got.size != strlen(wanted) || (got.size != 0 && memcmp(got.data, wanted, got.size) != 0))
    fail_msg("%s: `%.*s`, not `%s`", query, (int)got.size, got.data, wanted);
  sdx_results_free(results);
}

static void add_all(host *h) {
  host_message(h, "a", HOST_NOW - 40 * SDX_DAY, "Priya Anand <priya@lantern.example>", "Harbour plan",
               "The harbour master plans a harbour walk. Harbours everywhere.", "INBOX");
  host_message(h, "b", HOST_NOW - 300 * SDX_DAY, "Petra Anders <petra@old.example>", "Harbour",
               "An old harbour letter of the caf\xc3\xa9.", "Old Mail");
  host_message(h, "c", HOST_NOW - 2 * SDX_DAY, "pia@pier.example", "harvest", "Nothing (much).", "INBOX");
  host_message(h, "d", HOST_NOW - 3 * SDX_DAY, "Gone Person <gone@secret.example>", "Harlequin basilisk",
               "A basilisk stands here alone.", "Vault");
}

static void check_all(host *h) {
  proposes(h, "har", "harbour|harvest|harbours");
  proposes(h, "big HARB", "big harbour|big harbours");
  proposes(h, "-harv", "-harvest");
  proposes(h, "(subject:har", "(subject:harbour|(subject:harvest");
  proposes(h, "\"old har", "\"old harbour|\"old harvest|\"old harbours");
  proposes(h, "cafe", "caf\xc3\xa9");
  proposes(h, "from:p", "from:pia@pier.example|from:priya@lantern.example=Priya Anand|"
                        "from:petra@old.example=Petra Anders");
  proposes(h, "from:and", "from:petra@old.example=Petra Anders");
  proposes(h, "from:an", "from:priya@lantern.example=Priya Anand|from:petra@old.example=Petra Anders");
  proposes(h, "with:priya@l", "with:priya@lantern.example=Priya Anand");
  proposes(h, "priya@", "priya@lantern.example=Priya Anand");
  proposes(h, "in:", "in:INBOX|in:\"Old Mail\"");
  proposes(h, "in:old", "in:\"Old Mail\"");
  proposes(h, "in:\"old m", "in:\"Old Mail\"");
  proposes(h, "kind:", "kind:message");
  proposes(h, "", "");
  proposes(h, "har ", "");
  proposes(h, "zzz", "");
}

/* A word, a name, a folder and a sender that stand in deleted items alone. */
static void check_gone(host *h) {
  char got[2048];
  proposes(h, "bas", "");
  proposes(h, "harl", "");
  proposes(h, "subject:b", "");
  proposes(h, "from:g", "");
  proposes(h, "from:gone@", "");
  proposes(h, "gone@", "");
  proposes(h, "with:person", "");
  proposes(h, "in:v", "");
  corrects(h, "basilisc", "");
  corrects(h, "subject:harlequn", "");
  host_search(h, "basilisk", NULL, got);
  assert_string_equal(got, "");
  sdx_error err;
  sdx_results *results;
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  static const char *const names[] = { "kind", "folder", "from", "month" };
  options.facets = true;
  host_ok(sdx_search(h->index, host_bytes("*"), &options, &results, &err), &err);
  for (size_t f = 0; f < 4; f++) {
    size_t count;
    uint64_t sum = 0;
    const sdx_facet_value *values = sdx_results_facet(results, names[f], &count);
    for (size_t i = 0; i < count; i++) {
      sum += values[i].count;
      assert_null(memmem(values[i].value.data, values[i].value.size, "gone", 4));
      assert_null(memmem(values[i].value.data, values[i].value.size, "Vault", 5));
    }
    assert_int_equal(sum, 3);
  }
  sdx_results_free(results);
}

static void test_suggestions(void **state) {
  host *h = *state;
  add_all(h);
  proposes(h, "bas", "basilisk");
  proposes(h, "from:gone", "from:gone@secret.example=Gone Person");
  host_delete(h, "d");
  check_all(h); /* in the journal */
  check_gone(h);
}

static void test_corrections(void **state) {
  host *h = *state;
  corrects(h, "harbuor", "harbour");
  corrects(h, "harbor plan", "harbour AND plan");
  corrects(h, "\"harbuor mastre\"", "\"harbour master\"");
  corrects(h, "subject:harbuor", "subject:harbour");
  corrects(h, "in:inbox harvset -plan", "in:inbox AND harvest AND NOT plan");
  corrects(h, "harbour", ""); /* finds something */
  corrects(h, "harbour letter plan", ""); /* all are known: no other words are better */
  corrects(h, "in:nowhere harbour", "");
  corrects(h, "xylophones", "");
}

static void test_in_segments(void **state) {
  host *h = *state;
  sdx_error err;
  host_ok(sdx_restore(h->index, host_bytes("d"), HOST_NOW, &err), &err);
  host_fold(h);
  proposes(h, "bas", "basilisk");
  host_delete(h, "d"); /* a tombstone over a segment */
  check_all(h);
  check_gone(h);
  host_fold(h);
  check_all(h);
  check_gone(h);
}

/* Names as senders and extractors write them, with signs in them that part addresses elsewhere. */
static void test_names(void **state) {
  host *h = *state;
  host_message(h, "n1", HOST_NOW, "\"Quay <q>\" <a@names.example>", "x", "x", "INBOX");
  host_message(h, "n2", HOST_NOW, "Wharf <w> <b@names.example>", "x", "x", "INBOX");
  host_message(h, "n3", HOST_NOW, "Doe, Jetty <c@names.example>, d@names.example (Dee), Ed <e@names.example>",
               "x", "x", "INBOX");
  host_message(h, "n4", HOST_NOW, "\"Moor; Mole\" <f@names.example>; <g@names.example>", "x", "x", "INBOX");
  host_message(h, "n5", HOST_NOW, "\"h@names.example\" <h@names.example>\nIda \"the pier\" <i@names.example>", "x",
               "x", "INBOX");
  host_message(h, "n6", HOST_NOW, "\"Open <j@names.example>, \"\" <k@names.example>", "x", "x", "INBOX");
  for (int folded = 0; folded < 2; folded++) {
    proposes(h, "from:a@", "from:a@names.example=Quay <q>");
    proposes(h, "from:quay", "from:a@names.example=Quay <q>");
    proposes(h, "from:b@", "from:b@names.example=Wharf <w>");
    proposes(h, "from:c@", "from:c@names.example=Doe, Jetty");
    proposes(h, "from:d@", "from:d@names.example");
    proposes(h, "from:e@", "from:e@names.example=Ed");
    proposes(h, "from:f@", "from:f@names.example=Moor; Mole");
    proposes(h, "from:g@", "from:g@names.example");
    proposes(h, "from:h@", "from:h@names.example=h@names.example");
    proposes(h, "from:i@", "from:i@names.example=Ida \"the pier\"");
    proposes(h, "from:j@", "from:j@names.example=Open");
    proposes(h, "from:k@", "from:k@names.example");
    host_fold(h);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_suggestions),
    cmocka_unit_test(test_corrections),
    cmocka_unit_test(test_in_segments),
    cmocka_unit_test(test_names),
  };
  return cmocka_run_group_tests(tests, host_begin, host_end);
}
