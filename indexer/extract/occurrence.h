/* SPDX-License-Identifier: GPL-2.0-or-later */
/* occurrence.h - the months in which a calendar's event takes place, from its rules. */
#ifndef SEALDEX_EXTRACT_OCCURRENCE_H
#define SEALDEX_EXTRACT_OCCURRENCE_H

#include <libical/ical.h>

#include "indexer/extract/calendar.h"

#define OCCURRENCE_MONTHS ((CALENDAR_YEAR_MAX - CALENDAR_YEAR_MIN + 1) * 12)

typedef struct occurrence_set {
  bool months[OCCURRENCE_MONTHS];
  bool later;
  bool repeats;
  time_t *left_out; /* sorted: instants at which the series does not take place */
  size_t left_out_count;
  size_t steps_left; /* of the file */
} occurrence_set;

/* What `master` says, but for the instances in `others` (the components of its UID that have a
 * RECURRENCE-ID), which are where they were moved to, or cancelled. */
void occurrence_find(occurrence_set *set, icalcomponent *master, icalcomponent *const *others,
                     size_t count);
/* As labels. `start` is the item's date, whose month alone needs no label. */
void occurrence_add_labels(const occurrence_set *set, int64_t start, draft *d);

/* Seconds since 1970 in UTC; false where it is no time. */
bool occurrence_instant(icalproperty *property, struct icaltimetype time, int64_t *out);

#endif
