/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oracle.h - plain Xapian with the terms of our items: surface terms with positions, stems behind
 * Z. */
#ifndef SEALDEX_TESTS_QUERY_ORACLE_H
#define SEALDEX_TESTS_QUERY_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct oracle oracle;
/* In memory, or in a directory that it makes, where the items are many. */
oracle *oracle_new(const char *dir);
void oracle_free(oracle *o);

void oracle_begin(oracle *o);
void oracle_posting(oracle *o, const char *term, size_t size, uint32_t position);
/* Adds to a term's wdf. */
void oracle_wdf(oracle *o, const char *term, size_t size, uint32_t wdf);
/* Ends the document; returns its number, from 1, and checks its length. */
uint32_t oracle_end(oracle *o, uint32_t length);
/* In place of postings: the text of a field goes through Xapian's own TermGenerator. The body
 * first. */
void oracle_field(oracle *o, const char *prefix, uint32_t weight, bool bare, const char *text,
                  size_t size);
/* Ends a document whose length may be any. */
uint32_t oracle_end_anyhow(oracle *o);
void oracle_delete(oracle *o, uint32_t document);
/* After a run of changes, before queries. */
void oracle_settle(oracle *o);

/* The English stem of a lower-case word. */
void oracle_stem(const char *word, char *out, size_t room);

/* A query in reverse Polish notation: terms and operators are pushed. */
typedef enum oracle_op {
  ORACLE_AND,
  ORACLE_OR,
  ORACLE_AND_NOT,
  ORACLE_PHRASE,
  ORACLE_NEAR,
  ORACLE_FILTER
} oracle_op;
void oracle_term(oracle *o, const char *term);
void oracle_prefix(oracle *o, const char *pattern); /* without weight */
void oracle_all(oracle *o);
void oracle_apply(oracle *o, oracle_op op, size_t operands, uint32_t window);

typedef struct oracle_hit {
  uint32_t document;
  double score;
} oracle_hit;
/* Runs what is on the stack: all that matches, best first. */
size_t oracle_run(oracle *o, oracle_hit *hits, size_t room);

#ifdef __cplusplus
}
#endif
#endif
