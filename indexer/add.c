/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Adding one item: one journal record, durable when the call returns. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "index/journal.h"
#include "indexer/attribute.h"
#include "indexer/item.h"
#include "indexer/maintain.h"
#include "indexer/upsert.h"

#define VOCABULARY_KEPT 50000 /* terms; a bigger one is forgotten before the next item */

/* The record of the item, made before any lock of the store is taken. */
static sdx_status make_record(sdx_index *index, item_work *w, buffer *out, sdx_error *err) {
  sdx_status status = SDX_OK;
  pthread_mutex_lock(&index->analyser_lock);
  if (index->analyser == NULL)
    status = text_analyser_open(&index->analyser, index->settings.languages, err);
  else if (text_vocabulary_count(index->analyser) > VOCABULARY_KEPT)
    text_vocabulary_reset(index->analyser);
  if (status == SDX_OK) status = item_analyse(index->analyser, item_fields(w), &w->terms, err);
  if (status == SDX_OK) status = item_encode(w, index->analyser, out, err);
  pthread_mutex_unlock(&index->analyser_lock);
  return status;
}

/* Most items that are added again have not changed: that takes no lock. */
static sdx_status peek(sdx_index *index, const upsert *u, int64_t now, bool undelete, verdict *v,
                       sdx_error *err) {
  store_txn *t = NULL;
  meta_head head;
  place old;
  sdx_status status = store_read_begin(index->store, &t, err);
  if (status != SDX_OK) return status;
  status = meta_head_get(t, &head, err);
  /* Somebody replaced the keys that blind ids and seal rows: the write takes the new ones. */
  if (status == SDX_OK && head.keys != index->key_set) *v = VERDICT_NEW;
  else if (status == SDX_OK) status = upsert_decide(index, t, u, now, undelete, &old, v, err);
  store_read_end(t);
  return status;
}

static sdx_status write_version(write_txn *w, const upsert *u, const place *old, const buffer *bytes,
                                sdx_error *err) {
  journal_record r = { .type = JOURNAL_ITEM, .time = w->now, .version = w->head.generation,
                       .body = { (const char *)bytes->data, bytes->size } };
  holder_id holder;
  uint32_t sequence;
  memcpy(r.blind, u->blind, BLIND_SIZE);
  const sdx_status status = journal_append(w, &r, &holder, &sequence, err);
  return status == SDX_OK ? upsert_place(w, u, old, holder, sequence, false, err) : status;
}

static const sdx_outcome outcomes[] = { [VERDICT_NEW] = SDX_ADDED, [VERDICT_REVIVED] = SDX_ADDED,
                                        [VERDICT_REPLACED] = SDX_UPDATED,
                                        [VERDICT_TOUCHED] = SDX_UPDATED,
                                        [VERDICT_SAME] = SDX_UNCHANGED };

static sdx_status write_item(sdx_index *index, const sdx_item *item, item_work *work,
                             const upsert *u, const buffer *bytes, const sdx_write_options *o,
                             int64_t now, meta_head *head, verdict *v, sdx_error *err) {
  write_txn w;
  place old;
  sdx_status status = write_begin(&w, index, now, false, err);
  if (status != SDX_OK) return status;
  place_blind(work->blind, index->id_key, item->id); /* the key may be another than before */
  status = upsert_decide(index, w.store, u, now, o->undelete, &old, v, err);
  if (status == SDX_OK && *v == VERDICT_TOUCHED)
    status = attribute_touch(&w, u, &old, item->id, &work->built, v, err);
  else if (status == SDX_OK && *v != VERDICT_SAME)
    status = write_version(&w, u, &old, bytes, err);
  *head = w.head;
  if (status == SDX_OK && *v != VERDICT_SAME) return write_commit(&w, err);
  write_abort(&w);
  return status;
}

sdx_status sdx_add(sdx_index *index, const sdx_item *item, const sdx_write_options *options,
                   sdx_outcome *outcome, sdx_error *err) {
  const sdx_write_options defaults = SDX_WRITE_OPTIONS_INIT;
  const sdx_write_options *o = options != NULL ? options : &defaults;
  item_work work = { 0 };
  buffer bytes = BUFFER_INIT;
  meta_head head = { 0 };
  verdict v = VERDICT_SAME;
  sdx_status status = index_check(index, err);
  if (status != SDX_OK) return status;
  if (o->version != 1) return error_set(err, SDX_INVALID, "add: options of version 1 are needed");
  const int64_t now = index_now(index, o->now);
  index_keys_hold(index);
  status = item_prepare(&work, index, item, err);
  const upsert u = { .blind = work.blind, .content = work.content, .attributes = work.attributes,
                     .expires = work.built.expires };
  if (status == SDX_OK) status = peek(index, &u, now, o->undelete, &v, err);
  index_keys_release(index);
  if (status != SDX_OK || v == VERDICT_SAME) goto out;
  status = make_record(index, &work, &bytes, err);
  if (status == SDX_OK) status = write_item(index, item, &work, &u, &bytes, o, now, &head, &v, err);
out:
  buffer_free(&bytes);
  item_work_free(&work);
  if (status != SDX_OK) return status;
  if (outcome != NULL) *outcome = outcomes[v];
  if (v == VERDICT_SAME) return SDX_OK;
  atomic_fetch_add(&index->count_adds, 1);
  maintain_after_write(index, &head, false, now);
  return SDX_OK;
}
