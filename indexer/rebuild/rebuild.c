/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/rebuild/rebuild.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/plain.h"
#include "indexer/fold.h"
#include "indexer/lost.h"
#include "indexer/maintain.h"
#include "indexer/merge.h"
#include "indexer/rebuild/few.h"
#include "indexer/rebuild/lane.h"
#include "indexer/rebuild/salvage.h"
#include "indexer/rebuild/swap.h"
#include "segment/builder.h"

#define MEMORY_DEFAULT ((size_t)384 << 20) /* of a million items the whole process stays below 512 MB */
#define MEMORY_BASE ((size_t)34 << 20) /* what is there beside the lanes' postings */
#define MEMORY_LANE                                                                                \
  ((size_t)8 << 20) /* a lane's analyser, entries read ahead, blocks on their way */
#define MEMORY_LANE_MIN ((size_t)6 << 20)
#define ROUNDS 5        /* walks over the source, where a purge took something that was read */
#define ATTEMPTS 5      /* swaps, where something stood in the way */
#define SEGMENTS_MAX 60 /* that a swap takes at once */
#define TICK_MS 100

/* ------------------------------------------------------------------ what lanes call */

void rebuild_tell(rebuild *b, sdx_finding what, sdx_bytes id, const char *reason) {
  pthread_mutex_lock(&b->lock);
  reindexing_tell(b->r, what, id, reason);
  pthread_mutex_unlock(&b->lock);
}

bool rebuild_is_own(const rebuild *b, holder_id id) {
  for (size_t i = 0; i < b->own_count; i++)
    if (b->own[i] == id) return true;
  return false;
}

/* ------------------------------------------------------------------ what an interrupted run left
 */

static sdx_status recall_one(rebuild *b, store_txn *t, const holder_row *row, sdx_error *err) {
  fresh_walk walk;
  fresh_entry e;
  sdx_status status = fresh_walk_open(&walk, t, b->r->index->table_key, row->id, err);
  if (status != SDX_OK) return status;
  while ((status = fresh_walk_next(&walk, &e, err)) == SDX_OK)
    if (!done_set_add(&b->done, e.origin)) {
      status = error_memory(err);
      break;
    }
  fresh_walk_close(&walk);
  return status == SDX_NOT_FOUND ? SDX_OK : status;
}

/* Fresh segments by another analyser, or with damage, are of no use. */
static sdx_status recall(rebuild *b, bool *usable, sdx_error *err) {
  store_txn *t = NULL;
  holder_row *rows = NULL;
  size_t count = 0;
  *usable = true;
  sdx_status status = store_read_begin(b->r->index->store, &t, err);
  if (status != SDX_OK) return status;
  status = fresh_list(t, b->r->index->row_key, &rows, &count, err);
  for (size_t i = 0; i < count && status == SDX_OK && *usable; i++) {
    if (rows[i].damaged || rows[i].analyser != TEXT_ANALYSER_VERSION)
      *usable = false;
    else
      status = recall_one(b, t, &rows[i], err);
  }
  if (status == SDX_DAMAGED) {
    *usable = false;
    status = SDX_OK;
  }
  b->r->report->resumed = *usable && count > 0;
  plain_free(rows);
  store_read_end(t);
  return status;
}

static sdx_status take_up(rebuild *b, bool anew, sdx_error *err) {
  bool usable = !anew;
  done_set_free(&b->done);
  sdx_status status = usable ? recall(b, &usable, err) : SDX_OK;
  if (status != SDX_OK || usable) return status;
  done_set_free(&b->done);
  if (b->r->options->dry_run) return SDX_OK;
  return fresh_give_up_all(b->r->index, b->r->now, err);
}

/* ------------------------------------------------------------------ lanes */

static bool skip_done(void *context, uint64_t origin) {
  return done_set_meet(context, origin);
}

/* Processors that this process may run on: more lanes than that would only share its memory out. */
static long usable_processors(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
                                                     : sysconf(_SC_NPROCESSORS_ONLN);
}

static unsigned lane_count(const reindexing *r) {
  const long cores = usable_processors();
  unsigned lanes = r->options->jobs != 0 ? r->options->jobs : cores > 0 ? (unsigned)cores : 1;
  const size_t memory = r->options->memory != 0 ? r->options->memory : MEMORY_DEFAULT;
  if (lanes > REBUILD_LANES_MAX) lanes = REBUILD_LANES_MAX;
  while (lanes > 1 && memory < MEMORY_BASE + lanes * (MEMORY_LANE + MEMORY_LANE_MIN)) lanes--;
  return lanes;
}

static size_t lane_memory(const reindexing *r, unsigned lanes) {
  const size_t memory = r->options->memory != 0 ? r->options->memory : MEMORY_DEFAULT;
  const size_t fixed = MEMORY_BASE + lanes * MEMORY_LANE;
  const size_t each =
      memory > fixed ? (memory - fixed) / lanes / 5 * 4 : 0; /* writing takes a fifth */
  return each > MEMORY_LANE_MIN ? each : MEMORY_LANE_MIN;
}

