/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The worker from the outside: what it reads, and that one which dies, lies, floods or is not there
 * costs one item and no more. Hostile files of our own making go through the real one.
 */
#include "extracting.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "indexer/extract/worker.h"

static char *real; /* the program */
static char scripts[] = "/tmp/sealdex-worker-XXXXXX";

static worker_answer ask(worker *w, draft *d, file_type type, const void *bytes, size_t size) {
  const wire_request request = {
    .type = type, .now = 1700000000, .size = size
  };
  draft_begin(d, SDX_DOCUMENT, 1700000000);
  worker_begin(w, &request, bytes);
  return worker_next(w, d);
}

static void use(const char *program) {
  assert_int_equal(setenv("SEALDEX_EXTRACT", program, 1), 0);
}

/* Zones that a calendar names and does not define, of the first calendar and of one behind it. */
static void zones_of_the_system(void **state) {
  (void)state;
  static const char *const TIMES[] = {
    "Europe/Brussels:20240517T121112",  "America/New_York:20240517T061112",
    "\"Asia/Kolkata\":20240517T154112", "Europe/Brussels:20240517T121112",
    "../../etc/passwd:20240517T101112", "No/Where:20240517T101112"
  };
  worker w = WORKER_INIT;
  draft d = DRAFT_INIT;
  use(real);
  for (size_t i = 0; i < sizeof TIMES / sizeof *TIMES; i++) {
    char text[300];
    (void)snprintf(
        text, sizeof text,
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:z\r\nSUMMARY:z\r\n"
        "DTSTART;TZID=%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        TIMES[i]);
    assert_int_equal(ask(&w, &d, FILE_CALENDAR, text, strlen(text)), WORKER_ITEM);
    assert_int_equal(d.date, 1715940672);
    assert_int_equal(worker_next(&w, &d), WORKER_END);
  }
  worker_close(&w);
  draft_free(&d);
}

/* A program that does what `line` says instead of reading. */
static void use_script(const char *line) {
  static char path[256];
  static unsigned number;
  (void)snprintf(path, sizeof path, "%s/%u", scripts, number++);
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  assert_true(fprintf(f, "#!/bin/sh\n%s\n", line) > 0);
  assert_int_equal(fclose(f), 0);
  assert_int_equal(chmod(path, 0700), 0);
  use(path);
}

static void items(void **state) {
  (void)state;
  static const char MAIL[] = "Subject: hello\nTo: a@b.example\n\nbody\n";
  static const char CARDS[] =
      "BEGIN:VCARD\nUID:1\nFN:A\nEND:VCARD\nBEGIN:VCARD\nUID:2\nFN:B\nEND:VCARD\n";
  worker w = WORKER_INIT;
  draft d = DRAFT_INIT;
  use(real);
  for (int i = 0; i < 100; i++) {
    assert_int_equal(ask(&w, &d, FILE_MESSAGE, MAIL, sizeof MAIL - 1), WORKER_ITEM);
    assert_int_equal(d.kind, SDX_MESSAGE);
    assert_field(&d, "subject", "hello");
    assert_field(&d, "body", "body\n");
    assert_int_equal(worker_next(&w, &d), WORKER_END);
  }
  const int pid = w.pid;
  assert_int_equal(ask(&w, &d, FILE_CONTACT, CARDS, sizeof CARDS - 1), WORKER_ITEM);
  assert_field(&d, "name", "A");
  assert_int_equal(worker_next(&w, &d), WORKER_ITEM);
  assert_field(&d, "name", "B");
  assert_int_equal(worker_next(&w, &d), WORKER_END);
  assert_int_equal(ask(&w, &d, FILE_CONTACT, "x:y\n", 4), WORKER_REFUSED);
  assert_string_equal(w.reason, "it holds no card");
  assert_int_equal(w.pid, pid); /* one process read all of it */
  /* A reply that is not read to its end is given up. */
  assert_int_equal(ask(&w, &d, FILE_CONTACT, CARDS, sizeof CARDS - 1), WORKER_ITEM);
  assert_int_equal(ask(&w, &d, FILE_MESSAGE, MAIL, sizeof MAIL - 1), WORKER_ITEM);
  assert_field(&d, "subject", "hello");
  worker_close(&w);
  draft_free(&d);
}

static void attachments(void **state) {
  (void)state;
  static const char MAIL[] =
      "Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\n"
      "Content-Type: application/rtf; name=a.rtf\nContent-Disposition: attachment\n\n"
      "{\\rtf1 lamp oil}\n--b\nContent-Type: text/calendar\n\n"
      "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:lighting\nEND:VEVENT\nEND:VCALENDAR\n--b--\n";
  worker w = WORKER_INIT;
  draft d = DRAFT_INIT;
  use(real);
  assert_int_equal(ask(&w, &d, FILE_MESSAGE, MAIL, sizeof MAIL - 1), WORKER_ITEM);
  assert_field(&d, "body", "text");
  assert_field_has(&d, "attachment", "lamp oil");
  assert_non_null(strstr(nth_field(&d, "attachment", 1), "lighting"));
  assert_field(&d, "filename", "a.rtf");
  assert_false(d.partial);
  worker_close(&w);
  draft_free(&d);
}

static void lost(void **state) {
  (void)state;
  static const struct {
    const char *line, *reason;
  } CASES[] = {
    { "kill -SEGV $$", "its reader crashed" },
    { "kill -SYS $$", "its reader did what it may not do" },
    { "kill -PROF $$", "reading it takes too long" },
    { "kill -ABRT $$", "its reader gave up, or ran out of memory" },
    { "exit 3", "its reader ran out of memory" },
    { "exit 0", "its reader ended in the middle" },
    { "yes", "it gives more than is taken of one file" },
    { "printf '\\003\\000\\000\\000\\001\\002\\003'; sleep 100",
      "its reader gave what is no item" },
    { "printf '\\001\\000\\000\\000\\011'; sleep 100", "its reader gave what is no item" },
    { "printf '\\000\\000\\000\\000'; sleep 100", "it gives more than is taken of one file" },
  };
  static const char MAIL[] = "Subject: hello\n\nbody\n";
  worker w = WORKER_INIT;
  draft d = DRAFT_INIT;
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    use_script(CASES[i].line);
    assert_int_equal(ask(&w, &d, FILE_MESSAGE, MAIL, sizeof MAIL - 1), WORKER_LOST);
    assert_string_equal(w.reason, CASES[i].reason);
    assert_int_equal(worker_next(&w, &d), WORKER_END);
    use(real); /* the next one is another process */
    assert_int_equal(ask(&w, &d, FILE_MESSAGE, MAIL, sizeof MAIL - 1), WORKER_ITEM);
    assert_field(&d, "subject", "hello");
    worker_close(&w);
  }
  use("/nonexistent/sealdex-extract");
  assert_int_equal(ask(&w, &d, FILE_MESSAGE, MAIL, sizeof MAIL - 1), WORKER_MISSING);
  worker_close(&w);
  draft_free(&d);
}

