/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "extracting.h"

#include "indexer/extract/message.h"

static draft d = DRAFT_INIT;

static bool read_bytes(const char *bytes, size_t size) {
  draft_begin(&d, SDX_MESSAGE, 0);
  return message_extract(bytes, size, &d);
}

static void read_text(const char *text) {
  assert_true(read_bytes(text, strlen(text)));
}

/* ---------------------------------------------------------------- header */

static void plain_fields(void **state) {
  (void)state;
  read_text(
      "From: Ann Lee <ann@example.org>\r\nTo: Bob <bob@example.org>, \"Roe, Jane\" "
      "<jane@example.org>\r\n"
      "Cc: team: Tom <tom@example.org>, tim@example.org;\r\nSubject: The budget\r\n for 2025\r\n"
      "Message-ID: <1@example.org>\r\nList-Id: Sealdex users <users.sealdex.example>\r\n"
      "Date: Tue, 04 Jun 2024 12:00:00 +0200\r\n\r\nHello,\r\nworld.\r\n");
  assert_field(&d, "from", "Ann Lee <ann@example.org>");
  assert_field(&d, "to", "Bob <bob@example.org>, Roe, Jane <jane@example.org>");
  assert_field(&d, "cc", "team: Tom <tom@example.org>, tim@example.org");
  assert_field(&d, "subject", "The budget for 2025");
  assert_field(&d, "message-id", "1@example.org");
  assert_field(&d, "list", "Sealdex users <users.sealdex.example>");
  assert_field(&d, "body", "Hello,\nworld.\n");
  assert_int_equal(d.date, 1717495200);
  assert_int_equal(d.sent, 1717495200);
  assert_false(d.has_attachment);
  assert_false(d.partial);
}

static void encoded_words(void **state) {
  (void)state;
  read_text("Subject: =?UTF-8?Q?Caf=C3=A9_?= =?utf-8?B?bWVudQ==?=\n"
            "From: =?iso-8859-1?Q?J=F6rg_M=FCller?= <joerg@example.org>\n"
            "To: =?koi8-r?B?89fF1MzBzsE=?= <s@example.org>\n\nx\n");
  assert_field(&d, "subject", "Café menu");
  assert_field(&d, "from", "Jörg Müller <joerg@example.org>");
  assert_field(&d, "to", "Светлана <s@example.org>");
}

static void raw_bytes_in_header(void **state) {
  (void)state;
  read_text("Subject: Gr\xc3\xbc\xc3\x9f"
            "e\nFrom: J\xf6rg <joerg@example.org>\nTo: "
            "\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b.test\n\nx\n");
  assert_field(&d, "subject", "Grüße");
  assert_field(&d, "from", "Jörg <joerg@example.org>");
  assert_field(&d, "to", "用户@例.test");
}

static void usenet_header(void **state) {
  (void)state;
  read_text(
      "Path: a!b!c\nNewsgroups: comp.lang.c,comp.std.c\nFrom: user@host.edu (A. User)\nSubject: x\n"
      "Organization: The Institute\n\nx\n");
  assert_field(&d, "from", "A. User <user@host.edu>");
  assert_field(&d, "list", "comp.lang.c,comp.std.c");
  assert_field(&d, "org", "The Institute");
}

static void broken_header_lines(void **state) {
  (void)state;
  read_text("From somebody Tue Jun  4 12:00:00 2024\n>From somebody else\nSubject : spaced\njunk "
            "in between\n"
            "To: a@example.org\nno colon here, so the body has begun\nand goes on\n");
  assert_field(&d, "subject", "spaced");
  assert_field(&d, "to", "a@example.org");
  assert_field(&d, "body", "no colon here, so the body has begun\nand goes on\n");
}

static void header_alone(void **state) {
  (void)state;
  read_text("Subject: nothing follows");
  assert_field(&d, "subject", "nothing follows");
  assert_field(&d, "body", "");
}

