/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Creating an index: all of it, or nothing under its name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/plain.h"
#include "index/index.h"
#include "index/meta.h"

static sdx_status choose_settings(index_settings *s, const sdx_init_options *o, sdx_error *err) {
  const char *languages = o->languages != NULL ? o->languages : "en";
  text_analyser *analyser = NULL;
  s->retention = o->retention != 0 ? o->retention : SDX_RETENTION_DEFAULT;
  s->store_text = !o->no_store_text;
  if (s->retention < 0) return error_set(err, SDX_INVALID, "the retention time is negative");
  if (strlen(languages) >= sizeof s->languages)
    return error_set(err, SDX_INVALID, "too many languages");
  strcpy(s->languages, languages);
  const sdx_status status = text_analyser_open(&analyser, languages, err);
  text_analyser_close(analyser);
  return status;
}

static sdx_status write_first_rows(store *s, const keyring *k, const index_settings *settings,
                                   int64_t now, sdx_error *err) {
  secret *table_key = NULL, *digest = NULL;
  store_txn *t = NULL;
  nonce_pool pool;
  meta_head head = { .format = META_FORMAT, .generation = 1, .created = now,
                     .keys_since = now };
  const meta_sweep sweep = { .last = now };
  memcpy(head.index_id, keyring_index_id(k), sizeof head.index_id);
  nonce_pool_start(&pool);
  sdx_status status = keyring_secret(k, KEYRING_TABLE, 0, &table_key, err);
  if (status == SDX_OK) status = secret_random(&digest, err);
  if (status == SDX_OK) status = store_write_begin(s, &t, err);
  if (status == SDX_OK) status = meta_head_put(t, &head, err);
  if (status == SDX_OK) status = meta_sweep_put(t, &sweep, err);
  if (status == SDX_OK)
    status = meta_settings_put(t, table_key, &pool, head.index_id, settings, digest, err);
  if (status == SDX_OK) status = store_commit(t, err);
  else store_abort(t);
  nonce_pool_stop(&pool);
  secret_free(table_key);
  secret_free(digest);
  return status;
}

static sdx_status create_in(const char *dir, const sdx_secret *first, const sdx_init_options *o,
                            const index_settings *settings, sdx_error *err) {
  keyring *k = NULL;
  store *s = NULL;
  const keyring_options options = { .cipher = o->cipher != 0 ? (seal_cipher)o->cipher
                                                              : SEAL_XCHACHA20_POLY1305 };
  const int64_t now = o->now != 0 ? o->now : (int64_t)time(NULL);
  sdx_status status = keyring_create_in(&k, dir, o->keyring, first, &options, err);
  if (status == SDX_OK) status = store_create(dir, err);
  if (status == SDX_OK) status = store_open(&s, dir, err);
  if (status == SDX_OK) status = write_first_rows(s, k, settings, now, err);
  store_close(s);
  keyring_close(k);
  return status;
}

static void remove_files(const char *dir) {
  static const char *const names[] = { "keyring", "keyring.new", "data.mdb", "lock.mdb" };
  const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) (void)unlinkat(fd, names[i], 0);
  close(fd);
  (void)rmdir(dir);
}

static int sync_parent(const char *dir) {
  char *copy = plain_string(dir);
  if (copy == NULL) return ENOMEM;
  char *slash = strrchr(copy, '/');
  if (slash != NULL) slash[slash == copy ? 1 : 0] = '\0';
  const int fd = open(slash != NULL ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int failed = fd < 0 || fsync(fd) != 0 ? errno : 0;
  if (fd >= 0) close(fd);
  plain_free(copy);
  return failed;
}

static bool stands(const char *dir, const char *name) {
  char path[4096];
  return (size_t)snprintf(path, sizeof path, "%s/%s", dir, name) < sizeof path &&
         access(path, F_OK) == 0;
}

/* Built under another name and renamed, so that a crash leaves no half of an index. */
static sdx_status create_beside(const char *dir, const sdx_secret *first, const sdx_init_options *o,
                                const index_settings *settings, sdx_error *err) {
  char beside[4096];
  if ((size_t)snprintf(beside, sizeof beside, "%s.XXXXXX", dir) >= sizeof beside)
    return error_set(err, SDX_INVALID, "the path is too long");
  if (mkdtemp(beside) == NULL) return error_system(err, errno, "cannot create the index directory");
  sdx_status status = create_in(beside, first, o, settings, err);
  if (status == SDX_OK && rename(beside, dir) != 0)
    status = errno == ENOTEMPTY || errno == EEXIST
                 ? error_set(err, SDX_INVALID, "the directory exists and is not empty")
                 : error_system(err, errno, "cannot create the index directory");
  if (status != SDX_OK) {
    remove_files(beside);
    return status;
  }
  const int failed = sync_parent(dir);
  return failed != 0 ? error_system(err, failed, "cannot sync the directory above the index") : SDX_OK;
}

sdx_status sdx_init(const char *dir, const sdx_secret *first, const sdx_init_options *options,
                    sdx_error *err) {
  const sdx_init_options defaults = SDX_INIT_OPTIONS_INIT;
  const sdx_init_options *o = options != NULL ? options : &defaults;
  index_settings settings = { 0 };
  if (dir == NULL || dir[0] == '\0' || first == NULL || o->version != 1)
    return error_set(err, SDX_INVALID, "init: a directory, a key and options of version 1 are needed");
  char *trimmed = plain_string(dir);
  if (trimmed == NULL) return error_memory(err);
  for (size_t n = strlen(trimmed); n > 1 && trimmed[n - 1] == '/'; n--) trimmed[n - 1] = '\0';
  sdx_status status = crypto_start(err);
  if (status == SDX_OK && (stands(trimmed, "keyring") || stands(trimmed, "data.mdb")))
    status = error_set(err, SDX_INVALID, "an index stands there already");
  if (status == SDX_OK) status = choose_settings(&settings, o, err);
  if (status == SDX_OK) status = create_beside(trimmed, first, o, &settings, err);
  plain_free(trimmed);
  return status;
}
