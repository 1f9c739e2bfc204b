/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source.c - the public walk over sources: files found by walk.h, told apart by file_type.h, read
 * by the extractors, one item after another. What is in the files is read by a worker (worker.h);
 * only where there is none here are messages and text read in this process, and all else by its
 * name.
 *
 * Files are read into memory, not mapped: a mapped file that its mail program truncates meanwhile
 * would raise SIGBUS in the host's process. One message is in memory at a time, also of an mbox.
 */
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/wipe.h"
#include "indexer/extract/document.h"
#include "indexer/extract/file_type.h"
#include "indexer/extract/id_set.h"
#include "indexer/extract/item_copy.h"
#include "indexer/extract/jsonl.h"
#include "indexer/extract/mbox.h"
#include "indexer/extract/message.h"
#include "indexer/extract/naming.h"
#include "indexer/extract/share.h"
#include "indexer/extract/walk.h"
#include "indexer/extract/worker.h"

#define FILE_MAX WIRE_INPUT_MAX /* a single message or document that is longer fails */
#define KEY_MAX 160             /* bytes of a key in an id; a digest stands for longer ones */
#define BYTES_KEEP ((size_t)4 << 20)

/* What items are being taken from. */
enum reading { READING_NOTHING, READING_MBOX, READING_LINES, READING_REPLY, READING_OWN };

/* Calls of the host, shared by all readers of the source. */
typedef struct own_calls {
  sdx_source_calls calls;
  pthread_mutex_t lock;
  bool begun, ended;
} own_calls;

struct sdx_source {
  char **paths;
  size_t path_count;
  size_t path; /* the one that is walked, or walked next */
  walk walk;
  bool walking;

