/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "options.h"

enum { ARGUMENTS_MAX = 16 };

/* Splits `line` at single spaces, in place, and parses it. */
static exit_code parse(options *o, char *line) {
  char *argv[ARGUMENTS_MAX];
  int argc = 0;
  for (char *word = strtok(line, " "); word && argc < ARGUMENTS_MAX; word = strtok(NULL, " "))
    argv[argc++] = word;
  return options_parse(o, "search", "limit= sort= facets", argc, argv);
}

static void options_stand_anywhere_behind_the_directory(void **state) {
  (void)state;
  options o;
  char line[] = "--limit 5 dir --facets one --json --sort=newest -two --now 2024-05-17 three";
  assert_int_equal(parse(&o, line), EXIT_DONE);
  assert_string_equal(o.dir, "dir");
  assert_int_equal(o.word_count, 3);
  assert_string_equal(o.words[1], "-two");
  assert_true(o.json);
  assert_true(options_flag(&o, "facets"));
  assert_int_equal(o.now, 1715904000);
  assert_string_equal(options_text(&o, "sort"), "newest");
  assert_null(options_text(&o, "key"));
  uint64_t limit;
  assert_int_equal(options_number(&o, "limit", 10, &limit), EXIT_DONE);
  assert_int_equal(limit, 5);
  char *joined = options_join(&o, 1);
  assert_string_equal(joined, "-two three");
  options_forget(joined);
  options_free(&o);
}

static void two_dashes_end_the_options(void **state) {
  (void)state;
  options o;
  char line[] = "dir --limit 1 --limit 2 -- --json -- x";
  assert_int_equal(parse(&o, line), EXIT_DONE);
  assert_false(o.json);
  assert_int_equal(o.word_count, 3);
  assert_string_equal(o.words[0], "--json");
  assert_string_equal(o.words[1], "--");
  assert_string_equal(options_text(&o, "limit"), "2"); /* the last one wins */
  options_free(&o);
}

static void what_cannot_be_meant_is_refused(void **state) {
  (void)state;
  static const char *const cases[] = {
    "",       "--facets", "dir --limi 5", "dir --limit", "dir --facets=yes", "dir --now noon",
    "dir --", "dir --=5"
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    options o;
    char line[64];
    strcpy(line, cases[i]);
    const exit_code expected = strcmp(line, "dir --") == 0 ? EXIT_DONE : EXIT_USAGE;
    assert_int_equal(parse(&o, line), expected);
    options_free(&o);
  }
}

static void numbers_and_choices(void **state) {
  (void)state;
  options o;
  uint64_t number;
  int choice;
  char line[] = "dir --limit 12x --sort newest";
  assert_int_equal(parse(&o, line), EXIT_DONE);
  assert_int_equal(options_number(&o, "limit", 10, &number), EXIT_USAGE);
  assert_int_equal(options_choice(&o, "sort", "relevance|newest", &choice), EXIT_DONE);
  assert_int_equal(choice, 1);
  assert_int_equal(options_choice(&o, "sort", "relevance|new", &choice), EXIT_USAGE);
  assert_int_equal(options_choice(&o, "limit", "", &choice), EXIT_USAGE);
  options_free(&o);
  char negative[] = "dir --limit -1";
  assert_int_equal(parse(&o, negative), EXIT_DONE);
  assert_int_equal(options_number(&o, "limit", 10, &number), EXIT_USAGE);
  assert_int_equal(options_number(&o, "sort", 10, &number), EXIT_DONE);
  assert_int_equal(number, 10);
  options_free(&o);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(options_stand_anywhere_behind_the_directory),
    cmocka_unit_test(two_dashes_end_the_options),
    cmocka_unit_test(what_cannot_be_meant_is_refused),
    cmocka_unit_test(numbers_and_choices),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
