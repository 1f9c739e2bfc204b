/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs every example of docs/text.md. A table's header row says what its rows are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "text/text.h"

enum { CELLS = 5, CELL = 512 };

typedef struct row {
  char cell[CELLS][CELL];
  size_t count;
} row;

static size_t utf8(unsigned long c, char *out) {
  if (c < 0x80) return out[0] = (char)c, 1;
  if (c < 0x800) return out[0] = (char)(0xc0 | c >> 6), out[1] = (char)(0x80 | (c & 0x3f)), 2;
  if (c < 0x10000)
    return out[0] = (char)(0xe0 | c >> 12), out[1] = (char)(0x80 | (c >> 6 & 0x3f)),
           out[2] = (char)(0x80 | (c & 0x3f)), 3;
  return out[0] = (char)(0xf0 | c >> 18), out[1] = (char)(0x80 | (c >> 12 & 0x3f)),
         out[2] = (char)(0x80 | (c >> 6 & 0x3f)), out[3] = (char)(0x80 | (c & 0x3f)), 4;
}

/* A cell without its spaces, back ticks and escapes; a single - is empty. */
static void read_cell(const char *from, size_t size, char *out) {
  while (size > 0 && *from == ' ') from++, size--;
  while (size > 0 && from[size - 1] == ' ') size--;
  if (size >= 2 && *from == '`' && from[size - 1] == '`')
    from++, size -= 2;
  else if (size == 1 && *from == '-')
    size = 0;
  size_t n = 0;
  for (size_t i = 0; i < size;) {
    assert_true(n + 5 < CELL);
    if (i + 3 < size && from[i] == '\\' && from[i + 1] == 'x') {
      char hex[3] = { from[i + 2], from[i + 3], 0 };
      out[n++] = (char)strtoul(hex, NULL, 16);
      i += 4;
    } else if (i + 3 < size && from[i] == '\\' && from[i + 1] == 'u' && from[i + 2] == '{') {
      char *end;
      n += utf8(strtoul(from + i + 3, &end, 16), out + n);
      i = (size_t)(end + 1 - from);
    } else {
      out[n++] = from[i++];
    }
  }
  out[n] = '\0';
}

static bool read_row(const char *line, row *out) {
  memset(out, 0, sizeof *out);
  if (*line != '|') return false;
  for (const char *at = line + 1; out->count < CELLS;) {
    const char *end = strchr(at, '|');
    if (end == NULL) break;
    read_cell(at, (size_t)(end - at), out->cell[out->count++]);
    at = end + 1;
  }
  return out->count > 0;
}

static text_analyser *open_analyser(const char *languages) {
  text_analyser *a;
  sdx_error err;
  assert_int_equal(text_analyser_open(&a, languages, &err), SDX_OK);
  return a;
}

/* ---------------------------------------------------------------- kinds of example */

static void add(char *to, const char *bytes, size_t size) {
  const size_t at = strlen(to);
  assert_true(at + size < CELL * 2);
  memcpy(to + at, bytes, size);
  to[at + size] = '\0';
}

static void check_words(text_analyser *a, const row *r, bool phrases) {
  const text_token *t;
  size_t count;
  char got[CELL * 2] = "";
  sdx_error err;
  assert_int_equal(text_tokens(a, r->cell[0], strlen(r->cell[0]), &t, &count, &err), SDX_OK);
  for (size_t i = 0; i < count; i++) {
    if (phrases && !t[i].positional) continue;
    if (i > 0) add(got, phrases && t[i].joined ? "~" : " ", 1);
    if (!t[i].positional) add(got, "(", 1);
    add(got, t[i].surface.data, t[i].surface.size);
    if (!t[i].positional) add(got, ")", 1);
  }
  assert_string_equal(got, r->cell[1]);
}

static void check_fold(text_analyser *a, const row *r) {
  const text_token *t;
  size_t count;
  char got[CELL] = "";
  sdx_error err;
  assert_int_equal(text_tokens(a, r->cell[0], strlen(r->cell[0]), &t, &count, &err), SDX_OK);
  assert_int_equal(count, 1);
  add(got, t->folded.data, t->folded.size);
  assert_string_equal(got, r->cell[1]);
  got[text_fold(a, r->cell[0], strlen(r->cell[0]), got, sizeof got - 1)] = '\0';
  assert_string_equal(got, r->cell[1]);
}

