/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * calendar.h - iCalendar (and vCalendar 1.0) to items of kind event, by libical.
 *
 * VEVENT, VTODO and VJOURNAL give one item for each UID: the series first, then its instances that
 * were changed. Alarms and free-busy times are left out.
 *
 *   title      SUMMARY                          body      DESCRIPTION
 *   location   LOCATION                         keywords  CATEGORIES
 *   organizer, attendee   `Name <address>`      url       URL
 *   note       COMMENT, CONTACT, RESOURCES      filename  names of attachments
 *
 * date is the start (a task's, else when it is due) in UTC; a time without a zone, or in an unknown
 * one, is taken as UTC. Flags: `cancelled`, `completed`.
 *
 * Months that it takes place in, where they are more than that of the start, are labels:
 * `occurs:2024-05`; `occurs:2024` for all twelve of a year; `occurs:later` for what goes on behind
 * CALENDAR_YEAR_MAX. Exceptions, cancelled and moved instances are respected. They are a pure
 * function of the bytes, so that the same event read later is the same item.
 */
#ifndef SEALDEX_EXTRACT_CALENDAR_H
#define SEALDEX_EXTRACT_CALENDAR_H

#include "indexer/extract/draft_sink.h"

#define CALENDAR_YEAR_MIN 1970
#define CALENDAR_YEAR_MAX 2049
#define CALENDAR_DEPTH_MAX 16         /* components in components */
#define CALENDAR_STEPS_MAX 20000      /* occurrences of a rule that are looked at ... */
#define CALENDAR_STEPS_IN_FILE 300000 /* ... and of all rules of a file; then every month counts   \
                                       */

bool calendar_extract(const void *bytes, size_t size, draft *d, draft_sink *sink);

#endif