/* ---------------------------------------------------------------- many at once */

static bool put_request(worker *w, file_type type, const void *bytes, size_t size) {
  const wire_request request = { .type = type, .now = 1700000000, .size = size };
  return worker_put(w, &request, bytes);
}

/* Messages numbered from `first` to `limit`, or until no more is taken, one of them with the word that the reader
 * below dies of. Returns where it ended. */
static unsigned put_messages(worker *w, unsigned first, unsigned limit, unsigned poisoned) {
  char text[64];
  for (unsigned i = first;; i++) {
    if (i == limit) return i;
    const int size =
        snprintf(text, sizeof text, "Subject: %u\n\n%s\n", i, i == poisoned ? "POISON" : "body");
    if (!put_request(w, FILE_MESSAGE, text, (size_t)size)) return i;
  }
}

static void assert_message(worker *w, draft *d, unsigned number) {
  char subject[16];
  (void)snprintf(subject, sizeof subject, "%u", number);
  draft_begin(d, SDX_DOCUMENT, 1700000000);
  worker_turn(w);
  assert_int_equal(worker_next(w, d), WORKER_ITEM);
  assert_field(d, "subject", subject);
}

static void many_at_once(void **state) {
  (void)state;
  static const char CARDS[] =
      "BEGIN:VCARD\nUID:1\nFN:A\nEND:VCARD\nBEGIN:VCARD\nUID:2\nFN:B\nEND:VCARD\n";
  worker w = WORKER_INIT;
  draft d = DRAFT_INIT;
  use(real);
  assert_true(put_request(&w, FILE_CONTACT, CARDS, sizeof CARDS - 1));
  const unsigned full = put_messages(&w, 1, UINT32_MAX, UINT32_MAX);
  assert_int_equal(full, WORKER_BATCH_COUNT);
  worker_turn(&w);
  assert_int_equal(worker_next(&w, &d), WORKER_ITEM);
  assert_field(&d, "name", "A");
  assert_int_equal(worker_next(&w, &d), WORKER_ITEM);
  assert_field(&d, "name", "B");
  assert_int_equal(worker_next(&w, &d), WORKER_END);
  const int pid = w.pid;
  for (unsigned i = 1; i < full; i++) {
    assert_message(&w, &d, i);
    assert_memory_equal(worker_bytes(&w).data, "Subject: ", 9);
    if (i % 2 == 0) worker_end_reply(&w);
    else assert_int_equal(worker_next(&w, &d), WORKER_END);
  }
  assert_int_equal(w.pid, pid);
  /* One by itself in the middle of others, and a reply that is not read to its end. */
  assert_int_equal(put_messages(&w, 0, UINT32_MAX, UINT32_MAX), WORKER_BATCH_COUNT);
  assert_message(&w, &d, 0);
  worker_end_reply(&w);
  assert_int_equal(ask(&w, &d, FILE_MESSAGE, "Subject: alone\n\nb\n", 18), WORKER_ITEM);
  assert_field(&d, "subject", "alone");
  assert_message(&w, &d, 1);
  assert_message(&w, &d, 2);
  /* Others are put before all of those were asked for. */
  assert_int_equal(put_messages(&w, 100, UINT32_MAX, UINT32_MAX), 100 + WORKER_BATCH_COUNT);
  assert_message(&w, &d, 100);
  worker_end_reply(&w);
  assert_message(&w, &d, 101);
  worker_close(&w);
  draft_free(&d);
}

