/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/stack.h"
#include "index/meta.h"
#include "index/view.h"
#include "index/write.h"

#define MEMORY_DEFAULT 16000000U
#define SEARCH_MOST (512U << 10) /* what a search takes beside opened blocks */
#define MAINTENANCE_PATIENCE_MS 10000

/* ------------------------------------------------------------------ opening */

static sdx_status start_handle(sdx_index **out, const char *dir, const sdx_keyring_storage *storage,
                               sdx_error *err) {
  sdx_status status = crypto_start(err);
  if (status != SDX_OK) return status;
  sdx_index *index = plain_alloc(sizeof *index);
  if (index == NULL) return error_memory(err);
  pthread_mutex_init(&index->keyring_lock, NULL);
  pthread_mutex_init(&index->view_lock, NULL);
  pthread_mutex_init(&index->maintenance_lock, NULL);
  pthread_mutex_init(&index->write_lock, NULL);
  pthread_mutex_init(&index->analyser_lock, NULL);
  gate_init(&index->keys_gate);
  index->pid = crypto_process();
  index->storage = storage;
  index->dir = plain_string(dir);
  index->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (index->dir == NULL) status = error_memory(err);
  else if (index->dir_fd < 0) status = error_system(err, errno, "cannot open the index directory");
  if (status == SDX_OK) status = keyring_open_in(&index->keyring, dir, storage, err);
  if (status == SDX_OK) {
    memcpy(index->index_id, keyring_index_id(index->keyring), sizeof index->index_id);
    status = store_open(&index->store, dir, err);
  }
  if (status == SDX_OK) *out = index;
  else sdx_close(index);
  return status;
}

/* What hashes contents and threads stays as long as the index: the same content has the same digest,
 * whatever keys its row is sealed under. */
static sdx_status take_digest_keys(sdx_index *index, const secret *digest, sdx_error *err) {
  const sdx_status status =
      secret_derive(&index->thread_key, digest, "sealdex thread", NULL, 0, err);
  if (status != SDX_OK) return status;
  return secret_derive(&index->content_key, digest, "sealdex content", NULL, 0, err);
}

/* What the host remembers. A keyring of a later generation may have any digest. */
static sdx_status check_mark(const sdx_index *index, const meta_head *head, sdx_error *err) {
  const sdx_mark *mark = index->mark;
  uint8_t digest[32];
  if (mark == NULL || index->accept_restored) return SDX_OK;
  const uint64_t generation = keyring_generation(index->keyring);
  keyring_digest(index->keyring, digest);
  if (generation > mark->generation && head->generation >= mark->store_generation) return SDX_OK;
  if (generation == mark->generation && head->generation >= mark->store_generation &&
      memcmp(digest, mark->digest, sizeof digest) == 0)
    return SDX_OK;
  return error_set(err, SDX_ROLLED_BACK,
                   "the index is older than, or another than, what was remembered of it: accept it, or "
                   "rebuild it");
}

static sdx_status check_head(const sdx_index *index, const meta_head *head, uint64_t seen,
                             sdx_error *err) {
  if (memcmp(head->index_id, index->index_id, 16) != 0)
    return error_set(err, SDX_DAMAGED, "the store and the keyring belong to different indexes");
  if (head->generation < seen && !index->accept_restored)
    return error_set(err, SDX_ROLLED_BACK,
                     "the store is older than the keyring: a restored backup? verify or accept it");
  if (keyring_generation(index->keyring) < head->keyring_generation && !index->accept_restored)
    return error_set(err, SDX_ROLLED_BACK,
                     "the keyring is older than the store: an old copy of it was put back? verify or "
                     "accept it");
  return check_mark(index, head, err);
}

/* The generation that the store must have reached is read before the store: a commit between the two
 * then does no harm. */
static sdx_status check_store(sdx_index *index, sdx_error *err) {
  meta_head head = { 0 };
  store_txn *t = NULL;
  secret *digest = NULL;
  int64_t closed = 0;
  const uint64_t seen = keyring_store_generation(index->keyring);
  sdx_status status = index_keys_follow(index, err);
  if (status == SDX_OK) status = store_read_begin(index->store, &t, err);
  if (status != SDX_OK) return status;
  status = meta_head_get(t, &head, err);
  if (status == SDX_OK && head.keyring_generation > keyring_generation(index->keyring))
    status = keyring_refresh(index->keyring, err); /* written between the two looks */
  if (status == SDX_OK) status = check_head(index, &head, seen, err);
  if (status == SDX_OK && head.keys != index->key_set) status = SDX_LOCKED; /* replaced just now */
  if (status == SDX_OK)
    status =
        meta_settings_get(t, index->table_key, index->index_id, &index->settings, &digest, err);
  if (status == SDX_OK) status = take_digest_keys(index, digest, err);
  if (status == SDX_OK) status = meta_closed_get(t, &closed, err);
  store_read_end(t);
  secret_free(digest);
  if (status != SDX_OK) return status;
  index->row_key->retention = index->settings.retention;
  return closed != 0 ? error_set(err, SDX_CLOSED, "the account is closed") : SDX_OK;
}

