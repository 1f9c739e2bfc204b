/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/tree.h"

#include <string.h>

tree *tree_new(scratch *s, tree_kind kind) {
  tree *t = SCRATCH_ONE(s, tree);
  if (t != NULL) t->kind = kind;
  return t;
}

void tree_append(tree *parent, tree *child) {
  if (parent == NULL || child == NULL) return;
  if (parent->last != NULL) parent->last->next = child;
  else parent->first = child;
  parent->last = child;
}

void tree_join(tree *parent, tree *child) {
  if (parent == NULL || child == NULL) return;
  if (child->kind != parent->kind || child->ngram) {
    tree_append(parent, child);
    return;
  }
  for (tree *c = child->first, *next; c != NULL; c = next) {
    next = c->next;
    c->next = NULL;
    tree_append(parent, c);
  }
}

size_t tree_children(const tree *t) {
  size_t n = 0;
  for (const tree *c = t->first; c != NULL; c = c->next) n++;
  return n;
}

uint32_t tree_width(const tree *t) {
  if (t->kind == TREE_PHRASE) return (uint32_t)tree_children(t);
  uint32_t widest = 1;
  for (const tree *c = t->kind == TREE_OR ? t->first : NULL; c != NULL; c = c->next)
    if (tree_width(c) > widest) widest = tree_width(c);
  return widest;
}

tree *tree_simplify(tree *t) {
  if (t == NULL || t->first == NULL) return NULL;
  return t->first == t->last ? t->first : t;
}

static void put_text(buffer *out, const char *text) { buffer_put(out, text, strlen(text)); }

static void put_number(buffer *out, uint32_t n) {
  char digits[12];
  size_t at = sizeof(digits);
  do digits[--at] = (char)('0' + n % 10);
  while ((n /= 10) != 0);
  buffer_put(out, digits + at, sizeof(digits) - at);
}

static void put_scope(buffer *out, const tree_scope *scope) {
  if (scope == NULL) return;
  put_text(out, scope->name);
  buffer_put_u8(out, ':');
}

static void put_words(const tree *t, buffer *out) {
  buffer_put_u8(out, '"');
  for (const tree *c = t->first; c != NULL; c = c->next) {
    buffer_put(out, c->text.data, c->text.size);
    if (c->next != NULL && !(c->ngram && c->next->ngram)) buffer_put_u8(out, ' ');
  }
  buffer_put_u8(out, '"');
}

static void put_near(const tree *t, buffer *out) {
  for (const tree *c = t->first; c != NULL; c = c->next) {
    if (c->kind == TREE_OR) buffer_put_u8(out, '(');
    tree_print(c, out);
    if (c->kind == TREE_OR) buffer_put_u8(out, ')');
    if (c->next == NULL) break;
    put_text(out, t->kind == TREE_NEAR ? " NEAR/" : " ADJ/");
    put_number(out, t->number);
    buffer_put_u8(out, ' ');
  }
}

static void put_word(const tree *t, buffer *out) {
  if (t->quoted) buffer_put_u8(out, '"');
  buffer_put(out, t->text.data, t->text.size);
  if (t->quoted) buffer_put_u8(out, '"');
}

/* How tightly a node binds: a child that binds no more than its parent stands in parentheses. */
static int binding(const tree *t) {
  switch (t->kind) {
  case TREE_OR: return 0;
  case TREE_AND: return t->ngram ? 3 : 1;
  case TREE_NEAR:
  case TREE_ADJ: return 2;
  default: return 3;
  }
}

static void put_child(const tree *child, int parent, buffer *out) {
  const bool parentheses = child->kind == TREE_NOTHING || /* else nothing would be seen of it */
                           binding(child) <= (parent > 1 ? parent : 1); /* AND in OR: for the eye */
  if (parentheses) buffer_put_u8(out, '(');
  tree_print(child, out);
  if (parentheses) buffer_put_u8(out, ')');
}

static void put_children(const tree *t, buffer *out) {
  for (const tree *c = t->first; c != NULL; c = c->next) {
    put_child(c, binding(t), out);
    if (c->next != NULL) put_text(out, t->kind == TREE_OR ? " OR " : " AND ");
  }
}

void tree_print(const tree *t, buffer *out) {
  switch (t->kind) {
  case TREE_NOTHING: break;
  case TREE_ALL: buffer_put_u8(out, '*'); break;
  case TREE_AND:
    if (t->ngram) { /* a run of CJK text, whose pieces are not words of their own */
      put_scope(out, t->scope);
      put_word(t, out);
      break;
    }
    put_children(t, out);
    break;
  case TREE_OR: put_children(t, out); break;
  case TREE_NOT:
    put_text(out, "NOT ");
    put_child(t->first, t->first->kind == TREE_NOT ? 3 : 2, out);
    break;
  case TREE_WORD:
  case TREE_PATTERN:
    put_scope(out, t->scope);
    put_word(t, out);
    break;
  case TREE_FUZZY:
    put_scope(out, t->scope);
    put_word(t, out);
    buffer_put_u8(out, '~');
    put_number(out, t->number);
    break;
  case TREE_PHRASE:
    put_scope(out, t->scope);
    put_words(t, out);
    break;
  case TREE_NEAR:
  case TREE_ADJ: put_near(t, out); break;
  case TREE_VALUE:
    put_scope(out, t->scope);
    put_word(t, out);
    break;
  case TREE_ATTRIBUTE:
  case TREE_THREAD:
  case TREE_DATE:
  case TREE_SIZE: buffer_put(out, t->typed.data, t->typed.size); break;
  }
}
