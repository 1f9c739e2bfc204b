/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text.h - text to terms: splitting, positions, folding and stemming, for items and queries alike.
 *
 * Terms follow Xapian's TermGenerator token by token before folding; prefixes follow Omega. This is
 * the only door to libxapian, ICU and CLD2; no C++ exception crosses it. docs/text.md has every
 * rule with an example.
 *
 * Words: a *surface term* is the field prefix and the lower-case NFKC word with its marks. Its *fold*
 * is prefix and word case-folded, marks stripped (Latin, Greek, Cyrillic, Arabic, Hebrew). Its *stem*
 * in a language is prefix and folded stem (Snowball applied to the marked word, or where an article is
 * elided or a case ending set off, as in French l'école and Turkish İstanbul'da, to its core).
 */
#ifndef SEALDEX_TEXT_TEXT_H
#define SEALDEX_TEXT_TEXT_H

#include "sealdex.h"

#define TEXT_ANALYSER_VERSION 1  /* stored in every segment; see docs/text.md for what changes it */
#define TEXT_WORD_MAX 64         /* bytes; longer words are cut there, on a character, not dropped */
#define TEXT_TERM_MAX 96         /* prefix and word */
#define TEXT_LANGUAGES_MAX 16    /* of one user */
#define TEXT_NONE UINT32_MAX
#define TEXT_FIELD_GAP 100       /* positions between fields */
#define TEXT_OCCURS "XOCCURS:"   /* filter term of items with a field "occurs"; also begins its values' */

/* ---------------------------------------------------------------- fields */

/* How a named field is indexed. One table in text/field.c says it all; docs/text.md prints it. */
typedef struct text_field_rule {
  char name[12];      /* "subject" */
  char prefix[12];    /* "S"; "" for the body */
  uint32_t weight;    /* wdf increment of each word; 0: its words are not indexed */
  bool bare;          /* also matched by words without a field */
  bool exact;         /* also filter terms of whole values (addresses, ids), see text_exact */
} text_field_rule;
const text_field_rule *text_field_find(const char *name, size_t size); /* NULL: unknown */
const text_field_rule *text_field_at(size_t i);                        /* NULL at the end */

/* ---------------------------------------------------------------- vocabulary */

/* Surface terms of one batch, numbered from 0 in order of first appearance, with their classes.
 * Belongs to one analyser; grows until reset. */
typedef struct text_class {
  uint32_t fold;  /* class number of its fold, TEXT_NONE where the fold is the term itself */
  uint32_t stems[TEXT_LANGUAGES_MAX]; /* class number of its stem per language of the analyser,
                                         TEXT_NONE where the word is not stemmed. Only the first
                                         text_language_count are there: never copy the struct */
} text_class;

typedef enum text_class_kind { TEXT_FOLD = 0, TEXT_STEM = 1 } text_class_kind;

/* ---------------------------------------------------------------- analyser */

typedef struct text_analyser text_analyser; /* one per thread */

/* `languages`: comma-separated codes as Xapian knows them ("en,de"); the first is the default. A
 * language that Xapian cannot stem but CLD2 can detect ("pl") is taken too, and has no stems.
 * SDX_INVALID for any other; empty or NULL means "en". */
sdx_status text_analyser_open(text_analyser **out, const char *languages, sdx_error *err) SDX_CHECK;
void text_analyser_close(text_analyser *a); /* wipes */
size_t text_language_count(const text_analyser *a);
/* ISO code of the analyser's i-th language. */
const char *text_language_code(const text_analyser *a, size_t i);

/* One analysed item. Arrays belong to the analyser, good until its next text_begin. */
typedef struct text_term {
  uint32_t id;       /* number in the vocabulary */
  uint32_t wdf;      /* 0 for filter terms */
  uint32_t first;    /* its positions: positions[first .. first + count), ascending */
  uint32_t count;
} text_term;
typedef struct text_terms {
  const text_term *terms; /* each id once, in order of first appearance */
  size_t count;
  const uint32_t *positions;
  uint32_t length;    /* sum of wdf that Xapian would store: surface terms and their stems */
  uint32_t body_end;  /* last position of the body, 0 where it has none */
  uint8_t language;   /* number among the analyser's languages, from CLD2 over its text */
} text_terms;

