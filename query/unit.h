/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unit.h - what a query is made of: text that becomes words, phrases, patterns, fuzzy words or a
 * value, in one scope (NULL: all text).
 *
 * All give NULL where the text has no word, or on failure (r->status, r->s->failed).
 */
#ifndef SEALDEX_QUERY_UNIT_H
#define SEALDEX_QUERY_UNIT_H

#include "query/tree.h"

#define UNITS_MAX 1024 /* words and filters of a query: those behind are dropped */

typedef struct unit_reader {
  scratch *s;
  text_analyser *analyser;
  unsigned units; /* so far */
  bool dropped;   /* there were more than we take */
  sdx_status status;
  sdx_error *err;
} unit_reader;

/* Counts one; false where there are too many. */
bool unit_take(unit_reader *r);

/* Whether the scope is a field whose words are not indexed, but its whole value. */
bool unit_is_value(const tree_scope *scope);

/* ---- as typed */

/* Words: those that punctuation joins are a phrase, the rest are all wanted. */
tree *unit_words(unit_reader *r, sdx_bytes text, const tree_scope *scope);
/* What stands between spaces: with stars a pattern, with a tilde behind it fuzzy, else words. */
tree *unit_chunk(unit_reader *r, sdx_bytes text, const tree_scope *scope);
/* What stands in quotes: a phrase; stars in it stand for letters. */
tree *unit_quoted(unit_reader *r, sdx_bytes text, const tree_scope *scope);

/* ---- from a caller, where nothing in the text is an operator */

/* Of a scope of whole values the text is the value. */
tree *unit_literal_words(unit_reader *r, sdx_bytes text, const tree_scope *scope);
tree *unit_literal_phrase(unit_reader *r, sdx_bytes text, const tree_scope *scope);
/* The rest is for scopes of words. Stars stand for any letters. */
tree *unit_pattern(unit_reader *r, sdx_bytes text, const tree_scope *scope);
/* The last word may go on, where the text ends with one. */
tree *unit_prefix(unit_reader *r, sdx_bytes text, const tree_scope *scope);
/* Each word, with so many edits; 0: as many as suit its length. */
tree *unit_fuzzy(unit_reader *r, sdx_bytes text, uint32_t edits, const tree_scope *scope);

/* Moves a unit into a NEAR or ADJ: joined words one by one; false where it has no positions. */
bool unit_into_near(tree *near, tree *unit);

#endif
