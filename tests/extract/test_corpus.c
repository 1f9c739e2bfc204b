/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real mail, where SEALDEX_CORPORA says that it is: every file is an item, or named with a reason;
 * of those that begin as a message does none fails and none is passed over.
 */
#include "extracting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "indexer/extract/message.h"

typedef struct tally {
  size_t items;
  size_t failed;
  size_t skipped;
  size_t partial;
  size_t text;
} tally;

/* A corpus's folder in `path`; false where it is not there. */
static bool corpus(char path[4096], const char *name) {
  struct stat st;
  const char *root = getenv("SEALDEX_CORPORA");
  if (root == NULL || snprintf(path, 4096, "%s/%s", root, name) >= 4096 || stat(path, &st) != 0) {
    print_message("skipped: %s is not here\n", name);
    return false;
  }
  return true;
}

static void assert_sound(const sdx_item *item) {
  assert_true(item->id.size >= 1 && item->id.size <= SDX_ID_MAX);
  assert_true(item->size > 0);
  for (size_t i = 0; i < item->field_count; i++) {
    const sdx_bytes text = item->fields[i].text;
    assert_true(text.size > 0);
    assert_null(memchr(text.data, '\0', text.size));
  }
}

/* A file that was not read may not begin as a message does. */
static void assert_no_message(const char *root, sdx_bytes id) {
  char path[8192];
  char start[8192];
  if (memchr(id.data, '%', id.size) != NULL) return; /* escaped: no path */
  assert_true(snprintf(path, sizeof path, "%s/%.*s", root, (int)id.size, id.data) <
              (int)sizeof path);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  const ssize_t size = read(fd, start, sizeof start);
  (void)close(fd);
  if (size <= 0) return;
  assert_false(strncmp(start, "Received:", 9) == 0 || strncmp(start, "From: ", 6) == 0 ||
               strncmp(start, "Return-Path:", 12) == 0 || strncmp(start, "Subject:", 8) == 0 ||
               message_begins(start, (size_t)size, true));
}

static tally walk_corpus(const char *path) {
  tally t = { 0 };
  sdx_source *source = NULL;
  const sdx_entry *entry = NULL;
  sdx_status status;
  assert_int_equal(sdx_source_open(&source, &path, 1, NULL, NULL), SDX_OK);
  while ((status = sdx_source_next(source, &entry, NULL)) == SDX_OK) {
    t.items += entry->state == SDX_ENTRY_ITEM;
    t.failed += entry->state == SDX_ENTRY_FAILED;
    t.skipped += entry->state == SDX_ENTRY_SKIPPED;
    t.partial += entry->state == SDX_ENTRY_PARTIAL;
    if (entry->item == NULL) {
      assert_non_null(entry->reason);
      assert_no_message(path, entry->id);
      continue;
    }
    assert_sound(entry->item);
    for (size_t i = 0; i < entry->item->field_count; i++)
      t.text += entry->item->fields[i].text.size;
  }
  assert_int_equal(status, SDX_NOT_FOUND);
  sdx_source_close(source);
  print_message("%zu items, %zu of them in part, %zu failed, %zu passed over, %zu bytes of text\n",
                t.items + t.partial, t.partial, t.failed, t.skipped, t.text);
  return t;
}

static void usenet(void **state) {
  (void)state;
  char path[4096];
  if (!corpus(path, "20news/sci.space")) return;
  const tally t = walk_corpus(path);
  assert_int_equal(t.failed + t.skipped + t.partial, 0);
  assert_true(t.items > 900);
}

static void spam_and_ham(void **state) {
  (void)state;
  char path[4096];
  if (!corpus(path, "spamassassin")) return;
  const tally t = walk_corpus(path);
  assert_int_equal(t.failed + t.skipped, 0);
  assert_int_equal(t.items + t.partial, 6262);
}

static void broken_mime(void **state) {
  (void)state;
  char path[4096];
  if (!corpus(path, "mime")) return;
  const tally t = walk_corpus(path);
  assert_int_equal(t.failed, 0);
  assert_true(t.items + t.partial > 1900);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(usenet),
    cmocka_unit_test(spam_and_ham),
    cmocka_unit_test(broken_mime),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
