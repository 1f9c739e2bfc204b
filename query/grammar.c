/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/grammar.h"

#include <string.h>

#include "base/error.h"
#include "query/filter.h"
#include "query/unit.h"

typedef enum lexeme_kind {
  LEX_END,
  LEX_OPEN,
  LEX_CLOSE,
  LEX_QUOTE, /* `text`: what stands between the quotes */
  LEX_CHUNK, /* anything up to a space, parenthesis or quote */
  LEX_MINUS,
  LEX_PLUS,
  LEX_AND,
  LEX_OR,
  LEX_NOT,
  LEX_NEAR,
  LEX_ADJ
} lexeme_kind;

typedef struct lexeme {
  lexeme_kind kind;
  sdx_bytes text;
  uint32_t number; /* of NEAR and ADJ; 0: none given */
  bool glued;      /* no space before it */
} lexeme;

typedef struct parser {
  scratch *s;
  unit_reader read; /* of words, which counts the units */
  const query_context *context;
  const char *begin, *at, *end;
  lexeme now;              /* the lexeme to be read next; `at` stands behind it */
  const tree_scope *scope; /* of the group we are in */
  const filter *filter;    /* the same where the group stands under a filter */
  unsigned depth;
  bool plain;        /* after a fault: units only */
  const char *fault; /* the first fault and its place; NULL: none */
  size_t fault_at;
} parser;

/* ---------------------------------------------------------------- lexemes */

size_t query_space_at(const char *p, const char *end) {
  const size_t left = (size_t)(end - p);
  if (left >= 1 && (*p == ' ' || (*p >= '\t' && *p <= '\r') || *p == '\0')) return 1;
  if (left >= 2 && memcmp(p, "\xc2\xa0", 2) == 0) return 2;
  if (left >= 3 && memcmp(p, "\xe3\x80\x80", 3) == 0) return 3;
  return 0;
}

size_t query_quote_at(const char *p, const char *end) {
  if (p < end && *p == '"') return 1;
  if (end - p >= 3 && (memcmp(p, "\xe2\x80\x9c", 3) == 0 || memcmp(p, "\xe2\x80\x9d", 3) == 0))
    return 3;
  return 0;
}

/* Most bytes end nothing: one look tells. */
static bool is_plain(char c) {
  const unsigned char byte = (unsigned char)c;
  return byte > ' ' && byte < 0x80 && byte != '"' && byte != '(' && byte != ')';
}

static bool ends_chunk(const char *p, const char *end) {
  return p == end || *p == '(' || *p == ')' || query_space_at(p, end) != 0 ||
         query_quote_at(p, end) != 0;
}

static void set_fault(parser *p, const char *what, const char *where) {
  if (p->fault != NULL) return;
  p->fault = what;
  p->fault_at = (size_t)(where - p->begin);
}

static bool is_text(sdx_bytes t, const char *word) {
  return t.size == strlen(word) && memcmp(t.data, word, t.size) == 0;
}

/* NEAR, NEAR/5, ADJ, ADJ/2. */
static bool is_window(lexeme *l, const char *word) {
  const size_t size = strlen(word);
  if (l->text.size < size || memcmp(l->text.data, word, size) != 0) return false;
  if (l->text.size == size) return true;
  if (l->text.data[size] != '/' || l->text.size == size + 1 || l->text.size > size + 5)
    return false;
  uint32_t n = 0;
  for (size_t i = size + 1; i < l->text.size; i++) {
    const char c = l->text.data[i];
    if (c < '0' || c > '9') return false;
    n = n * 10 + (uint32_t)(c - '0');
  }
  l->number = n > 0 ? n : 1;
  return true;
}

static lexeme_kind chunk_kind(lexeme *l) {
  if (is_text(l->text, "AND")) return LEX_AND;
  if (is_text(l->text, "OR")) return LEX_OR;
  if (is_text(l->text, "NOT")) return LEX_NOT;
  if (is_window(l, "NEAR")) return LEX_NEAR;
  if (is_window(l, "ADJ")) return LEX_ADJ;
  return LEX_CHUNK;
}

