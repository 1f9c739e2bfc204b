/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tree.h - a query as it was understood: what the grammar makes and the plan is made from.
 *
 * Words stand here as the analyser gave them, before they are resolved to terms of an index. A tree
 * lives in a search's scratch and borrows from it.
 */
#ifndef SEALDEX_QUERY_TREE_H
#define SEALDEX_QUERY_TREE_H

#include "base/buffer.h"
#include "query/date.h"
#include "query/scratch.h"
#include "text/text.h"

typedef enum tree_kind {
  TREE_NOTHING = 0, /* no item */
  TREE_ALL,         /* every item */
  TREE_AND,         /* all children; `ngram`: the pieces of the CJK run `text` */
  TREE_OR,          /* any child */
  TREE_NOT,         /* not its one child */
  TREE_WORD,        /* `text`, and `folded`; `exact`: not by its stem */
  TREE_PATTERN,     /* `text` and `folded` hold stars, which stand for any bytes */
  TREE_FUZZY,       /* within `number` edits of `folded` */
  TREE_PHRASE,      /* its children (words and patterns), one after another */
  TREE_NEAR,        /* its children (also phrases, and OR of them) in any order, `number` words apart */
  TREE_ADJ,         /* the same in this order */
  TREE_VALUE,       /* `text`: the whole value of a field that is not split into words */
  TREE_ATTRIBUTE,   /* attribute `letter` (segment/attributes.h) with the value `text`; `number` 1:
                       items without it */
  TREE_THREAD,      /* of whose thread some (`number` 0), all (1) or no (2) items have the flag `text`; `low`
                       1: lack it */
  TREE_DATE,        /* sort date, or any time that it takes place, in [low, high); `number`: the
                       caller's seconds east of UTC */
  TREE_SIZE         /* size of the original in [low, high) */
} tree_kind;

/* Where a word is looked for: one field, or any of several. */
typedef struct tree_scope {
  const char *name;               /* as it is typed; "" for all text */
  const text_field_rule *rules[3];
  size_t count;                   /* 0: all text */
  bool body;                      /* all text, up to the body's last position */
} tree_scope;

typedef struct tree {
  tree_kind kind;
  bool exact;
  bool ngram;                     /* a piece of CJK text */
  bool quoted;                    /* a phrase or word in quotes: printed so */
  char letter;
  uint32_t number;
  const tree_scope *scope;        /* NULL: all text */
  sdx_bytes text, folded;
  sdx_bytes typed;                /* how a filter was written: "before:2024" */
  int64_t low, high;
  struct tree *first, *last, *next;
} tree;

tree *tree_new(scratch *s, tree_kind kind);
void tree_append(tree *parent, tree *child);
/* The same; a child that is an AND within an AND, or an OR within an OR, gives its children. */
void tree_join(tree *parent, tree *child);
size_t tree_children(const tree *t);
/* How many words stand there at most: of a phrase its parts, of an OR those of its widest child. */
uint32_t tree_width(const tree *t);
/* An AND or OR of `count` children is its only child, or nothing. */
tree *tree_simplify(tree *t);

/* Prints the tree in the query language; the text parses to the same tree. */
void tree_print(const tree *t, buffer *out);

#endif
