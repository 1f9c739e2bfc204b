/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * date.h - the date forms of the query language, as periods of time.
 *
 *   2024   2024-06   2024-06-01   2024/06/01   20240601           a year, a month, a day
 *   2024-06-01T10:30   ...T10:30:05   ...T10:30Z   ...T10:30+02:00    a minute, a second
 *   today   yesterday   tomorrow                                  a day
 *   30d  12h  2w  6m  1y                                          the second so long before now
 *   @1717236000                                                   a second since 1970, UTC; @-5 before it
 *
 * Days begin at midnight of the caller's offset from UTC. A period is [start, end).
 */
#ifndef SEALDEX_QUERY_DATE_H
#define SEALDEX_QUERY_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DATE_FIRST INT64_MIN /* a period without a beginning */
#define DATE_LAST INT64_MAX  /* ... and without an end */

typedef struct date_context {
  int64_t now;
  int32_t utc_offset; /* seconds east */
} date_context;

typedef struct date_period {
  int64_t start, end;
} date_period;

/* One date form; false where the text is none. */
bool date_parse(const char *text, size_t size, const date_context *context, date_period *out);
/* `a..b`, `a..`, `..b` or one date form: from the start of a to the end of b. */
bool date_parse_range(const char *text, size_t size, const date_context *context, date_period *out);
/* An age such as "30d" (h, d, w: that many hours, days, weeks; m, y: calendar months and years):
 * the moment so long before now. */
bool date_parse_age(const char *text, size_t size, const date_context *context, int64_t *out);

/* The calendar month of a moment: year * 12 + month - 1, and the first second of such a month. */
int64_t date_month(int64_t moment, int32_t utc_offset);
int64_t date_month_start(int64_t month, int32_t utc_offset);

#endif