static void read_quote(parser *p, size_t mark) {
  const char *start = p->at;
  p->at += mark;
  if (p->plain) return; /* as if it were a space */
  const char *text = p->at;
  while (p->at < p->end && (is_plain(*p->at) || query_quote_at(p->at, p->end) == 0)) p->at++;
  p->now.kind = LEX_QUOTE;
  p->now.text = (sdx_bytes){ .data = text, .size = (size_t)(p->at - text) };
  if (p->at == p->end)
    set_fault(p, "a quotation mark is not closed", start);
  else
    p->at += query_quote_at(p->at, p->end);
}

/* Reads the next lexeme into p->now. */
static void advance(parser *p) {
  const lexeme_kind before = p->now.kind;
  p->now = (lexeme){ .kind = LEX_END, .glued = p->at != p->begin };
  size_t n;
again:
  while (p->at < p->end && (n = query_space_at(p->at, p->end)) != 0) {
    p->at += n;
    p->now.glued = false;
  }
  p->now.text = (sdx_bytes){ .data = p->at, .size = 0 };
  if (p->at == p->end) return;
  if ((n = query_quote_at(p->at, p->end)) != 0) {
    read_quote(p, n);
    if (p->now.kind == LEX_END) goto again;
    return;
  }
  if (*p->at == '(' || *p->at == ')') {
    const char c = *p->at++;
    if (p->plain) goto again;
    p->now.kind = c == '(' ? LEX_OPEN : LEX_CLOSE;
    return;
  }
  const bool apart = !p->now.glued || before == LEX_OPEN;
  if ((*p->at == '-' || *p->at == '+') && apart && p->at + 1 < p->end && p->at[1] != '-' &&
      p->at[1] != '+' && p->at[1] != ')' && query_space_at(p->at + 1, p->end) == 0) {
    p->now.kind = *p->at++ == '-' ? LEX_MINUS : LEX_PLUS;
    return;
  }
  const char *start = p->at;
  do p->at++;
  while (p->at < p->end && (is_plain(*p->at) || !ends_chunk(p->at, p->end)));
  p->now.text = (sdx_bytes){ .data = start, .size = (size_t)(p->at - start) };
  p->now.kind = chunk_kind(&p->now);
}

/* ---------------------------------------------------------------- units */

#define NAME_MAX_SIZE 16

const tree_scope *query_scope(scratch *s, const char *name, size_t size) {
  char lower[NAME_MAX_SIZE];
  if (size > NAME_MAX_SIZE) return NULL;
  for (size_t i = 0; i < size; i++)
    lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i]);
  const bool with = size == 4 && memcmp(lower, "with", 4) == 0;
  const text_field_rule *rule = text_field_find(lower, size);
  if (rule == NULL && !with) return NULL;
  tree_scope *scope = SCRATCH_ONE(s, tree_scope);
  if (scope == NULL) return NULL;
  if (with) {
    scope->name = "with";
    scope->rules[scope->count++] = text_field_find("from", 4);
    scope->rules[scope->count++] = text_field_find("to", 2);
    scope->rules[scope->count++] = text_field_find("cc", 2);
    return scope;
  }
  scope->name = rule->name;
  scope->body = rule->prefix[0] == '\0';
  if (!scope->body) scope->rules[scope->count++] = rule;
  return scope;
}

size_t query_name_size(sdx_bytes chunk) {
  for (size_t i = 0; i < chunk.size && i <= NAME_MAX_SIZE; i++) {
    const char c = chunk.data[i];
    if (c == ':') return i;
    if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && c != '-' && c != '_') return 0;
  }
  return 0;
}

static tree *read_filter(parser *p, const filter *f, sdx_bytes value) {
  if (!unit_take(&p->read)) return NULL;
  tree *t = filter_node(p->s, f, value, &p->context->dates);
  if (t != NULL || p->s->failed) return t;
  if (p->plain) return unit_words(&p->read, value, NULL);
  set_fault(p, "a filter does not know this value", value.data);
  return NULL;
}

static tree *parse_group(parser *p);

/* What stands behind `name:` where that ended its chunk: quotes or a group, without a space. */
static tree *parse_behind_name(parser *p, const tree_scope *scope, const filter *f) {
  if (p->now.kind == LEX_QUOTE) {
    const sdx_bytes text = p->now.text;
    advance(p);
    return f != NULL ? read_filter(p, f, text) : unit_quoted(&p->read, text, scope);
  }
  const tree_scope *outer_scope = p->scope;
  const filter *outer_filter = p->filter;
  p->scope = scope;
  p->filter = f;
  tree *t = parse_group(p);
  p->scope = outer_scope;
  p->filter = outer_filter;
  return t;
}