  enum reading reading;
  int fd; /* of the file that holds several items, or -1 */
  bool fd_borrowed; /* its lines have no file that would name them ... */
  bool fd_owned;    /* ... and it is closed with them all the same */
  mbox mbox;
  jsonl lines;
  worker worker;
  buffer file_id;   /* its id, which the ids of its items begin with */
  buffer folder;    /* the folder it is in */
  buffer stem;      /* its own name, which is the folder of its messages */
  id_set keys;      /* keys met in it */
  bool maybe_mbox;  /* if only one message comes, the file is that message */
  bool first;       /* no message has been taken from it */
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

/* ---------------------------------------------------------------- opening */

static sdx_status copy_paths(sdx_source *s, const char *const *paths, size_t count,
                             sdx_error *err) {
  s->paths = calloc(count > 0 ? count : 1, sizeof *s->paths);
  if (s->paths == NULL) return error_memory(err);
  for (; s->path_count < count; s->path_count++) {
    if (paths[s->path_count] == NULL || paths[s->path_count][0] == '\0')
      return error_set(err, SDX_INVALID, "a path is empty; give the name of a file or directory");
    s->paths[s->path_count] = strdup(paths[s->path_count]);
    if (s->paths[s->path_count] == NULL) return error_memory(err);
  }
  return SDX_OK;
}

/* The bytes of all files, for progress. */
static sdx_status measure(sdx_source *s, sdx_error *err) {
  sdx_status status = SDX_OK;
  for (size_t i = 0; status == SDX_OK && i < s->path_count; i++) {
    walk w;
    walk_entry entry;
    status = walk_open(&w, s->paths[i], err);
    if (status != SDX_OK) return status;
    while ((status = walk_next(&w, &entry, err)) == SDX_OK) s->total += entry.size;
    walk_close(&w);
    if (status == SDX_NOT_FOUND) status = SDX_OK;
  }
  return status;
}

static void begin_lines(sdx_source *s, int fd, bool borrowed) {
  s->reading = READING_LINES;
  s->fd = fd;
  s->fd_borrowed = borrowed;
  jsonl_open(&s->lines, fd);
}

sdx_status sdx_source_open(sdx_source **out, const char *const *paths, size_t count,
                           const sdx_source_options *options, sdx_error *err) {
  *out = NULL;
  if (count > 0 && paths == NULL) return error_set(err, SDX_INVALID, "no paths are given");
  sdx_source *s = calloc(1, sizeof *s);
  if (s == NULL) return error_memory(err);
  s->fd = -1;
  s->worker = (worker)WORKER_INIT;
  s->now = options != NULL && options->now != 0 ? options->now : (int64_t)time(NULL);
  s->invitations = options != NULL && options->invitations;
  sdx_status status = SDX_OK;
  if (options != NULL && options->lines_on_stdin) {
    begin_lines(s, options->lines_fd, true);
    buffer_put(&s->file_id, "line", 4);
  } else {
    status = copy_paths(s, paths, count, err);
    if (status == SDX_OK) status = measure(s, err);
  }
  if (status != SDX_OK)
    sdx_source_close(s);
  else
    *out = s;
  return status;
}

static void end_file(sdx_source *s) {
  if (s->reading == READING_MBOX) mbox_close(&s->mbox);
  if (s->reading == READING_LINES) jsonl_close(&s->lines);
  if (s->fd >= 0 && (!s->fd_borrowed || s->fd_owned)) (void)close(s->fd);
  s->reading = s->own != NULL ? READING_OWN : READING_NOTHING;
  s->fd = -1;
  s->done += s->file_size;
  s->file_size = 0;
  id_set_clear(&s->keys);
}

void sdx_source_close(sdx_source *s) {
  if (s == NULL) return;
  end_file(s);
  if (s->walking) walk_close(&s->walk);
  for (size_t i = 0; s->paths != NULL && i < s->path_count; i++) free(s->paths[i]);
  free(s->paths);
  id_set_clear(&s->ids);
  buffer_free(&s->file_id);
  buffer_free(&s->folder);
  buffer_free(&s->stem);
  buffer_free(&s->owner);
  buffer_free(&s->bytes);
  buffer_free(&s->id);
  draft_free(&s->draft);
  worker_close(&s->worker);
  item_copy_free(&s->copy);
  if (s->own != NULL && !s->own_borrowed) {
    pthread_mutex_destroy(&s->own->lock);
    free(s->own);
  }
  free(s);
}

/* ---------------------------------------------------------------- entries */

static sdx_status give(sdx_source *s, sdx_entry_state state, sdx_bytes id, const char *reason) {
  uint64_t inside = 0;
  if (s->reading == READING_MBOX) inside = s->mbox.offset;
  if (s->reading == READING_LINES) inside = s->lines.offset;
  s->entry = (sdx_entry){ .state = state,
                          .id = id,
                          .reason = reason,
                          .bytes_done = s->share.lanes > 0 ? s->taken : s->done + inside,
                          .bytes_total = s->total };
  return SDX_OK;
}

static bool is_ours(const sdx_source *s, uint64_t hash) {
  return s->share.lanes < 2 || hash % s->share.lanes == s->share.lane;
}

static sdx_status fail(sdx_source *s, sdx_bytes id, const char *reason) {
  return give(s, SDX_ENTRY_FAILED, id, reason);
}

/* What is wrong with a file that is divided, one of its readers says. */
static sdx_status fail_file(sdx_source *s, sdx_bytes id, const char *reason) {
  return s->split && !is_ours(s, s->file_origin) ? SDX_NOT_FOUND : fail(s, id, reason);
}

static sdx_status fail_with(sdx_source *s, sdx_bytes id, const char *what, int number) {
  g_snprintf(s->reason, sizeof s->reason, "%s: %s", what, g_strerror(number));
  return fail_file(s, id, s->reason);
}

/* The draft as an item under `id`, where no item before it had that id. */
static sdx_status give_item(sdx_source *s, sdx_bytes id, sdx_error *err) {
  if (id.size > SDX_ID_MAX) return fail(s, id, "its id would be longer than 400 bytes");
  const uint64_t met = id_set_add(&s->ids, id.data, id.size);
  if (met == UINT64_MAX) return error_memory(err);
  if (met > 0) {
    (void)fail(s, id, "its id was met before in this run");
    s->entry.repeated = true;
    return SDX_OK;
  }
  draft_set_id(&s->draft, id.data, id.size);
  const sdx_item *item = draft_item(&s->draft);
  if (item == NULL) return error_memory(err);
  (void)give(s, s->draft.partial ? SDX_ENTRY_PARTIAL : SDX_ENTRY_ITEM, id, s->draft.reason);
  s->entry.item = item;
  return SDX_OK;
}

static void begin_draft(sdx_source *s, sdx_kind kind, int64_t fallback) {
  draft_begin(&s->draft, kind, s->now);
  s->draft.fallback = fallback;
}

/* ---------------------------------------------------------------- several items in a file */

/* Sets s->id to the id of what the item is in, `#`, the item's key, and `~2` for its second use.
 * Without a key a digest of `bytes` stands for it. */
static sdx_status name_within(sdx_source *s, const buffer *whole, sdx_bytes key, const void *bytes,
                              size_t size, sdx_error *err) {
  buffer_reset(&s->id);
  buffer_put(&s->id, whole->data, whole->size);
  buffer_put_u8(&s->id, '#');
  if (key.size > 0) {
    naming_put_escaped(&s->id, key.data, key.size);
  } else {
    char *digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, size);
    buffer_put(&s->id, digest, 32);
    g_free(digest);
  }
  const uint64_t met = id_set_add(&s->keys, s->id.data, s->id.size);
  if (met == UINT64_MAX || s->id.failed) return error_memory(err);
  if (met > 0) {
    char repeat[24];
    const int length = g_snprintf(repeat, sizeof repeat, "~%llu", (unsigned long long)met + 1);
    buffer_put(&s->id, repeat, (size_t)length);
  }
  return s->id.failed ? error_memory(err) : SDX_OK;
}

static sdx_bytes bytes_of(const buffer *b) {
  return (sdx_bytes){ .data = (const char *)b->data, .size = b->size };
}

/* Hands the bytes to the worker; where it is missing, what is read in this process. */
static bool extract_here(sdx_source *s, file_type type, const void *bytes, size_t size) {
  switch (type) {
  case FILE_TEXT:
    return text_extract(bytes, size, &s->draft);
  case FILE_MARKDOWN:
    return markdown_extract(bytes, size, &s->draft);
  case FILE_HTML:
    return page_extract(bytes, size, &s->draft);
  case FILE_MESSAGE:
    if (!message_extract(bytes, size, &s->draft)) return false;
    if (s->draft.has_attachment)
      draft_set_partial(&s->draft, "attachments by name only: sealdex-extract is not installed");
    return true;
  default:
    return draft_refuse(&s->draft, "sealdex-extract, which reads it, is not installed");
  }
}

