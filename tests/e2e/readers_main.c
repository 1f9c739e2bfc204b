/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold-readers DIR: takes every slot of the index's reader table, says "full", and waits for the
 * end of its standard input. */
#include <errno.h>
#include <lmdb.h>
#include <stdio.h>

int main(int argc, char **argv) {
  MDB_env *env;
  MDB_txn *txn;
  int rc = argc == 2 ? mdb_env_create(&env) : EINVAL;
  if (rc == 0) rc = mdb_env_open(env, argv[1], MDB_NOTLS | MDB_RDONLY, 0600);
  while (rc == 0) rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn); /* they end with the process */
  puts(rc == MDB_READERS_FULL ? "full" : mdb_strerror(rc));
  (void)fflush(stdout);
  while (getchar() != EOF) continue;
  return rc == MDB_READERS_FULL ? 0 : 1;
}
