/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Closing an account and reopening it: one row of the store, written without a key. */
#include "base/error.h"
#include "index/write.h"

static sdx_status begin(sdx_index **index, write_txn *w, const char *dir,
                        const sdx_keyring_storage *storage, int64_t now, int64_t *closed,
                        sdx_error *err) {
  *index = NULL;
  sdx_status status = index_open_locked(index, dir, storage, err);
  if (status != SDX_OK) return status;
  status = write_begin(w, *index, index_now(*index, now), true, err);
  if (status != SDX_OK) return status;
  status = meta_closed_get(w->store, closed, err);
  if (status != SDX_OK) write_abort(w);
  return status;
}

static sdx_status put(write_txn *w, int64_t closed, sdx_error *err) {
  const sdx_status status = meta_closed_put(w->store, closed, err);
  if (status == SDX_OK) return write_commit(w, err);
  write_abort(w);
  return status;
}

sdx_status sdx_close_account(const char *dir, const sdx_keyring_storage *storage, int64_t now,
                             sdx_error *err) {
  sdx_index *index;
  write_txn w;
  int64_t closed = 0;
  sdx_status status = begin(&index, &w, dir, storage, now, &closed, err);
  if (status == SDX_OK && closed == 0) status = put(&w, w.now, err);
  else if (status == SDX_OK) write_abort(&w);
  sdx_close(index);
  return status;
}

sdx_status sdx_reopen_account(const char *dir, const sdx_keyring_storage *storage, int64_t now,
                             sdx_error *err) {
  sdx_index *index;
  write_txn w;
  int64_t closed = 0;
  sdx_status status = begin(&index, &w, dir, storage, now, &closed, err);
  if (status == SDX_OK && closed != 0 && w.now - closed >= SDX_CLOSED_KEEP) {
    write_abort(&w);
    status = error_set(err, SDX_CLOSED, "the account was closed more than 365 days ago");
  } else if (status == SDX_OK && closed != 0) {
    status = put(&w, 0, err);
  } else if (status == SDX_OK) {
    write_abort(&w);
  }
  sdx_close(index);
  return status;
}
