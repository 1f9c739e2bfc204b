/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A segment whose opened blocks are anything: read, checked, taken apart and merged, so that every
 * decoder of manifest, dictionaries, postings, skips, positions, inline lists, items and stored
 * text meets it. The input is a run of blocks: stream (1), size (2, little-endian), bytes; zeros
 * follow.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "segment/builder.h"
#include "../segment/apart.h"

enum { BLOCKS_MAX = 64, ITEMS_MAX = 5000, PUT_MAX = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct blocks {
  const uint8_t *bytes[STREAM_COUNT][BLOCKS_MAX];
  size_t sizes[STREAM_COUNT][BLOCKS_MAX];
  uint32_t counts[STREAM_COUNT];
} blocks;

static void split(blocks *b, const uint8_t *data, size_t size) {
  cursor c = cursor_over(data, size);
  memset(b->counts, 0, sizeof b->counts);
  while (cursor_left(&c) > 3) {
    const unsigned stream = cursor_get_u8(&c) % STREAM_COUNT;
    size_t n = cursor_get_u16(&c);
    if (n > cursor_left(&c)) n = cursor_left(&c);
    if (n > BLOCK_PLAIN) n = BLOCK_PLAIN;
    const uint8_t *bytes = cursor_get(&c, n);
    if (b->counts[stream] == BLOCKS_MAX) continue;
    b->bytes[stream][b->counts[stream]] = bytes;
    b->sizes[stream][b->counts[stream]++] = n;
  }
}

static sdx_status get(void *context, void *session, segment_stream stream, uint32_t number,
                      uint8_t plain[BLOCK_PLAIN], sdx_error *err) {
  const blocks *b = context;
  (void)session;
  (void)err;
  if (number >= b->counts[stream]) return SDX_DAMAGED;
  memset(plain, 0, BLOCK_PLAIN);
  memcpy(plain, b->bytes[stream][number], b->sizes[stream][number]);
  return SDX_OK;
}

static uint64_t read_list(const segment *s, segment_session *session, const segment_term *term) {
  uint64_t sum = 0;
  uint32_t n, rounds = 0;
  postings_bound bound;
  postings p;
  postings_open(&p, s, session, term);
  for (uint32_t target = 0; rounds++ < 200 && postings_bounds(&p, target, &bound);
       target = bound.last + 1) {
    const uint32_t at = postings_seek(&p, target);
    if (at == SEGMENT_END || bound.last == UINT32_MAX) break;
    if (at >= p.count || p.ordinals[at] >= segment_about(s)->items) abort();
    sum += postings_wdfs(&p)[at];
    const uint32_t *positions = postings_positions(&p, at, &n);
    if (n > 0) sum += positions[n - 1];
  }
  postings_close(&p);
  return sum;
}

static uint64_t read_words(const segment *s, segment_session *session) {
  segment_terms *walk;
  segment_term term;
  segment_class cls;
  sdx_bytes name;
  buffer names = BUFFER_INIT;
  uint64_t sum = 0;
  if (segment_terms_open(&walk, s, session, "", 0) != SDX_OK) return 0;
  for (uint32_t i = 0; i < 200 && segment_terms_next(walk, &name, &term); i++) {
    segment_session other = { 0 };
    sum += read_list(s, &other, &term);
    (void)!segment_find(s, &other, name.data, name.size, &term);
    buffer_reset(&names);
    (void)!segment_find_class(s, &other, CLASS_STEM, 0, name.data, name.size, &cls, &names);
    (void)!segment_find_class(s, &other, CLASS_FOLD, 0, name.data, name.size, &cls, &names);
  }
  segment_terms_close(walk);
  buffer_free(&names);
  return sum;
}

static void read_items(const segment *s, segment_session *session) {
  block_ref hold = BLOCK_REF_INIT, column = BLOCK_REF_INIT;
  buffer out = BUFFER_INIT;
  segment_item item;
  for (uint32_t i = 0; i < segment_about(s)->items && i < 100; i++) {
    session->status = SDX_OK;
    if (segment_item_get(s, session, i, &item, &hold) != SDX_OK) continue;
    buffer_reset(&out);
    if (item.has_text) (void)!segment_text_get(s, session, &item, &out);
    if (item.has_payload) (void)!segment_payload_get(s, session, &item, &out);
    (void)segment_length_at(s, session, i, &column);
    (void)segment_date_at(s, session, i, &column);
    (void)segment_size_at(s, session, i, &column);
    (void)segment_thread_at(s, session, i, &column);
  }
  block_release(&hold);
  block_release(&column);
  buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  blocks b;
  split(&b, data, size);
  const block_source source = { .get = get, .context = &b };
  segment *s = NULL;
  segment_session session = { 0 };
  sdx_error err;
  uint64_t problems;
  if (segment_open(&s, 42, 1, &source, NULL, &session, &err) != SDX_OK) return 0;
  if (segment_about(s)->items < ITEMS_MAX) {
    (void)segment_date_bound(s, &session, 1700000000);
    session.status = SDX_OK;
    (void)!segment_check(s, &session, NULL, NULL, &problems, &err);
    session.status = SDX_OK;
    (void)read_words(s, &session);
    read_items(s, &session);
    session.status = SDX_OK;
    take_apart(s, &session, PUT_MAX, &err);
  }
  segment_close(s);
  return 0;
}
