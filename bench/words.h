/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * words.h - made-up words of several languages, drawn as real mail draws its own.
 *
 * The 10,000 most frequent ranks follow Zipf's law with exponent 1.13 (Mandelbrot's offset 2.7);
 * beyond them the frequency falls with exponent 1.43, without an end, so that the vocabulary grows
 * with the 0.7th power of the text (Heaps), as it does in the corpora that docs/bench/mailbox.md
 * compares with. The most frequent words of each language are its real function words, so that its
 * language can be told; the others are syllables, unique per rank, with endings that a stemmer
 * takes off: four ranks in a row are forms of one word.
 */
#ifndef SEALDEX_BENCH_WORDS_H
#define SEALDEX_BENCH_WORDS_H

#include <stddef.h>
#include <stdint.h>

typedef enum words_language {
  WORDS_ENGLISH,
  WORDS_GERMAN,
  WORDS_FRENCH,
  WORDS_SPANISH,
  WORDS_JAPANESE,
  WORDS_LANGUAGES
} words_language;

#define WORDS_SIZE 64 /* a word's bytes are fewer */

typedef struct word_source word_source;

word_source *words_new(void); /* NULL: no memory */
void words_free(word_source *w);
/* A rank, from 0, drawn by frequency. */
uint64_t words_draw(const word_source *w, uint64_t *random);
/* Writes the word of a rank and returns its bytes; no NUL behind it. */
size_t words_spell(const word_source *w, words_language language, uint64_t rank,
                   char out[WORDS_SIZE]);

#endif
