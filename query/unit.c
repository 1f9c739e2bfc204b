/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/unit.h"

#include <string.h>

/* ---------------------------------------------------------------- words */

bool unit_take(unit_reader *r) {
  if (r->units < UNITS_MAX) {
    r->units++;
    return true;
  }
  r->dropped = true;
  return false;
}

static tree *new_word(unit_reader *r, const text_token *token, const tree_scope *scope) {
  if (!unit_take(r)) return NULL;
  tree *t = tree_new(r->s, TREE_WORD);
  if (t == NULL) return NULL;
  t->scope = scope;
  t->ngram = t->exact = token->ngram;
  t->text = scratch_copy(r->s, token->surface.data, token->surface.size);
  t->folded = scratch_copy(r->s, token->folded.data, token->folded.size);
  return t;
}

static const text_token *split(unit_reader *r, sdx_bytes text, size_t *count) {
  const text_token *tokens = NULL;
  *count = 0;
  if (r->status == SDX_OK)
    r->status = text_tokens(r->analyser, text.data, text.size, &tokens, count, r->err);
  if (r->status != SDX_OK) *count = 0;
  return tokens;
}

/* How a token becomes a node: a word, or what it is with its stars. */
typedef tree *new_part(unit_reader *r, const text_token *token, const tree_scope *scope);

/* Tokens first to last - 1 as a phrase, or as its one part: rep*.pdf   nasa.go*   "annual rev* meeting" */
static tree *new_phrase(unit_reader *r, const text_token *tokens, size_t first, size_t last,
                        const tree_scope *scope, bool quoted, new_part *part) {
  tree *phrase = tree_new(r->s, TREE_PHRASE);
  if (phrase == NULL) return NULL;
  phrase->scope = scope;
  phrase->quoted = quoted;
  for (size_t i = first; i < last; i++)
    if (tokens[i].positional) tree_append(phrase, part(r, &tokens[i], scope));
  if (phrase->first == NULL) return NULL;
  const bool alone = phrase->first->next == NULL;
  for (tree *c = phrase->first; c != NULL; c = c->next) c->exact |= quoted || !alone;
  if (!alone) return phrase;
  phrase->first->quoted = quoted && phrase->first->kind == TREE_WORD;
  return phrase->first;
}

/* A run of CJK text matches where all its pieces do, as in Xapian. */
static tree *new_ngrams(unit_reader *r, sdx_bytes text, const text_token *tokens, size_t first,
                        size_t last, const tree_scope *scope) {
  tree *all = tree_new(r->s, TREE_AND);
  if (all == NULL) return NULL;
  all->ngram = true;
  all->scope = scope;
  uint32_t end = tokens[first].end;
  for (size_t i = first; i < last; i++) {
    if (tokens[i].end > end) end = tokens[i].end;
    tree_append(all, new_word(r, &tokens[i], scope));
  }
  all->text = scratch_copy(r->s, text.data + tokens[first].start, end - tokens[first].start);
  return tree_simplify(all);
}

#define PHONE_DIGITS_MIN 4 /* shorter ends of a number are not indexed (contact.h) */
#define PHONE_DIGITS_MAX 20

/* The digits of 02/555.12.34 where numbers are looked for, as contacts have them at once; empty: it is none. */
static sdx_bytes phone_digits(unit_reader *r, sdx_bytes text, const tree_scope *scope) {
  const sdx_bytes none = { .data = "", .size = 0 };
  char digits[PHONE_DIGITS_MAX];
  size_t n = 0;
  if (scope == NULL || strcmp(scope->name, "phone") != 0) return none;
  for (size_t i = 0; i < text.size; i++) {
    const char c = text.data[i];
    if (c >= '0' && c <= '9' && n < PHONE_DIGITS_MAX) digits[n++] = c;
    else if (c != '/' && c != '.' && c != '-') return none;
  }
  return n >= PHONE_DIGITS_MIN && n < text.size ? scratch_copy(r->s, digits, n) : none;
}

/* Joined tokens: a phrase; of a telephone number that, or its digits as one word. */
static tree *new_joined(unit_reader *r, sdx_bytes text, const text_token *tokens, size_t first,
                        size_t last, const tree_scope *scope, new_part *part) {
  const size_t start = tokens[first].start;
  const sdx_bytes typed = { .data = text.data + start, .size = tokens[last - 1].end - start };
  const sdx_bytes digits = phone_digits(r, typed, scope);
  if (digits.size == 0) return new_phrase(r, tokens, first, last, scope, false, part);
  const text_token number = { .surface = digits, .folded = digits };
  tree *either = tree_new(r->s, TREE_OR);
  tree_append(either, new_phrase(r, tokens, first, last, scope, true, part)); /* printed in quotes */
  tree_append(either, new_word(r, &number, scope));
  return tree_simplify(either);
}

