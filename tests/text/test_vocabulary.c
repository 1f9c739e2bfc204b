/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The vocabulary and its classes, filter and exact terms, resets, refused input, failing memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random_text.h"
#include "text/text.h"

/* ---------------------------------------------------------------- memory that fails on demand */

void *__real_plain_alloc(size_t size);
void *__wrap_plain_alloc(size_t size);
static long allocations_left = -1; /* negative: no limit */

void *__wrap_plain_alloc(size_t size) {
  if (allocations_left == 0) return NULL;
  if (allocations_left > 0) allocations_left--;
  return __real_plain_alloc(size);
}

/* ---------------------------------------------------------------- helpers */

static text_analyser *open_analyser(const char *languages) {
  text_analyser *a;
  sdx_error err;
  assert_int_equal(text_analyser_open(&a, languages, &err), SDX_OK);
  return a;
}

static text_terms analyse(text_analyser *a, const char *field, const char *text) {
  sdx_error err;
  text_terms terms;
  assert_int_equal(text_begin(a, &err), SDX_OK);
  assert_int_equal(
      text_add_field(a, text_field_find(field, strlen(field)), text, strlen(text), &err), SDX_OK);
  assert_int_equal(text_finish(a, &terms, &err), SDX_OK);
  return terms;
}

static uint32_t intern(text_analyser *a, const char *term) {
  uint32_t id;
  sdx_error err;
  assert_int_equal(text_vocabulary_intern(a, term, strlen(term), &id, &err), SDX_OK);
  return id;
}

static bool is(sdx_bytes bytes, const char *string) {
  return bytes.size == strlen(string) && memcmp(bytes.data, string, bytes.size) == 0;
}

static void assert_class(text_analyser *a, uint32_t c, const char *key, text_class_kind kind,
                         uint8_t language) {
  text_class_kind k;
  uint8_t l;
  assert_int_not_equal(c, TEXT_NONE);
  assert_true(c < text_class_count(a));
  assert_true(is(text_class_key(a, c, &k, &l), key));
  assert_int_equal(k, kind);
  assert_int_equal(l, language);
}

/* ---------------------------------------------------------------- tests */

static void ids_count_up_in_order_of_appearance(void **state) {
  (void)state;
  text_analyser *a = open_analyser("en");
  const text_terms t = analyse(a, "body", "one two one three");
  assert_int_equal(t.count, 3);
  assert_int_equal(t.length, 8);
  assert_int_equal(t.body_end, 4);
  for (uint32_t i = 0; i < 3; i++) assert_int_equal(t.terms[i].id, i);
  assert_int_equal(analyse(a, "body", "three four").terms[1].id, 3);
  assert_int_equal(text_vocabulary_count(a), 4);
  assert_int_equal(intern(a, "two"), 1);
  assert_true(is(text_vocabulary_term(a, 3), "four"));
  text_analyser_close(a);
}

static void classes_are_shared_by_forms_and_kept_apart_by_prefix(void **state) {
  (void)state;
  text_analyser *a = open_analyser("en,de");
  (void)analyse(a, "subject", "running runs caf\xc3\xa9 cafe 42 \xe6\xbc\xa2");
  const text_class *running = text_vocabulary_class(a, intern(a, "running"));
  assert_int_equal(running->fold, TEXT_NONE);
  assert_class(a, running->stems[0], "run", TEXT_STEM, 0);
  assert_class(a, running->stems[1], "running", TEXT_STEM, 1);
  assert_int_equal(text_vocabulary_class(a, intern(a, "runs"))->stems[0], running->stems[0]);
  const text_class *prefixed = text_vocabulary_class(a, intern(a, "Srunning"));
  assert_class(a, prefixed->stems[0], "Srun", TEXT_STEM, 0);
  assert_int_equal(text_vocabulary_class(a, intern(a, "Sruns"))->stems[0], prefixed->stems[0]);
  assert_class(a, text_vocabulary_class(a, intern(a, "caf\xc3\xa9"))->fold, "cafe", TEXT_FOLD, 0);
  assert_class(a, text_vocabulary_class(a, intern(a, "Scaf\xc3\xa9"))->fold, "Scafe", TEXT_FOLD, 0);
  assert_int_equal(text_vocabulary_class(a, intern(a, "cafe"))->fold, TEXT_NONE);
  assert_int_equal(text_vocabulary_class(a, intern(a, "42"))->stems[0], TEXT_NONE);
  assert_int_equal(text_vocabulary_class(a, intern(a, "\xe6\xbc\xa2"))->stems[0], TEXT_NONE);
  text_analyser_close(a);
}

