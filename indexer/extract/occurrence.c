/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/occurrence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEFT_OUT_MAX 20000

/* ---------------------------------------------------------------- times */

/* The zone that a property names: one of its calendar's own, else one of the system's. */
static icaltimezone *zone_of(icalproperty *property, struct icaltimetype time) {
  if (icaltime_is_utc(time)) return icaltimezone_get_utc_timezone();
  if (time.zone != NULL) return (icaltimezone *)(uintptr_t)time.zone;
  icalparameter *parameter =
      property != NULL ? icalproperty_get_first_parameter(property, ICAL_TZID_PARAMETER) : NULL;
  const char *id = parameter != NULL ? icalparameter_get_tzid(parameter) : NULL;
  if (id == NULL) return NULL;
  for (icalcomponent *c = icalproperty_get_parent(property); c != NULL;
       c = icalcomponent_get_parent(c)) {
    icaltimezone *zone = icalcomponent_get_timezone(c, id);
    if (zone != NULL) return zone;
  }
  return strlen(id) < 128 && strstr(id, "..") == NULL ? icaltimezone_get_builtin_timezone(id)
                                                      : NULL;
}

bool occurrence_instant(icalproperty *property, struct icaltimetype time, int64_t *out) {
  if (icaltime_is_null_time(time) || time.year < 1900 || time.year > 9999) return false;
  if (time.month < 1 || time.month > 12 || time.day < 1 || time.day > 31) return false;
  *out = (int64_t)icaltime_as_timet_with_zone(time, zone_of(property, time));
  return true;
}

/* ---------------------------------------------------------------- months */

static void mark(occurrence_set *set, int64_t at) {
  const time_t seconds = (time_t)at;
  struct tm tm;
  if (gmtime_r(&seconds, &tm) == NULL) return;
  const int year = tm.tm_year + 1900;
  if (year > CALENDAR_YEAR_MAX)
    set->later = true;
  else if (year >= CALENDAR_YEAR_MIN)
    set->months[(year - CALENDAR_YEAR_MIN) * 12 + tm.tm_mon] = true;
}

#define DAY_SECONDS 86400

/* Every month from one instant to the other. */
static void mark_span(occurrence_set *set, int64_t from, int64_t to) {
  const int64_t horizon = (int64_t)(CALENDAR_YEAR_MAX - 1970 + 2) * 366 * DAY_SECONDS;
  if (from < 0) from = 0;
  if (to > horizon) to = horizon;
  mark(set, from);
  for (int64_t at = from; at < to; at += 28 * DAY_SECONDS) mark(set, at);
  if (to > from) mark(set, to);
}

static int compare_times(const void *a, const void *b) {
  const time_t x = *(const time_t *)a;
  const time_t y = *(const time_t *)b;
  return (x > y) - (x < y);
}

static bool is_left_out(const occurrence_set *set, int64_t at) {
  const time_t key = (time_t)at;
  return set->left_out_count > 0 &&
         bsearch(&key, set->left_out, set->left_out_count, sizeof key, compare_times) != NULL;
}

static void leave_out(occurrence_set *set, int64_t at) {
  if (set->left_out_count >= LEFT_OUT_MAX) return;
  if ((set->left_out_count & (set->left_out_count + 1)) == 0 || set->left_out == NULL) {
    const size_t capacity = set->left_out_count * 2 + 2;
    time_t *times = reallocarray(set->left_out, capacity, sizeof *times);
    if (times == NULL) return;
    set->left_out = times;
  }
  set->left_out[set->left_out_count++] = (time_t)at;
}

/* ---------------------------------------------------------------- rules */

static icalproperty *start_of(icalcomponent *c) {
  icalproperty *p = icalcomponent_get_first_property(c, ICAL_DTSTART_PROPERTY);
  return p != NULL ? p : icalcomponent_get_first_property(c, ICAL_DUE_PROPERTY);
}

static struct icaltimetype time_of(icalproperty *property) {
  icalvalue *value = property != NULL ? icalproperty_get_value(property) : NULL;
  const icalvalue_kind kind = value != NULL ? icalvalue_isa(value) : ICAL_NO_VALUE;
  if (kind == ICAL_DATE_VALUE || kind == ICAL_DATETIME_VALUE) return icalvalue_get_datetime(value);
  if (kind == ICAL_DATETIMEPERIOD_VALUE) {
    const struct icaldatetimeperiodtype both = icalvalue_get_datetimeperiod(value);
    return icaltime_is_null_time(both.time) ? both.period.start : both.time;
  }
  return icaltime_null_time();
}

/* How long an occurrence lasts. */
static int64_t duration_of(icalcomponent *c, int64_t start) {
  icalproperty *end = icalcomponent_get_first_property(c, ICAL_DTEND_PROPERTY);
  int64_t at = 0;
  if (end != NULL && occurrence_instant(end, time_of(end), &at)) {
    return at > start ? at - start - 1 : 0; /* the end is no part of it */
  }
  icalproperty *length = icalcomponent_get_first_property(c, ICAL_DURATION_PROPERTY);
  if (length == NULL) return 0;
  const int seconds = icaldurationtype_as_int(icalproperty_get_duration(length));
  return seconds > 0 ? seconds - 1 : 0;
}

/* EXDATE names instants, or whole days (which then stand for the instant of the series that day).
 */
