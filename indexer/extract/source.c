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
#include "indexer/extract/jsonl.h"
#include "indexer/extract/mbox.h"
#include "indexer/extract/message.h"
#include "indexer/extract/naming.h"
#include "indexer/extract/walk.h"
#include "indexer/extract/worker.h"

#define FILE_MAX WIRE_INPUT_MAX /* a single message or document that is longer fails */
#define KEY_MAX 160             /* bytes of a key in an id; a digest stands for longer ones */
#define BYTES_KEEP ((size_t)4 << 20)

/* What items are being taken from. */
enum reading { READING_NOTHING, READING_MBOX, READING_LINES, READING_REPLY };

struct sdx_source {
  char **paths;
  size_t path_count;
  size_t path; /* the one that is walked, or walked next */
  walk walk;
  bool walking;

  enum reading reading;
  int fd; /* of the file that holds several items, or -1 */
  bool fd_borrowed;
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
  s->now = (int64_t)time(NULL);
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
  if (s->fd >= 0 && !s->fd_borrowed) (void)close(s->fd);
  s->reading = READING_NOTHING;
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
                          .bytes_done = s->done + inside,
                          .bytes_total = s->total };
  return SDX_OK;
}

static sdx_status fail(sdx_source *s, sdx_bytes id, const char *reason) {
  return give(s, SDX_ENTRY_FAILED, id, reason);
}

static sdx_status fail_with(sdx_source *s, sdx_bytes id, const char *what, int number) {
  g_snprintf(s->reason, sizeof s->reason, "%s: %s", what, g_strerror(number));
  return fail(s, id, s->reason);
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
    if (s->reading == READING_NOTHING) id_set_clear(&s->keys);
    return SDX_NOT_FOUND;
  }
  draft_add_folder(&s->draft, s->folder.data, s->folder.size);
  const sdx_status status = name_of_reply(s, &s->owner, err);
  return status == SDX_OK ? give_item(s, bytes_of(&s->id), err) : status;
}

static sdx_status next_in_mbox(sdx_source *s, sdx_error *err) {
  mbox_message message;
  sdx_error reading = { 0 };
  sdx_status status = mbox_next(&s->mbox, &message, &reading);
  if (status == SDX_NOT_FOUND) {
    const bool empty = s->first;
    end_file(s);
    if (empty) return fail(s, bytes_of(&s->file_id), "it holds no message");
    return SDX_NOT_FOUND;
  }
  if (status == SDX_NO_MEMORY) return error_memory(err);
  if (status != SDX_OK) {
    end_file(s);
    g_snprintf(s->reason, sizeof s->reason, "%s", reading.message);
    return fail(s, bytes_of(&s->file_id), s->reason);
  }
  const bool alone = s->first && s->maybe_mbox && mbox_at_end(&s->mbox);
  s->first = false;
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
    return fail(s, bytes_of(&s->file_id), s->reason);
  }
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
  return give_item(s, bytes_of(&s->id), err);
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
  if (file.state == WALK_FAILED)
    given = fail_with(s, file.id, "it cannot be reached", file.error);
  else if (file.state == WALK_SKIPPED)
    given = give_unknown(s, &file, false);
  else
    given = open_file(s, &file, err);
  if (s->reading == READING_NOTHING) {
    s->done += file.size;
    s->entry.bytes_done = s->done;
  }
  return given;
}

sdx_status sdx_source_next(sdx_source *s, const sdx_entry **out, sdx_error *err) {
  *out = NULL;
  for (;;) {
    sdx_status status;
    if (s->inviting) {
      status = next_invitation(s, err);
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