/* A calendar that is put names more zones than are loaded beside those of one before it. */
static void zones_of_many(void **state) {
  (void)state;
  static const char *const ZONES[][12] = {
    { "Europe/Brussels", "Europe/Paris", "Europe/Rome", "Europe/Oslo", "Europe/Vienna", "Europe/Kyiv",
      "Europe/Malta", "Europe/Athens", "Europe/Berlin" },
    { "Asia/Kolkata", "Asia/Tokyo", "Asia/Seoul", "Asia/Dubai", "Asia/Manila", "Asia/Tehran", "Asia/Almaty",
      "Asia/Baghdad", "Asia/Bangkok" },
  };
  char text[2][2048];
  worker w = WORKER_INIT;
  draft d = DRAFT_INIT;
  use(real);
  for (size_t i = 0; i < 2; i++) {
    int at = snprintf(text[i], sizeof text[i], "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n");
    for (size_t k = 0; k < 9; k++)
      at += snprintf(text[i] + at, sizeof text[i] - (size_t)at,
                     "BEGIN:VEVENT\r\nUID:%zu\r\nDTSTART;TZID=%s:20240517T%s\r\nEND:VEVENT\r\n", k,
                     ZONES[i][k], i == 0 ? "121112" : "154112");
    (void)snprintf(text[i] + at, sizeof text[i] - (size_t)at, "END:VCALENDAR\r\n");
  }
  assert_true(put_request(&w, FILE_CALENDAR, text[0], strlen(text[0])));
  assert_false(put_request(&w, FILE_CALENDAR, text[1], strlen(text[1])));
  for (size_t i = 0; i < 2; i++) {
    draft_begin(&d, SDX_DOCUMENT, 1700000000);
    worker_turn(&w);
    assert_int_equal(worker_next(&w, &d), WORKER_ITEM);
    assert_int_equal(d.date, 1715940672);
    worker_end_reply(&w);
    if (i == 0) assert_true(put_request(&w, FILE_CALENDAR, text[1], strlen(text[1])));
  }
  worker_close(&w);
  draft_free(&d);
}

