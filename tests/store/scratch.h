/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scratch.h - a fresh directory with a store for a test, and the calls that tests make over and
 * over, asserted. */
#ifndef SEALDEX_TESTS_SCRATCH_H
#define SEALDEX_TESTS_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/store.h"

/* Of a store that is to grow within a test. */
#define SMALL_MAP ((size_t)64 << 10)

typedef struct scratch {
  char dir[256];
} scratch;

/* For tests of very many small commits: in memory, if there is such a place. */
void scratch_without_disk(void);
/* A directory with an empty store; `map_size` 0: the usual one. */
void scratch_create(scratch *x, size_t map_size);
void scratch_directory(scratch *x); /* the directory alone */
void scratch_remove(scratch *x);
/* Path of a file in it; good until the next call. */
const char *scratch_path(const scratch *x, const char *file);
/* How many files it has. */
size_t scratch_files(const scratch *x);

#define assert_ok(call) assert_int_equal((call), SDX_OK)

store *must_open(const scratch *x);
store_txn *must_read(store *s);
store_txn *must_write(store *s);
void must_commit(store_txn *t);
void must_put(store_txn *t, store_table table, const char *key, const char *value);
/* The value of `key` is `value`; NULL: there is none. */
void must_have(store_txn *t, store_table table, const char *key, const char *value);
/* One transaction each. */
void put_one(store *s, const char *key, const char *value);
void have_one(store *s, const char *key, const char *value);

/* Runs `child` in a forked process and returns its pid; what `child` returns is its exit status. */
int spawn(int (*child)(void *), void *argument);
/* Waits for a process; the exit status, or minus the signal that ended it. */
int reap(int pid);

#endif
