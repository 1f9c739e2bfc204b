/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes that are not what the writer wrote: every byte of a small segment changed, one at a time, and
 * whole blocks of noise. Nothing may crash, hang or read where it should not (run under sanitizers);
 * what is read may be wrong, since here nothing authenticates blocks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apart.h"
#include "model.h"
#include "segment/layout.h"

/* Blocks that can be written to. */
typedef struct copy {
  uint8_t *blocks[STREAM_COUNT];
  uint32_t counts[STREAM_COUNT];
} copy;

static void copy_make(copy *c, memory_blocks *from) {
  const block_source s = memory_blocks_source(from);
  memset(c, 0, sizeof *c);
  for (uint32_t i = 0; i < STREAM_COUNT; i++) {
    while (s.borrow(s.context, (segment_stream)i, c->counts[i]) != NULL) c->counts[i]++;
    c->blocks[i] = malloc((size_t)c->counts[i] * BLOCK_PLAIN + 1);
    for (uint32_t k = 0; k < c->counts[i]; k++)
      memcpy(c->blocks[i] + (size_t)k * BLOCK_PLAIN, s.borrow(s.context, (segment_stream)i, k), BLOCK_PLAIN);
  }
}

static void copy_free(copy *c) {
  for (uint32_t i = 0; i < STREAM_COUNT; i++) free(c->blocks[i]);
}

/* Hands out each block in memory of its own, so that a sanitizer sees a read beside it. */
static sdx_status get(void *context, void *session, segment_stream stream, uint32_t number,
                      uint8_t plain[BLOCK_PLAIN], sdx_error *err) {
  const copy *c = context;
  (void)session;
  (void)err;
  if (number >= c->counts[stream]) return SDX_DAMAGED;
  memcpy(plain, c->blocks[stream] + (size_t)number * BLOCK_PLAIN, BLOCK_PLAIN);
  return SDX_OK;
}

static uint64_t read_terms(const segment *s, segment_session *session) {
  segment_terms *walk;
  sdx_bytes name;
  segment_term term;
  uint64_t sum = 0;
  uint32_t n;
  postings_bound bound;
  if (segment_terms_open(&walk, s, session, "s", 1) != SDX_OK) return 0;
  for (uint32_t i = 0; segment_terms_next(walk, &name, &term) && i < 20; i++) {
    postings p;
    postings_open(&p, s, session, &term);
    for (uint32_t target = 0; postings_bounds(&p, target, &bound); target = bound.last + 1) {
      const uint32_t at = postings_seek(&p, target);
      if (at == SEGMENT_END || bound.last == UINT32_MAX) break;
      assert_true(at < p.count && p.ordinals[at] < segment_about(s)->items);
      const uint32_t *positions = postings_positions(&p, at, &n);
      if (n > 0) sum += positions[n - 1];
    }
    postings_close(&p);
  }
  segment_terms_close(walk);
  return sum;
}

/* Everything that can be asked of a segment. */
static void read_all(copy *c, text_analyser *a, bool deep) {
  const block_source source = { .get = get, .context = c };
  segment *s = NULL;
  segment_session session = { 0 };
  sdx_error err;
  uint64_t problems;
  if (segment_open(&s, 42, 1, &source, NULL, &session, &err) != SDX_OK) return;
  const uint32_t items = segment_about(s)->items;
  (void)segment_date_bound(s, &session, 1000001);
  session.status = SDX_OK;
  assert_int_equal(segment_check(s, &session, NULL, NULL, &problems, &err), SDX_OK);
  (void)read_terms(s, &session);
  session.status = SDX_OK;
  if (deep && items < 100000) take_apart(s, &session, 5000, &err);
  (void)a;
  segment_close(s);
}

static void with_segment(const model_shape *shape, void (*use)(copy *c, text_analyser *a, random_state *r)) {
  text_analyser *a;
  sdx_error err;
  random_state r = { shape->seed };
  assert_int_equal(text_analyser_open(&a, "en,fr", &err), SDX_OK);
  model *m = model_new(shape);
  model_segment s;
  copy c;
  model_build(&s, m, a, 42, false, NULL);
  copy_make(&c, s.blocks);
  uint64_t problems = 1;
  assert_int_equal(segment_check(s.seg, &s.session, NULL, NULL, &problems, &err), SDX_OK);
  assert_int_equal(problems, 0);
  use(&c, a, &r);
  copy_free(&c);
  model_close(&s);
  model_free(m);
  text_analyser_close(a);
}