static sdx_status take_store(sdx_index *index, sdx_error *err) {
  for (int i = 1;; i++) {
    const sdx_status status = check_store(index, err);
    if (status != SDX_LOCKED || i == 10) return status;
  }
}

/* Of what a handle may take: the rest is for what is at work. */
static size_t cache_share(const sdx_open_options *o) {
  const size_t all = o->cache_bytes != 0 ? o->cache_bytes : MEMORY_DEFAULT;
  return all - (all / 8 < SEARCH_MOST ? all / 8 : SEARCH_MOST);
}

static const block_memory cache_memory = { .alloc = opened_alloc, .free = opened_free };

static sdx_status open_reading(sdx_index **out, const char *dir, const sdx_secret *s,
                               const sdx_open_options *options, sdx_error *err) {
  const sdx_open_options defaults = SDX_OPEN_OPTIONS_INIT;
  const sdx_open_options *o = options != NULL ? options : &defaults;
  sdx_index *index = NULL;
  if (out == NULL || dir == NULL || s == NULL || o->version != 1)
    return error_set(err, SDX_INVALID, "open: a directory, a key and options of version 1 are needed");
  sdx_status status = start_handle(&index, dir, o->keyring, err);
  if (status != SDX_OK) return status;
  index->accept_restored = o->accept_restored;
  index->mark = o->mark;
  atomic_store(&index->stopped_clock, o->now);
  status = s->kind != SDX_SECRET_DEPOSIT
               ? keyring_unlock(index->keyring, s, err)
               : error_set(err, SDX_WRONG_KEY, "a deposit key opens nothing that reads");
  if (status == SDX_OK) status = take_store(index, err);
  if (status == SDX_OK)
    status = block_cache_new(&index->cache, cache_share(o), &cache_memory, err);
  index->mark = NULL;
  if (status == SDX_OK) *out = index;
  else sdx_close(index);
  return status;
}

typedef struct opening {
  sdx_index **out;
  const char *dir;
  const sdx_secret *secret;
  const sdx_open_options *options;
  sdx_error *err;
  sdx_status status;
} opening;

static void open_aside(void *context) {
  opening *a = context;
  a->status = open_reading(a->out, a->dir, a->secret, a->options, a->err);
}

sdx_status sdx_open(sdx_index **out, const char *dir, const sdx_secret *s,
                    const sdx_open_options *options, sdx_error *err) {
  opening a = { .out = out, .dir = dir, .secret = s, .options = options, .err = err };
  return stack_aside(open_aside, &a) ? a.status : error_memory(err);
}

sdx_status index_open_deposit(sdx_index **out, const char *dir, const sdx_secret *contents,
                              const sdx_keyring_storage *storage, sdx_error *err) {
  sdx_index *index = NULL;
  if (out == NULL || dir == NULL || contents == NULL || contents->kind != SDX_SECRET_DEPOSIT)
    return error_set(err, SDX_INVALID, "a directory and a deposit key are needed");
  sdx_status status = start_handle(&index, dir, storage, err);
  if (status != SDX_OK) return status;
  status = keyring_unlock(index->keyring, contents, err);
  if (status == SDX_OK) status = take_store(index, err);
  if (status == SDX_OK) *out = index;
  else sdx_close(index);
  return status;
}

sdx_status index_open_locked(sdx_index **out, const char *dir, const sdx_keyring_storage *storage,
                             sdx_error *err) {
  if (dir == NULL) return error_set(err, SDX_INVALID, "a directory is needed");
  return start_handle(out, dir, storage, err);
}

void sdx_close(sdx_index *index) {
  if (index == NULL) return;
  view_drop(index);
  index_drop_analysers(index);
  block_cache_free(index->cache);
  seal_key_free(index->epoch_key);
  secret_free(index->content_key);
  secret_free(index->thread_key);
  index_keys keys = { .id = index->id_key, .table = index->table_key, .row = index->row_key };
  index_keys_free(&keys);
  if (index->store != NULL) store_close(index->store);
  keyring_close(index->keyring);
  if (index->dir_fd >= 0) close(index->dir_fd);
  plain_free(index->dir);
  pthread_mutex_destroy(&index->keyring_lock);
  pthread_mutex_destroy(&index->view_lock);
  pthread_mutex_destroy(&index->maintenance_lock);
  pthread_mutex_destroy(&index->write_lock);
  pthread_mutex_destroy(&index->analyser_lock);
  gate_destroy(&index->keys_gate);
  plain_free(index);
}