static tree *parse_chunk(parser *p) {
  const sdx_bytes chunk = p->now.text;
  advance(p);
  const size_t name = query_name_size(chunk);
  const tree_scope *scope = name != 0 ? query_scope(p->s, chunk.data, name) : NULL;
  const filter *f = name != 0 && scope == NULL ? filter_find(chunk.data, name) : NULL;
  if (scope != NULL || f != NULL) {
    const sdx_bytes rest = { .data = chunk.data + name + 1, .size = chunk.size - name - 1 };
    if (rest.size != 0)
      return f != NULL ? read_filter(p, f, rest) : unit_chunk(&p->read, rest, scope);
    if (p->now.glued && (p->now.kind == LEX_QUOTE || p->now.kind == LEX_OPEN))
      return parse_behind_name(p, scope, f);
    if (p->plain) return NULL;
  }
  return p->filter != NULL ? read_filter(p, p->filter, chunk)
                           : unit_chunk(&p->read, chunk, p->scope);
}

/* One unit: a chunk or quotes. */
static tree *parse_unit(parser *p) {
  if (p->now.kind == LEX_CHUNK) return parse_chunk(p);
  const sdx_bytes text = p->now.text;
  advance(p);
  return p->filter != NULL ? read_filter(p, p->filter, text)
                           : unit_quoted(&p->read, text, p->scope);
}

/* ---------------------------------------------------------------- operators */

static tree *parse_or(parser *p, bool *any);
static tree *parse_group(parser *p);

static bool starts_unit(lexeme_kind k) {
  return k == LEX_CHUNK || k == LEX_QUOTE || k == LEX_OPEN;
}

static tree *parse_near(parser *p) {
  tree *unit = p->now.kind == LEX_OPEN ? parse_group(p) : parse_unit(p);
  if (p->now.kind != LEX_NEAR && p->now.kind != LEX_ADJ) return unit;
  const lexeme_kind kind = p->now.kind;
  tree *near = tree_new(p->s, kind == LEX_NEAR ? TREE_NEAR : TREE_ADJ);
  if (near == NULL) return NULL;
  bool words = unit_into_near(near, unit);
  while (words && p->fault == NULL && p->now.kind == kind) {
    if (p->now.number > near->number) near->number = p->now.number;
    advance(p);
    if (!starts_unit(p->now.kind)) {
      words = false;
      break;
    }
    words = unit_into_near(near, p->now.kind == LEX_OPEN ? parse_group(p) : parse_unit(p));
  }
  if (!words || p->now.kind == LEX_NEAR || p->now.kind == LEX_ADJ)
    set_fault(p, "NEAR and ADJ stand between words", p->now.text.data);
  if (near->number == 0) near->number = QUERY_WINDOW_DEFAULT;
  if (near->number > QUERY_WINDOW_MAX) near->number = QUERY_WINDOW_MAX;
  return near;
}

static tree *parse_group(parser *p) {
  const char *open = p->now.text.data;
  if (++p->depth > QUERY_DEPTH_MAX) {
    set_fault(p, "parentheses are nested too deep", open);
    return NULL;
  }
  advance(p);
  bool any;
  tree *t = parse_or(p, &any);
  if (p->now.kind == LEX_CLOSE)
    advance(p);
  else
    set_fault(p, "a parenthesis is not closed", open);
  p->depth--;
  return t;
}

/* [ NOT | - | + ] primary */
static tree *parse_unary(parser *p) {
  const bool without = p->now.kind == LEX_NOT || p->now.kind == LEX_MINUS;
  if (without || p->now.kind == LEX_PLUS) advance(p);
  if (!starts_unit(p->now.kind)) {
    set_fault(p, "an operator lacks what it works on", p->now.text.data);
    return NULL;
  }
  tree *t = parse_near(p);
  if (t == NULL || !without) return t;
  tree *not = tree_new(p->s, TREE_NOT);
  tree_append(not, t);
  return not ;
}

