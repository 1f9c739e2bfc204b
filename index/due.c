/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/due.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "index/authentic.h"
#include "index/bytes.h"

#define BODY_SIZE 33
#define SEEN_AT (BODY_SIZE + AUTHENTIC_SIZE)
#define DEPOSITED 0x80
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

int64_t due_time(const due_row *row) {
  if (row->due != DUE_UNSEEN) return row->due;
  if (row->seen == 0) return DUE_UNSEEN;
  const int64_t from = row->since > row->seen ? row->since : row->seen;
  return from <= DUE_UNSEEN - row->keep ? from + row->keep : DUE_UNSEEN;
}

sdx_status due_put(store_txn *t, const row_keys *row_key, const due_row *row, sdx_error *err) {
  uint8_t key[DUE_KEY_SIZE], value[DUE_VALUE_SIZE];
  const bool unseen = row->due == DUE_UNSEEN;
  const bool deposited = row->deposited || unseen || row_key->owner == NULL;
  make_key(key, row->due, row->holder, row->ordinal);
  value[0] = (uint8_t)(row->reason | (deposited ? DEPOSITED : 0));
  put_le(value + 1, (uint64_t)row->since, 8);
  memcpy(value + 9, row->blind, 16);
  put_le(value + 25, unseen ? (uint64_t)(row->keep != 0 ? row->keep : row_key->retention) : 0, 8);
  authentic_make(value + BODY_SIZE, deposited ? row_key->depositor : row_key->owner, STORE_DUE, key,
                 sizeof key, value, BODY_SIZE);
  put_le(value + SEEN_AT, unseen ? (uint64_t)row->seen : 0, 8);
  return store_put(t, STORE_DUE, key, sizeof key, value, sizeof value, err);
}

sdx_status due_mark_seen(store_txn *t, const due_row *row, int64_t now, sdx_error *err) {
  uint8_t key[DUE_KEY_SIZE], value[DUE_VALUE_SIZE];
  sdx_bytes old;
  make_key(key, row->due, row->holder, row->ordinal);
  const sdx_status status = store_get(t, STORE_DUE, key, sizeof key, &old, err);
  if (status != SDX_OK || old.size != sizeof value) return status;
  memcpy(value, old.data, sizeof value);
  put_le(value + SEEN_AT, (uint64_t)now, 8);
  return store_put(t, STORE_DUE, key, sizeof key, value, sizeof value, err);
}

sdx_status due_delete(store_txn *t, int64_t due, holder_id holder, uint32_t ordinal,
                      sdx_error *err) {
  uint8_t key[DUE_KEY_SIZE];
  make_key(key, due, holder, ordinal);
  return store_delete(t, STORE_DUE, key, sizeof key, err);
}

sdx_status due_get(store_txn *t, const row_keys *row_key, int64_t due, holder_id holder,
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
  out->reason = (due_reason)(value[0] & ~DEPOSITED);
  out->deposited = (value[0] & DEPOSITED) != 0;
  out->since = (int64_t)get_le(value + 1, 8);
  memcpy(out->blind, value + 9, 16);
  out->keep = (int64_t)get_le(value + 25, 8);
  out->seen = (int64_t)get_le(value + SEEN_AT, 8);
}

/* An owner's row is for the owner to check. */
static bool is_authentic(const row_keys *keys, const uint8_t *key, const uint8_t *value) {
  const secret *own = keys == NULL ? NULL : (value[0] & DEPOSITED) != 0 ? keys->depositor : keys->owner;
  return own == NULL || authentic_check(own, STORE_DUE, key, DUE_KEY_SIZE, value, BODY_SIZE);
}

