/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/due.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "index/authentic.h"
#include "index/bytes.h"

#define BODY_SIZE (DUE_VALUE_SIZE - AUTHENTIC_SIZE)
#define ENTRY_SIZE (DUE_KEY_SIZE + DUE_VALUE_SIZE)

struct due_group {
  holder_id holder;
  size_t first, count;
};

static void make_key(uint8_t key[DUE_KEY_SIZE], int64_t due, holder_id holder, uint32_t ordinal) {
  put_be_time(key, due);
  put_be(key + 8, holder, 8);
  put_be(key + 16, ordinal, 4);
}

sdx_status due_put(store_txn *t, const secret *row_key, const due_row *row, sdx_error *err) {
  uint8_t key[DUE_KEY_SIZE], value[DUE_VALUE_SIZE];
  make_key(key, row->due, row->holder, row->ordinal);
  value[0] = (uint8_t)row->reason;
  put_le(value + 1, (uint64_t)row->since, 8);
  memcpy(value + 9, row->blind, 16);
  authentic_make(value + BODY_SIZE, row_key, STORE_DUE, key, sizeof key, value, BODY_SIZE);
  return store_put(t, STORE_DUE, key, sizeof key, value, sizeof value, err);
}

sdx_status due_delete(store_txn *t, int64_t due, holder_id holder, uint32_t ordinal,
                      sdx_error *err) {
  uint8_t key[DUE_KEY_SIZE];
  make_key(key, due, holder, ordinal);
  return store_delete(t, STORE_DUE, key, sizeof key, err);
}

sdx_status due_get(store_txn *t, const secret *row_key, int64_t due, holder_id holder,
                   uint32_t ordinal, due_row *out, sdx_error *err) {
  uint8_t key[DUE_KEY_SIZE];
  sdx_bytes value;
  make_key(key, due, holder, ordinal);
  const sdx_status status = store_get(t, STORE_DUE, key, sizeof key, &value, err);
  if (status != SDX_OK) return status;
  return due_decode(out, row_key, (sdx_bytes){ (const char *)key, sizeof key }, value, err);
}

static void read_entry(due_row *out, const uint8_t *key, const uint8_t *value) {
  out->due = get_be_time(key);
  out->holder = get_be(key + 8, 8);
  out->ordinal = (uint32_t)get_be(key + 16, 4);
  out->reason = (due_reason)value[0];
  out->since = (int64_t)get_le(value + 1, 8);
  memcpy(out->blind, value + 9, 16);
}

sdx_status due_decode(due_row *out, const secret *row_key, sdx_bytes key, sdx_bytes value,
                      sdx_error *err) {
  if (key.size != DUE_KEY_SIZE || value.size != DUE_VALUE_SIZE ||
      value.data[0] < (char)DUE_DELETED || value.data[0] > (char)DUE_EXPIRES ||
      (row_key != NULL && !authentic_check(row_key, STORE_DUE, key.data, key.size, value.data, BODY_SIZE)))
    return error_set(err, SDX_DAMAGED, "a row of the table \"due\" is damaged");
  read_entry(out, (const uint8_t *)key.data, (const uint8_t *)value.data);
  return SDX_OK;
}

/* ------------------------------------------------------------------ the whole table */

typedef struct loading {
  due_set *set;
  size_t capacity;
  const uint8_t *known, *known_end; /* entries of an earlier picture, in the same order */
} loading;

/* True where the earlier picture has this very entry. Both run in key order. */
static bool is_known(loading *l, sdx_bytes key, sdx_bytes value) {
  while (l->known < l->known_end) {
    const int order = memcmp(l->known, key.data, DUE_KEY_SIZE);
    if (order > 0) return false;
    const uint8_t *entry = l->known;
    l->known += ENTRY_SIZE;
    if (order == 0) return memcmp(entry + DUE_KEY_SIZE, value.data, DUE_VALUE_SIZE) == 0;
  }
  return false;
}

