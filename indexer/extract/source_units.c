/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of several items, one after another: all but the messages of an mbox (source_mbox.c). */
#include "indexer/extract/source_state.h"

#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "indexer/extract/naming.h"

void source_begin_lines(sdx_source *s, int fd, bool borrowed) {
  s->reading = READING_LINES;
  s->fd = fd;
  s->fd_borrowed = borrowed;
  jsonl_open(&s->lines, fd);
}

bool source_begin_units(sdx_source *s, const walk_entry *file, file_type type, int fd) {
  buffer_reset(&s->file_id);
  buffer_reset(&s->folder);
  buffer_reset(&s->stem);
  buffer_put(&s->file_id, file->id.data, file->id.size);
  buffer_put(&s->folder, file->folder.data, file->folder.size);
  s->file_size = file->size;
  s->fallback = 0;
  s->stamp = file->modified;
  s->maybe_mbox = type == FILE_MAYBE_MBOX;
  if (type == FILE_LINES) {
    source_begin_lines(s, fd, false);
  } else {
    const sdx_bytes stem = naming_stem(file->id.data, file->id.size);
    buffer_put(&s->stem, stem.data, stem.size);
    s->reading = READING_MBOX;
    s->fd = fd;
    s->fd_borrowed = false;
    source_begin_mbox(s, fd);
  }
  return !s->file_id.failed && !s->folder.failed && !s->stem.failed;
}

void source_end_file(sdx_source *s) {
  if (s->reading == READING_MBOX) mbox_close(&s->mbox);
  if (s->reading == READING_LINES) jsonl_close(&s->lines);
  if (s->fd >= 0 && (!s->fd_borrowed || s->fd_owned)) (void)close(s->fd);
  s->reading = s->own != NULL ? READING_OWN : READING_NOTHING;
  s->fd = -1;
  s->done += s->file_size;
  s->file_size = 0;
  id_set_clear(&s->keys);
}

sdx_status source_leave_file(sdx_source *s, sdx_status status, const sdx_error *reading, sdx_error *err) {
  if (status == SDX_NO_MEMORY) return error_memory(err);
  source_end_file(s);
  g_snprintf(s->reason, sizeof s->reason, "%s", reading->message);
  return source_fail_file(s, source_bytes_of(&s->file_id), s->reason);
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

sdx_status source_next_in_lines(sdx_source *s, sdx_error *err) {
  jsonl_line line;
  sdx_error reading = { 0 };
  const sdx_status status = jsonl_next(&s->lines, &line, &reading);
  if (status == SDX_NOT_FOUND) {
    source_end_file(s);
    return SDX_NOT_FOUND;
  }
  if (status != SDX_OK) return source_leave_file(s, status, &reading, err);
  if (pass_line(s, &line)) return SDX_NOT_FOUND;
  source_begin_draft(s, SDX_MESSAGE, 0);
  const bool read = !line.too_long && jsonl_extract(line.bytes, line.size, &s->draft);
  if (s->draft.failed) return error_memory(err);
  buffer_reset(&s->id);
  if (s->draft.id.size > 0)
    buffer_put(&s->id, s->draft.text.data + s->draft.id.at, s->draft.id.size);
  else
    name_line(s);
  if (s->id.failed) return error_memory(err);
  if (line.too_long) return source_fail(s, source_bytes_of(&s->id), "the line is longer than 64 MiB");
  if (!read) return source_fail(s, source_bytes_of(&s->id), s->draft.reason);
  if (s->share.lanes == 0 || s->share.done == NULL || !s->share.done(s->share.context, s->origin))
    return source_give_item(s, source_bytes_of(&s->id), err);
  return id_set_add(&s->ids, s->id.data, s->id.size) == UINT64_MAX ? error_memory(err) : SDX_NOT_FOUND;
}

/* The items of a calendar or of a set of cards: next_in_reply goes on with them. */
sdx_status source_begin_reply(sdx_source *s, const walk_entry *file, sdx_error *err) {
  buffer_reset(&s->file_id);
  buffer_reset(&s->folder);
  buffer_put(&s->file_id, file->id.data, file->id.size);
  buffer_put(&s->folder, file->folder.data, file->folder.size);
  s->file_size = file->size;
  s->reading = READING_REPLY;
  return s->file_id.failed || s->folder.failed ? error_memory(err) : SDX_OK;
}

/* The item in s->draft, one of several of a file. */
sdx_status source_give_of_reply(sdx_source *s, sdx_error *err) {
  draft_add_folder(&s->draft, s->folder.data, s->folder.size);
  const sdx_status status = source_name_of_reply(s, &s->file_id, err);
  return status == SDX_OK ? source_give_item(s, source_bytes_of(&s->id), err) : status;
}

sdx_status source_next_in_reply(sdx_source *s, sdx_error *err) {
  const worker_answer answer = worker_next(&s->worker, &s->draft);
  if (answer == WORKER_ITEM) return source_give_of_reply(s, err);
  source_end_file(s);
  if (answer == WORKER_END) return SDX_NOT_FOUND;
  return source_fail(s, source_bytes_of(&s->file_id), s->worker.reason);
}
