/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Batches on several threads: nothing lost or doubled, whole or nothing, beside readers, in bounded
 * memory that is written sealed. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

#define ITEMS 3000U

static sdx_batch *begin(scene *s, unsigned threads, size_t memory) {
  sdx_batch *b = NULL;
  sdx_error err = { 0 };
  sdx_batch_options options = SDX_BATCH_OPTIONS_INIT;
  options.now = s->now;
  options.memory = memory;
  options.threads = threads;
  scene_ok(sdx_batch_begin(&b, s->index, &options, &err), &err);
  return b;
}

/* Every item has a word of its own, and one of 7 that many share. */
static void text_of(char out[120], unsigned number) {
  (void)snprintf(out, 120, "quicksilver own%u shared%u and Running words", number, number % 7);
}

static sdx_status put(sdx_batch *b, unsigned number, const char *text, sdx_outcome *outcome) {
  char id[24];
  const sdx_field fields[2] = { { "subject", { "Heading", 7 } },
                                { "body", { text, strlen(text) } } };
  const sdx_bytes flags[2] = { { "seen", 4 }, { "flagged", 7 } }, folder = { "Inbox", 5 };
  sdx_item item = SDX_ITEM_INIT;
  sdx_error err = { 0 };
  item.id = (sdx_bytes){ id, (size_t)snprintf(id, sizeof id, "item/%u", number) };
  item.date = SCENE_START - number;
  item.fields = fields;
  item.field_count = 2;
  item.flags = flags;
  item.flag_count = number % 3;
  item.folders = &folder;
  item.folder_count = 1;
  item.payload = (sdx_bytes){ id, item.id.size };
  return sdx_batch_add(b, &item, outcome, &err);
}

static void add_all(sdx_batch *b) {
  char text[120];
  for (unsigned i = 0; i < ITEMS; i++) {
    sdx_outcome outcome = 0;
    text_of(text, i);
    assert_int_equal(put(b, i, text, &outcome), SDX_OK);
    assert_int_equal(outcome, SDX_ADDED);
  }
}

static void commit(sdx_batch *b) {
  sdx_error err = { 0 };
  scene_ok(sdx_batch_commit(b, &err), &err);
}

static void check_all(scene *s) {
  char word[24], text[120];
  assert_int_equal(scene_count(s, "quicksilver"), ITEMS);
  for (unsigned i = 0; i < 7; i++) {
    (void)snprintf(word, sizeof word, "shared%u", i);
    assert_int_equal(scene_count(s, word), (ITEMS + 6 - i) / 7);
  }
  for (unsigned i = 0; i < ITEMS; i += 151) {
    (void)snprintf(word, sizeof word, "own%u", i);
    assert_int_equal(scene_count(s, word), 1);
    text_of(text, i);
    assert_true(scene_shows(s, i, text));
  }
}

static void check_sound(scene *s) {
  uint64_t problems = 0;
  sdx_error err = { 0 };
  scene_ok(sdx_verify(s->index, NULL, NULL, &problems, &err), &err);
  assert_int_equal(problems, 0);
}

static void test_whole(void **state) {
  scene *s = *state;
  sdx_batch *b = begin(s, 4, 2U << 20);
  add_all(b);
  assert_int_equal(scene_count(s, "quicksilver"), 0);
  commit(b);
  check_all(s);
  check_sound(s);
  scene_maintain(s, true);
  check_all(s);
  check_sound(s);
}

static void test_replaced_within(void **state) {
  scene *s = *state;
  sdx_batch *b = begin(s, 3, 1U << 20);
  sdx_outcome outcome;
  add_all(b);
  assert_int_equal(put(b, 5, "velvet", &outcome), SDX_OK);
  assert_int_equal(outcome, SDX_UPDATED);
  assert_int_equal(put(b, 5, "velvet", &outcome), SDX_OK);
  assert_int_equal(outcome, SDX_UNCHANGED);
  commit(b);
  assert_int_equal(scene_count(s, "quicksilver"), ITEMS - 1);
  assert_int_equal(scene_count(s, "velvet"), 1);
  assert_true(scene_shows(s, 5, "velvet"));
  b = begin(s, 3, 1U << 20);
  for (unsigned i = 0; i < ITEMS; i++) {
    char text[120];
    text_of(text, i);
    assert_int_equal(put(b, i, text, &outcome), SDX_OK);
    assert_int_equal(outcome, i == 5 ? SDX_UPDATED : SDX_UNCHANGED);
  }
  commit(b);
  check_all(s);
}

