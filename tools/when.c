/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "when.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Exactly `n` digits at *p, which moves behind them; -1 where there are none. */
static int digits(const char **p, int n) {
  int value = 0;
  for (int i = 0; i < n; i++, (*p)++) {
    if (**p < '0' || **p > '9') return -1;
    value = value * 10 + (**p - '0');
  }
  return value;
}

static bool whole_number(const char *text, const char **end, int64_t *out) {
  if (*text < '0' || *text > '9') return false;
  char *stop;
  errno = 0;
  long long value = strtoll(text, &stop, 10);
  if (errno != 0) return false;
  *end = stop;
  *out = value;
  return true;
}

bool when_parse_offset(const char *text, int32_t *seconds) {
  *seconds = 0;
  if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) return true;
  if (*text != '+' && *text != '-') return false;
  const char *p = text + 1;
  int hours = digits(&p, 2);
  if (*p == ':') p++;
  int minutes = *p ? digits(&p, 2) : 0;
  if (hours < 0 || minutes < 0 || hours > 14 || minutes > 59 || *p) return false;
  *seconds = (hours * 3600 + minutes * 60) * (*text == '-' ? -1 : 1);
  return true;
}

/* The time of day behind the T: hh:mm[:ss[.fraction]][offset]. */
static bool parse_clock(const char *p, struct tm *tm, int32_t *offset) {
  tm->tm_hour = digits(&p, 2);
  if (tm->tm_hour < 0 || tm->tm_hour > 23 || *p++ != ':') return false;
  tm->tm_min = digits(&p, 2);
  if (tm->tm_min < 0 || tm->tm_min > 59) return false;
  if (*p == ':') {
    p++;
    tm->tm_sec = digits(&p, 2);
    if (tm->tm_sec < 0 || tm->tm_sec > 59) return false;
    if (*p == '.')
      for (p++; *p >= '0' && *p <= '9';) p++;
  }
  return *p == 0 || when_parse_offset(p, offset);
}

bool when_parse(const char *text, int64_t *out) {
  const char *p = text;
  if (whole_number(text, &p, out) && *p == 0) return *out > 0;

  struct tm tm = { 0 };
  int32_t offset = 0;
  p = text;
  int year = digits(&p, 4);
  if (year < 0 || *p++ != '-') return false;
  int month = digits(&p, 2);
  if (month < 1 || month > 12 || *p++ != '-') return false;
  int day = digits(&p, 2);
  if (day < 1 || day > 31) return false;
  tm.tm_year = year - 1900;
  tm.tm_mon = month - 1;
  tm.tm_mday = day;
  if (*p && ((*p != 'T' && *p != 't' && *p != ' ') || !parse_clock(p + 1, &tm, &offset)))
    return false;
  time_t time = timegm(&tm);
  if (tm.tm_mon != month - 1 || tm.tm_mday != day) return false; /* 30 February */
  *out = (int64_t)time - offset;
  return *out > 0;
}

bool when_parse_span(const char *text, int64_t *seconds) {
  static const struct {
    char letter;
    int64_t seconds;
  } units[] = { { 's', 1 },     { 'm', 60 },     { 'h', 3600 },
                { 'd', 86400 }, { 'w', 604800 }, { 'y', 365 * 86400 } };
  const char *p;
  int64_t count;
  if (!whole_number(text, &p, &count) || count == 0) return false;
  int64_t unit = 1;
  if (*p) {
    unit = 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
      if (units[i].letter == *p && p[1] == 0) unit = units[i].seconds;
  }
  return unit != 0 && !__builtin_mul_overflow(count, unit, seconds);
}

const char *when_format(int64_t time, char out[WHEN_SIZE]) {
  struct tm tm;
  time_t t = (time_t)time;
  if (!gmtime_r(&t, &tm) || strftime(out, WHEN_SIZE, "%Y-%m-%d %H:%M", &tm) == 0)
    snprintf(out, WHEN_SIZE, "%" PRId64, time);
  return out;
}
