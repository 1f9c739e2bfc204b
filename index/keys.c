/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Id key, table key and the keys of rows: which the handle has, and how it follows when they are
 * replaced. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/plain.h"
#include "index/index.h"
#include "index/meta.h"

#define BATCH_BYTE 0 /* of the directory's locks; unpublished segments have the others */

/* ------------------------------------------------------------------ a set */

static sdx_status open_row_keys(row_keys *out, const keyring *k, uint64_t set, const secret *table,
                                sdx_error *err) {
  secret *intake = NULL;
  sdx_status status = secret_derive(&out->depositor, table, "sealdex deposited row authentication",
                                    NULL, 0, err);
  if (status != SDX_OK || keyring_depositing(k)) return status;
  status = keyring_secret(k, KEYRING_INTAKE, set, &intake, err);
  if (status == SDX_OK)
    status = secret_derive(&out->owner, intake, "sealdex row authentication", NULL, 0, err);
  secret_free(intake);
  return status;
}

static sdx_status open_set(index_keys *out, const keyring *k, sdx_error *err) {
  out->row = plain_alloc(sizeof *out->row);
  if (out->row == NULL) return error_memory(err);
  sdx_status status = keyring_secret(k, KEYRING_ID, out->set, &out->id, err);
  if (status == SDX_OK) status = keyring_secret(k, KEYRING_TABLE, out->set, &out->table, err);
  return status == SDX_OK ? open_row_keys(out->row, k, out->set, out->table, err) : status;
}

sdx_status index_keys_open(index_keys *out, sdx_index *index, uint64_t set, sdx_error *err) {
  *out = (index_keys){ .set = set };
  pthread_mutex_lock(&index->keyring_lock);
  const sdx_status status = open_set(out, index->keyring, err);
  pthread_mutex_unlock(&index->keyring_lock);
  if (status != SDX_OK) index_keys_free(out);
  else out->row->retention = index->settings.retention;
  return status;
}

void index_keys_free(index_keys *k) {
  if (k->row != NULL) {
    secret_free(k->row->owner);
    secret_free(k->row->depositor);
    plain_free(k->row);
  }
  secret_free(k->table);
  secret_free(k->id);
  *k = (index_keys){ 0 };
}

/* ------------------------------------------------------------------ holding and following */

void index_keys_hold(sdx_index *index) {
  gate_enter(&index->keys_gate);
}

void index_keys_release(sdx_index *index) {
  gate_leave(&index->keys_gate);
}

static sdx_status named_set(sdx_index *index, uint64_t *set, sdx_error *err) {
  store_txn *t = NULL;
  meta_head head;
  sdx_status status = store_read_begin(index->store, &t, err);
  if (status != SDX_OK) return status;
  status = meta_head_get(t, &head, err);
  store_read_end(t);
  *set = head.keys;
  return status;
}

/* The keyring that was read before the store may lack what the store names since. */
static sdx_status use_set(sdx_index *index, uint64_t set, sdx_error *err) {
  pthread_mutex_lock(&index->keyring_lock);
  sdx_status status = keyring_use_set(index->keyring, set, err);
  if (status == SDX_NOT_FOUND) {
    status = keyring_refresh(index->keyring, err);
    if (status == SDX_OK) status = keyring_use_set(index->keyring, set, err);
  }
  pthread_mutex_unlock(&index->keyring_lock);
  if (status == SDX_NOT_FOUND)
    return error_set(err, SDX_ROLLED_BACK,
                     "store and keyring are of different times, and the store's keys are not there: "
                     "restore both from one backup, or rebuild the index");
  return status;
}

static void exchange(sdx_index *index, index_keys *fresh) {
  index_keys old = { .id = index->id_key, .table = index->table_key, .row = index->row_key };
  index->key_set = fresh->set;
  index->id_key = fresh->id;
  index->table_key = fresh->table;
  index->row_key = fresh->row;
  index_keys_free(&old);
}

static sdx_status follow(sdx_index *index, sdx_error *err) {
  index_keys fresh;
  uint64_t set = 0;
  sdx_status status = named_set(index, &set, err);
  if (status != SDX_OK || (index->table_key != NULL && set == index->key_set)) return status;
  status = use_set(index, set, err);
  if (status == SDX_OK) status = index_keys_open(&fresh, index, set, err);
  if (status == SDX_OK) exchange(index, &fresh);
  return status;
}

sdx_status index_keys_follow(sdx_index *index, sdx_error *err) {
  gate_close(&index->keys_gate);
  const sdx_status status = follow(index, err);
  gate_open(&index->keys_gate);
  return status;
}

/* ------------------------------------------------------------------ batches */

static struct flock batch_byte(short type) {
  return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = BATCH_BYTE, .l_len = 1 };
}

int index_batch_lock(const sdx_index *index) {
  struct flock lock = batch_byte(F_RDLCK);
  const int fd = openat(index->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  if (fcntl(fd, F_OFD_SETLK, &lock) == 0) return fd;
  close(fd);
  return -1;
}

bool index_batch_lives(const sdx_index *index) {
  struct flock lock = batch_byte(F_WRLCK);
  return fcntl(index->dir_fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}
