/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/ordering.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"
#include "query/thread_set.h"
#include "segment/record.h"

#define TEXT_KEY_MAX 128 /* bytes of a text that are compared */

typedef union key {
  int64_t number;
  sdx_bytes text;
} key;

typedef struct entry {
  rank_hit hit;
  sdx_bytes id;
  key keys[ORDERING_KEYS_MAX];
} entry;

struct ordering {
  scratch *s;
  view_read *read;
  text_analyser *analyser;
  const query_clock *clock;
  const sdx_order *orders;
  size_t count;
  thread_set threads[ORDERING_KEYS_MAX];
  uint64_t **hits; /* bits, per segment */
};

static bool is_text(sdx_order_key k) {
  return k == SDX_ORDER_FROM || k == SDX_ORDER_TO || k == SDX_ORDER_SUBJECT;
}

sdx_status ordering_open(ordering **out, plan_context *c, const sdx_order *orders, size_t count,
                         sdx_error *err) {
  scratch *s = c->s;
  const view *v = c->read->view;
  ordering *o = SCRATCH_ONE(s, ordering);
  sdx_status status = SDX_OK;
  *out = o;
  if (o == NULL) return error_memory(err);
  if (count > ORDERING_KEYS_MAX)
    return error_set(err, SDX_INVALID, "an order has at most %d keys", ORDERING_KEYS_MAX);
  o->s = s;
  o->read = c->read;
  o->analyser = c->analyser;
  o->clock = c->clock;
  o->orders = orders;
  o->count = count;
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    const sdx_order_key k = orders[i].key;
    if (k < SDX_ORDER_DATE || k > SDX_ORDER_SOME_IN_THREAD)
      return error_set(err, SDX_INVALID, "key %zu of the order is none", i);
    if (k == SDX_ORDER_ALL_IN_THREAD || k == SDX_ORDER_SOME_IN_THREAD)
      status = thread_set_make(&o->threads[i], s, c->read, orders[i].keyword,
                               k == SDX_ORDER_ALL_IN_THREAD, c->clock, &c->timed_out, err);
  }
  o->hits = SCRATCH_MANY(s, uint64_t *, v->segment_count + 1);
  for (size_t i = 0; o->hits != NULL && i < v->segment_count; i++)
    o->hits[i] = SCRATCH_MANY(s, uint64_t, (segment_about(v->segments[i].seg)->items + WINDOW) / 64 + 1);
  if (status != SDX_OK) return status;
  return s->failed ? error_memory(err) : SDX_OK;
}

void ordering_window(ordering *o, size_t number, uint32_t base, const uint64_t *bits) {
  memcpy(o->hits[number] + (base >> 6), bits, WINDOW_WORDS * sizeof(*bits));
}

/* ---------------------------------------------------------------- keys */

static bool begins(sdx_bytes t, const char *with) {
  return t.size >= strlen(with) && strncasecmp(t.data, with, strlen(with)) == 0;
}

static void drop(sdx_bytes *t, size_t n) {
  t->data += n;
  t->size -= n;
  while (t->size > 0 && (*t->data == ' ' || *t->data == '\t')) t->data++, t->size--;
}

/* What RFC 5256 calls the base subject, in short: without Re:, Fwd: and [lists] in front. */
static sdx_bytes base_subject(sdx_bytes t) {
  static const char *const marks[] = { "re:", "fwd:", "fw:" };
  drop(&t, 0);
  for (bool more = true; more;) {
    more = false;
    for (size_t i = 0; i < 3; i++)
      if (begins(t, marks[i])) drop(&t, strlen(marks[i])), more = true;
    const char *end = t.size > 0 && *t.data == '[' ? memchr(t.data, ']', t.size) : NULL;
    if (end != NULL && (size_t)(end - t.data) + 1 < t.size)
      drop(&t, (size_t)(end - t.data) + 1), more = true;
  }
  return t;
}

/* The name of the first address; else the address. */
static sdx_bytes first_name(sdx_bytes t) {
  while (t.size > 0 && strchr(" \t\"'<", *t.data) != NULL) t.data++, t.size--;
  size_t n = 0;
  while (n < t.size && strchr("<>\",;", t.data[n]) == NULL) n++;
  return (sdx_bytes){ .data = t.data, .size = n };
}

