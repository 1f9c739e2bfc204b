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

void occurrence_load_zones(const zones *z) {
  const struct icaltimetype any = icaltime_from_string("20240101T000000");
  for (uint32_t i = 0; i < z->count; i++) {
    if (memchr(z->names[i], '\0', ZONES_NAME_SIZE) == NULL) continue;
    icaltimezone *zone = icaltimezone_get_builtin_timezone(z->names[i]);
    if (zone != NULL) (void)icaltime_as_timet_with_zone(any, zone); /* its first use loads it */
  }
}

bool occurrence_instant(icalproperty *property, struct icaltimetype time, int64_t *out) {
  if (icaltime_is_null_time(time) || time.year < 1900 || time.year > 9999) return false;
  if (time.month < 1 || time.month > 12 || time.day < 1 || time.day > 31) return false;
  *out = (int64_t)icaltime_as_timet_with_zone(time, zone_of(property, time));
  return true;
}

/* ---------------------------------------------------------------- the set */

#define DAY_SECONDS 86400

/* Seconds since 1970 of a year's beginning, in UTC. */
static int64_t year_start(int64_t year) {
  const int64_t y = year - 1;
  return ((year - 1970) * 365 + (y / 4 - y / 100 + y / 400) - 477) * DAY_SECONDS;
}

static int64_t year_of(int64_t at) {
  int64_t year = 1970 + at / (366 * DAY_SECONDS) - (at < 0 ? 1 : 0);
  while (year_start(year) > at) year--;
  while (year_start(year + 1) <= at) year++;
  return year;
}

/* One time more; what lies outside the years that are kept is cut off. */
static void add_time(occurrence_set *set, int64_t first, int64_t last, bool days) {
  const int64_t horizon = year_start(CALENDAR_YEAR_MAX + 1);
  if (last >= horizon) {
    set->later = true;
    last = horizon - 1;
  }
  if (first < year_start(CALENDAR_YEAR_MIN)) first = year_start(CALENDAR_YEAR_MIN);
  if (last < first || set->failed) return;
  if (set->count == set->capacity) {
    const size_t capacity = set->capacity != 0 ? 2 * set->capacity : 64;
    occurrence_time *times = reallocarray(set->times, capacity, sizeof *times);
    if (times == NULL) {
      set->failed = true;
      return;
    }
    set->times = times;
    set->capacity = capacity;
  }
  set->times[set->count++] = (occurrence_time){ .first = first, .last = last, .days = days };
}

void occurrence_free(occurrence_set *set) {
  free(set->times);
  set->times = NULL;
  set->count = set->capacity = 0;
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

/* How long an occurrence lasts, less its last second. */
static int64_t duration_of(icalcomponent *c, int64_t start) {
  icalproperty *begin = start_of(c);
  icalproperty *end = icalcomponent_get_first_property(c, ICAL_DTEND_PROPERTY);
  int64_t at = 0;
  if (end != NULL && occurrence_instant(end, time_of(end), &at)) {
    return at > start ? at - start - 1 : 0; /* the end is no part of it */
  }
  icalproperty *length = icalcomponent_get_first_property(c, ICAL_DURATION_PROPERTY);
  const int seconds =
      length != NULL ? icaldurationtype_as_int(icalproperty_get_duration(length)) : 0;
  if (seconds > 0) return seconds - 1;
  return begin != NULL && time_of(begin).is_date ? DAY_SECONDS - 1 : 0;
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
    add_time(set, at, at + duration_of(others[i], at), time_of(start).is_date);
    set->repeats = true;
  }
  if (set->left_out_count > 1)
    qsort(set->left_out, set->left_out_count, sizeof *set->left_out, compare_times);
}

/* Where a rule is too long to be followed it takes place all the time until its end. */
static void mark_unfollowed(occurrence_set *set, int64_t from, const struct icalrecurrencetype *r) {
  int64_t until = INT64_MAX;
  if (!icaltime_is_null_time(r->until)) until = (int64_t)icaltime_as_timet(r->until);
  add_time(set, from, until, false);
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
    if (!is_left_out(set, at)) add_time(set, at, at + duration, first.is_date);
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
      add_time(set, at, at + duration, time_of(p).is_date);
  }
}