static void no_header(void **state) {
  (void)state;
  read_text("\n\nonly a body, without any header\nat all\n");
  assert_field_has(&d, "body", "only a body");
}

static void unreadable_addresses(void **state) {
  (void)state;
  read_text("From: <<>>\nTo: undisclosed-recipients:;\n\nx\n");
  assert_field(&d, "to", "undisclosed-recipients: ");
}

/* ---------------------------------------------------------------- dates and threads */

static void received_before_sent(void **state) {
  (void)state;
  read_text("Received: from a by b; Wed, 05 Jun 2024 00:00:00 +0000\n"
            "Received: from c by a; Tue, 04 Jun 2024 23:00:00 +0000\nDate: Mon, 03 Jun 2024 "
            "00:00:00 +0000\n\nx\n");
  assert_int_equal(d.date, 1717545600);
  assert_int_equal(d.sent, 1717372800);
  read_text("Received: from a by b; never\nReceived: from c by a; Tue, 04 Jun 2024 23:00:00 "
            "+0000\n\nx\n");
  assert_int_equal(d.date, 1717542000);
  assert_int_equal(d.sent, 0);
}

static void far_dates_are_held(void **state) {
  (void)state;
  static const char TEXT[] = "Date: Fri, 01 Jan 2100 00:00:00 +0000\n\nx\n";
  draft_begin(&d, SDX_MESSAGE, 1717545600);
  assert_true(message_extract(TEXT, sizeof TEXT - 1, &d));
  assert_int_equal(d.date, 1717545600 + SDX_DAY);
  assert_int_equal(d.sent, 1717545600 + SDX_DAY);
}

static void date_from_the_caller(void **state) {
  (void)state;
  static const char TEXT[] = "Subject: undated\n\nx\n";
  draft_begin(&d, SDX_MESSAGE, 1717545600);
  d.fallback = 1000;
  assert_true(message_extract(TEXT, sizeof TEXT - 1, &d));
  assert_int_equal(d.date, 1000);
  assert_int_equal(d.sent, 0);
}

static void assert_thread(const char *header, const char *thread) {
  char text[2048];
  assert_true(snprintf(text, sizeof text, "%s\nSubject: x\n\nx\n", header) < (int)sizeof text);
  read_text(text);
  const sdx_item *item = draft_item(&d);
  assert_int_equal(item->thread.size, strlen(thread));
  if (thread[0] != '\0') assert_memory_equal(item->thread.data, thread, strlen(thread));
}

static void threads(void **state) {
  (void)state;
  assert_thread("X-Other: y", "");
  assert_thread("Message-ID: <own@x>", "own@x");
  assert_thread("Message-ID: <own@x>\nIn-Reply-To: Your note of Monday <parent@x>", "parent@x");
  assert_thread("Message-ID: <own@x>\nIn-Reply-To: <parent@x>\nReferences: <root@\n x> <parent@x>",
                "root@x");
  assert_thread("Message-ID: own@x", "own@x");
  assert_thread(
      "Message-ID: <0123456789012345678901234567890123456789012345678901234567890123456789@x>",
      "e7312d8c0d32cabe5a63bbd288c0d78db3fced85ba9fb0c901250d0b465da77e");
}

/* ---------------------------------------------------------------- character sets */

static void charsets(void **state) {
  (void)state;
  read_text("Content-Type: text/plain; charset=koi8-r\n\n\xf0\xd2\xc9\xd7\xc5\xd4\n");
  assert_field(&d, "body", "Привет\n");
  read_text("Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$BF|K\\8l\x1b(B\n");
  assert_field(&d, "body", "日本語\n");
  read_text("Content-Type: text/plain; charset=iso-8859-1\n\n\x93quoted\x94\n");
  assert_field(&d, "body", "“quoted”\n");
  read_text("Content-Type: text/plain; charset=gb2312\n\n\xc4\xe3\xba\xc3\n");
  assert_field(&d, "body", "你好\n");
}

