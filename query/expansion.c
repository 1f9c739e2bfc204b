/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/expansion.h"

#include <string.h>

#include "base/cursor.h"

/* ---------------------------------------------------------------- comparing */

bool pattern_matches(sdx_bytes pattern, sdx_bytes word) {
  const char *p = pattern.data, *pattern_end = p + pattern.size;
  const char *w = word.data, *word_end = w + word.size;
  const char *star = NULL, *resume = NULL; /* the last star, and what it has taken so far */
  while (w < word_end) {
    if (p < pattern_end && *p == '*') {
      star = p++;
      resume = w;
    } else if (p < pattern_end && *p == *w) {
      p++;
      w++;
    } else if (star != NULL) {
      p = star + 1;
      w = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern_end && *p == '*') p++;
  return p == pattern_end;
}

/* Decodes UTF-8; bytes that are none count as themselves. Returns the number of characters. */
static uint32_t characters(sdx_bytes word, uint32_t out[TEXT_TERM_MAX]) {
  uint32_t n = 0;
  for (size_t i = 0; i < word.size && n < TEXT_TERM_MAX;) {
    const unsigned char c = (unsigned char)word.data[i];
    const size_t size = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    uint32_t v = c;
    for (size_t k = 1; k < size && i + k < word.size; k++)
      v = v << 8 | (unsigned char)word.data[i + k]; /* any number that tells characters apart */
    out[n++] = v;
    i += size;
  }
  return n;
}

#define FAR 3 /* further than any distance that is asked for */

unsigned edit_distance(sdx_bytes a, sdx_bytes b, unsigned most) {
  uint32_t x[TEXT_TERM_MAX], y[TEXT_TERM_MAX];
  const uint32_t n = characters(a, x), m = characters(b, y);
  if ((n > m ? n - m : m - n) > most) return most + 1;
  uint8_t row[TEXT_TERM_MAX + 1]; /* distances to the first j characters of y, at most FAR */
  for (uint32_t j = 0; j <= m; j++) row[j] = (uint8_t)(j < FAR ? j : FAR);
  for (uint32_t i = 1; i <= n; i++) {
    uint8_t diagonal = row[0], least = row[0] = (uint8_t)(i < FAR ? i : FAR);
    for (uint32_t j = 1; j <= m; j++) {
      const uint8_t above = row[j];
      uint8_t best = (uint8_t)(diagonal + (x[i - 1] != y[j - 1]));
      if (above + 1 < best) best = (uint8_t)(above + 1);
      if (row[j - 1] + 1 < best) best = (uint8_t)(row[j - 1] + 1);
      if (best > FAR) best = FAR;
      diagonal = above;
      row[j] = best;
      if (best < least) least = best;
    }
    if (least > most) return most + 1;
  }
  return row[m];
}

/* ---------------------------------------------------------------- walking */

typedef struct expansion {
  const segment *seg;
  segment_session *session;
  const tree *source;
  size_t prefix;      /* size */
  char from[TEXT_TERM_MAX + 8];
  size_t literal;     /* size of the prefix and of what stands before the first star */
  bool marks;         /* was typed with marks: folded forms are not asked */
  expansion_each each;
  void *context;
  bool stopped;
} expansion;

static bool accepts(const expansion *x, sdx_bytes word, bool folded) {
  if (x->source->kind == TREE_FUZZY)
    return edit_distance(x->source->folded, word, x->source->number) <= x->source->number;
  return pattern_matches(folded ? x->source->folded : x->source->text, word);
}

/* Behind a prefix stands a word: what begins with an upper-case letter or a colon is of a longer
 * prefix, or a whole value. */
static bool is_word(sdx_bytes name, size_t prefix) {
  return name.size > prefix && name.data[prefix] != ':' &&
         !(name.data[prefix] >= 'A' && name.data[prefix] <= 'Z');
}

static sdx_bytes behind(sdx_bytes name, size_t prefix) {
  return (sdx_bytes){ .data = name.data + prefix, .size = name.size - prefix };
}

/* Surface terms from `from` on, while they begin with the literal. Bare words stand on both sides of
 * the prefixed terms, which one look-up skips. */
static void walk_terms(expansion *x, const char *from, size_t size) {
  segment_terms *terms;
  if (segment_terms_open(&terms, x->seg, x->session, from, size) != SDX_OK) return;
  sdx_bytes name;
  segment_term term;
  bool prefixed = false;
  while (!x->stopped && segment_terms_next(terms, &name, &term)) {
    if (name.size < x->literal || memcmp(name.data, x->from, x->literal) != 0) {
      if (memcmp(name.data, x->from, name.size < x->literal ? name.size : x->literal) > 0) break;
      continue;
    }
    if (!is_word(name, x->prefix)) {
      prefixed = x->prefix == 0 && name.data[0] >= 'A' && name.data[0] <= 'Z';
      if (prefixed) break;
      continue;
    }
    if (accepts(x, behind(name, x->prefix), false)) x->stopped = !x->each(x->context, name, &term);
  }
  segment_terms_close(terms);
  if (prefixed) walk_terms(x, "[", 1); /* the byte after Z */
}

static void take_members(expansion *x, buffer *names) {
  cursor at = cursor_over(names->data, names->size);
  while (!x->stopped && cursor_left(&at) > 0) {
    size_t size;
    segment_term term;
    const uint8_t *bytes = cursor_get_string(&at, &size);
    if (bytes == NULL) return;
    const sdx_bytes name = { .data = (const char *)bytes, .size = size };
    if (accepts(x, behind(name, x->prefix), false)) continue; /* met already */
    if (segment_find(x->seg, x->session, name.data, size, &term) != SDX_OK) continue;
    x->stopped = !x->each(x->context, name, &term);
  }
}

static void walk_folds(expansion *x) {
  segment_classes *classes;
  if (segment_classes_open(&classes, x->seg, x->session, CLASS_FOLD, 0, x->from, x->literal) !=
      SDX_OK)
    return;
  buffer names = BUFFER_INIT;
  segment_class_kind kind;
  uint8_t language;
  sdx_bytes key;
  segment_class about;
  while (!x->stopped && segment_classes_next(classes, &kind, &language, &key, &about, &names)) {
    const bool in = kind == CLASS_FOLD && key.size >= x->literal &&
                    memcmp(key.data, x->from, x->literal) == 0;
    if (!in) break;
    if (is_word(key, x->prefix) && accepts(x, behind(key, x->prefix), true)) take_members(x, &names);
    buffer_reset(&names);
  }
  buffer_free(&names);
  segment_classes_close(classes);
}

void expansion_run(const segment *seg, segment_session *session, const tree *source,
                   const char *prefix, expansion_each each, void *context) {
  expansion x = { .seg = seg, .session = session, .source = source, .prefix = strlen(prefix),
                  .each = each, .context = context };
  const sdx_bytes word = source->text;
  size_t literal = 0;
  if (source->kind == TREE_PATTERN) {
    const char *star = memchr(word.data, '*', word.size);
    literal = star != NULL ? (size_t)(star - word.data) : word.size;
  }
  if (x.prefix + literal > sizeof(x.from)) return; /* longer than any term */
  memcpy(x.from, prefix, x.prefix);
  memcpy(x.from + x.prefix, word.data, literal);
  x.literal = x.prefix + literal;
  x.marks = word.size != source->folded.size || memcmp(word.data, source->folded.data, word.size) != 0;
  walk_terms(&x, x.from, x.literal);
  if (!x.marks) walk_folds(&x);
}
