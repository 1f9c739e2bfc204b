/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * oracle.h - Xapian::TermGenerator as the judge of our analyser.
 *
 * The expectation is made from TermGenerator's own document (unstemmed terms with positions and
 * frequencies, and its Z terms), and from what docs/text.md says we do on top: reading, NFKC,
 * cutting, folding. Those four are written here a second time, straight from ICU, without our code.
 */
#ifndef SEALDEX_TESTS_TEXT_ORACLE_H
#define SEALDEX_TESTS_TEXT_ORACLE_H

#ifdef __cplusplus
extern "C" {
#endif

#include "text/text.h"

typedef struct oracle oracle;
typedef struct oracle_field {
  const char *name;
  const char *text;
  size_t size;
} oracle_field;

/* `language`: as for text_analyser_open, one code. */
oracle *oracle_open(const char *language);
void oracle_close(oracle *o);

/* Analyses an item both ways; returns how many terms, stems, positions or lengths differ. With
 * `say` the first differences are printed (never for third-party text). */
size_t oracle_differences(oracle *o, text_analyser *a, const oracle_field *fields, size_t count,
                          bool say);

/* How many of the terms compared so far are TermGenerator's, byte for byte, and how many were
 * changed by NFKC or cut; and how many Z terms were compared with TermGenerator's own. */
typedef struct oracle_counts {
  uint64_t items, terms, changed, stems;
} oracle_counts;
oracle_counts oracle_counted(const oracle *o);

/* Runs TermGenerator alone over a body, for rates. Returns the number of terms. */
size_t oracle_index(oracle *o, const char *text, size_t size);

/* The i-th of Xapian's stemmers, NULL at the end. */
const char *oracle_stemmer(size_t i);

#ifdef __cplusplus
}
#endif

#endif
