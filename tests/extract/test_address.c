/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses: what is read the short way is what the parser gives. */
#include "extracting.h"

#include "indexer/extract/address.h"
#include "indexer/extract/message.h"

static const struct {
  const char *value;
  const char *given; /* NULL: no plain list */
} CASES[] = {
  { "ann@example.org", "ann@example.org" },
  { " ann@example.org ,\tbob.roe@a-b.example.org ", "ann@example.org, bob.roe@a-b.example.org" },
  { "Ann <ann@example.org>", "Ann <ann@example.org>" },
  { "Ann Lee <ann@example.org>, tim@x", "Ann Lee <ann@example.org>, tim@x" },
  { "\"Lee, Ann J.\" <ann@example.org>", "Lee, Ann J. <ann@example.org>" },
  { "ann@example.org (Ann Lee)", "Ann Lee <ann@example.org>" },
  { "", NULL },
  { "ann", NULL },
  { "ann@", NULL },
  { "ann@example.", NULL },
  { "a..b@example.org", NULL },
  { "ann@example.org,", NULL },
  { "ann@example.org bob@example.org", NULL },
  { "Ann  Lee <ann@example.org>", NULL },
  { "Ann <ann@example.org", NULL },
  { "\"Ann <ann@example.org>", NULL },
  { "=?utf-8?Q?Ann?= <ann@example.org>", NULL },
  { "\"=?utf-8?Q?Ann?=\" <ann@example.org>", NULL },
  { "team: ann@example.org;", NULL },
  { "ann@xn--bcher-kva.example", NULL },
  { "J\xc3\xb6rg <joerg@example.org>", NULL },
};

static void assert_same(const char *value) {
  buffer shortly = BUFFER_INIT, parsed = BUFFER_INIT;
  message_put_addresses(&shortly, value, strlen(value), false);
  message_put_addresses(&parsed, value, strlen(value), true);
  if (shortly.size != parsed.size ||
      (parsed.size > 0 && memcmp(shortly.data, parsed.data, parsed.size) != 0))
    fail_msg("%s: %.*s, not %.*s", value, (int)shortly.size, (const char *)shortly.data,
             (int)parsed.size, (const char *)parsed.data);
  buffer_free(&shortly);
  buffer_free(&parsed);
}

static void plain_lists(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    buffer out = BUFFER_INIT;
    assert_int_equal(address_put_plain(&out, CASES[i].value), CASES[i].given != NULL);
    assert_int_equal(out.size, CASES[i].given != NULL ? strlen(CASES[i].given) : 0);
    if (out.size > 0) assert_memory_equal(out.data, CASES[i].given, out.size);
    buffer_free(&out);
    assert_same(CASES[i].value);
  }
}

/* Lists of the pieces that plain ones have, and of what spoils them. */
static void random_lists(void **state) {
  static const char *const PIECES[] = { "ann", "J", "org", "7",  "@", "@", "@x", ".",  "-",
                                        "_",   "+", "&",   "'",  "/", " ", " ",  ",",  ", ",
                                        "<",   ">", " <",  ">,", "(", ")", " (", "\"", "\" <",
                                        "=",   "?", "\\",  ":",  ";", "\t" };
  const size_t count = sizeof PIECES / sizeof PIECES[0];
  uint32_t random = 1;
  (void)state;
  for (unsigned run = 0; run < 60000; run++) {
    char value[128] = "";
    for (unsigned i = run % 14 + 1; i > 0; i--) {
      random = random * 1664525 + 1013904223;
      strcat(value, PIECES[(random >> 8) % (run % 2 == 0 ? count : 22)]);
    }
    assert_same(value);
  }
}

/* What the parser would leave out is kept as it stands. */
static void nothing_is_dropped(void **state) {
  static const char *const LISTS[] = {
    "jr..lee@example.org",
    "ann@example.org, jr..lee@example.org, bob@example.org",
    "\"Lee, Jr.\" <jr..lee@example.org>, Ann <ann@example.org>",
    "team: ann@example.org, jr..lee@example.org;",
  };
  (void)state;
  for (size_t i = 0; i < sizeof LISTS / sizeof LISTS[0]; i++) {
    buffer out = BUFFER_INIT;
    message_put_addresses(&out, LISTS[i], strlen(LISTS[i]), false);
    assert_non_null(memmem(out.data, out.size, "jr..lee@example.org", 19));
    buffer_free(&out);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(nothing_is_dropped),
    cmocka_unit_test(plain_lists),
    cmocka_unit_test(random_lists),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
