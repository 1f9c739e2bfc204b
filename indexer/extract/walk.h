/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * walk.h - the files under one path, in sorted order, with what their place says of them.
 *
 * Directories are walked down, Maildirs recognised (by cur/, or new/ and tmp/). Symbolic links
 * to files are followed, to directories not, but for the path itself. Nothing but regular files is
 * ever opened. The walk itself is fts(3).
 */
#ifndef SEALDEX_EXTRACT_WALK_H
#define SEALDEX_EXTRACT_WALK_H

#include <fts.h>

#include "base/buffer.h"
#include "sealdex.h"

typedef struct walk {
  FTS *fts;
  char *root; /* the path without slashes at its end */
  size_t root_size;
  buffer id;
  buffer folder;
} walk;

typedef enum walk_state {
  WALK_FILE,    /* a regular file that may be opened */
  WALK_SKIPPED, /* none that holds items */
  WALK_FAILED   /* `error` says why it cannot be reached */
} walk_state;

/* One step, borrowed until the next. */
typedef struct walk_entry {
  walk_state state;
  int error;        /* errno */
  const char *path; /* to open it by */
  const char *name; /* its base name */
  sdx_bytes id;     /* relative to the argument, escaped; in a Maildir without cur/ and flags */
  sdx_bytes folder; /* may be empty */
  bool maildir;     /* a message of a Maildir */
  bool named;       /* the argument itself */
  uint64_t size;
  int64_t modified;
} walk_entry;

/* A path that is not there is an entry, not an error. */
sdx_status walk_open(walk *w, const char *path, sdx_error *err) SDX_CHECK;
/* SDX_NOT_FOUND at the end. */
sdx_status walk_next(walk *w, walk_entry *out, sdx_error *err) SDX_CHECK;
void walk_close(walk *w);

#endif