static sdx_status take_entry(loading *l, const secret *row_key, sdx_bytes key, sdx_bytes value,
                             sdx_error *err) {
  due_set *s = l->set;
  if (s->count == l->capacity) {
    l->capacity = l->capacity != 0 ? l->capacity * 2 : 64;
    uint8_t *grown = realloc(s->verified, l->capacity * ENTRY_SIZE);
    if (grown == NULL) return error_memory(err);
    s->verified = grown;
  }
  due_row row;
  const bool shape = key.size == DUE_KEY_SIZE && value.size == DUE_VALUE_SIZE;
  const sdx_status status =
      due_decode(&row, shape && is_known(l, key, value) ? NULL : row_key, key, value, err);
  if (status != SDX_OK) return status;
  uint8_t *entry = s->verified + s->count * ENTRY_SIZE;
  memcpy(entry, key.data, DUE_KEY_SIZE);
  memcpy(entry + DUE_KEY_SIZE, value.data, DUE_VALUE_SIZE);
  s->count++;
  return SDX_OK;
}

static struct due_group *find_group(const due_set *s, holder_id holder, bool *found) {
  size_t low = 0, high = s->group_count;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (s->groups[middle].holder < holder) low = middle + 1;
    else high = middle;
  }
  *found = low < s->group_count && s->groups[low].holder == holder;
  return s->groups + low;
}

/* Holders are few, rows may be many: a counting sort by holder. */
static sdx_status group_rows(due_set *s, sdx_error *err) {
  size_t capacity = 0;
  bool found;
  for (size_t i = 0; i < s->count; i++) {
    const holder_id holder = get_be(s->verified + i * ENTRY_SIZE + 8, 8);
    struct due_group *g = find_group(s, holder, &found);
    if (!found) {
      const size_t at = (size_t)(g - s->groups);
      if (s->group_count == capacity) {
        capacity = capacity != 0 ? capacity * 2 : 16;
        struct due_group *grown = realloc(s->groups, capacity * sizeof *grown);
        if (grown == NULL) return error_memory(err);
        s->groups = grown;
      }
      g = s->groups + at;
      memmove(g + 1, g, (s->group_count - at) * sizeof *g);
      *g = (struct due_group){ .holder = holder };
      s->group_count++;
    }
    g->count++;
  }
  s->rows = malloc((s->count != 0 ? s->count : 1) * sizeof *s->rows);
  if (s->rows == NULL) return error_memory(err);
  for (size_t i = 0, first = 0; i < s->group_count; i++) {
    s->groups[i].first = first;
    first += s->groups[i].count;
    s->groups[i].count = 0;
  }
  for (size_t i = 0; i < s->count; i++) {
    const uint8_t *entry = s->verified + i * ENTRY_SIZE;
    struct due_group *g = find_group(s, get_be(entry + 8, 8), &found);
    read_entry(&s->rows[g->first + g->count++], entry, entry + DUE_KEY_SIZE);
  }
  return SDX_OK;
}

sdx_status due_set_load(due_set **out, store_txn *t, const secret *row_key, const due_set *before,
                        sdx_error *err) {
  store_cursor *cursor = NULL;
  loading l = { .set = calloc(1, sizeof *l.set) };
  if (l.set == NULL) return error_memory(err);
  atomic_init(&l.set->references, 1);
  if (before != NULL) {
    l.known = before->verified;
    l.known_end = before->verified + before->count * ENTRY_SIZE;
  }
  sdx_bytes key, value;
  sdx_status status = store_cursor_open(t, STORE_DUE, &cursor, err);
  if (status == SDX_OK) status = store_cursor_seek(cursor, NULL, 0, &key, &value, err);
  while (status == SDX_OK) {
    status = take_entry(&l, row_key, key, value, err);
    if (status == SDX_OK) status = store_cursor_next(cursor, &key, &value, err);
  }
  store_cursor_close(cursor);
  if (status == SDX_NOT_FOUND) status = group_rows(l.set, err);
  if (status == SDX_OK) *out = l.set;
  else due_set_release(l.set);
  return status;
}

due_set *due_set_hold(due_set *s) {
  atomic_fetch_add(&s->references, 1);
  return s;
}

void due_set_release(due_set *s) {
  if (s == NULL || atomic_fetch_sub(&s->references, 1) != 1) return;
  free(s->rows);
  free(s->groups);
  free(s->verified);
  free(s);
}

const due_row *due_set_of(const due_set *s, holder_id holder, size_t *count) {
  bool found;
  const struct due_group *g = find_group(s, holder, &found);
  *count = found ? g->count : 0;
  return found ? s->rows + g->first : NULL;
}