static void undeclared_bytes(void **state) {
  (void)state;
  read_text("Subject: x\n\nna\xefve\n");
  assert_field(&d, "body", "naïve\n");
  read_text("Subject: x\n\nna\xc3\xafve\n");
  assert_field(&d, "body", "naïve\n");
  read_text("Content-Type: text/plain; charset=us-ascii\n\nna\xefve\n");
  assert_field(&d, "body", "naïve\n");
  read_text("Content-Type: text/plain; charset=no-such-set\n\nna\xc3\xafve\n");
  assert_field(&d, "body", "naïve\n");
}

static void wrong_bytes_are_repaired(void **state) {
  (void)state;
  read_text("Content-Type: text/plain; charset=utf-8\n\ncaf\xc3\xa9 \xff end\n");
  assert_field(&d, "body", "café \xef\xbf\xbd end\n");
  static const char ZERO[] = "Subject: a\0b\n\nwith\0zero\n";
  assert_true(read_bytes(ZERO, sizeof ZERO - 1));
  assert_field(&d, "subject", "a b");
  assert_field(&d, "body", "with zero\n");
}

static void utf16_message(void **state) {
  (void)state;
  static const char TEXT[] = "Subject: wide\n\nbody\n";
  char wide[2 * sizeof TEXT];
  for (size_t i = 0; i + 1 < sizeof TEXT; i++) wide[2 * i] = TEXT[i], wide[2 * i + 1] = 0;
  assert_true(message_begins(wide, 2 * (sizeof TEXT - 1), false));
  assert_true(read_bytes(wide, 2 * (sizeof TEXT - 1)));
  assert_field(&d, "subject", "wide");
  assert_field(&d, "body", "body\n");
}

/* ---------------------------------------------------------------- bodies */

static void transfer_encodings(void **state) {
  (void)state;
  read_text(
      "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
      "caf=C3=A9 one=\n line =ZZ\n");
  assert_field(&d, "body", "café one line =ZZ\n");
  read_text("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: "
            "base64\n\nY2Fmw6kgY3JlbWU=\n");
  assert_field(&d, "body", "café creme");
  /* characters that are none of base64, and an end in the middle of a group */
  read_text("Content-Transfer-Encoding: BASE64\n\nSGVs*bG8s\nIHdvcm!xkLi\n");
  assert_field_has(&d, "body", "Hello, world");
}

static void text_announced_as_base64(void **state) {
  (void)state;
  read_text(
      "Content-Transfer-Encoding: base64\n\nThis is, after all, plain text. It has blanks.\n");
  assert_field(&d, "body", "This is, after all, plain text. It has blanks.\n");
}

static void html_alone(void **state) {
  (void)state;
  read_text("Content-Type: text/html; "
            "charset=iso-8859-1\n\n<html><head><title>no</title><style>p{}</style></head>"
            "<body><p>Fish &amp; chips &eacute;t\xe9 &#8364;5</p><script>var "
            "x;</script>end</body></html>\n");
  assert_field(&d, "body", "Fish & chips été €5\nend\n");
}

static void flowed(void **state) {
  (void)state;
  read_text("Content-Type: text/plain; format=flowed\n\nOne paragraph \nin two lines.\n> quoted "
            "\n> too\nfixed\n"
            "-- \nme\n");
  assert_field(&d, "body", "One paragraph in two lines.\n> quoted too\nfixed\n-- \nme\n");
  read_text("Content-Type: text/plain; format=flowed; delsp=yes\n\nto \nget \nher\n");
  assert_field(&d, "body", "together\n");
}

static void uuencode_is_left(void **state) {
  (void)state;
  read_text("Subject: x\n\nbegin 644 a.txt\n#0V%T\n`\nend\n");
  assert_field(&d, "body", "begin 644 a.txt\n#0V%T\n`\nend\n");
}

/* ---------------------------------------------------------------- parts */

