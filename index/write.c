/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/write.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/plain.h"
#include "index/bytes.h"

/* Dead entries that one transaction removes: in passing, and when settling. */
#define REMOVED_IN_PASSING 256
#define REMOVED_AT_ONCE 8192
/* ... of which so many before the pages that this touched are given back: never in passing, since searches of
 * the same process would have to map theirs again. */
#define REMOVED_AT_A_TIME 320

/* ------------------------------------------------------------------ what a predecessor left */

/* Step 3: both regions without the retired keys. */
static sdx_status retire_keys(write_txn *w, const holder_row *rows, size_t count, sdx_error *err) {
  keyring *k = w->index->keyring;
  sdx_status status = keyring_recover(k, err);
  size_t staged = 0;
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    if (rows[i].damaged) w->index->checked_keyring = 0; /* its key goes as one that none publishes */
    if (rows[i].damaged || !keyring_has(k, rows[i].was, rows[i].id)) continue;
    status = keyring_stage_remove(k, rows[i].was, rows[i].id, rows[i].reason, rows[i].time,
                                  rows[i].items, err);
    staged++;
  }
  if (status == SDX_OK && staged > 0) status = keyring_commit(k, w->base, err);
  if (status != SDX_OK) keyring_rollback(k);
  return status;
}

/* Step 4: the dead blocks and records, then the notes. `budget` bounds the transaction. */
static sdx_status remove_dead(write_txn *w, const holder_row *rows, size_t count, size_t budget,
                              sdx_error *err) {
  sdx_status status = SDX_OK;
  size_t mapped = 0; /* whose pages are in memory: many small segments have as many as a large one */
  for (size_t i = 0; i < count && status == SDX_OK && budget > 0; i++) {
    static const store_table tables[] = { STORE_BLOCKS, STORE_JOURNAL };
    uint8_t prefix[8];
    put_be(prefix, rows[i].id, 8);
    for (size_t t = 0; t < 2 && status == SDX_OK && budget > 0;) {
      const size_t most = budget < REMOVED_AT_A_TIME ? budget : REMOVED_AT_A_TIME;
      size_t gone = 0;
      status = store_delete_prefix(w->store, tables[t], prefix, sizeof prefix, most, &gone, err);
      budget -= gone < budget ? gone : budget;
      mapped += gone;
      if (mapped >= REMOVED_AT_A_TIME) {
        store_release_map(w->index->store);
        mapped = 0;
      }
      if (gone < most) t++;
    }
    if (status == SDX_OK && budget > 0)
      status = holder_delete(w->store, HOLDER_RETIRED, rows[i].id, err);
  }
  return status;
}

static sdx_status finish_retired(write_txn *w, size_t budget, bool *any, sdx_error *err) {
  holder_row *rows = NULL;
  size_t count = 0;
  sdx_status status = holder_any(w->store, HOLDER_RETIRED, any, err);
  if (status != SDX_OK || !*any) return status;
  status = holder_list(w->store, NULL, HOLDER_RETIRED, &rows, &count, err);
  if (status == SDX_OK) status = retire_keys(w, rows, count, err);
  if (status == SDX_OK) status = remove_dead(w, rows, count, budget, err);
  plain_free(rows);
  return status;
}

static sdx_status is_referred_to(const write_txn *w, const keyring_entry *e, bool *yes,
                                 sdx_error *err) {
  holder_row row;
  *yes = keyring_in_set(e->kind) && e->id == w->head.keys;
  if (keyring_in_set(e->kind)) return SDX_OK;
  *yes = true;
  store_txn *t = w->store;
  sdx_status status = holder_published(t, e->id, NULL, err);
  if (status == SDX_NOT_FOUND) status = holder_get(t, NULL, HOLDER_BUILD, e->id, &row, err);
  if (status == SDX_NOT_FOUND) status = holder_get(t, NULL, HOLDER_FRESH, e->id, &row, err);
  if (status == SDX_NOT_FOUND) *yes = false;
  return status == SDX_NOT_FOUND || status == SDX_DAMAGED ? SDX_OK : status;
}

/* A crash between steps 1 and 2 leaves keys that no row refers to, and a set of keys that another took
 * the place of is one that none refers to any more. Asked once per generation of the
 * keyring, since only a change of it can leave some. */
static sdx_status drop_unpublished(write_txn *w, sdx_error *err) {
  keyring *k = w->index->keyring;
  sdx_status status = keyring_recover(k, err);
  const size_t count = keyring_count(k);
  keyring_entry *entries = plain_array(count + 1, sizeof *entries);
  size_t staged = 0;
  if (entries == NULL) return error_memory(err);
  for (size_t i = 0; i < count; i++) entries[i] = keyring_at(k, i);
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    bool yes = true;
    status = is_referred_to(w, &entries[i], &yes, err);
    if (status != SDX_OK || yes) continue;
    const keyring_reason reason =
        keyring_in_set(entries[i].kind) ? KEYRING_MERGED : KEYRING_UNPUBLISHED;
    status = keyring_stage_remove(k, entries[i].kind, entries[i].id, reason, w->now, 0, err);
    staged++;
  }
  plain_free(entries);
  if (status == SDX_OK && staged > 0) status = keyring_commit(k, w->base, err);
  if (status != SDX_OK) keyring_rollback(k);
  else w->index->checked_keyring = keyring_generation(k);
  return status;
}

