/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * power_cut.h - what a power cut can leave of a directory, as a model beside the real one.
 *
 * The model follows the calls that keyring_fault sees. Of every page it holds what is surely on the
 * disk and what programs read; a sync that succeeds makes the pages written since durable; a sync
 * that fails leaves each of them durable or not, and later syncs do not mend that (as Linux has
 * it). Names are durable after a sync of the directory. power_cut_image writes one of the states
 * that a cut at this instant can leave.
 */
#ifndef SEALDEX_TESTS_CRYPTO_POWER_CUT_H
#define SEALDEX_TESTS_CRYPTO_POWER_CUT_H

#include "keyring_fixture.h"

typedef enum power_cut_choice {
  CUT_OLDEST, /* nothing that is not surely there */
  CUT_NEWEST, /* everything */
  CUT_RANDOM  /* each page and name by lot */
} power_cut_choice;

/* Starts following `dir`, whose contents count as durable; `seed` decides lots. Sets keyring_fault.
 */
void power_cut_follow(const char *dir, unsigned seed);
/* Stops, and forgets. */
void power_cut_end(void);

/* Called before each call, with its number from 0; a result other than 0 fails the call. */
extern int (*power_cut_before)(const keyring_call *call, unsigned number);

/* Writes a state that a cut now can leave into `to`, replacing the keyring files there. */
void power_cut_image(const char *to, power_cut_choice choice);

#endif
