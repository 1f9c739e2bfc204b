/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that a walk finds, told apart by file_type.h. They are read into memory, not mapped: a mapped file
 * that its mail program truncates meanwhile would raise SIGBUS in the host's process.
 */
#include "indexer/extract/source_state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "indexer/extract/naming.h"

#define BYTES_KEEP ((size_t)4 << 20)

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

void source_recycle_bytes(sdx_source *s) {
  if (s->bytes.capacity > BYTES_KEEP || s->bytes.failed)
    buffer_free(&s->bytes);
  else
    buffer_reset(&s->bytes);
}

static void add_filename(sdx_source *s, const walk_entry *file) {
  buffer_reset(&s->id);
  naming_put_escaped(&s->id, file->name, strlen(file->name));
  draft_add_field(&s->draft, "filename", s->id.data, s->id.size);
}

/* A document of which nothing but its name is known, and why. */
static sdx_status give_name(sdx_source *s, const walk_entry *file, const char *reason,
                            sdx_error *err) {
  source_begin_draft(s, SDX_DOCUMENT, file->modified);
  s->draft.date = file->modified;
  s->draft.size = file->size;
  draft_set_partial(&s->draft, reason);
  add_filename(s, file);
  draft_add_folder(&s->draft, file->folder.data, file->folder.size);
  return source_give_item(s, file->id, err);
}

int64_t source_fallback(const walk_entry *file, file_type type) {
  if (type != FILE_MESSAGE) return file->modified;
  return file->maildir ? naming_maildir_date(file->name, strlen(file->name)) : 0;
}

sdx_status source_give_file(sdx_source *s, const walk_entry *file, file_type type, bool asked, sdx_error *err) {
  const size_t name_size = strlen(file->name);
  const bool of_several = type == FILE_CALENDAR || type == FILE_CONTACT;
  source_begin_draft(s, SDX_MESSAGE, source_fallback(file, type));
  s->draft.stamp = file->modified;
  const sdx_bytes bytes = asked ? worker_bytes(&s->worker) : source_bytes_of(&s->bytes);
  const worker_answer answer = asked ? source_answer(s, type, bytes.data, bytes.size)
                                     : source_ask(s, type, bytes.data, bytes.size);
  if (answer == WORKER_LOST && type != FILE_MESSAGE && !of_several)
    return give_name(s, file, s->draft.reason, err);
  if (answer != WORKER_ITEM) return source_fail(s, file->id, s->draft.reason);
  if (of_several && s->draft.id.size > 0) {
    const sdx_status status = source_begin_reply(s, file, err);
    return status == SDX_OK ? source_give_of_reply(s, err) : status;
  }
  if (file->maildir) naming_add_flags(&s->draft, file->name, name_size);
  if (type != FILE_MESSAGE && !of_several) add_filename(s, file);
  draft_add_folder(&s->draft, file->folder.data, file->folder.size);
  if (type == FILE_MESSAGE) {
    buffer_reset(&s->folder);
    buffer_put(&s->folder, file->folder.data, file->folder.size);
    return source_give_message(s, file->id, &s->folder, err);
  }
  worker_end_reply(&s->worker);
  return source_give_item(s, file->id, err);
}

sdx_status source_give_unknown(sdx_source *s, const walk_entry *file, bool empty) {
  const char *reason = empty ? "it is empty" : "it is of no supported type";
  return source_give(s, file->named ? SDX_ENTRY_FAILED : SDX_ENTRY_SKIPPED, file->id, reason);
}

/* Reads as much of the file as tells its type. */
static sdx_status read_sample(sdx_source *s, int fd, uint64_t size, int *number) {
  source_recycle_bytes(s);
  const size_t step = size < FILE_TYPE_SAMPLE ? (size_t)size + 1 : FILE_TYPE_SAMPLE;
  if (!buffer_reserve(&s->bytes, step)) return SDX_NO_MEMORY;
  return read_up_to(s, fd, FILE_TYPE_SAMPLE, number);
}

static sdx_status read_rest(sdx_source *s, int fd, uint64_t size, int *number) {
  if (size > s->bytes.size && size < SOURCE_FILE_MAX &&
      !buffer_reserve(&s->bytes, (size_t)size + 1 - s->bytes.size))
    return SDX_NO_MEMORY;
  const sdx_status status = read_up_to(s, fd, SOURCE_FILE_MAX, number);
  if (s->bytes.size >= SOURCE_FILE_MAX) *number = EFBIG;
  return status;
}

sdx_status source_open_file(sdx_source *s, const walk_entry *file, sdx_error *err) {
  int number = 0;
  struct stat st;
  sdx_status status = SDX_NOT_FOUND;
  int fd = open(file->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return source_fail_with(s, file->id, "it cannot be opened", errno);
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
    status = source_give_unknown(s, file, false);
    goto out;
  }
  if (read_sample(s, fd, file->size, &number) != SDX_OK) goto no_memory;
  if (number != 0) goto unreadable;
  const file_type type =
      file->maildir ? FILE_MESSAGE : file_type_of(file->name, s->bytes.data, s->bytes.size);
  const bool several = type == FILE_MBOX || type == FILE_MAYBE_MBOX || type == FILE_LINES;
  if (s->split && !several) { /* it is divided by nothing */
    if (!source_is_ours(s, s->file_origin)) goto out;
    s->taken += file->size;
  }
  if (s->share.lanes > 0 && !s->split && several) s->taken -= file->size; /* counted by its units */
  if (type == FILE_UNKNOWN) {
    status = source_give_unknown(s, file, s->bytes.size == 0);
    goto out;
  }
  if (type == FILE_MBOX || type == FILE_MAYBE_MBOX || type == FILE_LINES) {
    if (lseek(fd, 0, SEEK_SET) != 0) number = errno;
    if (number != 0) goto unreadable;
    if (!source_begin_units(s, file, type, fd)) status = error_memory(err);
    fd = -1;
    goto out;
  }
  if (read_rest(s, fd, file->size, &number) != SDX_OK) goto no_memory;
  if (number == EFBIG && type != FILE_MESSAGE) {
    status = give_name(s, file, "it is larger than is read", err);
    goto out;
  }
  if (number != 0) goto unreadable;
  status = source_give_file(s, file, type, false, err);
  goto out;
unreadable:
  status = source_fail_with(s, file->id, "it cannot be read", number);
  goto out;
no_memory:
  status = source_fail(s, file->id, "there is not enough memory to read it");
out:
  if (fd >= 0) (void)close(fd);
  return status;
}
