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

/* ---------------------------------------------------------------- many words in order */

/* Distances to words that come in byte order: what two have in common at the beginning is worked out
 * once, and where no word with some beginning can be near, all of them are passed by. */
typedef struct nearness {
  uint32_t typed[TEXT_TERM_MAX];
  uint32_t size;
  unsigned most;
  char word[TEXT_TERM_MAX + 8];   /* the last one ... */
  uint32_t ends[TEXT_TERM_MAX + 1]; /* ... the bytes of its first characters ... */
  uint32_t done;                  /* ... of which so many have rows */
  uint8_t rows[TEXT_TERM_MAX + 1][TEXT_TERM_MAX + 1];
} nearness;

static void nearness_begin(nearness *n, sdx_bytes typed, unsigned most) {
  n->size = characters(typed, n->typed);
  n->most = most;
  n->done = 0;
  n->ends[0] = 0;
  for (uint32_t j = 0; j <= n->size; j++) n->rows[0][j] = (uint8_t)(j < FAR ? j : FAR);
}

/* Works out the row of one more character; returns the least of it. */
static uint8_t next_row(nearness *n, uint32_t character) {
  const uint8_t *above = n->rows[n->done];
  uint8_t *row = n->rows[n->done + 1];
  uint8_t smallest = row[0] = (uint8_t)(n->done + 1 < FAR ? n->done + 1 : FAR);
  for (uint32_t j = 1; j <= n->size; j++) {
    uint8_t best = (uint8_t)(above[j - 1] + (n->typed[j - 1] != character));
    if (above[j] + 1 < best) best = (uint8_t)(above[j] + 1);
    if (row[j - 1] + 1 < best) best = (uint8_t)(row[j - 1] + 1);
    row[j] = best < FAR ? best : FAR;
    if (row[j] < smallest) smallest = row[j];
  }
  n->done++;
  return smallest;
}

/* Is the word near? Where it is not, *hopeless is how many of its first bytes no near word begins with,
 * or 0. */
static bool nearness_of(nearness *n, sdx_bytes word, size_t *hopeless) {
  size_t shared = 0, at;
  *hopeless = 0;
  if (word.size > TEXT_TERM_MAX) return false;
  while (shared < n->ends[n->done] && shared < word.size && n->word[shared] == word.data[shared])
    shared++;
  while (n->ends[n->done] > shared) n->done--;
  /* a character that is cut by where the two part belongs to neither row */
  at = n->ends[n->done];
  memcpy(n->word + at, word.data + at, word.size - at);
  while (at < word.size) {
    uint32_t v = (unsigned char)word.data[at];
    const size_t size = v < 0xc0 ? 1 : v < 0xe0 ? 2 : v < 0xf0 ? 3 : 4;
    size_t k = 1;
    for (; k < size && at + k < word.size; k++) v = v << 8 | (unsigned char)word.data[at + k];
    at += k;
    n->ends[n->done + 1] = (uint32_t)at;
    if (next_row(n, v) > n->most) {
      *hopeless = at;
      return false;
    }
  }
  return n->rows[n->done][n->size] <= n->most;
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
  uint32_t least;     /* of items: rarer terms are passed by */
  const query_clock *clock;
  uint32_t steps;     /* of the walks, for looking at the clock now and then */
  expansion_each each;
  void *context;
  bool stopped;
  nearness *near;     /* of a fuzzy word; NULL: a pattern */
  bool open;          /* nothing but a beginning is asked for */
  sdx_bytes piece;    /* the longest between stars: words without it do not match */
} expansion;

static bool is_late(expansion *x) {
  return (++x->steps & 4095) == 0 && clock_is_up(x->clock);
}

