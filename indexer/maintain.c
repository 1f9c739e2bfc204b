/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/maintain.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "index/due.h"
#include "indexer/fold.h"
#include "indexer/key_set.h"
#include "indexer/lost.h"
#include "indexer/merge.h"
#include "indexer/merge_policy.h"

/* Segments that did not open in this run: nobody tries them again. */
typedef struct skipped {
  holder_id *ids;
  size_t count;
} skipped;

static bool is_skipped(const skipped *s, holder_id id) {
  for (size_t i = 0; i < s->count; i++)
    if (s->ids[i] == id) return true;
  return false;
}

static sdx_status skip(skipped *s, const holder_id *ids, size_t count, sdx_error *err) {
  holder_id *grown = plain_resize(s->ids, (s->count + count) * sizeof *grown);
  if (grown == NULL) return error_memory(err);
  memcpy(grown + s->count, ids, count * sizeof *ids);
  s->ids = grown;
  s->count += count;
  return SDX_OK;
}

/* ------------------------------------------------------------------ what there is to do */

/* What a merge could not leave out now does not ask for one: it would be asked for again and again. */
static void weigh(merge_candidate *c, const due_set *due, const recent *journal, int64_t retention,
                  int64_t now) {
  size_t count;
  const due_row *rows = due_set_of(due, c->id, &count);
  c->oldest_dead = INT64_MAX;
  for (size_t i = 0; i < count; i++) {
    if (!merge_leaves_out(&rows[i], journal, now)) continue;
    if (c->dead < c->items) c->dead++;
    const int64_t since = due_counts_from(&rows[i], retention);
    if (since < c->oldest_dead) c->oldest_dead = since;
    if (rows[i].due <= now) c->due = true;
  }
}

static sdx_status list_candidates(sdx_index *index, const skipped *skip, int64_t now,
                                  merge_candidate **out, size_t *count, sdx_error *err) {
  store_txn *t = NULL;
  holder_row *rows = NULL;
  due_set *due = NULL;
  recent *journal = NULL;
  size_t row_count = 0;
  *count = 0;
  *out = NULL;
  sdx_status status = store_read_begin(index->store, &t, err);
  if (status != SDX_OK) return status;
  status = holder_list(t, index->row_key, HOLDER_SEGMENT, &rows, &row_count, err);
  if (status == SDX_OK) status = due_set_load(&due, t, index->row_key, NULL, err);
  if (status == SDX_OK) status = recent_load(&journal, index, t, NULL, 0, err);
  if (status == SDX_OK) {
    *out = plain_array(row_count + 1, sizeof **out);
    if (*out == NULL) status = error_memory(err);
  }
  for (size_t i = 0; i < row_count && status == SDX_OK; i++) {
    if (rows[i].damaged || is_skipped(skip, rows[i].id)) continue;
    merge_candidate *c = &(*out)[(*count)++];
    c->id = rows[i].id;
    c->items = rows[i].items;
    weigh(c, due, journal, index->settings.retention, now);
  }
  recent_release(journal);
  due_set_release(due);
  plain_free(rows);
  store_read_end(t);
  return status;
}

/* The next merge's segments, in *ids; none: *count 0. */
static sdx_status choose(sdx_index *index, const skipped *skip, bool all, uint64_t limit, int64_t old,
                         int64_t now, holder_id **ids, size_t *count, sdx_error *err) {
  merge_candidate *candidates = NULL;
  size_t segments = 0;
  *ids = NULL;
  *count = 0;
  sdx_status status = list_candidates(index, skip, now, &candidates, &segments, err);
  const size_t chosen = status == SDX_OK ? merge_choose(candidates, segments, all, limit, old) : 0;
  if (chosen > 0) {
    *ids = plain_array(chosen, sizeof **ids);
    if (*ids == NULL) status = error_memory(err);
    for (size_t i = 0; i < segments && *ids != NULL; i++)
      if (candidates[i].chosen) (*ids)[(*count)++] = candidates[i].id;
  }
  plain_free(candidates);
  return status;
}

/* ------------------------------------------------------------------ doing it */

/* Merges for as long as the policy finds some within the limit. */
static sdx_status merge_all(sdx_index *index, bool all, uint64_t limit, int64_t old, int64_t now,
                            maintain_tally *tally, sdx_error *err) {
  skipped skip_list = { 0 };
  sdx_status status = SDX_OK;
  for (bool more = true; more && status == SDX_OK;) {
    holder_id *ids;
    size_t count;
    status = choose(index, &skip_list, all, limit, old, now, &ids, &count, err);
    more = status == SDX_OK && count > 0;
    if (more) status = merge_run(index, ids, count, now, tally, err);
    if (more && status == SDX_DAMAGED) {
      tally->damaged += count;
      status = skip(&skip_list, ids, count, err);
    }
    if (all && count <= 1) more = false; /* one that was rewritten is as good as it gets */
    plain_free(ids);
  }
  plain_free(skip_list.ids);
  return status;
}

/* ------------------------------------------------------------------ when tombstones are old */

/* True where the tombstones that wait in segments are so many that rewriting all of these costs few items
 * for each that goes. */
