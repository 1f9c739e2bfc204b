/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/calendar.h"

#include <libical/ical.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/wipe.h"
#include "indexer/extract/charset.h"
#include "indexer/extract/content_line.h"
#include "indexer/extract/html.h"
#include "indexer/extract/occurrence.h"

#define COMPONENTS_MAX 200000

/* A component that gives an item, or part of one. */
typedef struct entry {
  const char *uid; /* "" where it has none */
  icalcomponent *component;
  size_t order; /* in the file */
  bool changed; /* an instance of a series, by its RECURRENCE-ID */
} entry;

typedef struct entries {
  entry *all;
  size_t count;
  size_t capacity;
  bool failed;
  bool cut;
} entries;

/* ---------------------------------------------------------------- text that libical reads */

static void put_line(buffer *out, const content_line *line) {
  buffer_put(out, line->name.data, line->name.size - 1);
  const char *at = (const char *)line->parameters.data;
  const char *end = line->parameters.size > 0 ? at + line->parameters.size : at;
  for (; at < end; at += strlen(at) + 1) {
    const char *equals = strchr(at, '=');
    if (strncmp(at, "ENCODING=", 9) == 0 || strncmp(at, "CHARSET=", 8) == 0) continue;
    if (strncmp(at, "TYPE=", 5) == 0 || equals == NULL) continue;
    buffer_put(out, ";", 1);
    buffer_put(out, at, (size_t)(equals + 1 - at));
    buffer_put(out, "\"", 1);
    buffer_put(out, equals + 1, strlen(equals + 1));
    buffer_put(out, "\"", 1);
  }
  buffer_put(out, ":", 1);
  for (size_t i = 0; i < line->value.size; i++) {
    const uint8_t c = line->value.data[i];
    if (c == '\r' || c == '\0') continue;
    if (c == '\n')
      buffer_put(out, "\\n", 2);
    else
      buffer_put_u8(out, c);
  }
  buffer_put(out, "\r\n", 2);
}

static bool is_base64_attachment(const content_line *line) {
  return line->encoded && (content_is(line, "ATTACH") || content_is(line, "IMAGE"));
}

/* Writes what libical shall read: lines joined and in UTF-8, quoted-printable undone, without
 * alarms and without what attachments hold; false where components are nested too deep. */
static bool prepare(buffer *out, const void *bytes, size_t size, bool *cut) {
  content_reader reader;
  content_line line = CONTENT_LINE_INIT;
  unsigned depth = 0;
  unsigned alarm = 0; /* the depth of an alarm that is left out */
  bool sound = true;
  content_open(&reader, bytes, size);
  while (sound && content_next(&reader, &line)) {
    const bool begins = content_is(&line, "BEGIN");
    const bool ends = content_is(&line, "END");
    *cut |= line.cut;
    if (begins) {
      depth++;
      sound = depth <= CALENDAR_DEPTH_MAX;
      if (alarm == 0 && line.value.size >= 6 &&
          strncasecmp((const char *)line.value.data, "VALARM", 6) == 0)
        alarm = depth;
    }
    if (alarm == 0 && !is_base64_attachment(&line)) put_line(out, &line);
    if (alarm == 0 && is_base64_attachment(&line)) { /* its name may stand in a parameter */
      const char *name = content_parameter(&line, "FILENAME", 0);
      if (name == NULL) name = content_parameter(&line, "X-FILENAME", 0);
      if (name == NULL) name = "";
      buffer_put(out, "X-SEALDEX-FILE:", 15);
      for (; *name != '\0'; name++)
        if (*name != '\n' && *name != '\r') buffer_put_u8(out, (uint8_t)*name);
      buffer_put(out, "\r\n", 2);
    }
    if (ends && depth > 0) {
      if (depth == alarm) alarm = 0;
      depth--;
    }
  }
  if (line.value.failed) out->failed = true;
  buffer_put_u8(out, 0);
  content_close(&reader);
  content_line_free(&line);
  return sound;
}

/* ---------------------------------------------------------------- components */