#define ALTERNATIVE "MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n"

static void alternative_takes_plain(void **state) {
  (void)state;
  read_text(ALTERNATIVE "--b\nContent-Type: text/plain\n\nThe plain words.\n"
                        "--b\nContent-Type: text/html\n\n<p>The <b>rich</b> words.</p>\n--b--\n");
  assert_field(&d, "body", "The plain words.");
  assert_false(d.has_attachment);
}

static void alternative_takes_html_that_says_more(void **state) {
  (void)state;
  read_text(ALTERNATIVE
            "--b\nContent-Type: text/plain\n\nNo HTML?\n--b\nContent-Type: text/html\n\n"
            "<p>All of the news that stand only here, and nowhere else at all.</p>\n--b--\n");
  assert_field_has(&d, "body", "All of the news");
  assert_field_lacks(&d, "body", "No HTML");
}

static void alternative_with_one_empty(void **state) {
  (void)state;
  read_text(
      ALTERNATIVE
      "--b\nContent-Type: text/plain\n\n\n--b\nContent-Type: multipart/related; boundary=r\n\n"
      "--r\nContent-Type: text/html\n\n<p>page<img src=cid:1 alt=logo></p>\n"
      "--r\nContent-Type: image/png; name=logo.png\nContent-ID: <1>\n\nPNG\n--r--\n--b--\n");
  assert_field(&d, "body", "page logo\n");
  assert_field(&d, "filename", "logo.png");
  assert_false(d.has_attachment); /* an image of the page is none */
}

static void attachments(void **state) {
  (void)state;
  read_text(
      "Content-Type: multipart/mixed; boundary=\"x y\"\n\npreamble\n--x y\n\nbody text\n"
      "--x y\nContent-Type: text/plain; charset=utf-8\nContent-Disposition: attachment; "
      "filename=notes.txt\n"
      "Content-Transfer-Encoding: base64\n\nYXR0YWNoZWQgd29yZHM=\n"
      "--x y\nContent-Type: application/pdf; name=\"=?utf-8?Q?r=C3=A9sum=C3=A9.pdf?=\"\n\n%PDF\n"
      "--x y\nContent-Type: application/octet-stream\n"
      "Content-Disposition: attachment; filename*0*=utf-8''%E2%82%AC%20; "
      "filename*1=rates.csv\n\n1,2\n"
      "--x y--\nepilogue\n");
  assert_field(&d, "body", "body text");
  assert_field(&d, "attachment", "notes.txt\nattached words");
  assert_string_equal(nth_field(&d, "filename", 0), "notes.txt");
  assert_string_equal(nth_field(&d, "filename", 1), "résumé.pdf");
  assert_string_equal(nth_field(&d, "filename", 2), "€ rates.csv");
  assert_string_equal(nth_field(&d, "attachment", 1), "€ rates.csv\n1,2");
  assert_true(d.has_attachment);
}

static void attachment_as_whole_message(void **state) {
  (void)state;
  read_text("Subject: scan\nContent-Type: image/tiff; name=scan.tif\nContent-Transfer-Encoding: "
            "base64\n\nSUkqAA==\n");
  assert_true(d.has_attachment);
  assert_field(&d, "filename", "scan.tif");
  assert_field(&d, "body", "");
}

static void signature_is_no_attachment(void **state) {
  (void)state;
  read_text("Content-Type: multipart/signed; boundary=b\n\n--b\n\nsigned words\n"
            "--b\nContent-Type: application/pgp-signature\n\n-----BEGIN PGP\n--b--\n");
  assert_field(&d, "body", "signed words");
  assert_false(d.has_attachment);
}

