/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/walk.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "indexer/extract/naming.h"

/* What a directory is, kept in its fts_number. */
enum place { PLACE_PLAIN = 0, PLACE_MAILDIR, PLACE_MESSAGES };

static int by_name(const FTSENT **a, const FTSENT **b) {
  return strcmp((*a)->fts_name, (*b)->fts_name);
}

sdx_status walk_open(walk *w, const char *path, sdx_error *err) {
  *w = (walk){ 0 };
  w->root = strdup(path);
  if (w->root == NULL) return error_memory(err);
  w->root_size = strlen(w->root);
  while (w->root_size > 1 && w->root[w->root_size - 1] == '/') w->root[--w->root_size] = '\0';
  char *const paths[] = { w->root, NULL };
  w->fts = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
  if (w->fts != NULL) return SDX_OK;
  const int number = errno;
  walk_close(w);
  return error_system(err, number, "a path cannot be walked");
}

void walk_close(walk *w) {
  if (w->fts != NULL) (void)fts_close(w->fts);
  free(w->root);
  buffer_free(&w->id);
  buffer_free(&w->folder);
  *w = (walk){ 0 };
}

static bool is_directory(const char *path, const char *name) {
  struct stat st;
  const int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool found = fstatat(fd, name, &st, 0) == 0 && S_ISDIR(st.st_mode);
  (void)close(fd);
  return found;
}

/* Copies lose empty directories: cur/ alone tells a Maildir, and new/ with tmp/. */
static bool is_maildir(const char *path) {
  return is_directory(path, "cur") || (is_directory(path, "new") && is_directory(path, "tmp"));
}

/* The entry's path relative to the argument. */
static sdx_bytes relative(const walk *w, const FTSENT *e) {
  size_t skip = w->root_size;
  if (e->fts_level == 0) return (sdx_bytes){ .data = e->fts_path + e->fts_pathlen, .size = 0 };
  while (e->fts_path[skip] == '/') skip++;
  return (sdx_bytes){ .data = e->fts_path + skip, .size = e->fts_pathlen - skip };
}

static enum place place_of(const FTSENT *directory) {
  return directory->fts_level < 0 ? PLACE_PLAIN : (enum place)directory->fts_number;
}

/* Notes what the directory is; true where it is to be walked. */
static bool enter(FTSENT *e) {
  const bool in_maildir = e->fts_level > 0 && place_of(e->fts_parent) == PLACE_MAILDIR;
  if (in_maildir && strcmp(e->fts_name, "tmp") == 0) return false;
  if (in_maildir && (strcmp(e->fts_name, "cur") == 0 || strcmp(e->fts_name, "new") == 0))
    e->fts_number = PLACE_MESSAGES;
  else if (is_maildir(e->fts_path))
    e->fts_number = PLACE_MAILDIR;
  return true;
}

/* Id and folder of a message in cur/ or new/. */
static void name_message(walk *w, const FTSENT *e) {
  sdx_bytes path = relative(w, e);
  const size_t maildir = path.size - e->fts_namelen - strlen("cur/");
  naming_put_escaped(&w->id, path.data, maildir);
  naming_put_escaped(&w->id, e->fts_name, naming_maildir_base(e->fts_name, e->fts_namelen));
  naming_put_folder(&w->folder, path.data, maildir > 0 ? maildir - 1 : 0);
}

/* The argument without its directories. */
static const char *base_name(const walk *w) {
  const char *slash = strrchr(w->root, '/');
  return slash != NULL && slash[1] != '\0' ? slash + 1 : w->root;
}

/* A message of a Maildir of which the argument shows a part: the file itself, or cur/ or new/. */
static bool is_message_alone(const walk *w, const FTSENT *e) {
  const char *name = e->fts_level == 0 ? base_name(w) : e->fts_name;
  size_t size = e->fts_level == 0 ? (size_t)(name - w->root) : w->root_size;
  while (size > 0 && w->root[size - 1] == '/') size--;
  if (e->fts_level > 1 || size < 3 || (size > 3 && w->root[size - 4] != '/')) return false;
  const char *last = w->root + size - 3;
  return (memcmp(last, "cur", 3) == 0 || memcmp(last, "new", 3) == 0) &&
         naming_maildir_base(name, strlen(name)) < strlen(name);
}

