/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A posting: varint document gap << 1 | simple; simple postings have wdf 1 and one position, else
 * varints wdf and count follow; then the first position, and gaps. A number never lies across
 * chunks: where fewer than NUMBER_MAX bytes are left, the chunk ends. What fits into the chain itself
 * stands there, and moves to its first chunk when there is more.
 */
#include "segment/chain.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/extent.h"
#include "base/plain.h"

#define UNIT 8u           /* chunks begin at multiples */
#define PAGE (256u << 10) /* bytes */
#define UNITS (PAGE / UNIT)
#define NUMBER_MAX 5u     /* a varint of 33 bits */
#define CHUNK_FIRST 24u   /* bytes, head included */
#define CHUNK_LAST 2048u

typedef struct chunk { /* the head of one; that of a tail is written when it is full */
  uint32_t next;
  uint32_t used; /* bytes, with the head */
} chunk;

struct chain_store {
  uint8_t **at; /* pages */
  size_t count, room;
  uint32_t used; /* bytes of the last page */
};

sdx_status chain_store_new(chain_store **out, sdx_error *err) {
  *out = plain_alloc(sizeof **out);
  return *out != NULL ? SDX_OK : error_memory(err);
}

void chain_store_free(chain_store *s) {
  if (s == NULL) return;
  for (size_t i = 0; i < s->count; i++) {
    extent e = { .at = s->at[i], .room = PAGE };
    extent_free(&e, PAGE);
  }
  plain_free(s->at);
  plain_free(s);
}

size_t chain_store_bytes(const chain_store *s) { return s->count * PAGE; }

static chunk *chunk_at(const chain_store *s, uint32_t number) {
  return (chunk *)(void *)(s->at[number / UNITS] + (size_t)(number % UNITS) * UNIT);
}

static bool add_page(chain_store *s) {
  if (s->count == s->room) {
    const size_t room = s->room > 0 ? 2 * s->room : 64;
    uint8_t **at = plain_resize(s->at, room * sizeof *at);
    if (at == NULL) return false;
    s->at = at;
    s->room = room;
  }
  if (s->count >= UINT32_MAX / UNITS) return false;
  extent page = { 0 };
  if (!extent_reserve(&page, 0, PAGE)) return false;
  extent_populate(&page, 0, PAGE);
  s->at[s->count++] = page.at;
  s->used = s->count == 1 ? UNIT : 0; /* chunk number 0 is none */
  return true;
}

/* A new chunk at the chain's tail; false where memory ran out. What stood in the chain goes there. */
static bool extend(chain_store *s, chain *c) {
  uint32_t size = c->size != 0 ? 2u * c->size : CHUNK_FIRST;
  if (size > CHUNK_LAST) size = CHUNK_LAST;
  if ((s->count == 0 || s->used + size > PAGE) && !add_page(s)) return false;
  const uint32_t number = (uint32_t)((s->count - 1) * UNITS + s->used / UNIT);
  s->used += (size + UNIT - 1) / UNIT * UNIT;
  if (c->size != 0) {
    *chunk_at(s, c->tail) = (chunk){ .next = number, .used = c->used };
    c->used = 0;
  } else {
    memcpy((uint8_t *)chunk_at(s, number) + sizeof(chunk), c->inside, CHAIN_INSIDE);
    c->first = number;
  }
  c->tail = number;
  c->size = (uint16_t)size;
  c->used = (uint16_t)(c->used + sizeof(chunk));
  return true;
}

static inline uint8_t *put(uint8_t *out, uint64_t v) {
  while (v >= 0x80) {
    *out++ = (uint8_t)(v | 0x80);
    v >>= 7;
  }
  *out++ = (uint8_t)v;
  return out;
}

static bool append_inside(chain *c, uint64_t v) {
  uint8_t bytes[NUMBER_MAX];
  const size_t size = (size_t)(put(bytes, v) - bytes);
  if (c->used + size > CHAIN_INSIDE) return false;
  memcpy(c->inside + c->used, bytes, size);
  c->used = (uint16_t)(c->used + size);
  return true;
}

/* Appends one number, in a new chunk where the tail is full. */
static inline bool append(chain_store *s, chain *c, uint64_t v) {
  if (c->size == 0 && append_inside(c, v)) return true;
  if (c->used + NUMBER_MAX > c->size && !extend(s, c)) return false;
  uint8_t *at = (uint8_t *)chunk_at(s, c->tail) + c->used;
  c->used = (uint16_t)(c->used + (put(at, v) - at));
  return true;
}

const void *chain_tail(const chain_store *s, const chain *c) {
  return c->size != 0 ? (const uint8_t *)chunk_at(s, c->tail) + c->used : NULL;
}

sdx_status chain_add(chain_store *s, chain *c, uint32_t document, uint32_t wdf,
                     const uint32_t *positions, uint32_t count, sdx_error *err) {
  const bool simple = wdf == 1 && count == 1;
  const chain before = *c;
  if (c->df > 0 && document <= c->last)
    return error_set(err, SDX_INVALID, "an item has a term twice");
  bool ok = append(s, c, (uint64_t)(document - c->last) << 1 | (simple ? 1 : 0));
  if (!simple) ok = ok && append(s, c, wdf) && append(s, c, count);
  for (uint32_t i = 0; i < count && ok; i++) {
    if (i > 0 && positions[i] <= positions[i - 1])
      return error_set(err, SDX_INVALID, "positions of a term do not ascend");
    ok = append(s, c, i == 0 ? positions[0] : positions[i] - positions[i - 1]);
  }
  if (!ok) {
    *c = before; /* half a posting is none */
    return error_memory(err);
  }
  c->last = document;
  c->df++;
  return SDX_OK;
}

chain_reader chain_read(const chain_store *s, const chain *c) {
  if (c->size == 0)
    return (chain_reader){ .store = s, .at = c->inside, .end = c->inside + c->used, .left = c->df };
  return (chain_reader){
    .store = s, .next = c->first, .tail = c->tail, .tail_used = c->used, .left = c->df
  };
}

static inline uint64_t number(chain_reader *r) {
  if (r->at == r->end) {
    const chunk *k = chunk_at(r->store, r->next);
    r->at = (const uint8_t *)k + sizeof *k;
    r->end = (const uint8_t *)k + (r->next == r->tail ? r->tail_used : k->used);
    if (r->next != r->tail) r->next = k->next;
  }
  uint64_t v = *r->at & 0x7f;
  for (unsigned shift = 7; (*r->at++ & 0x80) != 0; shift += 7) v |= (uint64_t)(*r->at & 0x7f) << shift;
  return v;
}

bool chain_next(chain_reader *r, uint32_t *document, uint32_t *wdf, uint32_t *count) {
  if (r->left == 0) return false;
  r->left--;
  const uint64_t head = number(r);
  *wdf = *count = 1;
  if ((head & 1) == 0) {
    *wdf = (uint32_t)number(r);
    *count = (uint32_t)number(r);
  }
  *document = r->document += (uint32_t)(head >> 1);
  return true;
}

void chain_positions(chain_reader *r, uint32_t count, uint32_t *out) {
  uint32_t at = 0;
  for (uint32_t i = 0; i < count; i++) {
    at += (uint32_t)number(r);
    if (out != NULL) out[i] = at;
  }
}
