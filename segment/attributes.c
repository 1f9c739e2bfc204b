/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The object: varint count, then in byte order of keys: the key as a string, the bitmap in CRoaring's
 * portable serialisation as a string.
 */
#include "segment/attributes.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/plain.h"
#include "base/wipe.h"

#define KEY_MAX 1024u

typedef struct attribute {
  char *key;
  size_t size;
  roaring_bitmap_t *items;
} attribute;

/* A slot of the index: the attribute's place and 1 more; 0: none. */
typedef struct index_slot {
  uint32_t hash, place;
  const roaring_bitmap_t *items; /* its own: fetched while keys are compared */
} index_slot;

struct attributes {
  attribute *all; /* ascending by key */
  size_t count, room;
  index_slot *index; /* by hash without case, open addressing; NULL: none */
  size_t mask;       /* slots less 1: a power of two */
};

sdx_status attributes_new(attributes **out, sdx_error *err) {
  *out = plain_alloc(sizeof **out);
  return *out != NULL ? SDX_OK : error_memory(err);
}

static void attribute_free(attribute *a) {
  wipe(a->key, a->size);
  plain_free(a->key);
  if (a->items != NULL) roaring_bitmap_free(a->items);
}

static void drop_index(attributes *a) {
  plain_free(a->index);
  a->index = NULL;
}

void attributes_free(attributes *a) {
  if (a == NULL) return;
  drop_index(a);
  for (size_t i = 0; i < a->count; i++) attribute_free(&a->all[i]);
  plain_free(a->all);
  plain_free(a);
}