/* Of a block, the bytes that mean something: zeros in its middle are left out. */
static bool worth(const uint8_t *block, uint32_t at) {
  if (block[at] != 0 || at < 40) return true;
  return at > 0 && block[at - 1] != 0;
}

static void flip_every_byte(copy *c, text_analyser *a, random_state *r) {
  for (uint32_t i = 0; i < STREAM_COUNT; i++)
    for (uint32_t at = 0; at < c->counts[i] * BLOCK_PLAIN; at++) {
      uint8_t *byte = c->blocks[i] + at;
      if (!worth(c->blocks[i] + at / BLOCK_PLAIN * BLOCK_PLAIN, at % BLOCK_PLAIN)) continue;
      const uint8_t before = *byte;
      *byte ^= (uint8_t)(1 + random_below(r, 255));
      read_all(c, a, random_below(r, 8) == 0);
      *byte = before;
    }
}

static void test_flips(void **state) {
  (void)state;
  with_segment(&(model_shape){ .seed = 5, .items = 9, .terms = 30, .postings = 12, .max_wdf = 3,
                               .two_languages = true },
               flip_every_byte);
}

static void noise_in_blocks(copy *c, text_analyser *a, random_state *r) {
  for (int round = 0; round < 150; round++) {
    uint32_t i;
    do i = random_below(r, STREAM_COUNT);
    while (c->counts[i] == 0);
    uint8_t *block = c->blocks[i] + (size_t)random_below(r, c->counts[i]) * BLOCK_PLAIN;
    uint8_t before[BLOCK_PLAIN];
    memcpy(before, block, BLOCK_PLAIN);
    const uint32_t from = random_below(r, 3) == 0 ? 0 : random_below(r, BLOCK_PLAIN);
    const uint32_t n = 1 + random_below(r, random_below(r, 2) == 0 ? 8 : BLOCK_PLAIN - from);
    for (uint32_t k = from; k < from + n && k < BLOCK_PLAIN; k++) block[k] = (uint8_t)random_next(r);
    read_all(c, a, true);
    memcpy(block, before, BLOCK_PLAIN);
  }
}

static void test_noise(void **state) {
  (void)state;
  with_segment(&(model_shape){ .seed = 6, .items = 400, .terms = 40, .postings = 20, .max_wdf = 3 },
               noise_in_blocks);
}

/* Whether a check of the copy says a line that begins so. */
typedef struct hearing {
  const char *beginning;
  bool heard;
} hearing;

static void hear(void *context, const char *line) {
  hearing *h = context;
  if (strncmp(line, h->beginning, strlen(h->beginning)) == 0) h->heard = true;
}

static bool is_told(copy *c, const char *beginning) {
  const block_source source = { .get = get, .context = c };
  hearing h = { .beginning = beginning };
  segment *s = NULL;
  segment_session session = { 0 };
  sdx_error err;
  uint64_t problems;
  assert_int_equal(segment_open(&s, 42, 1, &source, NULL, &session, &err), SDX_OK);
  assert_int_equal(segment_check(s, &session, hear, &h, &problems, &err), SDX_OK);
  segment_close(s);
  return h.heard;
}

/* What stands twice, for the sake of speed, and is another the second time. */
static void differ_in_copies(copy *c, text_analyser *a, random_state *r) {
  (void)a;
  uint8_t *length = c->blocks[STREAM_LENGTHS] + 2 * (size_t)(1 + random_below(r, 398)) + 1;
  assert_false(is_told(c, "lengths: "));
  *length ^= LAYOUT_SAME_DATE >> 8;
  assert_true(is_told(c, "lengths: "));
  *length ^= LAYOUT_SAME_DATE >> 8;

  assert_true(c->counts[STREAM_ITEMS] > 1);
  assert_false(is_told(c, "manifest: "));
  c->blocks[STREAM_ITEM_TOP][4]++;
  assert_true(is_told(c, "manifest: "));
  c->blocks[STREAM_ITEM_TOP][4]--;
}

static void test_copies(void **state) {
  (void)state;
  with_segment(&(model_shape){ .seed = 7, .items = 400, .terms = 40, .postings = 20, .max_wdf = 3 },
               differ_in_copies);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_flips),
    cmocka_unit_test(test_noise),
    cmocka_unit_test(test_copies),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
