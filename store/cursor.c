/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/cursor.h"

#include <stdlib.h>

#include "base/error.h"
#include "store/fault.h"
#include "store/txn.h"

sdx_status store_cursor_open(store_txn *t, store_table table, store_cursor **out, sdx_error *err) {
  store_cursor *c = malloc(sizeof *c);
  if (c == NULL) return error_memory(err);
  int rc = t->writes ? snapshot_check_table(&t->base, table) : FAULT();
  c->mdb = NULL;
  if (rc == 0 && t->writes) LMDB(rc, mdb_cursor_open(t->mdb, t->map->tables[table], &c->mdb));
  if (rc != 0) {
    free(c);
    return snapshot_error(&t->base, rc, "scanning the store", err);
  }
  c->txn = t;
  c->table = table;
  c->tree = snapshot_cursor(&t->base, table);
  c->next = t->cursors;
  t->cursors = c;
  *out = c;
  return SDX_OK;
}

void store_cursor_close(store_cursor *c) {
  if (c == NULL) return;
  store_cursor **link = &c->txn->cursors;
  while (*link != c) link = &(*link)->next;
  *link = c->next;
  if (c->mdb != NULL) mdb_cursor_close(c->mdb);
  free(c);
}

void cursor_close_all(store_txn *t) {
  while (t->cursors != NULL) store_cursor_close(t->cursors);
}

static sdx_status give(const store_cursor *c, int rc, const MDB_val *key, const MDB_val *value,
                       sdx_bytes *k, sdx_bytes *v, sdx_error *err) {
  if (rc != 0) return snapshot_error(&c->txn->base, rc, "scanning the store", err);
  if (c->mdb == NULL) return SDX_OK;
  if (k != NULL) *k = (sdx_bytes){ key->mv_data, key->mv_size };
  if (v != NULL) *v = (sdx_bytes){ value->mv_data, value->mv_size };
  return SDX_OK;
}

sdx_status store_cursor_seek(store_cursor *c, const void *key, size_t key_size, sdx_bytes *k,
                             sdx_bytes *v, sdx_error *err) {
  MDB_val at = { key_size, (void *)(uintptr_t)key }, value;
  int rc = FAULT();
  if (rc == 0 && c->mdb == NULL)
    rc = tree_cursor_seek(&c->tree, key, key_size, k, v);
  else if (rc == 0)
    rc = mdb_cursor_get(c->mdb, &at, &value, key_size == 0 ? MDB_FIRST : MDB_SET_RANGE);
  return give(c, rc, &at, &value, k, v, err);
}

sdx_status store_cursor_next(store_cursor *c, sdx_bytes *k, sdx_bytes *v, sdx_error *err) {
  MDB_val key, value;
  int rc = FAULT();
  if (rc == 0 && c->mdb == NULL)
    rc = tree_cursor_next(&c->tree, k, v);
  else if (rc == 0)
    rc = mdb_cursor_get(c->mdb, &key, &value, MDB_NEXT);
  return give(c, rc, &key, &value, k, v, err);
}

sdx_status store_cursor_delete(store_cursor *c, sdx_error *err) {
  MDB_val key, value;
  int rc = c->mdb == NULL ? EACCES : mdb_cursor_get(c->mdb, &key, &value, MDB_GET_CURRENT);
  if (rc == 0) rc = snapshot_check_value(&c->txn->base, c->table, key.mv_data, key.mv_size);
  if (rc == 0 && state_sums(c->table))
    c->txn->sums[c->table] -= row_sum(key.mv_data, key.mv_size, value.mv_data, value.mv_size);
  if (rc == 0) LMDB(rc, mdb_cursor_del(c->mdb, 0));
  return txn_wrote(c->txn, rc, "deleting from the store", err);
}
