/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * grammar.h - what a person typed, read into a tree. docs/query.md is the reference.
 *
 *   query   = or
 *   or      = and { "OR" and }
 *   and     = unary { [ "AND" ] unary }
 *   unary   = [ "NOT" | "-" | "+" ] primary
 *   primary = member { ( "NEAR" [ "/n" ] | "ADJ" [ "/n" ] ) member }
 *   member  = "(" or ")" | field ":(" or ")" | filter ":(" or ")" | unit
 *   unit    = [ field ":" ] ( word | '"' words '"' ) | filter ":" value
 *
 * A pure function of text, analyser and context. It never fails for the person: where the text has a
 * fault, parentheses, quotes and operators are dropped and all units are searched ("-" and "NOT"
 * still exclude), and `fell_back` says so.
 */
#ifndef SEALDEX_QUERY_GRAMMAR_H
#define SEALDEX_QUERY_GRAMMAR_H

#include "query/tree.h"

#define QUERY_BYTES_MAX 65536 /* longer text is cut there */
#define QUERY_DEPTH_MAX 64    /* parentheses nested deeper are a fault */
#define QUERY_WINDOW_DEFAULT 10 /* of NEAR and ADJ without a number, as in Xapian */
#define QUERY_WINDOW_MAX 10000

typedef struct query_context {
  date_context dates;
  bool strict;   /* a fault is SDX_INVALID, with its place (a byte offset) in the message */
  unsigned units; /* words and filters that the query has already (unit.h), where this is a part of it */
} query_context;

typedef struct query {
  tree *root;    /* TREE_NOTHING where the text has no words */
  bool fell_back;
  unsigned units; /* with this text's */
} query;

sdx_status query_parse(query *out, scratch *s, text_analyser *analyser, sdx_bytes text,
                       const query_context *context, sdx_error *err) SDX_CHECK;

/* ---- pieces of it, for text that is still being typed */

/* Size of the white space at p: ASCII, no-break space, ideographic space; 0 where there is none. */
size_t query_space_at(const char *p, const char *end);
/* The same of the quotation mark: ", and the curly pair that keyboards put in its place. */
size_t query_quote_at(const char *p, const char *end);
/* Size of the name before the first colon; 0 where there is none that a field could have. */
size_t query_name_size(sdx_bytes chunk);
/* The scope of a text field's name, in any case; NULL: no such field. */
const tree_scope *query_scope(scratch *s, const char *name, size_t size);

#endif
