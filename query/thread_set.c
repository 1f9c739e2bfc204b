/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/thread_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static int compare(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

bool thread_set_has(const thread_set *t, uint64_t thread) {
  return t->count != 0 && bsearch(&thread, t->threads, t->count, sizeof(thread), compare) != NULL;
}

/* The live items of a segment with the flag, or without it. */
static sdx_status find_items(roaring_bitmap_t *out, view_read *read, size_t number, sdx_bytes flag,
                             bool without, sdx_error *err) {
  const view_segment *v = &read->view->segments[number];
  const attributes *a;
  sdx_bytes key;
  const roaring_bitmap_t *items;
  const sdx_status status = view_attributes(read, number, &a, err);
  if (status != SDX_OK) return status;
  for (size_t i = 0; attributes_at(a, i, &key, &items); i++)
    if (key.size == flag.size + 1 && key.data[0] == 'g' &&
        strncasecmp(key.data + 1, flag.data, flag.size) == 0)
      roaring_bitmap_or_inplace(out, items);
  if (without) roaring_bitmap_flip_inplace(out, 0, segment_about(v->seg)->items);
  if (v->dead != NULL) roaring_bitmap_andnot_inplace(out, v->dead);
  return SDX_OK;
}

#define CLOCK_EVERY 4096 /* items */

static sdx_status add_threads(thread_set *t, size_t *room, scratch *s, view_read *read,
                              size_t number, const roaring_bitmap_t *items,
                              const query_clock *clock, bool *timed_out, sdx_error *err) {
  const segment *seg = read->view->segments[number].seg;
  const uint64_t more = roaring_bitmap_get_cardinality(items);
  block_ref hold = BLOCK_REF_INIT;
  roaring_uint32_iterator_t at;
  if (t->count + more > *room) {
    *room = 2 * (t->count + more);
    uint64_t *threads = scratch_take(s, *room * sizeof(*threads));
    if (threads == NULL) return error_memory(err);
    if (t->count != 0) memcpy(threads, t->threads, t->count * sizeof(*threads));
    t->threads = threads;
  }
  roaring_init_iterator(items, &at);
  for (uint32_t n = 0; at.has_value; roaring_advance_uint32_iterator(&at)) {
    if (n++ % CLOCK_EVERY == 0 && (*timed_out = clock_is_up(clock))) break;
    t->threads[t->count++] = segment_thread_at(seg, &read->session, at.current_value, &hold);
  }
  block_release(&hold);
  return SDX_OK;
}

sdx_status thread_set_make(thread_set *out, scratch *s, view_read *read, sdx_bytes flag,
                           bool without, const query_clock *clock, bool *timed_out,
                           sdx_error *err) {
  sdx_status status = SDX_OK;
  size_t room = 0;
  *out = (thread_set){ .count = 0 };
  for (size_t i = 0; i < read->view->segment_count && status == SDX_OK && !*timed_out; i++) {
    roaring_bitmap_t *items = roaring_bitmap_create();
    if (items == NULL) return error_memory(err);
    status = find_items(items, read, i, flag, without, err);
    if (status == SDX_OK)
      status = add_threads(out, &room, s, read, i, items, clock, timed_out, err);
    roaring_bitmap_free(items);
  }
  if (status == SDX_OK && out->count > 1)
    qsort(out->threads, out->count, sizeof(*out->threads), compare);
  return status;
}
