/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * id_set.h - the ids met in one run, as 128-bit digests: 24 bytes each, whatever their length.
 *
 * Digests are of SHA-256, so that no sender can choose a Message-ID that makes another message look
 * like a repeat.
 */
#ifndef SEALDEX_EXTRACT_ID_SET_H
#define SEALDEX_EXTRACT_ID_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct id_slot {
  uint64_t key[2]; /* zeros: free */
  uint64_t count;
} id_slot;

typedef struct id_set {
  id_slot *slots;
  size_t capacity; /* a power of two, or 0 */
  size_t used;
} id_set;

#define ID_SET_INIT                                                                                \
  { 0 }

/* Counts the id in: how often it was met before this; UINT64_MAX where memory ran out. */
uint64_t id_set_add(id_set *set, const void *id, size_t size);
void id_set_clear(id_set *set); /* and frees */

#endif
