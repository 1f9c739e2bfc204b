/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A record: u8 version, then varints and strings: id, kind, zigzag date, sent, expires, size, u64 thread,
 * u8 has attachment, analyser, 4 bytes of language, length, body end, text bytes, count of attributes
 * and each as a string; then one zstd frame to the end: text and payload as strings; count of
 * terms, count of positions; for each term: bytes shared with the one before and the rest as a string;
 * then all wdfs; then for each term how many positions, then all first positions and gaps.
 */
#include "segment/record.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/wipe.h"
#include "segment/compress.h"

#define TERM_MAX 512u

/* ---------------------------------------------------------------- stored text */

void record_fields_put(buffer *out, const char *name, const char *text, size_t size) {
  buffer_put_string(out, name, strlen(name));
  buffer_put_string(out, text, size);
}

bool record_fields_next(cursor *c, sdx_bytes *name, sdx_bytes *text) {
  if (c->failed || cursor_left(c) == 0) return false;
  name->data = (const char *)cursor_get_string(c, &name->size);
  text->data = (const char *)cursor_get_string(c, &text->size);
  return !c->failed;
}

/* ---------------------------------------------------------------- encoding */

static void put_terms(buffer *body, const record *r) {
  sdx_bytes before = { NULL, 0 };
  buffer_put_varint(body, r->term_count);
  buffer_put_varint(body, r->position_count);
  for (size_t i = 0; i < r->term_count; i++) {
    const sdx_bytes t = r->terms[i].term;
    size_t shared = 0;
    while (shared < before.size && shared < t.size && before.data[shared] == t.data[shared]) shared++;
    buffer_put_varint(body, shared);
    buffer_put_string(body, t.data + shared, t.size - shared);
    before = t;
  }
  for (size_t i = 0; i < r->term_count; i++) buffer_put_varint(body, r->terms[i].wdf);
  for (size_t i = 0; i < r->term_count; i++) buffer_put_varint(body, r->terms[i].count);
  for (size_t i = 0; i < r->term_count; i++) {
    const uint32_t *p = r->positions + r->terms[i].first;
    for (uint32_t j = 0; j < r->terms[i].count; j++)
      buffer_put_varint(body, j == 0 ? p[0] : p[j] - p[j - 1]);
  }
}

void record_encode(buffer *out, const record *r) {
  buffer body = BUFFER_INIT;
  buffer_put_u8(out, RECORD_VERSION);
  buffer_put_string(out, r->id.data, r->id.size);
  buffer_put_varint(out, (uint64_t)r->kind);
  buffer_put_zigzag(out, r->date);
  buffer_put_zigzag(out, r->sent);
  buffer_put_zigzag(out, r->expires);
  buffer_put_varint(out, r->size);
  buffer_put_u64(out, r->thread);
  buffer_put_u8(out, r->has_attachment ? 1 : 0);
  buffer_put_varint(out, r->analyser);
  buffer_put(out, r->language, sizeof r->language);
  buffer_put_varint(out, r->length);
  buffer_put_varint(out, r->body_end);
  buffer_put_varint(out, r->text_bytes);
  buffer_put_varint(out, r->attribute_count);
  for (size_t i = 0; i < r->attribute_count; i++)
    buffer_put_string(out, r->attributes[i].data, r->attributes[i].size);

  buffer_put_string(&body, r->text.data, r->text.size);
  buffer_put_string(&body, r->payload.data, r->payload.size);
  put_terms(&body, r);
  if (body.failed)
    out->failed = true;
  else
    compress_put(out, NULL, body.data, body.size);
  buffer_free(&body);
}

/* ---------------------------------------------------------------- decoding */

void record_arena_reset(record_arena *a) {
  buffer_reset(&a->bytes);
  buffer_reset(&a->arrays);
}

void record_arena_free(record_arena *a) {
  buffer_free(&a->bytes);
  buffer_free(&a->arrays);
}

static sdx_status damaged(sdx_error *err) {
  return error_set(err, SDX_DAMAGED, "a journal or trash record is damaged; reindex --missing mends it");
}

static uint32_t get_u32(cursor *c) {
  const uint64_t v = cursor_get_varint(c);
  if (v > UINT32_MAX) c->failed = true;
  return (uint32_t)v;
}

static sdx_bytes get_string(cursor *c) {
  sdx_bytes s;
  s.data = (const char *)cursor_get_string(c, &s.size);
  return s;
}

static void get_head(record *r, cursor *c) {
  r->id = get_string(c);
  r->kind = (sdx_kind)(cursor_get_varint(c) & 7);
  r->date = cursor_get_zigzag(c);
  r->sent = cursor_get_zigzag(c);
  r->expires = cursor_get_zigzag(c);
  r->size = cursor_get_varint(c);
  r->thread = cursor_get_u64(c);
  r->has_attachment = cursor_get_u8(c) != 0;
  r->analyser = (uint16_t)cursor_get_varint(c);
  const uint8_t *language = cursor_get(c, sizeof r->language);
  if (language != NULL) memcpy(r->language, language, sizeof r->language);
  if (r->language[3] != 0 || r->kind < SDX_MESSAGE || r->kind > SDX_DOCUMENT) c->failed = true;
  r->length = get_u32(c);
  r->body_end = get_u32(c);
  r->text_bytes = cursor_get_varint(c);
}

/* Arrays of the arena stand one after another, each aligned; terms' bytes behind the body. */
typedef struct arrays {
  sdx_bytes *attributes;
  record_term *terms;
  uint32_t *positions;
} arrays;

