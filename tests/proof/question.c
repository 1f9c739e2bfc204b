/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASSAGE_WORDS 60
#define PASSAGES_MAX 30000
#define WORD_ROOM 80
#define JUDGES_MAX 2

const char *const question_names[QUESTION_KINDS] = { "single", "AND",   "OR",     "NOT",  "phrase",
                                                     "NEAR",   "field", "prefix", "mixed" };

typedef struct word {
  char *surface, *fold;
} word;

/* Consecutive words of one field of one item. */
typedef struct passage {
  const text_field_rule *rule;
  word words[PASSAGE_WORDS];
  size_t count;
  char *run; /* words joined by punctuation, as they stood; NULL: none */
} passage;

/* A word with marks, and what it folds to behind its prefix. */
typedef struct marked {
  char *fold, *surface;
} marked;

struct asker {
  text_analyser *analyser;
  uint64_t seed;
  oracle *judges[JUDGES_MAX];
  size_t judge_count;
  passage *passages;
  size_t count;
  marked *marked;
  size_t marked_count;
  char text[2048];
  bool in_and, no_windows; /* see ask_group */
  bool no_bodies;
};

uint32_t asker_below(asker *a, uint32_t n) {
  a->seed ^= a->seed << 13;
  a->seed ^= a->seed >> 7;
  a->seed ^= a->seed << 17;
  return (uint32_t)((a->seed >> 11) % n);
}

static void *need(void *p) {
  if (p == NULL) abort();
  return p;
}

asker *asker_new(text_analyser *analyser, uint64_t seed) {
  asker *a = need(calloc(1, sizeof *a));
  a->analyser = analyser;
  a->seed = seed * 0x9e3779b97f4a7c15u + 1;
  a->passages = need(calloc(PASSAGES_MAX, sizeof *a->passages));
  return a;
}

void asker_free(asker *a) {
  for (size_t i = 0; i < a->count; i++) {
    for (size_t k = 0; k < a->passages[i].count; k++) {
      free(a->passages[i].words[k].surface);
      free(a->passages[i].words[k].fold);
    }
    free(a->passages[i].run);
  }
  for (size_t i = 0; i < a->marked_count; i++) {
    free(a->marked[i].fold);
    free(a->marked[i].surface);
  }
  free(a->marked);
  free(a->passages);
  free(a);
}

void asker_spare_bodies(asker *a) {
  a->no_bodies = true;
}

void asker_judge(asker *a, oracle *judge) {
  a->judges[a->judge_count++] = judge;
}

/* ------------------------------------------------------------------ listening */

static bool can_be_typed(const char *text, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (strchr("\"()*~:", text[i]) != NULL || (unsigned char)text[i] <= ' ') return false;
  return size > 0 && size < WORD_ROOM;
}

/* True where the word, typed, is that one word again: not so for what only normalising brought
 * about. */
static bool stays_itself(asker *a, const char *surface) {
  const text_token *tokens;
  size_t count;
  return text_tokens(a->analyser, surface, strlen(surface), &tokens, &count, NULL) == SDX_OK &&
         count == 1 && !tokens[0].ngram && tokens[0].surface.size == strlen(surface) &&
         memcmp(tokens[0].surface.data, surface, strlen(surface)) == 0;
}

/* The first run of two to five joined words from `i` on, where it can be typed. */
static void keep_run(passage *p, const char *text, const text_token *tokens, size_t count,
                     size_t i) {
  if (i > 0 && tokens[i].joined) return;
  size_t last = i;
  while (last + 1 < count && tokens[last + 1].joined && !tokens[last + 1].ngram) last++;
  const size_t size = tokens[last].end - tokens[i].start;
  if (last == i || last - i > 4 || tokens[i].ngram || !can_be_typed(text + tokens[i].start, size))
    return;
  free(p->run);
  p->run = need(strndup(text + tokens[i].start, size));
}