/* *any says whether there was a unit at all, even one without words. */
static tree *parse_and(parser *p, bool *any) {
  tree *all = tree_new(p->s, TREE_AND);
  bool wanted = false;
  *any = false;
  while (p->fault == NULL && p->read.status == SDX_OK && all != NULL) {
    const lexeme_kind k = p->now.kind;
    if (k == LEX_END || k == LEX_CLOSE || k == LEX_OR) break;
    if (k == LEX_AND) {
      if (!*any || wanted) set_fault(p, "AND stands between two terms", p->now.text.data);
      wanted = true;
      advance(p);
      continue;
    }
    tree_join(all, parse_unary(p));
    *any = true;
    wanted = false;
  }
  if (wanted) set_fault(p, "AND stands between two terms", p->now.text.data);
  return tree_simplify(all);
}

static tree *parse_or(parser *p, bool *any) {
  tree *either = tree_new(p->s, TREE_OR);
  if (either == NULL) return NULL;
  tree *t = parse_and(p, any);
  for (;;) {
    tree_join(either, t);
    if (p->fault != NULL || p->read.status != SDX_OK || p->now.kind != LEX_OR) break;
    bool right;
    const char *where = p->now.text.data;
    advance(p);
    t = parse_and(p, &right);
    if (!*any || !right) set_fault(p, "OR stands between two terms", where);
  }
  return tree_simplify(either);
}

/* ---------------------------------------------------------------- the whole */

static tree *parse_all(parser *p) {
  p->at = p->begin;
  p->now = (lexeme){ .kind = LEX_OPEN };
  advance(p);
  bool any;
  tree *t = parse_or(p, &any);
  if (p->now.kind == LEX_CLOSE && p->fault == NULL)
    set_fault(p, "a parenthesis was not opened", p->now.text.data);
  return t;
}

/* After a fault: every unit for itself, all of them wanted, those behind "-" and NOT unwanted. */
static tree *parse_plain(parser *p) {
  p->plain = true;
  p->fault = NULL;
  p->read.units = p->context->units;
  p->depth = 0;
  p->scope = NULL;
  p->filter = NULL;
  p->at = p->begin;
  p->now = (lexeme){ .kind = LEX_OPEN };
  tree *all = tree_new(p->s, TREE_AND);
  bool without = false;
  advance(p);
  while (p->now.kind != LEX_END && p->read.status == SDX_OK && all != NULL) {
    if (p->now.kind != LEX_CHUNK) {
      without = p->now.kind == LEX_NOT || p->now.kind == LEX_MINUS;
      advance(p);
      continue;
    }
    tree *t = parse_chunk(p);
    tree *not = without && t != NULL ? tree_new(p->s, TREE_NOT) : NULL;
    tree_append(not, t);
    tree_join(all, not != NULL ? not : t);
    without = false;
  }
  return tree_simplify(all);
}

static sdx_bytes cut(sdx_bytes text) {
  if (text.size <= QUERY_BYTES_MAX) return text;
  text.size = QUERY_BYTES_MAX;
  while (text.size > 0 && ((unsigned char)text.data[text.size] & 0xc0) == 0x80) text.size--;
  return text;
}

sdx_status query_parse(query *out, scratch *s, text_analyser *analyser, sdx_bytes text,
                       const query_context *context, sdx_error *err) {
  const sdx_bytes kept = text.size != 0 ? cut(text) : (sdx_bytes){ .data = "", .size = 0 };
  parser p = { .s = s,
               .read = { .s = s, .analyser = analyser, .units = context->units, .err = err },
               .context = context,
               .begin = kept.data,
               .end = kept.data + kept.size };
  *out = (query){ .root = NULL, .fell_back = kept.size < text.size };
  tree *t = parse_all(&p);
  if (p.fault != NULL && context->strict)
    return error_set(err, SDX_INVALID, "the query has a fault at byte %zu: %s", p.fault_at,
                     p.fault);
  if (p.fault != NULL && p.read.status == SDX_OK) {
    out->fell_back = true;
    t = parse_plain(&p);
    if (t == NULL && p.read.status == SDX_OK)
      t = unit_words(&p.read, kept, NULL); /* nothing but operators */
  }
  out->fell_back |= p.read.dropped;
  out->units = p.read.units;
  out->root = t != NULL ? t : tree_new(s, TREE_NOTHING);
  if (p.read.status != SDX_OK) return p.read.status;
  if (s->failed) return error_memory(err);
  return SDX_OK;
}