static void collect(entries *list, icalcomponent *component) {
  const icalcomponent_kind kind = icalcomponent_isa(component);
  if (kind == ICAL_VEVENT_COMPONENT || kind == ICAL_VTODO_COMPONENT ||
      kind == ICAL_VJOURNAL_COMPONENT) {
    if (list->count == COMPONENTS_MAX) {
      list->cut = true;
      return;
    }
    if (list->count == list->capacity) {
      const size_t capacity = list->capacity * 2 + 16;
      entry *all = reallocarray(list->all, capacity, sizeof *all);
      if (all == NULL) {
        list->failed = true;
        return;
      }
      list->all = all;
      list->capacity = capacity;
    }
    const char *uid = icalcomponent_get_uid(component);
    icalproperty *instance =
        icalcomponent_get_first_property(component, ICAL_RECURRENCEID_PROPERTY);
    list->all[list->count] = (entry){ .uid = uid != NULL ? uid : "",
                                      .component = component,
                                      .order = list->count,
                                      .changed = instance != NULL };
    list->count++;
    return;
  }
  for (icalcomponent *c = icalcomponent_get_first_component(component, ICAL_ANY_COMPONENT);
       c != NULL; c = icalcomponent_get_next_component(component, ICAL_ANY_COMPONENT))
    collect(list, c); /* no deeper than CALENDAR_DEPTH_MAX: prepare saw to it */
}

/* By UID, the series before its instances; components without one stay apart, by their order. */
static int compare_entries(const void *a, const void *b) {
  const entry *x = a;
  const entry *y = b;
  const int by_uid = strcmp(x->uid, y->uid);
  if (by_uid != 0) return by_uid;
  if (x->changed != y->changed && x->uid[0] != '\0') return x->changed ? 1 : -1;
  return (x->order > y->order) - (x->order < y->order);
}

/* ---------------------------------------------------------------- fields */

static void add_text(draft *d, const char *field, const char *text) {
  if (text == NULL || text[0] == '\0') return;
  draft_add_field(d, field, text, strlen(text));
}

static void add_values(draft *d, icalcomponent *c, icalproperty_kind kind, const char *field) {
  for (icalproperty *p = icalcomponent_get_first_property(c, kind); p != NULL;
       p = icalcomponent_get_next_property(c, kind)) {
    icalvalue *value = icalproperty_get_value(p);
    const icalvalue_kind type = value != NULL ? icalvalue_isa(value) : ICAL_NO_VALUE;
    if (type == ICAL_TEXT_VALUE || type == ICAL_X_VALUE || type == ICAL_STRING_VALUE)
      add_text(d, field, icalvalue_get_text(value));
    else if (type == ICAL_URI_VALUE)
      add_text(d, field, icalvalue_get_uri(value));
  }
}

/* "Name <address>" of an organizer or attendee; what is no mail address stands as it is. */
static void add_people(draft *d, icalcomponent *c, icalproperty_kind kind, const char *field) {
  for (icalproperty *p = icalcomponent_get_first_property(c, kind); p != NULL;
       p = icalcomponent_get_next_property(c, kind)) {
    buffer text = BUFFER_INIT;
    icalparameter *named = icalproperty_get_first_parameter(p, ICAL_CN_PARAMETER);
    const char *name = named != NULL ? icalparameter_get_cn(named) : NULL;
    const char *address = icalproperty_get_value_as_string(p);
    if (address != NULL && strncasecmp(address, "mailto:", 7) == 0) address += 7;
    if (name != NULL) buffer_put(&text, name, strlen(name));
    if (address != NULL && address[0] != '\0') {
      const bool mail = strchr(address, '@') != NULL;
      if (text.size > 0) buffer_put(&text, " ", 1);
      buffer_put(&text, "<", mail);
      buffer_put(&text, address, strlen(address));
      buffer_put(&text, ">", mail);
    }
    if (text.failed) d->failed = true;
    draft_add_field(d, field, text.data, text.failed ? 0 : text.size);
    buffer_free(&text);
  }
}