/* A journal record names terms by their bytes: interning gives the same classes as analysis. */
static void interning_equals_analysis(void **state) {
  (void)state;
  text_analyser *a = open_analyser("fr,ru"), *b = open_analyser("fr,ru");
  char text[2048];
  for (uint64_t seed = 1; seed < 60; seed++) {
    random_text r = { seed };
    size_t characters = 0;
    const size_t size = random_text_fill(&r, text, sizeof text, &characters);
    sdx_error err;
    assert_int_equal(text_begin(a, &err), SDX_OK);
    assert_int_equal(text_add_field(a, text_field_find("from", 4), text, size, &err), SDX_OK);
  }
  for (uint32_t id = 0; id < text_vocabulary_count(a); id++) {
    const sdx_bytes term = text_vocabulary_term(a, id);
    uint32_t other;
    sdx_error err;
    assert_int_equal(text_vocabulary_intern(b, term.data, term.size, &other, &err), SDX_OK);
    assert_int_equal(other, id);
    const text_class *x = text_vocabulary_class(a, id), *y = text_vocabulary_class(b, other);
    assert_int_equal(x->fold, y->fold);
    assert_int_equal(x->stems[0], y->stems[0]);
    assert_int_equal(x->stems[1], y->stems[1]);
  }
  assert_int_equal(text_class_count(a), text_class_count(b));
  text_analyser_close(a);
  text_analyser_close(b);
}

static void filter_terms_have_no_frequency_and_no_class(void **state) {
  (void)state;
  text_analyser *a = open_analyser("en");
  sdx_error err;
  text_terms t;
  assert_int_equal(text_begin(a, &err), SDX_OK);
  assert_int_equal(text_add_filter(a, "D20240517", 9, &err), SDX_OK);
  assert_int_equal(text_add_filter(a, "A:Running", 9, &err), SDX_OK);
  assert_int_equal(text_add_filter(a, "D20240517", 9, &err), SDX_OK);
  assert_int_equal(text_add_field(a, text_field_find("body", 4), "words", 5, &err), SDX_OK);
  assert_int_equal(text_finish(a, &t, &err), SDX_OK);
  assert_int_equal(t.count, 3);
  assert_int_equal(t.length, 2);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(t.terms[i].wdf, 0);
    assert_int_equal(t.terms[i].count, 0);
    assert_int_equal(text_vocabulary_class(a, t.terms[i].id)->fold, TEXT_NONE);
    assert_int_equal(text_vocabulary_class(a, t.terms[i].id)->stems[0], TEXT_NONE);
  }
  assert_true(is(text_vocabulary_term(a, t.terms[1].id), "A:Running"));
  assert_int_equal(intern(a, "A:Running"), t.terms[1].id);
  char out[TEXT_TERM_MAX + 1];
  memset(out, 'x', sizeof out);
  assert_int_equal(text_add_filter(a, out, sizeof out, &err), SDX_INVALID);
  assert_int_equal(text_add_filter(a, out, 0, &err), SDX_INVALID);
  text_analyser_close(a);
}

