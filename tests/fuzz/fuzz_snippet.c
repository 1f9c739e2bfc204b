/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Places where a query matched: a query up to the first newline, behind it any text, and the same
 * bytes as stored fields. Whatever they are, the only markup that comes out is that of marks. */
#include <stdlib.h>
#include <string.h>

#include "query/grammar.h"
#include "query/snippet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool begins(const buffer *html, size_t at, const char *with) {
  const size_t size = strlen(with);
  return html->size - at >= size && memcmp(html->data + at, with, size) == 0;
}

static void check(const buffer *html) {
  bool marked = false;
  if (html->failed) abort();
  for (size_t i = 0; i < html->size; i++) {
    if (html->data[i] == '>') {
      if (i < 2 || (html->data[i - 1] != 'b' && html->data[i - 1] != 'k')) abort();
    } else if (html->data[i] == '<') {
      if (!begins(html, i, marked ? "</b>" : "<b>") &&
          !begins(html, i, marked ? "</mark>" : "<mark>"))
        abort();
      marked = !marked;
    }
  }
  if (marked) abort();
}

static void look(scratch *s, text_analyser *analyser, sdx_bytes asked, sdx_bytes text, bool mark) {
  query q;
  const query_context context = { .dates = { .now = 1700000000 } };
  buffer of_text = BUFFER_INIT, of_fields = BUFFER_INIT;
  if (query_parse(&q, s, analyser, asked, &context, NULL) != SDX_OK) abort();
  const snippet_words *words = snippet_prepare(s, analyser, q.root, mark);
  if (words == NULL) abort();
  snippet_of_text(s, analyser, words, 0, (sdx_bytes){ "", 0 }, text, &of_text);
  snippet_of_fields(s, analyser, words, -1, text.data, text.size, &of_fields);
  check(&of_text);
  check(&of_fields);
  buffer_free(&of_text);
  buffer_free(&of_fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static text_analyser *analyser;
  scratch s = SCRATCH_INIT;
  if (analyser == NULL && text_analyser_open(&analyser, "en,de", NULL) != SDX_OK) abort();
  const uint8_t *end = size != 0 ? memchr(data, '\n', size) : NULL;
  if (end == NULL) return 0;
  const sdx_bytes asked = { (const char *)data, (size_t)(end - data) };
  const sdx_bytes text = { (const char *)end + 1, size - asked.size - 1 };
  look(&s, analyser, asked, text, size % 2 == 0);
  scratch_free(&s);
  return 0;
}