static void message_in_message(void **state) {
  (void)state;
  read_text("Subject: Fwd\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nsee below\n"
            "--b\nContent-Type: message/rfc822\n\nFrom: Eve <eve@example.org>\nSubject: "
            "=?utf-8?Q?inn=C3=A9r?=\n"
            "Content-Type: text/html\n\n<i>inner words</i>\n--b--\n");
  assert_field(&d, "subject", "Fwd");
  assert_field(&d, "body", "see below\nEve <eve@example.org>\ninnér\ninner words\n");
  assert_true(d.has_attachment);
  read_text("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n"
            "Content-Transfer-Encoding: base64\n\nU3ViamVjdDogaGlkZGVuCgpkZWVwIHdvcmRz\n--b--\n");
  assert_field(&d, "body", "hidden\ndeep words");
}

static void messages_in_a_digest(void **state) {
  (void)state;
  read_text("Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: one\n\nfirst words\n"
            "--b\nContent-Type: message/rfc822; name=two.eml\n\nSubject : two\n\nmore words\n"
            "--b\nContent-Type: text/plain\n\nno message\n--b--\n");
  assert_field(&d, "body", "one\nfirst words\ntwo\nmore words\nno message");
  assert_field(&d, "filename", "two.eml");
  /* The words that hide a message from the parser are not seen in the text. */
  read_text("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nContent-Type: message/rfc822\n"
            "CONTENT-TYPE: multipart/digest\n--b--\n");
  assert_field(&d, "body", "Content-Type: message/rfc822\nCONTENT-TYPE: multipart/digest");
}

static void boundary_that_never_ends(void **state) {
  (void)state;
  read_text("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nfirst\n--b\nContent-Type: "
            "text/html\n\n<p>second");
  assert_field(&d, "body", "first\nsecond\n");
  assert_false(d.partial);
}

static void boundary_that_never_comes(void **state) {
  (void)state;
  read_text("Content-Type: multipart/mixed; boundary=b\n\nno part at all\n");
  assert_field(&d, "body", "no part at all\n");
  assert_true(d.partial);
}

static void boundary_not_as_announced(void **state) {
  (void)state;
  read_text("Content-Type: multipart/alternative; boundary=announced\n\n--used\nContent-Type: "
            "text/html\n\n"
            "<p>a page</p>\n--used--\n");
  assert_field(&d, "body", "a page\n");
  read_text("Content-Type: multipart/mixed\n\n--used\nContent-Type: text/html\n\n<p>a "
            "page</p>\n--used--\n");
  assert_field(&d, "body", "a page\n");
}

static void structure_below_a_broken_header(void **state) {
  (void)state;
  read_text("junk\nSubject : x\n>From y\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nstill "
            "read\n--b--\n");
  assert_field(&d, "subject", "x");
  assert_field(&d, "body", "still read");
}

/* ---------------------------------------------------------------- limits */

static void put_repeated(buffer *b, const char *text, size_t count) {
  for (size_t i = 0; i < count; i++) buffer_put(b, text, strlen(text));
}

static void deep_nesting(void **state) {
  (void)state;
  buffer b = BUFFER_INIT;
  for (int i = 0; i < 10000; i++) {
    char part[100];
    const int size =
        snprintf(part, sizeof part, "Content-Type: multipart/mixed; boundary=b%d\n\n%s--b%d\n", i,
                 i == 0 ? "--b0\n\nshallow\n" : "", i);
    buffer_put(&b, part, (size_t)size);
  }
  assert_true(read_bytes((char *)b.data, b.size));
  assert_field_has(&d, "body", "shallow");
  assert_true(d.partial);
  buffer_reset(&b);
  put_repeated(&b, "Content-Type: message/rfc822\n\n", 10000);
  assert_true(read_bytes((char *)b.data, b.size));
  assert_true(d.partial);
  buffer_free(&b);
}

