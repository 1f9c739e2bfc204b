/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The date forms, against periods worked out by hand and by the C library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "query/date.h"

/* Sat 2024-06-01 10:00:00 UTC */
static const date_context utc = { .now = 1717236000, .utc_offset = 0 };

static int64_t at(int year, int month, int day, int hour, int minute, int second) {
  struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour,
                   .tm_min = minute, .tm_sec = second };
  return timegm(&tm);
}

static void expect(const char *text, const date_context *context, int64_t start, int64_t end) {
  date_period p;
  if (!date_parse_range(text, strlen(text), context, &p)) fail_msg("%s is not read", text);
  if (p.start != start || p.end != end)
    fail_msg("%s: %lld to %lld, not %lld to %lld", text, (long long)p.start, (long long)p.end,
             (long long)start, (long long)end);
}

static void test_calendar(void **state) {
  (void)state;
  expect("2024", &utc, at(2024, 1, 1, 0, 0, 0), at(2025, 1, 1, 0, 0, 0));
  expect("2024-06", &utc, at(2024, 6, 1, 0, 0, 0), at(2024, 7, 1, 0, 0, 0));
  expect("2024-12", &utc, at(2024, 12, 1, 0, 0, 0), at(2025, 1, 1, 0, 0, 0));
  expect("2024-06-01", &utc, at(2024, 6, 1, 0, 0, 0), at(2024, 6, 2, 0, 0, 0));
  expect("2024/6/1", &utc, at(2024, 6, 1, 0, 0, 0), at(2024, 6, 2, 0, 0, 0));
  expect("20240229", &utc, at(2024, 2, 29, 0, 0, 0), at(2024, 3, 1, 0, 0, 0));
  expect("1969-12-31", &utc, -86400, 0);
  expect("0001-01-01", &utc, at(1, 1, 1, 0, 0, 0), at(1, 1, 2, 0, 0, 0));
}

static void test_clock(void **state) {
  (void)state;
  expect("2024-06-01T10", &utc, at(2024, 6, 1, 10, 0, 0), at(2024, 6, 1, 11, 0, 0));
  expect("2024-06-01T10:30", &utc, at(2024, 6, 1, 10, 30, 0), at(2024, 6, 1, 10, 31, 0));
  expect("2024-06-01T10:30:05Z", &utc, at(2024, 6, 1, 10, 30, 5), at(2024, 6, 1, 10, 30, 6));
  expect("2024-06-01T10:30:05+02:00", &utc, at(2024, 6, 1, 8, 30, 5), at(2024, 6, 1, 8, 30, 6));
  expect("2024-06-01T10:30:05-0530", &utc, at(2024, 6, 1, 16, 0, 5), at(2024, 6, 1, 16, 0, 6));
  expect("@1717236000", &utc, 1717236000, 1717236001);
}

static void test_time_zone(void **state) {
  (void)state;
  const date_context tokyo = { .now = at(2024, 6, 1, 16, 0, 0), .utc_offset = 9 * 3600 };
  expect("2024-06-01", &tokyo, at(2024, 5, 31, 15, 0, 0), at(2024, 6, 1, 15, 0, 0));
  expect("today", &tokyo, at(2024, 6, 1, 15, 0, 0), at(2024, 6, 2, 15, 0, 0));
  expect("yesterday", &tokyo, at(2024, 5, 31, 15, 0, 0), at(2024, 6, 1, 15, 0, 0));
  expect("Tomorrow", &utc, at(2024, 6, 2, 0, 0, 0), at(2024, 6, 3, 0, 0, 0));
  expect("2024-06-01T10:30Z", &tokyo, at(2024, 6, 1, 10, 30, 0), at(2024, 6, 1, 10, 31, 0));
}

static void test_ranges(void **state) {
  (void)state;
  expect("2024-01..2024-03", &utc, at(2024, 1, 1, 0, 0, 0), at(2024, 4, 1, 0, 0, 0));
  expect("2024..", &utc, at(2024, 1, 1, 0, 0, 0), DATE_LAST);
  expect("..2024", &utc, DATE_FIRST, at(2025, 1, 1, 0, 0, 0));
  expect("7d..today", &utc, utc.now - 7 * 86400, at(2024, 6, 2, 0, 0, 0));
}

static void expect_age(const char *text, const date_context *context, int64_t moment) {
  int64_t got;
  if (!date_parse_age(text, strlen(text), context, &got)) fail_msg("%s is not read", text);
  assert_int_equal(got, moment);
}

static void test_ages(void **state) {
  (void)state;
  expect_age("30d", &utc, utc.now - 30 * 86400);
  expect_age("12h", &utc, utc.now - 12 * 3600);
  expect_age("2w", &utc, utc.now - 14 * 86400);
  expect_age("1y", &utc, at(2023, 6, 1, 10, 0, 0));
  expect_age("6m", &utc, at(2023, 12, 1, 10, 0, 0));
  const date_context last = { .now = at(2024, 3, 31, 10, 0, 0), .utc_offset = 0 };
  expect_age("1m", &last, at(2024, 2, 29, 10, 0, 0));
  expect_age("13M", &last, at(2023, 2, 28, 10, 0, 0));
}

static void test_refused(void **state) {
  (void)state;
  static const char *const texts[] = {
    "", "banana", "24", "202", "2024-13", "2024-00", "2023-02-29", "2024-06-31", "2024-06-1x",
    "2024-06-01T25:00", "2024-06-01T10:60", "..", "2024..banana", "d", "30", "30x", "@", "@x",
    "2024-06/01", "99999999999999d", "2024-06-01T", "2024-06-01T10:30+", "0000-01-01",
  };
  date_period p;
  for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
    if (date_parse_range(texts[i], strlen(texts[i]), &utc, &p)) fail_msg("%s is read", texts[i]);
}

static void test_months(void **state) {
  (void)state;
  for (int64_t t = -4000000000; t < 8000000000; t += 777777) {
    const time_t moment = (time_t)t;
    struct tm tm;
    assert_non_null(gmtime_r(&moment, &tm));
    const int64_t month = (int64_t)(tm.tm_year + 1900) * 12 + tm.tm_mon;
    assert_int_equal(date_month(t, 0), month);
    assert_true(date_month_start(month, 0) <= t && t < date_month_start(month + 1, 0));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_calendar), cmocka_unit_test(test_clock),
    cmocka_unit_test(test_time_zone), cmocka_unit_test(test_ranges),
    cmocka_unit_test(test_ages), cmocka_unit_test(test_refused),
    cmocka_unit_test(test_months),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