sdx_status sdx_mark_of(const char *dir, const sdx_keyring_storage *storage, sdx_mark *out,
                       sdx_error *err) {
  sdx_index *index = NULL;
  store_txn *t = NULL;
  meta_head head;
  if (out == NULL) return error_no_place(err);
  sdx_status status = index_open_locked(&index, dir, storage, err);
  if (status != SDX_OK) return status;
  out->generation = keyring_generation(index->keyring); /* before the store: never ahead of it */
  keyring_digest(index->keyring, out->digest);
  status = store_read_begin(index->store, &t, err);
  if (status == SDX_OK) {
    status = meta_head_get(t, &head, err);
    store_read_end(t);
  }
  if (status == SDX_OK) out->store_generation = head.generation;
  sdx_close(index);
  return status;
}

/* ------------------------------------------------------------------ the handle */

sdx_status index_check(const sdx_index *index, sdx_error *err) {
  if (index == NULL) return error_set(err, SDX_INVALID, "no index was given");
  if (index->pid == crypto_process()) return SDX_OK;
  return error_set(err, SDX_FORKED, "the index was opened by another process: open it anew after fork");
}

int64_t index_now(sdx_index *index, int64_t now) {
  int_fast64_t stopped = atomic_load(&index->stopped_clock);
  while (stopped != 0 && now > stopped)
    if (atomic_compare_exchange_weak(&index->stopped_clock, &stopped, now)) break;
  if (now != 0) return now;
  return stopped != 0 ? (int64_t)stopped : (int64_t)time(NULL);
}

sdx_status index_holder_key(sdx_index *index, keyring_kind kind, holder_id id, seal_key **out,
                            sdx_error *err) {
  pthread_mutex_lock(&index->keyring_lock);
  const sdx_status status = keyring_key(index->keyring, kind, id, out, err);
  pthread_mutex_unlock(&index->keyring_lock);
  return status;
}

sdx_status index_maintenance_begin(sdx_index *index, bool wait, sdx_error *err) {
  const struct timespec moment = { .tv_nsec = 5000000 };
  for (int waited = 0;; waited += 5) {
    if (pthread_mutex_trylock(&index->maintenance_lock) == 0) {
      const sdx_status status = store_maintenance_lock(index->store, false, err);
      if (status == SDX_OK) return SDX_OK;
      pthread_mutex_unlock(&index->maintenance_lock);
      if (status != SDX_LOCKED) return status;
    }
    if (!wait || waited >= MAINTENANCE_PATIENCE_MS)
      return error_set(err, SDX_LOCKED, "another process maintains the index: try again later");
    nanosleep(&moment, NULL);
  }
}

void index_maintenance_end(sdx_index *index) {
  store_maintenance_unlock(index->store);
  pthread_mutex_unlock(&index->maintenance_lock);
}

sdx_status index_borrow_analyser(sdx_index *index, text_analyser **out, sdx_error *err) {
  *out = NULL;
  for (size_t i = 0; i < INDEX_ANALYSERS && *out == NULL; i++)
    *out = atomic_exchange(&index->query_analysers[i], NULL);
  return *out != NULL ? SDX_OK : text_analyser_open(out, index->settings.languages, err);
}

void index_return_analyser(sdx_index *index, text_analyser *a) {
  if (a == NULL) return;
  if (text_vocabulary_count(a) > 0) text_vocabulary_reset(a);
  for (size_t i = 0; i < INDEX_ANALYSERS; i++) {
    text_analyser *none = NULL;
    if (atomic_compare_exchange_strong(&index->query_analysers[i], &none, a)) return;
  }
  text_analyser_close(a);
}

void index_drop_analysers(sdx_index *index) {
  for (size_t i = 0; i < INDEX_ANALYSERS; i++)
    text_analyser_close(atomic_exchange(&index->query_analysers[i], NULL));
  pthread_mutex_lock(&index->analyser_lock);
  text_analyser_close(index->analyser);
  index->analyser = NULL;
  pthread_mutex_unlock(&index->analyser_lock);
}

void sdx_counters_of(const sdx_index *index, sdx_counters *out) {
  out->searches = atomic_load(&index->count_searches);
  out->search_us = atomic_load(&index->count_search_us);
  out->blocks_opened = atomic_load(&index->count_blocks_opened);
  out->blocks_hit = atomic_load(&index->count_blocks_hit);
  out->adds = atomic_load(&index->count_adds);
  out->folds = atomic_load(&index->count_folds);
  out->merges = atomic_load(&index->count_merges);
  out->bytes_written = atomic_load(&index->count_bytes_written);
}
