/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * occurs.h - items that take place at other times than their date says: series and events of several
 * days, found by date filters at any of their times.
 *
 * The field "occurs" (docs/sources.md) has a filter term for each year: a coarse term by which the
 * year is found, and in it the times, as runs that follow each other by one step. So only the terms of
 * the years that a filter touches are read, and the times in them are exact.
 *
 *   value = "later" | year { " " run }
 *   run   = first "+" more [ "d" ] [ "/" step "*" times ]
 *
 * in seconds: `first` from the year's beginning in UTC, `more` up to the last second, included. With "d"
 * they are whole days of the calendar, wherever the caller is.
 */
#ifndef SEALDEX_QUERY_OCCURS_H
#define SEALDEX_QUERY_OCCURS_H

#include "query/date.h"
#include "segment/reader.h"

#define OCCURS_YEAR_LAST 2049 /* what takes place later is one value */

/* Whether a segment has any such item. */
bool occurs_any(const segment *seg, segment_session *session);
/* Corrects `bits`, the items of a segment whose date is in [low, high): those that take place by a
 * field are in it where one of their times is. Failure is the session's. */
void occurs_apply(const segment *seg, segment_session *session, int64_t low, int64_t high,
                  int32_t utc_offset, uint64_t *bits);
/* Does one value (what stands behind TEXT_OCCURS) have a time in [low, high)? */
bool occurs_value_matches(sdx_bytes value, int64_t low, int64_t high, int32_t utc_offset);

#endif
