/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sdx_suggest: the last word of what is being typed, completed from live items. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/stack.h"
#include "query/address.h"
#include "query/expansion.h"
#include "query/filter.h"
#include "query/grammar.h"

#define LIMIT_DEFAULT 10
#define LIMIT_MAX 1000

struct sdx_suggestions {
  scratch memory;
  sdx_suggestion *list;
  size_t count, room;
  bool complete;
};

/* What is being typed: everything before the word, the word, and where it is looked for. */
typedef struct typing {
  scratch s;
  text_analyser *analyser;
  view_read read;
  query_clock clock;
  sdx_suggestions *out;
  sdx_bytes before;        /* kept as it was typed */
  sdx_bytes word;
  const tree_scope *scope; /* of a field; NULL: all text */
  const filter *filter;    /* word is the value of a filter */
  bool quoted;             /* ... behind an open quotation mark */
} typing;

/* ---------------------------------------------------------------- what was typed */

static bool ends_word(const char *p, const char *end) {
  return *p == '(' || *p == ')' || query_space_at(p, end) != 0;
}

/* Finds the last word: from the last space, parenthesis or open quotation mark on. */
static void split(typing *t, sdx_bytes typed) {
  const char *end = typed.data + typed.size, *start = typed.data, *quote = NULL;
  for (const char *p = typed.data; p < end;) {
    const size_t mark = query_quote_at(p, end);
    const size_t space = query_space_at(p, end);
    if (mark != 0) {
      quote = quote == NULL ? p : NULL;
      p += mark;
      if (quote == NULL || start == quote) start = quote == NULL ? p : start;
    } else if (quote == NULL && ends_word(p, end)) {
      p += space != 0 ? space : 1;
      start = p;
    } else {
      p++;
    }
  }
  if (quote == NULL && start < end && (*start == '-' || *start == '+')) start++;
  t->word = (sdx_bytes){ .data = start, .size = (size_t)(end - start) };
  t->quoted = quote != NULL;
  const size_t name = query_name_size(t->word);
  if (name != 0) {
    t->scope = query_scope(&t->s, t->word.data, name);
    if (t->scope == NULL) t->filter = filter_find(t->word.data, name);
    if (t->scope != NULL || t->filter != NULL) t->word.data += name + 1, t->word.size -= name + 1;
  }
  if (t->quoted) { /* a value behind its mark; of a phrase the last word */
    const char *mark = quote + query_quote_at(quote, end);
    if (t->word.data < mark && mark <= end) t->word = (sdx_bytes){ mark, (size_t)(end - mark) };
    if (t->filter == NULL)
      for (const char *p = t->word.data; p < end; p++)
        if (query_space_at(p, end) != 0)
          t->word = (sdx_bytes){ p + query_space_at(p, end),
                                 (size_t)(end - p) - query_space_at(p, end) };
  }
  t->before = (sdx_bytes){ .data = typed.data, .size = (size_t)(t->word.data - typed.data) };
}

/* ---------------------------------------------------------------- what is proposed */

static void propose(typing *t, sdx_suggestion_kind kind, sdx_bytes word, const candidate *c,
                    sdx_bytes name) {
  sdx_suggestions *out = t->out;
  if (out->count == out->room) return;
  for (size_t i = 0; i < out->count; i++)
    if (out->list[i].word.size == word.size &&
        memcmp(out->list[i].word.data, word.data, word.size) == 0)
      return;
  bool quotes = false;
  for (size_t i = 0; kind == SDX_SUGGEST_VALUE && !t->quoted && i < word.size; i++)
    quotes |= ends_word(word.data + i, word.data + word.size);
  char *text = scratch_take(&out->memory, t->before.size + word.size + 3);
  if (text == NULL) return;
  size_t n = t->before.size;
  if (n != 0) memcpy(text, t->before.data, n);
  if (quotes) text[n++] = '"';
  memcpy(text + n, word.data, word.size);
  n += word.size;
  if (quotes || (t->quoted && kind == SDX_SUGGEST_VALUE)) text[n++] = '"';
  out->list[out->count++] = (sdx_suggestion){
    .kind = kind,
    .text = { .data = text, .size = n },
    .word = scratch_copy(&out->memory, word.data, word.size),
    .name = scratch_copy(&out->memory, name.size != 0 ? name.data : "", name.size),
    .count = c != NULL ? c->count : 0,
    .date = c != NULL && c->date != INT64_MIN ? c->date : 0,
  };
}

/* ---- addresses */