static void add_body(draft *d, const char *text) {
  if (text == NULL || text[0] == '\0') return;
  if (d->body.size >= DRAFT_BODY_MAX) {
    draft_set_partial(d, "more text than is read of one item");
    return;
  }
  if (d->body.size > 0) buffer_put_u8(&d->body, '\n');
  buffer_put(&d->body, text, charset_whole(text, strlen(text)));
}

static void add_description(draft *d, icalcomponent *c) {
  const size_t before = d->body.size;
  for (icalproperty *p = icalcomponent_get_first_property(c, ICAL_DESCRIPTION_PROPERTY); p != NULL;
       p = icalcomponent_get_next_property(c, ICAL_DESCRIPTION_PROPERTY))
    add_body(d, icalproperty_get_description(p));
  if (d->body.size > before) return;
  for (icalproperty *p = icalcomponent_get_first_property(c, ICAL_X_PROPERTY); p != NULL;
       p = icalcomponent_get_next_property(c, ICAL_X_PROPERTY)) {
    const char *name = icalproperty_get_x_name(p);
    const char *page = icalproperty_get_x(p);
    if (name == NULL || page == NULL || strcmp(name, "X-ALT-DESC") != 0) continue;
    if (!html_decode(&d->body, DRAFT_BODY_MAX, NULL, "utf-8", page, strlen(page)))
      draft_set_partial(d, "more text than is read of one item");
  }
}

static void add_attachments(draft *d, icalcomponent *c) {
  for (icalproperty *p = icalcomponent_get_first_property(c, ICAL_ATTACH_PROPERTY); p != NULL;
       p = icalcomponent_get_next_property(c, ICAL_ATTACH_PROPERTY)) {
    d->has_attachment = true;
    const char *name = icalproperty_get_parameter_as_string(p, "FILENAME");
    if (name == NULL) name = icalproperty_get_parameter_as_string(p, "X-FILENAME");
    if (name == NULL) {
      const char *where = icalproperty_get_value_as_string(p);
      const char *slash = where != NULL ? strrchr(where, '/') : NULL;
      name = slash != NULL ? slash + 1 : NULL;
    }
    if (name != NULL && strlen(name) < 1024) add_text(d, "filename", name);
  }
  for (icalproperty *p = icalcomponent_get_first_property(c, ICAL_X_PROPERTY); p != NULL;
       p = icalcomponent_get_next_property(c, ICAL_X_PROPERTY)) {
    const char *name = icalproperty_get_x_name(p);
    if (name == NULL || strcmp(name, "X-SEALDEX-FILE") != 0) continue;
    d->has_attachment = true;
    add_text(d, "filename", icalproperty_get_x(p));
  }
}

static void add_component(draft *d, icalcomponent *c) {
  add_values(d, c, ICAL_SUMMARY_PROPERTY, "title");
  add_description(d, c);
  add_values(d, c, ICAL_LOCATION_PROPERTY, "location");
  add_people(d, c, ICAL_ORGANIZER_PROPERTY, "organizer");
  add_people(d, c, ICAL_ATTENDEE_PROPERTY, "attendee");
  add_values(d, c, ICAL_CATEGORIES_PROPERTY, "keywords");
  add_values(d, c, ICAL_URL_PROPERTY, "url");
  add_values(d, c, ICAL_COMMENT_PROPERTY, "note");
  add_values(d, c, ICAL_CONTACT_PROPERTY, "note");
  add_values(d, c, ICAL_RESOURCES_PROPERTY, "note");
  add_attachments(d, c);
}

static int64_t date_of(icalcomponent *c, int64_t fallback) {
  static const icalproperty_kind KINDS[] = { ICAL_DTSTART_PROPERTY, ICAL_DUE_PROPERTY,
                                             ICAL_CREATED_PROPERTY, ICAL_DTSTAMP_PROPERTY };
  for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
    icalproperty *p = icalcomponent_get_first_property(c, KINDS[i]);
    icalvalue *value = p != NULL ? icalproperty_get_value(p) : NULL;
    const icalvalue_kind kind = value != NULL ? icalvalue_isa(value) : ICAL_NO_VALUE;
    int64_t at = 0;
    if ((kind == ICAL_DATE_VALUE || kind == ICAL_DATETIME_VALUE) &&
        occurrence_instant(p, icalvalue_get_datetime(value), &at))
      return at;
  }
  return fallback;
}