/* The first item in the bytes. s->draft has been begun, and holds it, or the reason against it. */
static worker_answer ask(sdx_source *s, file_type type, const char *name, const void *bytes,
                         size_t size) {
  wire_request request = { .type = type,
                           .now = s->now,
                           .fallback = s->draft.fallback,
                           .stamp = s->draft.stamp,
                           .name = name,
                           .name_size = strnlen(name, WIRE_NAME_MAX),
                           .size = size,
                           .invitations = s->invitations };
  worker_begin(&s->worker, &request, bytes);
  worker_answer answer = worker_next(&s->worker, &s->draft);
  if (answer == WORKER_LOST && type == FILE_MESSAGE) { /* what it died of may be attached */
    request.bare = true;
    worker_begin(&s->worker, &request, bytes);
    answer = worker_next(&s->worker, &s->draft);
    if (answer == WORKER_ITEM)
      draft_set_partial(&s->draft, "attachments by name only: one could not be read");
  }
  if (answer == WORKER_MISSING)
    return extract_here(s, type, bytes, size) ? WORKER_ITEM : WORKER_REFUSED;
  if (answer != WORKER_ITEM) s->draft.reason = s->worker.reason;
  return answer;
}

/* The key of the item in s->draft, one of several, where it has one that is not too long. */
static sdx_status name_of_reply(sdx_source *s, const buffer *whole, sdx_error *err) {
  if (s->draft.failed || s->draft.text.failed) return error_memory(err);
  buffer key = BUFFER_INIT;
  const void *bytes = s->draft.text.data;
  size_t size = s->draft.text.size;
  if (s->draft.id.size > 0 && s->draft.id.size <= KEY_MAX) {
    buffer_put(&key, s->draft.text.data + s->draft.id.at, s->draft.id.size);
  } else if (s->draft.id.size > KEY_MAX) {
    bytes = s->draft.text.data + s->draft.id.at;
    size = s->draft.id.size;
  }
  const sdx_status status = name_within(s, whole, bytes_of(&key), bytes, size, err);
  buffer_free(&key);
  return status;
}

/* ---------------------------------------------------------------- messages */

/* The message in s->draft; its invitations, if they are wanted, are in the same reply. */
static sdx_status give_message(sdx_source *s, sdx_bytes id, const buffer *folder, sdx_error *err) {
  s->inviting = s->invitations && !s->worker.answered;
  if (s->inviting) {
    buffer_reset(&s->owner);
    buffer_put(&s->owner, id.data, id.size);
    if (folder != &s->folder) {
      buffer_reset(&s->folder);
      buffer_put(&s->folder, folder->data, folder->size);
    }
    if (s->owner.failed || s->folder.failed) return error_memory(err);
  } else {
    worker_end_reply(&s->worker);
  }
  return give_item(s, id, err);
}

/* SDX_NOT_FOUND where the message has no more. What cannot be read is no item: the message has it.
 */
static sdx_status next_invitation(sdx_source *s, sdx_error *err) {
  if (worker_next(&s->worker, &s->draft) != WORKER_ITEM) {
    s->inviting = false;
    if (s->reading != READING_MBOX) id_set_clear(&s->keys);
    return SDX_NOT_FOUND;
  }
  draft_add_folder(&s->draft, s->folder.data, s->folder.size);
  const sdx_status status = name_of_reply(s, &s->owner, err);
  return status == SDX_OK ? give_item(s, bytes_of(&s->id), err) : status;
}

/* Sets *pass where the message is another reader's, or done. One that is done has its name all the
 * same, so that what comes behind it is named as if it had been read. */
static sdx_status pass_message(sdx_source *s, const mbox_message *m, bool alone, bool *pass,
                               sdx_error *err) {
  if (s->share.lanes == 0) return SDX_OK;
  const sdx_bytes key = share_message_id(m->bytes, m->size);
  const uint64_t hash = key.size > 0 ? share_hash(0, key.data, key.size) : share_hash(0, m->bytes, m->size);
  *pass = s->split && (alone ? s->file_origin : hash) % s->share.lanes != s->share.lane;
  if (*pass) return SDX_OK;
  s->origin = share_hash(s->file_origin, &s->mbox.offset, sizeof s->mbox.offset);
  s->origin = share_hash(s->origin, m->bytes, m->size);
  s->taken += m->size;
  *pass = s->share.done != NULL && s->share.done(s->share.context, s->origin);
  if (!*pass) return SDX_OK;
  const sdx_status status =
      alone ? SDX_OK : name_within(s, &s->file_id, key, m->bytes, m->size, err);
  const buffer *id = alone ? &s->file_id : &s->id;
  if (status == SDX_OK && id_set_add(&s->ids, id->data, id->size) == UINT64_MAX)
    return error_memory(err);
  return status;
}