void asker_listen(asker *a, const text_field_rule *rule, const char *text, size_t size) {
  const text_token *tokens;
  size_t count;
  if (a->count == PASSAGES_MAX || rule->weight == 0 || asker_below(a, 3) == 0) return;
  const size_t some = size < 4000 ? size : 4000;
  const size_t from = size > some ? asker_below(a, (uint32_t)(size - some)) : 0;
  if (text_tokens(a->analyser, text + from, some, &tokens, &count, NULL) != SDX_OK || count == 0)
    return;
  passage *p = &a->passages[a->count];
  *p = (passage){ .rule = rule };
  const size_t first =
      count > PASSAGE_WORDS ? asker_below(a, (uint32_t)(count - PASSAGE_WORDS)) : 0;
  for (size_t i = first; i < count && p->count < PASSAGE_WORDS; i++) {
    const text_token *t = &tokens[i];
    if (i + 1 == count && from + some < size) break; /* may be cut */
    if (t->ngram || !t->positional || !can_be_typed(t->surface.data, t->surface.size)) continue;
    p->words[p->count].surface = need(strndup(t->surface.data, t->surface.size));
    p->words[p->count++].fold = need(strndup(t->folded.data, t->folded.size));
    if (p->run == NULL || asker_below(a, 4) == 0) keep_run(p, text + from, tokens, count, i);
  }
  size_t kept = 0;
  for (size_t i = 0; i < p->count; i++) {
    if (stays_itself(a, p->words[i].surface)) {
      p->words[kept++] = p->words[i];
      continue;
    }
    free(p->words[i].surface);
    free(p->words[i].fold);
  }
  p->count = kept;
  if (kept > 0)
    a->count++;
  else
    free(p->run);
}

static int by_fold(const void *x, const void *y) {
  return strcmp(((const marked *)x)->fold, ((const marked *)y)->fold);
}

void asker_learn(asker *a, const text_analyser *items) {
  const size_t count = text_vocabulary_count(items);
  a->marked = need(calloc(count + 1, sizeof *a->marked));
  for (uint32_t i = 0; i < count; i++) {
    const text_class *cls = text_vocabulary_class(items, i);
    if (cls->fold == TEXT_NONE) continue;
    text_class_kind kind;
    uint8_t language;
    const sdx_bytes fold = text_class_key(items, cls->fold, &kind, &language);
    const sdx_bytes term = text_vocabulary_term(items, i);
    size_t prefix = 0;
    while (prefix < term.size && term.data[prefix] >= 'A' && term.data[prefix] <= 'Z') prefix++;
    marked *m = &a->marked[a->marked_count++];
    m->fold = need(strndup(fold.data, fold.size));
    m->surface = need(strndup(term.data + prefix, term.size - prefix));
  }
  qsort(a->marked, a->marked_count, sizeof *a->marked, by_fold);
}

/* ------------------------------------------------------------------ writing */

static void put(asker *a, const char *text) {
  strncat(a->text, text, sizeof a->text - strlen(a->text) - 1);
}

static void term(asker *a, const char *before, const char *prefix, const char *text) {
  char name[3 * WORD_ROOM];
  snprintf(name, sizeof name, "%s%s%s", before, prefix, text);
  for (size_t i = 0; i < a->judge_count; i++) oracle_term(a->judges[i], name);
}

static void apply(asker *a, oracle_op op, size_t operands, uint32_t window) {
  for (size_t i = 0; i < a->judge_count; i++) oracle_apply(a->judges[i], op, operands, window);
}

static const passage *any_passage(asker *a) {
  return &a->passages[asker_below(a, (uint32_t)a->count)];
}

static const passage *bare_passage(asker *a) {
  const passage *p;
  do p = any_passage(a);
  while (!p->rule->bare);
  return p;
}

/* Of two words the longer one, every other time: else nearly all would be small change. */
static const word *word_of(asker *a, const passage *p) {
  const word *one = &p->words[asker_below(a, (uint32_t)p->count)];
  const word *two = &p->words[asker_below(a, (uint32_t)p->count)];
  return asker_below(a, 2) == 0 && strlen(two->surface) > strlen(one->surface) ? two : one;
}

#define FORMS_MAX 64

typedef struct forms {
  char names[FORMS_MAX][WORD_ROOM * 2];
  size_t count;
} forms;

static void add_form(asker *a, forms *f, const char *prefix, const char *surface,
                     const char *fold) {
  char stem[TEXT_TERM_MAX];
  const size_t size = text_stem(a->analyser, 0, surface, strlen(surface), stem);
  char *name = f->names[f->count];
  if (size != 0)
    snprintf(name, sizeof f->names[0], "Z%s%.*s", prefix, (int)size, stem);
  else
    snprintf(name, sizeof f->names[0], "%s%s", prefix, fold);
  for (size_t i = 0; i < f->count; i++)
    if (strcmp(f->names[i], name) == 0) return;
  if (f->count + 1 < FORMS_MAX) f->count++;
}

/* What a bare word stands for: its stem, and where it is typed without marks those of the words
 * with marks that fold to it. */
