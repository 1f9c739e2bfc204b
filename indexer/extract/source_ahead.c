/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of the walk ahead of their turn: small ones are read, and the worker is asked about all of them at
 * once. A file that is not small, or holds several items, is opened when its turn comes; it is the last one
 * ahead, so that the worker has answered all before.
 */
#include "indexer/extract/source_state.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

/* True where the file is this reader's, to be read or done. What of it may be divided is opened by all. */
static bool is_ours(sdx_source *s, const walk_entry *file) {
  const uint64_t numbers[2] = { file->size, (uint64_t)file->modified };
  const uint64_t name = share_hash(0, file->id.data, file->id.size);
  s->split = s->share.lanes > 1 && file->state == WALK_FILE && !file->maildir &&
             file->size >= SHARE_SPLIT_MIN;
  s->file_origin = name;
  if (!s->split && !source_is_ours(s, name)) return false;
  s->origin = share_hash(share_hash(name, file->name, strlen(file->name)), numbers, sizeof numbers);
  return true;
}

static bool is_done(const sdx_source *s) {
  return source_is_ours(s, s->file_origin) && s->share.done != NULL &&
         s->share.done(s->share.context, s->origin);
}

/* Reads a small file whole; false where it is none, or no more what the walk saw. */
static bool read_small(sdx_source *s, const walk_entry *file) {
  struct stat st;
  bool whole = false;
  if (file->state != WALK_FILE || s->split || file->size > SOURCE_SMALL) return false;
  const int fd = open(file->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return false;
  source_recycle_bytes(s);
  if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == file->size &&
      buffer_reserve(&s->bytes, (size_t)file->size + 1)) {
    const ssize_t n = read(fd, s->bytes.data, (size_t)file->size + 1);
    whole = n >= 0 && (uint64_t)n == file->size; /* nothing comes behind it */
    if (n > 0) s->bytes.size = (size_t)n;
  }
  (void)close(fd);
  return whole;
}

/* Asks the worker about the file, to be answered in its turn. Sets *more: others may be asked about. */
static void ask_ahead(sdx_source *s, file_ahead *a, const walk_entry *file, bool *more) {
  *more = file->state != WALK_FILE;
  if (s->worker.missing || !read_small(s, file)) return;
  a->type = file->maildir ? FILE_MESSAGE : file_type_of(file->name, s->bytes.data, s->bytes.size);
  *more = a->type == FILE_UNKNOWN;
  if (a->type == FILE_UNKNOWN || a->type == FILE_MBOX || a->type == FILE_MAYBE_MBOX || a->type == FILE_LINES)
    return;
  const int64_t fallback = source_fallback(file, a->type);
  const wire_request request = source_request(s, a->type, fallback, file->modified, s->bytes.size);
  a->asked = *more = worker_put(&s->worker, &request, s->bytes.data);
}

static size_t keep(buffer *text, const void *bytes, size_t size) {
  const size_t at = text->size;
  buffer_put(text, bytes, size);
  buffer_put_u8(text, 0);
  return at;
}

static bool take_up(sdx_source *s, const walk_entry *file) {
  buffer *text = &s->ahead.text;
  file_ahead *a = &s->ahead.files[s->ahead.count++];
  *a = (file_ahead){ .entry = *file,
                     .path_at = keep(text, file->path, strlen(file->path)),
                     .name_at = keep(text, file->name, strlen(file->name)),
                     .id_at = keep(text, file->id.data, file->id.size),
                     .folder_at = keep(text, file->folder.data, file->folder.size),
                     .done = s->share.lanes > 0 && is_done(s),
                     .split = s->split,
                     .file_origin = s->file_origin,
                     .origin = s->origin };
  bool more = true;
  if (!a->done) ask_ahead(s, a, file, &more);
  return more;
}

/* Takes up what comes next in the walk. */
static sdx_status look_ahead(sdx_source *s, sdx_error *err) {
  source_ahead *ahead = &s->ahead;
  bool more = true;
  buffer_reset(&ahead->text);
  ahead->count = ahead->next = 0;
  while (more && ahead->count < WORKER_BATCH_COUNT) {
    walk_entry file;
    ahead->status = walk_next(&s->walk, &file, &ahead->err);
    if (ahead->status != SDX_OK) break;
    if (s->share.lanes == 0 || is_ours(s, &file)) more = take_up(s, &file);
  }
  return ahead->text.failed ? error_memory(err) : SDX_OK;
}

/* A file that is done is not read, and has given its id all the same. */
static sdx_status pass_done(sdx_source *s, const walk_entry *file, sdx_error *err) {
  const uint64_t met = id_set_add(&s->ids, file->id.data, file->id.size);
  return met == UINT64_MAX ? error_memory(err) : SDX_NOT_FOUND;
}

/* The file whose turn it is. */
static sdx_status give_ahead(sdx_source *s, sdx_error *err) {
  file_ahead *a = &s->ahead.files[s->ahead.next++];
  const char *text = (const char *)s->ahead.text.data;
  walk_entry *file = &a->entry;
  file->path = text + a->path_at;
  file->name = text + a->name_at;
  file->id.data = text + a->id_at;
  file->folder.data = text + a->folder_at;
  s->split = a->split;
  s->file_origin = a->file_origin;
  s->origin = a->origin;
  if (s->share.lanes > 0 && (a->done || !s->split)) s->taken += file->size;
  if (a->done) return pass_done(s, file, err);
  if (file->state == WALK_FAILED) return source_fail_with(s, file->id, "it cannot be reached", file->error);
  if (file->state == WALK_SKIPPED) return source_give_unknown(s, file, false);
  if (!a->asked) return source_open_file(s, file, err);
  worker_turn(&s->worker);
  return source_give_file(s, file, a->type, true, err);
}

/* The end of the walk, or what is wrong with it, behind the last file. */
static sdx_status end_walk(sdx_source *s, sdx_error *err) {
  const sdx_status status = s->ahead.status;
  s->ahead.status = SDX_OK;
  if (status == SDX_NOT_FOUND) {
    walk_close(&s->walk);
    s->walking = false;
  } else if (err != NULL) {
    *err = s->ahead.err;
  }
  return status;
}

/* The next file of the walk; SDX_NOT_FOUND where it gives nothing by itself. */
sdx_status source_next_file(sdx_source *s, sdx_error *err) {
  source_ahead *ahead = &s->ahead;
  if (ahead->next == ahead->count && ahead->status == SDX_OK) {
    const sdx_status status = look_ahead(s, err);
    if (status != SDX_OK) return status;
  }
  if (ahead->next == ahead->count) return end_walk(s, err);
  const file_ahead *a = &ahead->files[ahead->next];
  const sdx_status given = give_ahead(s, err);
  if (s->reading == READING_NOTHING) {
    s->done += a->entry.size;
    if (s->share.lanes == 0) s->entry.bytes_done = s->done;
  }
  return given;
}