static sdx_status next_in_mbox(sdx_source *s, sdx_error *err) {
  mbox_message message;
  sdx_error reading = { 0 };
  sdx_status status = mbox_next(&s->mbox, &message, &reading);
  if (status == SDX_NOT_FOUND) {
    const bool empty = s->first;
    end_file(s);
    if (empty) return fail_file(s, bytes_of(&s->file_id), "it holds no message");
    return SDX_NOT_FOUND;
  }
  if (status == SDX_NO_MEMORY) return error_memory(err);
  if (status != SDX_OK) {
    end_file(s);
    g_snprintf(s->reason, sizeof s->reason, "%s", reading.message);
    return fail_file(s, bytes_of(&s->file_id), s->reason);
  }
  const bool alone = s->first && s->maybe_mbox && mbox_at_end(&s->mbox);
  s->first = false;
  bool pass = false;
  status = pass_message(s, &message, alone, &pass, err);
  if (status != SDX_OK || pass) return status != SDX_OK ? status : SDX_NOT_FOUND;
  begin_draft(s, SDX_MESSAGE, message.date != 0 ? message.date : s->fallback);
  s->draft.stamp = s->stamp;
  if (ask(s, FILE_MESSAGE, "", message.bytes, message.size) != WORKER_ITEM)
    return fail(s, bytes_of(&s->file_id), s->draft.reason);
  if (message.too_long)
    draft_set_partial(&s->draft, "only the beginning of it is in memory at once");
  mbox_add_flags(&s->draft, message.bytes, message.size);
  const buffer *folder = alone ? &s->folder : &s->stem;
  draft_add_folder(&s->draft, folder->data, folder->size);
  if (alone) return give_message(s, bytes_of(&s->file_id), folder, err);
  const sdx_bytes key = draft_field(&s->draft, "message-id");
  status = name_within(s, &s->file_id, key, message.bytes, message.size, err);
  return status == SDX_OK ? give_message(s, bytes_of(&s->id), folder, err) : status;
}

/* A line has no id of its own where none can be read: its file's and its number stand for it. */
static void name_line(sdx_source *s) {
  char number[32];
  const int size = g_snprintf(number, sizeof number, "%c%llu", s->fd_borrowed ? ' ' : ':',
                              (unsigned long long)s->lines.line);
  buffer_reset(&s->id);
  buffer_put(&s->id, s->file_id.data, s->file_id.size);
  buffer_put(&s->id, number, (size_t)size);
}

/* True where the line is another reader's. Lines of one id begin alike, as a rule. */
static bool pass_line(sdx_source *s, const jsonl_line *line) {
  if (s->share.lanes == 0) return false;
  const char *comma = memchr(line->bytes, ',', line->size);
  const size_t size = comma != NULL ? (size_t)(comma - line->bytes) : line->size;
  if (s->split && share_hash(0, line->bytes, size) % s->share.lanes != s->share.lane) return true;
  s->origin = share_hash(s->file_origin, &s->lines.offset, sizeof s->lines.offset);
  s->origin = share_hash(s->origin, line->bytes, line->size);
  s->taken += line->size;
  return false;
}

static sdx_status next_in_lines(sdx_source *s, sdx_error *err) {
  jsonl_line line;
  sdx_error reading = { 0 };
  const sdx_status status = jsonl_next(&s->lines, &line, &reading);
  if (status == SDX_NOT_FOUND) {
    end_file(s);
    return SDX_NOT_FOUND;
  }
  if (status == SDX_NO_MEMORY) return error_memory(err);
  if (status != SDX_OK) {
    end_file(s);
    g_snprintf(s->reason, sizeof s->reason, "%s", reading.message);
    return fail_file(s, bytes_of(&s->file_id), s->reason);
  }
  if (pass_line(s, &line)) return SDX_NOT_FOUND;
  begin_draft(s, SDX_MESSAGE, 0);
  const bool read = !line.too_long && jsonl_extract(line.bytes, line.size, &s->draft);
  if (s->draft.failed) return error_memory(err);
  buffer_reset(&s->id);
  if (s->draft.id.size > 0)
    buffer_put(&s->id, s->draft.text.data + s->draft.id.at, s->draft.id.size);
  else
    name_line(s);
  if (s->id.failed) return error_memory(err);
  if (line.too_long) return fail(s, bytes_of(&s->id), "the line is longer than 64 MiB");
  if (!read) return fail(s, bytes_of(&s->id), s->draft.reason);
  if (s->share.lanes == 0 || s->share.done == NULL || !s->share.done(s->share.context, s->origin))
    return give_item(s, bytes_of(&s->id), err);
  return id_set_add(&s->ids, s->id.data, s->id.size) == UINT64_MAX ? error_memory(err) : SDX_NOT_FOUND;
}

/* ---------------------------------------------------------------- files */

/* Reads on into s->bytes until it holds `limit` bytes or the file ends; sets *number to errno. */
static sdx_status read_up_to(sdx_source *s, int fd, uint64_t limit, int *number) {
  *number = 0;
  while (s->bytes.size < limit) {
    if (s->bytes.size == s->bytes.capacity && !buffer_reserve(&s->bytes, 65536))
      return SDX_NO_MEMORY;
    const ssize_t n = read(fd, s->bytes.data + s->bytes.size, s->bytes.capacity - s->bytes.size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) *number = errno;
    if (n <= 0) break;
    s->bytes.size += (size_t)n;
  }
  return SDX_OK;
}

