/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/candidates.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 1024
#define COUNTED_MAX 4096 /* postings that are looked at one by one */

void candidates_init(candidates *c, scratch *s) { *c = (candidates){ .s = s }; }

static uint64_t hash(const unsigned char *p, size_t size) {
  uint64_t h = UINT64_C(0xcbf29ce484222325) ^ size;
  for (size_t i = 0; i < size; i++) h = (h ^ p[i]) * UINT64_C(0x100000001b3);
  return h ^ h >> 29;
}

static candidate *find(const candidates *c, const void *value, size_t size) {
  size_t i = (size_t)hash(value, size) & (c->room - 1);
  while (c->slots[i].value.data != NULL &&
         (c->slots[i].value.size != size || memcmp(c->slots[i].value.data, value, size) != 0))
    i = (i + 1) & (c->room - 1);
  return &c->slots[i];
}

static bool grow(candidates *c) {
  const candidates before = *c;
  c->room = before.room != 0 ? 4 * before.room : ROOM_FIRST;
  c->slots = SCRATCH_MANY(c->s, candidate, c->room);
  if (c->slots == NULL) {
    *c = before;
    return false;
  }
  for (size_t i = 0; i < before.room; i++)
    if (before.slots[i].value.data != NULL)
      *find(c, before.slots[i].value.data, before.slots[i].value.size) = before.slots[i];
  return true;
}

candidate *candidates_at(candidates *c, const void *value, size_t size) {
  if (2 * c->used >= c->room && !grow(c)) return NULL;
  candidate *e = find(c, value, size);
  if (e->value.data != NULL) return e;
  const sdx_bytes copy = scratch_copy(c->s, value, size);
  if (c->s->failed) return NULL;
  *e = (candidate){ .value = copy, .date = INT64_MIN };
  c->used++;
  return e;
}

static int compare(const void *a, const void *b) {
  const candidate *x = a, *y = b;
  if (x->score > y->score || x->score < y->score) return x->score > y->score ? -1 : 1;
  if (x->value.size != y->value.size) return x->value.size < y->value.size ? -1 : 1;
  return memcmp(x->value.data, y->value.data, x->value.size);
}

/* Moves the entry at i down to where all below are better: the worst stands first. */
static void sift(candidate *heap, size_t n, size_t i) {
  for (;;) {
    size_t worst = i;
    for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++)
      if (compare(&heap[child], &heap[worst]) > 0) worst = child;
    if (worst == i) return;
    const candidate moved = heap[i];
    heap[i] = heap[worst];
    heap[worst] = moved;
    i = worst;
  }
}

size_t candidates_sorted(const candidates *c, size_t most, candidate **out) {
  const size_t room = c->used < most ? c->used : most;
  size_t n = 0;
  candidate *best = scratch_take(c->s, (room + 1) * sizeof(*best));
  *out = best;
  if (best == NULL || room == 0) return 0;
  for (size_t i = 0; i < c->room; i++) {
    if (c->slots[i].count == 0) continue;
    if (n < room) {
      best[n++] = c->slots[i];
      for (size_t k = n / 2; n == room && k-- > 0;) sift(best, n, k);
    } else if (compare(&c->slots[i], &best[0]) < 0) {
      best[0] = c->slots[i];
      sift(best, n, 0);
    }
  }
  if (n > 1) qsort(best, n, sizeof(*best), compare);
  return n;
}

/* ---------------------------------------------------------------- live items */

uint64_t candidates_live(postings *p, view_read *read, size_t number, const segment_term *term,
                         uint32_t *newest) {
  const view_segment *v = &read->view->segments[number];
  const roaring_bitmap_t *dead =
      v->dead != NULL && !roaring_bitmap_is_empty(v->dead) ? v->dead : NULL;
  uint64_t count = 0;
  if (p->seg != NULL && p->term.inline_size == 0) postings_close(p); /* inline lists pin nothing */
  postings_open(p, v->seg, &read->session, term);
  while (postings_next(p)) {
    for (uint32_t i = 0; i < p->count; i++) {
      if (dead != NULL && roaring_bitmap_contains(dead, p->ordinals[i])) continue;
      if (count++ == 0) *newest = p->ordinals[i];
      if (dead == NULL || term->df > COUNTED_MAX) return term->df;
    }
  }
  return count;
}

void candidates_count(candidate *c, view_read *read, size_t number, uint64_t count,
                      uint32_t newest) {
  block_ref hold = BLOCK_REF_INIT;
  const int64_t date =
      segment_date_at(read->view->segments[number].seg, &read->session, newest, &hold);
  block_release(&hold);
  c->count += count;
  if (date <= c->date) return;
  c->date = date;
  c->segment = (uint32_t)number;
  c->ordinal = newest;
}
