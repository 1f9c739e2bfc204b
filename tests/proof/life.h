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
  STEP_BACK,          /* the clock is set back */
  STEP_SWEEP_KEYLESS, /* where a dry run says that nothing living would go with it */
  STEP_CLOSE,         /* the account is closed, refuses, and is reopened */
  STEP_COMPACT,
  STEP_DEPOSIT, /* an item and a change of attributes, by the deposit key */
  STEP_REKEY,   /* other handles open anew */
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

/* What the model is made to get wrong, to see that lives find it. */
typedef enum life_flaw { FLAW_NONE, FLAW_RESTORE, FLAW_FLAG, FLAW_SWEEP } life_flaw;

typedef struct life {
  char dir[256];
  model model;
  sdx_index *handles[2];
  char deposit_key[SDX_DEPOSIT_FILE_SIZE];
  uint64_t random; /* of the step under way */
  life_flaw flaw;
  char why[400];
  bool refused; /* why it failed: the library gave an error; else it and the model disagree */
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
/* The account was closed when its process died: reopens it. */
int life_reopen_account(life *l);
/* Compares answers to random questions, counts and items through both handles. */
int life_check(life *l, uint64_t random);
/* The same through one handle: the answers to all words, all items, and the counts. */
int life_check_one(life *l, sdx_index *index);
/* Compares every item with the model, and what an export gives; lets the index verify itself; and
 * tries in a copy which deleted items can be restored, exactly. */
int life_check_all(life *l);
void life_remove(const char *dir);
void life_tell(const step *steps, size_t count);

/* ---- shared by life.c and life_check.c */

/* Where the texts of an item that is described stand. */
typedef struct life_text {
  char id[24], subject[32], body[200];
  sdx_field fields[2];
  sdx_bytes folder, flags[MODEL_FLAGS];
} life_text;
sdx_item life_describe(unsigned number, const model_item *m, life_text *t);
sdx_bytes life_id(unsigned item, char out[24]);
sdx_secret life_secret(void);
uint64_t life_mix(uint64_t *state);
/* Says why the life failed; returns -1. */
int life_complain(life *l, const char *what, const sdx_error *err);
/* Lets `act` do something in another process, and takes over the model and the reason if it failed.
 */
int life_elsewhere(life *l, int (*act)(life *l, const void *context), const void *context);

#endif