/* The same bytes are one term, whichever way they came. */
static void a_filter_term_that_is_a_word_is_that_word(void **state) {
  (void)state;
  text_analyser *a = open_analyser("en");
  sdx_error err;
  text_terms t;
  assert_int_equal(text_begin(a, &err), SDX_OK);
  assert_int_equal(text_add_filter(a, "Srunning", 8, &err), SDX_OK);
  assert_int_equal(text_add_field(a, text_field_find("subject", 7), "Running", 7, &err), SDX_OK);
  assert_int_equal(text_finish(a, &t, &err), SDX_OK);
  assert_int_equal(t.count, 2);
  assert_int_equal(t.terms[0].wdf, 3);
  assert_int_equal(t.terms[0].count, 1);
  assert_int_equal(t.length, 12);
  text_analyser_close(a);
}

static void whole_values_are_found_whole(void **state) {
  (void)state;
  text_analyser *a = open_analyser("en");
  static const struct {
    const char *field, *value, *term;
  } examples[] = {
    { "to", "joe@example.org", "XTO:joe@example.org" },
    { "to", "  <Joe@EXAMPLE.org> ", "XTO:joe@example.org" },
    { "to", "'joe@example.org'", "XTO:joe@example.org" },
    { "from",
      "J\xc3\xb6rg@b\xc3\xbc"
      "cher.example",
      "A:jorg@bucher.example" },
    { "list", "Some List <users.example.org>", "XLIST:users.example.org" },
    { "message-id", "<1234>", "XMID:1234" },
    { "message-id", " ", "" },
    { "message-id", "<>", "" },
  };
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
    char out[TEXT_TERM_MAX + 1];
    const size_t n = text_exact(a, text_field_find(examples[i].field, strlen(examples[i].field)),
                                examples[i].value, strlen(examples[i].value), out);
    out[n] = '\0';
    assert_string_equal(out, examples[i].term);
  }
  char value[200], out[TEXT_TERM_MAX];
  memset(value, 'x', sizeof value);
  assert_int_equal(text_exact(a, text_field_find("to", 2), value, sizeof value, out),
                   TEXT_TERM_MAX);

  const text_terms t = analyse(a, "to", "\"Doe, J.\" <j@a.example>, list: k@b.example;");
  size_t found = 0;
  for (size_t i = 0; i < t.count; i++) {
    const sdx_bytes term = text_vocabulary_term(a, t.terms[i].id);
    found += is(term, "XTO:j@a.example") || is(term, "XTO:k@b.example");
    assert_false(t.terms[i].wdf == 0 && !is(term, "XTO:j@a.example") &&
                 !is(term, "XTO:k@b.example"));
  }
  assert_int_equal(found, 2);
  text_analyser_close(a);
}

static void prefixes_cannot_be_confused(void **state) {
  (void)state;
  for (size_t i = 0; text_field_at(i) != NULL; i++) {
    const text_field_rule *r = text_field_at(i);
    const size_t n = strlen(r->prefix);
    assert_true(n + 1 + TEXT_WORD_MAX <= TEXT_TERM_MAX);
    assert_int_equal(strspn(r->prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), n);
    assert_true(n < 2 || r->prefix[0] == 'X');
    assert_true(n == 0 || r->prefix[0] != 'Z');
    assert_ptr_equal(text_field_find(r->name, strlen(r->name)), r);
  }
  assert_null(text_field_find("subjec", 6));
  assert_null(text_field_find("", 0));
}

static void a_reset_forgets_terms_and_keeps_words(void **state) {
  (void)state;
  text_analyser *a = open_analyser("en");
  (void)analyse(a, "subject", "some running words caf\xc3\xa9");
  assert_int_equal(text_vocabulary_count(a), 8);
  text_vocabulary_reset(a);
  assert_int_equal(text_vocabulary_count(a), 0);
  assert_int_equal(text_class_count(a), 0);
  const text_terms t = analyse(a, "body", "running caf\xc3\xa9");
  assert_int_equal(t.terms[0].id, 0);
  assert_int_equal(t.terms[1].id, 1);
  assert_class(a, text_vocabulary_class(a, 0)->stems[0], "run", TEXT_STEM, 0);
  assert_class(a, text_vocabulary_class(a, 1)->fold, "cafe", TEXT_FOLD, 0);
  text_analyser_close(a);
}

