/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * life.h - random lives of an index beside the model: steps that act on both, and checks that both
 * agree. Shared by the programs that let lives run undisturbed (life_main.c) and that kill them
 * (crash_main.c).
 */
#ifndef SEALDEX_PROOF_LIFE_H
#define SEALDEX_PROOF_LIFE_H

#include "model.h"

typedef enum step_kind {
  STEP_ADD,
  STEP_READD, /* the same content again: unchanged */
  STEP_BATCH, /* several at once */
  STEP_ABORTED_BATCH,
  STEP_DELETE,
  STEP_RESTORE,
  STEP_SET,
  STEP_TIME,
  STEP_MAINTAIN,
  STEP_MAINTAIN_ALL,
  STEP_SWEEP, /* with the key: nothing living is lost */
  STEP_REOPEN,
  STEP_IDLE,
  STEP_KINDS
} step_kind;

/* A step stands by itself: its numbers are taken modulo whatever the state offers, so that steps
 * may be left out when a failing life is shrunk. */
typedef struct step {
  step_kind kind;
  bool elsewhere; /* in another process */
  bool second;    /* through the second handle */
  uint64_t random;
} step;

typedef struct life {
  char dir[256];
  model model;
  sdx_index *handles[2];
  uint64_t random; /* of the step under way */
  char why[400];
} life;

/* Draws `count` steps from a seed. */
void life_draw(step *steps, size_t count, uint64_t seed);
/* Makes an empty index in `dir` (what stood there goes) and opens both handles. 0 or -1 (l->why).
 */
int life_begin(life *l, const char *dir);
/* Opens both handles of an index that is there. */
int life_open(life *l);
void life_close(life *l);
/* Takes one step on index and model. With `predict`, on the model alone. */
int life_step(life *l, const step *s, bool predict);
/* Compares answers to random questions, counts and items through both handles. */
int life_check(life *l, uint64_t random);
/* Compares every item with the model. */
int life_check_all(life *l);
void life_remove(const char *dir);
void life_tell(const step *steps, size_t count);

#endif
