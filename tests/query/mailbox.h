/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mailbox.h - items in segments in memory, and a view made over them by hand: what the evaluation of
 * queries is tested on without a store.
 */
#ifndef SEALDEX_TESTS_QUERY_MAILBOX_H
#define SEALDEX_TESTS_QUERY_MAILBOX_H

#include "query/engine.h"
#include "query/grammar.h"
#include "segment/builder.h"
#include "segment/memory.h"

/* One item; NULL where it has none of a text. The body comes first. */
typedef struct mailbox_item {
  const char *id;
  int64_t date;
  uint64_t size, thread;
  const char *body, *subject, *from, *to;
  const char *attributes[6]; /* "fInbox", "gseen", ...; NULL ends them */
} mailbox_item;

/* Is told the terms of each item as it is added. */
typedef void (*mailbox_listener)(void *context, const mailbox_item *item, text_analyser *a,
                                 const text_terms *terms);

typedef struct mailbox_segment {
  memory_blocks *blocks;
  segment *seg;
  attributes *attributes;
  roaring_bitmap_t *dead;
} mailbox_segment;

typedef struct mailbox {
  text_analyser *analyser; /* of items */
  text_analyser *queries;
  inverter *inverter;
  mailbox_segment segments[16];
  view_segment shown[16];
  view view;
  view_read read;
  mailbox_listener listener;
  void *context;
} mailbox;

void mailbox_open(mailbox *m, const char *languages);
void mailbox_close(mailbox *m);
void mailbox_add(mailbox *m, const mailbox_item *item);
/* Makes a segment of what was added since the last one. */
void mailbox_seal(mailbox *m);
/* Marks the item dead. */
void mailbox_kill(mailbox *m, const char *id);

typedef struct mailbox_hit {
  char id[64];
  double score;
  int64_t date;
} mailbox_hit;

typedef struct mailbox_answer {
  mailbox_hit *hits;
  size_t count;
  uint64_t total;
  bool exact, fell_back;
} mailbox_answer;

/* Carries out a query. Free the answer with mailbox_answer_free. */
void mailbox_search(mailbox *m, const char *text, const engine_options *options,
                    mailbox_answer *out);
void mailbox_answer_free(mailbox_answer *a);

#endif