static size_t aligned(size_t n) { return (n + 15) & ~(size_t)15; }

static bool lay_out(record_arena *arena, const record *r, arrays *out) {
  const size_t attributes = aligned(r->attribute_count * sizeof(sdx_bytes));
  const size_t terms = aligned(r->term_count * sizeof(record_term));
  const size_t positions = r->position_count * sizeof(uint32_t);
  buffer *b = &arena->arrays;
  if (!buffer_reserve(b, attributes + terms + positions + 1)) return false;
  b->size = attributes + terms + positions;
  out->attributes = (void *)b->data;
  out->terms = (void *)(b->data + attributes);
  out->positions = (void *)(b->data + attributes + terms);
  return true;
}

/* The bytes of all terms, written out in full behind the body. */
static bool get_terms(record *r, cursor *c, buffer *bytes, record_term *terms) {
  size_t before_at = 0, before_size = 0;
  for (size_t i = 0; i < r->term_count; i++) {
    const uint64_t shared = cursor_get_varint(c);
    size_t rest;
    const uint8_t *suffix = cursor_get_string(c, &rest);
    if (suffix == NULL || shared > before_size || shared + rest == 0 || shared + rest > TERM_MAX)
      return false;
    if (bytes->capacity - bytes->size < shared + rest) return false; /* was reserved: see below */
    uint8_t *at = bytes->data + bytes->size;
    memcpy(at, bytes->data + before_at, (size_t)shared);
    memcpy(at + shared, suffix, rest);
    const size_t size = (size_t)shared + rest;
    if (i > 0) { /* strictly ascending */
      const size_t least = before_size < size ? before_size : size;
      const int order = memcmp(bytes->data + before_at, at, least);
      if (order > 0 || (order == 0 && before_size >= size)) return false;
    }
    terms[i].term = (sdx_bytes){ (const char *)at, size };
    before_at = bytes->size;
    before_size = size;
    bytes->size += size;
  }
  return true;
}

static bool get_postings(const record *r, cursor *c, record_term *terms, uint32_t *positions) {
  size_t first = 0;
  for (size_t i = 0; i < r->term_count; i++) {
    terms[i].wdf = get_u32(c);
    if (terms[i].wdf > INT32_MAX) return false;
  }
  for (size_t i = 0; i < r->term_count; i++) {
    terms[i].count = get_u32(c);
    if (terms[i].count > r->position_count - first) return false;
    terms[i].first = (uint32_t)first;
    first += terms[i].count;
  }
  if (first != r->position_count) return false;
  for (size_t i = 0; i < r->term_count; i++) {
    uint64_t at = 0;
    for (uint32_t j = 0; j < terms[i].count; j++) {
      const uint32_t gap = get_u32(c);
      if (j > 0 && gap == 0) return false;
      at += gap;
      if (at > INT32_MAX) return false;
      positions[terms[i].first + j] = (uint32_t)at;
    }
  }
  return !c->failed;
}

/* How many bytes all terms take in full, read ahead. */
static size_t term_bytes(cursor c, size_t count) {
  size_t total = 0, size = 0;
  for (size_t i = 0; i < count && !c.failed; i++) {
    size_t rest;
    const uint64_t shared = cursor_get_varint(&c);
    cursor_get_string(&c, &rest);
    if (shared > size || shared + rest > TERM_MAX) return SIZE_MAX;
    size = (size_t)shared + rest;
    total += size;
  }
  return c.failed ? SIZE_MAX : total;
}

sdx_status record_decode(record *out, record_arena *arena, const void *bytes, size_t size,
                         sdx_error *err) {
  cursor c = cursor_over(bytes, size);
  record r = { .kind = SDX_MESSAGE };
  arrays a;
  if (cursor_get_u8(&c) != RECORD_VERSION) return damaged(err);
  get_head(&r, &c);
  r.attribute_count = (size_t)cursor_get_varint(&c);
  if (c.failed || r.id.size == 0 || r.id.size > SDX_ID_MAX || r.attribute_count > cursor_left(&c))
    return damaged(err);
  cursor attributes = c;
  for (size_t i = 0; i < r.attribute_count; i++) get_string(&c);
  if (c.failed) return damaged(err);
  buffer *b = &arena->bytes;
  sdx_status status = compress_get(b, c.at, cursor_left(&c), err);
  if (status != SDX_OK) return status;

  cursor body = cursor_over(b->data, b->size);
  get_string(&body);
  get_string(&body);
  r.term_count = (size_t)cursor_get_varint(&body);
  r.position_count = (size_t)cursor_get_varint(&body);
  if (body.failed || r.term_count > cursor_left(&body) || r.position_count > cursor_left(&body))
    return damaged(err);
  const size_t in_full = term_bytes(body, r.term_count);
  if (in_full == SIZE_MAX) return damaged(err);
  const size_t content = b->size, terms_at = (size_t)(body.at - b->data);
  if (!buffer_reserve(b, in_full) || !lay_out(arena, &r, &a)) return error_memory(err);

  body = cursor_over(b->data, content); /* the buffer may have moved */
  r.text = get_string(&body);
  r.payload = get_string(&body);
  body.at = b->data + terms_at;
  for (size_t i = 0; i < r.attribute_count; i++) a.attributes[i] = get_string(&attributes);
  if (!get_terms(&r, &body, b, a.terms) || !get_postings(&r, &body, a.terms, a.positions))
    return damaged(err);
  r.attributes = a.attributes;
  r.terms = a.terms;
  r.positions = a.positions;
  *out = r;
  return SDX_OK;
}
