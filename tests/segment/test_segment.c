/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is written is what is read, on items made from seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model.h"

static void round_trip(const model_shape *shape, bool cached) {
  text_analyser *a;
  sdx_error err;
  random_state r = { shape->seed + 1 };
  assert_int_equal(text_analyser_open(&a, "en,fr", &err), SDX_OK);
  model *m = model_new(shape);
  uint32_t *ordinals = calloc((size_t)shape->items + 1, sizeof *ordinals);
  model_segment s;
  model_build(&s, m, a, 42, cached, ordinals);
  model_sort(m, ordinals);
  model_check(m, &s, a, &r);
  model_close(&s);
  model_free(m);
  free(ordinals);
  text_analyser_close(a);
}

static void test_small(void **state) {
  (void)state;
  for (uint32_t i = 0; i < 60; i++)
    round_trip(&(model_shape){ .seed = 100 + i,
                               .items = i,
                               .terms = 1 + i * 7,
                               .postings = 1 + i % 20,
                               .max_wdf = 1 + i % 6,
                               .two_languages = i % 3 == 0,
                               .same_dates = i % 4 == 0,
                               .oldest_first = i % 5 == 0 },
               i % 2 == 0);
}

static void test_middling(void **state) {
  (void)state;
  round_trip(&(model_shape){ .seed = 7, .items = 1500, .terms = 3000, .postings = 60, .max_wdf = 4 }, true);
  round_trip(&(model_shape){ .seed = 8, .items = 1500, .terms = 400, .postings = 60, .max_wdf = 9,
                             .two_languages = true },
             false);
}

/* Lists long enough for several groups of skips. */
static void test_long_lists(void **state) {
  (void)state;
  round_trip(&(model_shape){ .seed = 9, .items = 30000, .terms = 12, .postings = 8, .max_wdf = 3,
                             .oldest_first = true },
             true);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_small),
    cmocka_unit_test(test_middling),
    cmocka_unit_test(test_long_lists),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
