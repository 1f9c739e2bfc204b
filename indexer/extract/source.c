/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source.c - the public walk over sources: files found by walk.h (source_ahead.c), those of several items
 * (source_units.c, source_mbox.c), a host's own store (source_own.c), one item after another. What is in the
 * files is read by a worker (worker.h), small ones many at once; only where there is none here are messages
 * and text read in this process, and all else by its name.
 */
#include "indexer/extract/source_state.h"

#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

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

sdx_status sdx_source_open(sdx_source **out, const char *const *paths, size_t count,
                           const sdx_source_options *options, sdx_error *err) {
  if (out == NULL) return error_no_place(err);
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
    source_begin_lines(s, options->lines_fd, true);
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

void sdx_source_close(sdx_source *s) {
  if (s == NULL) return;
  source_end_file(s);
  if (s->walking) walk_close(&s->walk);
  for (size_t i = 0; s->paths != NULL && i < s->path_count; i++) free(s->paths[i]);
  free(s->paths);
  id_set_clear(&s->ids);
  buffer_free(&s->file_id);
  buffer_free(&s->folder);
  buffer_free(&s->stem);
  buffer_free(&s->ahead.text);
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

sdx_status sdx_source_next(sdx_source *s, const sdx_entry **out, sdx_error *err) {
  bool ended = false;
  if (out == NULL) return error_no_place(err);
  *out = NULL;
  for (;;) {
    sdx_status status;
    if (s->inviting) {
      status = source_next_invitation(s, err);
    } else if (s->reading == READING_OWN) {
      status = source_next_own(s, &ended, err);
      if (ended) return status;
    } else if (s->reading == READING_MBOX) {
      status = source_next_in_mbox(s, err);
    } else if (s->reading == READING_LINES) {
      status = source_next_in_lines(s, err);
    } else if (s->reading == READING_REPLY) {
      status = source_next_in_reply(s, err);
    } else if (s->walking) {
      status = source_next_file(s, err);
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
    source_begin_lines(s, fd, true);
    s->fd_owned = true;
    s->split = s->share.lanes > 1;
    s->total = (uint64_t)st.st_size;
  } else if (s->share.lane == 0) {
    source_begin_lines(s, whole->fd, true);
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
