/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "extracting.h"

#include <sys/mman.h>
#include <unistd.h>

#include "indexer/extract/mbox.h"

#define DATED "From ann@example.org Tue Jun  4 12:00:00 2024\n"

static mbox box;
static mbox_message message;

static void open_box(const char *text, size_t size) {
  const int fd = memfd_create("mbox", MFD_CLOEXEC);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, size), (ssize_t)size);
  assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
  mbox_open(&box, fd, 0);
}

static void close_box(void) {
  (void)close(box.fd);
  mbox_close(&box);
}

static void assert_next(const char *text) {
  assert_int_equal(mbox_next(&box, &message, NULL), SDX_OK);
  assert_int_equal(message.size, strlen(text));
  assert_memory_equal(message.bytes, text, strlen(text));
}

static void assert_end(void) {
  assert_int_equal(mbox_next(&box, &message, NULL), SDX_NOT_FOUND);
  assert_int_equal(mbox_next(&box, &message, NULL), SDX_NOT_FOUND);
}

/* The box holds these messages (up to NULL) and no more. */
static void assert_box(const char *text, const char *const *messages) {
  open_box(text, strlen(text));
  for (; *messages != NULL; messages++) assert_next(*messages);
  assert_end();
  assert_int_equal(box.offset, strlen(text));
  close_box();
}
#define BOX(text, ...) assert_box(text, (const char *const[]){ __VA_ARGS__, NULL })

static void quoted(void **state) {
  (void)state;
  BOX(DATED "Subject: a\n\nx\n>From here\n>>From there\n> From\n\n" DATED "Subject: b\n\ny\n",
      "Subject: a\n\nx\nFrom here\n>From there\n> From\n\n", "Subject: b\n\ny\n");
}

static void dates(void **state) {
  (void)state;
  open_box(DATED "Subject: a\n\nx\n", sizeof DATED - 1 + 14);
  assert_next("Subject: a\n\nx\n");
  assert_int_equal(message.date, 1717502400);
  assert_true(mbox_at_end(&box));
  assert_end();
  close_box();
}

static void separators_without_dates(void **state) {
  (void)state;
  BOX("From a\nSubject: a\n\nx\n\nFrom b\nX-Y: b\n\ny", "Subject: a\n\nx\n\n", "X-Y: b\n\ny");
  BOX("\xef\xbb\xbf\r\nFrom a\r\nTo: a\r\n\r\nx\r\n\r\nFrom b\r\nTo: b\r\n\r\ny\r\n",
      "To: a\r\n\r\nx\r\n\r\n", "To: b\r\n\r\ny\r\n");
}

static void text_that_only_looks_so(void **state) {
  (void)state;
  BOX(DATED
      "Subject: a\n\nx\n\nFrom now on: this\nis text\n\nFrom then\nNote: is text\nFrom a\nTo: b\n",
      "Subject: a\n\nx\n\nFrom now on: this\nis text\n\nFrom then\nNote: is text\nFrom a\nTo: b\n");
}

static void separator_without_empty_line(void **state) {
  (void)state;
  BOX(DATED "Subject: a\n\nx\n" DATED "Odd-Name: b\n\ny\n", "Subject: a\n\nx\n",
      "Odd-Name: b\n\ny\n");
}

static void content_length(void **state) {
  (void)state;
  /* mboxcl2: the length spans what looks like a separator */
  BOX(DATED "Content-Length: 62\nSubject: a\n\nx\n\n" DATED "Subject: in\n\n\n" DATED
            "Subject: b\n\ny\n",
      "Content-Length: 62\nSubject: a\n\nx\n\n" DATED "Subject: in\n\n", "Subject: b\n\ny\n");
  /* mboxcl: quoted as well */
  BOX(DATED "Content-Length: 8\n\n>From x\n\n" DATED "Subject: b\n\ny\n",
      "Content-Length: 8\n\nFrom x\n", "Subject: b\n\ny\n");
  /* to the end of the file */
  BOX(DATED "Content-Length: 2\n\nx\n", "Content-Length: 2\n\nx\n");
  /* a length that leads nowhere is not believed */
  BOX(DATED "Content-Length: 1\n\nx\ny\n\n" DATED "Subject: b\n\n", "Content-Length: 1\n\nx\ny\n\n",
      "Subject: b\n\n");
  BOX(DATED "Content-Length: 99999999\n\nx\n\n" DATED "Content-Length: -1\n\n",
      "Content-Length: 99999999\n\nx\n\n", "Content-Length: -1\n\n");
}

static void nothing_in_it(void **state) {
  (void)state;
  open_box("\n\n", 2);
  assert_end();
  close_box();
  BOX("no separator at all\n", "no separator at all\n");
}

/* Messages far larger than what is read at a time, and many of them. */
static void large(void **state) {
  (void)state;
  buffer text = BUFFER_INIT;
  buffer one = BUFFER_INIT;
  buffer_put(&one, "Subject: a\n\n", 12);
  for (int i = 0; i < 300000; i++) buffer_put(&one, "From x\nline\n", 12);
  for (int i = 0; i < 3; i++) {
    buffer_put(&text, DATED, sizeof DATED - 1);
    buffer_put(&text, one.data, one.size);
  }
  for (int i = 0; i < 20000; i++) {
    buffer_put(&text, DATED, sizeof DATED - 1);
    buffer_put(&text, "Subject: b\n\ny\n\n", 15);
  }
  open_box((const char *)text.data, text.size);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(mbox_next(&box, &message, NULL), SDX_OK);
    assert_int_equal(message.size, one.size);
    assert_memory_equal(message.bytes, one.data, one.size);
  }
  for (int i = 0; i < 20000; i++) assert_next("Subject: b\n\ny\n\n");
  assert_end();
  close_box();
  buffer_free(&text);
  buffer_free(&one);
}

static void flags(void **state) {
  (void)state;
  static const char TEXT[] = "Subject: a\nStatus: RO\nX-Status: AF\n\nStatus: x\n";
  draft d = DRAFT_INIT;
  draft_begin(&d, SDX_MESSAGE, 0);
  mbox_add_flags(&d, TEXT, sizeof TEXT - 1);
  const sdx_item *item = draft_item(&d);
  assert_int_equal(item->flag_count, 3);
  assert_true(set_has(item->flags, 3, "seen"));
  assert_true(set_has(item->flags, 3, "answered"));
  assert_true(set_has(item->flags, 3, "flagged"));
  draft_free(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(quoted),
    cmocka_unit_test(dates),
    cmocka_unit_test(separators_without_dates),
    cmocka_unit_test(text_that_only_looks_so),
    cmocka_unit_test(separator_without_empty_line),
    cmocka_unit_test(content_length),
    cmocka_unit_test(nothing_in_it),
    cmocka_unit_test(large),
    cmocka_unit_test(flags),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
