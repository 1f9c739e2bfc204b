/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/rebuild/mend.h"

#include "base/error.h"
#include "indexer/lost.h"
#include "indexer/maintain.h"
#include "indexer/rebuild/compare.h"
#include "indexer/rebuild/salvage.h"

/* One commit for so many items or bytes of input: an interrupted run keeps what it has done. */
#define COMMIT_ITEMS 20000
#define COMMIT_BYTES (64U << 20)

typedef struct mending {
  reindexing *r;
  damage damage;
  sdx_batch *batch;
  uint64_t waiting;    /* items in the batch */
  uint64_t bytes_done; /* when it began */
} mending;

static sdx_status commit(mending *m, sdx_error *err) {
  sdx_batch *batch = m->batch;
  if (batch == NULL) return SDX_OK;
  m->batch = NULL;
  const sdx_status status = sdx_batch_commit(batch, err);
  if (status == SDX_OK) m->r->report->added += m->waiting;
  m->waiting = 0;
  return status;
}

static sdx_status add(mending *m, const sdx_item *item, sdx_error *err) {
  const sdx_batch_options options = { .version = 1,
                                      .now = m->r->now,
                                      .memory = m->r->options->memory };
  sdx_status status = SDX_OK;
  if (m->batch == NULL) {
    m->bytes_done = m->r->report->bytes;
    status = sdx_batch_begin(&m->batch, m->r->index, &options, err);
  }
  if (status == SDX_OK) status = sdx_batch_add(m->batch, item, NULL, err);
  if (status != SDX_OK) return status;
  m->waiting++;
  if (m->waiting < COMMIT_ITEMS && m->r->report->bytes - m->bytes_done < COMMIT_BYTES)
    return SDX_OK;
  return commit(m, err);
}

static sdx_status take(void *context, const sdx_item *item, item_work *work, sdx_error *err) {
  mending *m = context;
  comparison found;
  const char *reason;
  const sdx_status status = compare_item(m->r, &m->damage, item, work, &found, &reason, err);
  if (status != SDX_OK) return status;
  if (found == COMPARE_SYNCED) m->r->report->synced++;
  if (found == COMPARE_STALE) m->r->report->stale++;
  if (found == COMPARE_HIDDEN) m->r->report->hidden++;
  if (found != COMPARE_MISSING) return SDX_OK;
  reindexing_tell(m->r, SDX_FINDING_MISSING, item->id, reason);
  return m->r->options->dry_run ? SDX_OK : add(m, item, err);
}

/* Journal records that do not open are given up, so that their items count as lost. */
static sdx_status prepare(reindexing *r, sdx_error *err) {
  if (r->options->dry_run) return SDX_OK;
  const sdx_status status = sdx_maintain(r->index, false, r->now, err);
  return status == SDX_DAMAGED ? SDX_OK : status;
}

sdx_status mend_run(reindexing *r, sdx_error *err) {
  mending m = { .r = r };
  sdx_status status = prepare(r, err);
  if (status == SDX_OK) status = damage_find(&m.damage, r->index, r->now, err);
  if (status == SDX_OK && !r->options->dry_run) status = salvage_run(r, &m.damage, err);
  if (status == SDX_OK) status = reindexing_walk(r, take, &m, err);
  if (status == SDX_OK || status == SDX_CANCELLED) {
    sdx_error at_commit = { 0 };
    const sdx_status kept = commit(&m, &at_commit);
    if (status == SDX_OK && kept != SDX_OK && err != NULL) *err = at_commit;
    if (status == SDX_OK) status = kept;
  }
  if (m.batch != NULL) sdx_batch_abort(m.batch);
  if (status == SDX_OK && !r->options->dry_run) status = lost_recount(r->index, r->now, err);
  damage_free(&m.damage);
  return status;
}
