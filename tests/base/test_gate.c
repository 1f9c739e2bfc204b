/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gate: many inside at once, or one alone. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/gate.h"

enum { THREADS = 4, CLOSERS = 2, ROUNDS = 2000 };

typedef struct scene {
  gate g;
  unsigned
      plain; /* written by who is alone, read by who is inside: no atomic, for a sanitizer to see */
  atomic_uint inside, alone;
  atomic_bool done;
} scene;

static void *pass(void *context) {
  scene *s = context;
  uintptr_t wrong = 0;
  unsigned last = 0;
  while (!atomic_load(&s->done)) {
    gate_enter(&s->g);
    atomic_fetch_add(&s->inside, 1);
    wrong += atomic_load(&s->alone) != 0;
    gate_enter(&s->g); /* once more, whoever waits to close it */
    wrong += s->plain < last;
    last = s->plain;
    gate_leave(&s->g);
    atomic_fetch_sub(&s->inside, 1);
    gate_leave(&s->g);
    sched_yield(); /* else a machine of one core keeps it open for ever */
  }
  return (void *)wrong;
}

static void *close_it(void *context) {
  scene *s = context;
  uintptr_t wrong = 0;
  for (unsigned i = 0; i < ROUNDS; i++) {
    if (i % 3 == 0) {
      if (!gate_try_close(&s->g)) continue;
    } else {
      gate_close(&s->g);
    }
    wrong += atomic_fetch_add(&s->alone, 1) != 0;
    wrong += atomic_load(&s->inside) != 0;
    s->plain++;
    atomic_fetch_sub(&s->alone, 1);
    gate_open(&s->g);
    if (i % 16 == 0) sched_yield();
  }
  return (void *)wrong;
}

static void many_or_one(void **state) {
  static scene s;
  pthread_t passing[THREADS], closing[CLOSERS];
  void *wrong;
  (void)state;
  gate_init(&s.g);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&passing[i], NULL, pass, &s), 0);
  for (int i = 0; i < CLOSERS; i++)
    assert_int_equal(pthread_create(&closing[i], NULL, close_it, &s), 0);
  for (int i = 0; i < CLOSERS; i++) {
    assert_int_equal(pthread_join(closing[i], &wrong), 0);
    assert_null(wrong);
  }
  atomic_store(&s.done, true);
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_join(passing[i], &wrong), 0);
    assert_null(wrong);
  }
  assert_true(s.plain >= CLOSERS * (ROUNDS - ROUNDS / 3 - 1));
  gate_destroy(&s.g);
}

static void try_close_does_not_wait(void **state) {
  gate g;
  (void)state;
  gate_init(&g);
  gate_enter(&g);
  assert_false(gate_try_close(&g));
  gate_enter(&g);
  gate_leave(&g);
  assert_false(gate_try_close(&g));
  gate_leave(&g);
  assert_true(gate_try_close(&g));
  assert_false(gate_try_close(&g));
  gate_open(&g);
  gate_close(&g);
  gate_open(&g);
  gate_destroy(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(many_or_one),
    cmocka_unit_test(try_close_does_not_wait),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