static void many_parts(void **state) {
  (void)state;
  buffer b = BUFFER_INIT;
  put_repeated(&b, "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nkept\n", 1);
  put_repeated(&b, "--b\n\n\n", 200000);
  assert_true(read_bytes((char *)b.data, b.size));
  assert_true(d.partial);
  assert_field_has(&d, "body", "kept");
  buffer_reset(&b);
  /* lines of dashes are not parts */
  put_repeated(&b, "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n", 1);
  put_repeated(&b, "-- \n", 20000);
  put_repeated(&b, "last\n--b--\n", 1);
  assert_true(read_bytes((char *)b.data, b.size));
  assert_false(d.partial);
  assert_int_equal(d.body.size, 4 * 20000 + 4);
  buffer_free(&b);
}

static void long_header(void **state) {
  (void)state;
  buffer b = BUFFER_INIT;
  put_repeated(&b, "Subject: x\n", 1);
  put_repeated(&b, "To: someone@example.org\n", 100000);
  put_repeated(&b, "\nthe body\n", 1);
  assert_true(read_bytes((char *)b.data, b.size));
  assert_true(d.partial);
  assert_field(&d, "subject", "x");
  assert_field(&d, "body", "the body\n");
  buffer_free(&b);
}

/* GMime calls itself for each of these colons, wherever it is let see them. */
static void groups_in_groups(void **state) {
  (void)state;
  static const char *const BEFORE[] = {
    "To: ",
    "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nTo: ",
    "Content-Type: multipart/digest; boundary=b\n\n--b\n\nTo: ",
    "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: (;) message / (x) news\n\nTo: "
  };
  buffer b = BUFFER_INIT;
  for (size_t i = 0; i < sizeof BEFORE / sizeof BEFORE[0]; i++) {
    buffer_reset(&b);
    put_repeated(&b, BEFORE[i], 1);
    put_repeated(&b, "a:", 400000);
    put_repeated(&b, "\n\nlast words\n--b--\n", 1);
    assert_true(read_bytes((char *)b.data, b.size));
    assert_non_null(draft_item(&d));
    assert_non_null(memmem(d.body.data, d.body.size, "last words", 10));
  }
  buffer_free(&b);
}

static void long_body(void **state) {
  (void)state;
  buffer b = BUFFER_INIT;
  put_repeated(&b, "Content-Type: text/plain; charset=utf-8\n\n", 1);
  put_repeated(&b, "caf\xc3\xa9\n", 2000000);
  assert_true(read_bytes((char *)b.data, b.size));
  assert_true(d.partial);
  assert_true(d.body.size <= DRAFT_BODY_MAX && d.body.size > DRAFT_BODY_MAX - 8);
  buffer_free(&b);
}

static void many_attachments_of_text(void **state) {
  (void)state;
  buffer b = BUFFER_INIT;
  put_repeated(&b, "Content-Type: multipart/mixed; boundary=b\n\n", 1);
  for (int i = 0; i < 3; i++) {
    put_repeated(&b, "--b\nContent-Disposition: attachment; filename=a.txt\n\n", 1);
    put_repeated(&b, "word word word word word word word word word word\n", 100000);
  }
  assert_true(read_bytes((char *)b.data, b.size));
  assert_true(d.partial);
  assert_true(d.attachment_size <= DRAFT_ATTACHMENT_MAX);
  buffer_free(&b);
}

/* ---------------------------------------------------------------- any bytes */

static void empty_is_refused(void **state) {
  (void)state;
  assert_false(read_bytes("", 0));
  assert_non_null(d.reason);
}