/* Joined tokens are a phrase or a run of CJK text, the rest stand beside each other. */
static tree *new_chunk(unit_reader *r, sdx_bytes text, const text_token *tokens, size_t count,
                       const tree_scope *scope, new_part *part) {
  tree *all = tree_new(r->s, TREE_AND);
  for (size_t i = 0, j; i < count; i = j) {
    const bool ngram = tokens[i].ngram;
    for (j = i + 1; j < count && tokens[j].joined && tokens[j].ngram == ngram; j++) {
    }
    tree_append(all, ngram ? new_ngrams(r, text, tokens, i, j, scope)
                           : new_joined(r, text, tokens, i, j, scope, part));
  }
  return tree_simplify(all);
}

tree *unit_words(unit_reader *r, sdx_bytes text, const tree_scope *scope) {
  size_t count;
  const text_token *tokens = split(r, text, &count);
  return new_chunk(r, text, tokens, count, scope, new_word);
}

/* ---------------------------------------------------------------- patterns */

/* While text with stars is split a letter stands for each: a word character that is its own lower
 * case and fold, and that nobody types. */
#define STAR "\xea\x99\xae" /* U+A66E */
#define STAR_SIZE 3

/* A copy of the text with that letter for every run of stars. */
static sdx_bytes mask_stars(unit_reader *r, sdx_bytes text) {
  char *out = scratch_take(r->s, text.size * STAR_SIZE + 1);
  if (out == NULL) return (sdx_bytes){ .data = "", .size = 0 };
  size_t n = 0;
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] != '*') {
      out[n++] = text.data[i];
    } else if (i == 0 || text.data[i - 1] != '*') {
      memcpy(out + n, STAR, STAR_SIZE);
      n += STAR_SIZE;
    }
  }
  return (sdx_bytes){ .data = out, .size = n };
}

/* Puts the stars back; *any says whether there was one. */
static sdx_bytes unmask_stars(unit_reader *r, sdx_bytes word, bool *any) {
  char *out = scratch_take(r->s, word.size + 1);
  if (out == NULL) return (sdx_bytes){ .data = "", .size = 0 };
  size_t n = 0;
  for (size_t i = 0; i < word.size;) {
    const bool star = word.size - i >= STAR_SIZE && memcmp(word.data + i, STAR, STAR_SIZE) == 0;
    if (star) *any = true;
    out[n++] = star ? '*' : word.data[i];
    i += star ? STAR_SIZE : 1;
  }
  return (sdx_bytes){ .data = out, .size = n };
}

/* A token of masked text: a word, a pattern, or NULL where it is nothing but a star. */
static tree *new_word_or_pattern(unit_reader *r, const text_token *token, const tree_scope *scope) {
  bool star = false;
  const sdx_bytes surface = unmask_stars(r, token->surface, &star);
  if (!star) return new_word(r, token, scope);
  const sdx_bytes folded = unmask_stars(r, token->folded, &star);
  if (surface.size == 1 || !unit_take(r)) return NULL;
  tree *t = tree_new(r->s, TREE_PATTERN);
  if (t == NULL) return NULL;
  t->scope = scope;
  t->text = surface;
  t->folded = folded;
  return t;
}

/* proj*   *voice   *voi*   pro*t   *: all that has any word there. */
static tree *read_patterns(unit_reader *r, sdx_bytes text, const tree_scope *scope) {
  const sdx_bytes masked = mask_stars(r, text);
  size_t count;
  const text_token *tokens = split(r, masked, &count);
  if (count == 1 && tokens[0].surface.size == STAR_SIZE && masked.size == STAR_SIZE) {
    if (scope == NULL) return tree_new(r->s, TREE_ALL);
    tree *t = unit_take(r) ? tree_new(r->s, TREE_PATTERN) : NULL;
    if (t == NULL) return NULL;
    t->scope = scope;
    t->text = t->folded = (sdx_bytes){ .data = "*", .size = 1 };
    return t;
  }
  return new_chunk(r, masked, tokens, count, scope, new_word_or_pattern);
}

static size_t count_characters(sdx_bytes text) {
  size_t n = 0;
  for (size_t i = 0; i < text.size; i++) n += ((unsigned char)text.data[i] & 0xc0) != 0x80;
  return n;
}

/* Without a number one edit in short words, two in longer ones. */
static tree *new_fuzzy(unit_reader *r, const text_token *token, uint32_t edits,
                       const tree_scope *scope) {
  tree *t = new_word(r, token, scope);
  if (t == NULL || t->ngram) return t;
  t->kind = TREE_FUZZY;
  t->number = edits != 0 ? edits : count_characters(t->folded) < 6 ? 1 : 2;
  return t;
}

/* word~  word~1  word~2 */
static tree *read_fuzzy(unit_reader *r, sdx_bytes text, const tree_scope *scope) {
  size_t size = text.size;
  uint32_t number = 0;
  if (size >= 3 && (text.data[size - 1] == '1' || text.data[size - 1] == '2') &&
      text.data[size - 2] == '~')
    number = (uint32_t)(text.data[--size] - '0');
  if (size < 2 || text.data[size - 1] != '~') return NULL;
  size_t count;
  const text_token *tokens = split(r, (sdx_bytes){ .data = text.data, .size = size - 1 }, &count);
  if (count != 1 || tokens[0].ngram || tokens[0].end != size - 1) return NULL;
  return new_fuzzy(r, &tokens[0], number, scope);
}

