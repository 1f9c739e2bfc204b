/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * question.h - queries drawn from the words of a mailbox, written in both languages at once: as a
 * person would type them, and as operators of plain Xapian.
 */
#ifndef SEALDEX_PROOF_QUESTION_H
#define SEALDEX_PROOF_QUESTION_H

#include "../query/oracle.h"
#include "text/text.h"

typedef enum question_kind {
  QUESTION_SINGLE,
  QUESTION_AND,
  QUESTION_OR,
  QUESTION_NOT,
  QUESTION_PHRASE,
  QUESTION_NEAR,
  QUESTION_FIELD,
  QUESTION_PREFIX,
  QUESTION_MIXED,
  QUESTION_KINDS
} question_kind;
extern const char *const question_names[QUESTION_KINDS];

/* The terms that say which words an item's body has, beside Xapian's own: for body:word. */
#define QUESTION_BODY "XBODY"

typedef struct asker asker;

/* `analyser` splits and stems the words of queries; borrowed. */
asker *asker_new(text_analyser *analyser, uint64_t seed);
void asker_free(asker *a);
/* Another judge that each question is put to (two at most). */
void asker_judge(asker *a, oracle *judge);
/* Keeps words of a field of an item, to ask for. */
void asker_listen(asker *a, const text_field_rule *rule, const char *text, size_t size);
/* Once everything was listened to: learns which words with marks there are. `items` analysed all.
 */
void asker_learn(asker *a, const text_analyser *items);
/* No questions with body: from now on. */
void asker_spare_bodies(asker *a);
/* Draws a question: returns what is typed, good until the next one, and leaves it on the stack of
 * every judge. */
const char *asker_ask(asker *a, question_kind kind);
uint32_t asker_below(asker *a, uint32_t n);

#endif
