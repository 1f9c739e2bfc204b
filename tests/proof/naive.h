/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * naive.h - the words of texts, split by a reader of its own that knows ASCII alone, and searched
 * by looking at every word of every text. What answers are judged by; slow, and easy to see
 * through.
 */
#ifndef SEALDEX_PROOF_NAIVE_H
#define SEALDEX_PROOF_NAIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAIVE_WORDS_MAX 16 /* of what is asked for */

typedef struct naive naive; /* numbers words */
naive *naive_new(void);
void naive_free(naive *n);

typedef struct naive_text {
  uint32_t *words;  /* numbers */
  uint32_t *starts; /* where each begins, in bytes */
  size_t count;
} naive_text;
void naive_read(naive *n, const char *text, size_t size, naive_text *out);
void naive_text_free(naive_text *t);

/* One word, or several side by side. */
typedef struct naive_wanted {
  uint32_t words[NAIVE_WORDS_MAX];
  size_t count;
  bool stemmed; /* one word in any form that has the same stem */
} naive_wanted;
/* `quoted`: as it is written. What is one word without quotes is wanted by its stem. */
void naive_want(naive *n, const char *text, bool quoted, naive_wanted *out);
bool naive_has(const naive *n, const naive_text *t, const naive_wanted *w);
const char *naive_word(const naive *n, uint32_t number);

#endif
