/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walk over sources, through the public header. */
#include "extracting.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static const char *path_of(const char *name) {
  static char path[4200];
  assert_true(snprintf(path, sizeof path, "%s/%s", root, name) < (int)sizeof path);
  return path;
}

static void put_bytes(const char *name, const char *text, size_t size) {
  char path[4200];
  (void)snprintf(path, sizeof path, "%s", path_of(name));
  for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
    *slash = '\0';
    assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
    *slash = '/';
  }
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, size), (ssize_t)size);
  (void)close(fd);
}

static void put_file(const char *name, const char *text) {
  put_bytes(name, text, strlen(text));
}

static void put_directory(const char *name) {
  char inside[256];
  (void)snprintf(inside, sizeof inside, "%s/x", name);
  put_file(inside, "");
  assert_int_equal(unlink(path_of(inside)), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}

static int new_root(void **state) {
  (void)state;
  (void)snprintf(root, sizeof root, "/tmp/sealdex-source-XXXXXX");
  return mkdtemp(root) == NULL;
}

static int drop_root(void **state) {
  (void)state;
  return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* What a walk gave, one line an entry: "ITEM id [folder] flag,flag\n" or "FAILED id: reason\n". */
static char given[1 << 16];

static void note_sets(const sdx_item *item, char *line, size_t size) {
  size_t at = 0;
  line[0] = '\0';
  for (size_t i = 0; i < item->folder_count; i++)
    at += (size_t)snprintf(line + at, size - at, " [%.*s]", (int)item->folders[i].size,
                           item->folders[i].data);
  for (size_t i = 0; i < item->flag_count; i++)
    at += (size_t)snprintf(line + at, size - at, "%s%.*s", i == 0 ? " " : ",",
                           (int)item->flags[i].size, item->flags[i].data);
}

static const char *drain(sdx_source *source) {
  static const char *const STATES[] = { "ITEM", "FAILED", "SKIPPED", "PARTIAL" };
  const sdx_entry *entry = NULL;
  size_t at = 0;
  uint64_t done = 0;
  sdx_status status;
  given[0] = '\0';
  while ((status = sdx_source_next(source, &entry, NULL)) == SDX_OK) {
    char sets[512] = "";
    assert_true(entry->bytes_done >= done);
    assert_true(entry->bytes_total == 0 || entry->bytes_done <= entry->bytes_total);
    done = entry->bytes_done;
    if (entry->item != NULL) {
      assert_int_equal(entry->id.size, entry->item->id.size);
      assert_memory_equal(entry->id.data, entry->item->id.data, entry->id.size);
      note_sets(entry->item, sets, sizeof sets);
    } else {
      assert_non_null(entry->reason);
      (void)snprintf(sets, sizeof sets, ": %s", entry->reason);
    }
    at += (size_t)snprintf(given + at, sizeof given - at, "%s %.*s%s\n", STATES[entry->state],
                           (int)entry->id.size, entry->id.data, sets);
    assert_true(at < sizeof given);
  }
  assert_int_equal(status, SDX_NOT_FOUND);
  assert_int_equal(sdx_source_next(source, &entry, NULL), SDX_NOT_FOUND);
  sdx_source_close(source);
  return given;
}

static const char *walk_paths(const char *const *paths, size_t count) {
  sdx_source *source = NULL;
  assert_int_equal(sdx_source_open(&source, paths, count, NULL, NULL), SDX_OK);
  return drain(source);
}

static const char *walk_one(const char *name) {
  const char *path = name[0] == '\0' ? root : path_of(name);
  return walk_paths(&path, 1);
}

#define MAIL "Subject: a\n\nx\n"
#define DATED "From ann@example.org Tue Jun  4 12:00:00 2024\n"

/* ---------------------------------------------------------------- directories */

static void tree(void **state) {
  (void)state;
  put_file("b/2.eml", MAIL);
  put_file("b/1", MAIL);
  put_file("a.txt", "Just words.\n");
  put_file("notes.md", "# Head\n\ntext\n");
  put_file("page.html", "<title>t</title><p>x");
  put_file("b/c/data.bin", "\1\2\3\4\5\6");
  put_file("empty", "");
  put_file("empty.eml", "");
  put_file("settings.yml", "name: x\n");
  assert_string_equal(walk_one(""), "ITEM a.txt\n"
                                    "ITEM b/1 [b]\n"
                                    "ITEM b/2.eml [b]\n"
                                    "SKIPPED b/c/data.bin: it is of no supported type\n"
                                    "SKIPPED empty: it is empty\n"
                                    "FAILED empty.eml: it is empty\n"
                                    "ITEM notes.md\n"
                                    "ITEM page.html\n"
                                    "ITEM settings.yml\n");
}

static void files_named_directly(void **state) {
  (void)state;
  put_file("d/1.eml", MAIL);
  put_file("d/data.bin", "\1\2\3\4\5\6");
  put_file("d/empty", "");
  assert_string_equal(walk_one("d/1.eml"), "ITEM 1.eml\n");
  assert_string_equal(walk_one("d/data.bin"), "FAILED data.bin: it is of no supported type\n");
  assert_string_equal(walk_one("d/empty"), "FAILED empty: it is empty\n");
  assert_string_equal(walk_one("d/missing"),
                      "FAILED missing: it cannot be reached: No such file or directory\n");
  assert_string_equal(walk_one("d///"), "ITEM 1.eml\nSKIPPED data.bin: it is of no supported type\n"
                                        "SKIPPED empty: it is empty\n");
}

static void documents(void **state) {
  (void)state;
  put_file("d/notes.md", "intro\n\n# The Head #\n\ntext\n");
  const char *path = path_of("d/notes.md");
  sdx_source *source = NULL;
  const sdx_entry *entry = NULL;
  assert_int_equal(sdx_source_open(&source, &path, 1, NULL, NULL), SDX_OK);
  assert_int_equal(sdx_source_next(source, &entry, NULL), SDX_OK);
  assert_int_equal(entry->item->kind, SDX_DOCUMENT);
  assert_true(entry->item->date > 1700000000);
  assert_int_equal(entry->item->field_count, 3);
  assert_string_equal(entry->item->fields[1].name, "title");
  assert_int_equal(entry->item->fields[1].text.size, 8);
  assert_memory_equal(entry->item->fields[1].text.data, "The Head", 8);
  assert_string_equal(entry->item->fields[2].name, "filename");
  sdx_source_close(source);
}

static void links(void **state) {
  (void)state;
  put_file("d/1.eml", MAIL);
  assert_int_equal(symlink("1.eml", path_of("d/2.eml")), 0);
  assert_int_equal(symlink("gone", path_of("d/3.eml")), 0);
  assert_int_equal(symlink("..", path_of("d/up")), 0);
  assert_int_equal(symlink("self", path_of("d/self")), 0);
  assert_int_equal(mkfifo(path_of("d/fifo"), 0600), 0);
  assert_int_equal(symlink("fifo", path_of("d/fifo2.eml")), 0);
  assert_int_equal(symlink("d", path_of("way")), 0);
  static const char GIVEN[] =
      "ITEM 1.eml\nITEM 2.eml\n"
      "FAILED 3.eml: it cannot be reached: No such file or directory\n"
      "SKIPPED fifo: it is of no supported type\n"
      "SKIPPED fifo2.eml: it is of no supported type\n"
      "FAILED self: it cannot be reached: Too many levels of symbolic links\n"
      "SKIPPED up: it is of no supported type\n";
  assert_string_equal(walk_one("d"), GIVEN);
  assert_string_equal(walk_one("way"), GIVEN);
}

static void unreadable(void **state) {
  (void)state;
  if (geteuid() == 0) skip();
  put_file("d/1.eml", MAIL);
  put_file("e/1.eml", MAIL);
  assert_int_equal(chmod(path_of("d/1.eml"), 0), 0);
  assert_int_equal(chmod(path_of("e"), 0), 0);
  assert_string_equal(walk_one(""), "FAILED d/1.eml: it cannot be opened: Permission denied\n"
                                    "FAILED e: it cannot be reached: Permission denied\n");
  assert_int_equal(chmod(path_of("e"), 0700), 0);
}

static void names_of_other_bytes(void **state) {
  (void)state;
  put_file("d/caf\xe9/\xff.eml", MAIL);
  put_file("d/été.eml", MAIL);
  put_file("d/new\nline.eml", MAIL);
  assert_string_equal(walk_one("d"),
                      "ITEM caf%E9/%FF.eml [caf%E9]\nITEM new%0Aline.eml\nITEM été.eml\n");
}

static void long_ids(void **state) {
  (void)state;
  char name[512];
  memset(name, 'n', sizeof name);
  memcpy(name, "d/", 2);
  name[2 + 200] = '/';
  memcpy(name + 2 + 201, "1.eml", 6);
  put_file(name, MAIL);
  assert_non_null(strstr(walk_one("d"), "ITEM nnn"));
  memset(name + 2 + 201, 'm', 199);
  name[2 + 201 + 199] = '\0';
  put_file(name, MAIL);
  assert_non_null(strstr(walk_one("d"), "ITEM nnn")); /* 400 bytes */
  name[2 + 201 + 199] = 'm';
  name[2 + 201 + 200] = '\0';
  put_file(name, MAIL);
  assert_non_null(strstr(walk_one("d"), "mmm: its id would be longer than 400 bytes\n"));
}

/* More than the worker is asked about at once, with others among them. */
static void many_files(void **state) {
  (void)state;
  static char large[50000] = "Subject: a\n\n";
  static char expected[1 << 14];
  char name[16];
  size_t at = 0;
  memset(large + strlen(large), 'x', sizeof large - 1 - strlen(large));
  for (unsigned i = 0; i < 120; i++) {
    (void)snprintf(name, sizeof name, "d/%03u", i);
    const char *line = "ITEM %03u\n";
    if (i % 40 == 17) {
      put_file(name, large);
    } else if (i % 40 == 20) {
      put_bytes(name, "\1\2\3\4", 4);
      line = "SKIPPED %03u: it is of no supported type\n";
    } else if (i % 40 == 23) {
      put_file(name, DATED "Message-ID: <1@x>\n\nx\n\n" DATED "Message-ID: <2@x>\n\ny\n");
      line = "ITEM %1$03u#1@x [%1$03u]\nITEM %1$03u#2@x [%1$03u]\n";
    } else if (i % 40 == 30) {
      put_file(name, "BEGIN:VCARD\nUID:1\nFN:A\nEND:VCARD\nBEGIN:VCARD\nUID:2\nFN:B\nEND:VCARD\n");
      line = "ITEM %1$03u#1\nITEM %1$03u#2\n";
    } else {
      put_file(name, MAIL);
    }
    at += (size_t)snprintf(expected + at, sizeof expected - at, line, i);
  }
  assert_string_equal(walk_one("d"), expected);
}

static void one_id_twice(void **state) {
  (void)state;
  put_file("d/1.eml", MAIL);
  put_file("e/1.eml", MAIL);
  char first[4200];
  char second[4200];
  (void)snprintf(first, sizeof first, "%s", path_of("d"));
  (void)snprintf(second, sizeof second, "%s", path_of("e"));
  const char *const paths[] = { first, second };
  assert_string_equal(walk_paths(paths, 2),
                      "ITEM 1.eml\nFAILED 1.eml: its id was met before in this run\n");
}

/* ---------------------------------------------------------------- Maildir */

static void maildir(void **state) {
  (void)state;
  put_file("m/cur/1717495200.a:2,FRS", MAIL);
  put_file("m/cur/1717495201.b:2,DTP", MAIL);
  put_file("m/cur/.hidden", MAIL);
  put_file("m/new/1717495202.c", MAIL);
  put_file("m/tmp/1717495203.d", MAIL);
  put_file("m/subscriptions", "V\t2\n");
  put_file("m/.Archive.2024/cur/1.a:2,S", MAIL);
  put_directory("m/.Archive.2024/new");
  put_file("m/lists/foo/new/2.a", MAIL);
  put_directory("m/lists/foo/cur");
  assert_string_equal(walk_one("m"), "ITEM .Archive.2024/1.a [Archive/2024] seen\n"
                                     "SKIPPED .hidden: it is of no supported type\n"
                                     "ITEM 1717495200.a [INBOX] seen,answered,flagged\n"
                                     "ITEM 1717495201.b [INBOX] draft,trashed,passed\n"
                                     "ITEM lists/foo/2.a [lists/foo]\n"
                                     "ITEM 1717495202.c [INBOX]\n"
                                     "SKIPPED subscriptions: it is of no supported type\n");
  assert_non_null(strstr(walk_one(""), "ITEM m/1717495200.a [m] seen,answered,flagged\n"));
  assert_non_null(strstr(given, "ITEM m/.Archive.2024/1.a [m/Archive/2024] seen\n"));
}

static void maildir_takes_anything(void **state) {
  (void)state;
  put_file("m/cur/1:2,", "no header here at all\n");
  put_file("m/cur/2:2,", "");
  put_directory("m/new");
  assert_string_equal(walk_one("m"), "ITEM 1 [INBOX]\nFAILED 2: it is empty\n");
}

/* ---------------------------------------------------------------- mbox */

static void mboxes(void **state) {
  (void)state;
  put_file("d/inbox.mbox",
           DATED "Message-ID: <1@x>\nStatus: R\n\nx\n\n" DATED "Message-ID: <1@x>\n\ny\n\n" DATED
                 "Message-ID: <1@x>\n\nz\n\n" DATED "Subject: none\n\nz\n");
  assert_string_equal(walk_one("d"),
                      "ITEM inbox.mbox#1@x [inbox] seen\nITEM inbox.mbox#1@x~2 [inbox]\n"
                      "ITEM inbox.mbox#1@x~3 [inbox]\n"
                      "ITEM inbox.mbox#0353355be3d4f613e81cf0c430a7fe3f [inbox]\n");
}

static void mbox_or_message(void **state) {
  (void)state;
  put_file("d/1/one", DATED "Message-ID: <1@x>\n\nx\n");
  put_file("d/one.mbox", DATED "Message-ID: <1@x>\n\nx\n");
  put_file("d/plain.mbox", "Message-ID: <1@x>\n\nx\n");
  put_file("d/two", DATED "Message-ID: <1@x>\n\nx\n\n" DATED "Message-ID: <2@x>\n\nx\n");
  put_file("d/void.mbox", "");
  put_file("d/z.eml", DATED "Message-ID: <1@x>\n\nx\n\n" DATED "Message-ID: <2@x>\n\nx\n");
  assert_string_equal(walk_one("d"), "ITEM 1/one [1]\nITEM one.mbox#1@x [one]\nITEM plain.mbox\n"
                                     "ITEM two#1@x [two]\nITEM two#2@x [two]\n"
                                     "SKIPPED void.mbox: it is empty\nITEM z.eml\n");
}

/* ---------------------------------------------------------------- dates */

static void read_dates(const char *name, int64_t now, int64_t *date, int64_t *sent) {
  const sdx_source_options options = { .version = 1, .now = now };
  const sdx_entry *entry = NULL;
  const char *path = path_of(name);
  sdx_source *source = NULL;
  assert_int_equal(sdx_source_open(&source, &path, 1, &options, NULL), SDX_OK);
  assert_int_equal(sdx_source_next(source, &entry, NULL), SDX_OK);
  assert_non_null(entry->item);
  *date = entry->item->date;
  *sent = entry->item->sent;
  sdx_source_close(source);
}

#define WRITTEN 1600000000

static void a_far_date_is_the_same_whenever_it_is_read(void **state) {
  (void)state;
  static const char *const NAMES[] = { "d/far.eml", "d/box.mbox" };
  static const char TEXT[] = "Date: Fri, 01 Jan 2100 00:00:00 +0000\nSubject: a\n\nx\n";
  const struct timespec times[2] = { { .tv_sec = WRITTEN }, { .tv_sec = WRITTEN } };
  put_file("d/far.eml", TEXT);
  put_file("d/box.mbox", DATED "Date: Fri, 01 Jan 2100 00:00:00 +0000\nSubject: a\n\nx\n");
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(utimensat(AT_FDCWD, path_of(NAMES[i]), times, 0), 0);
    for (int64_t later = 0; later < 3; later++) {
      int64_t date, sent;
      read_dates(NAMES[i], WRITTEN + 10 + later * 100 * SDX_DAY, &date, &sent);
      assert_int_equal(sent, WRITTEN + SDX_DAY);
      assert_int_equal(date, WRITTEN + SDX_DAY);
    }
    int64_t date, sent;
    read_dates(NAMES[i], WRITTEN - 1000, &date, &sent); /* the file's own date cannot be, either */
    assert_int_equal(sent, WRITTEN - 1000 + SDX_DAY);
    read_dates(NAMES[i], INT64_C(4200000000), &date, &sent); /* that day has come */
    assert_int_equal(sent, INT64_C(4102444800));
  }
}

/* ---------------------------------------------------------------- JSON Lines */

#define LINES                                                                                      \
  "{\"id\":\"a\",\"fields\":{\"body\":\"x\"},\"attributes\":{\"folder\":\"F\",\"flags\":["         \
  "\"seen\"]}}\n"                                                                                  \
  "broken\n\n{\"id\":\"a\",\"fields\":{}}\n{\"id\":\"b\",\"fields\":7}\n{\"id\":\"c\",\"fields\":" \
  "{}}"

static void lines_of_a_file(void **state) {
  (void)state;
  put_file("d/host.jsonl", LINES);
  assert_string_equal(walk_one("d"),
                      "ITEM a [F] seen\nFAILED host.jsonl:2: the line is no valid JSON\n"
                      "FAILED a: its id was met before in this run\n"
                      "FAILED b: \"fields\" is no object of texts\nITEM c\n");
}

static void lines_of_a_descriptor(void **state) {
  (void)state;
  put_file("lines", LINES);
  const int fd = open(path_of("lines"), O_RDONLY | O_CLOEXEC);
  assert_true(fd >= 0);
  const sdx_source_options options = { .version = 1, .lines_on_stdin = true, .lines_fd = fd };
  sdx_source *source = NULL;
  assert_int_equal(sdx_source_open(&source, NULL, 0, &options, NULL), SDX_OK);
  assert_string_equal(drain(source), "ITEM a [F] seen\nFAILED line 2: the line is no valid JSON\n"
                                     "FAILED a: its id was met before in this run\n"
                                     "FAILED b: \"fields\" is no object of texts\nITEM c\n");
  assert_int_equal(close(fd), 0); /* it was borrowed */
}

static void bad_arguments(void **state) {
  (void)state;
  sdx_source *source = NULL;
  sdx_error err = { 0 };
  const char *const paths[] = { "" };
  assert_int_equal(sdx_source_open(&source, paths, 1, NULL, &err), SDX_INVALID);
  assert_null(source);
  assert_int_not_equal(err.message[0], '\0');
  assert_string_equal(walk_paths(NULL, 0), "");
  const sdx_source_calls calls = { .version = 1 };
  assert_int_equal(sdx_source_open(NULL, NULL, 0, NULL, &err), SDX_INVALID);
  assert_int_equal(sdx_source_own(NULL, &calls, &err), SDX_INVALID);
  assert_int_equal(sdx_source_open(&source, NULL, 0, NULL, &err), SDX_OK);
  assert_int_equal(sdx_source_next(source, NULL, &err), SDX_INVALID);
  sdx_source_close(source);
  sdx_source_close(NULL);
}

#define source_test(f) cmocka_unit_test_setup_teardown(f, new_root, drop_root)

int main(void) {
  const struct CMUnitTest tests[] = {
    source_test(tree),
    source_test(files_named_directly),
    source_test(documents),
    source_test(links),
    source_test(unreadable),
    source_test(names_of_other_bytes),
    source_test(long_ids),
    source_test(many_files), source_test(one_id_twice),
    source_test(maildir),
    source_test(maildir_takes_anything),
    source_test(mboxes),
    source_test(mbox_or_message),
    source_test(a_far_date_is_the_same_whenever_it_is_read),
    source_test(lines_of_a_file),
    source_test(lines_of_a_descriptor),
    source_test(bad_arguments),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
