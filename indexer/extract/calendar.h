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
 * When it takes place, where that is more than once or for days, is the field `occurs`
 * (docs/sources.md). Exceptions, cancelled and moved instances are respected. It is a pure function of
 * the bytes, so that the same event read later is the same item.
 */
#ifndef SEALDEX_EXTRACT_CALENDAR_H
#define SEALDEX_EXTRACT_CALENDAR_H

#include "indexer/extract/draft_sink.h"

#define CALENDAR_YEAR_MIN 1900
#define CALENDAR_YEAR_MAX 2049
#define CALENDAR_DEPTH_MAX 16         /* components in components */
#define CALENDAR_STEPS_MAX 20000      /* occurrences of a rule that are looked at ... */
#define CALENDAR_STEPS_IN_FILE 300000 /* ... and of all rules of a file */

bool calendar_extract(const void *bytes, size_t size, draft *d, draft_sink *sink);

#endif
