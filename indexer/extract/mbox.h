/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mbox.h - the messages of an mbox file, one after another, with one of them in memory at a time.
 *
 * Four dialects are read. A message ends at the next separator line:
 *
 *   mboxo, mboxrd   body lines that look like one are quoted with `>`, which is taken off again
 *   mboxcl          the same, with a Content-Length
 *   mboxcl2         nothing is quoted: Content-Length alone says where a message ends
 *
 * A Content-Length is believed where it leads to the end of the file or to a separator. A separator
 * is a line `From ...` at the beginning or behind an empty line, or with a date in it, that is
 * followed by a header field: with a date, by any; without, by one that mail is known by.
 */
#ifndef SEALDEX_EXTRACT_MBOX_H
#define SEALDEX_EXTRACT_MBOX_H

#include "base/buffer.h"
#include "indexer/extract/draft.h"

#define MBOX_MESSAGE_MAX ((size_t)256 << 20) /* longer ones are passed over */

typedef struct mbox {
  int fd;          /* borrowed */
  buffer data;     /* what was read and not yet given */
  size_t at;       /* where the next message begins in it */
  size_t step;     /* bytes read at a time */
  uint64_t offset; /* bytes of the file given so far */
  bool end_of_file;
} mbox;

typedef struct mbox_message {
  char *bytes; /* without the separator line; borrowed until the next step */
  size_t size;
  int64_t date;  /* of the separator line, or 0 */
  bool too_long; /* longer than MBOX_MESSAGE_MAX: `bytes` is where it begins */
} mbox_message;

/* `size` is that of the file: so much memory is taken, up to 1 MiB at first. */
void mbox_open(mbox *m, int fd, uint64_t size);
/* SDX_NOT_FOUND at the end. */
sdx_status mbox_next(mbox *m, mbox_message *out, sdx_error *err) SDX_CHECK;
/* Whether nothing but blank lines is left behind what was given last. */
bool mbox_at_end(const mbox *m);
void mbox_close(mbox *m);

/* Adds the flags that mail programs keep in a message's header there: Status, X-Status. */
void mbox_add_flags(draft *d, const void *bytes, size_t size);

#endif
