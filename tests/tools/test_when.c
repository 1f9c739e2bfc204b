/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "when.h"

static void times_in_every_form(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t time;
  } cases[] = {
    { "1715904000", 1715904000 },
    { "1", 1 },
    { "2024-05-17", 1715904000 },
    { "2024-02-29", 1709164800 },
    { "2024-05-17T10:00:00Z", 1715940000 },
    { "2024-05-17T10:00Z", 1715940000 },
    { "2024-05-17T10:00:00", 1715940000 },
    { "2024-05-17T10:00:00.250Z", 1715940000 },
    { "2024-05-17 10:00", 1715940000 },
    { "2024-05-17T12:00:00+02:00", 1715940000 },
    { "2024-05-17T04:30:00-0530", 1715940000 },
    { "9999-12-31", 253402214400 },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t time = 0;
    assert_true(when_parse(cases[i].text, &time));
    assert_int_equal(time, cases[i].time);
  }
}

static void what_is_no_time_is_refused(void **state) {
  (void)state;
  static const char *const cases[] = {
    "",
    "0",
    "-5",
    "+5",
    " 5",
    "5 ",
    "1970-01-01",
    "now",

    "2024-5-17",
    "2024-13-01",
    "2024-02-30",
    "2023-02-29",
    "2024-05-17T",
    "2024-05-17T25:00:00Z",
    "2024-05-17T10:60",
    "2024-05-17T10:00:00+99:00",
    "2024-05-17x",
    "99999999999999999999",
    "2024-05-17T10:00:00Zx",
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t time;
    assert_false(when_parse(cases[i], &time));
  }
}

static void spans(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t seconds;
  } cases[] = { { "45d", 45 * 86400 }, { "90s", 90 },     { "90", 90 },         { "30m", 1800 },
                { "12h", 43200 },      { "6w", 3628800 }, { "1y", 365 * 86400 } };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t seconds = 0;
    assert_true(when_parse_span(cases[i].text, &seconds));
    assert_int_equal(seconds, cases[i].seconds);
  }
  static const char *const refused[] = { "",     "0",    "0d",   "-1d",  "d",
                                         "45dd", "45 d", "1.5d", "soon", "999999999999999999d" };
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    int64_t seconds;
    assert_false(when_parse_span(refused[i], &seconds));
  }
}

static void offsets(void **state) {
  (void)state;
  int32_t seconds = 1;
  assert_true(when_parse_offset("Z", &seconds));
  assert_int_equal(seconds, 0);
  assert_true(when_parse_offset("+02:00", &seconds));
  assert_int_equal(seconds, 7200);
  assert_true(when_parse_offset("-0530", &seconds));
  assert_int_equal(seconds, -19800);
  assert_true(when_parse_offset("+05", &seconds));
  assert_int_equal(seconds, 18000);
  assert_false(when_parse_offset("", &seconds));
  assert_false(when_parse_offset("2", &seconds));
  assert_false(when_parse_offset("+15:00", &seconds));
  assert_false(when_parse_offset("+02:60", &seconds));
}

static void formats_in_utc(void **state) {
  (void)state;
  char when[WHEN_SIZE];
  assert_string_equal(when_format(1715940000, when), "2024-05-17 10:00");
  assert_string_equal(when_format(-1, when), "1969-12-31 23:59");
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(times_in_every_form),
    cmocka_unit_test(what_is_no_time_is_refused),
    cmocka_unit_test(spans),
    cmocka_unit_test(offsets),
    cmocka_unit_test(formats_in_utc),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
