/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "extracting.h"

#include "indexer/extract/contact.h"

/* What an extractor gave: how many, and the text of all fields of each, as `name=text|`. */
static char given[16][4096];
static size_t count;

static void give(draft_sink *sink, draft *d) {
  (void)sink;
  const sdx_item *item = draft_item(d);
  assert_non_null(item);
  assert_int_equal(item->kind, SDX_CONTACT);
  assert_true(count < 16);
  char *out = given[count++];
  size_t at = (size_t)snprintf(out, 4096, "[%.*s]", (int)item->id.size,
                               item->id.size > 0 ? item->id.data : "");
  for (size_t i = 0; i < item->field_count; i++)
    at += (size_t)snprintf(out + at, 4096 - at, "%s=%.*s|", item->fields[i].name,
                           (int)item->fields[i].text.size, item->fields[i].text.data);
}

static bool read_cards(const char *text, size_t size) {
  static draft d;
  draft_sink sink = { .give = give };
  count = 0;
  draft_begin(&d, SDX_CONTACT, 1700000000);
  return contact_extract(text, size, &d, &sink);
}
#define READ(text) read_cards((text), sizeof(text) - 1)
#define assert_has(i, text) assert_non_null(strstr(given[i], (text)))
#define assert_lacks(i, text) assert_null(strstr(given[i], (text)))

static void a_card(void **state) {
  (void)state;
  assert_true(
      READ("BEGIN:VCARD\r\nVERSION:4.0\r\nUID:u1\r\nFN:Ilse van der Meer\r\n"
           "N:van der Meer;Ilse;Anna;Dr.;\r\nNICKNAME:Ils,Illy\r\n"
           "item1.EMAIL;TYPE=work:ilse@lantern.example\r\nORG:Lantern;Night shift\r\n"
           "TITLE:Keeper\r\nADR;TYPE=home:;;Kaai 4;Gent;;9000;BE\r\nNOTE:likes\\nrain\\, fog\r\n"
           "BDAY:19800517\r\nURL:https://ilse.example\r\nCATEGORIES:friends,harbour\r\n"
           "PHOTO:data:image/png;base64,QUJD\r\nKEY:data:x;base64,QUJD\r\nEND:VCARD\r\n"));
  assert_int_equal(count, 1);
  assert_has(0, "[]name=Ilse van der Meer|name=Dr. Ilse Anna van der Meer|name=Ils, Illy|");
  assert_has(0, "email=ilse@lantern.example|org=Lantern, Night shift|org=Keeper|");
  assert_has(0, "address=Kaai 4, Gent, 9000, BE|");
  assert_has(0, "note=likes\nrain, fog|note=1980-05-17|url=https://ilse.example|");
  assert_has(0, "keywords=friends, harbour|name=IAvdM|");
  assert_lacks(0, "QUJD");
}

static void phones(void **state) {
  (void)state;
  static const struct {
    const char *typed, *spelling;
  } CASES[] = {
    { "+32 2 555 12 34", " 3225551234 " },    { "+32 2 555 12 34", " 025551234 " },
    { "+32 2 555 12 34", " 5551234" },        { "+32 2 555 12 34", " 003225551234 " },
    { "+32 2 555 12 34", " 02 555 12 34 " },  { "+32 (0)2 555 12 34", " 02 555 12 34 " },
    { "+32 (0)2 555 12 34", " 025551234 " },  { "0032 2 555 12 34", " 025551234 " },
    { "02/555.12.34", " 025551234 " },        { "02/555.12.34", " 5551234" },
    { "02/555.12.34", " 02 555 12 34 " },
    { "(212) 555-0123 x12", " 2125550123 " }, { "+1-212-555-0123", " 2125550123 " },
    { "+352 555 123", " 0555123 " },
  };
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    buffer out = BUFFER_INIT;
    phone_put_spellings(&out, CASES[i].typed, strlen(CASES[i].typed));
    buffer_put(&out, " ", 2);
    char all[512] = " ";
    memcpy(all + 1, out.data, out.size);
    if (strstr(all, CASES[i].spelling) == NULL)
      fail_msg("%s: no \"%s\" in \"%s\"", CASES[i].typed, CASES[i].spelling, all);
    buffer_free(&out);
  }
  buffer out = BUFFER_INIT;
  phone_put_spellings(&out, "12", 2);
  assert_int_equal(out.size, 0);
  phone_put_spellings(&out, "no number", 9);
  assert_int_equal(out.size, 0);
  buffer_free(&out);
}

static void version_2_1(void **state) {
  (void)state;
  assert_true(
      READ("BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:B=F6ll;J=\n"
           "=F6rg\nTEL;HOME;VOICE:030 123456\nPHOTO;ENCODING=BASE64;TYPE=JPEG:/9j/4AAQ\n SkZJRg\n\n"
           "AGENT:\nBEGIN:VCARD\nFN:Somebody else\nEND:VCARD\n"
           "NOTE;QUOTED-PRINTABLE:first=0D=0Asecond\nEND:VCARD\n"));
  assert_int_equal(count, 1);
  assert_has(0, "name=J\xc3\xb6rg B\xc3\xb6ll|");
  assert_has(0, "phone=030 123456 030123456 ");
  assert_has(0, "note=first\r\nsecond|");
  assert_lacks(0, "SkZ");
  assert_lacks(0, "else");
}

static void folded(void **state) {
  (void)state;
  assert_true(READ("BEGIN:VCARD\r\nFN:Ann\r\n a Ber\r\n\tg\r\nEND:VCARD\r\n"));
  assert_has(0, "name=Anna Berg|");
}

static void several(void **state) {
  (void)state;
  assert_true(READ("BEGIN:VCARD\nUID:a\nFN:A\nEND:VCARD\nBEGIN:VCARD\nFN:B\nEND:VCARD\n"
                   "begin:vcard\nFN:no end\nBEGIN:VCARD\nUID:d\nFN:cut"));
  assert_int_equal(count, 4);
  assert_has(0, "[a]name=A|");
  assert_true(strstr(given[1], "]name=B|") == given[1] + 33); /* a digest stands for its key */
  assert_has(2, "name=no end|");
  assert_has(3, "[d]name=cut|");
}

static void nothing(void **state) {
  (void)state;
  assert_false(READ(""));
  assert_false(READ("FN:x\n"));
  assert_false(READ("BEGIN:VCARD"));
  assert_false(READ("\xff\xfe"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_card), cmocka_unit_test(phones),  cmocka_unit_test(version_2_1),
    cmocka_unit_test(folded), cmocka_unit_test(several), cmocka_unit_test(nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