static void check_stem(const row *r) {
  text_analyser *a = open_analyser(r->cell[0]);
  char got[TEXT_TERM_MAX + 1];
  got[text_stem(a, 0, r->cell[1], strlen(r->cell[1]), got)] = '\0';
  assert_string_equal(got, r->cell[2]);
  text_analyser_close(a);
}

static void check_language(const row *r) {
  text_analyser *a = open_analyser(r->cell[0]);
  sdx_error err;
  text_terms terms;
  assert_int_equal(text_begin(a, &err), SDX_OK);
  assert_int_equal(text_detect(a, r->cell[1], strlen(r->cell[1]), &err), SDX_OK);
  assert_int_equal(text_finish(a, &terms, &err), SDX_OK);
  assert_string_equal(text_language_code(a, terms.language), r->cell[2]);
  text_analyser_close(a);
}

static void check_rule(const row *r) {
  const text_field_rule *rule = text_field_find(r->cell[0], strlen(r->cell[0]));
  assert_non_null(rule);
  assert_string_equal(rule->prefix, r->cell[1]);
  assert_int_equal(rule->weight, strtoul(r->cell[2], NULL, 10));
  assert_string_equal(rule->bare ? "yes" : "no", r->cell[3]);
  assert_string_equal(rule->exact ? "yes" : "no", r->cell[4]);
}

static void check_terms(text_analyser *a, const row *r) {
  sdx_error err;
  text_terms terms;
  char got[CELL * 2] = "", number[32];
  assert_int_equal(text_begin(a, &err), SDX_OK);
  assert_int_equal(text_add_field(a, text_field_find(r->cell[0], strlen(r->cell[0])), r->cell[1],
                                  strlen(r->cell[1]), &err),
                   SDX_OK);
  assert_int_equal(text_finish(a, &terms, &err), SDX_OK);
  for (size_t i = 0; i < terms.count; i++) {
    const text_term *t = &terms.terms[i];
    const sdx_bytes bytes = text_vocabulary_term(a, t->id);
    if (i > 0) add(got, " ", 1);
    add(got, bytes.data, bytes.size);
    add(got, number, (size_t)snprintf(number, sizeof number, "*%u", t->wdf));
    for (uint32_t p = 0; p < t->count; p++)
      add(got, number,
          (size_t)snprintf(number, sizeof number, "%c%u", p > 0 ? ',' : '@',
                           terms.positions[t->first + p]));
  }
  assert_string_equal(got, r->cell[2]);
}

static void every_example_holds(void **state) {
  (void)state;
  FILE *file = fopen(TEXT_DOC, "r");
  assert_non_null(file);
  text_analyser *a = open_analyser("en");
  char line[2048];
  row header = { .count = 0 }, r;
  size_t examples = 0, rules = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    if (!read_row(line, &r)) {
      header.count = 0;
      continue;
    }
    if (header.count == 0) {
      header = r;
      continue;
    }
    if (strncmp(line, "|---", 4) == 0) continue;
    const char *first = header.cell[0], *second = header.cell[1], *third = header.cell[2];
    examples++;
    if (strcmp(first, "text") == 0)
      check_words(a, &r, strcmp(second, "phrases") == 0);
    else if (strcmp(first, "word") == 0)
      check_fold(a, &r);
    else if (strcmp(first, "language") == 0)
      check_stem(&r);
    else if (strcmp(first, "languages") == 0)
      check_language(&r);
    else if (strcmp(third, "weight") == 0)
      check_rule(&r), rules++;
    else if (strcmp(first, "field") == 0)
      check_terms(a, &r);
    else if (strcmp(first, "version") != 0)
      fail_msg("a table that no test understands");
  }
  (void)fclose(file);
  text_analyser_close(a);
  assert_true(examples > 90);
  assert_null(text_field_at(rules)); /* the page lists every field */
  assert_non_null(text_field_at(rules - 1));
}

int main(void) {
  const struct CMUnitTest tests[] = { cmocka_unit_test(every_example_holds) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
