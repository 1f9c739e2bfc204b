/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sample.h - one small invented index that has something of every kind in it, and every question
 * that can be asked of it. Damage is held against its answers, and so is the golden index.
 */
#ifndef SEALDEX_PROOF_SAMPLE_H
#define SEALDEX_PROOF_SAMPLE_H

#include "sealdex.h"

#define SAMPLE_START INT64_C(1700000000)
#define SAMPLE_ITEMS                                                                               \
  60 /* items "item/0" ... were added, and so many ids are asked for, and a few more */
#define SAMPLE_NOW (SAMPLE_START + 40 * SDX_DAY)

/* What the index holds when it is made: two segments with attributes, changes, a journal of both
 * kinds, tombstones, items that expire, the trash. `stage` is called after each stage of its life
 * (may be NULL). 0 or -1 (said on stderr). */
int sample_make(const char *dir, uint8_t key_byte, void (*stage)(void *context, int number),
                void *context);

typedef struct answer {
  sdx_status status;
  bool partial;
  char message[248];
  char *text; /* all that the answer says; ids, one a line, first */
  size_t ids; /* bytes of these */
} answer;

typedef struct answers {
  answer *list;
  size_t count;
  sdx_status opened;
  char message[248]; /* of opening */
  sdx_status verified;
  uint64_t problems;
} answers;

/* Opens the index and asks everything. */
void sample_ask(answers *out, const char *dir, uint8_t key_byte, int64_t now);
void sample_free(answers *a);
/* What question number i is. */
const char *sample_question(size_t i);

/* Compares with what an undamaged index answers. NULL where every answer is the same, or is an
 * error with a message, or says that it is partial and has no id that does not belong there; else
 * the fault. */
const char *sample_compare(const answers *right, const answers *now);
/* Some answer is not the right one. */
bool sample_differs(const answers *right, const answers *now);

/* Writes of every kind: adds, deletions, a restore, changes, a fold and merge, a sweep. Fills
 * statuses[SAMPLE_WRITES]. */
#define SAMPLE_WRITES 9
void sample_write(const char *dir, uint8_t key_byte, int64_t now,
                  sdx_status statuses[SAMPLE_WRITES]);

#endif
