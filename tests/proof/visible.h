/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * visible.h - what somebody without a key can count and measure in the files of an index, as a list
 * of numbers: sizes, pages, order of addresses, every byte of keys and values by its place,
 * repeats.
 */
#ifndef SEALDEX_PROOF_VISIBLE_H
#define SEALDEX_PROOF_VISIBLE_H

#include <stddef.h>
#include <stdint.h>

#define VISIBLE_MAX 4000

typedef struct visible {
  double facts[VISIBLE_MAX];
  size_t count;
} visible;

/* What an index would give away that did not hide it, to see that it is found: written over what is
 * read, before it is looked at. */
typedef enum plant_kind {
  PLANT_NONE,
  PLANT_LENGTH, /* a journal record is as long as its item */
  PLANT_TOKEN,  /* rows of `ids` hold a token, under a key of the index, of a word of an item */
  PLANT_BIT     /* one bit of each row of `ids` leans to a property of an item, and may be wrong */
} plant_kind;

typedef struct plant {
  plant_kind kind;
  const uint64_t *of_items; /* length, word's number, or property */
  size_t count;
  uint64_t key; /* of this index */
} plant;

/* Appends the facts of the index in `dir`, which nobody has open, to each of seen[count], as they
 * are with each of plants[count]; always as many and in the same order. 0 or -1. */
int visible_add(visible *seen, size_t count, const char *dir, const plant *plants);
/* What a fact is. */
void visible_name(size_t number, char *out, size_t size);

/* What `sealdex inspect` says, without what is random or depends on it, and the size classes of
 * journal records: indexes of one shape have this alike. Adds to a hash. 0 or -1. */
int visible_shape(uint64_t *hash, const char *dir);

#endif
