/* SPDX-License-Identifier: GPL-2.0-or-later */
/* count-rows DIR: what anybody sees who opens data.mdb with LMDB alone: for each table how many rows have
 * values of which size, as "rows of TABLE: N of S bytes". */
#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>

enum { SIZES = 256 };

static int count_rows(MDB_txn *txn, const char *name) {
  size_t sizes[SIZES];
  unsigned long long rows[SIZES];
  unsigned count = 0;
  MDB_dbi table;
  MDB_cursor *c = NULL;
  MDB_val key, value;
  int rc = mdb_dbi_open(txn, name, 0, &table);
  if (rc == 0) rc = mdb_cursor_open(txn, table, &c);
  while (rc == 0 && (rc = mdb_cursor_get(c, &key, &value, MDB_NEXT)) == 0) {
    unsigned i = 0;
    while (i < count && sizes[i] != value.mv_size) i++;
    if (i == SIZES) {
      rc = ENOSPC;
      break;
    }
    if (i == count) {
      sizes[count] = value.mv_size;
      rows[count++] = 0;
    }
    rows[i]++;
  }
  if (c != NULL) mdb_cursor_close(c);
  for (unsigned i = 0; i < count; i++) printf("rows of %s: %llu of %zu bytes\n", name, rows[i], sizes[i]);
  return rc == MDB_NOTFOUND ? 0 : rc;
}

int main(int argc, char **argv) {
  MDB_env *env = NULL;
  MDB_txn *txn = NULL;
  MDB_cursor *tables = NULL;
  MDB_dbi root;
  MDB_val key, value;
  char name[64];
  int rc = argc == 2 ? mdb_env_create(&env) : EINVAL;
  if (rc == 0) rc = mdb_env_set_maxdbs(env, 16);
  if (rc == 0) rc = mdb_env_open(env, argv[1], MDB_RDONLY, 0600);
  if (rc == 0) rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
  if (rc == 0) rc = mdb_dbi_open(txn, NULL, 0, &root);
  if (rc == 0) rc = mdb_cursor_open(txn, root, &tables);
  while (rc == 0 && (rc = mdb_cursor_get(tables, &key, &value, MDB_NEXT)) == 0) {
    snprintf(name, sizeof name, "%.*s", (int)key.mv_size, (const char *)key.mv_data);
    if (strcmp(name, "state") == 0) continue; /* the store's own row */
    rc = count_rows(txn, name);
  }
  if (tables != NULL) mdb_cursor_close(tables);
  mdb_txn_abort(txn);
  mdb_env_close(env);
  if (rc != MDB_NOTFOUND) fprintf(stderr, "count-rows: %s\n", mdb_strerror(rc));
  return rc == MDB_NOTFOUND ? 0 : 1;
}