typedef struct crew {
  rebuild *b;
  lane lanes[REBUILD_LANES_MAX];
  pthread_t threads[REBUILD_LANES_MAX];
  unsigned opened, started;
  atomic_uint running;
} crew;

static void report_progress(crew *c) {
  rebuild *b = c->b;
  const sdx_reindex_options *o = b->r->options;
  uint64_t bytes = 0;
  for (unsigned i = 0; i < c->opened; i++) bytes += atomic_load(&c->lanes[i].bytes);
  pthread_mutex_lock(&b->lock);
  b->r->report->bytes = bytes;
  if (o->progress != NULL && !o->progress(o->context, b->r->report, source_total(b->r->source)))
    atomic_store(&b->stop, true);
  pthread_mutex_unlock(&b->lock);
}

typedef struct lane_body {
  crew *c;
  lane *l;
} lane_body;

static void *body(void *context) {
  lane_body *given = context;
  crew *c = given->c;
  (void)lane_run(given->l);
  atomic_fetch_sub(&c->running, 1);
  return NULL;
}

static sdx_status run_crew(crew *c, unsigned lanes, sdx_error *err) {
  rebuild *b = c->b;
  lane_body bodies[REBUILD_LANES_MAX];
  const size_t memory = lane_memory(b->r, lanes);
  const struct timespec tick = { .tv_nsec = TICK_MS * 1000000L };
  sdx_status status = SDX_OK;
  for (; c->opened < lanes && status == SDX_OK; c->opened++) {
    const source_share share = {
      .lane = c->opened, .lanes = lanes, .done = skip_done, .context = &b->done
    };
    status = lane_open(&c->lanes[c->opened], b, &share, memory, err);
  }
  for (; status == SDX_OK && c->started < lanes; c->started++) {
    bodies[c->started] = (lane_body){ c, &c->lanes[c->started] };
    atomic_fetch_add(&c->running, 1);
    const int failed = pthread_create(&c->threads[c->started], NULL, body, &bodies[c->started]);
    if (failed == 0) continue;
    atomic_fetch_sub(&c->running, 1);
    atomic_store(&b->stop, true);
    status = error_system(err, failed, "cannot start a thread");
    break;
  }
  while (atomic_load(&c->running) > 0) {
    nanosleep(&tick, NULL);
    report_progress(c);
  }
  for (unsigned i = 0; i < c->started; i++) pthread_join(c->threads[i], NULL);
  if (status == SDX_OK) report_progress(c);
  for (unsigned i = 0; i < c->started; i++) { /* the failure that stopped the others says why */
    const lane *l = &c->lanes[i];
    if (l->status == SDX_OK || (status != SDX_OK && status != SDX_CANCELLED)) continue;
    status = l->status;
    if (status != SDX_CANCELLED && err != NULL) *err = l->err;
  }
  if (status == SDX_CANCELLED || (status == SDX_OK && atomic_load(&b->stop)))
    status = error_set(err, SDX_CANCELLED, "stopped; what was read is kept: run it again to go on");
  return status;
}

static sdx_status note_generation(rebuild *b, sdx_error *err) {
  store_txn *t = NULL;
  meta_head head = { 0 };
  sdx_status status = store_read_begin(b->r->index->store, &t, err);
  if (status != SDX_OK) return status;
  status = meta_head_get(t, &head, err);
  b->since = head.generation;
  store_read_end(t);
  return status;
}

static sdx_status read_source(rebuild *b, sdx_error *err) {
  crew *c = plain_alloc(sizeof *c);
  if (c == NULL) return error_memory(err);
  c->b = b;
  seen_set_free(&b->seen);
  sdx_status status = note_generation(b, err);
  if (status == SDX_OK) status = run_crew(c, lane_count(b->r), err);
  for (unsigned i = 0; i < c->opened; i++) lane_close(&c->lanes[i]);
  plain_free(c);
  return status;
}

/* ------------------------------------------------------------------ the swap */

/* True where all that this run has made is still there. */
static sdx_status is_whole(rebuild *b, bool *whole, sdx_error *err) {
  store_txn *t = NULL;
  holder_row row;
  *whole = true;
  sdx_status status = store_read_begin(b->r->index->store, &t, err);
  if (status != SDX_OK) return status;
  for (size_t i = 0; i < b->own_count && *whole && status == SDX_OK; i++) {
    status = holder_get(t, b->r->index->row_key, HOLDER_FRESH, b->own[i], &row, err);
    if (status == SDX_NOT_FOUND) *whole = false;
    if (status == SDX_NOT_FOUND) status = SDX_OK;
  }
  store_read_end(t);
  return status;
}

