/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/page.h"

#include <math.h>
#include <string.h>

#include "base/cursor.h"

#define VERSION 1

uint64_t page_digest(uint64_t seed, const void *bytes, size_t size) {
  const unsigned char *p = bytes;
  uint64_t h = UINT64_C(0xcbf29ce484222325) ^ seed;
  for (size_t i = 0; i < size; i++) h = (h ^ p[i]) * UINT64_C(0x100000001b3);
  h ^= h >> 32;
  return h * UINT64_C(0x9e3779b97f4a7c15);
}

bool page_statistics_open(page_statistics *out, scratch *s) {
  out->classes = scratch_take(s, PAGE_CLASSES_MAX * sizeof(*out->classes));
  return out->classes != NULL;
}

uint64_t page_df(page_statistics *s, uint64_t digest, uint64_t df) {
  for (uint32_t i = 0; i < s->count; i++)
    if (s->classes[i].digest == digest) return s->classes[i].df;
  if (s->frozen || s->count == PAGE_CLASSES_MAX) return df;
  s->classes[s->count].digest = digest;
  s->classes[s->count++].df = df;
  return df;
}

static void put_double(buffer *out, double v) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof(bits));
  buffer_put_u64(out, bits);
}

static double get_double(cursor *c) {
  const uint64_t bits = cursor_get_u64(c);
  double v;
  memcpy(&v, &bits, sizeof(v));
  if (!isfinite(v)) c->failed = true;
  return v;
}

void page_encode(buffer *out, const page *p) {
  buffer_put_u8(out, VERSION);
  buffer_put_u8(out, (uint8_t)p->sort);
  buffer_put_u8(out, p->collapse);
  buffer_put_u64(out, p->query);
  buffer_put_varint(out, p->statistics.items);
  buffer_put_varint(out, p->statistics.length);
  put_double(out, p->k1);
  put_double(out, p->b);
  buffer_put_zigzag(out, p->now);
  put_double(out, p->score);
  buffer_put_zigzag(out, p->date);
  buffer_put_string(out, p->id.data, p->id.size);
  buffer_put_varint(out, p->statistics.count);
  for (uint32_t i = 0; i < p->statistics.count; i++) {
    buffer_put_u64(out, p->statistics.classes[i].digest);
    buffer_put_varint(out, p->statistics.classes[i].df);
  }
}

bool page_decode(page *out, scratch *s, const void *bytes, size_t size) {
  cursor c = cursor_over(bytes, size);
  *out = (page){ .collapse = false };
  if (cursor_get_u8(&c) != VERSION) return false;
  out->sort = (sdx_sort)cursor_get_u8(&c);
  out->collapse = cursor_get_u8(&c) != 0;
  out->query = cursor_get_u64(&c);
  out->statistics.items = cursor_get_varint(&c);
  out->statistics.length = cursor_get_varint(&c);
  out->k1 = get_double(&c);
  out->b = get_double(&c);
  out->now = cursor_get_zigzag(&c);
  out->score = get_double(&c);
  out->date = cursor_get_zigzag(&c);
  size_t id_size;
  const uint8_t *id = cursor_get_string(&c, &id_size);
  const uint64_t count = cursor_get_varint(&c);
  if (c.failed || id == NULL || id_size > SDX_ID_MAX || count > PAGE_CLASSES_MAX) return false;
  if (!page_statistics_open(&out->statistics, s)) return false;
  for (uint64_t i = 0; i < count; i++) {
    out->statistics.classes[i].digest = cursor_get_u64(&c);
    out->statistics.classes[i].df = cursor_get_varint(&c);
  }
  out->statistics.count = (uint32_t)count;
  out->statistics.frozen = true;
  out->id = scratch_copy(s, id_size != 0 ? id : (const uint8_t *)"", id_size);
  return !c.failed && cursor_left(&c) == 0;
}
