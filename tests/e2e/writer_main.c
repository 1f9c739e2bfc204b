/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold-writer DIR: takes the index's write lock, says "held", and waits for the end of its standard
 * input. */
#include <errno.h>
#include <lmdb.h>
#include <stdio.h>

int main(int argc, char **argv) {
  MDB_env *env = NULL;
  MDB_txn *txn;
  int rc = argc == 2 ? mdb_env_create(&env) : EINVAL;
  if (rc == 0) rc = mdb_env_open(env, argv[1], MDB_NOTLS, 0600);
  if (rc == 0) rc = mdb_txn_begin(env, NULL, 0, &txn);
  puts(rc == 0 ? "held" : mdb_strerror(rc));
  (void)fflush(stdout);
  while (getchar() != EOF) continue;
  if (rc == 0) mdb_txn_abort(txn);
  mdb_env_close(env);
  return rc == 0 ? 0 : 1;
}
