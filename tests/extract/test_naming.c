/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "extracting.h"

#include "indexer/extract/id_set.h"
#include "indexer/extract/naming.h"

static char result[512];

static const char *taken(buffer *b) {
  assert_false(b->failed);
  assert_true(b->size < sizeof result);
  if (b->size > 0) memcpy(result, b->data, b->size);
  result[b->size] = '\0';
  buffer_free(b);
  return result;
}

static const char *escaped(const char *text) {
  buffer b = BUFFER_INIT;
  naming_put_escaped(&b, text, strlen(text));
  return taken(&b);
}

static const char *folder(const char *path) {
  buffer b = BUFFER_INIT;
  naming_put_folder(&b, path, strlen(path));
  return taken(&b);
}

static void escapes(void **state) {
  (void)state;
  assert_string_equal(escaped("a/b c/é%20"), "a/b c/é%20");
  assert_string_equal(escaped("caf\xe9\xc3"), "caf%E9%C3");
  assert_string_equal(escaped("a\nb\x7f"), "a%0Ab%7F");
}

static void maildir_names(void **state) {
  (void)state;
  static const char NAME[] = "1717495200.M1P2.host,S=12:2,FRS";
  assert_int_equal(naming_maildir_base(NAME, sizeof NAME - 1), 25);
  assert_int_equal(naming_maildir_base("1.host", 6), 6);
  assert_int_equal(naming_maildir_base("1.host!2,S", 10), 6);
  assert_int_equal(naming_maildir_base("1.host:2,", 9), 6);
  assert_int_equal(naming_maildir_date(NAME, sizeof NAME - 1), 1717495200);
  assert_int_equal(naming_maildir_date("cthulhu", 7), 0);
  assert_int_equal(naming_maildir_date("12.x", 4), 0);
  draft d = DRAFT_INIT;
  draft_begin(&d, SDX_MESSAGE, 0);
  naming_add_flags(&d, NAME, sizeof NAME - 1);
  const sdx_item *item = draft_item(&d);
  assert_int_equal(item->flag_count, 3);
  assert_true(set_has(item->flags, 3, "seen"));
  assert_true(set_has(item->flags, 3, "answered"));
  assert_true(set_has(item->flags, 3, "flagged"));
  draft_free(&d);
}

static void folders(void **state) {
  (void)state;
  assert_string_equal(folder(""), "INBOX");
  assert_string_equal(folder(".Sent"), "Sent");
  assert_string_equal(folder(".Archive.2024"), "Archive/2024");
  assert_string_equal(folder("lists/foo"), "lists/foo");
  assert_string_equal(folder("ann/.Work"), "ann/Work");
  assert_string_equal(folder(".Entw&APw-rfe"), "Entwürfe");
  assert_string_equal(folder(".R&-D"), "R&D");
  assert_string_equal(folder(".&ZeVnLIqe-"), "日本語");
  assert_string_equal(folder(".A&B"), "A&B");
  assert_string_equal(folder(".x&A-y"), "x&A-y");
  assert_string_equal(folder("caf\xe9"), "caf%E9");
}

static void stems(void **state) {
  (void)state;
  assert_int_equal(naming_stem("dir/inbox.mbox", 14).size, 5);
  assert_int_equal(naming_stem("inbox", 5).size, 5);
  assert_int_equal(naming_stem("a/.hidden", 9).size, 7);
}

static void ids_met(void **state) {
  (void)state;
  id_set set = ID_SET_INIT;
  char id[16];
  for (int round = 0; round < 3; round++)
    for (int i = 0; i < 5000; i++) {
      const int size = snprintf(id, sizeof id, "id %d", i);
      assert_int_equal(id_set_add(&set, id, (size_t)size), round);
    }
  id_set_clear(&set);
  assert_int_equal(id_set_add(&set, "id 1", 4), 0);
  id_set_clear(&set);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(escapes), cmocka_unit_test(maildir_names), cmocka_unit_test(folders),
    cmocka_unit_test(stems),   cmocka_unit_test(ids_met),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
