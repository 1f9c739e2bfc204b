/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/snippet.h"

#include <string.h>

#include "base/cursor.h"
#include "query/expansion.h"
#include "segment/record.h"

#define WORDS_MAX 64 /* of a query that are told apart */
#define PIECES_MAX 3
#define PIECE_BYTES 90 /* of each, where there are several */

/* One word of the query: tree leaf, and its stem in each language. */
typedef struct marked_word {
  const tree *leaf;
  const tree_scope *scope;
  sdx_bytes stems[TEXT_LANGUAGES_MAX];
  uint32_t phrase;    /* number of the phrase it belongs to; 0: none */
  uint32_t in_phrase; /* its place there, from 0 */
  uint32_t near;      /* number of the NEAR or ADJ it belongs to; 0: none */
  uint32_t member;    /* which of those that are near each other it stands for, from 0 */
} marked_word;

/* What is marked only where it stands together. */
typedef struct near_group {
  uint32_t members, window;
  bool ordered;
} near_group;

struct snippet_words {
  marked_word words[WORDS_MAX];
  uint32_t count;
  uint32_t phrases;
  uint32_t phrase_size[WORDS_MAX + 1];
  uint32_t phrase_first[WORDS_MAX + 1]; /* its words stand one after another */
  uint32_t nears;
  near_group near[WORDS_MAX + 1];
  uint32_t in_near, in_member; /* while words are collected */
  size_t languages;
  bool mark; /* matches in <mark>, not in <b> */
};

/* ---------------------------------------------------------------- the query's words */

static void add_word(snippet_words *w, scratch *s, text_analyser *a, const tree *leaf,
                     const tree_scope *scope, uint32_t phrase, uint32_t in_phrase) {
  if (w->count == WORDS_MAX) return;
  marked_word *m = &w->words[w->count++];
  *m = (marked_word){ .leaf = leaf,
                      .scope = scope,
                      .phrase = phrase,
                      .in_phrase = in_phrase,
                      .near = w->in_near,
                      .member = w->in_member };
  if (leaf->kind != TREE_WORD || leaf->exact) return;
  for (size_t i = 0; i < w->languages; i++) {
    char stem[TEXT_TERM_MAX];
    const size_t size = text_stem(a, (uint8_t)i, leaf->text.data, leaf->text.size, stem);
    if (size != 0) m->stems[i] = scratch_copy(s, stem, size);
  }
}

static size_t count_words(const tree *t) {
  size_t n = t->first == NULL;
  for (const tree *c = t->first; c != NULL; c = c->next) n += count_words(c);
  return n;
}

static void collect(snippet_words *w, scratch *s, text_analyser *a, const tree *t);

/* All of its words or none: half of them would be marked where they are not near the others. */
static void collect_near(snippet_words *w, scratch *s, text_analyser *a, const tree *t) {
  if (w->count + count_words(t) > WORDS_MAX) return;
  near_group *g = &w->near[++w->nears];
  uint32_t places = 0;
  w->in_near = w->nears;
  w->in_member = 0;
  for (const tree *c = t->first; c != NULL; c = c->next) {
    collect(w, s, a, c);
    places += tree_width(c);
    w->in_member++;
  }
  *g = (near_group){ .members = w->in_member,
                     .window = t->number + places - 1,
                     .ordered = t->kind == TREE_ADJ };
  w->in_near = w->in_member = 0;
}

static void collect(snippet_words *w, scratch *s, text_analyser *a, const tree *t) {
  switch (t->kind) {
  case TREE_AND:
  case TREE_OR:
    for (const tree *c = t->first; c != NULL; c = c->next) collect(w, s, a, c);
    return;
  case TREE_NEAR:
  case TREE_ADJ:
    collect_near(w, s, a, t);
    return;
  case TREE_PHRASE: {
    const uint32_t size = (uint32_t)tree_children(t);
    if (w->count + size > WORDS_MAX) return;
    const uint32_t phrase = ++w->phrases;
    uint32_t i = 0;
    w->phrase_size[phrase] = size;
    w->phrase_first[phrase] = w->count;
    for (const tree *c = t->first; c != NULL; c = c->next)
      add_word(w, s, a, c, t->scope, phrase, i++);
    return;
  }
  case TREE_WORD:
  case TREE_PATTERN:
  case TREE_FUZZY:
    add_word(w, s, a, t, t->scope, 0, 0);
    return;
  default:
    return;
  }
}

