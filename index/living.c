/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/living.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/plain.h"

static int by_place(const void *a, const void *b) {
  const living_place *x = a, *y = b;
  if (x->holder != y->holder) return x->holder < y->holder ? -1 : 1;
  return (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

static sdx_status take(living *l, size_t *capacity, const place *p, int64_t now, sdx_error *err) {
  if (p->expires != 0 && p->expires <= now && p->expires > l->valid_from)
    l->valid_from = p->expires;
  if (p->expires > now && p->expires < l->valid_until) l->valid_until = p->expires;
  if (place_dead(p, now)) return SDX_OK;
  if (l->count == *capacity) {
    const size_t room = *capacity != 0 ? 2 * *capacity : 1024;
    living_place *grown = plain_resize(l->places, room * sizeof *grown);
    if (grown == NULL) return error_memory(err);
    l->places = grown;
    *capacity = room;
  }
  l->places[l->count++] = (living_place){ .holder = p->holder, .ordinal = p->ordinal };
  return SDX_OK;
}

sdx_status living_load(living **out, store_txn *t, const secret *table_key, int64_t now,
                       sdx_error *err) {
  store_cursor *cursor = NULL;
  size_t capacity = 0;
  sdx_bytes key, value;
  place p;
  living *l = plain_alloc(sizeof *l);
  if (l == NULL) return error_memory(err);
  l->valid_from = INT64_MIN;
  l->valid_until = INT64_MAX;
  sdx_status status = store_cursor_open(t, STORE_IDS, &cursor, err);
  if (status == SDX_OK) status = store_cursor_seek(cursor, NULL, 0, &key, &value, err);
  while (status == SDX_OK) {
    if (key.size == BLIND_SIZE &&
        place_decode(&p, table_key, (const uint8_t *)key.data, value, NULL) == SDX_OK)
      status = take(l, &capacity, &p, now, err);
    if (status == SDX_OK) status = store_cursor_next(cursor, &key, &value, err);
  }
  store_cursor_close(cursor);
  if (status != SDX_NOT_FOUND) {
    living_free(l);
    return status;
  }
  if (l->count > 1) qsort(l->places, l->count, sizeof *l->places, by_place);
  *out = l;
  return SDX_OK;
}

void living_free(living *l) {
  if (l == NULL) return;
  plain_free(l->places);
  plain_free(l);
}

static size_t first_of(const living *l, holder_id holder) {
  size_t low = 0, high = l->count;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (l->places[middle].holder < holder)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

const living_place *living_of(const living *l, holder_id holder, size_t *count) {
  const size_t first = first_of(l, holder);
  size_t end = first;
  while (end < l->count && l->places[end].holder == holder) end++;
  *count = end - first;
  return l->places + first;
}