/* ------------------------------------------------------------------ unpublished segments */

static struct flock build_byte(holder_id build, short type) {
  return (struct flock){ .l_type = type, .l_whence = SEEK_SET,
                         .l_start = (off_t)(build & INT64_MAX), .l_len = 1 };
}

int write_build_lock(const sdx_index *index, holder_id build) {
  struct flock lock = build_byte(build, F_RDLCK);
  const int fd = openat(index->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  if (fcntl(fd, F_OFD_SETLK, &lock) == 0) return fd;
  close(fd);
  return -1;
}

int write_rebuild_lock(const sdx_index *index) {
  struct flock lock = build_byte(INT64_MAX, F_RDLCK), asked = build_byte(INT64_MAX, F_WRLCK);
  const int fd = openat(index->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  /* A directory is open for reading alone, so that no lock of it excludes another: looked at first,
   * under the maintenance lock. */
  if (fcntl(fd, F_OFD_GETLK, &asked) == 0 && asked.l_type == F_UNLCK &&
      fcntl(fd, F_OFD_SETLK, &lock) == 0)
    return fd;
  close(fd);
  return -1;
}

static bool build_lives(const sdx_index *index, holder_id build) {
  struct flock lock = build_byte(build, F_WRLCK);
  return fcntl(index->dir_fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

static sdx_status collect_builds(write_txn *w, sdx_error *err) {
  holder_row *rows = NULL;
  size_t count = 0;
  bool any;
  sdx_status status = holder_any(w->store, HOLDER_BUILD, &any, err);
  if (status != SDX_OK || !any) return status;
  status = holder_list(w->store, NULL, HOLDER_BUILD, &rows, &count, err);
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    if (build_lives(w->index, rows[i].id)) continue;
    status = holder_delete(w->store, HOLDER_BUILD, rows[i].id, err);
    if (status == SDX_OK)
      status = write_retire(w, KEYRING_SEGMENT, rows[i].id, KEYRING_UNPUBLISHED, 0, err);
  }
  plain_free(rows);
  return status;
}

/* ------------------------------------------------------------------ the transaction */

static sdx_status check_head(write_txn *w, bool closed_too, sdx_error *err) {
  sdx_index *index = w->index;
  int64_t closed = 0;
  sdx_status status = meta_head_get(w->store, &w->head, err);
  if (status == SDX_OK) status = meta_closed_get(w->store, &closed, err);
  if (status != SDX_OK) return status;
  if (memcmp(w->head.index_id, keyring_index_id(index->keyring), 16) != 0)
    return error_set(err, SDX_DAMAGED, "the store and the keyring belong to different indexes");
  if (closed != 0 && !closed_too) return error_set(err, SDX_CLOSED, "the account is closed");
  const uint64_t seen = keyring_store_generation(index->keyring);
  w->base = w->head.generation;
  if (w->base < seen) {
    if (!index->accept_restored)
      return error_set(err, SDX_ROLLED_BACK,
                       "the store is older than the keyring: a restored backup? verify or accept it");
    w->base = seen;
  }
  w->head.generation = w->base + 1;
  return SDX_OK;
}

static sdx_status start(write_txn *w, bool closed_too, size_t budget, bool *more, sdx_error *err) {
  sdx_index *index = w->index;
  sdx_status status = keyring_refresh(index->keyring, err);
  if (status == SDX_OK) status = check_head(w, closed_too, err);
  if (status == SDX_OK && index->table_key != NULL && w->head.keys != index->key_set) {
    w->keys_moved = true;
    return error_set(err, SDX_LOCKED, "the keys of rows were replaced just now");
  }
  /* What it says to destroy is destroyed: so all of it must be as it was written. */
  if (status == SDX_OK) status = store_check_rows(w->store, STORE_META, err);
  /* What nobody published may lose its key before this commit: so it goes with what retired. */
  if (status == SDX_OK) status = collect_builds(w, err);
  if (status == SDX_OK) status = finish_retired(w, budget, more, err);
  if (status == SDX_OK && index->checked_keyring != keyring_generation(index->keyring))
    status = drop_unpublished(w, err);
  return status;
}

static sdx_status begin_once(write_txn *w, sdx_index *index, int64_t now, bool closed_too,
                             size_t budget, bool *more, sdx_error *err) {
  *w = (write_txn){ .index = index, .now = now };
  index_keys_hold(index);
  pthread_mutex_lock(&index->write_lock);
  sdx_status status = store_write_begin(index->store, &w->store, err);
  if (status != SDX_OK) {
    pthread_mutex_unlock(&index->write_lock);
    index_keys_release(index);
    return status;
  }
  nonce_pool_start(&w->pool);
  pthread_mutex_lock(&index->keyring_lock);
  status = start(w, closed_too, budget, more, err);
  pthread_mutex_unlock(&index->keyring_lock);
  if (status != SDX_OK) write_abort(w);
  return status;
}

/* Once more where the keys of rows were replaced since this handle looked. */
static sdx_status begin(write_txn *w, sdx_index *index, int64_t now, bool closed_too, size_t budget,
                        bool *more, sdx_error *err) {
  sdx_status status = index_check(index, err);
  if (status != SDX_OK) return status;
  for (;;) {
    status = begin_once(w, index, now, closed_too, budget, more, err);
    if (status == SDX_OK || !w->keys_moved) return status;
    status = index_keys_follow(index, err);
    if (status != SDX_OK) return status;
  }
}

sdx_status write_begin(write_txn *w, sdx_index *index, int64_t now, bool closed_too,
                       sdx_error *err) {
  bool more = false;
  const sdx_status status = begin(w, index, now, closed_too, REMOVED_IN_PASSING, &more, err);
  if (status == SDX_OK) w->visible = true;
  return status;
}

static void end(write_txn *w) {
  nonce_pool_stop(&w->pool);
  seal_key_free(w->batch);
  w->batch = NULL;
  pthread_mutex_unlock(&w->index->write_lock);
  index_keys_release(w->index);
}

sdx_status write_commit(write_txn *w, sdx_error *err) {
  sdx_index *index = w->index;
  sdx_status status = SDX_OK;
  if (w->visible) {
    if (w->due_changed) w->head.due_generation = w->head.generation;
    if (index->checked_keyring != 0) w->head.keyring_generation = index->checked_keyring;
    status = meta_head_put(w->store, &w->head, err);
  }
  if (status != SDX_OK) {
    write_abort(w);
    return status;
  }
  status = store_commit(w->store, err);
  if (status != SDX_OK && w->keys_added) index->checked_keyring = 0;
  end(w);
  return status;
}

void write_abort(write_txn *w) {
  store_abort(w->store);
  if (w->keys_added) w->index->checked_keyring = 0; /* nothing publishes them: the next write asks */
  end(w);
}

sdx_status write_settle(sdx_index *index, int64_t now, sdx_error *err) {
  for (;;) {
    write_txn w;
    bool more = false;
    sdx_status status = begin(&w, index, now, true, REMOVED_AT_ONCE, &more, err);
    if (status != SDX_OK) return status;
    if (!more && !w.retired) {
      store_abort(w.store);
      end(&w);
      return SDX_OK;
    }
    w.visible = true; /* so that readers drop what they hold of the keys that went */
    status = write_commit(&w, err);
    if (status != SDX_OK) return status;
    store_release_map(index->store);
  }
}

/* ------------------------------------------------------------------ keys */

static sdx_status stage_key(keyring *k, key_request *r, sdx_error *err) {
  do crypto_random(&r->id, sizeof r->id);
  while (r->id == 0);
  if (r->kind == KEYRING_DEPOSIT_EPOCH) return keyring_stage_epoch(k, r->id, r->public_half, err);
  return keyring_stage_add(k, r->kind, r->id, r->due, &r->key, err);
}

sdx_status write_add_keys(write_txn *w, key_request *requests, size_t count, sdx_error *err) {
  sdx_index *index = w->index;
  keyring *k = index->keyring;
  sdx_status status = SDX_OK;
  pthread_mutex_lock(&index->keyring_lock);
  for (size_t i = 0; i < count && status == SDX_OK; i++) status = stage_key(k, &requests[i], err);
  if (status == SDX_OK) status = keyring_commit(k, w->base, err);
  if (status == SDX_OK) index->checked_keyring = keyring_generation(k);
  else keyring_rollback(k);
  pthread_mutex_unlock(&index->keyring_lock);
  if (status == SDX_OK) {
    w->keys_added = true;
    return SDX_OK;
  }
  index->checked_keyring = 0;
  for (size_t i = 0; i < count; i++) {
    seal_key_free(requests[i].key);
    requests[i].key = NULL;
  }
  return status;
}

sdx_status write_retire(write_txn *w, keyring_kind kind, holder_id id, keyring_reason reason,
                        uint64_t items, sdx_error *err) {
  const holder_row row = { .kind = HOLDER_RETIRED, .id = id, .time = w->now,
                           .items = items < UINT32_MAX ? (uint32_t)items : UINT32_MAX,
                           .was = kind, .reason = reason };
  w->retired = true;
  return holder_put(w->store, NULL, &row, err);
}
