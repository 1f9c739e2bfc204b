/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cache of opened blocks: budget, eviction, pins, forgetting, and many threads at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "segment/cache.h"
#include "segment/segment.h"

/* A source whose blocks say which they are. */
#define BLOCKS 3000u

typedef struct counted {
  _Atomic uint32_t opened;
  _Atomic bool refuse;
} counted;

static void fill(uint8_t plain[BLOCK_PLAIN], uint32_t stream, uint32_t number) {
  for (uint32_t i = 0; i < BLOCK_PLAIN; i += 4) {
    const uint32_t v = number * 31 + stream * 7 + i;
    memcpy(plain + i, &v, 4);
  }
}

static bool is_filled(const uint8_t *plain, uint32_t stream, uint32_t number) {
  uint8_t expected[BLOCK_PLAIN];
  fill(expected, stream, number);
  return memcmp(expected, plain, BLOCK_PLAIN) == 0;
}

static sdx_status get(void *context, void *session, segment_stream stream, uint32_t number,
                      uint8_t plain[BLOCK_PLAIN], sdx_error *err) {
  counted *c = context;
  (void)session;
  (void)err;
  if (atomic_load(&c->refuse)) return SDX_DAMAGED;
  atomic_fetch_add(&c->opened, 1);
  if (stream == STREAM_MANIFEST) {
    layout_manifest m = { .info = { .format = SEGMENT_FORMAT, .id = 3 }, .date_width = 1, .size_width = 1 };
    for (uint32_t i = 0; i < STREAM_COUNT; i++) m.blocks[i] = BLOCKS;
    layout_manifest_encode(plain, &m);
  } else {
    fill(plain, (uint32_t)stream, number);
  }
  return SDX_OK;
}

static segment *open_one(counted *c, block_cache *cache, uint32_t number) {
  const block_source source = { .get = get, .context = c };
  segment_session session = { 0 };
  segment *s;
  sdx_error err;
  assert_int_equal(segment_open(&s, 3, number, &source, cache, &session, &err), SDX_OK);
  return s;
}

/* Every block of postings from the first on is what it was filled with. */
static void read_postings(const segment *s, segment_session *session, uint32_t first) {
  block_ref ref = BLOCK_REF_INIT;
  for (uint32_t i = first; i < BLOCKS; i++)
    assert_true(is_filled(block_get(s, session, STREAM_POSTINGS, i, &ref), STREAM_POSTINGS, i));
  block_release(&ref);
}

static void test_hits_and_budget(void **state) {
  (void)state;
  const size_t budget = 256 * 1024;
  counted c = { 0 };
  block_cache *cache;
  sdx_error err;
  segment_session session = { 0 };
  assert_int_equal(block_cache_new(&cache, budget, NULL, &err), SDX_OK);
  assert_true(block_cache_bytes(cache) < 4096); /* nothing yet */
  segment *s = open_one(&c, cache, 1);
  block_ref ref = BLOCK_REF_INIT;
  for (uint32_t round = 0; round < 3; round++)
    for (uint32_t i = 0; i < BLOCKS; i++) {
      const uint8_t *plain = block_get(s, &session, STREAM_POSTINGS, i, &ref);
      assert_non_null(plain);
      assert_true(i % 64 != 0 || is_filled(plain, STREAM_POSTINGS, i));
      assert_ptr_equal(block_get(s, &session, STREAM_POSTINGS, i, &ref), plain); /* the same: nothing */
    }
  assert_true(block_cache_bytes(cache) <= budget + 4096);
  assert_true(block_cache_bytes(cache) > budget / 4);
  const uint64_t hits = session.blocks_hit, opened = session.blocks_opened;
  for (uint32_t round = 0; round < 50; round++) /* a small working set stays */
    for (uint32_t i = 0; i < 8; i++) assert_non_null(block_get(s, &session, STREAM_TERMS, i, &ref));
  assert_true(session.blocks_opened - opened <= 8 + 8);
  assert_true(session.blocks_hit - hits >= 50 * 8 - 16);
  block_release(&ref);
  segment_close(s);
  block_cache_free(cache);
}

/* What is left of a budget behind the last doubling is used, too. */
static void test_odd_budget(void **state) {
  (void)state;
  counted c = { 0 };
  block_cache *cache;
  sdx_error err;
  segment_session session = { 0 };
  const size_t frames = 240, budget = frames * (BLOCK_PLAIN + 16);
  assert_int_equal(block_cache_new(&cache, budget, NULL, &err), SDX_OK);
  segment *s = open_one(&c, cache, 1);
  read_postings(s, &session, 0);
  assert_in_range(block_cache_bytes(cache), budget, budget + 4096);
  read_postings(s, &session, BLOCKS - 100);
  segment_close(s);
  block_cache_free(cache);
}

/* Pinned blocks are never given to others, whatever else is asked for. */
static void test_pins(void **state) {
  (void)state;
  enum { HELD = 200 };
  counted c = { 0 };
  block_cache *cache;
  sdx_error err;
  segment_session session = { 0 };
  static block_ref held[HELD];
  assert_int_equal(block_cache_new(&cache, 64 * 4096, NULL, &err), SDX_OK);
  segment *s = open_one(&c, cache, 1);
  for (uint32_t i = 0; i < HELD; i++) assert_non_null(block_get(s, &session, STREAM_TERMS, i, &held[i]));
  read_postings(s, &session, 0);
  for (uint32_t i = 0; i < HELD; i++) {
    assert_true(is_filled(held[i].data, STREAM_TERMS, i));
    block_release(&held[i]);
    assert_null(held[i].data);
  }
  segment_close(s);
  block_cache_free(cache);
}