static void recycle_bytes(sdx_source *s) {
  if (s->bytes.capacity > BYTES_KEEP || s->bytes.failed)
    buffer_free(&s->bytes);
  else
    buffer_reset(&s->bytes);
}

/* The file holds several items: next_in_mbox or next_in_lines goes on with it. Takes the fd. */
static bool begin_file(sdx_source *s, const walk_entry *file, file_type type, int fd) {
  buffer_reset(&s->file_id);
  buffer_reset(&s->folder);
  buffer_reset(&s->stem);
  buffer_put(&s->file_id, file->id.data, file->id.size);
  buffer_put(&s->folder, file->folder.data, file->folder.size);
  s->file_size = file->size;
  s->fallback = 0;
  s->stamp = file->modified;
  s->first = true;
  s->maybe_mbox = type == FILE_MAYBE_MBOX;
  if (type == FILE_LINES) {
    begin_lines(s, fd, false);
  } else {
    const sdx_bytes stem = naming_stem(file->id.data, file->id.size);
    buffer_put(&s->stem, stem.data, stem.size);
    s->reading = READING_MBOX;
    s->fd = fd;
    s->fd_borrowed = false;
    mbox_open(&s->mbox, fd);
  }
  return !s->file_id.failed && !s->folder.failed && !s->stem.failed;
}

/* The items of a calendar or of a set of cards: next_in_reply goes on with them. */
static sdx_status begin_reply(sdx_source *s, const walk_entry *file, sdx_error *err) {
  buffer_reset(&s->file_id);
  buffer_reset(&s->folder);
  buffer_put(&s->file_id, file->id.data, file->id.size);
  buffer_put(&s->folder, file->folder.data, file->folder.size);
  s->file_size = file->size;
  s->reading = READING_REPLY;
  return s->file_id.failed || s->folder.failed ? error_memory(err) : SDX_OK;
}

/* The item in s->draft, one of several of a file. */
static sdx_status give_of_reply(sdx_source *s, sdx_error *err) {
  draft_add_folder(&s->draft, s->folder.data, s->folder.size);
  const sdx_status status = name_of_reply(s, &s->file_id, err);
  return status == SDX_OK ? give_item(s, bytes_of(&s->id), err) : status;
}

static sdx_status next_in_reply(sdx_source *s, sdx_error *err) {
  const worker_answer answer = worker_next(&s->worker, &s->draft);
  if (answer == WORKER_ITEM) return give_of_reply(s, err);
  end_file(s);
  if (answer == WORKER_END) return SDX_NOT_FOUND;
  return fail(s, bytes_of(&s->file_id), s->worker.reason);
}

static void add_filename(sdx_source *s, const walk_entry *file) {
  buffer_reset(&s->id);
  naming_put_escaped(&s->id, file->name, strlen(file->name));
  draft_add_field(&s->draft, "filename", s->id.data, s->id.size);
}

/* A document of which nothing but its name is known, and why. */
static sdx_status give_name(sdx_source *s, const walk_entry *file, const char *reason,
                            sdx_error *err) {
  begin_draft(s, SDX_DOCUMENT, file->modified);
  s->draft.date = file->modified;
  s->draft.size = file->size;
  draft_set_partial(&s->draft, reason);
  add_filename(s, file);
  draft_add_folder(&s->draft, file->folder.data, file->folder.size);
  return give_item(s, file->id, err);
}

/* A file whose bytes have been read. */
static sdx_status give_file(sdx_source *s, const walk_entry *file, file_type type, sdx_error *err) {
  const size_t name_size = strlen(file->name);
  const bool of_several = type == FILE_CALENDAR || type == FILE_CONTACT;
  int64_t fallback = 0;
  if (file->maildir) fallback = naming_maildir_date(file->name, name_size);
  if (type != FILE_MESSAGE) fallback = file->modified;
  begin_draft(s, SDX_MESSAGE, fallback);
  s->draft.stamp = file->modified;
  const worker_answer answer = ask(s, type, file->name, s->bytes.data, s->bytes.size);
  if (answer == WORKER_LOST && type != FILE_MESSAGE && !of_several)
    return give_name(s, file, s->draft.reason, err);
  if (answer != WORKER_ITEM) return fail(s, file->id, s->draft.reason);
  if (of_several && s->draft.id.size > 0) {
    const sdx_status status = begin_reply(s, file, err);
    return status == SDX_OK ? give_of_reply(s, err) : status;
  }
  if (file->maildir) naming_add_flags(&s->draft, file->name, name_size);
  if (type != FILE_MESSAGE && !of_several) add_filename(s, file);
  draft_add_folder(&s->draft, file->folder.data, file->folder.size);
  if (type == FILE_MESSAGE) {
    buffer_reset(&s->folder);
    buffer_put(&s->folder, file->folder.data, file->folder.size);
    return give_message(s, file->id, &s->folder, err);
  }
  worker_end_reply(&s->worker);
  return give_item(s, file->id, err);
}

