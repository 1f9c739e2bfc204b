/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The public call: what is asked for, and the walk over the source that all its modes share. */
#include <unistd.h>

#include "base/error.h"
#include "indexer/rebuild/compare.h"
#include "indexer/rebuild/mend.h"
#include "indexer/rebuild/rebuild.h"
#include "indexer/rebuild/salvage.h"

/* ------------------------------------------------------------------ news */

static uint64_t *counter(sdx_reindex_report *r, sdx_finding what) {
  switch (what) {
  case SDX_FINDING_MISSING:
    return &r->missing;
  case SDX_FINDING_STALE:
    return &r->stale;
  case SDX_FINDING_EXTRA:
    return &r->extra;
  case SDX_FINDING_DUPLICATE:
    return &r->duplicate;
  case SDX_FINDING_HIDDEN:
    return &r->hidden;
  case SDX_FINDING_FAILED:
    return &r->failed;
  case SDX_FINDING_PARTIAL:
    return &r->partial;
  case SDX_FINDING_SKIPPED:
    return &r->skipped;
  }
  return &r->failed;
}

void reindexing_tell(reindexing *r, sdx_finding what, sdx_bytes id, const char *reason) {
  ++*counter(r->report, what);
  if (r->options->found != NULL) r->options->found(r->options->context, what, id, reason);
}

/* ------------------------------------------------------------------ the walk */

static void tell_of(reindexing *r, const sdx_entry *e) {
  if (e->state == SDX_ENTRY_SKIPPED)
    reindexing_tell(r, SDX_FINDING_SKIPPED, e->id, e->reason);
  else
    reindexing_tell(r, e->repeated ? SDX_FINDING_DUPLICATE : SDX_FINDING_FAILED, e->id, e->reason);
}

static sdx_status take(reindexing *r, const sdx_entry *e, item_work *work, reindexing_each each,
                       void *context, sdx_error *err) {
  sdx_error refused = { 0 };
  sdx_status status = item_prepare(work, r->index, e->item, &refused);
  if (status == SDX_OK) status = each(context, e->item, work, &refused);
  if (status == SDX_INVALID) {
    reindexing_tell(r, SDX_FINDING_FAILED, e->id, refused.message);
    return SDX_OK;
  }
  if (status != SDX_OK) {
    if (err != NULL) *err = refused;
    return status;
  }
  r->report->items++;
  if (e->state == SDX_ENTRY_PARTIAL) reindexing_tell(r, SDX_FINDING_PARTIAL, e->id, e->reason);
  return SDX_OK;
}

sdx_status reindexing_walk(reindexing *r, reindexing_each each, void *context, sdx_error *err) {
  const sdx_reindex_options *o = r->options;
  const sdx_entry *e;
  item_work work = { 0 };
  sdx_status status;
  while ((status = sdx_source_next(r->source, &e, err)) == SDX_OK) {
    if (e->item == NULL)
      tell_of(r, e);
    else
      status = take(r, e, &work, each, context, err);
    if (status != SDX_OK) break;
    r->report->bytes = e->bytes_done;
    if (o->progress != NULL && !o->progress(o->context, r->report, e->bytes_total)) {
      status = error_set(err, SDX_CANCELLED, "stopped; what was committed stays");
      break;
    }
  }
  item_work_free(&work);
  return status == SDX_NOT_FOUND ? SDX_OK : status;
}

/* ------------------------------------------------------------------ the call */

/* Blind ids are kept for long: meanwhile the keys that make them stay. Once we have the lock, a
 * replacement that was under way is waited for (where nothing is written, as well as that can be).
 */
static int pin_keys(reindexing *r, sdx_error *err) {
  write_txn w;
  const int lock = index_batch_lock(r->index);
  if (lock < 0) error_system(err, errno, "cannot lock the index directory");
  if (lock >= 0 && write_begin(&w, r->index, r->now, false, NULL) == SDX_OK) write_abort(&w);
  return lock;
}

static sdx_status salvage_alone(reindexing *r, sdx_error *err) {
  damage d = { 0 };
  sdx_status status = damage_find(&d, r->index, r->now, err);
  if (status == SDX_OK && !r->options->dry_run) status = salvage_run(r, &d, err);
  damage_free(&d);
  return status;
}

static sdx_status run(reindexing *r, sdx_error *err) {
  switch (r->options->mode) {
  case SDX_REINDEX_COMPARE:
    return compare_run(r, err);
  case SDX_REINDEX_MISSING:
    return mend_run(r, err);
  case SDX_REINDEX_ALL:
    return rebuild_run(r, err);
  case SDX_REINDEX_SALVAGE:
    return salvage_alone(r, err);
  }
  return error_set(err, SDX_INVALID, "reindex: there is no such mode");
}

sdx_status sdx_reindex(sdx_index *index, sdx_source *source, const sdx_reindex_options *options,
                       sdx_reindex_report *report, sdx_error *err) {
  const sdx_reindex_options defaults = SDX_REINDEX_OPTIONS_INIT;
  sdx_reindex_report unread;
  reindexing r = { .index = index,
                   .source = source,
                   .options = options != NULL ? options : &defaults,
                   .report = report != NULL ? report : &unread };
  sdx_status status = index_check(index, err);
  if (status != SDX_OK) return status;
  if ((source == NULL && r.options->mode != SDX_REINDEX_SALVAGE) || r.options->version != 1)
    return error_set(err, SDX_INVALID, "reindex: a source and options of version 1 are needed");
  *r.report = (sdx_reindex_report){ 0 };
  r.now = index_now(index, r.options->now);
  const int lock = pin_keys(&r, err);
  if (lock < 0) return SDX_SYSTEM;
  status = run(&r, err);
  close(lock);
  return status;
}
