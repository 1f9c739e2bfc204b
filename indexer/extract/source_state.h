/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source_state.h - a source in the middle of its walk, and the parts of the walk among themselves: entries
 * (source_entry.c), files of several items (source_units.c), the messages of an mbox (source_mbox.c), files
 * (source_file.c), those that are met ahead of their turn (source_ahead.c), a host's own store (source_own.c).
 * For these and source.c alone.
 *
 * Functions that say source_next_... set s->entry and return SDX_OK where there is one, SDX_NOT_FOUND where
 * the place gives none now (call again), else an error.
 */
#ifndef SEALDEX_EXTRACT_SOURCE_STATE_H
#define SEALDEX_EXTRACT_SOURCE_STATE_H

#include <pthread.h>

#include "indexer/extract/file_type.h"
#include "indexer/extract/id_set.h"
#include "indexer/extract/item_copy.h"
#include "indexer/extract/jsonl.h"
#include "indexer/extract/mbox.h"
#include "indexer/extract/share.h"
#include "indexer/extract/walk.h"
#include "indexer/extract/worker.h"

#define SOURCE_SMALL ((uint64_t)32 << 10) /* bytes of a file or message that is read ahead of its turn */
#define SOURCE_FILE_MAX WIRE_INPUT_MAX /* a single message or document that is longer fails */

/* What items are being taken from. */
enum reading { READING_NOTHING, READING_MBOX, READING_LINES, READING_REPLY, READING_OWN };

/* Calls of the host, shared by all readers of the source. */
typedef struct own_calls {
  sdx_source_calls calls;
  pthread_mutex_t lock;
  bool begun, ended;
} own_calls;

/* A file of the walk that waits for its turn. */
typedef struct file_ahead {
  walk_entry entry;                           /* its strings are in `text` of source_ahead, */
  size_t path_at, name_at, id_at, folder_at;  /* where they stand here */
  bool done;                                  /* it is not read, and has its id all the same */
  bool asked;                                 /* the worker has its bytes; else it is opened */
  file_type type;
  bool split;
  uint64_t file_origin, origin;
} file_ahead;

typedef struct source_ahead {
  file_ahead files[WORKER_BATCH_COUNT];
  size_t count, next;
  buffer text;
  sdx_status status; /* of the walk behind them */
  sdx_error err;
} source_ahead;

/* A message of an mbox that waits for its turn. */
typedef struct message_ahead {
  bool done;  /* it is not read, and has its name all the same, so that those behind it have theirs */
  bool asked; /* the worker has its bytes; else it is the last one, and they are in the mbox */
  bool alone; /* the file holds nothing else, and is the message */
  mbox_message message;
  uint64_t origin;
  uint64_t offset; /* of the file, behind it */
} message_ahead;

typedef struct mbox_ahead {
  message_ahead messages[WORKER_BATCH_COUNT];
  size_t count, next;
  uint64_t offset; /* behind the one whose turn it is */
  sdx_status status; /* of the mbox behind them */
  sdx_error err;
} mbox_ahead;

struct sdx_source {
  char **paths;
  size_t path_count;
  size_t path; /* the one that is walked, or walked next */
  walk walk;
  bool walking;
  source_ahead ahead;

  enum reading reading;
  int fd; /* of the file that holds several items, or -1 */
  bool fd_borrowed; /* its lines have no file that would name them ... */
  bool fd_owned;    /* ... and it is closed with them all the same */
  mbox mbox;
  mbox_ahead messages;
  jsonl lines;
  worker worker;
  buffer file_id;   /* its id, which the ids of its items begin with */
  buffer folder;    /* the folder it is in */
  buffer stem;      /* its own name, which is the folder of its messages */
  id_set keys;      /* keys met in it */
  bool maybe_mbox;  /* if only one message comes, the file is that message */
  bool first;       /* no message of it has been met */
  bool invitations; /* are wanted as items of their own */
  bool inviting;    /* those of the message `owner` may follow */
  buffer owner;
  uint64_t file_size;
  int64_t fallback;
  int64_t stamp; /* when the file was written */

  id_set ids; /* met in this run */
  buffer bytes;
  buffer id;
  draft draft;
  sdx_entry entry;
  char reason[160];
  int64_t now;
  uint64_t done; /* bytes of the files that are finished */
  uint64_t total;

