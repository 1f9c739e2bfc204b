/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our terms, positions, frequencies, stems and lengths are TermGenerator's: a slice of what
 * script/check-text compares. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "oracle.h"
#include "random_text.h"

static text_analyser *open_analyser(const char *languages) {
  text_analyser *a;
  sdx_error err;
  assert_int_equal(text_analyser_open(&a, languages, &err), SDX_OK);
  return a;
}

static void random_unicode_in_every_language(void **state) {
  (void)state;
  static char body[8192], subject[24], list[24];
  for (size_t s = 0; oracle_stemmer(s) != NULL; s++) {
    text_analyser *a = open_analyser(oracle_stemmer(s));
    oracle *o = oracle_open(oracle_stemmer(s));
    size_t characters = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
      random_text r = { seed * 1000 + s };
      const size_t size = 4U << random_text_below(&r, 10);
      const oracle_field fields[] = {
        { "body", body, random_text_fill(&r, body, size, &characters) },
        { "subject", subject, random_text_fill(&r, subject, 24, &characters) },
        { "list", list, random_text_fill(&r, list, 24, &characters) },
      };
      assert_int_equal(oracle_differences(o, a, fields, 3, true), 0);
    }
    assert_true(oracle_counted(o).terms > 1000);
    assert_true(oracle_counted(o).stems > 10);
    oracle_close(o);
    text_analyser_close(a);
  }
}

/* Runs of letters, digits and the characters with rules, in every order up to length five: all that
 * the ASCII path decides. */
static void all_short_ascii_texts(void **state) {
  (void)state;
  static const char letters[] = "aB1'.+ -&,\xc3";
  enum { N = sizeof letters - 1 };
  text_analyser *a = open_analyser("en");
  oracle *o = oracle_open("en");
  char text[1 << 16];
  size_t size = 0;
  for (size_t n = 0; n < (size_t)N * N * N * N * N; n++) {
    size_t rest = n;
    for (int i = 0; i < 5; i++, rest /= N) text[size++] = letters[rest % N];
    text[size++] = '\n';
    if (size + 8 > sizeof text) {
      const oracle_field field = { "body", text, size };
      assert_int_equal(oracle_differences(o, a, &field, 1, true), 0);
      size = 0;
    }
  }
  const oracle_field field = { "body", text, size };
  assert_int_equal(oracle_differences(o, a, &field, 1, true), 0);
  oracle_close(o);
  text_analyser_close(a);
}

/* The end of a text cuts every rule short in its own way. */
static void every_prefix_of_a_nasty_text(void **state) {
  (void)state;
  static const char text[] = "U.N.C.L.E. at AT&T's C++ fish+chips 1,234.5 a++++b caf\xc3\xa9 "
                             "e\xcc\x81 abc'\xe6\xbc\xa2\xe5\xad\x97 def "
                             "\xe6\xbc\xa2 U.N. \xef\xbc\xa1\xef\xbc\x8e\xef\xbc\xa2 "
                             "z\xe2\x80\x99s \xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab "
                             "\xe3\x81\x8b\xe3\x82\x99 a\xc2\xad\xe2\x80\x8b"
                             "b \xff\xc3";
  text_analyser *a = open_analyser("en");
  oracle *o = oracle_open("en");
  for (size_t from = 0; from < 24; from++)
    for (size_t size = 0; from + size < sizeof text; size++) {
      /* At the very end of its allocation, so that a sanitizer sees a byte read too far. */
      char *copy = malloc(size + 1);
      assert_non_null(copy);
      memmove(copy + 1, text + from, size);
      const oracle_field field = { "body", copy + 1, size };
      assert_int_equal(oracle_differences(o, a, &field, 1, true), 0);
      free(copy);
    }
  oracle_close(o);
  text_analyser_close(a);
}

static void long_words_are_cut_on_a_character(void **state) {
  (void)state;
  text_analyser *a = open_analyser("en");
  oracle *o = oracle_open("en");
  char text[8192];
  for (size_t letters = 50; letters < 260; letters++) {
    size_t size = 0;
    for (size_t i = 0; i < letters; i++) text[size++] = (char)('a' + i % 26);
    memcpy(text + size, "\xcc\x81\xc3\xa9xyz ", 8);
    size += 8;
    for (size_t i = 0; i < letters; i++) memcpy(text + size + 2 * i, "\xd1\x8f", 2);
    size += 2 * letters;
    memcpy(text + size, "++ U.N end", 10);
    size += 10;
    const oracle_field field = { "body", text, size };
    assert_int_equal(oracle_differences(o, a, &field, 1, true), 0);
  }
  oracle_close(o);
  text_analyser_close(a);
}

static void fields_follow_each_other_at_their_gap(void **state) {
  (void)state;
  text_analyser *a = open_analyser("en");
  oracle *o = oracle_open("en");
  for (size_t i = 0; text_field_at(i) != NULL; i++) {
    const oracle_field fields[] = {
      { "body", "the running body runs", 21 },
      { text_field_at(i)->name, "Running mates <run@example.org>", 31 },
      { text_field_at(i)->name, "", 0 },
      { "subject", "runs", 4 },
    };
    assert_int_equal(oracle_differences(o, a, fields, 4, true), 0);
    assert_int_equal(oracle_differences(o, a, fields + 1, 3, true), 0);
  }
  oracle_close(o);
  text_analyser_close(a);
}

static size_t compare_folder(oracle *o, text_analyser *a, const char *folder, size_t most) {
  static char text[1 << 20];
  size_t files = 0;
  DIR *dir = opendir(folder);
  if (dir == NULL) return 0;
  for (struct dirent *e; files < most && (e = readdir(dir)) != NULL;) {
    char path[4096 + sizeof e->d_name];
    (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    FILE *file = e->d_name[0] != '.' ? fopen(path, "rb") : NULL;
    if (file == NULL) continue;
    const size_t size = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    const oracle_field fields[] = { { "body", text, size },
                                    { "subject", text, size < 200 ? size : 200 } };
    assert_int_equal(oracle_differences(o, a, fields, 2, false), 0);
    files++;
  }
  (void)closedir(dir);
  return files;
}

static void real_text(void **state) {
  (void)state;
  const char *corpora = getenv("SEALDEX_CORPORA");
  if (corpora == NULL) {
    print_message("skipped: SEALDEX_CORPORA is not set\n");
    skip();
    return;
  }
  static const char *const folders[][2] = {
    { "20news/sci.space", "en" }, { "multilang/de", "de" }, { "multilang/fr", "fr" },
    { "multilang/ru", "ru" },     { "multilang/ja", "en" }, { "multilang/ko", "en" },
    { "multilang/zh", "en" },     { "multilang/fi", "fi" }, { "multilang/vi", "en" },
    { "multilang/es", "es" },
  };
  size_t files = 0;
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", corpora, folders[i][0]);
    text_analyser *a = open_analyser(folders[i][1]);
    oracle *o = oracle_open(folders[i][1]);
    files += compare_folder(o, a, path, 20);
    oracle_close(o);
    text_analyser_close(a);
  }
  assert_true(files > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(random_unicode_in_every_language),
    cmocka_unit_test(all_short_ascii_texts),
    cmocka_unit_test(every_prefix_of_a_nasty_text),
    cmocka_unit_test(long_words_are_cut_on_a_character),
    cmocka_unit_test(fields_follow_each_other_at_their_gap),
    cmocka_unit_test(real_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
