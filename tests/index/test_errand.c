/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errands: done in order, each failure told to who waits for it, and none left when the runner
 * ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "index/errand.h"

#define ERRANDS 50U

typedef struct journey {
  unsigned *done; /* of all: only the runner's thread counts */
  unsigned at;    /* when this was done */
  bool fails;
} journey;

static sdx_status go(void *context, sdx_error *err) {
  journey *j = context;
  usleep(200);
  j->at = ++*j->done;
  return j->fails ? error_set(err, SDX_SYSTEM, "the way was blocked") : SDX_OK;
}

static errand_runner *runner(void) {
  errand_runner *r = NULL;
  sdx_error err = { 0 };
  assert_int_equal(errand_runner_new(&r, &err), SDX_OK);
  return r;
}

typedef struct journeys {
  journey all[ERRANDS];
  errand errands[ERRANDS];
  unsigned done;
} journeys;

/* Every `nth` of them fails; 0: none. */
static void send_all(errand_runner *r, journeys *j, unsigned nth) {
  j->done = 0;
  for (unsigned i = 0; i < ERRANDS; i++) {
    j->all[i] = (journey){ .done = &j->done, .fails = nth > 0 && i % nth == 0 };
    j->errands[i] = (errand){ .run = go, .context = &j->all[i] };
    errand_send(r, &j->errands[i]);
  }
}

static void test_in_order(void **state) {
  errand_runner *r = runner();
  journeys j;
  (void)state;
  send_all(r, &j, 0);
  assert_int_equal(errand_wait(r, &j.errands[ERRANDS - 1], NULL), SDX_OK);
  for (unsigned i = 0; i < ERRANDS; i++) assert_int_equal(j.all[i].at, i + 1);
  errand_runner_free(r);
}

static void test_failure_is_told(void **state) {
  errand_runner *r = runner();
  unsigned done = 0;
  journey good = { .done = &done }, bad = { .done = &done, .fails = true };
  errand first = { .run = go, .context = &good }, second = { .run = go, .context = &bad },
         none = { 0 };
  sdx_error err = { 0 };
  (void)state;
  errand_send(r, &second);
  errand_send(r, &first);
  assert_int_equal(errand_wait(r, &first, &err), SDX_OK);
  assert_int_equal(errand_wait(r, &second, &err), SDX_SYSTEM);
  assert_string_equal(err.message, "the way was blocked");
  assert_int_equal(errand_wait(r, &second, NULL), SDX_SYSTEM); /* and to who asks again */
  bad.fails = false;
  errand_send(r, &second);
  assert_int_equal(errand_wait(r, &second, &err), SDX_OK);
  assert_int_equal(errand_wait(r, &none, &err), SDX_OK);
  errand_runner_free(r);
}

static void test_all_done_at_the_end(void **state) {
  errand_runner *r = runner();
  journeys j;
  (void)state;
  send_all(r, &j, 2);
  errand_runner_free(r);
  assert_int_equal(j.done, ERRANDS);
  errand_runner_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_in_order),
    cmocka_unit_test(test_failure_is_told),
    cmocka_unit_test(test_all_done_at_the_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
