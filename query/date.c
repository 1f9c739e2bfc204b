/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/date.h"

#include <string.h>

#define DAY 86400
#define YEAR_MAX 9999

/* Days from 1970-01-01 to the first of a month; `month` counts from year 0 and need not be in
 * range. Howard Hinnant's calendar arithmetic: years begin in March, eras have 400 years. */
static int64_t days_to_month(int64_t month) {
  int64_t year = month >= 0 ? month / 12 : -((11 - month) / 12);
  const int64_t m = month - year * 12; /* 0 January */
  if (m < 2) year--;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * ((m + 10) % 12) + 2) / 5;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719468;
}

static int64_t floor_divide(int64_t a, int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

/* The month that holds a day. */
static int64_t month_of_day(int64_t day) {
  const int64_t z = day + 719468;
  const int64_t era = floor_divide(z, 146097);
  const int64_t day_of_era = z - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t m = (5 * day_of_year + 2) / 153; /* 0 March */
  const int64_t year = year_of_era + era * 400 + (m >= 10 ? 1 : 0);
  return year * 12 + (m + 2) % 12;
}

static int64_t month_seconds(int64_t month, int32_t utc_offset) {
  return days_to_month(month) * DAY - utc_offset;
}

int64_t date_month(int64_t moment, int32_t utc_offset) {
  const int64_t bounded = moment > INT64_MAX / 4   ? INT64_MAX / 4
                          : moment < INT64_MIN / 4 ? INT64_MIN / 4
                                                   : moment;
  return month_of_day(floor_divide(bounded + utc_offset, DAY));
}

int64_t date_month_start(int64_t month, int32_t utc_offset) {
  return month_seconds(month, utc_offset);
}

/* Reads exactly `digits` digits; -1 where they are not there. */
static int64_t take_number(const char **at, const char *end, size_t digits) {
  if ((size_t)(end - *at) < digits) return -1;
  int64_t v = 0;
  for (size_t i = 0; i < digits; i++) {
    const char c = (*at)[i];
    if (c < '0' || c > '9') return -1;
    v = v * 10 + (c - '0');
  }
  *at += digits;
  return v;
}

static bool take_char(const char **at, const char *end, char c) {
  if (*at == end || **at != c) return false;
  (*at)++;
  return true;
}

static size_t count_digits(const char *at, const char *end) {
  size_t n = 0;
  while (at + n < end && at[n] >= '0' && at[n] <= '9') n++;
  return n;
}

/* What follows a `T`: the time of a day, and perhaps its own offset from UTC. */
static bool parse_clock(const char *at, const char *end, int64_t midnight_utc, int32_t utc_offset,
                        date_period *out) {
  const int64_t hour = take_number(&at, end, 2);
  if (hour < 0 || hour > 23) return false;
  int64_t minute = 0, second = 0, length = 3600, offset = utc_offset;
  if (take_char(&at, end, ':')) {
    minute = take_number(&at, end, 2);
    if (minute < 0 || minute > 59) return false;
    length = 60;
    if (take_char(&at, end, ':')) {
      second = take_number(&at, end, 2);
      if (second < 0 || second > 60) return false;
      length = 1;
    }
  }
  if (take_char(&at, end, 'Z') || take_char(&at, end, 'z')) {
    offset = 0;
  } else if (at < end && (*at == '+' || *at == '-')) {
    const int sign = *at++ == '-' ? -1 : 1;
    const int64_t hours = take_number(&at, end, 2);
    take_char(&at, end, ':');
    const int64_t minutes = at < end ? take_number(&at, end, 2) : 0;
    if (hours < 0 || hours > 15 || minutes < 0 || minutes > 59) return false;
    offset = sign * (hours * 3600 + minutes * 60);
  }
  if (at != end) return false;
  out->start = midnight_utc + hour * 3600 + minute * 60 + second - offset;
  out->end = out->start + length;
  return true;
}

static bool parse_calendar(const char *at, const char *end, const date_context *context,
                           date_period *out) {
  const size_t digits = count_digits(at, end);
  if (digits != 4 && digits != 8) return false;
  const bool dense = digits == 8;
  const int64_t year = take_number(&at, end, 4);
  if (year < 1 || year > YEAR_MAX) return false;
  if (at == end) {
    out->start = month_seconds(year * 12, context->utc_offset);
    out->end = month_seconds((year + 1) * 12, context->utc_offset);
    return true;
  }
  const char separator = *at;
  if (!dense) {
    if (separator != '-' && separator != '/') return false;
    at++;
  }
  const size_t width = !dense && count_digits(at, end) == 1 ? 1 : 2;
  const int64_t month = take_number(&at, end, width);
  if (month < 1 || month > 12) return false;
  const int64_t number = year * 12 + month - 1;
  if (at == end) {
    out->start = month_seconds(number, context->utc_offset);
    out->end = month_seconds(number + 1, context->utc_offset);
    return true;
  }
  if (!dense && !take_char(&at, end, separator)) return false;
  const int64_t day = take_number(&at, end, !dense && count_digits(at, end) == 1 ? 1 : 2);
  const int64_t first = days_to_month(number);
  if (day < 1 || day > days_to_month(number + 1) - first) return false;
  const int64_t midnight = (first + day - 1) * DAY;
  if (at == end) {
    out->start = midnight - context->utc_offset;
    out->end = out->start + DAY;
    return true;
  }
  if (!take_char(&at, end, 'T') && !take_char(&at, end, 't')) return false;
  return parse_clock(at, end, midnight, context->utc_offset, out);
}

static bool is_word(const char *text, size_t size, const char *word) {
  return size == strlen(word) && strncasecmp(text, word, size) == 0;
}

static bool parse_named(const char *text, size_t size, const date_context *context,
                        date_period *out) {
  int64_t shift;
  if (is_word(text, size, "today"))
    shift = 0;
  else if (is_word(text, size, "yesterday"))
    shift = -1;
  else if (is_word(text, size, "tomorrow"))
    shift = 1;
  else
    return false;
  const int64_t day = floor_divide(context->now + context->utc_offset, DAY) + shift;
  out->start = day * DAY - context->utc_offset;
  out->end = out->start + DAY;
  return true;
}

/* So many months before now, on the same day of the month, or its last where it has none such. */
static int64_t months_before(const date_context *context, int64_t months) {
  const int64_t local = context->now + context->utc_offset;
  const int64_t day = floor_divide(local, DAY);
  const int64_t month = month_of_day(day);
  const int64_t day_of_month = day - days_to_month(month);
  const int64_t target = month - months;
  const int64_t days = days_to_month(target + 1) - days_to_month(target);
  const int64_t kept = day_of_month < days ? day_of_month : days - 1;
  return (days_to_month(target) + kept) * DAY + (local - day * DAY) - context->utc_offset;
}

bool date_parse_age(const char *text, size_t size, const date_context *context, int64_t *out) {
  const char *at = text, *end = text + size;
  const size_t digits = count_digits(at, end);
  if (digits < 1 || digits > 6 || digits + 1 != size) return false;
  const int64_t n = take_number(&at, end, digits);
  switch (*at) {
  case 'h':
  case 'H':
    *out = context->now - n * 3600;
    return true;
  case 'd':
  case 'D':
    *out = context->now - n * DAY;
    return true;
  case 'w':
  case 'W':
    *out = context->now - n * 7 * DAY;
    return true;
  case 'm':
  case 'M':
    *out = months_before(context, n);
    return true;
  case 'y':
  case 'Y':
    *out = months_before(context, n * 12);
    return true;
  default:
    return false;
  }
}

static bool parse_epoch(const char *text, size_t size, date_period *out) {
  const char *at = text + 1, *end = text + size;
  if (size < 2 || size > 14 || *text != '@') return false;
  const bool before = take_char(&at, end, '-');
  int64_t v = at < end ? take_number(&at, end, (size_t)(end - at)) : -1;
  if (v < 0) return false;
  if (before) v = -v;
  out->start = v;
  out->end = v + 1;
  return true;
}

bool date_parse(const char *text, size_t size, const date_context *context, date_period *out) {
  if (parse_calendar(text, text + size, context, out)) return true;
  if (parse_named(text, size, context, out)) return true;
  if (parse_epoch(text, size, out)) return true;
  int64_t moment;
  if (!date_parse_age(text, size, context, &moment)) return false;
  *out = (date_period){ .start = moment, .end = moment + 1 };
  return true;
}

bool date_parse_range(const char *text, size_t size, const date_context *context,
                      date_period *out) {
  const char *dots = memmem(text, size, "..", 2);
  if (dots == NULL) return date_parse(text, size, context, out);
  const size_t before = (size_t)(dots - text), after = size - before - 2;
  date_period first = { .start = DATE_FIRST, .end = 0 }, last = { .start = 0, .end = DATE_LAST };
  if (before == 0 && after == 0) return false;
  if (before != 0 && !date_parse(text, before, context, &first)) return false;
  if (after != 0 && !date_parse(dots + 2, after, context, &last)) return false;
  *out = (date_period){ .start = first.start, .end = last.end };
  return true;
}
