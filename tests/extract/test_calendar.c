/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "extracting.h"

#include "indexer/extract/calendar.h"

static char given[16][8192];
static int64_t dates[16];
static size_t count;

static void give(draft_sink *sink, draft *d) {
  (void)sink;
  const sdx_item *item = draft_item(d);
  assert_non_null(item);
  assert_int_equal(item->kind, SDX_EVENT);
  assert_true(count < 16);
  dates[count] = item->date;
  char *out = given[count++];
  size_t at = (size_t)snprintf(out, 8192, "[%.*s]", (int)item->id.size,
                               item->id.size > 0 ? item->id.data : "");
  for (size_t i = 0; i < item->field_count; i++)
    at += (size_t)snprintf(out + at, 8192 - at, "%s=%.*s|", item->fields[i].name,
                           (int)item->fields[i].text.size, item->fields[i].text.data);
  for (size_t i = 0; i < item->flag_count; i++)
    at += (size_t)snprintf(out + at, 8192 - at, "!%.*s|", (int)item->flags[i].size,
                           item->flags[i].data);
  for (size_t i = 0; i < item->label_count; i++)
    at += (size_t)snprintf(out + at, 8192 - at, "%.*s|", (int)item->labels[i].size,
                           item->labels[i].data);
}

static bool read_calendar(const char *text, size_t size) {
  static draft d;
  draft_sink sink = { .give = give };
  count = 0;
  draft_begin(&d, SDX_EVENT, 1700000000);
  return calendar_extract(text, size, &d, &sink);
}
#define CAL(text) "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" text "END:VCALENDAR\r\n"
#define EVENT(text) CAL("BEGIN:VEVENT\r\n" text "END:VEVENT\r\n")
#define READ(text) read_calendar((text), sizeof(text) - 1)
#define assert_has(i, text) assert_non_null(strstr(given[i], (text)))
#define assert_lacks(i, text) assert_null(strstr(given[i], (text)))

static void an_event(void **state) {
  (void)state;
  assert_true(READ(EVENT(
      "UID:u1\r\nDTSTART:20240517T101112Z\r\nSUMMARY:Lamp\\, oil and\r\n  wicks\r\n"
      "DESCRIPTION:Bring\\nladders\r\nLOCATION:Pier 4\r\nCATEGORIES:work,night\r\n"
      "ORGANIZER;CN=Ilse Meer:mailto:ilse@lantern.example\r\nATTENDEE:mailto:bo@lantern.example\r\n"
      "URL:https://lantern.example/7\r\nCOMMENT:bring gloves\r\n"
      "ATTACH;FILENAME=plan.pdf:https://lantern.example/x/1\r\n"
      "BEGIN:VALARM\r\nDESCRIPTION:wake up\r\nEND:VALARM\r\n")));
  assert_int_equal(count, 1);
  assert_int_equal(dates[0], 1715940672);
  assert_has(0, "[]body=Bring\nladders|title=Lamp, oil and wicks|location=Pier 4|");
  assert_has(0, "organizer=Ilse Meer <ilse@lantern.example>|attendee=<bo@lantern.example>|");
  assert_has(0, "keywords=work");
  assert_has(0, "url=https://lantern.example/7|note=bring gloves|filename=plan.pdf|");
  assert_lacks(0, "wake up");
  assert_lacks(0, "occurs"); /* its date says it */
}

static void of_every_kind(void **state) {
  (void)state;
  assert_true(READ(CAL("BEGIN:VTODO\r\nUID:t\r\nDUE:20240601T000000Z\r\nSUMMARY:do\r\n"
                       "STATUS:COMPLETED\r\nEND:VTODO\r\n"
                       "BEGIN:VJOURNAL\r\nUID:j\r\nDTSTART;VALUE=DATE:20240602\r\nSUMMARY:did\r\n"
                       "END:VJOURNAL\r\nBEGIN:VEVENT\r\nSUMMARY:no uid\r\nSTATUS:CANCELLED\r\n"
                       "END:VEVENT\r\nBEGIN:VFREEBUSY\r\nUID:f\r\nEND:VFREEBUSY\r\n")));
  assert_int_equal(count, 3);
  assert_has(0, "]title=no uid|!cancelled|"); /* by UID: none comes first */
  assert_has(1, "[j]title=did|");
  assert_has(2, "[t]title=do|!completed|");
  assert_int_equal(dates[1], 1717286400);
  assert_int_equal(dates[2], 1717200000);
}

static void time_zones(void **state) {
  (void)state;
  assert_true(
      READ(EVENT("UID:z\r\nDTSTART;TZID=Here:20240517T101112\r\n") "")); /* unknown: as UTC */
  assert_int_equal(dates[0], 1715940672);
  assert_true(
      READ(CAL("BEGIN:VTIMEZONE\r\nTZID:Here\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
               "TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0200\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
               "BEGIN:VEVENT\r\nUID:z\r\nDTSTART;TZID=Here:20240517T121112\r\n"
               "END:VEVENT\r\n")));
  assert_int_equal(dates[0], 1715940672);
}