/* The components of one UID as one item. */
static void give_event(draft *d, const entry *all, size_t count, bool alone, int64_t fallback,
                       occurrence_set *set, draft_sink *sink) {
  icalcomponent **others = NULL;
  icalcomponent *master = all[0].component;
  if (count > 1) others = calloc(count - 1, sizeof(icalcomponent *));
  for (size_t i = 0; i < count; i++) {
    add_component(d, all[i].component);
    if (others != NULL && i > 0) others[i - 1] = all[i].component;
  }
  if (count > 1 && others == NULL) d->failed = true;
  occurrence_find(set, master, others, others != NULL ? count - 1 : 0);
  d->date = date_of(master, fallback);
  occurrence_add_fields(set, d);
  const icalproperty_status status = icalcomponent_get_status(master);
  if (status == ICAL_STATUS_CANCELLED) draft_add_flag(d, "cancelled", 9);
  if (status == ICAL_STATUS_COMPLETED) draft_add_flag(d, "completed", 9);
  if (!alone && all[0].uid[0] != '\0') draft_set_id(d, all[0].uid, strlen(all[0].uid));
  if (!alone && all[0].uid[0] == '\0') draft_set_digest_id(d);
  free(others);
  sink->give(sink, d);
}

static bool give_events(draft *d, entries *list, size_t size, bool cut, draft_sink *sink) {
  const int64_t now = d->now;
  const int64_t fallback = d->fallback;
  occurrence_set set = { .steps_left = CALENDAR_STEPS_IN_FILE };
  qsort(list->all, list->count, sizeof *list->all, compare_entries);
  for (size_t i = 0, next; i < list->count; i = next) {
    next = i + 1;
    while (next < list->count && list->all[i].uid[0] != '\0' &&
           strcmp(list->all[i].uid, list->all[next].uid) == 0)
      next++;
    draft_begin(d, SDX_EVENT, now);
    d->size = size;
    if (cut) draft_set_partial(d, "a line longer than is read");
    if (list->cut) draft_set_partial(d, "more entries than are read of one calendar");
    give_event(d, list->all + i, next - i, !d->always_id && i == 0 && next == list->count, fallback,
               &set, sink);
  }
  occurrence_free(&set);
  return list->count > 0;
}

bool calendar_extract(const void *bytes, size_t size, draft *d, draft_sink *sink) {
  d->kind = SDX_EVENT;
  d->size = size;
  if (size == 0) return draft_refuse(d, "it is empty");
  buffer narrow = BUFFER_INIT;
  buffer text = BUFFER_INIT;
  icalcomponent *root = NULL;
  entries list = { 0 };
  bool cut = false;
  bool found = false;
  const char *reason = "it holds no event, task or journal entry";
  const char *wide = charset_wide(bytes, size);
  const size_t whole = size;
  if (wide != NULL) {
    (void)charset_decode(&narrow, SIZE_MAX / 2, wide, bytes, size);
    bytes = narrow.data;
    size = narrow.failed ? 0 : narrow.size;
  } else if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
    bytes = (const char *)bytes + 3;
    size -= 3;
  }
  if (size > 0 && !prepare(&text, bytes, size, &cut)) {
    reason = "components nested deeper than is read";
    goto out;
  }
  if (narrow.failed || text.failed) {
    d->failed = true;
    goto out;
  }
  if (size == 0) goto out;
  icalerror_set_errors_are_fatal(false);
  root = icalparser_parse_string((const char *)text.data);
  if (root != NULL) collect(&list, root);
  if (list.failed) d->failed = true;
  if (list.count > 0) found = give_events(d, &list, whole, cut, sink);
out:
  if (root != NULL) icalcomponent_free(root);
  free(list.all);
  buffer_free(&narrow);
  buffer_free(&text);
  return found || draft_refuse(d, reason);
}