/* More segments than a merge takes at once: the swap's merge is preceded by another. */
static sdx_status thin_out(rebuild *b, maintain_tally *tally, sdx_error *err) {
  store_txn *t = NULL;
  holder_row *rows = NULL;
  size_t count = 0;
  sdx_index *index = b->r->index;
  sdx_status status = store_read_begin(index->store, &t, err);
  if (status != SDX_OK) return status;
  status = holder_list(t, index->row_key, HOLDER_SEGMENT, &rows, &count, err);
  store_read_end(t);
  while (status == SDX_OK && count > SEGMENTS_MAX) {
    holder_id ids[SEGMENTS_MAX];
    for (size_t i = 0; i < SEGMENTS_MAX; i++) ids[i] = rows[--count].id;
    status = merge_run(index, ids, SEGMENTS_MAX, b->r->now, tally, err);
  }
  plain_free(rows);
  return status;
}

static sdx_status swap_locked(rebuild *b, bool *whole, sdx_error *err) {
  sdx_index *index = b->r->index;
  maintain_tally tally = { 0 };
  sdx_status status = is_whole(b, whole, err);
  if (status != SDX_OK || !*whole) return status;
  status = write_settle(index, b->r->now, err);
  if (status == SDX_OK) status = fold_run(index, b->r->now, &tally, err);
  if (status == SDX_OK) status = thin_out(b, &tally, err);
  for (int i = 0; i < ATTEMPTS && status == SDX_OK; i++) {
    status = swap_run(b, err);
    if (status != SDX_LOCKED) break;
    status = i + 1 < ATTEMPTS ? SDX_OK : status;
  }
  return status;
}

static sdx_status put_in_place(rebuild *b, bool *whole, sdx_error *err) {
  sdx_index *index = b->r->index;
  sdx_status status = index_maintenance_begin(index, true, err);
  if (status != SDX_OK) return status;
  status = swap_locked(b, whole, err);
  index_maintenance_end(index);
  if (status == SDX_OK && *whole) b->r->report->swapped = true;
  return status;
}

/* Few segments, quickly: the next upkeep makes one of them. What fails here is not the rebuild's:
 * upkeep does that, too. */
static void tidy_up(rebuild *b) {
  sdx_index *index = b->r->index;
  if (index_maintenance_begin(index, true, NULL) != SDX_OK) return;
  if (few_make(index, lane_count(b->r), b->r->now, NULL) == SDX_OK)
    (void)!lost_recount(index, b->r->now, NULL);
  index_maintenance_end(index);
}

/* ------------------------------------------------------------------ the whole */

static sdx_status lock(rebuild *b, int *fd, sdx_error *err) {
  sdx_status status = index_maintenance_begin(b->r->index, true, err);
  if (status != SDX_OK) return status;
  *fd = write_rebuild_lock(b->r->index);
  index_maintenance_end(b->r->index);
  return *fd >= 0 ? SDX_OK : error_set(err, SDX_LOCKED, "another process rebuilds the index");
}

static sdx_status run(rebuild *b, sdx_error *err) {
  const bool dry = b->r->options->dry_run;
  sdx_status status = damage_find(&b->damage, b->r->index, b->r->now, err);
  if (status == SDX_OK && !dry) status = salvage_run(b->r, &b->damage, err);
  const uint64_t salvaged = b->r->report->salvaged, unreadable = b->r->report->unreadable;
  bool whole = false;
  for (int round = 0; round < ROUNDS && status == SDX_OK && !whole; round++) {
    const bool resumed = b->r->report->resumed;
    *b->r->report =
        (sdx_reindex_report){ .resumed = resumed, .salvaged = salvaged, .unreadable = unreadable };
    b->own_count = 0;
    status = take_up(b, b->r->options->anew && round == 0, err);
    if (round > 0) b->r->report->resumed = resumed;
    if (round > 0 && status == SDX_OK) status = source_again(b->r->source, err);
    if (status == SDX_OK) status = read_source(b, err);
    if (dry) return status;
    if (status == SDX_OK) status = put_in_place(b, &whole, err);
  }
  if (status == SDX_OK && !whole)
    return error_set(err, SDX_LOCKED, "purges took what was read again and again: try again later");
  if (status == SDX_OK) tidy_up(b);
  return status;
}

sdx_status rebuild_run(reindexing *r, sdx_error *err) {
  rebuild b = { .r = r };
  int fd = -1;
  sdx_status status = r->options->dry_run ? SDX_OK : lock(&b, &fd, err);
  if (status != SDX_OK) return status;
  pthread_mutex_init(&b.lock, NULL);
  status = run(&b, err);
  pthread_mutex_destroy(&b.lock);
  damage_free(&b.damage);
  done_set_free(&b.done);
  seen_set_free(&b.seen);
  plain_free(b.own);
  if (fd >= 0) close(fd);
  return status;
}