/* The real reader, behind a script that dies at a batch with POISON in it; where there are several requests,
 * `dying` says with what of its reply. */
static void use_poisoned(const char *dying) {
  static char script[2048];
  (void)snprintf(script, sizeof script,
                 "f='%s'/batch\nhead -c %zu >$f.zones\n"
                 "while head -c 16 >$f.head && [ -s $f.head ]; do\n"
                 "  n=$(od -An -tu8 -j8 -N8 $f.head | tr -d ' ')\n"
                 "  requests=$(od -An -tu4 -j4 -N4 $f.head | tr -d ' ')\n"
                 "  head -c $n >$f.body\n"
                 "  if grep -q POISON $f.body; then\n"
                 "    if [ $requests -gt 1 ]; then cat $f.zones $f.head $f.body | '%s' | %s; fi\n"
                 "    kill -SEGV $$\n"
                 "  fi\n"
                 "  cat $f.zones $f.head $f.body | '%s'\n"
                 "done",
                 scripts, sizeof(zones), real, dying, real);
  use_script(script);
}

/* What kills the reader costs itself, and nobody else. */
static void one_of_many(void **state) {
  (void)state;
  enum { COUNT = 5 }; /* each is a process or two */
  static const unsigned POISONED[] = { 0, 2, COUNT - 1 };
  static const char *const DYING[] = { "cat >/dev/null", "head -c 20" };
  worker w = WORKER_INIT;
  draft d = DRAFT_INIT;
  for (size_t k = 0; k < 6; k++) {
    const unsigned poisoned = POISONED[k / 2];
    use_poisoned(DYING[k % 2]);
    assert_int_equal(put_messages(&w, 0, COUNT, poisoned), COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
      if (i != poisoned) {
        assert_message(&w, &d, i);
        worker_end_reply(&w);
        continue;
      }
      draft_begin(&d, SDX_DOCUMENT, 1700000000);
      worker_turn(&w);
      assert_int_equal(worker_next(&w, &d), WORKER_LOST);
      assert_string_equal(w.reason, "its reader crashed");
    }
    worker_close(&w);
  }
  draft_free(&d);
}

/* Of a reply that broke off, what was taken is not given twice. */
static void a_reply_that_breaks_off(void **state) {
  (void)state;
  static char cards[90000];
  size_t at = 0;
  worker w = WORKER_INIT;
  draft d = DRAFT_INIT;
  use_poisoned("head -c 60000");
  for (unsigned i = 0; i < 2; i++) {
    at += (size_t)snprintf(cards + at, sizeof cards - at, "BEGIN:VCARD\nUID:%u\nFN:%u\nNOTE:", i, i);
    memset(cards + at, 'n', 40000);
    at += 40000;
    at += (size_t)snprintf(cards + at, sizeof cards - at, "\nEND:VCARD\n");
  }
  assert_true(put_request(&w, FILE_CONTACT, cards, at));
  assert_int_equal(put_messages(&w, 1, 3, 1), 3);
  worker_turn(&w);
  assert_int_equal(worker_next(&w, &d), WORKER_ITEM);
  assert_field(&d, "name", "0");
  const int pid = w.pid;
  assert_int_equal(worker_next(&w, &d), WORKER_ITEM);
  assert_field(&d, "name", "1");
  assert_int_not_equal(w.pid, pid); /* it was asked again */
  assert_int_equal(worker_next(&w, &d), WORKER_END);
  worker_turn(&w);
  assert_int_equal(worker_next(&w, &d), WORKER_LOST);
  assert_message(&w, &d, 2);
  worker_close(&w);
  draft_free(&d);
}