static void name_file(walk *w, const FTSENT *e, bool message) {
  if (e->fts_level == 0) {
    const char *base = base_name(w);
    const size_t size = strlen(base);
    naming_put_escaped(&w->id, base, message ? naming_maildir_base(base, size) : size);
    return;
  }
  const sdx_bytes path = relative(w, e);
  naming_put_escaped(&w->id, path.data,
                     message ? naming_maildir_base(path.data, path.size) : path.size);
  if (path.size > e->fts_namelen)
    naming_put_escaped(&w->folder, path.data, path.size - e->fts_namelen - 1);
}

static sdx_status describe(walk *w, FTSENT *e, walk_entry *out, sdx_error *err) {
  const bool inside = e->fts_level > 0 && place_of(e->fts_parent) == PLACE_MESSAGES;
  const bool alone = !inside && is_message_alone(w, e);
  buffer_reset(&w->id);
  buffer_reset(&w->folder);
  *out = (walk_entry){ .state = WALK_FILE,
                       .path = e->fts_accpath,
                       .name = e->fts_name,
                       .maildir = inside || alone,
                       .named = e->fts_level == 0 };
  if (e->fts_level == 0) out->name = base_name(w);
  if (inside)
    name_message(w, e);
  else
    name_file(w, e, alone);
  if (w->id.failed || w->folder.failed) return error_memory(err);
  out->id = (sdx_bytes){ .data = (const char *)w->id.data, .size = w->id.size };
  out->folder = (sdx_bytes){ .data = (const char *)w->folder.data, .size = w->folder.size };
  return SDX_OK;
}

static void set_file(walk_entry *out, const struct stat *st) {
  out->size = (uint64_t)st->st_size;
  out->modified = st->st_mtim.tv_sec;
}

/* What a link leads to: a file is read, anything else is passed over. */
static void follow(walk_entry *out) {
  struct stat st;
  if (stat(out->path, &st) != 0) {
    out->state = WALK_FAILED;
    out->error = errno;
  } else if (S_ISREG(st.st_mode)) {
    set_file(out, &st);
  } else {
    out->state = WALK_SKIPPED;
  }
}

/* Hidden files in cur/ and new/ are no messages. */
static bool is_apart(const FTSENT *e) {
  return e->fts_level > 0 && place_of(e->fts_parent) == PLACE_MESSAGES && e->fts_name[0] == '.';
}

sdx_status walk_next(walk *w, walk_entry *out, sdx_error *err) {
  for (;;) {
    errno = 0;
    FTSENT *e = fts_read(w->fts);
    if (e == NULL && errno != 0) return error_system(err, errno, "a path cannot be walked");
    if (e == NULL) return SDX_NOT_FOUND;
    if (e->fts_info == FTS_D) {
      if (!enter(e)) (void)fts_set(w->fts, e, FTS_SKIP);
      continue;
    }
    if (e->fts_info == FTS_DP || e->fts_info == FTS_DOT) continue;
    const sdx_status status = describe(w, e, out, err);
    if (status != SDX_OK) return status;
    switch (e->fts_info) {
    case FTS_F:
      set_file(out, e->fts_statp);
      if (is_apart(e)) out->state = WALK_SKIPPED;
      break;
    case FTS_SL:
    case FTS_SLNONE:
      follow(out);
      if (out->state == WALK_FILE && is_apart(e)) out->state = WALK_SKIPPED;
      break;
    case FTS_DC: /* a directory that holds itself */
    case FTS_DEFAULT:
      out->state = WALK_SKIPPED;
      break;
    default:
      out->state = WALK_FAILED;
      out->error = e->fts_errno;
      break;
    }
    return SDX_OK;
  }
}