static void ask_forms(asker *a, const char *prefix, const char *surface, const char *fold,
                      bool body) {
  static forms f;
  f.count = 0;
  add_form(a, &f, prefix, surface, fold);
  char key[2 * WORD_ROOM];
  snprintf(key, sizeof key, "%s%s", prefix, fold);
  size_t low = 0, high = strcmp(surface, fold) == 0 ? a->marked_count : 0;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (strcmp(a->marked[middle].fold, key) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  if (strcmp(surface, fold) == 0)
    for (; low < a->marked_count && strcmp(a->marked[low].fold, key) == 0; low++)
      add_form(a, &f, prefix, a->marked[low].surface, fold);
  for (size_t i = 0; i < f.count; i++) {
    term(a, "", "", f.names[i]);
    if (!body) continue;
    term(a, QUESTION_BODY, "", f.names[i]);
    apply(a, ORACLE_FILTER, 2, 0);
  }
  if (f.count > 1) apply(a, ORACLE_OR, f.count, 0);
}

static void ask_word(asker *a, const word *w) {
  const char *typed = asker_below(a, 3) == 0 ? w->surface : w->fold;
  if (typed == w->fold && !stays_itself(a, w->fold)) typed = w->surface;
  put(a, typed);
  ask_forms(a, "", typed, w->fold, false);
}

/* Words that stand together, or not. */
static void ask_phrase(asker *a, const passage *p, const char *prefix, bool body) {
  const word *words[4];
  const uint32_t n = body ? 2 : 2 + asker_below(a, 3);
  const bool real = p->count >= n && asker_below(a, 5) > 0;
  const size_t first = real ? asker_below(a, (uint32_t)(p->count - n + 1)) : 0;
  put(a, "\"");
  for (uint32_t i = 0; i < n; i++) {
    words[i] = real ? &p->words[first + i] : word_of(a, p);
    put(a, words[i]->surface);
    put(a, i + 1 < n ? " " : "\"");
    term(a, "", prefix, words[i]->fold);
  }
  apply(a, body ? ORACLE_AND : ORACLE_PHRASE, n, n);
  if (!body) return;
  for (uint32_t i = 0; i < n; i++) term(a, QUESTION_BODY, "", words[i]->fold);
  apply(a, ORACLE_PHRASE, n, n);
  apply(a, ORACLE_FILTER, 2, 0);
}

static void ask_window(asker *a) {
  const passage *p = bare_passage(a);
  const uint32_t n = 1 + asker_below(a, 8);
  const bool near = asker_below(a, 3) > 0;
  uint32_t words = 2 + asker_below(a, 2);
  size_t at = asker_below(a, (uint32_t)p->count);
  for (uint32_t i = 0; i < words; i++) {
    char op[16];
    put(a, p->words[at].surface);
    term(a, "", "", p->words[at].fold);
    snprintf(op, sizeof op, " %s/%u ", near ? "NEAR" : "ADJ", n);
    if (i + 1 < words) put(a, op);
    at = (at + 1 + asker_below(a, 5)) % p->count;
  }
  apply(a, near ? ORACLE_NEAR : ORACLE_PHRASE, words, n + words - 1);
}

static void ask_prefix(asker *a, const passage *p, const char *prefix) {
  char start[8], pattern[32];
  const word *w = word_of(a, p);
  size_t size = 0;
  const size_t wanted = 2 + asker_below(a, 4);
  while (size < wanted && ((w->fold[size] >= 'a' && w->fold[size] <= 'z') ||
                           (w->fold[size] >= '0' && w->fold[size] <= '9')))
    size++;
  if (size < 2) {
    strcpy(start, "th");
  } else {
    memcpy(start, w->fold, size);
    start[size] = '\0';
  }
  put(a, start);
  put(a, "*");
  snprintf(pattern, sizeof pattern, "%s%s", prefix, start);
  for (size_t i = 0; i < a->judge_count; i++) oracle_prefix(a->judges[i], pattern);
}

static void ask_field(asker *a) {
  const passage *p;
  do p = any_passage(a);
  while (p->rule->prefix[0] == '\0' &&
         (a->no_bodies || asker_below(a, 4) > 0)); /* bodies are many */
  const bool body = p->rule->prefix[0] == '\0';
  put(a, p->rule->name);
  put(a, ":");
  const uint32_t form = asker_below(a, 6);
  if (form == 0 && !body)
    ask_prefix(a, p, p->rule->prefix);
  else if (form < 3 && p->count > 1 && !a->no_windows)
    ask_phrase(a, p, p->rule->prefix, body);
  else {
    const word *w = word_of(a, p);
    put(a, w->surface);
    ask_forms(a, p->rule->prefix, w->surface, w->fold, body);
  }
}

/* nasa.gov as it stands: a phrase of its parts. False where the passage has none. */
static bool ask_run(asker *a) {
  const passage *p = bare_passage(a);
  const text_token *tokens;
  size_t count;
  if (p->run == NULL || a->no_windows || p->run[0] == '-' || p->run[0] == '+') return false;
  if (text_tokens(a->analyser, p->run, strlen(p->run), &tokens, &count, NULL) != SDX_OK ||
      count < 2)
    return false;
  for (size_t i = 0; i < count; i++)
    if (tokens[i].ngram || (i > 0 && !tokens[i].joined)) return false;
  put(a, p->run);
  for (size_t i = 0; i < count; i++) {
    char fold[WORD_ROOM * 2];
    snprintf(fold, sizeof fold, "%.*s", (int)tokens[i].folded.size, tokens[i].folded.data);
    term(a, "", "", fold);
  }
  apply(a, ORACLE_PHRASE, count, (uint32_t)count);
  return true;
}

static void ask_any(asker *a, int depth);

/*
 * Xapian 1.4.22 adds the weights of a phrase whose words an item has, but not side by side, where
 * the phrase stands in an OR of several inside an AND. Such questions are not asked here; the naive
 * scan of tests/query/test_scan.c has them.
 */
static void ask_group(asker *a, int depth, const char *op, oracle_op means) {
  const uint32_t n = 2 + asker_below(a, means == ORACLE_AND_NOT ? 1 : 3);
  const bool was_and = a->in_and, was_without = a->no_windows;
  if (means == ORACLE_OR)
    a->no_windows |= a->in_and;
  else
    a->in_and = true;
  put(a, "(");
  for (uint32_t i = 0; i < n; i++) {
    ask_any(a, depth - 1);
    if (i + 1 < n) put(a, op);
  }
  put(a, ")");
  apply(a, means, n, 0);
  a->in_and = was_and;
  a->no_windows = was_without;
}

static void ask_any(asker *a, int depth) {
  const uint32_t form = asker_below(a, depth > 0 ? 18 : 9);
  if (form == 0 && !a->no_windows) {
    const passage *p = bare_passage(a);
    if (p->count > 1) {
      ask_phrase(a, p, "", false);
      return;
    }
  }
  if (form == 1 && !a->no_windows) {
    ask_window(a);
    return;
  }
  if (form == 2 && ask_run(a)) return;
  switch (form) {
  case 3:
    ask_field(a);
    return;
  case 4:
    ask_prefix(a, bare_passage(a), "");
    return;
  case 9:
  case 10:
    ask_group(a, depth, " AND ", ORACLE_AND);
    return;
  case 11:
    ask_group(a, depth, " ", ORACLE_AND);
    return;
  case 12:
  case 13:
  case 14:
    ask_group(a, depth, " OR ", ORACLE_OR);
    return;
  case 15:
  case 16:
    ask_group(a, depth, " AND NOT ", ORACLE_AND_NOT);
    return;
  case 17:
    ask_group(a, depth, " -", ORACLE_AND_NOT);
    return;
  default:
    ask_word(a, word_of(a, bare_passage(a)));
    return;
  }
}

static void ask_words(asker *a, const char *op, oracle_op means, uint32_t n) {
  const passage *p = bare_passage(a);
  for (uint32_t i = 0; i < n; i++) {
    ask_word(a, word_of(a, p));
    if (i + 1 < n) put(a, op);
    if (asker_below(a, 3) == 0) p = bare_passage(a);
  }
  apply(a, means, n, 0);
}

const char *asker_ask(asker *a, question_kind kind) {
  a->text[0] = '\0';
  a->in_and = a->no_windows = false;
  switch (kind) {
  case QUESTION_SINGLE:
    ask_word(a, word_of(a, bare_passage(a)));
    break;
  case QUESTION_AND:
    ask_words(a, asker_below(a, 2) == 0 ? " " : " AND ", ORACLE_AND, 2 + asker_below(a, 3));
    break;
  case QUESTION_OR:
    ask_words(a, " OR ", ORACLE_OR, 2 + asker_below(a, 4));
    break;
  case QUESTION_NOT:
    ask_words(a, asker_below(a, 2) == 0 ? " NOT " : " -", ORACLE_AND_NOT, 2);
    break;
  case QUESTION_PHRASE:
    if (asker_below(a, 3) == 0 && ask_run(a)) break;
    const passage *p;
    do p = bare_passage(a);
    while (p->count < 2);
    ask_phrase(a, p, "", false);
    break;
  case QUESTION_NEAR:
    ask_window(a);
    break;
  case QUESTION_FIELD:
    ask_field(a);
    break;
  case QUESTION_PREFIX:
    ask_prefix(a, bare_passage(a), "");
    break;
  default:
    ask_any(a, 3);
    break;
  }
  return a->text;
}