static sdx_bytes text_key(ordering *o, const buffer *fields, sdx_order_key k) {
  const char *const wanted = k == SDX_ORDER_FROM ? "from" : k == SDX_ORDER_TO ? "to" : "subject";
  cursor at = cursor_over(fields->data, fields->size);
  sdx_bytes name, text;
  char folded[TEXT_KEY_MAX];
  while (record_fields_next(&at, &name, &text)) {
    const bool title = k == SDX_ORDER_SUBJECT && name.size == 5 && memcmp(name.data, "title", 5) == 0;
    if (!title && (name.size != strlen(wanted) || memcmp(name.data, wanted, name.size) != 0)) continue;
    const sdx_bytes part = k == SDX_ORDER_SUBJECT ? base_subject(text) : first_name(text);
    const size_t size = text_fold(o->analyser, part.data, part.size < TEXT_KEY_MAX ? part.size : TEXT_KEY_MAX,
                                  folded, sizeof(folded));
    return scratch_copy(o->s, folded, size);
  }
  return (sdx_bytes){ .data = "", .size = 0 };
}

static bool has_flag(ordering *o, size_t number, uint32_t ordinal, sdx_bytes flag, sdx_error *err,
                     sdx_status *status) {
  const attributes *a;
  sdx_bytes name;
  const roaring_bitmap_t *items;
  *status = view_attributes(o->read, number, &a, err);
  for (size_t i = 0; *status == SDX_OK && attributes_at(a, i, &name, &items); i++)
    if (name.size == flag.size + 1 && name.data[0] == 'g' &&
        strncasecmp(name.data + 1, flag.data, flag.size) == 0 &&
        roaring_bitmap_contains(items, ordinal))
      return true;
  return false;
}

static sdx_status make_keys(ordering *o, entry *e, const segment_item *item, const buffer *fields,
                            sdx_error *err) {
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < o->count && status == SDX_OK; i++) {
    const sdx_order *order = &o->orders[i];
    key *k = &e->keys[i];
    switch (order->key) {
    case SDX_ORDER_DATE: k->number = item->date; break;
    case SDX_ORDER_SENT: k->number = item->sent != 0 ? item->sent : item->date; break;
    case SDX_ORDER_SIZE: k->number = (int64_t)item->size; break;
    case SDX_ORDER_KEYWORD:
      k->number = has_flag(o, e->hit.segment, e->hit.ordinal, order->keyword, err, &status);
      break;
    case SDX_ORDER_ALL_IN_THREAD:
      k->number = !thread_set_has(&o->threads[i], e->hit.thread);
      break;
    case SDX_ORDER_SOME_IN_THREAD:
      k->number = thread_set_has(&o->threads[i], e->hit.thread);
      break;
    default: k->text = text_key(o, fields, order->key); break;
    }
  }
  return status;
}

static sdx_status make_entry(ordering *o, entry *e, size_t number, uint32_t ordinal, bool texts,
                             buffer *fields, sdx_error *err) {
  const segment *seg = o->read->view->segments[number].seg;
  segment_item item;
  block_ref hold = BLOCK_REF_INIT, hold_thread = BLOCK_REF_INIT;
  buffer_reset(fields);
  sdx_status status = segment_item_get(seg, &o->read->session, ordinal, &item, &hold);
  if (status == SDX_OK && texts && item.has_text)
    status = segment_text_get(seg, &o->read->session, &item, fields);
  if (status == SDX_OK) {
    e->hit = (rank_hit){ .date = item.date, 
                         .thread = segment_thread_at(seg, &o->read->session, ordinal, &hold_thread),
                         .segment = (uint32_t)number,
                         .ordinal = ordinal };
    e->id = scratch_copy(o->s, item.id.data, item.id.size);
    status = make_keys(o, e, &item, fields, err);
  }
  block_release(&hold_thread);
  block_release(&hold);
  return status;
}

/* ---------------------------------------------------------------- sorting */