static sdx_status give_unknown(sdx_source *s, const walk_entry *file, bool empty) {
  const char *reason = empty ? "it is empty" : "it is of no supported type";
  return give(s, file->named ? SDX_ENTRY_FAILED : SDX_ENTRY_SKIPPED, file->id, reason);
}

/* Reads as much of the file as tells its type. */
static sdx_status read_sample(sdx_source *s, int fd, uint64_t size, int *number) {
  recycle_bytes(s);
  const size_t step = size < FILE_TYPE_SAMPLE ? (size_t)size + 1 : FILE_TYPE_SAMPLE;
  if (!buffer_reserve(&s->bytes, step)) return SDX_NO_MEMORY;
  return read_up_to(s, fd, FILE_TYPE_SAMPLE, number);
}

static sdx_status read_rest(sdx_source *s, int fd, uint64_t size, int *number) {
  if (size > s->bytes.size && size < FILE_MAX &&
      !buffer_reserve(&s->bytes, (size_t)size + 1 - s->bytes.size))
    return SDX_NO_MEMORY;
  const sdx_status status = read_up_to(s, fd, FILE_MAX, number);
  if (s->bytes.size >= FILE_MAX) *number = EFBIG;
  return status;
}

static sdx_status open_file(sdx_source *s, const walk_entry *file, sdx_error *err) {
  int number = 0;
  struct stat st;
  sdx_status status = SDX_NOT_FOUND;
  int fd = open(file->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return fail_with(s, file->id, "it cannot be opened", errno);
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
    status = give_unknown(s, file, false);
    goto out;
  }
  if (read_sample(s, fd, file->size, &number) != SDX_OK) goto no_memory;
  if (number != 0) goto unreadable;
  const file_type type =
      file->maildir ? FILE_MESSAGE : file_type_of(file->name, s->bytes.data, s->bytes.size);
  const bool several = type == FILE_MBOX || type == FILE_MAYBE_MBOX || type == FILE_LINES;
  if (s->split && !several) { /* it is divided by nothing */
    if (!is_ours(s, s->file_origin)) goto out;
    s->taken += file->size;
  }
  if (s->share.lanes > 0 && !s->split && several) s->taken -= file->size; /* counted by its units */
  if (type == FILE_UNKNOWN) {
    status = give_unknown(s, file, s->bytes.size == 0);
    goto out;
  }
  if (type == FILE_MBOX || type == FILE_MAYBE_MBOX || type == FILE_LINES) {
    if (lseek(fd, 0, SEEK_SET) != 0) number = errno;
    if (number != 0) goto unreadable;
    if (!begin_file(s, file, type, fd)) status = error_memory(err);
    fd = -1;
    goto out;
  }
  if (read_rest(s, fd, file->size, &number) != SDX_OK) goto no_memory;
  if (number == EFBIG && type != FILE_MESSAGE) {
    status = give_name(s, file, "it is larger than is read", err);
    goto out;
  }
  if (number != 0) goto unreadable;
  status = give_file(s, file, type, err);
  goto out;
unreadable:
  status = fail_with(s, file->id, "it cannot be read", number);
  goto out;
no_memory:
  status = fail(s, file->id, "there is not enough memory to read it");
out:
  if (fd >= 0) (void)close(fd);
  return status;
}

/* Sets *pass where the file is another reader's, or done. What of it may be divided is opened by all. */
static sdx_status pass_file(sdx_source *s, const walk_entry *file, bool *pass, sdx_error *err) {
  const uint64_t numbers[2] = { file->size, (uint64_t)file->modified };
  const uint64_t name = share_hash(0, file->id.data, file->id.size);
  s->split = s->share.lanes > 1 && file->state == WALK_FILE && !file->maildir &&
             file->size >= SHARE_SPLIT_MIN;
  s->file_origin = name;
  *pass = !s->split && !is_ours(s, name);
  if (*pass) return SDX_OK;
  s->origin = share_hash(share_hash(name, file->name, strlen(file->name)), numbers, sizeof numbers);
  const bool ours = is_ours(s, name);
  if (ours && !s->split) s->taken += file->size;
  if (!ours || s->share.done == NULL || !s->share.done(s->share.context, s->origin)) return SDX_OK;
  *pass = true;
  if (s->split) s->taken += file->size;
  return id_set_add(&s->ids, file->id.data, file->id.size) == UINT64_MAX ? error_memory(err) : SDX_OK;
}

/* The next file of the walk; SDX_NOT_FOUND where it gives nothing by itself. */
static sdx_status next_file(sdx_source *s, sdx_error *err) {
  walk_entry file;
  const sdx_status status = walk_next(&s->walk, &file, err);
  if (status == SDX_NOT_FOUND) {
    walk_close(&s->walk);
    s->walking = false;
  }
  if (status != SDX_OK) return status;
  sdx_status given = SDX_OK;
  if (s->share.lanes > 0) {
    bool pass = false;
    given = pass_file(s, &file, &pass, err);
    if (given != SDX_OK || pass) return given != SDX_OK ? given : SDX_NOT_FOUND;
  }
  if (file.state == WALK_FAILED)
    given = fail_with(s, file.id, "it cannot be reached", file.error);
  else if (file.state == WALK_SKIPPED)
    given = give_unknown(s, &file, false);
  else
    given = open_file(s, &file, err);
  if (s->reading == READING_NOTHING) {
    s->done += file.size;
    if (s->share.lanes == 0) s->entry.bytes_done = s->done;
  }
  return given;
}