snippet_words *snippet_prepare(scratch *s, text_analyser *analyser, const tree *query, bool mark) {
  snippet_words *w = SCRATCH_ONE(s, snippet_words);
  if (w == NULL) return NULL;
  w->languages = text_language_count(analyser);
  w->mark = mark;
  collect(w, s, analyser, query);
  return w;
}

/* ---------------------------------------------------------------- marking */

/* A token of the text, and which words of the query it is. */
typedef struct spot {
  sdx_bytes surface, folded;
  uint32_t start, end;
  bool positional;
  uint64_t words;
} spot;

static bool same(sdx_bytes a, sdx_bytes b) {
  return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static bool is_named(sdx_bytes field, const char *name) {
  return field.size == strlen(name) && memcmp(field.data, name, field.size) == 0;
}

static bool in_scope(const tree_scope *scope, sdx_bytes field) {
  if (scope == NULL) return true;
  if (scope->body) return is_named(field, "body");
  const text_field_rule *rule = text_field_find(field.data, field.size);
  for (size_t i = 0; rule != NULL && i < scope->count; i++)
    if (strcmp(scope->rules[i]->prefix, rule->prefix) == 0) return true;
  return false;
}

/* The folded stem of a token, in each language once. */
typedef struct stemmed {
  char stems[TEXT_LANGUAGES_MAX][TEXT_TERM_MAX];
  size_t sizes[TEXT_LANGUAGES_MAX];
  uint32_t done;
} stemmed;

static sdx_bytes stem_of(stemmed *st, text_analyser *a, size_t language, const spot *t) {
  if ((st->done >> language & 1) == 0) {
    st->sizes[language] =
        text_stem(a, (uint8_t)language, t->surface.data, t->surface.size, st->stems[language]);
    st->done |= 1U << language;
  }
  return (sdx_bytes){ .data = st->stems[language], .size = st->sizes[language] };
}

static bool is_word(const snippet_words *w, const marked_word *m, text_analyser *a, int language,
                    const spot *t, stemmed *st) {
  const tree *leaf = m->leaf;
  if (leaf->kind == TREE_FUZZY)
    return edit_distance(leaf->folded, t->folded, leaf->number) <= leaf->number;
  if (leaf->kind == TREE_PATTERN)
    return pattern_matches(leaf->text, t->surface) ||
           (same(leaf->text, leaf->folded) && pattern_matches(leaf->folded, t->folded));
  if (same(leaf->folded, t->folded)) return true;
  if (leaf->exact) return false;
  for (size_t i = 0; i < w->languages; i++)
    if ((language < 0 || (size_t)language == i) && m->stems[i].size != 0 &&
        same(m->stems[i], stem_of(st, a, i, t)))
      return true;
  return false;
}

static void mark(const snippet_words *w, text_analyser *a, int language, sdx_bytes field,
                 spot *spots, size_t count) {
  bool wanted[WORDS_MAX];
  for (uint32_t k = 0; k < w->count; k++) wanted[k] = in_scope(w->words[k].scope, field);
  for (size_t i = 0; i < count; i++) {
    stemmed st;
    st.done = 0;
    for (uint32_t k = 0; k < w->count; k++)
      if (wanted[k] && is_word(w, &w->words[k], a, language, &spots[i], &st))
        spots[i].words |= UINT64_C(1) << k;
  }
}

/* Words of a phrase are marked only where all of it stands. `at`: n tokens that have positions. */
static void unmark_broken_phrases(const snippet_words *w, spot *spots, const size_t *at, size_t n,
                                  uint64_t *kept) {
  uint64_t of_phrases = 0;
  for (size_t i = 0; i < n; i++) kept[i] = 0;
  for (uint32_t p = 1; p <= w->phrases; p++) {
    const uint32_t first = w->phrase_first[p], size = w->phrase_size[p];
    for (uint32_t k = 0; k < size; k++) of_phrases |= UINT64_C(1) << (first + k);
    for (size_t i = 0; i + size <= n; i++) {
      uint32_t k = 0;
      while (k < size && (spots[at[i + k]].words >> (first + k) & 1) != 0) k++;
      if (k < size) continue;
      for (k = 0; k < size; k++) kept[i + k] |= UINT64_C(1) << (first + k);
    }
  }
  for (size_t i = 0; i < n; i++)
    spots[at[i]].words = (spots[at[i]].words & ~of_phrases) | (spots[at[i]].words & kept[i]);
}

/* ---- near */

/* The tokens where a member of one NEAR or ADJ stands, or begins. */
typedef struct nearing {
  const snippet_words *w;
  near_group group;
  uint64_t heads[WORDS_MAX]; /* of each member, the words that it may begin with */
  spot *spots;
  const size_t *at; /* tokens that have positions */
  size_t n;
  uint64_t *kept; /* of each, what stays marked */
  size_t (*chains)[WORDS_MAX]; /* for ordered groups: where the words of each member's chain stand */
} nearing;

/* Keeps the members that begin at the token. */
static void keep_at(nearing *x, size_t i, uint64_t heads) {
  uint64_t left = x->spots[x->at[i]].words & heads;
  for (; left != 0; left &= left - 1) {
    const uint32_t k = (uint32_t)__builtin_ctzll(left), phrase = x->w->words[k].phrase;
    const uint32_t size = phrase != 0 ? x->w->phrase_size[phrase] : 1;
    for (uint32_t j = 0; j < size && i + j < x->n; j++) x->kept[i + j] |= UINT64_C(1) << (k + j);
  }
}

/* In any order: every run of the window's length in which all members stand. */
static void keep_near(nearing *x) {
  uint32_t counts[WORDS_MAX] = { 0 }, missing = x->group.members;
  size_t first = 0, done = 0, tokens = 0;
  uint64_t all = 0;
  for (uint32_t m = 0; m < x->group.members; m++) all |= x->heads[m];
  for (size_t i = 0; i < x->n; i++) {
    const uint64_t here = x->spots[x->at[i]].words;
    if ((here & all) == 0) continue;
    tokens++;
    for (uint32_t m = 0; m < x->group.members; m++)
      if ((here & x->heads[m]) != 0 && counts[m]++ == 0) missing--;
    for (; i - first >= x->group.window; first++) {
      const uint64_t gone = x->spots[x->at[first]].words;
      tokens -= (gone & all) != 0;
      for (uint32_t m = 0; m < x->group.members; m++)
        if ((gone & x->heads[m]) != 0 && --counts[m] == 0) missing++;
    }
    if (missing > 0 || tokens < x->group.members) continue;
    for (size_t k = done > first ? done : first; k <= i; k++) keep_at(x, k, all);
    done = i + 1;
  }
}

/* In this order: of the ways to stand so that end at a token, the one that begins last. */
static void keep_ordered(nearing *x) {
  size_t(*const chains)[WORDS_MAX] = x->chains;
  bool begun[WORDS_MAX] = { false };
  const uint32_t last = x->group.members - 1;
  for (size_t i = 0; i < x->n; i++) {
    const uint64_t here = x->spots[x->at[i]].words;
    for (uint32_t m = last + 1; m-- > 0;) { /* backwards: each token is one member's */
      if ((here & x->heads[m]) == 0 || (m > 0 && !begun[m - 1])) continue;
      if (m > 0) memcpy(chains[m], chains[m - 1], m * sizeof(**chains));
      chains[m][m] = i;
      begun[m] = true;
      if (m < last || i - chains[m][0] >= x->group.window) continue;
      for (uint32_t k = 0; k <= last; k++) keep_at(x, chains[m][k], x->heads[k]);
    }
  }
}

/* Words of a NEAR or ADJ are marked only where they are near. */
static void unmark_far(const snippet_words *w, scratch *s, spot *spots, const size_t *at, size_t n,
                       uint64_t *kept) {
  const scratch_mark before = scratch_here(s);
  size_t(*chains)[WORDS_MAX] = NULL;
  uint64_t of_nears = 0;
  for (size_t i = 0; i < n; i++) kept[i] = 0;
  for (uint32_t g = 1; g <= w->nears; g++) {
    nearing x = { .w = w, .group = w->near[g], .spots = spots, .at = at, .n = n, .kept = kept,
                  .chains = chains };
    for (uint32_t k = 0; k < w->count; k++) {
      if (w->words[k].near != g) continue;
      of_nears |= UINT64_C(1) << k;
      if (w->words[k].in_phrase == 0) x.heads[w->words[k].member] |= UINT64_C(1) << k;
    }
    if (x.group.members == 0) continue;
    if (x.group.ordered && chains == NULL) {
      x.chains = chains = scratch_take(s, WORDS_MAX * sizeof(*chains));
      if (chains == NULL) return;
    }
    if (x.group.ordered)
      keep_ordered(&x);
    else
      keep_near(&x);
  }
  for (size_t i = 0; i < n; i++)
    spots[at[i]].words = (spots[at[i]].words & ~of_nears) | (spots[at[i]].words & kept[i]);
  if (chains != NULL) scratch_return(s, before);
}

static void unmark_apart(const snippet_words *w, scratch *s, spot *spots, size_t count) {
  if (w->phrases == 0 && w->nears == 0) return;
  size_t *at = scratch_take(s, (count + 1) * sizeof(*at));
  uint64_t *kept = scratch_take(s, (count + 1) * sizeof(*kept));
  if (at == NULL || kept == NULL) return;
  size_t n = 0;
  for (size_t i = 0; i < count; i++)
    if (spots[i].positional) at[n++] = i;
  if (w->phrases > 0) unmark_broken_phrases(w, spots, at, n, kept);
  if (w->nears > 0) unmark_far(w, s, spots, at, n, kept);
}

/* Splits and marks the text; the spots live in scratch. */
static spot *find_spots(scratch *s, text_analyser *a, const snippet_words *w, int language,
                        sdx_bytes field, sdx_bytes text, size_t *count) {
  const text_token *tokens;
  if (text_tokens(a, text.data, text.size, &tokens, count, NULL) != SDX_OK) *count = 0;
  spot *spots = scratch_take(s, (*count + 1) * sizeof(*spots));
  size_t bytes = 0;
  for (size_t i = 0; i < *count; i++) bytes += tokens[i].surface.size + tokens[i].folded.size;
  char *copy = scratch_take(s, bytes + 1); /* tokens are gone with the analyser's next call */
  if (spots == NULL || copy == NULL) return NULL;
  for (size_t i = 0; i < *count; i++) {
    const text_token *t = &tokens[i];
    spots[i] = (spot){ .start = t->start, .end = t->end, .positional = t->positional };
    spots[i].surface = (sdx_bytes){ .data = copy, .size = t->surface.size };
    memcpy(copy, t->surface.data, t->surface.size);
    copy += t->surface.size;
    spots[i].folded = (sdx_bytes){ .data = copy, .size = t->folded.size };
    memcpy(copy, t->folded.data, t->folded.size);
    copy += t->folded.size;
  }
  mark(w, a, language, field, spots, *count);
  unmark_apart(w, s, spots, *count);
  return spots;
}

/* ---------------------------------------------------------------- choosing */

typedef struct piece {
  size_t first, last; /* spots, both included */
  unsigned score;
  uint64_t words;
} piece;

/* The run of spots within `bytes` of text that has most words that are not in `seen` yet. */
static piece best_piece(const spot *spots, size_t count, uint32_t bytes, uint64_t seen,
                        const bool *taken) {
  piece best = { .score = 0 };
  for (size_t i = 0; i < count; i++) {
    if (spots[i].words == 0 || taken[i]) continue;
    piece p = { .first = i, .last = i };
    unsigned hits = 0;
    for (size_t k = i; k < count && spots[k].end - spots[i].start <= bytes && !taken[k]; k++) {
      if (spots[k].words == 0) continue;
      p.words |= spots[k].words;
      p.last = k;
      hits++;
    }
    p.score = 16 * (unsigned)__builtin_popcountll(p.words & ~seen) + (hits < 15 ? hits : 15);
    if (p.score > best.score) best = p;
  }
  return best;
}

/* Widens a piece evenly on both sides, a third of the room before it. */
static void widen(piece *p, const spot *spots, size_t count, uint32_t bytes, const bool *taken) {
  const uint32_t core = spots[p->last].end - spots[p->first].start;
  uint32_t before = core < bytes ? (bytes - core) / 3 : 0;
  const uint32_t start = spots[p->first].start;
  while (p->first > 0 && !taken[p->first - 1] && start - spots[p->first - 1].start <= before)
    p->first--;
  while (p->last + 1 < count && !taken[p->last + 1] &&
         spots[p->last + 1].end - spots[p->first].start <= bytes)
    p->last++;
}

static unsigned choose(piece *pieces, unsigned *pieces_count, const spot *spots, size_t count,
                       bool *taken) {
  uint64_t all = 0, seen = 0;
  unsigned score = 0;
  *pieces_count = 0;
  for (size_t i = 0; i < count; i++) all |= spots[i].words;
  piece whole = best_piece(spots, count, SNIPPET_BYTES, 0, taken);
  const bool single = whole.words == all;
  while (*pieces_count < (single ? 1 : PIECES_MAX) && seen != all) {
    const uint32_t bytes = single ? SNIPPET_BYTES : PIECE_BYTES;
    piece p = best_piece(spots, count, bytes, seen, taken);
    if (p.score < 16) break; /* nothing new */
    widen(&p, spots, count, bytes, taken);
    for (size_t i = p.first; i <= p.last; i++) taken[i] = true;
    seen |= p.words;
    score += p.score;
    unsigned k = (*pieces_count)++;
    for (; k > 0 && pieces[k - 1].first > p.first; k--) pieces[k] = pieces[k - 1];
    pieces[k] = p;
  }
  return score;
}

/* ---------------------------------------------------------------- HTML */

/* Length of the UTF-8 character at p; 0 where there is none. */
static size_t character(const unsigned char *p, size_t left) {
  if (p[0] < 0x80) return 1;
  const size_t n = p[0] >= 0xc2 && p[0] < 0xe0   ? 2
                   : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
                   : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                                 : 0;
  if (n == 0 || n > left) return 0;
  for (size_t i = 1; i < n; i++)
    if ((p[i] & 0xc0) != 0x80) return 0;
  const bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
  const bool beyond = (p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf4 && p[1] >= 0x90);
  return overlong || beyond ? 0 : n;
}

static void put(buffer *out, const char *text) {
  buffer_put(out, text, strlen(text));
}

/* Escapes text; runs of white space and control characters become one space, bytes that are no
 * UTF-8 the replacement character. */
static void put_escaped(buffer *out, const char *text, size_t size, bool *space) {
  for (size_t i = 0; i < size;) {
    const unsigned char c = (unsigned char)text[i];
    if (c <= ' ' || c == 0x7f) {
      if (!*space) buffer_put_u8(out, ' ');
      *space = true;
      i++;
      continue;
    }
    *space = false;
    const size_t n = character((const unsigned char *)text + i, size - i);
    if (n == 0)
      put(out, "\xef\xbf\xbd");
    else if (c == '&')
      put(out, "&amp;");
    else if (c == '<')
      put(out, "&lt;");
    else if (c == '>')
      put(out, "&gt;");
    else if (c == '"')
      put(out, "&quot;");
    else if (c == '\'')
      put(out, "&#39;");
    else
      buffer_put(out, text + i, n);
    i += n != 0 ? n : 1;
  }
}

#define PUNCTUATION_MAX 16 /* bytes on each side of a piece */

static bool is_blank(char c) {
  return (unsigned char)c <= ' ' || c == 0x7f;
}

/* Where a piece begins: with the punctuation in front of its first word, back to a blank, if that
 * is all there is. */
static uint32_t start_of(sdx_bytes text, uint32_t from, uint32_t start) {
  uint32_t at = start;
  while (at > from && start - at < PUNCTUATION_MAX && !is_blank(text.data[at - 1])) at--;
  return at == 0 || is_blank(text.data[at - 1]) ? at : start;
}

/* Where it ends: in the same way with that behind its last word. */
static uint32_t end_of(sdx_bytes text, uint32_t end, uint32_t until) {
  uint32_t at = end;
  while (at < until && at - end < PUNCTUATION_MAX && !is_blank(text.data[at])) at++;
  return at == text.size || is_blank(text.data[at]) ? at : end;
}

/* The text of a piece; n-grams overlap or touch, and are marked as one. */
static void put_piece(buffer *out, const snippet_words *w, sdx_bytes text, const spot *spots,
                      size_t count, const piece *p) {
  uint32_t at = start_of(text, p->first > 0 ? spots[p->first - 1].end : 0, spots[p->first].start);
  bool space = true;
  for (size_t i = p->first; i <= p->last; i++) {
    if (spots[i].words == 0 || spots[i].start < at) continue;
    uint32_t end = spots[i].end;
    for (size_t k = i + 1; k <= p->last && spots[k].start <= end; k++)
      if (spots[k].words != 0 && spots[k].end > end) end = spots[k].end;
    put_escaped(out, text.data + at, spots[i].start - at, &space);
    put(out, w->mark ? "<mark>" : "<b>");
    space = false;
    put_escaped(out, text.data + spots[i].start, end - spots[i].start, &space);
    put(out, w->mark ? "</mark>" : "</b>");
    at = end;
  }
  uint32_t end = at;
  for (size_t i = p->first; i <= p->last; i++)
    if (spots[i].end > end) end = spots[i].end;
  end = end_of(text, end, p->last + 1 < count ? spots[p->last + 1].start : (uint32_t)text.size);
  put_escaped(out, text.data + at, end - at, &space);
}

static void put_pieces(buffer *out, const snippet_words *w, sdx_bytes text, const spot *spots,
                       size_t count, const piece *pieces, unsigned n) {
  for (unsigned i = 0; i < n; i++) {
    if (pieces[i].first > 0) put(out, i > 0 ? " \xe2\x80\xa6 " : "\xe2\x80\xa6 ");
    put_piece(out, w, text, spots, count, &pieces[i]);
  }
  if (n > 0 && pieces[n - 1].last + 1 < count) put(out, " \xe2\x80\xa6");
}

/* ---------------------------------------------------------------- snippets */

static sdx_bytes cut(sdx_bytes text) {
  if (text.size <= SNIPPET_TEXT_MAX) return text;
  text.size = SNIPPET_TEXT_MAX;
  while (text.size > 0 && ((unsigned char)text.data[text.size] & 0xc0) == 0x80) text.size--;
  return text;
}

/* The beginning of a text of which nothing is marked. */
static void put_beginning(buffer *out, sdx_bytes text) {
  size_t size = text.size;
  if (size > SNIPPET_BYTES) {
    size = SNIPPET_BYTES;
    while (size > SNIPPET_BYTES / 2 && (unsigned char)text.data[size] > ' ') size--;
    while (size > 0 && ((unsigned char)text.data[size] & 0xc0) == 0x80) size--;
  }
  bool space = true;
  put_escaped(out, text.data, size, &space);
  if (size < text.size) put(out, " \xe2\x80\xa6");
}

unsigned snippet_of_text(scratch *s, text_analyser *analyser, const snippet_words *words,
                         int language, sdx_bytes field, sdx_bytes text, buffer *out) {
  const scratch_mark mark_here = scratch_here(s);
  const sdx_bytes kept = cut(text);
  size_t count = 0;
  unsigned score = 0, pieces_count = 0;
  piece pieces[PIECES_MAX];
  spot *spots = words != NULL && words->count > 0
                    ? find_spots(s, analyser, words, language, field, kept, &count)
                    : NULL;
  bool *taken = spots != NULL ? SCRATCH_MANY(s, bool, count + 1) : NULL;
  if (taken != NULL) score = choose(pieces, &pieces_count, spots, count, taken);
  if (pieces_count > 0)
    put_pieces(out, words, kept, spots, count, pieces, pieces_count);
  else
    put_beginning(out, kept);
  scratch_return(s, mark_here);
  return score;
}

/* Takes the first line off the text of an attachment, if it is the name of one of the item's files,
 * and returns it (docs/sources.md); else the name of its only file; else nothing. */
static sdx_bytes take_name(sdx_bytes *text, const void *fields, size_t size) {
  const char *end = memchr(text->data, '\n', text->size);
  cursor at = cursor_over(fields, size);
  sdx_bytes name, value, only = { .data = "", .size = 0 };
  unsigned files = 0, texts = 0;
  const sdx_bytes line = { .data = text->data,
                           .size = end != NULL ? (size_t)(end - text->data) : 0 };
  while (record_fields_next(&at, &name, &value)) {
    texts += is_named(name, "attachment");
    if (!is_named(name, "filename")) continue;
    files++;
    only = value;
    if (end == NULL || !same(value, line)) continue;
    text->data += line.size + 1;
    text->size -= line.size + 1;
    return line;
  }
  return files == 1 && texts == 1 ? only : (sdx_bytes){ .data = "", .size = 0 };
}

static void put_name(buffer *out, sdx_bytes name) {
  bool space = true;
  put(out, "in attachment: ");
  if (name.size == 0) return;
  put_escaped(out, name.data, name.size, &space);
  put(out, ": ");
}

/* The snippet of the next field that is text; false behind the last. */
static bool next_snippet(scratch *s, text_analyser *analyser, const snippet_words *words,
                         int language, cursor *at, const void *fields, size_t size, sdx_bytes *name,
                         buffer *html, unsigned *score) {
  sdx_bytes text;
  while (record_fields_next(at, name, &text)) {
    if (name->size == 0 || name->data[0] == ':') continue; /* not a text */
    const text_field_rule *rule = text_field_find(name->data, name->size);
    if (rule != NULL && rule->weight == 0) continue; /* a value, not words */
    buffer_reset(html);
    if (is_named(*name, "attachment")) put_name(html, take_name(&text, fields, size));
    *score = snippet_of_text(s, analyser, words, language, *name, text, html);
    return true;
  }
  return false;
}

void snippet_of_fields(scratch *s, text_analyser *analyser, const snippet_words *words,
                       int language, const void *fields, size_t size, buffer *out) {
  cursor at = cursor_over(fields, size);
  sdx_bytes name;
  buffer html = BUFFER_INIT;
  unsigned best = 0, score;
  bool any = false;
  while (next_snippet(s, analyser, words, language, &at, fields, size, &name, &html, &score)) {
    score = score * 2 + (is_named(name, "body") ? 1 : 0);
    if (any && score <= best) continue;
    any = true;
    best = score;
    buffer_reset(out);
    buffer_put(out, html.data, html.size);
  }
  buffer_free(&html);
}

void snippet_of_each_field(scratch *s, text_analyser *analyser, const snippet_words *words,
                           int language, const void *fields, size_t size, snippet_taker take,
                           void *context) {
  cursor at = cursor_over(fields, size);
  sdx_bytes name;
  buffer html = BUFFER_INIT;
  unsigned score;
  while (next_snippet(s, analyser, words, language, &at, fields, size, &name, &html, &score))
    if (score > 0 &&
        !take(context, name, (sdx_bytes){ .data = (const char *)html.data, .size = html.size }))
      break;
  buffer_free(&html);
}