static void propose_addresses(typing *t, const tree_scope *scope, size_t most) {
  char *folded = scratch_take(&t->s, 3 * t->word.size + 4);
  candidates all;
  candidate *best;
  if (folded == NULL) return;
  const sdx_bytes typed = {
    .data = folded,
    .size = text_fold(t->analyser, t->word.data, t->word.size, folded, 3 * t->word.size + 4),
  };
  candidates_init(&all, &t->s);
  address_find(&all, &t->s, &t->read, t->analyser, scope, typed, t->read.now, &t->clock);
  const size_t n = candidates_sorted(&all, most, &best);
  for (size_t i = 0; i < n && t->out->count < t->out->room; i++)
    propose(t, SDX_SUGGEST_ADDRESS, best[i].value, &best[i],
            address_name(&t->s, &t->read, scope, &best[i]));
}

/* ---- words */

/* Behind few letters there are very many words. Those that are rare in every segment are left out first,
 * which is right where enough others are more frequent than all of them together could be. */
#define RARE 16
#define CLOCK_EVERY 16 /* words whose items are counted */
#define LOOKED_AT 50 /* candidates for each suggestion, where many have no live item */

typedef struct collecting {
  candidates *into;
  size_t prefix;
  uint32_t least; /* of items in a segment */
} collecting;

static bool collect_word(void *context, sdx_bytes name, const segment_term *term) {
  collecting *w = context;
  if (term->df < w->least) return true;
  candidate *c = candidates_at(w->into, name.data + w->prefix, name.size - w->prefix);
  if (c == NULL) return false;
  c->count += term->df;
  c->score += term->df;
  return true;
}

/* Counts what is live of a word: 0 where nothing is. */
static void count_live(typing *t, postings *p, const char *prefix, candidate *c) {
  char name[TEXT_TERM_MAX + 8];
  const size_t size = strlen(prefix);
  segment_term term;
  c->count = 0;
  if (size + c->value.size > sizeof(name)) return;
  memcpy(name, prefix, size);
  memcpy(name + size, c->value.data, c->value.size);
  for (size_t i = 0; i < t->read.view->segment_count; i++) {
    uint32_t newest = 0;
    const segment *seg = t->read.view->segments[i].seg;
    if (segment_find(seg, &t->read.session, name, size + c->value.size, &term) != SDX_OK) continue;
    const uint64_t live = candidates_live(p, &t->read, i, &term, &newest);
    if (live != 0) candidates_count(c, &t->read, i, live, newest);
  }
}

/* Proposes words of a list, of several that fold to one the first. */
static void propose_once(typing *t, const candidate *list, size_t n) {
  char(*folds)[TEXT_TERM_MAX] = scratch_take(&t->s, (n + 1) * sizeof(*folds));
  size_t *sizes = scratch_take(&t->s, (n + 1) * sizeof(*sizes)), seen = 0;
  for (size_t i = 0; folds != NULL && sizes != NULL && i < n; i++) {
    bool met = false;
    sizes[seen] = text_fold(t->analyser, list[i].value.data, list[i].value.size, folds[seen],
                            TEXT_TERM_MAX);
    for (size_t k = 0; k < seen && !met; k++)
      met = sizes[k] == sizes[seen] && memcmp(folds[k], folds[seen], sizes[k]) == 0;
    if (met || list[i].count == 0) continue;
    seen++;
    propose(t, SDX_SUGGEST_WORD, list[i].value, &list[i], (sdx_bytes){ .data = "", .size = 0 });
  }
}

static int by_count(const void *a, const void *b) {
  const candidate *x = a, *y = b;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  if (x->value.size != y->value.size) return x->value.size < y->value.size ? -1 : 1;
  return memcmp(x->value.data, y->value.data, x->value.size);
}

/* The words of one field that begin so, the more frequent first. False where rarer ones might belong to
 * them, too. */
static bool find_words(typing *t, const char *prefix, const tree *pattern, uint32_t least) {
  candidates all;
  candidate *best;
  postings p = { .seg = NULL };
  const view *v = t->read.view;
  candidates_init(&all, &t->s);
  collecting w = { .into = &all, .prefix = strlen(prefix), .least = least };
  for (size_t i = 0; i < v->segment_count; i++)
    expansion_run(v->segments[i].seg, &t->read.session, pattern, prefix, least, &t->clock,
                  collect_word, &w);
  const size_t n = candidates_sorted(&all, LOOKED_AT * t->out->room, &best);
  size_t live = 0;
  for (size_t i = 0; i < n && live < 2 * t->out->room; i++) {
    if (i % CLOCK_EVERY == CLOCK_EVERY - 1 && clock_is_up(&t->clock)) break;
    count_live(t, &p, prefix, &best[i]);
    if (best[i].count != 0) best[live++] = best[i];
  }
  postings_close(&p);
  if (live > 1) qsort(best, live, sizeof(*best), by_count);
  if (least > 1 && (live < t->out->room ||
                    best[t->out->room - 1].count < (uint64_t)least * v->segment_count))
    return false;
  propose_once(t, best, live);
  return true;
}