/* ---------------------------------------------------------------- a host's own store */

/* What the original says of itself, copied: the call's memory is good until another reader's call. */
static sdx_status copy_original(sdx_source *s, const sdx_original *o, sdx_error *err) {
  const sdx_item about = { .id = o->id, .folders = o->folders, .folder_count = o->folder_count,
                           .flags = o->flags, .flag_count = o->flag_count, .labels = o->labels,
                           .label_count = o->label_count, .date = o->date };
  const sdx_bytes id = o->item != NULL ? o->item->id : o->id;
  s->origin = share_hash(0, id.data, id.size);
  s->origin = o->stamp != 0 ? share_hash(s->origin, &o->stamp, sizeof o->stamp)
                            : share_hash(s->origin, o->bytes.data, o->bytes.size);
  recycle_bytes(s);
  buffer_reset(&s->stem);
  buffer_put(&s->bytes, o->bytes.data, o->bytes.size);
  buffer_put(&s->stem, o->name, o->name != NULL ? strlen(o->name) + 1 : 0);
  if (o->name == NULL) buffer_put_u8(&s->stem, 0);
  if (s->bytes.failed || s->stem.failed || !item_copy_set(&s->copy, o->item != NULL ? o->item : &about))
    return error_memory(err);
  if (o->item != NULL && o->stamp == 0) /* its content says whether it is another */
    s->origin = share_hash(s->origin, s->copy.bytes.data, s->copy.bytes.size);
  return SDX_OK;
}

static sdx_status call_own(sdx_source *s, bool *ready, sdx_error *err) {
  own_calls *own = s->own;
  sdx_original o = { .id = { NULL, 0 } };
  pthread_mutex_lock(&own->lock);
  sdx_status status = own->ended ? SDX_NOT_FOUND : SDX_OK;
  if (status == SDX_OK && !own->begun && own->calls.begin != NULL)
    status = own->calls.begin(own->calls.context, err);
  own->begun = true;
  if (status == SDX_OK) status = own->calls.next(own->calls.context, &o, err);
  if (status == SDX_NOT_FOUND) own->ended = true;
  if (status == SDX_OK) status = copy_original(s, &o, err);
  pthread_mutex_unlock(&own->lock);
  *ready = o.item != NULL;
  return status;
}

/* As give_item, of an item that is ready. */
static sdx_status give_ready(sdx_source *s, sdx_error *err) {
  const sdx_bytes id = s->copy.item.id;
  const uint64_t met = id_set_add(&s->ids, id.data, id.size);
  if (met == UINT64_MAX) return error_memory(err);
  (void)give(s, met > 0 ? SDX_ENTRY_FAILED : SDX_ENTRY_ITEM, id,
             met > 0 ? "its id was met before in this run" : NULL);
  s->entry.repeated = met > 0;
  s->entry.item = met > 0 ? NULL : &s->copy.item;
  return SDX_OK;
}

static void add_attributes(sdx_source *s) {
  const sdx_item *about = &s->copy.item;
  for (size_t i = 0; i < about->folder_count; i++)
    draft_add_folder(&s->draft, about->folders[i].data, about->folders[i].size);
  for (size_t i = 0; i < about->flag_count; i++)
    draft_add_flag(&s->draft, about->flags[i].data, about->flags[i].size);
  for (size_t i = 0; i < about->label_count; i++)
    draft_add_label(&s->draft, about->labels[i].data, about->labels[i].size);
}

/* The original as if it were a file of its name in the folder that it is in. */
static sdx_status give_original(sdx_source *s, sdx_error *err) {
  const sdx_item *about = &s->copy.item;
  const char *name = (const char *)s->stem.data;
  const bool in_folder = about->folder_count > 0;
  walk_entry file = { .state = WALK_FILE, .name = name, .id = about->id, .named = true,
                      .folder = in_folder ? about->folders[0] : (sdx_bytes){ NULL, 0 },
                      .size = s->bytes.size, .modified = about->date };
  const file_type type = file_type_of(name, s->bytes.data, s->bytes.size);
  if (s->bytes.size >= FILE_MAX) return fail(s, about->id, "it is larger than is read");
  if (type == FILE_UNKNOWN) return give_unknown(s, &file, s->bytes.size == 0);
  if (type == FILE_MBOX || type == FILE_LINES)
    return fail(s, about->id, "it holds several originals: give each by itself");
  const sdx_status status =
      give_file(s, &file, type == FILE_MAYBE_MBOX ? FILE_MESSAGE : type, err);
  if (status != SDX_OK || s->entry.item == NULL) return status;
  add_attributes(s);
  if (type == FILE_MESSAGE && about->date != 0) s->draft.date = about->date;
  s->entry.item = draft_item(&s->draft);
  return s->entry.item != NULL ? SDX_OK : error_memory(err);
}