static bool accepts(const expansion *x, sdx_bytes word, bool folded) {
  if (x->source->kind == TREE_FUZZY)
    return edit_distance(x->source->folded, word, x->source->number) <= x->source->number;
  if (!folded && memmem(word.data, word.size, x->piece.data, x->piece.size) == NULL) return false;
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

#define STEPS_MAX 8 /* over words that cannot be near, before the next that can is looked up */

/* What a walk passes by: all that begins so. */
typedef struct passing {
  char begin[TEXT_TERM_MAX + 8];
  size_t size; /* 0: nothing */
  unsigned steps;
} passing;

static bool is_passed(passing *p, sdx_bytes name) {
  if (p->size == 0) return false;
  if (name.size >= p->size && memcmp(name.data, p->begin, p->size) == 0) {
    p->steps++;
    return true;
  }
  p->size = 0;
  return false;
}

/* The first key behind all that begin so; false where there is none. */
static bool step_over(passing *p) {
  while (p->size > 0 && (unsigned char)p->begin[p->size - 1] == 0xff) p->size--;
  if (p->size == 0) return false;
  p->begin[p->size - 1] = (char)((unsigned char)p->begin[p->size - 1] + 1);
  return true;
}

static bool wants(expansion *x, sdx_bytes name, passing *pass) {
  if (x->open) return true; /* the walk saw to it */
  if (x->near == NULL) return accepts(x, behind(name, x->prefix), false);
  size_t hopeless;
  const bool is = nearness_of(x->near, behind(name, x->prefix), &hopeless);
  if (hopeless != 0 && x->prefix + hopeless <= sizeof(pass->begin)) {
    pass->size = x->prefix + hopeless;
    pass->steps = 0;
    memcpy(pass->begin, name.data, pass->size);
  }
  return is;
}

/* Surface terms from `from` on, while they begin with the literal. Returns where to go on with another
 * look-up, 0: nowhere. Bare words stand on both sides of the prefixed terms, which one look-up skips. */
static size_t walk_some(expansion *x, const char *from, size_t size, passing *pass) {
  segment_terms *terms;
  size_t next = 0;
  if (segment_terms_open(&terms, x->seg, x->session, from, size) != SDX_OK) return 0;
  sdx_bytes name;
  segment_term term;
  uint32_t most;
  pass->size = 0;
  while (!x->stopped && next == 0 && segment_terms_step(terms, &name, &most)) {
    if (is_late(x)) {
      x->stopped = true;
      break;
    }
    if (name.size < x->literal || memcmp(name.data, x->from, x->literal) != 0) {
      if (memcmp(name.data, x->from, name.size < x->literal ? name.size : x->literal) > 0) break;
    } else if (!is_word(name, x->prefix)) {
      if (x->prefix == 0 && name.data[0] >= 'A' && name.data[0] <= 'Z') {
        pass->begin[0] = '['; /* the byte after Z */
        next = 1;
      }
    } else if (is_passed(pass, name)) {
      if (pass->steps == STEPS_MAX) {
        if (!step_over(pass)) break;
        next = pass->size;
      }
    } else if (most >= x->least && wants(x, name, pass)) {
      x->stopped = !segment_terms_read(terms, &term) || !x->each(x->context, name, &term);
    }
  }
  segment_terms_close(terms);
  return next;
}

static void walk_terms(expansion *x) {
  passing pass;
  size_t next = walk_some(x, x->from, x->literal, &pass);
  while (next != 0 && !x->stopped) {
    char from[sizeof(pass.begin)];
    memcpy(from, pass.begin, next);
    next = walk_some(x, from, next, &pass);
  }
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
    if (is_late(x)) break;
    const bool in = kind == CLASS_FOLD && key.size >= x->literal &&
                    memcmp(key.data, x->from, x->literal) == 0;
    if (!in) break;
    if (is_word(key, x->prefix) && accepts(x, behind(key, x->prefix), true)) take_members(x, &names);
    buffer_reset(&names);
  }
  buffer_free(&names);
  segment_classes_close(classes);
}

static sdx_bytes longest_piece(sdx_bytes pattern) {
  sdx_bytes longest = { .data = pattern.data, .size = 0 };
  for (size_t i = 0, start = 0; i <= pattern.size; i++) {
    if (i < pattern.size && pattern.data[i] != '*') continue;
    if (i - start > longest.size)
      longest = (sdx_bytes){ .data = pattern.data + start, .size = i - start };
    start = i + 1;
  }
  return longest;
}

void expansion_run(const segment *seg, segment_session *session, const tree *source,
                   const char *prefix, uint32_t least, const query_clock *clock,
                   expansion_each each, void *context) {
  expansion x = { .seg = seg, .session = session, .source = source, .prefix = strlen(prefix),
                  .least = least, .clock = clock, .each = each, .context = context };
  nearness near;
  const sdx_bytes word = source->text;
  size_t literal = 0;
  if (source->kind == TREE_PATTERN) {
    const char *star = memchr(word.data, '*', word.size);
    literal = star != NULL ? (size_t)(star - word.data) : word.size;
    x.piece = longest_piece(word);
    x.open = literal + 1 == word.size;
  } else {
    nearness_begin(&near, source->folded, source->number);
    x.near = &near;
  }
  if (x.prefix + literal > sizeof(x.from)) return; /* longer than any term */
  memcpy(x.from, prefix, x.prefix);
  memcpy(x.from + x.prefix, word.data, literal);
  x.literal = x.prefix + literal;
  x.marks = word.size != source->folded.size || memcmp(word.data, source->folded.data, word.size) != 0;
  walk_terms(&x);
  if (!x.marks && !x.stopped) walk_folds(&x);
}
