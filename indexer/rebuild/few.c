/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/rebuild/few.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/plain.h"
#include "index/holder.h"
#include "indexer/merge.h"
#include "segment/builder.h"

/* Segments that become one. */
typedef struct group {
  sdx_index *index;
  int64_t now;
  holder_id ids[MERGE_INPUTS_MAX];
  size_t count;
  uint64_t items;
  sdx_status status;
  sdx_error err;
} group;

static int fewest_last(const void *a, const void *b) {
  const holder_row *x = a, *y = b;
  if (x->items != y->items) return x->items > y->items ? -1 : 1;
  return x->id < y->id ? -1 : x->id > y->id;
}

/* Deals the `count` smallest out, the larger ones first, each to whoever has least. */
static void deal(group *groups, unsigned threads, const holder_row *rows, size_t count) {
  for (size_t i = 0; i < count; i++) {
    group *least = NULL;
    for (unsigned k = 0; k < threads; k++)
      if (groups[k].count < MERGE_INPUTS_MAX && (least == NULL || groups[k].items < least->items))
        least = &groups[k];
    if (least == NULL) return; /* the next round takes them */
    least->ids[least->count++] = rows[i].id;
    least->items += rows[i].items;
  }
}

static sdx_status choose(sdx_index *index, group *groups, unsigned *threads, sdx_error *err) {
  store_txn *t = NULL;
  holder_row *rows = NULL;
  size_t all = 0;
  sdx_status status = store_read_begin(index->store, &t, err);
  if (status != SDX_OK) return status;
  status = holder_list(t, index->row_key, HOLDER_SEGMENT, &rows, &all, err);
  store_read_end(t);
  if (status == SDX_OK && all > FEW_SEGMENTS) {
    const size_t spare = all - FEW_SEGMENTS; /* that have to go, over and above those that come */
    if (*threads > spare) *threads = (unsigned)spare; /* each gets two at least */
    qsort(rows, all, sizeof *rows, fewest_last);
    deal(groups, *threads, rows + all - spare - *threads, spare + *threads);
  } else {
    *threads = 0;
  }
  plain_free(rows);
  return status;
}

static void *join_group(void *context) {
  group *g = context;
  maintain_tally tally = { 0 };
  g->status =
      g->count > 1 ? merge_run(g->index, g->ids, g->count, g->now, &tally, &g->err) : SDX_OK;
  return NULL;
}

/* One group in the caller's thread, the others beside it. Where a thread cannot be started, its
 * group waits. */
static void join_groups(group *groups, unsigned threads) {
  pthread_t started[FEW_THREADS_MAX];
  bool running[FEW_THREADS_MAX] = { false };
  sigset_t all, before;
  sigfillset(&all);
  const bool masked = pthread_sigmask(SIG_SETMASK, &all, &before) == 0; /* signals are the host's */
  for (unsigned i = 1; i < threads; i++)
    running[i] = masked && pthread_create(&started[i], NULL, join_group, &groups[i]) == 0;
  if (masked) (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  for (unsigned i = 0; i < threads; i++)
    if (!running[i]) (void)join_group(&groups[i]);
  for (unsigned i = 1; i < threads; i++)
    if (running[i]) pthread_join(started[i], NULL);
}

sdx_status few_make(sdx_index *index, unsigned threads, int64_t now, sdx_error *err) {
  group *groups = plain_array(FEW_THREADS_MAX, sizeof *groups);
  if (groups == NULL) return error_memory(err);
  sdx_status status = SDX_OK;
  for (bool more = true; more && status == SDX_OK;) {
    unsigned count = threads < 1 ? 1 : threads < FEW_THREADS_MAX ? threads : FEW_THREADS_MAX;
    for (unsigned i = 0; i < FEW_THREADS_MAX; i++)
      groups[i] = (group){ .index = index, .now = now };
    status = choose(index, groups, &count, err);
    more = count > 0;
    if (status == SDX_OK) join_groups(groups, count);
    for (unsigned i = 0; i < count && status == SDX_OK; i++) {
      status = groups[i].status;
      if (status != SDX_OK && err != NULL) *err = groups[i].err;
    }
  }
  plain_free(groups);
  return status;
}
