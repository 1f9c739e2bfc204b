/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/trash.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"

/* ------------------------------------------------------------------ out of the trash */

static sdx_status read_back(write_txn *w, const uint8_t blind[BLIND_SIZE], const place *p,
                            buffer *plain, journal_record *r, sdx_error *err) {
  seal_key *key = NULL;
  sdx_status status = index_holder_key(w->index, KEYRING_TRASH, p->holder, &key, err);
  if (status == SDX_OK)
    status = journal_get(w->store, w->index->index_id, key, p->holder, p->ordinal, plain, r, err);
  seal_key_free(key);
  if (status == SDX_OK && (r->type != JOURNAL_ITEM || memcmp(r->blind, blind, BLIND_SIZE) != 0))
    status = error_set(err, SDX_DAMAGED, "record %u of holder %016llx is not the item's", p->ordinal,
                       (unsigned long long)p->holder);
  return status;
}

static sdx_status leave_bucket(write_txn *w, const place *p, sdx_error *err) {
  holder_row bucket;
  sdx_status status = journal_delete(w->store, p->holder, p->ordinal, err);
  if (status == SDX_OK)
    status = holder_get(w->store, w->index->row_key, HOLDER_TRASH, p->holder, &bucket, err);
  if (status != SDX_OK) return status;
  if (bucket.items > 0) bucket.items--;
  return holder_put(w->store, w->index->row_key, &bucket, err);
}

sdx_status trash_take_back(write_txn *w, const uint8_t blind[BLIND_SIZE], place *p, sdx_error *err) {
  buffer plain = BUFFER_INIT;
  journal_record r;
  sdx_status status = read_back(w, blind, p, &plain, &r, err);
  if (status == SDX_OK) status = leave_bucket(w, p, err);
  if (status == SDX_OK) status = due_delete(w->store, p->due, p->holder, p->ordinal, err);
  if (status == SDX_OK) {
    r.time = w->now;
    status = journal_append(w, &r, &p->holder, &p->ordinal, err);
  }
  p->due = 0;
  w->due_changed = true;
  buffer_free(&plain);
  return status;
}

/* ------------------------------------------------------------------ buckets */

static int64_t day_of(int64_t time) {
  return time >= 0 ? time / SDX_DAY : -((SDX_DAY - 1 - time) / SDX_DAY);
}