static sdx_status many_wait(sdx_index *index, int64_t now, bool *yes, sdx_error *err) {
  const skipped none = { 0 };
  merge_candidate *candidates = NULL;
  size_t count = 0;
  uint64_t items = 0, dead = 0;
  sdx_status status = list_candidates(index, &none, now, &candidates, &count, err);
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    items += candidates[i].items;
    dead += candidates[i].dead;
  }
  *yes = status == SDX_OK && dead > 0 && dead * 100 >= items * MAINTAIN_WAITING_PERCENT;
  plain_free(candidates);
  return status;
}

/* Tombstones of this time or before go to the trash now:
 *   - after five ninths of the retention time at the latest (25 of 45 days). In an index of fewer items than
 *     MAINTAIN_MANY_ITEMS the sooner the fewer it has, and in one of MAINTAIN_FEW_ITEMS at once: there it
 *     costs little;
 *   - whatever would be past two thirds of it (30 days) when the key comes next, if it stays away half as
 *     long again as it did last time.
 * So a user who comes rarely leaves none behind, and for one who comes every day each segment is rewritten
 * once in 25 days. Where many wait, all of them are old: if the key never came again, a sweep would purge
 * much that lives beside them. */
static int64_t old_since(sdx_index *index, int64_t away, int64_t now) {
  const int64_t retention = index->settings.retention;
  int64_t age = retention / 3 * 2 - (away < retention ? away / 2 * 3 : retention * 2);
  int64_t most = retention / 9 * 5;
  store_space space;
  if (store_measure(index->store, &space, NULL) == SDX_OK && space.entries[STORE_IDS] < MAINTAIN_MANY_ITEMS) {
    const uint64_t items = space.entries[STORE_IDS], few = MAINTAIN_FEW_ITEMS;
    most = most / (MAINTAIN_MANY_ITEMS - MAINTAIN_FEW_ITEMS) * (int64_t)(items > few ? items - few : 0);
  }
  if (age > most) age = most;
  return now - (age > 0 ? age : 0);
}

/* How long the key was away; notes that it is here, once a day. */
static sdx_status note_upkeep(sdx_index *index, int64_t now, int64_t *away, sdx_error *err) {
  store_txn *t = NULL;
  write_txn w;
  int64_t last = 0;
  *away = 0;
  sdx_status status = store_read_begin(index->store, &t, err);
  if (status != SDX_OK) return status;
  status = meta_upkeep_get(t, &last, err);
  store_read_end(t);
  if (status == SDX_OK && last != 0 && now > last) *away = now - last;
  if (status != SDX_OK || (last != 0 && now >= last && now - last < SDX_DAY)) return status;
  status = write_begin(&w, index, now, false, err);
  if (status != SDX_OK) return status;
  w.visible = false;
  status = meta_upkeep_put(w.store, now, err);
  if (status == SDX_OK) return write_commit(&w, err);
  write_abort(&w);
  return status;
}

sdx_status maintain_run(sdx_index *index, bool all, int64_t now, maintain_tally *tally,
                        sdx_error *err) {
  int64_t away = 0;
  bool many = false;
  sdx_status status = fold_run(index, now, tally, err);
  if (status == SDX_OK) status = note_upkeep(index, now, &away, err);
  if (status == SDX_OK) status = many_wait(index, now, &many, err);
  if (status == SDX_OK) {
    const int64_t old = many ? now : old_since(index, away, now);
    status = merge_all(index, all, UINT64_MAX, old, now, tally, err);
  }
  if (status == SDX_OK) status = key_set_keep_fresh(index, now, err);
  if (status == SDX_OK && all) status = lost_recount(index, now, err);
  return status;
}

/* What a single add may be made to wait for. */
static bool is_small(sdx_index *index) {
  store_space space;
  return store_measure(index->store, &space, NULL) == SDX_OK &&
         space.entries[STORE_IDS] <= MAINTAIN_SMALL_ITEMS;
}

void maintain_after_write(sdx_index *index, const meta_head *head, bool segments, int64_t now) {
  maintain_tally tally = { 0 };
  const bool fold =
      head->journal_records >= MAINTAIN_FOLD_RECORDS || head->journal_bytes >= MAINTAIN_FOLD_BYTES;
  if ((!fold && !segments) || index_deposits(index)) return;
  if (index_maintenance_begin(index, false, NULL) != SDX_OK) return;
  if (!fold || fold_run(index, now, &tally, NULL) == SDX_OK)
    (void)!merge_all(index, false, MAINTAIN_ADD_ITEMS, now - index->settings.retention / 9 * 5, now, &tally,
                     NULL);
  if (key_set_is_due(index, head, now) && (key_set_is_overdue(index, head, now) || is_small(index)))
    (void)!key_set_keep_fresh(index, now, NULL);
  index_maintenance_end(index);
}

sdx_status sdx_maintain(sdx_index *index, bool all, int64_t now, sdx_error *err) {
  maintain_tally tally = { 0 };
  sdx_status status = index_check(index, err);
  if (status != SDX_OK) return status;
  now = index_now(index, now);
  status = index_maintenance_begin(index, true, err);
  if (status != SDX_OK) return status;
  status = write_settle(index, now, err);
  if (status == SDX_OK) status = maintain_run(index, all, now, &tally, err);
  index_maintenance_end(index);
  if (status == SDX_OK && tally.damaged > 0)
    return error_set(err, SDX_DAMAGED, "%llu segments or records do not open: verify names them",
                     (unsigned long long)tally.damaged);
  return status;
}