sdx_status due_decode(due_row *out, const row_keys *row_key, sdx_bytes key, sdx_bytes value,
                      sdx_error *err) {
  const uint8_t *k = (const uint8_t *)key.data, *v = (const uint8_t *)value.data;
  const unsigned reason = value.size > 0 ? v[0] & ~(unsigned)DEPOSITED : 0;
  if (key.size != DUE_KEY_SIZE || value.size != DUE_VALUE_SIZE || reason < DUE_DELETED ||
      reason > DUE_EXPIRES || !is_authentic(row_key, k, v))
    return error_set(err, SDX_DAMAGED, "a row of the table \"due\" is damaged");
  read_entry(out, k, v);
  return out->keep >= 0 ? SDX_OK : error_set(err, SDX_DAMAGED, "a row of the table \"due\" is damaged");
}

/* ------------------------------------------------------------------ the whole table */

typedef struct loading {
  due_set *set;
  size_t capacity;
  const uint8_t *known, *known_end; /* entries of an earlier picture, in the same order */
  bool some;                        /* rows that do not open are left out */
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

static sdx_status take_entry(loading *l, const row_keys *row_key, sdx_bytes key, sdx_bytes value,
                             sdx_error *err) {
  due_set *s = l->set;
  if (s->count == l->capacity) {
    l->capacity = l->capacity != 0 ? l->capacity * 2 : 64;
    uint8_t *grown = plain_resize(s->verified, l->capacity * ENTRY_SIZE);
    if (grown == NULL) return error_memory(err);
    s->verified = grown;
  }
  due_row row;
  const bool shape = key.size == DUE_KEY_SIZE && value.size == DUE_VALUE_SIZE;
  const sdx_status status =
      due_decode(&row, shape && is_known(l, key, value) ? NULL : row_key, key, value, err);
  if (status == SDX_DAMAGED && l->some) {
    s->damaged++;
    return SDX_OK;
  }
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
  return low > 0 || s->groups != NULL ? s->groups + low : NULL; /* no arithmetic on NULL */
}

/* Holders are few, rows may be many: a counting sort by holder. */
static sdx_status group_rows(due_set *s, sdx_error *err) {
  size_t capacity = 0;
  bool found;
  for (size_t i = 0; i < s->count; i++) {
    const holder_id holder = get_be(s->verified + i * ENTRY_SIZE + 8, 8);
    struct due_group *g = find_group(s, holder, &found);
    if (!found) {
      const size_t at = g != NULL ? (size_t)(g - s->groups) : 0;
      if (s->group_count == capacity) {
        capacity = capacity != 0 ? capacity * 2 : 16;
        struct due_group *grown = plain_resize(s->groups, capacity * sizeof *grown);
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
  s->rows = plain_alloc((s->count != 0 ? s->count : 1) * sizeof *s->rows);
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

static sdx_status load(due_set **out, store_txn *t, const row_keys *row_key, const due_set *before,
                       bool some, sdx_error *err) {
  store_cursor *cursor = NULL;
  loading l = { .set = plain_alloc(sizeof *l.set), .some = some };
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
  if (status == SDX_DAMAGED && some) { /* the rest of the table, or rows that are gone */
    l.set->damaged++;
    status = SDX_NOT_FOUND;
  }
  if (status == SDX_NOT_FOUND) status = group_rows(l.set, err);
  if (status == SDX_OK) *out = l.set;
  else due_set_release(l.set);
  return status;
}

sdx_status due_set_load(due_set **out, store_txn *t, const row_keys *row_key, const due_set *before,
                        sdx_error *err) {
  return load(out, t, row_key, before, false, err);
}

sdx_status due_set_load_some(due_set **out, store_txn *t, const row_keys *row_key,
                             const due_set *before, sdx_error *err) {
  return load(out, t, row_key, before, true, err);
}

due_set *due_set_hold(due_set *s) {
  atomic_fetch_add(&s->references, 1);
  return s;
}

void due_set_release(due_set *s) {
  if (s == NULL || atomic_fetch_sub(&s->references, 1) != 1) return;
  plain_free(s->rows);
  plain_free(s->groups);
  plain_free(s->verified);
  plain_free(s);
}

const due_row *due_set_of(const due_set *s, holder_id holder, size_t *count) {
  bool found;
  const struct due_group *g = find_group(s, holder, &found);
  *count = found ? g->count : 0;
  return found ? s->rows + g->first : NULL;
}