bool unit_is_value(const tree_scope *scope) {
  return scope != NULL && scope->count == 1 && scope->rules[0]->weight == 0;
}

/* The whole value of a field whose words are not indexed. */
static tree *read_value(unit_reader *r, sdx_bytes text, const tree_scope *scope, bool quoted) {
  if (!unit_take(r)) return NULL;
  tree *t = tree_new(r->s, TREE_VALUE);
  if (t == NULL) return NULL;
  t->scope = scope;
  t->quoted = quoted;
  t->text = scratch_copy(r->s, text.data, text.size);
  return t;
}

tree *unit_chunk(unit_reader *r, sdx_bytes text, const tree_scope *scope) {
  if (unit_is_value(scope)) return read_value(r, text, scope, false);
  tree *t = NULL;
  if (memchr(text.data, '*', text.size) != NULL) return read_patterns(r, text, scope);
  if (memchr(text.data, '~', text.size) != NULL) t = read_fuzzy(r, text, scope);
  return t != NULL ? t : unit_words(r, text, scope);
}

tree *unit_quoted(unit_reader *r, sdx_bytes text, const tree_scope *scope) {
  if (unit_is_value(scope)) return read_value(r, text, scope, true);
  const bool stars = memchr(text.data, '*', text.size) != NULL;
  size_t count;
  const text_token *tokens = split(r, stars ? mask_stars(r, text) : text, &count);
  return new_phrase(r, tokens, 0, count, scope, true, stars ? new_word_or_pattern : new_word);
}

/* ---------------------------------------------------------------- text that is all literal */

tree *unit_literal_words(unit_reader *r, sdx_bytes text, const tree_scope *scope) {
  return unit_is_value(scope) ? read_value(r, text, scope, true) : unit_words(r, text, scope);
}

tree *unit_literal_phrase(unit_reader *r, sdx_bytes text, const tree_scope *scope) {
  if (unit_is_value(scope)) return read_value(r, text, scope, true);
  size_t count;
  const text_token *tokens = split(r, text, &count);
  return new_phrase(r, tokens, 0, count, scope, true, new_word);
}

/* A copy with spaces for the letter that stands for stars while text is split. */
static sdx_bytes without_letter(unit_reader *r, sdx_bytes text) {
  char *out = scratch_take(r->s, text.size + 1);
  if (out == NULL) return (sdx_bytes){ .data = "", .size = 0 };
  if (text.size != 0) memcpy(out, text.data, text.size);
  for (size_t i = 0; i + STAR_SIZE <= text.size; i++)
    if (memcmp(out + i, STAR, STAR_SIZE) == 0) memset(out + i, ' ', STAR_SIZE);
  return (sdx_bytes){ .data = out, .size = text.size };
}

tree *unit_pattern(unit_reader *r, sdx_bytes text, const tree_scope *scope) {
  return read_patterns(r, without_letter(r, text), scope);
}

tree *unit_prefix(unit_reader *r, sdx_bytes text, const tree_scope *scope) {
  const sdx_bytes plain = without_letter(r, text);
  char *out = scratch_take(r->s, plain.size + 2);
  if (out == NULL) return NULL;
  if (plain.size != 0) memcpy(out, plain.data, plain.size);
  for (size_t i = 0; i < plain.size; i++)
    if (out[i] == '*') out[i] = ' ';
  size_t count;
  const text_token *tokens = split(r, (sdx_bytes){ .data = out, .size = plain.size }, &count);
  const bool open = count > 0 && tokens[count - 1].end == plain.size;
  if (!open) return unit_words(r, (sdx_bytes){ .data = out, .size = plain.size }, scope);
  out[plain.size] = '*';
  return read_patterns(r, (sdx_bytes){ .data = out, .size = plain.size + 1 }, scope);
}

tree *unit_fuzzy(unit_reader *r, sdx_bytes text, uint32_t edits, const tree_scope *scope) {
  size_t count;
  const text_token *tokens = split(r, text, &count);
  tree *all = tree_new(r->s, TREE_AND);
  for (size_t i = 0; i < count; i++)
    if (tokens[i].positional || tokens[i].ngram)
      tree_append(all, new_fuzzy(r, &tokens[i], edits, scope));
  return tree_simplify(all);
}

/* ---------------------------------------------------------------- near each other */

/* Words, patterns, fuzzy words, phrases, and groups of any of them can stand near others. */
static bool make_near(tree *t) {
  switch (t->kind) {
  case TREE_WORD:
  case TREE_PATTERN:
    t->exact = true;
    return true;
  case TREE_FUZZY:
  case TREE_PHRASE:
    return true;
  case TREE_OR:
    for (tree *c = t->first; c != NULL; c = c->next)
      if (!make_near(c)) return false;
    return true;
  default:
    return false;
  }
}

bool unit_into_near(tree *near, tree *unit) {
  if (unit == NULL || !make_near(unit)) return false;
  if (unit->kind == TREE_PHRASE && !unit->quoted) {
    unit->kind = near->kind;
    tree_join(near, unit);
  } else {
    tree_append(near, unit);
  }
  return true;
}
