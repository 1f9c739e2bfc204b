/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "naive.h"

#include <stdlib.h>
#include <string.h>

#include "../query/oracle.h"

#define WORD_MAX 64

typedef struct known {
  char *word;
  uint32_t
      stem; /* number of a word that is spelled as the stem; its own number where it has none */
} known;

struct naive {
  known *words;
  size_t count, capacity;
  uint32_t *table; /* open hashing: number + 1 */
  size_t slots;
};

static void *need(void *p) {
  if (p == NULL) abort();
  return p;
}

naive *naive_new(void) {
  naive *n = need(calloc(1, sizeof *n));
  n->slots = 1 << 21;
  n->table = need(calloc(n->slots, sizeof *n->table));
  return n;
}

void naive_free(naive *n) {
  for (size_t i = 0; i < n->count; i++) free(n->words[i].word);
  free(n->words);
  free(n->table);
  free(n);
}

const char *naive_word(const naive *n, uint32_t number) {
  return n->words[number].word;
}

static uint32_t number_of(naive *n, const char *word) {
  uint64_t hash = 14695981039346656037u; /* FNV-1a */
  for (const char *p = word; *p != '\0'; p++) hash = (hash ^ (unsigned char)*p) * 1099511628211u;
  size_t at = hash % n->slots;
  for (; n->table[at] != 0; at = (at + 1) % n->slots)
    if (strcmp(n->words[n->table[at] - 1].word, word) == 0) return n->table[at] - 1;
  if (n->count == n->slots / 2) abort();
  if (n->count == n->capacity) {
    n->capacity = n->capacity != 0 ? 2 * n->capacity : 1024;
    n->words = need(realloc(n->words, n->capacity * sizeof *n->words));
  }
  const uint32_t number = (uint32_t)n->count++;
  n->words[number] = (known){ .word = need(strdup(word)), .stem = number };
  n->table[at] = number + 1;
  char stem[4 * WORD_MAX];
  if (!(word[0] >= '0' && word[0] <= '9')) {
    oracle_stem(word, stem, sizeof stem);
    /* Behind a mark, so that the stem "use" is not the word "use". */
    char marked[4 * WORD_MAX + 2] = "=";
    strcat(marked, stem);
    if (word[0] != '=') {
      const uint32_t as = number_of(n, marked);
      n->words[number].stem = as;
    }
  }
  return number;
}

/* ------------------------------------------------------------------ reading */

static bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
static bool is_word(char c) {
  return is_upper(c) || is_digit(c) || (c >= 'a' && c <= 'z') || c == '_' ||
         (unsigned char)c >= 0x80;
}

typedef struct reading {
  const char *at, *end;
  char word[WORD_MAX + 1];
  size_t size;
} reading;

static void put(reading *r, char c) {
  if (r->size < WORD_MAX) r->word[r->size++] = is_upper(c) ? (char)(c + 32) : c;
}

/* U.N.C.L.E.: capital letters with a stop between each, and no word right behind. */
static bool read_initials(reading *r) {
  const char *p = r->at;
  r->size = 0;
  while (p < r->end && is_upper(*p)) {
    put(r, *p++);
    if (p == r->end || *p != '.') break;
    p++;
  }
  if (r->size < 2 || (p < r->end && is_word(*p))) return false;
  r->at = p;
  return true;
}

/* Letters and digits; ' and & between two of them; , . ; between two digits; + and # behind. */
static void read_word(reading *r) {
  r->size = 0;
  for (;;) {
    while (r->at < r->end && is_word(*r->at)) put(r, *r->at++);
    if (r->at + 1 >= r->end || !is_word(r->at[1])) break;
    const bool digits = is_digit(r->at[-1]) && is_digit(r->at[1]);
    if (digits ? strchr(",.;", *r->at) == NULL : strchr("'&", *r->at) == NULL) break;
    if (*r->at == '\0') break;
    put(r, *r->at++);
  }
  const size_t bare = r->size;
  size_t behind = 0;
  while (r->at < r->end && (*r->at == '+' || *r->at == '#')) {
    put(r, *r->at++);
    behind++;
  }
  if (behind > 3 || (r->at < r->end && is_word(*r->at))) r->size = bare;
}

void naive_read(naive *n, const char *text, size_t size, naive_text *out) {
  reading r = { .at = text, .end = text + size };
  size_t capacity = size / 5 + 4;
  *out = (naive_text){ .words = need(malloc(capacity * sizeof(uint32_t))),
                       .starts = need(malloc(capacity * sizeof(uint32_t))) };
  for (;;) {
    while (r.at < r.end && !is_word(*r.at)) r.at++;
    if (r.at == r.end) break;
    const uint32_t start = (uint32_t)(r.at - text);
    if (!read_initials(&r)) read_word(&r);
    r.word[r.size] = '\0';
    if (out->count == capacity) {
      capacity *= 2;
      out->words = need(realloc(out->words, capacity * sizeof(uint32_t)));
      out->starts = need(realloc(out->starts, capacity * sizeof(uint32_t)));
    }
    out->starts[out->count] = start;
    out->words[out->count++] = number_of(n, r.word);
  }
}

void naive_text_free(naive_text *t) {
  free(t->words);
  free(t->starts);
}

/* ------------------------------------------------------------------ looking */

void naive_want(naive *n, const char *text, bool quoted, naive_wanted *out) {
  naive_text t;
  naive_read(n, text, strlen(text), &t);
  if (t.count == 0 || t.count > NAIVE_WORDS_MAX) abort();
  *out = (naive_wanted){ .count = t.count, .stemmed = !quoted && t.count == 1 };
  memcpy(out->words, t.words, t.count * sizeof *t.words);
  naive_text_free(&t);
}

bool naive_has(const naive *n, const naive_text *t, const naive_wanted *w) {
  for (size_t i = 0; i + w->count <= t->count; i++) {
    if (w->stemmed) {
      if (n->words[t->words[i]].stem == n->words[w->words[0]].stem) return true;
      continue;
    }
    if (memcmp(t->words + i, w->words, w->count * sizeof *w->words) == 0) return true;
  }
  return false;
}