static int compare_bytes(sdx_bytes a, sdx_bytes b) {
  const int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
  return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare(const void *a, const void *b, void *context) {
  const entry *x = a, *y = b;
  const ordering *o = context;
  for (size_t i = 0; i < o->count; i++) {
    const int order = is_text(o->orders[i].key)
                          ? compare_bytes(x->keys[i].text, y->keys[i].text)
                          : (x->keys[i].number > y->keys[i].number) -
                                (x->keys[i].number < y->keys[i].number);
    if (order != 0) return o->orders[i].descending ? -order : order;
  }
  if (x->hit.date != y->hit.date) return x->hit.date > y->hit.date ? -1 : 1;
  return compare_bytes(x->id, y->id);
}

/* Keeps the best of each thread. */
static size_t collapse_threads(ordering *o, entry *all, size_t count) {
  size_t room = 16, kept = 0;
  while (room < 2 * count) room *= 2;
  size_t *met = SCRATCH_MANY(o->s, size_t, room); /* places behind 0 */
  if (met == NULL) return 0;
  for (size_t i = 0; i < count; i++) {
    const uint64_t thread = all[i].hit.thread;
    size_t at = (size_t)(thread * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (room - 1);
    while (met[at] != 0 && all[met[at] - 1].hit.thread != thread) at = (at + 1) & (room - 1);
    if (thread == 0 || met[at] == 0) {
      all[kept++] = all[i];
      if (thread != 0) met[at] = kept;
    } else if (compare(&all[i], &all[met[at] - 1], o) < 0) {
      all[met[at] - 1] = all[i];
    }
  }
  return kept;
}

static void swap(entry *a, entry *b) {
  const entry kept = *a;
  *a = *b;
  *b = kept;
}

/* Moves the entry at i down to where all below are better: the worst stands first. */
static void sift(ordering *o, entry *heap, size_t n, size_t i) {
  for (;;) {
    size_t worst = i;
    for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++)
      if (compare(&heap[child], &heap[worst], o) > 0) worst = child;
    if (worst == i) return;
    swap(&heap[i], &heap[worst]);
    i = worst;
  }
}

/* Moves the best, at most `best`, to the front, in order; returns how many they are. */
static size_t select_best(ordering *o, entry *all, size_t count, size_t best) {
  const size_t shown = count < best ? count : best;
  if (shown == 0) return 0;
  if (shown < count) {
    for (size_t k = shown / 2; k-- > 0;) sift(o, all, shown, k);
    for (size_t i = shown; i < count; i++) {
      if (compare(&all[i], &all[0], o) >= 0) continue;
      swap(&all[i], &all[0]);
      sift(o, all, shown, 0);
    }
  }
  if (shown > 1) qsort_r(all, shown, sizeof(*all), compare, o);
  return shown;
}

#define CLOCK_EVERY 64 /* items */

/* *count: how many there were time for. */
static sdx_status collect(ordering *o, entry *all, size_t *count, bool *timed_out,
                          size_t *failed_segment, sdx_error *err) {
  sdx_status status = SDX_OK;
  buffer fields = BUFFER_INIT;
  bool texts = false;
  size_t n = 0;
  for (size_t i = 0; i < o->count; i++) texts |= is_text(o->orders[i].key);
  for (size_t i = 0; i < o->read->view->segment_count && status == SDX_OK; i++) {
    *failed_segment = i;
    const uint32_t words = segment_about(o->read->view->segments[i].seg)->items / 64 + 1;
    for (uint32_t w = 0; w < words && !*timed_out; w++)
      for (uint64_t left = o->hits[i][w]; left != 0 && status == SDX_OK; left &= left - 1) {
        if (n % CLOCK_EVERY == 0 && clock_is_up(o->clock)) {
          *timed_out = true;
          break;
        }
        status = make_entry(o, &all[n++], i, (w << 6) + (uint32_t)__builtin_ctzll(left), texts,
                            &fields, err);
      }
  }
  *count = n;
  if (status == SDX_OK && fields.failed) status = error_memory(err);
  buffer_free(&fields);
  return status;
}

sdx_status ordering_finish(ordering *o, engine_result *found, size_t best, bool collapse,
                           size_t *failed_segment, sdx_error *err) {
  size_t count = 0;
  for (size_t i = 0; i < o->read->view->segment_count; i++)
    for (uint32_t w = 0; w <= segment_about(o->read->view->segments[i].seg)->items / 64; w++)
      count += (size_t)__builtin_popcountll(o->hits[i][w]);
  entry *all = scratch_take(o->s, (count + 1) * sizeof(*all));
  if (all == NULL) return error_memory(err);
  sdx_status status = collect(o, all, &count, &found->timed_out, failed_segment, err);
  if (found->timed_out) found->exact = false;
  if (status == SDX_OK) status = clock_check(o->clock, err);
  if (status != SDX_OK) return status;
  if (collapse) found->total = count = collapse_threads(o, all, count);
  const size_t shown = select_best(o, all, count, best);
  found->top.hits = scratch_take(o->s, (shown + 1) * sizeof(*found->top.hits));
  if (found->top.hits == NULL || o->s->failed) return error_memory(err);
  for (size_t i = 0; i < shown; i++) found->top.hits[i] = all[i].hit;
  found->top.count = shown;
  return SDX_OK;
}