/* A reason can hold no more than a few plain words, whatever the worker says. */
static void reasons(void **state) {
  (void)state;
  char reason[WIRE_REASON_MAX + 1];
  char text[300];
  memset(text, 'a', sizeof text);
  wire_get_reason(reason, text, sizeof text);
  assert_int_equal(strlen(reason), WIRE_REASON_MAX);
  wire_get_reason(reason, "a\033[1m\n<\x80", 8);
  assert_string_equal(reason, "a??1m???");
}

/* ---------------------------------------------------------------- hostile files */

static uint8_t *made;
static size_t made_size, made_room;

/* Room doubles: hostile files have millions of pieces, and a sanitizer's realloc always copies. */
static void put(const void *bytes, size_t size) {
  if (made == NULL || made_size + size >= made_room) {
    made_room = 2 * (made_size + size) + 4096;
    made = realloc(made, made_room);
  }
  assert_non_null(made);
  memcpy(made + made_size, bytes, size);
  made_size += size;
}
static void put_text(const char *text, size_t times) {
  for (size_t i = 0; i < times; i++) put(text, strlen(text));
}

/* Reads what was made; then a healthy item, to see that nothing else came to harm. */
static worker_answer survive(worker *w, draft *d, file_type type) {
  const worker_answer answer = ask(w, d, type, made, made_size);
  worker_answer next = answer;
  draft unused = DRAFT_INIT;
  while (next == WORKER_ITEM) next = worker_next(w, &unused);
  draft_free(&unused);
  draft other = DRAFT_INIT;
  assert_int_equal(ask(w, &other, FILE_MESSAGE, "Subject: s\n\nb\n", 14), WORKER_ITEM);
  assert_field(&other, "subject", "s");
  worker_end_reply(w);
  draft_free(&other);
  free(made);
  made = NULL;
  made_size = 0;
  return answer;
}

static void entity_bomb(void **state) {
  (void)state;
  worker w = WORKER_INIT;
  draft d = DRAFT_INIT;
  use(real);
  put_text("<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a0 'ha'>", 1);
  for (int i = 1; i < 40; i++) {
    char line[128];
    (void)snprintf(line, sizeof line, "<!ENTITY a%d '&a%d;&a%d;&a%d;&a%d;'>", i, i - 1, i - 1,
                   i - 1, i - 1);
    put_text(line, 1);
  }
  put_text("]><x>before &a39; after</x>", 1);
  assert_int_equal(survive(&w, &d, FILE_XML), WORKER_ITEM);
  assert_true(d.body.size < 1 << 20);
  worker_close(&w);
  draft_free(&d);
}

static void deep_nesting(void **state) {
  (void)state;
  worker w = WORKER_INIT;
  draft d = DRAFT_INIT;
  use(real);
  put_text("{\\rtf1 ", 1);
  put_text("{", 1000000);
  assert_int_equal(survive(&w, &d, FILE_RTF), WORKER_ITEM);
  assert_true(d.partial);
  put_text("BEGIN:VCALENDAR\n", 1);
  put_text("BEGIN:VEVENT\n", 1000000);
  assert_int_equal(survive(&w, &d, FILE_CALENDAR), WORKER_REFUSED);
  put_text("<a>", 1000000);
  (void)survive(&w, &d, FILE_XML);
  put_text("%PDF-1.4\n1 0 obj\n", 1);
  put_text("[", 1000000);
  (void)survive(&w, &d, FILE_PDF);
  worker_close(&w);
  draft_free(&d);
}

static void long_cards(void **state) {
  (void)state;
  worker w = WORKER_INIT;
  draft d = DRAFT_INIT;
  use(real);
  put_text("BEGIN:VCARD\nFN:x\n", 1);
  put_text("TEL:+32 2 555 12 34\n", 1000000);
  put_text("END:VCARD\n", 1);
  assert_int_equal(survive(&w, &d, FILE_CONTACT), WORKER_ITEM);
  assert_true(d.partial);
  put_text("BEGIN:VCARD\nNOTE:x\n", 1);
  put_text(" folded\n", 4000000);
  put_text("END:VCARD\n", 1);
  assert_int_equal(survive(&w, &d, FILE_CONTACT), WORKER_ITEM);
  assert_true(d.partial);
  worker_close(&w);
  draft_free(&d);
}

