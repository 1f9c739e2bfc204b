/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opening.h - what the keys of a keyring open of a store, whatever both say of each other.
 *
 * Refusals are the library's; somebody who has the files and the user's key is not bound by them. So this
 * goes to the rows themselves: it takes every key that the keyring has, and opens every segment, epoch and
 * trash bucket of that key's id that the store has.
 */
#ifndef SEALDEX_PROOF_OPENING_H
#define SEALDEX_PROOF_OPENING_H

#include <stddef.h>
#include <stdint.h>

#include "sealdex.h"

typedef struct opening {
  /* Text, term, id, payload or attribute that was opened, of this holder. */
  void (*text)(void *context, uint64_t holder, const char *data, size_t size);
  void *context;
  uint64_t holders, items; /* opened */
} opening;

/* Opens what there is to open in `dir` (keyring and data.mdb) with the user's secret. */
sdx_status opening_all(opening *o, const char *dir, const sdx_secret *s, sdx_error *err);

/* Calls `each` for every holder whose key the keyring of `dir` has. */
sdx_status opening_keys(const char *dir, void (*each)(void *context, int kind, uint64_t holder),
                        void *context, sdx_error *err);

/* Since when the id key of the store is in use. */
sdx_status opening_ids_since(const char *dir, int64_t *since, sdx_error *err);
/* How many of the ids the store has a row for, under the id key that is there now. */
sdx_status opening_ids(const char *dir, const sdx_secret *s, const sdx_bytes *ids, size_t count,
                       uint64_t *found, sdx_error *err);

#endif
