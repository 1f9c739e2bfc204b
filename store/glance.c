/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "store/cursor.h"
#include "store/datafile.h"
#include "store/fault.h"
#include "store/page_reader.h"
#include "store/txn.h"

/*
 * LMDB writes over no page of its newest snapshot: were the machine to stop before the next commit,
 * that snapshot is what it would find again. So pages that were read while the newest one stayed
 * the newest are all of it, without a slot in the table of readers.
 */
typedef struct glance {
  store_txn txn;
  page_map map;
  page_reader reader;
} glance;

static void glance_free(glance *g) {
  if (g == NULL) return;
  cursor_close_all(&g->txn);
  page_reader_free(&g->reader);
  if (g->reader.fd >= 0) (void)close(g->reader.fd);
  free(g);
}

/* At rest: not succeeded by other files, and its record is of this very transaction. */
static int take(glance *g, const pages *p) {
  g->reader.page_size = g->map.page_size = p->page_size;
  g->map.reader = &g->reader;
  int rc = FAULT();
  if (rc == 0) rc = snapshot_take_read(&g->txn.base, &g->map, p);
  if (rc != 0) return rc;
  const state *now = &g->txn.base.state;
  if (now->retired) return MDB_CORRUPTED;
  return now->transaction == p->transaction || p->transaction == FIRST_TRANSACTION ? 0
                                                                                   : MDB_CORRUPTED;
}

sdx_status store_glance_begin(store_txn **out, int dir, sdx_error *err) {
  glance *g = calloc(1, sizeof *g);
  pages p;
  if (g == NULL) return error_memory(err);
  g->txn.glance = g;
  g->reader.fd = openat(dir, "data.mdb", O_RDONLY | O_CLOEXEC);
  sdx_status status = SDX_OK;
  if (g->reader.fd < 0)
    status = error_system(err, errno, "opening data.mdb");
  else if (!pages_look(&p, g->reader.fd) || !datafile_whole(&p) || take(g, &p) != 0)
    status = error_set(err, SDX_DAMAGED, "data.mdb shows nothing at a glance");
  if (status == SDX_OK)
    *out = &g->txn;
  else
    glance_free(g);
  return status;
}

bool store_glance_end(store_txn *t) {
  if (t == NULL) return false;
  pages p;
  const bool same = pages_look(&p, t->glance->reader.fd) && p.transaction == t->base.transaction;
  glance_free(t->glance);
  return same;
}