static void memory_stays_bounded_over_resets(void **state) {
  (void)state;
  text_analyser *a = open_analyser("en");
  char text[4096];
  random_text r = { 3 };
  size_t most = 0;
  for (int i = 0; i < 600; i++) {
    size_t characters = 0;
    sdx_error err;
    const size_t size = random_text_fill(&r, text, sizeof text, &characters);
    assert_int_equal(text_begin(a, &err), SDX_OK);
    assert_int_equal(text_add_field(a, text_field_find("body", 4), text, size, &err), SDX_OK);
    if (text_vocabulary_bytes(a) > most) most = text_vocabulary_bytes(a);
    text_vocabulary_reset(a);
  }
  assert_true(most < (14U << 20));
  text_analyser_close(a);
}

/* Until the reset it says of each term and class what it said; after that it begins anew. */
static void a_closed_vocabulary_still_tells(void **state) {
  (void)state;
  text_analyser *a = open_analyser("en");
  char text[16000], name[16];
  for (unsigned i = 0; i < 80; i++) {
    size_t size = 0;
    for (unsigned k = 0; k < 1000; k++)
      size += (size_t)snprintf(text + size, sizeof text - size, "wa%us ", 1000 * i + k);
    (void)analyse(a, "body", text);
  }
  const uint32_t prefixed = intern(a, "Awa77s"), filter = intern(a, "F:of its own");
  const size_t count = text_vocabulary_count(a), bytes = text_vocabulary_bytes(a);
  text_vocabulary_close(a);
  assert_true(text_vocabulary_bytes(a) < bytes);
  assert_int_equal(text_vocabulary_count(a), count);
  for (uint32_t i = 0; i < 80000; i += 997) {
    (void)snprintf(name, sizeof name, "wa%us", i);
    assert_true(is(text_vocabulary_term(a, i), name));
    (void)snprintf(name, sizeof name, "wa%u", i);
    assert_class(a, text_vocabulary_class(a, i)->stems[0], name, TEXT_STEM, 0);
  }
  assert_true(is(text_vocabulary_term(a, prefixed), "Awa77s"));
  assert_class(a, text_vocabulary_class(a, prefixed)->stems[0], "Awa77", TEXT_STEM, 0);
  assert_true(is(text_vocabulary_term(a, filter), "F:of its own"));
  text_vocabulary_reset(a);
  assert_int_equal(intern(a, "wa5s"), 0);
  assert_int_equal(analyse(a, "body", "wa6s wa5s").terms[0].id, 1);
  assert_class(a, text_vocabulary_class(a, 1)->stems[0], "wa6", TEXT_STEM, 0);
  text_analyser_close(a);
}

static void languages_are_checked(void **state) {
  (void)state;
  text_analyser *a;
  sdx_error err;
  assert_int_equal(text_analyser_open(&a, "en,klingonese", &err), SDX_INVALID);
  assert_null(a);
  assert_int_equal(text_analyser_open(&a, "en,,de", &err), SDX_INVALID);
  assert_int_equal(
      text_analyser_open(&a, "ar,hy,eu,ca,da,nl,en,fi,fr,de,hu,id,ga,it,lt,ne,no", &err),
      SDX_INVALID);
  a = open_analyser("english,en,german,pl");
  assert_int_equal(text_language_count(a), 3);
  assert_string_equal(text_language_code(a, 0), "en");
  assert_string_equal(text_language_code(a, 1), "de");
  assert_string_equal(text_language_code(a, 2), "pl");
  assert_null(text_language_code(a, 3));
  text_analyser_close(a);
  a = open_analyser("");
  assert_string_equal(text_language_code(a, 0), "en");
  text_analyser_close(a);
}

