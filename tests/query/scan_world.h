/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scan_world.h - the items of the naive scan: invented ones in two languages with words with marks, and where
 * SEALDEX_CORPORA is set real mail; in an index as well as term by term in memory.
 */
#ifndef SEALDEX_TESTS_QUERY_SCAN_WORLD_H
#define SEALDEX_TESTS_QUERY_SCAN_WORLD_H

#include "host.h"
#include "text/text.h"

#define BATCHES 5
#define BATCH 64
#define INVENTED 40 /* of each batch, where there is real mail; else all */
#define UPDATES 25
#define DEATHS 30
#define ADDED 20
#define ITEMS (BATCHES * BATCH + UPDATES + ADDED) /* versions */
#define QUERIES 2500
#define LANGUAGES 2
#define TEXT_MAX 6000 /* bytes of a body */

typedef struct scan_term {
  uint32_t name, fold;        /* prefix and surface word; its fold */
  uint32_t stems[LANGUAGES];  /* 0: not stemmed */
  uint32_t wdf, count;
  uint32_t *positions;
} scan_term;

typedef struct scan_item {
  char id[128];
  int64_t date;
  uint64_t size;
  const char *folder;
  bool seen, dead;
  uint32_t language, length, body_end;
  scan_term *terms;
  size_t count;
} scan_item;

typedef struct scan_world {
  scan_item items[ITEMS];
  size_t item_count, base_count;
  uint64_t total_length;
  host *box;
  text_analyser *analyser; /* of items */
  text_analyser *queries;
  char **names;            /* every name once; its number is its place, 0 is none */
  uint32_t *name_slots;
  uint32_t name_count, name_room;
} scan_world;

extern scan_world scan;

/* cmocka setup and teardown of the group. */
int scan_begin(void **state);
int scan_end(void **state);

/* A random number below n, from SEALDEX_SEED on. */
uint32_t scan_below(uint32_t n);
/* The number of a name; 0 where no item has it. */
uint32_t scan_number(const char *name);
/* A word of the vocabulary that items are invented from. */
const char *scan_word(void);

#endif