static void read_exceptions(occurrence_set *set, icalcomponent *master, int64_t start) {
  for (icalproperty *p = icalcomponent_get_first_property(master, ICAL_EXDATE_PROPERTY); p != NULL;
       p = icalcomponent_get_next_property(master, ICAL_EXDATE_PROPERTY)) {
    const struct icaltimetype time = time_of(p);
    int64_t at = 0;
    if (!occurrence_instant(p, time, &at)) continue;
    leave_out(set, at);
    if (time.is_date) leave_out(set, at + ((start % DAY_SECONDS) + DAY_SECONDS) % DAY_SECONDS);
  }
}

static void read_others(occurrence_set *set, icalcomponent *const *others, size_t count) {
  for (size_t i = 0; i < count; i++) {
    icalproperty *p = icalcomponent_get_first_property(others[i], ICAL_RECURRENCEID_PROPERTY);
    int64_t at = 0;
    if (p != NULL && occurrence_instant(p, time_of(p), &at)) leave_out(set, at);
    icalproperty *start = start_of(others[i]);
    if (icalcomponent_get_status(others[i]) == ICAL_STATUS_CANCELLED || start == NULL) continue;
    if (!occurrence_instant(start, time_of(start), &at)) continue;
    mark_span(set, at, at + duration_of(others[i], at));
    set->repeats = true;
  }
  if (set->left_out_count > 1)
    qsort(set->left_out, set->left_out_count, sizeof *set->left_out, compare_times);
}

/* Where a rule is too long to be followed it takes place in all months until its end. */
static void mark_unfollowed(occurrence_set *set, int64_t from, const struct icalrecurrencetype *r) {
  int64_t until = INT64_MAX;
  if (!icaltime_is_null_time(r->until)) until = (int64_t)icaltime_as_timet(r->until);
  mark_span(set, from, until);
  if (until == INT64_MAX) set->later = true;
}

static void follow(occurrence_set *set, icalproperty *rule, icalproperty *start, int64_t duration) {
  struct icalrecurrencetype r = icalproperty_get_rrule(rule);
  struct icaltimetype first = time_of(start);
  icaltimezone *zone = zone_of(start, first);
  int64_t at = 0;
  if (!occurrence_instant(start, first, &at) || r.freq == ICAL_NO_RECURRENCE) return;
  set->repeats = true;
  icalrecur_iterator *i = icalrecur_iterator_new(r, first);
  if (i == NULL) return;
  size_t steps = 0;
  for (;;) {
    const struct icaltimetype next = icalrecur_iterator_next(i);
    if (icaltime_is_null_time(next)) break;
    at = (int64_t)icaltime_as_timet_with_zone(next, zone);
    if (set->steps_left == 0 || ++steps > CALENDAR_STEPS_MAX) {
      mark_unfollowed(set, at, &r);
      break;
    }
    set->steps_left--;
    if (!is_left_out(set, at)) mark_span(set, at, at + duration);
    if (next.year > CALENDAR_YEAR_MAX) break;
  }
  icalrecur_iterator_free(i);
}

static void read_dates(occurrence_set *set, icalcomponent *master, int64_t duration) {
  for (icalproperty *p = icalcomponent_get_first_property(master, ICAL_RDATE_PROPERTY); p != NULL;
       p = icalcomponent_get_next_property(master, ICAL_RDATE_PROPERTY)) {
    int64_t at = 0;
    set->repeats = true;
    if (occurrence_instant(p, time_of(p), &at) && !is_left_out(set, at))
      mark_span(set, at, at + duration);
  }
}

void occurrence_find(occurrence_set *set, icalcomponent *master, icalcomponent *const *others,
                     size_t count) {
  memset(set->months, 0, sizeof set->months);
  set->later = set->repeats = false;
  set->left_out = NULL;
  set->left_out_count = 0;
  icalproperty *start = start_of(master);
  int64_t at = 0;
  if (start != NULL && occurrence_instant(start, time_of(start), &at)) {
    const int64_t duration = duration_of(master, at);
    read_exceptions(set, master, at);
    read_others(set, others, count);
    if (!is_left_out(set, at)) mark_span(set, at, at + duration);
    for (icalproperty *p = icalcomponent_get_first_property(master, ICAL_RRULE_PROPERTY); p != NULL;
         p = icalcomponent_get_next_property(master, ICAL_RRULE_PROPERTY))
      follow(set, p, start, duration);
    read_dates(set, master, duration);
  }
  free(set->left_out);
  set->left_out = NULL;
}

/* ---------------------------------------------------------------- labels */

void occurrence_add_labels(const occurrence_set *set, int64_t start, draft *d) {
  char label[32];
  const time_t seconds = (time_t)start;
  struct tm tm = { 0 };
  (void)gmtime_r(&seconds, &tm);
  const int own = (tm.tm_year + 1900 - CALENDAR_YEAR_MIN) * 12 + tm.tm_mon;
  bool more = set->repeats || set->later;
  for (int i = 0; i < OCCURRENCE_MONTHS && !more; i++) more = set->months[i] && i != own;
  if (!more) return;
  for (int year = 0; year < OCCURRENCE_MONTHS / 12; year++) {
    const bool *months = set->months + year * 12;
    unsigned count = 0;
    for (int m = 0; m < 12; m++) count += months[m];
    if (count == 12) {
      draft_add_label(d, label,
                      (size_t)snprintf(label, sizeof label, "occurs:%d", year + CALENDAR_YEAR_MIN));
      continue;
    }
    for (int m = 0; m < 12; m++)
      if (months[m])
        draft_add_label(d, label,
                        (size_t)snprintf(label, sizeof label, "occurs:%d-%02d",
                                         year + CALENDAR_YEAR_MIN, m + 1));
  }
  if (set->later) draft_add_label(d, "occurs:later", 12);
}