static void propose_words(typing *t, const char *prefix, const tree *pattern) {
  const uint32_t least = pattern->text.size <= 3 ? RARE : 1; /* two letters and the star */
  if (!find_words(t, prefix, pattern, least) && !clock_is_up(&t->clock))
    (void)find_words(t, prefix, pattern, 1);
}

/* The last token of the word as a pattern; what was typed before it stays. NULL: it ends in none. */
static tree *last_token(typing *t, sdx_error *err, sdx_status *status) {
  const text_token *tokens;
  size_t count;
  *status = text_tokens(t->analyser, t->word.data, t->word.size, &tokens, &count, err);
  if (*status != SDX_OK || count == 0 || tokens[count - 1].end != t->word.size) return NULL;
  const text_token *last = &tokens[count - 1];
  tree *pattern = tree_new(&t->s, TREE_PATTERN);
  char *surface = scratch_take(&t->s, last->surface.size + 1);
  char *folded = scratch_take(&t->s, last->folded.size + 1);
  if (pattern == NULL || surface == NULL || folded == NULL) return NULL;
  memcpy(surface, last->surface.data, last->surface.size);
  memcpy(folded, last->folded.data, last->folded.size);
  surface[last->surface.size] = folded[last->folded.size] = '*';
  pattern->text = (sdx_bytes){ .data = surface, .size = last->surface.size + 1 };
  pattern->folded = (sdx_bytes){ .data = folded, .size = last->folded.size + 1 };
  t->before.size += last->start;
  return pattern;
}

/* ---- values of filters */

static bool begins(sdx_bytes text, sdx_bytes with) {
  return text.size >= with.size && strncasecmp(text.data, with.data, with.size) == 0;
}

static uint64_t live_of(const view_segment *v, const roaring_bitmap_t *items) {
  const uint64_t all = roaring_bitmap_get_cardinality(items);
  return v->dead != NULL ? all - roaring_bitmap_and_cardinality(items, v->dead) : all;
}

static void propose_fixed(typing *t, const char *name) {
  const sdx_bytes value = { .data = name, .size = strlen(name) };
  if (begins(value, t->word))
    propose(t, SDX_SUGGEST_VALUE, value, NULL, (sdx_bytes){ .data = "", .size = 0 });
}

static sdx_status propose_values(typing *t, char letter, sdx_error *err) {
  static const char *const kinds[] = { "message", "event", "contact", "document" };
  candidates all;
  candidate *best;
  if (letter == 'a') propose_fixed(t, "attachment");
  for (size_t i = 0; letter == 'g' && filter_flag_name(i) != NULL; i++)
    propose_fixed(t, filter_flag_name(i));
  candidates_init(&all, &t->s);
  for (size_t i = 0; i < t->read.view->segment_count; i++) {
    const attributes *a;
    const sdx_status status = view_attributes(&t->read, i, &a, err);
    if (status != SDX_OK) return status;
    sdx_bytes key;
    const roaring_bitmap_t *items;
    for (size_t k = 0; attributes_at(a, k, &key, &items); k++) {
      if (key.size < 2 || key.data[0] != letter || letter == 'a') continue;
      sdx_bytes value = { .data = key.data + 1, .size = key.size - 1 };
      if (letter == 'k' && *value.data >= '1' && *value.data <= '4')
        value = (sdx_bytes){ .data = kinds[*value.data - '1'],
                             .size = strlen(kinds[*value.data - '1']) };
      const uint64_t live = begins(value, t->word) ? live_of(&t->read.view->segments[i], items) : 0;
      candidate *c = live != 0 ? candidates_at(&all, value.data, value.size) : NULL;
      if (c == NULL) continue;
      c->count += live;
      c->score += (double)live;
    }
  }
  const size_t n = candidates_sorted(&all, t->out->room, &best);
  for (size_t i = 0; i < n; i++)
    propose(t, SDX_SUGGEST_VALUE, best[i].value, &best[i], (sdx_bytes){ .data = "", .size = 0 });
  return SDX_OK;
}

/* ---------------------------------------------------------------- the whole */