/* The index of the key, or where it would stand. */
static size_t place_of(const attributes *a, const void *key, size_t size, bool *found) {
  size_t low = 0, high = a->count;
  *found = false;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    const attribute *at = &a->all[middle];
    int c = memcmp(at->key, key, at->size < size ? at->size : size);
    if (c == 0) c = (at->size > size) - (at->size < size);
    if (c == 0) *found = true;
    if (c < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Takes the bitmap over, also where it fails. */
static sdx_status insert(attributes *a, size_t place, const void *key, size_t size,
                         roaring_bitmap_t *items, sdx_error *err) {
  attribute *all = a->all;
  drop_index(a);
  if (a->count == a->room) {
    const size_t room = a->room > 0 ? 2 * a->room : 16;
    all = plain_resize(a->all, room * sizeof *all);
    if (all != NULL) {
      a->all = all;
      a->room = room;
    }
  }
  char *copy = plain_alloc(size > 0 ? size : 1);
  if (all == NULL || copy == NULL || items == NULL) {
    plain_free(copy);
    if (items != NULL) roaring_bitmap_free(items);
    return error_memory(err);
  }
  memcpy(copy, key, size);
  memmove(all + place + 1, all + place, (a->count - place) * sizeof *all);
  all[place] = (attribute){ copy, size, items };
  a->count++;
  return SDX_OK;
}

sdx_status attributes_add(attributes *a, const void *key, size_t size, uint32_t ordinal,
                          sdx_error *err) {
  bool found;
  if (size == 0 || size > KEY_MAX)
    return error_set(err, SDX_INVALID, "an attribute is empty or longer than %u bytes", KEY_MAX);
  const size_t place = place_of(a, key, size, &found);
  if (!found) {
    const sdx_status status = insert(a, place, key, size, roaring_bitmap_create(), err);
    if (status != SDX_OK) return status;
  }
  roaring_bitmap_add(a->all[place].items, ordinal);
  return SDX_OK;
}

void attributes_remove(attributes *a, const void *key, size_t size, uint32_t ordinal) {
  bool found;
  const size_t place = place_of(a, key, size, &found);
  if (!found) return;
  roaring_bitmap_remove(a->all[place].items, ordinal);
  if (!roaring_bitmap_is_empty(a->all[place].items)) return;
  drop_index(a);
  attribute_free(&a->all[place]);
  memmove(a->all + place, a->all + place + 1, (--a->count - place) * sizeof *a->all);
}

const roaring_bitmap_t *attributes_find(const attributes *a, const void *key, size_t size) {
  bool found;
  const size_t place = place_of(a, key, size, &found);
  return found ? a->all[place].items : NULL;
}

bool attributes_at(const attributes *a, size_t i, sdx_bytes *key, const roaring_bitmap_t **items) {
  if (i >= a->count) return false;
  *key = (sdx_bytes){ a->all[i].key, a->all[i].size };
  *items = a->all[i].items;
  return true;
}

/* ---------------------------------------------------------------- without case */

static unsigned char fold(char c) {
  return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

uint32_t attributes_hash(const void *key, size_t size) {
  const char *bytes = key;
  uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
  for (size_t i = 0; i < size; i++) h = (h ^ fold(bytes[i])) * UINT64_C(0x100000001b3);
  return (uint32_t)(h ^ h >> 32);
}

void attributes_index(attributes *a) {
  size_t slots = 16;
  while (slots < 2 * a->count) slots *= 2;
  drop_index(a);
  a->index = plain_array(slots, sizeof *a->index);
  if (a->index == NULL) return; /* then all are looked at */
  a->mask = slots - 1;
  for (size_t i = 0; i < a->count; i++) {
    const uint32_t hash = attributes_hash(a->all[i].key, a->all[i].size);
    size_t at = hash & a->mask;
    while (a->index[at].place != 0) at = (at + 1) & a->mask;
    a->index[at] = (index_slot){ .hash = hash, .place = (uint32_t)i + 1, .items = a->all[i].items };
  }
}

static bool is_alike(const attribute *a, const char *key, size_t size, bool *same) {
  if (a->size != size || a->key[0] != key[0]) return false;
  *same = memcmp(a->key, key, size) == 0;
  for (size_t i = 1; !*same && i < size; i++)
    if (fold(a->key[i]) != fold(key[i])) return false;
  return true;
}

void attributes_fetch(const attributes *a, uint32_t hash) {
  if (a->index != NULL) __builtin_prefetch(&a->index[hash & a->mask]);
}

void attributes_fetch_found(const attributes *a, uint32_t hash) {
  if (a->index == NULL) return;
  const index_slot *slot = &a->index[hash & a->mask];
  if (slot->place == 0 || slot->hash != hash) return;
  __builtin_prefetch(slot->items);
  __builtin_prefetch(&a->all[slot->place - 1]);
}

const roaring_bitmap_t *attributes_alike(const attributes *a, const void *key, size_t size,
                                         uint32_t hash, size_t *at, bool *same) {
  if (a->index == NULL) {
    while (*at < a->count)
      if (is_alike(&a->all[(*at)++], key, size, same)) return a->all[*at - 1].items;
    return NULL;
  }
  while (*at <= a->mask) {
    const index_slot *slot = &a->index[(hash + *at) & a->mask];
    if (slot->place == 0) return NULL;
    ++*at;
    if (slot->hash != hash) continue;
    __builtin_prefetch(slot->items);
    const attribute *found = &a->all[slot->place - 1];
    if (is_alike(found, key, size, same)) return found->items;
  }
  return NULL;
}

/* ---------------------------------------------------------------- all of them */

void attributes_of(const attributes *a, uint32_t ordinal, buffer *out) {
  for (size_t i = 0; i < a->count; i++)
    if (roaring_bitmap_contains(a->all[i].items, ordinal))
      buffer_put_string(out, a->all[i].key, a->all[i].size);
}

sdx_status attributes_clone(attributes **out, const attributes *a, sdx_error *err) {
  attributes *copy;
  sdx_status status = attributes_new(&copy, err);
  if (status != SDX_OK) return status;
  for (size_t i = 0; i < a->count && status == SDX_OK; i++)
    status = insert(copy, i, a->all[i].key, a->all[i].size, roaring_bitmap_copy(a->all[i].items), err);
  if (status != SDX_OK) {
    attributes_free(copy);
    return status;
  }
  attributes_index(copy);
  *out = copy;
  return SDX_OK;
}

void attributes_encode(buffer *out, const attributes *a) {
  buffer_put_varint(out, a->count);
  for (size_t i = 0; i < a->count; i++) {
    roaring_bitmap_t *compact = roaring_bitmap_copy(a->all[i].items);
    if (compact == NULL) {
      out->failed = true;
      return;
    }
    roaring_bitmap_run_optimize(compact);
    const size_t size = roaring_bitmap_portable_size_in_bytes(compact);
    buffer_put_string(out, a->all[i].key, a->all[i].size);
    buffer_put_varint(out, size);
    if (buffer_reserve(out, size))
      out->size += roaring_bitmap_portable_serialize(compact, (char *)out->data + out->size);
    roaring_bitmap_free(compact);
  }
}

/* ---------------------------------------------------------------- decoding
 *
 * CRoaring's safe deserialisation keeps to its buffer but believes what stands in it: containers out of
 * order or with a wrong cardinality break it later. So the bytes are checked first, against the
 * specification of the portable format (github.com/RoaringBitmap/RoaringFormatSpec).
 */
#define COOKIE_NO_RUNS 12346u
#define COOKIE_RUNS 12347u
#define NO_OFFSETS_BELOW 4u
#define ARRAY_MAX 4096u
#define BITSET_BYTES 8192u

static bool array_sound(cursor *c, uint32_t cardinality) {
  int32_t before = -1;
  for (uint32_t i = 0; i < cardinality && !c->failed; i++) {
    const int32_t v = cursor_get_u16(c);
    if (v <= before) return false;
    before = v;
  }
  return !c->failed;
}

static bool bitset_sound(cursor *c, uint32_t cardinality) {
  const uint8_t *bytes = cursor_get(c, BITSET_BYTES);
  uint32_t set = 0;
  for (uint32_t i = 0; bytes != NULL && i < BITSET_BYTES; i++) set += (uint32_t)__builtin_popcount(bytes[i]);
  return bytes != NULL && set == cardinality;
}

static bool runs_sound(cursor *c, uint32_t cardinality) {
  const uint32_t runs = cursor_get_u16(c);
  int64_t before = -2;
  uint32_t set = 0;
  for (uint32_t i = 0; i < runs && !c->failed; i++) {
    const int64_t start = cursor_get_u16(c), length = cursor_get_u16(c);
    if (start <= before + 1 || start + length > UINT16_MAX) return false;
    before = start + length;
    set += (uint32_t)length + 1;
  }
  return !c->failed && runs > 0 && set == cardinality;
}

static bool bitmap_sound(const uint8_t *bytes, size_t size) {
  cursor c = cursor_over(bytes, size);
  const uint32_t cookie = cursor_get_u32(&c);
  const bool runs = (cookie & 0xffff) == COOKIE_RUNS;
  const uint32_t count = runs ? (cookie >> 16) + 1 : cursor_get_u32(&c);
  if ((!runs && cookie != COOKIE_NO_RUNS) || count > 1u << 16) return false;
  const uint8_t *run_flags = runs ? cursor_get(&c, (count + 7) / 8) : NULL;
  cursor heads = c;
  cursor_get(&c, (size_t)count * 4);
  cursor offsets = c;
  const bool has_offsets = !runs || count >= NO_OFFSETS_BELOW;
  if (has_offsets) cursor_get(&c, (size_t)count * 4);
  int32_t before = -1;
  for (uint32_t i = 0; i < count && !c.failed; i++) {
    const int32_t key = cursor_get_u16(&heads);
    const uint32_t cardinality = cursor_get_u16(&heads) + 1u;
    if (key <= before) return false;
    before = key;
    if (has_offsets && cursor_get_u32(&offsets) != (size_t)(c.at - bytes)) return false;
    const bool is_run = run_flags != NULL && (run_flags[i / 8] >> (i % 8) & 1) != 0;
    if (!(is_run                       ? runs_sound(&c, cardinality)
          : cardinality <= ARRAY_MAX ? array_sound(&c, cardinality)
                                     : bitset_sound(&c, cardinality)))
      return false;
  }
  return !c.failed && c.at == c.end;
}

static sdx_status decode_one(attributes *a, cursor *c, sdx_error *err) {
  static const char damaged[] = "a segment's attributes are damaged; reindex --missing mends them";
  size_t key_size, size;
  const uint8_t *key = cursor_get_string(c, &key_size);
  const uint8_t *bytes = cursor_get_string(c, &size);
  if (key == NULL || bytes == NULL || key_size == 0 || key_size > KEY_MAX)
    return error_set(err, SDX_DAMAGED, damaged);
  bool found;
  if (place_of(a, key, key_size, &found) != a->count || found || !bitmap_sound(bytes, size))
    return error_set(err, SDX_DAMAGED, damaged);
  roaring_bitmap_t *items = roaring_bitmap_portable_deserialize_safe((const char *)bytes, size);
  if (items == NULL) return error_set(err, SDX_DAMAGED, damaged);
  return insert(a, a->count, key, key_size, items, err);
}

sdx_status attributes_decode(attributes **out, const void *bytes, size_t size, sdx_error *err) {
  attributes *a;
  sdx_status status = attributes_new(&a, err);
  if (status != SDX_OK) return status;
  cursor c = cursor_over(bytes, size);
  const uint64_t count = cursor_get_varint(&c);
  for (uint64_t i = 0; i < count && status == SDX_OK; i++) status = decode_one(a, &c, err);
  if (status == SDX_OK && c.failed)
    status = error_set(err, SDX_DAMAGED, "a segment's attributes are damaged");
  if (status != SDX_OK) {
    attributes_free(a);
    return status;
  }
  attributes_index(a);
  *out = a;
  return SDX_OK;
}