/* The length counts the stems of the item's own language. */
static void length_follows_the_language(void **state) {
  (void)state;
  text_analyser *a = open_analyser("en,pl");
  static const char polish[] =
      "To jest kr\xc3\xb3tka wiadomo\xc5\x9b\xc4\x87 o wczorajszej pogodzie i o "
      "tym, co robili\xc5\x9bmy w niedziel\xc4\x99 po po\xc5\x82udniu.";
  sdx_error err;
  text_terms t;
  assert_int_equal(text_begin(a, &err), SDX_OK);
  assert_int_equal(text_detect(a, polish, sizeof polish - 1, &err), SDX_OK);
  assert_int_equal(text_add_field(a, text_field_find("body", 4), polish, sizeof polish - 1, &err),
                   SDX_OK);
  assert_int_equal(text_finish(a, &t, &err), SDX_OK);
  assert_int_equal(t.language, 1);
  assert_int_equal(t.length, t.body_end);
  assert_int_equal(analyse(a, "body", "a short message").length, 6);
  text_analyser_close(a);
}

static void unknown_prefixes_are_refused(void **state) {
  (void)state;
  text_analyser *a = open_analyser("en");
  const text_field_rule rule = { "x", "XUNKNOWN", 1, true, false };
  sdx_error err;
  assert_int_equal(text_begin(a, &err), SDX_OK);
  assert_int_equal(text_add_field(a, &rule, "x", 1, &err), SDX_INVALID);
  text_analyser_close(a);
}

/* Whichever allocation of ours fails, the call says so, and the next item is right. */
static void every_failing_allocation_is_survived(void **state) {
  (void)state;
  char text[6000];
  random_text r = { 11 };
  size_t characters = 0;
  const size_t size = random_text_fill(&r, text, sizeof text, &characters);
  size_t failures = 0;
  bool done = false;
  for (long n = 0; !done; n += n < 150 ? 1 : 11) {
    text_analyser *a = NULL;
    sdx_error err;
    text_terms terms;
    const text_token *tokens;
    size_t count;
    allocations_left = n;
    sdx_status s = text_analyser_open(&a, "en,fr", &err);
    if (s == SDX_OK) s = text_begin(a, &err);
    if (s == SDX_OK) s = text_add_field(a, text_field_find("body", 4), text, size, &err);
    if (s == SDX_OK) s = text_add_field(a, text_field_find("from", 4), text, size / 2, &err);
    if (s == SDX_OK) s = text_finish(a, &terms, &err);
    if (s == SDX_OK) s = text_tokens(a, text, size, &tokens, &count, &err);
    done = allocations_left > 0;
    allocations_left = -1;
    if (s != SDX_OK) {
      assert_int_equal(s, SDX_NO_MEMORY);
      failures++;
    }
    if (a == NULL) continue;
    terms = analyse(a, "from", "running caf\xc3\xa9");
    assert_int_equal(terms.count, 5);
    assert_int_equal(terms.length, 16);
    const uint32_t id = intern(a, "Acaf\xc3\xa9");
    assert_class(a, text_vocabulary_class(a, id)->fold, "Acafe", TEXT_FOLD, 0);
    assert_class(a, text_vocabulary_class(a, intern(a, "running"))->stems[0], "run", TEXT_STEM, 0);
    text_analyser_close(a);
  }
  assert_true(failures > 50);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(ids_count_up_in_order_of_appearance),
    cmocka_unit_test(classes_are_shared_by_forms_and_kept_apart_by_prefix),
    cmocka_unit_test(interning_equals_analysis),
    cmocka_unit_test(filter_terms_have_no_frequency_and_no_class),
    cmocka_unit_test(a_filter_term_that_is_a_word_is_that_word),
    cmocka_unit_test(whole_values_are_found_whole),
    cmocka_unit_test(prefixes_cannot_be_confused),
    cmocka_unit_test(a_reset_forgets_terms_and_keeps_words),
    cmocka_unit_test(memory_stays_bounded_over_resets),
    cmocka_unit_test(a_closed_vocabulary_still_tells),
    cmocka_unit_test(languages_are_checked),
    cmocka_unit_test(length_follows_the_language),
    cmocka_unit_test(unknown_prefixes_are_refused),
    cmocka_unit_test(every_failing_allocation_is_survived),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