static sdx_status complete(typing *t, sdx_error *err) {
  sdx_status status = SDX_OK;
  if (t->filter != NULL) {
    const char letter = filter_letter(t->filter);
    return letter != '\0' ? propose_values(t, letter, err) : SDX_OK;
  }
  if (t->word.size == 0) return SDX_OK;
  if (address_scope(t->scope)) {
    propose_addresses(t, t->scope, t->out->room);
    return SDX_OK;
  }
  const bool address = memchr(t->word.data, '@', t->word.size) != NULL;
  const tree_scope *senders = t->scope == NULL && !t->quoted ? query_scope(&t->s, "with", 4) : NULL;
  if (address && senders != NULL) propose_addresses(t, senders, t->out->room);
  const sdx_bytes before = t->before, word = t->word;
  tree *pattern = last_token(t, err, &status);
  const size_t rules = t->scope != NULL ? t->scope->count : 0;
  if (pattern != NULL && rules == 0) propose_words(t, "", pattern);
  for (size_t i = 0; pattern != NULL && i < rules; i++)
    propose_words(t, t->scope->rules[i]->prefix, pattern);
  t->before = before;
  t->word = word;
  return status;
}

static sdx_status finish(const typing *t, sdx_error *err) {
  t->out->complete = t->read.view->partial == 0 && !clock_is_up(&t->clock);
  const sdx_status cancelled = clock_check(&t->clock, err);
  if (cancelled != SDX_OK) return cancelled;
  if (t->s.failed || t->out->memory.failed) return error_memory(err);
  if (t->read.session.status == SDX_DAMAGED) { /* what was found elsewhere stands */
    t->out->complete = false;
    return SDX_OK;
  }
  return t->read.session.status;
}

static sdx_suggestions *new_suggestions(size_t limit) {
  sdx_suggestions *s = plain_alloc(sizeof(*s));
  if (s == NULL) return NULL;
  s->room = limit == 0 ? LIMIT_DEFAULT : limit < LIMIT_MAX ? limit : LIMIT_MAX;
  s->list = SCRATCH_MANY(&s->memory, sdx_suggestion, s->room);
  if (s->list != NULL) return s;
  sdx_suggestions_free(s);
  return NULL;
}

static sdx_status suggest_one(sdx_index *index, sdx_bytes typed, const sdx_suggest_options *options,
                              sdx_suggestions **out, sdx_error *err) {
  static const sdx_suggest_options defaults = SDX_SUGGEST_OPTIONS_INIT;
  if (options == NULL) options = &defaults;
  typing t = { .s = SCRATCH_INIT,
               .clock = clock_for(clock_now(), options->time_limit_us, options->cancel) };
  *out = NULL;
  if (options->version != 1)
    return error_set(err, SDX_INVALID, "suggest: options of version 1 are needed");
  if (typed.size == 0) typed.data = "";
  if (typed.size > QUERY_BYTES_MAX)
    return error_set(err, SDX_INVALID, "a query has at most %d bytes", QUERY_BYTES_MAX);
  sdx_status status = index_check(index, err);
  if (status == SDX_OK) status = index_borrow_analyser(index, &t.analyser, err);
  if (status != SDX_OK) return status;
  status = view_begin_at(&t.read, index, t.clock.deadline, options->now, err);
  if (status == SDX_OK) {
    t.out = new_suggestions(options->limit);
    if (t.out == NULL) {
      status = error_memory(err);
    } else {
      split(&t, typed);
      status = complete(&t, err);
      if (status == SDX_OK) status = finish(&t, err);
    }
    view_end(&t.read);
  }
  scratch_free(&t.s);
  index_return_analyser(index, t.analyser);
  if (status == SDX_OK) *out = t.out;
  else sdx_suggestions_free(t.out);
  return status;
}

typedef struct suggesting {
  sdx_index *index;
  sdx_bytes typed;
  const sdx_suggest_options *options;
  sdx_suggestions **out;
  sdx_error *err;
  sdx_status status;
} suggesting;

static void suggest_aside(void *context) {
  suggesting *a = context;
  a->status = suggest_one(a->index, a->typed, a->options, a->out, a->err);
}

sdx_status sdx_suggest(sdx_index *index, sdx_bytes typed, const sdx_suggest_options *options,
                       sdx_suggestions **out, sdx_error *err) {
  suggesting a = { .index = index, .typed = typed, .options = options, .out = out, .err = err };
  if (out == NULL) return error_no_place(err);
  *out = NULL;
  return stack_aside(suggest_aside, &a) ? a.status : error_memory(err);
}

void sdx_suggestions_free(sdx_suggestions *suggestions) {
  if (suggestions == NULL) return;
  scratch_free(&suggestions->memory);
  plain_free(suggestions);
}

size_t sdx_suggestions_count(const sdx_suggestions *suggestions) { return suggestions->count; }

const sdx_suggestion *sdx_suggestions_at(const sdx_suggestions *suggestions, size_t i) {
  return i < suggestions->count ? &suggestions->list[i] : NULL;
}

bool sdx_suggestions_complete(const sdx_suggestions *suggestions) { return suggestions->complete; }
