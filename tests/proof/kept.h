/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kept.h - every version of a file that ever was, each page stored once.
 */
#ifndef SEALDEX_PROOF_KEPT_H
#define SEALDEX_PROOF_KEPT_H

#include <stddef.h>
#include <stdint.h>

typedef struct kept kept;

/* The pages go to the file `path`. NULL where that fails. */
kept *kept_new(const char *path);
void kept_free(kept *k); /* NULL is fine */
/* Keeps the file as it stands. 0 or -1. */
int kept_add(kept *k, const char *file);
size_t kept_count(const kept *k);
uint64_t kept_bytes(const kept *k); /* of distinct pages */
/* Writes version `number` to `file`. 0 or -1. */
int kept_lay_out(const kept *k, size_t number, const char *file);

#endif
