/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/iso_date.h"

#include <stdio.h>
#include <time.h>

typedef struct reader {
  const char *at;
  const char *end;
} reader;

/* Reads `digits` digits; -1 where they are not there. */
static int number(reader *r, int digits) {
  int value = 0;
  if (r->end - r->at < digits) return -1;
  for (int i = 0; i < digits; i++) {
    if (r->at[i] < '0' || r->at[i] > '9') return -1;
    value = value * 10 + (r->at[i] - '0');
  }
  r->at += digits;
  return value;
}

static bool skip(reader *r, char a, char b) {
  if (r->at >= r->end || (*r->at != a && *r->at != b)) return false;
  r->at++;
  return true;
}

static int zone(reader *r) {
  if (r->at >= r->end || (*r->at != '+' && *r->at != '-')) return 0;
  const int sign = *r->at++ == '-' ? -1 : 1;
  const int hours = number(r, 2);
  (void)skip(r, ':', ':');
  const int minutes = number(r, 2);
  return hours < 0 ? 0 : sign * (hours * 3600 + (minutes > 0 ? minutes * 60 : 0));
}

int64_t iso_date_parse(const char *text, size_t size) {
  reader r = { .at = text, .end = text + size };
  while (r.at < r.end && (*r.at == ' ' || *r.at == '\n' || *r.at == '\t')) r.at++;
  const int year = number(&r, 4);
  if (year < 1970) return 0;
  (void)skip(&r, '-', '-');
  const int month = number(&r, 2);
  (void)skip(&r, '-', '-');
  const int day = number(&r, 2);
  struct tm tm = { .tm_year = year - 1900,
                   .tm_mon = month > 0 && month <= 12 ? month - 1 : 0,
                   .tm_mday = day > 0 && day <= 31 ? day : 1 };
  int offset = 0;
  if (skip(&r, 'T', ' ')) {
    const int hour = number(&r, 2);
    (void)skip(&r, ':', ':');
    const int minute = number(&r, 2);
    (void)skip(&r, ':', ':');
    const int second = number(&r, 2);
    tm.tm_hour = hour > 0 && hour < 24 ? hour : 0;
    tm.tm_min = minute > 0 && minute < 60 ? minute : 0;
    tm.tm_sec = second > 0 && second < 60 ? second : 0;
    if (skip(&r, '.', ','))
      while (r.at < r.end && *r.at >= '0' && *r.at <= '9') r.at++;
    offset = zone(&r);
  }
  const int64_t at = (int64_t)timegm(&tm) - offset;
  return at > 0 ? at : 0;
}

bool iso_date_day(char out[16], const char *text, size_t size) {
  reader r = { .at = text, .end = text + size };
  const int year = number(&r, 4);
  const bool dashed = skip(&r, '-', '-');
  const int month = number(&r, 2);
  if (dashed && !skip(&r, '-', '-')) return false;
  const int day = number(&r, 2);
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > 31) return false;
  (void)snprintf(out, 16, "%04u-%02u-%02u", (unsigned)year % 10000, (unsigned)month % 100,
                 (unsigned)day % 100);
  return true;
}
