/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mailbox.h - made-up mailboxes of any size, from a seed: messages in threads, with addresses,
 * folders, flags and attachments, calendar events, contacts and documents, in several languages.
 * Words are words.h's; what else is drawn, and how it compares with real mail, is in
 * docs/bench/mailbox.md.
 *
 * The same seed gives the same mailbox, and a larger one begins with the smaller one's items but
 * for how many people write in it.
 */
#ifndef SEALDEX_BENCH_MAILBOX_H
#define SEALDEX_BENCH_MAILBOX_H

#include "corpus.h"

/* One item; all of it borrowed until the next. Empty strings stand for what it has not. */
typedef struct mailbox_item {
  uint64_t number; /* from 0 */
  sdx_kind kind;
  const char *id, *folder, *language; /* language: an ISO code */
  int64_t date;                       /* events: the start */
  const char *subject;                /* title of an event or document, name of a contact */
  const char *from_name, *from;       /* organizer, author, or the contact's own */
  const char *to_name, *to;
  const char *body;
  size_t body_size;
  const char *message_id, *in_reply_to, *thread;
  const char *attachment_name, *attachment; /* text/plain */
  const char *location;                     /* events */
  const char *phone, *org;                  /* contacts */
  int64_t ends;                             /* events */
  bool weekly;                              /* events that recur */
  bool seen, flagged, answered;
} mailbox_item;

typedef struct mailbox mailbox;

/* NULL: no memory. */
mailbox *mailbox_new(uint64_t count, uint64_t seed);
/* The next item, or NULL behind the last. */
const mailbox_item *mailbox_next(mailbox *m);
void mailbox_free(mailbox *m);

/* A corpus of such items. Returns 0 or -1. */
int mailbox_make(corpus *c, size_t count, uint64_t seed);

#endif