static void test_abort(void **state) {
  scene *s = *state;
  sdx_batch *b = begin(s, 4, 2U << 20);
  add_all(b);
  sdx_batch_abort(b);
  scene_add(s, ITEMS, "velvet"); /* collects what was written */
  scene_maintain(s, false);
  assert_int_equal(scene_count(s, "quicksilver"), 0);
  check_sound(s);
  b = begin(s, 4, 2U << 20); /* no thread was started yet */
  sdx_batch_abort(b);
}

/* What memory could not hold is in the store before the commit, and says nothing there. */
static void test_spilled_sealed(void **state) {
  scene *s = *state;
  char path[230];
  struct stat before, after;
  sdx_batch *b;
  (void)snprintf(path, sizeof path, "%s/data.mdb", s->path);
  scene_add(s, ITEMS, "velvet");
  assert_int_equal(stat(path, &before), 0);
  b = begin(s, 2, 1U << 20);
  add_all(b);
  assert_int_equal(stat(path, &after), 0);
  assert_true(after.st_size > before.st_size + 20 * STORE_BLOCK_SIZE);
  char *bytes = malloc((size_t)after.st_size);
  FILE *file = fopen(path, "rb");
  assert_non_null(bytes);
  assert_non_null(file);
  const size_t size = fread(bytes, 1, (size_t)after.st_size, file);
  (void)fclose(file);
  static const char *const words[] = { "quicksilver", "uicksilve", "shared3", "Heading", "heading",
                                       "own1234",     "item/12",   "Inbox",   "seen",    "velvet" };
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    assert_null(memmem(bytes, size, words[i], strlen(words[i])));
  free(bytes);
  commit(b);
  check_all(s);
}

typedef struct reader {
  scene *scene;
  atomic_bool stop;
  atomic_uint rounds;
} reader;

/* Sees all of the batch or nothing. */
static void *read_along(void *context) {
  reader *r = context;
  while (!atomic_load(&r->stop)) {
    sdx_results *results = NULL;
    sdx_error err = { 0 };
    scene_ok(sdx_search(r->scene->index, (sdx_bytes){ "quicksilver", 11 }, NULL, &results, &err),
             &err);
    const uint64_t total = sdx_results_total(results);
    sdx_results_free(results);
    assert_true(total == 0 || total == ITEMS);
    atomic_fetch_add(&r->rounds, 1);
  }
  return NULL;
}

static void test_beside_a_reader(void **state) {
  scene *s = *state;
  reader r = { .scene = s };
  pthread_t thread;
  sdx_batch *b = begin(s, 2, 1U << 20);
  assert_int_equal(pthread_create(&thread, NULL, read_along, &r), 0);
  add_all(b);
  commit(b);
  const unsigned seen = atomic_load(&r.rounds);
  while (atomic_load(&r.rounds) < seen + 3) usleep(1000);
  atomic_store(&r.stop, true);
  pthread_join(thread, NULL);
  check_all(s);
}

/* The child has none of the threads, and is not to wait for them. */
static void test_child_lets_go(void **state) {
  scene *s = *state;
  sdx_batch *b = begin(s, 2, 1U << 20);
  int status = -1;
  add_all(b);
  const pid_t child = fork();
  if (child == 0) {
    sdx_error err = { 0 };
    const bool refused =
        put(b, 1, "velvet", NULL) == SDX_FORKED && sdx_batch_commit(b, &err) == SDX_FORKED;
    _exit(refused ? 0 : 1);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  commit(b);
  check_all(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_whole, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_replaced_within, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_abort, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_spilled_sealed, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_beside_a_reader, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_child_lets_go, scene_begin, scene_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
