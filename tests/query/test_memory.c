/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What users cost a process that serves many: an idle open handle, and one that the pool has
 * closed. SEALDEX_USERS: how many users. Where a sanitizer has its own allocator there is nothing
 * to measure. */
#include "host.h"

#include <malloc.h>
#include <unistd.h>

#define KIB 1024

static unsigned users = 40;
static host *first;
static const uint8_t key_bytes[SDX_KEY_SIZE] = "a key of thirty-two bytes, as is";
static const sdx_secret key = { .kind = SDX_SECRET_KEY, .bytes = key_bytes, .size = SDX_KEY_SIZE };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEASURED 0
#else
#define MEASURED 1
#endif

/* Every user is a copy of one index. */
static int begin(void **state) {
  char text[400], id[16];
  if (getenv("SEALDEX_USERS") != NULL) users = (unsigned)atoi(getenv("SEALDEX_USERS"));
  host_begin(state);
  first = *state;
  for (unsigned i = 0; i < 200; i++) {
    snprintf(id, sizeof id, "m%u", i);
    snprintf(text, sizeof text, "The lamp %u is lit, and number%u of house%u knows.", i, i * 7,
             i % 13);
    host_message(first, id, HOST_NOW - i, "a@b.example", "Lamp", text,
                 i % 2 == 0 ? "INBOX" : "Old");
  }
  host_fold(first);
  host_copies(first, users);
  return 0;
}

/* Memory of this process alone, in KiB: written to, or locked. */
static long anonymous_memory(void) {
  char line[256];
  long kib = -1;
  malloc_trim(0);
  FILE *f = fopen("/proc/self/status", "r");
  assert_non_null(f);
  while (fgets(line, sizeof line, f) != NULL) (void)sscanf(line, "RssAnon: %ld kB", &kib);
  fclose(f);
  assert_true(kib >= 0);
  return kib;
}

static void search(sdx_index *index, const char *text) {
  sdx_error err;
  sdx_results *results;
  host_ok(sdx_search(index, host_bytes(text), NULL, &results, &err), &err);
  assert_true(sdx_results_count(results) > 0);
  sdx_results_free(results);
}

static void search_some(sdx_index *index) {
  search(index, "lamp knows");
  search(index, "\"the lamp\" OR numb*");
  search(index, "in:INBOX house3");
}

static void visit(unsigned user, sdx_pool *pool) {
  char path[128];
  sdx_error err;
  sdx_index *index;
  host_path(first, user, path);
  host_ok(sdx_pool_take(pool, path, &key, &index, &err), &err);
  search_some(index);
  sdx_pool_give(pool, index);
}

static void test_idle_handles(void **state) {
  sdx_error err;
  sdx_index **all = calloc(users, sizeof(*all));
  (void)state;
  assert_non_null(all);
  for (unsigned round = 0; round < 2; round++) { /* the first makes what the process needs once */
    const long before = anonymous_memory();
    for (unsigned i = 0; i < users; i++) {
      char path[128];
      host_path(first, i, path);
      host_ok(sdx_open(&all[i], path, &key, NULL, &err), &err);
      search_some(all[i]);
      host_ok(sdx_idle(all[i], &err), &err);
    }
    const long each = (anonymous_memory() - before) / (long)users;
    printf("an idle handle: %ld KiB\n", each);
    if (MEASURED && round == 1) assert_true(each <= 64);
    for (unsigned i = 0; i < users; i++) sdx_close(all[i]);
  }
  free(all);
}

static void test_closed_users(void **state) {
  sdx_error err;
  sdx_pool *pool;
  sdx_pool_options options = SDX_POOL_OPTIONS_INIT;
  (void)state;
  options.handles = 4;
  host_ok(sdx_pool_new(&pool, &options, &err), &err);
  for (unsigned i = 0; i < users / 4; i++) visit(i, pool);
  sdx_pool_close_idle(pool, NULL, 0);
  const long before = anonymous_memory();
  for (unsigned i = users / 4; i < users; i++) visit(i, pool);
  sdx_pool_close_idle(pool, NULL, 0);
  const long all = anonymous_memory() - before;
  printf("a closed user: %ld bytes\n", all * KIB / (long)(users - users / 4));
  if (MEASURED) assert_true(all <= 4 * (long)(users - users / 4));
  sdx_pool_free(pool);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_idle_handles),
    cmocka_unit_test(test_closed_users),
  };
  return cmocka_run_group_tests(tests, begin, host_end);
}
