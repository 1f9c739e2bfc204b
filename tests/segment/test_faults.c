/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The n-th allocation fails, for every n: each call then says "no memory" or succeeds, nothing leaks
 * (run under a sanitizer), and what goes on afterwards is whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apart.h"
#include "model.h"

/* ---------------------------------------------------------------- faults */

static uint64_t until_fault = UINT64_MAX; /* allocations left; the next one fails where 0 */
static bool struck;

void *__real_plain_alloc(size_t size);
void *__real_plain_resize(void *p, size_t size);
void *__wrap_plain_alloc(size_t size);
void *__wrap_plain_resize(void *p, size_t size);

static bool fault(void) {
  if (until_fault == UINT64_MAX || struck) return false;
  if (until_fault-- > 0) return false;
  struck = true;
  return true;
}

void *__wrap_plain_alloc(size_t size) { return fault() ? NULL : __real_plain_alloc(size); }
void *__wrap_plain_resize(void *p, size_t size) { return fault() ? NULL : __real_plain_resize(p, size); }

static void arm(uint64_t n) {
  until_fault = n;
  struck = false;
}

static bool disarm(void) {
  until_fault = UINT64_MAX;
  return struck;
}

/* ---------------------------------------------------------------- what is done with faults */

typedef struct encoded {
  buffer records[12];
  size_t count;
} encoded;

static sdx_status encode(void *context, const record *r, sdx_error *err) {
  encoded *e = context;
  (void)err;
  record_encode(&e->records[e->count++], r);
  return SDX_OK;
}

static void only_memory(sdx_status status) {
  if (status != SDX_OK && status != SDX_NO_MEMORY) fail_msg("status %d", (int)status);
}

/* Adds all records; those that fail are left out. */
static void add_all(const encoded *e, inverter *v) {
  for (size_t i = 0; i < e->count; i++) {
    record_arena arena = RECORD_ARENA_INIT;
    record r;
    sdx_error err;
    sdx_status status = record_decode(&r, &arena, e->records[i].data, e->records[i].size, &err);
    if (status == SDX_OK) status = inverter_add_record(v, &r, &err);
    only_memory(status);
    record_arena_free(&arena);
  }
}

static sdx_status copying_get(void *context, void *session, segment_stream stream, uint32_t number,
                              uint8_t plain[BLOCK_PLAIN], sdx_error *err) {
  (void)session;
  (void)err;
  const block_source lent = memory_blocks_source(context);
  const uint8_t *bytes = lent.borrow(lent.context, stream, number);
  if (bytes == NULL) return SDX_DAMAGED;
  memcpy(plain, bytes, BLOCK_PLAIN);
  return SDX_OK;
}

/* Reads in all ways that allocate. */
static sdx_status read_segment(memory_blocks *blocks, const attributes *a) {
  const block_source source = { .get = copying_get, .context = blocks };
  sdx_error err;
  segment_session session = { .err = &err };
  block_cache *cache = NULL;
  segment *s = NULL;
  memory_blocks *merged = NULL;
  attributes *merged_attributes = NULL;
  segment_info info;
  buffer text = BUFFER_INIT, names = BUFFER_INIT;
  block_ref hold = BLOCK_REF_INIT;
  uint64_t problems = 0;
  sdx_status status = block_cache_new(&cache, 16 * 4096, NULL, &err);
  if (status == SDX_OK) status = segment_open(&s, 42, 1, &source, cache, &session, &err);
  if (status == SDX_OK) status = segment_check(s, &session, NULL, NULL, &problems, &err);
  assert_int_equal(problems, 0); /* no memory is no damage */
  segment_item item;
  if (status == SDX_OK) status = segment_item_get(s, &session, 0, &item, &hold);
  if (status == SDX_OK) status = segment_text_get(s, &session, &item, &text);
  segment_class cls;
  if (status == SDX_OK) {
    status = segment_find_class(s, &session, CLASS_STEM, 0, "run", 3, &cls, &names);
    if (status == SDX_NOT_FOUND) status = SDX_OK;
  }
  roaring_bitmap_t *which = roaring_bitmap_create();
  roaring_bitmap_add(which, 1);
  if (status == SDX_OK) status = segment_take(s, &session, a, which, apart_record, NULL, &err);
  if (status == SDX_OK) status = memory_blocks_new(&merged, NULL, &err);
  if (status == SDX_OK) {
    const merge_input input = { .seg = s, .session = &session, .attributes = a, .dropped = which };
    const block_sink sink = memory_blocks_sink(merged);
    status = segment_merge(&input, 1, 43, &sink, &merged_attributes, &info, NULL, NULL, &err);
  }
  attributes_free(merged_attributes);
  memory_blocks_free(merged);
  roaring_bitmap_free(which);
  block_release(&hold);
  buffer_free(&text);
  buffer_free(&names);
  segment_close(s);
  block_cache_free(cache);
  return status;
}

static void test_every_allocation(void **state) {
  (void)state;
  text_analyser *a;
  sdx_error err;
  encoded e = { .count = 0 };
  assert_int_equal(text_analyser_open(&a, "en,fr", &err), SDX_OK);
  model *m = model_new(&(model_shape){ .seed = 3, .items = 12, .terms = 70, .postings = 14, .max_wdf = 3,
                                       .two_languages = true });
  for (size_t i = 0; i < m->count; i++) assert_int_equal(model_record(m, i, encode, &e, &err), SDX_OK);

  bool more = true;
  for (uint64_t n = 0; more; n++) { /* building */
    inverter *v = NULL;
    memory_blocks *blocks = NULL;
    attributes *attrs = NULL;
    segment_info info;
    arm(n);
    sdx_status status = inverter_new(&v, a, &err);
    if (status == SDX_OK) {
      add_all(&e, v);
      status = memory_blocks_new(&blocks, NULL, &err);
    }
    if (status == SDX_OK) {
      const block_sink sink = memory_blocks_sink(blocks);
      status = inverter_write(v, 42, &sink, &attrs, NULL, &info, &err);
    }
    more = disarm();
    only_memory(status);
    if (status == SDX_OK) { /* whole, if perhaps without the item that failed */
      assert_true(info.items >= e.count - 1);
      const block_source source = memory_blocks_source(blocks);
      segment_session session = { 0 };
      segment *s;
      uint64_t problems;
      assert_int_equal(segment_open(&s, 42, 1, &source, NULL, &session, &err), SDX_OK);
      assert_int_equal(segment_check(s, &session, NULL, NULL, &problems, &err), SDX_OK);
      assert_int_equal(problems, 0);
      segment_close(s);
    }
    attributes_free(attrs);
    memory_blocks_free(blocks);
    inverter_free(v);
    text_vocabulary_reset(a);
  }

  model_segment s;
  model_build(&s, m, a, 42, false, NULL);
  more = true;
  for (uint64_t n = 0; more; n++) { /* reading */
    arm(n);
    const sdx_status status = read_segment(s.blocks, s.attributes);
    more = disarm();
    only_memory(status);
    if (!more) assert_int_equal(status, SDX_OK);
  }
  model_close(&s);
  for (size_t i = 0; i < e.count; i++) buffer_free(&e.records[i]);
  model_free(m);
  text_analyser_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_allocation) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
