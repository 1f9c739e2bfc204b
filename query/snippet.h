/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snippet.h - the places of an item's text where a query matched, as HTML: text escaped, words that
 * matched in <b>, up to three pieces with " … " between them.
 *
 * A word is marked where the query would find it: by its stem, folded, as a pattern or fuzzily; the
 * words of a phrase only where they stand together, those of NEAR and ADJ only where they are near. What the
 * query excludes is not marked. A piece has the punctuation around its words.
 */
#ifndef SEALDEX_QUERY_SNIPPET_H
#define SEALDEX_QUERY_SNIPPET_H

#include "base/buffer.h"
#include "query/tree.h"

#define SNIPPET_BYTES 200            /* of text, in all pieces together */
#define SNIPPET_TEXT_MAX (256 * 1024) /* of a field: what stands behind is not looked at */

/* What a tree marks; made once for all hits of a search. `mark`: in <mark>, not in <b>. */
typedef struct snippet_words snippet_words;
snippet_words *snippet_prepare(scratch *s, text_analyser *analyser, const tree *query, bool mark);

/* Appends the snippet of one text, a field of an item ("" for text of no field). `language`: number of
 * the item's language among the analyser's, or -1 where it is not known. Returns how well the text
 * matches: 0 where nothing of it is marked. */
unsigned snippet_of_text(scratch *s, text_analyser *analyser, const snippet_words *words,
                         int language, sdx_bytes field, sdx_bytes text, buffer *out);

/* Fills an empty buffer with the snippet of an item's stored fields (segment/record.h): that of the
 * field that matches best, the body where they are equal; that of an attachment begins with
 * "in attachment: NAME: ", or "in attachment: " where its name is not known. */
void snippet_of_fields(scratch *s, text_analyser *analyser, const snippet_words *words,
                       int language, const void *fields, size_t size, buffer *out);

/* Gives the snippet of every field that has a match, in the item's order, until it returns false. What
 * is given is good for the call. */
typedef bool (*snippet_taker)(void *context, sdx_bytes field, sdx_bytes html);
void snippet_of_each_field(scratch *s, text_analyser *analyser, const snippet_words *words,
                           int language, const void *fields, size_t size, snippet_taker take,
                           void *context);

#endif
