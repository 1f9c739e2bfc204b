/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must hold of surface words and folds for every character there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "random_text.h"
#include "text/text.h"

static text_analyser *analyser;

static int open_analyser(void **state) {
  (void)state;
  sdx_error err;
  return text_analyser_open(&analyser, "en,tr", &err);
}
static int close_analyser(void **state) {
  (void)state;
  text_analyser_close(analyser);
  return 0;
}

static bool same(sdx_bytes a, sdx_bytes b) {
  return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* Each character alone and behind a letter: its surface is a surface of itself, its fold a fold of
 * itself, neither begins as a prefix or a filter term does. */
static void surfaces_and_folds_are_fixed_points(void **state) {
  (void)state;
  size_t words = 0;
  for (uint32_t c = 1; c < 0x110000; c++) {
    char text[16];
    text[0] = 'x';
    const size_t size = random_text_encode(c, text + 1) + 1;
    for (size_t from = 0; from < 2; from++) {
      const text_token *t;
      size_t count;
      sdx_error err;
      assert_int_equal(text_tokens(analyser, text + from, size - from, &t, &count, &err), SDX_OK);
      if (count != 1) continue;
      words++;
      assert_true(t->surface.size > 0 && t->surface.size <= TEXT_WORD_MAX);
      const char first = t->surface.data[0];
      assert_false((first >= 'A' && first <= 'Z') || first == ':');
      char surface[TEXT_TERM_MAX], folded[TEXT_TERM_MAX], again[TEXT_TERM_MAX];
      memcpy(surface, t->surface.data, t->surface.size);
      const sdx_bytes s = { surface, t->surface.size };
      memcpy(folded, t->folded.data, t->folded.size);
      const sdx_bytes f = { folded, t->folded.size };
      uint32_t id;
      assert_int_equal(text_vocabulary_intern(analyser, s.data, s.size, &id, &err), SDX_OK);
      assert_true(same(text_vocabulary_term(analyser, id), s));
      const size_t n = text_fold(analyser, f.data, f.size, again, sizeof again);
      assert_true(same((sdx_bytes){ again, n }, f) || n == 0);
    }
    if (c % 4096 == 0) text_vocabulary_reset(analyser);
  }
  assert_true(words > 200000);
}

static void folding_is_cut_at_its_room(void **state) {
  (void)state;
  char out[64];
  for (size_t room = 0; room < 12; room++) {
    memset(out, '!', sizeof out);
    const size_t n = text_fold(analyser, "\xc3\xa9\xe6\xbc\xa2\xef\xb7\xba", 8, out, room);
    assert_true(n <= room);
    assert_int_equal(out[room], '!');
    assert_true(n == 0 || n == 1 || n == 4 || n >= 6);
  }
  assert_int_equal(text_fold(analyser, "", 0, out, sizeof out), 0);
  /* Bytes that are not UTF-8 are read as Latin-1. */
  assert_int_equal(text_fold(analyser, "\xc9t\xe9\xad!", 5, out, sizeof out), 4);
  assert_memory_equal(out, "ete!", 4);
}

/* The fold of a token is text_fold of its surface, and text_fold of the text it came from. */
static void folding_a_text_and_its_words_agree(void **state) {
  (void)state;
  static const char *const texts[] = { "Caf\xc3\xa9",
                                       "STRASSE",
                                       ("stra\xc3\x9f"
                                        "e"),
                                       "\xef\xbc\xa1\xef\xbc\xa2",
                                       "\xef\xac\x81nance",
                                       "e\xcc\x81t\xc3\xa9",
                                       "\xc4\xb0zmir" };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    const text_token *t;
    size_t count;
    sdx_error err;
    char out[64];
    assert_int_equal(text_tokens(analyser, texts[i], strlen(texts[i]), &t, &count, &err), SDX_OK);
    assert_int_equal(count, 1);
    const size_t n = text_fold(analyser, texts[i], strlen(texts[i]), out, sizeof out);
    assert_true(same((sdx_bytes){ out, n }, t->folded));
  }
}

static void dotted_and_dotless_i_are_one(void **state) {
  (void)state;
  static const char *const forms[] = { "DIYARBAKIR", "Diyarbak\xc4\xb1r", "diyarbakir",
                                       "D\xc4\xb0YARBAK\xc4\xb0R" };
  for (size_t i = 0; i < 4; i++) {
    char out[64];
    const size_t n = text_fold(analyser, forms[i], strlen(forms[i]), out, sizeof out);
    assert_int_equal(n, 10);
    assert_memory_equal(out, "diyarbakir", 10);
  }
}

static void a_stem_fits_its_room(void **state) {
  (void)state;
  random_text r = { 7 };
  char word[256], out[TEXT_TERM_MAX + 1];
  for (int i = 0; i < 20000; i++) {
    size_t characters = 0;
    const size_t size = random_text_fill(&r, word, 8 + random_text_below(&r, 200), &characters);
    out[TEXT_TERM_MAX] = '!';
    const size_t n = text_stem(analyser, (uint8_t)random_text_below(&r, 3), word, size, out);
    assert_true(n <= TEXT_WORD_MAX);
    assert_int_equal(out[TEXT_TERM_MAX], '!');
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(surfaces_and_folds_are_fixed_points),
    cmocka_unit_test(folding_is_cut_at_its_room),
    cmocka_unit_test(folding_a_text_and_its_words_agree),
    cmocka_unit_test(dotted_and_dotless_i_are_one),
    cmocka_unit_test(a_stem_fits_its_room),
  };
  return cmocka_run_group_tests(tests, open_analyser, close_analyser);
}