static void recurring(void **state) {
  (void)state;
  assert_true(
      READ(EVENT("UID:r\r\nDTSTART:20240105T090000Z\r\nRRULE:FREQ=WEEKLY\r\nSUMMARY:x\r\n")));
  assert_has(0, "occurs=2024 378000+0/604800*52|occurs=2025 205200+0/604800*52|");
  assert_has(0, "occurs=2049 32400+0/604800*53|occurs=later|");
  assert_true(
      READ(EVENT("UID:r\r\nDTSTART:20240105T090000Z\r\n"
                 "RRULE:FREQ=MONTHLY;COUNT=4\r\nEXDATE:20240205T090000Z\r\nSUMMARY:x\r\n")));
  assert_has(0, "|occurs=2024 378000+0/5184000*2 8240400+0|");
  assert_lacks(0, "later");
  assert_true(
      READ(EVENT("UID:r\r\nDTSTART;VALUE=DATE:20000229\r\nRRULE:FREQ=YEARLY;INTERVAL=4\r\n")));
  assert_has(0, "occurs=2028 5097600+86399d|occurs=2032 5097600+86399d|");
  assert_lacks(0, "occurs=2029");
}

static void changed_instances(void **state) {
  (void)state;
  assert_true(READ(
      CAL("BEGIN:VEVENT\r\nUID:s\r\nRECURRENCE-ID:20240205T090000Z\r\nDTSTART:20240607T090000Z\r\n"
          "SUMMARY:moved\r\nEND:VEVENT\r\n"
          "BEGIN:VEVENT\r\nUID:s\r\nDTSTART:20240105T090000Z\r\nRRULE:FREQ=MONTHLY;COUNT=4\r\n"
          "SUMMARY:series\r\nEND:VEVENT\r\n"
          "BEGIN:VEVENT\r\nUID:s\r\nRECURRENCE-ID:20240405T090000Z\r\nDTSTART:20240405T090000Z\r\n"
          "STATUS:CANCELLED\r\nSUMMARY:series\r\nEND:VEVENT\r\n")));
  assert_int_equal(count, 1);
  assert_has(0, "[]title=series|title=moved|");
  assert_has(0, "|occurs=2024 378000+0/5184000*2 13683600+0|");
  assert_lacks(0, "!cancelled");
}

static void over_months(void **state) {
  (void)state;
  assert_true(READ(EVENT("DTSTART;VALUE=DATE:20240130\r\nDTEND;VALUE=DATE:20240301\r\n")));
  assert_has(0, "occurs=2024 2505600+2678399d|"); /* the end is no part of it */
  assert_true(READ(EVENT("DTSTART:20241230T220000Z\r\nDTEND:20250102T020000Z\r\n")));
  assert_has(0, "occurs=2024 31528800+93599|occurs=2025 0+93599|");
}

static void endless_rules(void **state) {
  (void)state;
  assert_true(READ(EVENT("UID:r\r\nDTSTART:20240105T090000Z\r\nRRULE:FREQ=SECONDLY\r\n")));
  assert_has(0, "occurs=2024 378000+0/1*20000 398000+31224399|occurs=2025 0+31535999|");
  assert_true(READ(EVENT("UID:r\r\nDTSTART:20240105T090000Z\r\n"
                         "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\r\n")));
  assert_int_equal(count, 1);
}

static void version_1_0(void **state) {
  (void)state;
  assert_true(READ("BEGIN:VCALENDAR\nVERSION:1.0\nBEGIN:VEVENT\nDTSTART:20240517T101112Z\n"
                   "SUMMARY;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:Gr=FC=\n=DFe\n"
                   "END:VEVENT\nEND:VCALENDAR\n"));
  assert_has(0, "title=Gr\xc3\xbc\xc3\x9f"
                "e|");
}

static void nothing(void **state) {
  (void)state;
  static char deep[20000];
  size_t at = 0;
  while (at + 20 < sizeof deep)
    at += (size_t)snprintf(deep + at, sizeof deep - at, "BEGIN:VEVENT\n");
  assert_false(read_calendar(deep, at));
  assert_false(READ(""));
  assert_false(READ(CAL("")));
  assert_false(READ("BEGIN:VCALENDAR"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_event),          cmocka_unit_test(of_every_kind),
    cmocka_unit_test(time_zones),        cmocka_unit_test(recurring),
    cmocka_unit_test(changed_instances), cmocka_unit_test(over_months),
    cmocka_unit_test(endless_rules),     cmocka_unit_test(version_1_0),
    cmocka_unit_test(nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
