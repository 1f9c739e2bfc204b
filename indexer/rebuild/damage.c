/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/rebuild/damage.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/plain.h"
#include "index/holder.h"
#include "segment/builder.h"

static sdx_status push(damage *d, holder_id id, sdx_error *err) {
  holder_id *grown = plain_resize(d->segments, (d->count + 1) * sizeof *grown);
  if (grown == NULL) return error_memory(err);
  d->segments = grown;
  d->segments[d->count++] = id;
  return SDX_OK;
}

bool damage_has(const damage *d, holder_id id) {
  for (size_t i = 0; i < d->count; i++)
    if (d->segments[i] == id) return true;
  return false;
}

void damage_free(damage *d) {
  plain_free(d->segments);
  *d = (damage){ 0 };
}

static bool is_open(const view *v, holder_id id) {
  for (size_t i = 0; i < v->segment_count; i++)
    if (v->segments[i].holder == id) return true;
  return false;
}

/* Published segments that the view could not take. */
static sdx_status find_closed(damage *d, view_read *r, sdx_error *err) {
  holder_row *rows = NULL;
  size_t count = 0;
  sdx_status status = holder_list(r->txn, r->index->row_key, HOLDER_SEGMENT, &rows, &count, err);
  for (size_t i = 0; i < count && status == SDX_OK; i++)
    if (rows[i].damaged || !is_open(r->view, rows[i].id)) status = push(d, rows[i].id, err);
  plain_free(rows);
  return status;
}

static sdx_status check(damage *d, view_read *r, size_t number, sdx_error *err) {
  const view_segment *s = &r->view->segments[number];
  const attributes *a = NULL;
  uint64_t problems = 0;
  sdx_status status = segment_check(s->seg, &r->session, NULL, NULL, &problems, NULL);
  r->session.status = SDX_OK;
  if (status == SDX_OK && problems == 0) status = view_attributes(r, number, &a, NULL);
  if (status == SDX_OK && problems == 0) return SDX_OK;
  if (status != SDX_OK && status != SDX_DAMAGED)
    return error_set(err, status, "a segment could not be checked");
  return push(d, s->holder, err);
}

sdx_status damage_find(damage *out, sdx_index *index, int64_t now, sdx_error *err) {
  view_read r;
  *out = (damage){ 0 };
  sdx_status status = view_begin_at(&r, index, 0, now, err);
  if (status != SDX_OK) return status;
  status = find_closed(out, &r, err);
  for (size_t i = 0; i < r.view->segment_count && status == SDX_OK; i++)
    if (r.view->segments[i].holder != 0) status = check(out, &r, i, err);
  view_end(&r);
  return status;
}
