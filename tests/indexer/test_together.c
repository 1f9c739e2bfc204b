/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Readers, writers, maintenance and sweeps at once: in threads of one handle, through two handles, and
 * in processes. No call fails, and at the end everything is there that was acknowledged. */
#include <pthread.h>
#include <stdio.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

#define ADDS 150
#define WRITERS 2

typedef struct crowd {
  scene *s;
  scene other; /* the same index through a second handle */
  atomic_bool done;
  atomic_uint next;
} crowd;

/* cmocka's assertions jump, which threads must not: these count failures instead. */
static atomic_uint failures;
static void check(bool good) {
  if (!good) atomic_fetch_add(&failures, 1);
}

static sdx_status add_one(sdx_index *index, unsigned number, int64_t now) {
  char id[24];
  const sdx_field field = { "body", { "zebra quartz", 12 } };
  sdx_item item = SDX_ITEM_INIT;
  sdx_write_options options = SDX_WRITE_OPTIONS_INIT;
  sdx_outcome outcome;
  item.id = (sdx_bytes){ id, (size_t)snprintf(id, sizeof id, "item/%u", number) };
  item.date = now - number;
  item.fields = &field;
  item.field_count = 1;
  options.now = now;
  return sdx_add(index, &item, &options, &outcome, NULL);
}

static void *write_items(void *context) {
  crowd *c = context;
  for (unsigned n; (n = atomic_fetch_add(&c->next, 1)) < ADDS;)
    check(add_one(n % 2 == 0 ? c->s->index : c->other.index, n, c->s->now) == SDX_OK);
  return NULL;
}

/* What is seen of items that are only added never shrinks. */
static void *read_items(void *context) {
  crowd *c = context;
  uint64_t last = 0;
  while (!atomic_load(&c->done)) {
    view_read r;
    const sdx_status status = view_begin_at(&r, c->s->index, 0, c->s->now, NULL);
    check(status == SDX_OK);
    if (status != SDX_OK) break;
    check(r.view->live >= last && r.view->partial == 0);
    last = r.view->live;
    for (size_t i = 0; i < r.view->segment_count; i++) {
      segment_term term;
      const attributes *a = NULL;
      check(segment_find(r.view->segments[i].seg, &r.session, "zebra", 5, &term) == SDX_OK);
      check(view_attributes(&r, i, &a, NULL) == SDX_OK && a != NULL);
    }
    view_end(&r);
  }
  return NULL;
}

static void *maintain(void *context) {
  crowd *c = context;
  while (!atomic_load(&c->done)) {
    const sdx_status status = sdx_maintain(c->other.index, false, c->s->now, NULL);
    check(status == SDX_OK || status == SDX_LOCKED);
    sdx_sweep_options options = SDX_SWEEP_OPTIONS_INIT;
    sdx_sweep_report report;
    options.now = c->s->now;
    const sdx_status swept = sdx_sweep(c->s->path, &options, &report, NULL);
    check(swept == SDX_OK || swept == SDX_LOCKED);
    check(report.items_missing == 0);
    check(sdx_idle(c->s->index, NULL) == SDX_OK);
  }
  return NULL;
}

static void test_threads(void **state) {
  crowd c = { .s = *state, .other = *(scene *)*state };
  pthread_t writers[WRITERS], readers[2], keeper;
  atomic_store(&failures, 0);
  c.other.index = NULL;
  scene_reopen(&c.other);
  /* scene_reopen closed nothing: the first handle is the scene's still. */
  pthread_create(&keeper, NULL, maintain, &c);
  for (int i = 0; i < 2; i++) pthread_create(&readers[i], NULL, read_items, &c);
  for (int i = 0; i < WRITERS; i++) pthread_create(&writers[i], NULL, write_items, &c);
  for (int i = 0; i < WRITERS; i++) pthread_join(writers[i], NULL);
  atomic_store(&c.done, true);
  for (int i = 0; i < 2; i++) pthread_join(readers[i], NULL);
  pthread_join(keeper, NULL);
  assert_int_equal(atomic_load(&failures), 0);
  assert_int_equal(scene_count(c.s, "zebra"), ADDS);
  assert_int_equal(scene_count(&c.other, "zebra"), ADDS);
  sdx_close(c.other.index);
}

/* Two processes write, a third maintains; the parent reads. */
static void test_processes(void **state) {
  scene *s = *state;
  pid_t children[3];
  for (unsigned k = 0; k < 3; k++) {
    children[k] = fork();
    assert_true(children[k] >= 0);
    if (children[k] != 0) continue;
    sdx_index *index = NULL;
    int failed = sdx_open(&index, s->path, &scene_key, NULL, NULL) != SDX_OK;
    for (unsigned i = 0; i < 100 && failed == 0; i++) {
      if (k < 2) failed = add_one(index, k * 1000 + i, s->now) != SDX_OK;
      else if (i % 10 == 0) {
        const sdx_status status = sdx_maintain(index, i % 20 == 0, s->now, NULL);
        failed = status != SDX_OK && status != SDX_LOCKED;
      }
    }
    sdx_close(index);
    _exit(failed);
  }
  for (unsigned last = 0, running = 3; running > 0;) {
    int status = 0;
    const unsigned seen = scene_count(s, "zebra");
    assert_true(seen >= last);
    last = seen;
    const pid_t ended = waitpid(-1, &status, WNOHANG);
    if (ended <= 0) continue;
    assert_int_equal(status, 0);
    running--;
  }
  assert_int_equal(scene_count(s, "zebra"), 200);
}

static void test_forked_handle(void **state) {
  scene *s = *state;
  scene_add(s, 1, "zebra");
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    view_read r;
    const bool refused = add_one(s->index, 2, s->now) == SDX_FORKED &&
                         view_begin(&r, s->index, 0, NULL) == SDX_FORKED &&
                         sdx_idle(s->index, NULL) == SDX_FORKED;
    _exit(refused ? 0 : 1);
  }
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  assert_int_equal(scene_count(s, "zebra"), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_threads, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_processes, scene_begin, scene_end),
    cmocka_unit_test_setup_teardown(test_forked_handle, scene_begin, scene_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
