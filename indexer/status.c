/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of an index, for its owner and his operator: counts, bytes and times. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/error.h"
#include "index/due.h"
#include "index/meta.h"
#include "index/view.h"

static sdx_status count_due(store_txn *t, const row_keys *row_key, int64_t now, sdx_state *out,
                            sdx_error *err) {
  store_cursor *c = NULL;
  sdx_bytes key, value;
  due_row row;
  sdx_status status = store_cursor_open(t, STORE_DUE, &c, err);
  if (status != SDX_OK) return status;
  for (status = store_cursor_seek(c, NULL, 0, &key, &value, err); status == SDX_OK;
       status = store_cursor_next(c, &key, &value, err)) {
    status = due_decode(&row, row_key, key, value, err);
    if (status != SDX_OK) break;
    if (row.reason == DUE_SUPERSEDED) out->superseded++;
    else if (due_dead(&row, now)) out->deleted++;
  }
  store_cursor_close(c);
  return status == SDX_NOT_FOUND ? SDX_OK : status;
}

static void describe_view(const view *v, sdx_state *out) {
  out->live = v->live;
  out->complete = v->partial == 0;
  out->missing = v->missing_items;
  for (size_t i = 0; i < v->segment_count; i++) {
    const segment_info *about = segment_about(v->segments[i].seg);
    out->text_bytes += about->text_bytes;
    if (about->analyser < TEXT_ANALYSER_VERSION) out->reindex_due = true;
    if (v->segments[i].holder != 0) out->segments++;
  }
}

static sdx_status read_meta(store_txn *t, sdx_state *out, sdx_error *err) {
  meta_head head;
  meta_sweep sweep;
  sdx_status status = meta_head_get(t, &head, err);
  if (status == SDX_OK) status = meta_sweep_get(t, &sweep, err);
  if (status == SDX_OK) status = meta_closed_get(t, &out->closed_since, err);
  if (status != SDX_OK) return status;
  out->generation = head.generation;
  out->journal_records = head.journal_records;
  out->last_sweep = sweep.ever ? sweep.last : 0;
  return SDX_OK;
}

static sdx_status measure(sdx_index *index, sdx_state *out, sdx_error *err) {
  store_space space;
  struct stat st;
  char path[4096];
  const sdx_status status = store_measure(index->store, &space, err);
  if (status != SDX_OK) return status;
  out->file_bytes = space.file_size;
  out->used_bytes = space.used_pages * space.page_size;
  if (snprintf(path, sizeof path, "%s/keyring", index->dir) < (int)sizeof path && stat(path, &st) == 0)
    out->keyring_bytes = (uint64_t)st.st_size;
  return SDX_OK;
}

sdx_status sdx_status_of(sdx_index *index, int64_t now, sdx_state *out, sdx_error *err) {
  view_read r;
  if (out == NULL) return error_no_place(err);
  sdx_status status = index_check(index, err);
  if (status == SDX_OK) status = view_begin_at(&r, index, 0, now, err);
  if (status != SDX_OK) return status;
  *out = (sdx_state){ .retention = index->settings.retention,
                      .store_text = index->settings.store_text };
  memcpy(out->languages, index->settings.languages, sizeof out->languages);
  describe_view(r.view, out);
  status = read_meta(r.txn, out, err);
  if (status == SDX_OK) status = count_due(r.txn, index->row_key, r.now, out, err);
  view_end(&r);
  return status == SDX_OK ? measure(index, out, err) : status;
}