static void endless_rules(void **state) {
  (void)state;
  worker w = WORKER_INIT;
  draft d = DRAFT_INIT;
  use(real);
  put_text("BEGIN:VCALENDAR\n", 1);
  for (int i = 0; i < 500; i++) {
    char event[160];
    (void)snprintf(event, sizeof event,
                   "BEGIN:VEVENT\nUID:%d\nDTSTART:20240105T090000Z\n"
                   "RRULE:FREQ=%s\nEND:VEVENT\n",
                   i, i % 2 ? "SECONDLY" : "DAILY");
    put_text(event, 1);
  }
  put_text("END:VCALENDAR\n", 1);
  assert_int_equal(survive(&w, &d, FILE_CALENDAR), WORKER_ITEM);
  worker_close(&w);
  draft_free(&d);
}

/* A PDF whose page tree is a ring. */
static void ring_of_pages(void **state) {
  (void)state;
  worker w = WORKER_INIT;
  draft d = DRAFT_INIT;
  use(real);
  put_text("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
           "2 0 obj<</Type/Pages/Count 1000000/Kids[2 0 R 2 0 R 2 0 R]>>endobj\n"
           "trailer<</Root 1 0 R>>\n%%EOF\n",
           1);
  assert_int_equal(survive(&w, &d, FILE_PDF), WORKER_ITEM);
  assert_true(d.partial);
  worker_close(&w);
  draft_free(&d);
}

/* 600 MB of one letter, packed into 600 KB. */
static void packed_bomb(void **state) {
  (void)state;
  char command[512];
  char path[300];
  worker w = WORKER_INIT;
  draft d = DRAFT_INIT;
  use(real);
  (void)snprintf(path, sizeof path, "%s/bomb", scripts);
  (void)snprintf(command, sizeof command, "head -c 600M /dev/zero | tr '\\0' a | gzip -1 >'%s'",
                 path);
  if (system(command) != 0) skip();
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  static uint8_t chunk[65536];
  for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;) put(chunk, n);
  assert_int_equal(fclose(f), 0);
  assert_int_equal(survive(&w, &d, FILE_PACKAGE), WORKER_ITEM);
  assert_true(d.partial);
  assert_true(d.body.size <= DRAFT_BODY_MAX + 4096);
  worker_close(&w);
  draft_free(&d);
  /* None of it took more memory than is given. */
  struct rusage children;
  assert_int_equal(getrusage(RUSAGE_CHILDREN, &children), 0);
  assert_true(children.ru_maxrss < 1536 * 1024);
}

static int set_up(void **state) {
  (void)state;
  const char *said = getenv("SEALDEX_EXTRACT");
  real = said != NULL ? strdup(said) : NULL;
  return mkdtemp(scripts) != NULL ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  char command[300];
  free(real);
  (void)snprintf(command, sizeof command, "rm -r '%s'", scripts);
  return system(command);
}

int main(void) {
  if (getenv("SEALDEX_EXTRACT") == NULL) {
    print_message("skipped: SEALDEX_EXTRACT does not say where the worker is\n");
    return 0;
  }
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(items),         cmocka_unit_test(zones_of_the_system),
    cmocka_unit_test(attachments),   cmocka_unit_test(lost),
    cmocka_unit_test(many_at_once),  cmocka_unit_test(zones_of_many),
    cmocka_unit_test(one_of_many),   cmocka_unit_test(a_reply_that_breaks_off),
    cmocka_unit_test(reasons),       cmocka_unit_test(entity_bomb),
    cmocka_unit_test(deep_nesting),  cmocka_unit_test(long_cards),
    cmocka_unit_test(endless_rules), cmocka_unit_test(ring_of_pages),
    cmocka_unit_test(packed_bomb),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
