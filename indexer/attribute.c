/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/attribute.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/plain.h"
#include "index/change.h"
#include "index/journal.h"
#include "index/view.h"
#include "indexer/maintain.h"

static bool same_set(const buffer *strings, const sdx_bytes *given, size_t count) {
  cursor c = cursor_over(strings->data, strings->size);
  size_t i = 0;
  while (cursor_left(&c) > 0) {
    size_t size;
    const uint8_t *key = cursor_get_string(&c, &size);
    if (key == NULL || size == 0) return false;
    if (strchr("fgl", key[0]) == NULL) continue;
    if (i == count || given[i].size != size || memcmp(given[i].data, key, size) != 0) return false;
    i++;
  }
  return i == count;
}

bool attribute_is(sdx_index *index, sdx_bytes id, const sdx_bytes *given, size_t count, int64_t now) {
  view_read r;
  buffer strings = BUFFER_INIT;
  const attributes *a = NULL;
  size_t number;
  uint32_t ordinal;
  bool same = false;
  if (index_deposits(index)) return false; /* it cannot look */
  if (view_begin_at(&r, index, 0, now, NULL) != SDX_OK) return false;
  if (view_find(&r, id, &number, &ordinal, NULL) == SDX_OK &&
      view_attributes(&r, number, &a, NULL) == SDX_OK) {
    attributes_of(a, ordinal, &strings);
    same = !strings.failed && same_set(&strings, given, count);
  }
  view_end(&r);
  buffer_free(&strings);
  return same;
}

static sdx_status append_change(write_txn *w, const uint8_t blind[BLIND_SIZE], uint64_t version,
                                bool replace, const sdx_change *changes, size_t count,
                                sdx_error *err) {
  buffer body = BUFFER_INIT;
  holder_id epoch;
  uint32_t sequence;
  sdx_status status = change_encode(&body, replace, changes, count, err);
  if (status == SDX_OK) {
    journal_record r = { .type = JOURNAL_CHANGE, .time = w->now, .version = version,
                         .body = { (const char *)body.data, body.size } };
    memcpy(r.blind, blind, BLIND_SIZE);
    status = journal_append(w, &r, &epoch, &sequence, err);
  }
  buffer_free(&body);
  return status;
}

sdx_status attribute_replace(write_txn *w, const uint8_t blind[BLIND_SIZE], uint64_t version,
                             const sdx_bytes *given, size_t count, sdx_error *err) {
  sdx_change *changes = plain_array(count + 1, sizeof *changes);
  if (changes == NULL) return error_memory(err);
  for (size_t i = 0; i < count; i++) {
    const char letter = given[i].data[0];
    changes[i] = (sdx_change){ .kind = letter == 'f'   ? SDX_ADD_FOLDER
                                       : letter == 'g' ? SDX_ADD_FLAG
                                                       : SDX_ADD_LABEL,
                               .value = { given[i].data + 1, given[i].size - 1 } };
  }
  const sdx_status status = append_change(w, blind, version, true, changes, count, err);
  plain_free(changes);
  return status;
}

sdx_status attribute_touch(write_txn *w, const upsert *u, const place *old, sdx_bytes id,
                           const builder_item *given, verdict *v, sdx_error *err) {
  place p = *old;
  sdx_status status = SDX_OK;
  const bool expiry = p.expires != u->expires;
  const bool change = p.attributes != u->attributes &&
                      !attribute_is(w->index, id, given->attributes, given->attribute_count, w->now);
  if (!expiry && !change) {
    *v = VERDICT_SAME;
    return SDX_OK;
  }
  if (change) {
    p.attributes = u->attributes;
    status = attribute_replace(w, u->blind, p.version, given->attributes, given->attribute_count, err);
  }
  if (status == SDX_OK && expiry) status = upsert_expiry(w, u->blind, &p, u->expires, err);
  if (status != SDX_OK) return status;
  return place_put(w->store, w->index->table_key, &w->pool, u->blind, &p, false, err);
}

sdx_status sdx_set(sdx_index *index, sdx_bytes id, const sdx_change *changes, size_t count,
                   int64_t now, sdx_error *err) {
  uint8_t blind[BLIND_SIZE];
  write_txn w;
  place p;
  sdx_status status = index_check(index, err);
  if (status != SDX_OK) return status;
  if (id.size == 0 || id.size > SDX_ID_MAX || (changes == NULL && count > 0))
    return error_set(err, SDX_INVALID, "an id of 1 to %d bytes and changes are needed", SDX_ID_MAX);
  status = write_begin(&w, index, index_now(index, now), false, err);
  if (status != SDX_OK) return status;
  place_blind(blind, index->id_key, id);
  status = place_get(w.store, index->table_key, blind, &p, err);
  if (status == SDX_OK && place_dead(&p, w.now)) status = SDX_NOT_FOUND;
  if (status == SDX_OK) status = holder_published(w.store, p.holder, NULL, err);
  if (status == SDX_OK && count > 0)
    status = append_change(&w, blind, p.version, false, changes, count, err);
  if (status == SDX_NOT_FOUND) error_set(err, SDX_NOT_FOUND, "no such item");
  if (status != SDX_OK || count == 0) {
    write_abort(&w);
    return status;
  }
  const int64_t written = w.now;
  const meta_head after = w.head;
  status = write_commit(&w, err);
  if (status == SDX_OK) maintain_after_write(index, &after, false, written);
  return status;
}
