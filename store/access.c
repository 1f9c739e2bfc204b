/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/error.h"
#include "store/fault.h"
#include "store/txn.h"

static MDB_val borrow(const void *bytes, size_t size) {
  return (MDB_val){ size, (void *)(uintptr_t)bytes };
}

sdx_status store_get(store_txn *t, store_table table, const void *key, size_t key_size,
                     sdx_bytes *value, sdx_error *err) {
  int rc = FAULT();
  if (rc == 0 && !t->writes)
    rc = snapshot_get(&t->base, &t->base.tables[table], key, key_size, value);
  else if (rc == 0)
    rc = snapshot_check_path(&t->base, table, key, key_size);
  if (rc == 0 && t->writes) {
    MDB_val k = borrow(key, key_size), v;
    rc = mdb_get(t->mdb, t->map->tables[table], &k, &v);
    if (rc == 0) *value = (sdx_bytes){ v.mv_data, v.mv_size };
  }
  return rc == 0 ? SDX_OK : snapshot_error(&t->base, rc, "reading the store", err);
}

sdx_status store_get_block(store_txn *t, const void *key, size_t key_size, size_t at,
                           uint8_t room[STORE_PAGE], sdx_bytes *value, sdx_error *err) {
  if (t->writes) {
    const sdx_status status = store_get(t, STORE_BLOCKS, key, key_size, value, err);
    if (status == SDX_OK) *value = snapshot_block_of(*value, at);
    return status;
  }
  int rc = FAULT();
  if (rc == 0)
    rc =
        snapshot_get_block(&t->base, &t->base.tables[STORE_BLOCKS], key, key_size, at, room, value);
  return rc == 0 ? SDX_OK : snapshot_error(&t->base, rc, "reading the store", err);
}

sdx_status store_confirm_missing(store_txn *t, store_table table, const void *key, size_t key_size,
                                 bool (*sound)(void *, sdx_bytes, sdx_bytes), void *context,
                                 sdx_error *err) {
  const int rc =
      snapshot_confirm_missing(&t->base, &t->base.tables[table], key, key_size, sound, context);
  return rc == 0 ? SDX_OK : snapshot_error(&t->base, rc, "reading the store", err);
}

sdx_status txn_wrote(store_txn *t, int rc, const char *what, sdx_error *err) {
  if (rc == 0) {
    t->dirty = true;
    return SDX_OK;
  }
  const sdx_status status =
      rc == MDB_NOTFOUND ? SDX_NOT_FOUND : snapshot_error(&t->base, rc, what, err);
  if (t->poisoned == SDX_OK) t->poisoned = status;
  if (rc == MDB_MAP_FULL) t->env->crowded = true;
  return status;
}

static int put_check(store_txn *t, store_table table, const void *key, size_t key_size,
                     unsigned flags) {
  if (!t->writes) return EACCES;
  return (flags & MDB_APPEND) != 0 ? snapshot_check_path(&t->base, table, NULL, 0)
                                   : snapshot_check_path(&t->base, table, key, key_size);
}

/* Takes what stands there now from the table's sum. */
static int without_row(store_txn *t, store_table table, MDB_val *key) {
  MDB_val value;
  if (!state_sums(table)) return 0;
  const int rc = mdb_get(t->mdb, t->map->tables[table], key, &value);
  if (rc == 0) t->sums[table] -= row_sum(key->mv_data, key->mv_size, value.mv_data, value.mv_size);
  return rc == MDB_NOTFOUND ? 0 : rc;
}

static sdx_status put(store_txn *t, store_table table, const void *key, size_t key_size,
                      const void *value, size_t value_size, unsigned flags, sdx_error *err) {
  MDB_val k = borrow(key, key_size), v = borrow(value, value_size);
  int rc = put_check(t, table, key, key_size, flags);
  if (rc == 0 && (flags & MDB_APPEND) == 0) rc = without_row(t, table, &k);
  if (rc == 0) t->sums[table] += row_sum(key, key_size, value, value_size);
  if (rc == 0) LMDB(rc, mdb_put(t->mdb, t->map->tables[table], &k, &v, flags));
  return txn_wrote(t, rc, "writing to the store", err);
}

sdx_status store_put(store_txn *t, store_table table, const void *key, size_t key_size,
                     const void *value, size_t value_size, sdx_error *err) {
  return put(t, table, key, key_size, value, value_size, 0, err);
}

sdx_status store_put_new(store_txn *t, store_table table, const void *key, size_t key_size,
                         const void *value, size_t value_size, sdx_error *err) {
  return put(t, table, key, key_size, value, value_size, MDB_NOOVERWRITE, err);
}

sdx_status store_append(store_txn *t, store_table table, const void *key, size_t key_size,
                        const void *value, size_t value_size, sdx_error *err) {
  return put(t, table, key, key_size, value, value_size, MDB_APPEND, err);
}

sdx_status store_delete(store_txn *t, store_table table, const void *key, size_t key_size,
                        sdx_error *err) {
  MDB_val k = borrow(key, key_size);
  int rc = t->writes ? snapshot_check_table(&t->base, table) : EACCES;
  if (rc == 0) rc = snapshot_check_value(&t->base, table, key, key_size);
  if (rc == 0) rc = without_row(t, table, &k);
  if (rc == 0) LMDB(rc, mdb_del(t->mdb, t->map->tables[table], &k, NULL));
  if (rc == MDB_NOTFOUND) return SDX_OK;
  return txn_wrote(t, rc, "deleting from the store", err);
}

static bool begins_with(sdx_bytes key, const void *prefix, size_t size) {
  return key.size >= size && (size == 0 || memcmp(key.data, prefix, size) == 0);
}

sdx_status store_delete_prefix(store_txn *t, store_table table, const void *prefix,
                               size_t prefix_size, size_t limit, size_t *deleted, sdx_error *err) {
  size_t count = 0;
  store_cursor *c = NULL;
  sdx_bytes key;
  if (deleted != NULL) *deleted = 0;
  if (limit == 0) return SDX_OK;
  sdx_status status = store_cursor_open(t, table, &c, err);
  if (status == SDX_OK) status = store_cursor_seek(c, prefix, prefix_size, &key, NULL, err);
  while (status == SDX_OK && begins_with(key, prefix, prefix_size)) {
    status = store_cursor_delete(c, err);
    if (status == SDX_OK && ++count == limit) break;
    if (status == SDX_OK) status = store_cursor_next(c, &key, NULL, err);
  }
  store_cursor_close(c);
  if (deleted != NULL) *deleted = count;
  if (status == SDX_NOT_FOUND) status = SDX_OK;
  if (status < 0 && t->poisoned == SDX_OK) t->poisoned = status;
  return status;
}