static void test_forget(void **state) {
  (void)state;
  counted c = { 0 };
  block_cache *cache;
  sdx_error err;
  segment_session session = { 0 };
  block_ref ref = BLOCK_REF_INIT;
  assert_int_equal(block_cache_new(&cache, 1024 * 4096, NULL, &err), SDX_OK);
  segment *one = open_one(&c, cache, 1), *two = open_one(&c, cache, 2);
  for (uint32_t i = 0; i < 100; i++) {
    assert_non_null(block_get(one, &session, STREAM_TERMS, i, &ref));
    assert_non_null(block_get(two, &session, STREAM_TERMS, i, &ref));
  }
  block_release(&ref);
  block_cache_forget(cache, 1);
  for (uint32_t i = 0; i < 100; i++) {
    assert_false(cache_has(cache, cache_key(1, STREAM_TERMS, i)));
    assert_true(is_filled(block_get(two, &session, STREAM_TERMS, i, &ref), STREAM_TERMS, i));
  }
  block_release(&ref);
  segment_close(one);
  segment_close(two);
  block_cache_free(cache);
}

/* A block that does not open leaves nothing behind, and the session keeps the first failure. */
static void test_failure(void **state) {
  (void)state;
  counted c = { 0 };
  block_cache *cache;
  sdx_error err = { 0 };
  segment_session session = { .err = &err };
  block_ref ref = BLOCK_REF_INIT;
  assert_int_equal(block_cache_new(&cache, 64 * 4096, NULL, &err), SDX_OK);
  segment *s = open_one(&c, cache, 1);
  atomic_store(&c.refuse, true);
  assert_null(block_get(s, &session, STREAM_TERMS, 5, &ref));
  assert_int_equal(session.status, SDX_DAMAGED);
  atomic_store(&c.refuse, false);
  assert_null(block_get(s, &session, STREAM_TERMS, 5, &ref)); /* sticky */
  session.status = SDX_OK;
  assert_non_null(block_get(s, &session, STREAM_TERMS, 5, &ref));
  assert_null(block_get(s, &session, STREAM_TERMS, BLOCKS, &ref)); /* there is no such block */
  assert_int_equal(session.status, SDX_DAMAGED);
  assert_null(ref.data);
  segment_close(s);
  block_cache_free(cache);
}

/* ---------------------------------------------------------------- threads */

typedef struct thread_job {
  segment *segments[3];
  block_cache *cache;
  uint64_t seed;
  uint32_t wrong;
} thread_job;

static void *read_at_random(void *context) {
  thread_job *j = context;
  segment_session session = { 0 };
  block_ref refs[4] = { BLOCK_REF_INIT };
  uint64_t x = j->seed;
  for (uint32_t i = 0; i < 20000; i++) {
    x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
    const uint32_t r = (uint32_t)(x >> 33), number = r % 4 == 0 ? r % BLOCKS : r % 50;
    block_ref *ref = &refs[i % 4];
    const uint8_t *plain = block_get(j->segments[r / 7 % 3], &session, STREAM_TERMS, number, ref);
    if (plain == NULL || (i % 16 == 0 && !is_filled(plain, STREAM_TERMS, number))) j->wrong++;
    for (uint32_t k = 0; k < 4 && i % 64 == 0; k++)
      if (refs[k].data != NULL && !is_filled(refs[k].data, STREAM_TERMS, refs[k].number)) j->wrong++;
    if (i % 500 == 0) block_cache_forget(j->cache, 9); /* a segment that nobody has: walks all frames */
  }
  for (uint32_t k = 0; k < 4; k++) block_release(&refs[k]);
  return NULL;
}

static void test_threads(void **state) {
  (void)state;
  enum { THREADS = 4 };
  counted c = { 0 };
  block_cache *cache;
  sdx_error err;
  assert_int_equal(block_cache_new(&cache, 128 * 4096, NULL, &err), SDX_OK);
  thread_job jobs[THREADS];
  pthread_t threads[THREADS];
  segment *segments[3];
  for (uint32_t i = 0; i < 3; i++) segments[i] = open_one(&c, cache, i + 1);
  for (uint32_t i = 0; i < THREADS; i++) {
    jobs[i] = (thread_job){ .cache = cache, .seed = i * 77 + 1 };
    memcpy(jobs[i].segments, segments, sizeof segments);
    assert_int_equal(pthread_create(&threads[i], NULL, read_at_random, &jobs[i]), 0);
  }
  for (uint32_t i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(jobs[i].wrong, 0);
  }
  for (uint32_t i = 0; i < 3; i++) segment_close(segments[i]);
  block_cache_free(cache);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_hits_and_budget), cmocka_unit_test(test_odd_budget), cmocka_unit_test(test_pins),    cmocka_unit_test(test_forget),
    cmocka_unit_test(test_failure),         cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
