/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/threads.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/wipe.h"

/* Open addressing, by the thread's hash, which is one already; at most half full. */
struct threads {
  rank_top *top;
  rank_hit *slots;
  bool *used;
  size_t room, count;
  uint64_t alone; /* hits without a thread */
  bool failed;
};

#define ROOM_FIRST 256

static bool give_room(threads *t, size_t room) {
  t->slots = plain_alloc(room * sizeof(*t->slots));
  t->used = plain_array(room, sizeof(*t->used));
  t->room = room;
  return t->slots != NULL && t->used != NULL;
}

threads *threads_new(rank_top *top) {
  threads *t = plain_alloc(sizeof(*t));
  if (t == NULL) return NULL;
  t->top = top;
  if (give_room(t, ROOM_FIRST)) return t;
  threads_free(t);
  return NULL;
}

static void drop(rank_hit *slots, bool *used, size_t room) {
  if (slots != NULL) wipe(slots, room * sizeof(*slots));
  if (used != NULL) wipe(used, room * sizeof(*used));
  plain_free(slots);
  plain_free(used);
}

void threads_free(threads *t) {
  if (t == NULL) return;
  drop(t->slots, t->used, t->room);
  plain_free(t);
}

static size_t find(const threads *t, uint64_t thread) {
  size_t i = (size_t)(thread * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (t->room - 1);
  while (t->used[i] && t->slots[i].thread != thread) i = (i + 1) & (t->room - 1);
  return i;
}

static bool grow(threads *t) {
  rank_hit *slots = t->slots;
  bool *used = t->used;
  const size_t room = t->room;
  const bool grown = give_room(t, 2 * room);
  for (size_t i = 0; grown && i < room; i++) {
    if (!used[i]) continue;
    const size_t at = find(t, slots[i].thread);
    t->used[at] = true;
    t->slots[at] = slots[i];
  }
  drop(slots, used, room);
  return grown;
}

void threads_offer(threads *t, const rank_hit *hit) {
  if (t->failed) return;
  if (hit->thread == 0) {
    t->alone++;
    rank_top_offer(t->top, hit);
    return;
  }
  if (2 * t->count >= t->room && !grow(t)) {
    t->failed = true;
    return;
  }
  const size_t i = find(t, hit->thread);
  if (t->used[i] && rank_compare(t->top, hit, &t->slots[i]) >= 0) return;
  t->count += !t->used[i];
  t->used[i] = true;
  t->slots[i] = *hit;
}

sdx_status threads_finish(threads *t, uint64_t *total, sdx_error *err) {
  if (t->failed) return error_memory(err);
  for (size_t i = 0; i < t->room; i++)
    if (t->used[i]) rank_top_offer(t->top, &t->slots[i]);
  *total = t->count + t->alone;
  return SDX_OK;
}
