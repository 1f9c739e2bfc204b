/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * occurrence.h - when a calendar's event takes place, from its rules: the field "occurs" of the item,
 * whose form docs/sources.md has.
 */
#ifndef SEALDEX_EXTRACT_OCCURRENCE_H
#define SEALDEX_EXTRACT_OCCURRENCE_H

#include <libical/ical.h>

#include "indexer/extract/calendar.h"
#include "indexer/extract/zones.h"

#define OCCURRENCE_VALUES_MAX 600 /* of one item; then whole years stand for what is left */
#define OCCURRENCE_VALUE_SIZE 80  /* bytes of one, so that it is a term as it is */

/* One time that it takes place: seconds since 1970 in UTC, the last of them included. */
typedef struct occurrence_time {
  int64_t first, last;
  bool days; /* whole days, wherever one is */
} occurrence_time;

typedef struct occurrence_set {
  occurrence_time *times;
  size_t count, capacity;
  bool later;    /* also behind CALENDAR_YEAR_MAX */
  bool repeats;
  bool failed;   /* memory ran out */
  time_t *left_out; /* sorted: instants at which the series does not take place */
  size_t left_out_count;
  size_t steps_left; /* of the file */
} occurrence_set;

/* Fills the set with what `master` says, but for the instances in `others` (the components of its UID that have a
 * RECURRENCE-ID), which are where they were moved to, or cancelled. */
void occurrence_find(occurrence_set *set, icalcomponent *master, icalcomponent *const *others,
                     size_t count);
/* As fields, but for what takes place once and not for a day or more: that is the item's date. */
void occurrence_add_fields(occurrence_set *set, draft *d);
void occurrence_free(occurrence_set *set);

/* Loads zones of the system, so that they are there when their files are not any more. */
void occurrence_load_zones(const zones *z);

/* Seconds since 1970 in UTC; false where it is no time. */
bool occurrence_instant(icalproperty *property, struct icaltimetype time, int64_t *out);

#endif
