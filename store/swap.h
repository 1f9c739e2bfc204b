/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * swap.h - other files take the place of data.mdb and lock.mdb, at once, whoever has them open.
 *
 * The successor is written as data-TOKEN.mdb (TOKEN: 16 random hex digits) and synced. Then, under
 * the guard taken exclusively:
 *
 *   1. a transaction of the old environment writes the record "retired" -> TOKEN. From here on
 * nobody writes to it: every writer looks for the record after taking the write lock;
 *   2. lock-TOKEN.mdb, made empty, is renamed to lock.mdb;
 *   3. data-TOKEN.mdb is renamed to data.mdb; the directory is synced.
 *
 * The lock file goes first and is never reused: it knows transaction numbers, and the successor
 * counts anew. Readers of the old environment keep both old files until they follow.
 *
 * A crash after 1 leaves a retired data.mdb, which nobody changes and everybody may read. Whoever
 * finds it takes the guard exclusively and does 2 and 3 (again). A crash before 1 leaves a
 * successor that nobody knows: the next to open for writing removes it.
 */
#ifndef SEALDEX_STORE_SWAP_H
#define SEALDEX_STORE_SWAP_H

#include "store/environment.h"

/* "data-" or "lock-", token, ".mdb". */
#define SWAP_NAME_SIZE (5 + TOKEN_SIZE + 4 + 1)

typedef struct swap {
  char token[TOKEN_SIZE + 1];
  char data[SWAP_NAME_SIZE];
  char lock[SWAP_NAME_SIZE];
} swap;

/* A fresh token and the names that go with it. */
sdx_status swap_new(swap *out, sdx_error *err) SDX_CHECK;
/* Steps 2 and 3; guard held exclusively. */
sdx_status swap_files(const swap *sw, const environment *e, sdx_error *err) SDX_CHECK;
/* Finishes the swap that retired `m`, unless that has been done. Takes the guard. */
sdx_status swap_finish(const environment *e, mapping *m, sdx_error *err) SDX_CHECK;
/* Removes what a crash before step 1 left, unless a maintainer is at work. `m` is open. */
void swap_collect(const environment *e, const mapping *m);

#endif