/* Every beginning of a message, and the message with each byte changed, is read without harm. */
static void cut_and_changed(void **state) {
  (void)state;
  static const char TEXT[] =
      "From a@b Tue Jun  4 12:00:00 2024\nReceived: from a by b; Wed, 05 Jun 2024 00:00:00 +0000\n"
      "Subject: =?utf-8?B?Y2Fmw6k=?= =?x?y?\nFrom: \"A (b\" <a@[1.2.3.4]>, g: b@c;\nReferences: "
      "<a> <b\n"
      "Content-Type: multipart/alternative; boundary*0=b; boundary*1=c\n\n--bc\n"
      "Content-Type: text/plain; format=flowed; charset=utf-7\n\n+AGEAYg- \nx\n--bc\nContent-Type: "
      "text/html\n"
      "Content-Transfer-Encoding: quoted-printable\n\n<p =3D>&#x41;<b\n--bc\nContent-Type: "
      "message/rfc822\n\n"
      "Subject: y\n\nz\n--bc--\n";
  char copy[sizeof TEXT];
  for (size_t i = 1; i < sizeof TEXT; i++) {
    assert_true(read_bytes(TEXT, i));
    assert_non_null(draft_item(&d));
  }
  for (size_t i = 0; i + 1 < sizeof TEXT; i++) {
    static const char BYTES[] = { '\0', '\n', '\xff', '"', '<' };
    memcpy(copy, TEXT, sizeof TEXT);
    copy[i] = BYTES[i % sizeof BYTES];
    assert_true(read_bytes(copy, sizeof TEXT - 1));
    assert_non_null(draft_item(&d));
  }
}

static void telling_messages(void **state) {
  (void)state;
  assert_true(message_begins("Subject: x\n", 11, false));
  assert_true(message_begins("junk\nSubject: x\n", 16, false));
  assert_true(message_begins("\xef\xbb\xbf\r\nFrom a@b\nX: y\n", 19, false));
  assert_false(message_begins("Just words.\nAnd more: words\n", 12, false));
  assert_false(message_begins("", 0, false));
  assert_false(message_begins("\x7f"
                              "ELF\1\1\1\0\0\0\0",
                              11, false));
  assert_false(message_begins("note: x\nmore: y\n\n", 17, true));
  assert_true(message_begins("From: x\nX-A: b\nTo: y\n\n", 22, true));
}

static int finish(void **state) {
  (void)state;
  draft_free(&d);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(plain_fields),
    cmocka_unit_test(encoded_words),
    cmocka_unit_test(raw_bytes_in_header),
    cmocka_unit_test(usenet_header),
    cmocka_unit_test(broken_header_lines),
    cmocka_unit_test(header_alone),
    cmocka_unit_test(no_header),
    cmocka_unit_test(unreadable_addresses),
    cmocka_unit_test(received_before_sent),
    cmocka_unit_test(far_dates_are_held),
    cmocka_unit_test(date_from_the_caller),
    cmocka_unit_test(threads),
    cmocka_unit_test(charsets),
    cmocka_unit_test(undeclared_bytes),
    cmocka_unit_test(wrong_bytes_are_repaired),
    cmocka_unit_test(utf16_message),
    cmocka_unit_test(transfer_encodings),
    cmocka_unit_test(text_announced_as_base64),
    cmocka_unit_test(html_alone),
    cmocka_unit_test(flowed),
    cmocka_unit_test(uuencode_is_left),
    cmocka_unit_test(alternative_takes_plain),
    cmocka_unit_test(alternative_takes_html_that_says_more),
    cmocka_unit_test(alternative_with_one_empty),
    cmocka_unit_test(attachments),
    cmocka_unit_test(attachment_as_whole_message),
    cmocka_unit_test(signature_is_no_attachment),
    cmocka_unit_test(message_in_message),
    cmocka_unit_test(messages_in_a_digest),
    cmocka_unit_test(boundary_that_never_ends),
    cmocka_unit_test(boundary_that_never_comes),
    cmocka_unit_test(boundary_not_as_announced),
    cmocka_unit_test(structure_below_a_broken_header),
    cmocka_unit_test(deep_nesting),
    cmocka_unit_test(many_parts),
    cmocka_unit_test(long_header),
    cmocka_unit_test(groups_in_groups),
    cmocka_unit_test(long_body),
    cmocka_unit_test(many_attachments_of_text),
    cmocka_unit_test(empty_is_refused),
    cmocka_unit_test(cut_and_changed),
    cmocka_unit_test(telling_messages),
  };
  return cmocka_run_group_tests(tests, NULL, finish);
}