void occurrence_find(occurrence_set *set, icalcomponent *master, icalcomponent *const *others,
                     size_t count) {
  set->count = 0;
  set->later = set->repeats = false;
  set->left_out = NULL;
  set->left_out_count = 0;
  icalproperty *start = start_of(master);
  int64_t at = 0;
  if (start != NULL && occurrence_instant(start, time_of(start), &at)) {
    const int64_t duration = duration_of(master, at);
    read_exceptions(set, master, at);
    read_others(set, others, count);
    if (!is_left_out(set, at)) add_time(set, at, at + duration, time_of(start).is_date);
    for (icalproperty *p = icalcomponent_get_first_property(master, ICAL_RRULE_PROPERTY); p != NULL;
         p = icalcomponent_get_next_property(master, ICAL_RRULE_PROPERTY))
      follow(set, p, start, duration);
    read_dates(set, master, duration);
  }
  free(set->left_out);
  set->left_out = NULL;
}

/* ---------------------------------------------------------------- fields */

/* Times of one year that follow each other by the same step. */
typedef struct run {
  int64_t first, length, step;
  uint32_t times;
  bool days;
} run;

/* A value under construction: "2024 381600+3599/604800*12 ..." */
typedef struct value {
  draft *d;
  char text[OCCURRENCE_VALUE_SIZE + 1];
  size_t size;
  int64_t year;
  size_t given;
  run run; /* not yet written; `times` 0: none */
} value;

static void give_value(value *v) {
  if (v->size > 5) {
    draft_add_field(v->d, "occurs", v->text, v->size);
    v->given++;
  }
  v->size = 0;
}

static void end_run(value *v) {
  const run *r = &v->run;
  char text[OCCURRENCE_VALUE_SIZE];
  if (r->times == 0) return;
  int size = snprintf(text, sizeof text, " %lld+%lld%s", (long long)(r->first - year_start(v->year)),
                      (long long)r->length, r->days ? "d" : "");
  if (r->times > 1)
    size += snprintf(text + size, sizeof text - (size_t)size, "/%lld*%u", (long long)r->step,
                     r->times);
  if (v->size + (size_t)size > OCCURRENCE_VALUE_SIZE) give_value(v);
  if (v->size == 0) v->size = (size_t)snprintf(v->text, sizeof v->text, "%04lld", (long long)v->year);
  memcpy(v->text + v->size, text, (size_t)size);
  v->size += (size_t)size;
  v->run.times = 0;
}

/* A time that lies in one year; times ascend within it. */
static void put_time(value *v, int64_t first, int64_t last, bool days) {
  run *r = &v->run;
  const int64_t length = last - first;
  if (r->times > 0 && r->length == length && r->days == days) {
    const int64_t step = first - (r->first + (r->times - 1) * r->step);
    if (step == 0) return; /* the same again */
    if (r->times == 1 || step == r->step) {
      r->step = step;
      r->times++;
      return;
    }
  }
  end_run(v);
  *r = (run){ .first = first, .length = length, .times = 1, .days = days };
}

static int compare_occurrences(const void *a, const void *b) {
  const occurrence_time *x = a, *y = b;
  if (x->first != y->first) return x->first < y->first ? -1 : 1;
  return (x->last > y->last) - (x->last < y->last);
}

/* The part of each time that lies in the year. */
static void put_year(value *v, const occurrence_set *set, int64_t year) {
  const int64_t start = year_start(year), end = year_start(year + 1);
  v->year = year;
  for (size_t i = 0; i < set->count && set->times[i].first < end; i++) {
    const occurrence_time *t = &set->times[i];
    if (t->last < start) continue;
    put_time(v, t->first > start ? t->first : start, t->last < end ? t->last : end - 1, t->days);
    if (v->given < OCCURRENCE_VALUES_MAX) continue;
    v->run = (run){ .first = start, .length = end - start - 1, .times = 1 };
    v->size = 0;
    break;
  }
  end_run(v);
  give_value(v);
}

void occurrence_add_fields(occurrence_set *set, draft *d) {
  value v = { .d = d };
  if (set->failed) d->failed = true;
  if (set->count == 0 && !set->later) return;
  if (set->count == 1 && !set->repeats && !set->later && !set->times[0].days &&
      set->times[0].last - set->times[0].first < DAY_SECONDS)
    return;
  if (set->count > 1) qsort(set->times, set->count, sizeof *set->times, compare_occurrences);
  int64_t last = INT64_MIN; /* that any reaches */
  for (size_t i = 0; i < set->count; i++)
    if (set->times[i].last > last) last = set->times[i].last;
  if (set->count > 0)
    for (int64_t year = year_of(set->times[0].first); year <= year_of(last); year++)
      put_year(&v, set, year);
  if (set->later) draft_add_field(d, "occurs", "later", 5);
}