  source_share share;
  bool split;           /* the units of the present file have several readers */
  uint64_t file_origin; /* what the origins of its units go on from */
  uint64_t origin;      /* of the present unit */
  uint64_t taken;       /* bytes of the units that are this reader's */
  own_calls *own;       /* NULL: files or lines */
  bool own_borrowed;    /* they are another's */
  item_copy copy;
};

static inline sdx_bytes source_bytes_of(const buffer *b) {
  return (sdx_bytes){ .data = (const char *)b->data, .size = b->size };
}

/* ---------------------------------------------------------------- entries */

sdx_status source_give(sdx_source *s, sdx_entry_state state, sdx_bytes id, const char *reason);
/* True where what has this hash is this reader's share. */
bool source_is_ours(const sdx_source *s, uint64_t hash);
sdx_status source_fail(sdx_source *s, sdx_bytes id, const char *reason);
/* The whole file failed, also where it would have had several readers. */
sdx_status source_fail_file(sdx_source *s, sdx_bytes id, const char *reason);
sdx_status source_fail_with(sdx_source *s, sdx_bytes id, const char *what, int number);
/* The item in s->draft, under this id. */
sdx_status source_give_item(sdx_source *s, sdx_bytes id, sdx_error *err);
void source_begin_draft(sdx_source *s, sdx_kind kind, int64_t fallback);
/* Sets s->id to the id of what the item is in, `#`, the item's key, and `~2` for its second use.
 * Without a key a digest of `bytes` stands for it. */
sdx_status source_name_within(sdx_source *s, const buffer *whole, sdx_bytes key, const void *bytes,
                              size_t size, sdx_error *err);
wire_request source_request(const sdx_source *s, file_type type, int64_t fallback, int64_t stamp,
                            size_t size);
/* The first item in the bytes. s->draft has been begun, and holds it, or the reason against it. */
worker_answer source_ask(sdx_source *s, file_type type, const void *bytes, size_t size);
/* The same of a request that was made: the next reply is to these bytes. */
worker_answer source_answer(sdx_source *s, file_type type, const void *bytes, size_t size);
/* As source_name_within, by the key of the item in s->draft, where it has one that is not too long. */
sdx_status source_name_of_reply(sdx_source *s, const buffer *whole, sdx_error *err);
/* The message in s->draft; its invitations, if they are wanted, are in the same reply. */
sdx_status source_give_message(sdx_source *s, sdx_bytes id, const buffer *folder, sdx_error *err);
sdx_status source_next_invitation(sdx_source *s, sdx_error *err);

/* ---------------------------------------------------------------- files of several items */

/* The file holds several items, which source_next_in_... goes on with. Takes the descriptor, unless it is
 * borrowed. */
void source_begin_lines(sdx_source *s, int fd, bool borrowed);
bool source_begin_units(sdx_source *s, const walk_entry *file, file_type type, int fd);
void source_begin_mbox(sdx_source *s, int fd);
/* The rest of the file cannot be read: it is left, with what the reader of its units says. */
sdx_status source_leave_file(sdx_source *s, sdx_status status, const sdx_error *reading, sdx_error *err);
sdx_status source_begin_reply(sdx_source *s, const walk_entry *file, sdx_error *err);
sdx_status source_give_of_reply(sdx_source *s, sdx_error *err);
sdx_status source_next_in_mbox(sdx_source *s, sdx_error *err);
sdx_status source_next_in_lines(sdx_source *s, sdx_error *err);
sdx_status source_next_in_reply(sdx_source *s, sdx_error *err);
void source_end_file(sdx_source *s);

/* ---------------------------------------------------------------- files */

void source_recycle_bytes(sdx_source *s);
sdx_status source_give_unknown(sdx_source *s, const walk_entry *file, bool empty);
/* What `date` in a file that gives none is taken for. */
int64_t source_fallback(const walk_entry *file, file_type type);
/* A file whose bytes are in s->bytes, or `asked`: in the request whose turn it is. */
sdx_status source_give_file(sdx_source *s, const walk_entry *file, file_type type, bool asked, sdx_error *err);
sdx_status source_open_file(sdx_source *s, const walk_entry *file, sdx_error *err);

/* ---------------------------------------------------------------- files ahead of their turn */

sdx_status source_next_file(sdx_source *s, sdx_error *err);

/* ---------------------------------------------------------------- a host's own store */

/* Sets *ended where the host has no more, or failed. */
sdx_status source_next_own(sdx_source *s, bool *ended, sdx_error *err);

#endif