static int by_number(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

static int by_due(const void *a, const void *b) {
  return by_number(&((const trash_bucket *)a)->row.time, &((const trash_bucket *)b)->row.time);
}

/* What a day has and needs. */
typedef struct day_view {
  const holder_row *rows;
  size_t count;
  int64_t day, now;
} day_view;

static bool usable(const day_view *d, const holder_row *row) {
  return !row->damaged && day_of(row->time) == d->day && row->time > d->now;
}

static bool has_bucket_at(const day_view *d, int64_t due) {
  for (size_t i = 0; i < d->count; i++)
    if (usable(d, &d->rows[i]) && d->rows[i].time == due) return true;
  return false;
}

static bool has_bucket_before(const day_view *d, int64_t due) {
  for (size_t i = 0; i < d->count; i++)
    if (usable(d, &d->rows[i]) && d->rows[i].time <= due) return true;
  return false;
}

/* Chooses the seconds that get buckets of their own among a day's `dues` (ascending, each once, none
 * with a bucket yet); they end up in front. */
static size_t choose_seconds(const day_view *d, int64_t *dues, size_t count) {
  size_t taken = 0;
  for (size_t i = 0; i < d->count; i++) taken += day_of(d->rows[i].time) == d->day;
  size_t room = taken < TRASH_PER_DAY ? TRASH_PER_DAY - taken : 0;
  if (count <= room) return count;
  if (room == 0) return has_bucket_before(d, dues[0]) ? 0 : 1;
  for (size_t i = 0; i < room; i++) dues[i] = dues[i * count / room];
  return room;
}

/* Replaces `dues` (ascending) by the seconds that need new buckets; returns how many. */
static size_t needed(const holder_row *rows, size_t row_count, int64_t *dues, size_t count,
                     int64_t now) {
  size_t chosen = 0;
  for (size_t i = 0; i < count;) {
    const day_view d = { rows, row_count, day_of(dues[i]), now };
    size_t n = 0;
    int64_t *mine = dues + chosen; /* never ahead of i */
    for (; i < count && day_of(dues[i]) == d.day; i++) {
      const int64_t due = dues[i];
      if ((n == 0 || mine[n - 1] != due) && !has_bucket_at(&d, due)) mine[n++] = due;
    }
    if (n > 0) chosen += choose_seconds(&d, mine, n);
  }
  return chosen;
}

static sdx_status add_buckets(trash_plan *plan, write_txn *w, const int64_t *dues, size_t count,
                              sdx_error *err) {
  if (count == 0) return SDX_OK;
  key_request *requests = plain_array(count, sizeof *requests);
  if (requests == NULL) return error_memory(err);
  for (size_t i = 0; i < count; i++)
    requests[i] = (key_request){ .kind = KEYRING_TRASH, .due = dues[i] };
  const sdx_status status = write_add_keys(w, requests, count, err);
  for (size_t i = 0; i < count && status == SDX_OK; i++)
    plan->buckets[plan->count++] = (trash_bucket){
      .row = { .kind = HOLDER_TRASH, .id = requests[i].id, .time = dues[i], .was = KEYRING_TRASH },
      .key = requests[i].key
    };
  plain_free(requests);
  return status;
}

sdx_status trash_plan_make(trash_plan *out, write_txn *w, const int64_t *dues, size_t count,
                           sdx_error *err) {
  holder_row *rows = NULL;
  size_t row_count = 0, fresh = 0;
  int64_t *sorted = plain_alloc((count + 1) * sizeof *sorted);
  *out = (trash_plan){ 0 };
  if (sorted == NULL) return error_memory(err);
  if (count > 0) memcpy(sorted, dues, count * sizeof *sorted);
  qsort(sorted, count, sizeof *sorted, by_number);
  sdx_status status =
      holder_list(w->store, w->index->row_key, HOLDER_TRASH, &rows, &row_count, err);
  if (status == SDX_OK) {
    fresh = needed(rows, row_count, sorted, count, w->now);
    out->buckets = plain_array(row_count + fresh + 1, sizeof *out->buckets);
    if (out->buckets == NULL) status = error_memory(err);
  }
  for (size_t i = 0; i < row_count && status == SDX_OK; i++)
    if (!rows[i].damaged && rows[i].time > w->now)
      out->buckets[out->count++] = (trash_bucket){ .row = rows[i] };
  if (status == SDX_OK) status = add_buckets(out, w, sorted, fresh, err);
  if (status == SDX_OK) qsort(out->buckets, out->count, sizeof *out->buckets, by_due);
  else trash_plan_free(out);
  plain_free(rows);
  plain_free(sorted);
  return status;
}

void trash_plan_free(trash_plan *p) {
  for (size_t i = 0; i < p->count; i++) seal_key_free(p->buckets[i].key);
  plain_free(p->buckets);
  *p = (trash_plan){ 0 };
}

sdx_status trash_plan_reload(trash_plan *plan, write_txn *w, sdx_error *err) {
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < plan->count && status == SDX_OK; i++)
    status = holder_get(w->store, w->index->row_key, HOLDER_TRASH, plan->buckets[i].row.id,
                        &plan->buckets[i].row, err);
  return status == SDX_NOT_FOUND ? error_set(err, SDX_DAMAGED, "a trash bucket is gone") : status;
}

static trash_bucket *bucket_for(trash_plan *plan, int64_t due) {
  trash_bucket *best = NULL;
  for (size_t i = 0; i < plan->count && plan->buckets[i].row.time <= due; i++)
    best = &plan->buckets[i];
  return best;
}

sdx_status trash_put(trash_plan *plan, write_txn *w, const journal_record *r, int64_t due,
                     holder_id *holder, uint32_t *sequence, sdx_error *err) {
  trash_bucket *b = bucket_for(plan, due);
  sdx_status status = SDX_OK;
  if (b == NULL) return error_set(err, SDX_INVALID, "no bucket was planned for a due time");
  if (b->key == NULL)
    status = index_holder_key(w->index, KEYRING_TRASH, b->row.id, &b->key, err);
  if (status == SDX_OK) status = journal_put(w, b->key, b->row.id, b->row.records, r, NULL, err);
  if (status != SDX_OK) return status;
  *holder = b->row.id;
  *sequence = b->row.records++;
  b->row.items++;
  return SDX_OK;
}

sdx_status trash_plan_store(trash_plan *plan, write_txn *w, sdx_error *err) {
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < plan->count && status == SDX_OK; i++)
    if (plan->buckets[i].key != NULL)
      status = holder_put(w->store, w->index->row_key, &plan->buckets[i].row, err);
  return status;
}