/* begin; then each field once or more, the body first; filter terms any time; then finish. */
sdx_status text_begin(text_analyser *a, sdx_error *err) SDX_CHECK;
/* Sets the item's language by its text (a sample is enough). Optional, before the first field; with
 * one language, or without the call, it is the first. */
sdx_status text_detect(text_analyser *a, const char *text, size_t size, sdx_error *err) SDX_CHECK;
sdx_status text_add_field(text_analyser *a, const text_field_rule *rule, const char *text,
                          size_t size, sdx_error *err) SDX_CHECK;
/* A filter term: kept as it is, wdf 0, no position. 1 to TEXT_TERM_MAX bytes, beginning with an upper
 * case prefix that is no field's, or a field's and a colon: else it would be that field's word. */
sdx_status text_add_filter(text_analyser *a, const char *term, size_t size, sdx_error *err) SDX_CHECK;
/* The filter term that a field with `exact` has for one whole value (an address, an id): prefix,
 * colon, and the value folded, without surrounding space and quotes (of `Name <id>` the id), cut at
 * TEXT_TERM_MAX bytes. In a field each run with an @ is a value; where there is none, the whole field is.
 * Returns the term's size; 0 for an empty value. */
size_t text_exact(text_analyser *a, const text_field_rule *rule, const char *value, size_t size,
                  char out[TEXT_TERM_MAX]);
sdx_status text_finish(text_analyser *a, text_terms *out, sdx_error *err) SDX_CHECK;

/* The vocabulary. */
size_t text_vocabulary_count(const text_analyser *a);
/* Memory that it holds, with the cache of words, of which up to 4 MiB stay after a reset. */
size_t text_vocabulary_bytes(const text_analyser *a);
sdx_bytes text_vocabulary_term(const text_analyser *a, uint32_t id);
/* The number of a surface term met before or now (journal records name terms by their bytes). */
sdx_status text_vocabulary_intern(text_analyser *a, const char *term, size_t size, uint32_t *id,
                                  sdx_error *err) SDX_CHECK;
const text_class *text_vocabulary_class(const text_analyser *a, uint32_t id);
size_t text_class_count(const text_analyser *a);
/* Key of class number c (prefix and folded word or stem), its kind, and a stem's language number. */
sdx_bytes text_class_key(const text_analyser *a, uint32_t c, text_class_kind *kind, uint8_t *language);
/* No term is added until the reset: lets go of what finds words, where the cache of them goes with
 * that anyway. */
void text_vocabulary_close(text_analyser *a);
/* Forgets, and wipes, all terms and classes; the cache of words stays, and goes with the next item or
 * call of text_tokens where it has outgrown its bound. An item begun must be begun again. */
void text_vocabulary_reset(text_analyser *a);

/* ---------------------------------------------------------------- words of a query or snippet */

/* One token of a piece of text. Bytes are good until the analyser's next call. */
typedef struct text_token {
  sdx_bytes surface;   /* lower-case NFKC, no prefix */
  sdx_bytes folded;
  uint32_t start, end; /* byte range in the text */
  uint32_t position;   /* from 0; tokens that share one are n-grams of different length */
  bool positional;     /* false for n-grams that Xapian stores without position */
  bool ngram;          /* CJK */
  bool joined;         /* joined to the token before it by phrase punctuation (nasa.gov, scsi-2), or
                          by nothing at all (n-grams) */
} text_token;
/* Splits as items are split. The array is good until the analyser's next call. */
sdx_status text_tokens(text_analyser *a, const char *text, size_t size, const text_token **out,
                       size_t *count, sdx_error *err) SDX_CHECK;

/* Folds any UTF-8 (repairing it) into out; returns its size, cut at `capacity` on a character
 * (3 x size + 4 holds all but a few compatibility ligatures). 0 also where memory ran out. */
size_t text_fold(text_analyser *a, const char *text, size_t size, char *out, size_t capacity);
/* The folded stem of a surface word in the analyser's language number `language`; size 0 where Xapian
 * would not stem it. `out` has TEXT_TERM_MAX bytes. */
size_t text_stem(text_analyser *a, uint8_t language, const char *surface, size_t size,
                 char out[TEXT_TERM_MAX]);

#endif