static sdx_status next_own(sdx_source *s, bool *ended, sdx_error *err) {
  bool ready = false;
  sdx_status status = call_own(s, &ready, err);
  *ended = status != SDX_OK;
  if (status != SDX_OK) return status;
  s->taken += s->bytes.size + (ready ? s->copy.bytes.size : 0);
  s->done = s->taken;
  if (s->share.done != NULL && s->share.done(s->share.context, s->origin)) {
    const sdx_bytes id = s->copy.item.id;
    return id_set_add(&s->ids, id.data, id.size) == UINT64_MAX ? error_memory(err) : SDX_NOT_FOUND;
  }
  status = ready ? give_ready(s, err) : give_original(s, err);
  return status;
}

sdx_status sdx_source_own(sdx_source **out, const sdx_source_calls *calls, sdx_error *err) {
  *out = NULL;
  if (calls == NULL || calls->version != 1 || calls->next == NULL)
    return error_set(err, SDX_INVALID, "a source of one's own needs calls of version 1");
  sdx_status status = sdx_source_open(out, NULL, 0, NULL, err);
  if (status != SDX_OK) return status;
  own_calls *own = calloc(1, sizeof *own);
  if (own == NULL) {
    sdx_source_close(*out);
    *out = NULL;
    return error_memory(err);
  }
  own->calls = *calls;
  pthread_mutex_init(&own->lock, NULL);
  (*out)->own = own;
  (*out)->reading = READING_OWN;
  (*out)->total = calls->bytes_total;
  return SDX_OK;
}

sdx_status sdx_source_next(sdx_source *s, const sdx_entry **out, sdx_error *err) {
  bool ended = false;
  *out = NULL;
  for (;;) {
    sdx_status status;
    if (s->inviting) {
      status = next_invitation(s, err);
    } else if (s->reading == READING_OWN) {
      status = next_own(s, &ended, err);
      if (ended) return status;
    } else if (s->reading == READING_MBOX) {
      status = next_in_mbox(s, err);
    } else if (s->reading == READING_LINES) {
      status = next_in_lines(s, err);
    } else if (s->reading == READING_REPLY) {
      status = next_in_reply(s, err);
    } else if (s->walking) {
      status = next_file(s, err);
    } else if (s->path < s->path_count) {
      status = walk_open(&s->walk, s->paths[s->path], err);
      if (status != SDX_OK) return status;
      s->path++;
      s->walking = true;
      continue;
    } else {
      return SDX_NOT_FOUND;
    }
    if (status == SDX_NOT_FOUND) continue;
    if (status == SDX_OK) *out = &s->entry;
    return status;
  }
}

/* ---------------------------------------------------------------- shares */

/* Lines from a descriptor: each reader reads the file anew; of what cannot be, the first reads all. */
static sdx_status share_lines(sdx_source *s, const sdx_source *whole, sdx_error *err) {
  struct stat st;
  char path[32];
  buffer_put(&s->file_id, whole->file_id.data, whole->file_id.size);
  if (s->file_id.failed) return error_memory(err);
  if (fstat(whole->fd, &st) == 0 && S_ISREG(st.st_mode)) {
    g_snprintf(path, sizeof path, "/proc/self/fd/%d", whole->fd);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error_system(err, errno, "cannot open the lines again");
    begin_lines(s, fd, true);
    s->fd_owned = true;
    s->split = s->share.lanes > 1;
    s->total = (uint64_t)st.st_size;
  } else if (s->share.lane == 0) {
    begin_lines(s, whole->fd, true);
  }
  s->file_origin = 1;
  return SDX_OK;
}

sdx_status source_share_open(sdx_source **out, const sdx_source *whole, const source_share *share,
                             sdx_error *err) {
  *out = NULL;
  sdx_source *s = calloc(1, sizeof *s);
  if (s == NULL) return error_memory(err);
  s->fd = -1;
  s->worker = (worker)WORKER_INIT;
  s->now = whole->now;
  s->invitations = whole->invitations;
  s->share = *share;
  s->total = whole->total;
  const char *const *paths = (const char *const *)(void *)whole->paths;
  sdx_status status = copy_paths(s, paths, whole->path_count, err);
  if (whole->own != NULL) {
    s->own = whole->own;
    s->own_borrowed = true;
    s->reading = READING_OWN;
  }
  if (status == SDX_OK && whole->reading == READING_LINES) status = share_lines(s, whole, err);
  if (status == SDX_OK) *out = s;
  else sdx_source_close(s);
  return status;
}

sdx_status source_again(sdx_source *s, sdx_error *err) {
  struct stat st;
  if (s->own != NULL) {
    if (s->own->begun && s->own->calls.begin == NULL)
      return error_set(err, SDX_INVALID, "the source cannot be read again: it has no `begin`");
    s->own->begun = s->own->ended = false;
  } else if (s->reading == READING_LINES && (fstat(s->fd, &st) != 0 || !S_ISREG(st.st_mode))) {
    return error_set(err, SDX_INVALID, "lines from a pipe cannot be read again");
  }
  return SDX_OK;
}

uint64_t source_origin(const sdx_source *s) {
  return s->origin;
}

uint64_t source_total(const sdx_source *s) {
  return s->total;
}
