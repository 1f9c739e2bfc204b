/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pool of handles: many users over few handles, from several threads; keys are checked; what is idle is
 * closed. SEALDEX_USERS: how many users. */
#include "host.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define THREADS 4
#define HANDLES 6

static unsigned users = 24;
static sdx_pool *pool;
static host *first;
static const uint8_t key_bytes[SDX_KEY_SIZE] = "a key of thirty-two bytes, as is";
static const sdx_secret key = { .kind = SDX_SECRET_KEY, .bytes = key_bytes, .size = SDX_KEY_SIZE };

static sdx_status take(unsigned user, const sdx_secret *secret, sdx_index **out) {
  char path[128];
  sdx_error err;
  host_path(first, user, path);
  return sdx_pool_take(pool, path, secret, out, &err);
}

/* Every user is a copy of one index. */
static int begin(void **state) {
  sdx_error err;
  sdx_pool_options options = SDX_POOL_OPTIONS_INIT;
  if (getenv("SEALDEX_USERS") != NULL) users = (unsigned)atoi(getenv("SEALDEX_USERS"));
  host_begin(state);
  first = *state;
  host_message(first, "a", HOST_NOW, "a@b.example", "Lamp", "The lamp is lit.", "INBOX");
  host_copies(first, users);
  options.handles = HANDLES;
  options.memory = HANDLES << 20;
  options.wait_ms = 20000;
  host_ok(sdx_pool_new(&pool, &options, &err), &err);
  return 0;
}

static int end(void **state) {
  sdx_pool_free(pool);
  return host_end(state);
}

static uint64_t found_in(sdx_index *index) {
  sdx_error err;
  sdx_results *results;
  host_ok(sdx_search(index, host_bytes("lamp"), NULL, &results, &err), &err);
  const uint64_t total = sdx_results_total(results);
  sdx_results_free(results);
  return total;
}

static atomic_uint failures;

static void *serve(void *context) {
  unsigned seed = (unsigned)(uintptr_t)context;
  for (unsigned i = 0; i < 3 * users; i++) {
    sdx_index *index;
    seed = seed * 1103515245 + 12345;
    if (take((seed >> 8) % users, &key, &index) != SDX_OK) {
      atomic_fetch_add(&failures, 1);
      continue;
    }
    if (found_in(index) != 1 || sdx_pool_open_count(pool) > HANDLES) atomic_fetch_add(&failures, 1);
    sdx_pool_give(pool, index);
  }
  return NULL;
}

static void test_many_users(void **state) {
  pthread_t threads[THREADS];
  (void)state;
  for (uintptr_t i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, serve, (void *)(i + 1)), 0);
  for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  assert_int_equal(atomic_load(&failures), 0);
  assert_int_equal(sdx_pool_open_count(pool), HANDLES);
}

static void test_keys_are_checked(void **state) {
  const uint8_t other_bytes[SDX_KEY_SIZE] = "another key of thirty-two bytes.";
  const sdx_secret other = { .kind = SDX_SECRET_KEY, .bytes = other_bytes, .size = SDX_KEY_SIZE };
  sdx_index *index, *again;
  (void)state;
  sdx_pool_close_idle(pool, NULL, 0);
  assert_int_equal(sdx_pool_open_count(pool), 0);
  assert_int_equal(take(1, &other, &index), SDX_WRONG_KEY);
  assert_int_equal(sdx_pool_open_count(pool), 0);
  assert_int_equal(take(1, &key, &index), SDX_OK);
  assert_int_equal(take(1, &other, &again), SDX_WRONG_KEY); /* though it is open */
  assert_int_equal(take(1, &key, &again), SDX_OK);
  assert_ptr_equal(index, again);
  sdx_pool_close_idle(pool, NULL, 0);
  assert_int_equal(sdx_pool_open_count(pool), 1); /* in use */
  sdx_pool_give(pool, index);
  sdx_pool_give(pool, again);
  sdx_pool_close_idle(pool, NULL, 1000);
  assert_int_equal(sdx_pool_open_count(pool), 1); /* used just now */
  sdx_pool_close_idle(pool, NULL, 0);
  assert_int_equal(sdx_pool_open_count(pool), 0);
  assert_int_equal(take(users + 7, &key, &index), SDX_SYSTEM);
}

static void test_oldest_goes_first(void **state) {
  sdx_index *index;
  (void)state;
  for (unsigned i = 0; i < HANDLES; i++) {
    assert_int_equal(take(i, &key, &index), SDX_OK);
    sdx_pool_give(pool, index);
  }
  sdx_index *kept;
  assert_int_equal(take(0, &key, &kept), SDX_OK); /* now the newest */
  sdx_pool_give(pool, kept);
  assert_int_equal(take(HANDLES, &key, &index), SDX_OK); /* closes 1 */
  sdx_pool_give(pool, index);
  assert_int_equal(take(0, &key, &index), SDX_OK);
  assert_ptr_equal(index, kept);
  sdx_pool_give(pool, index);
  assert_int_equal(sdx_pool_open_count(pool), HANDLES);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_many_users),
    cmocka_unit_test(test_keys_are_checked),
    cmocka_unit_test(test_oldest_goes_first),
  };
  return cmocka_run_group_tests(tests, begin, end);
}
