/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a piece of work counts with, over passes some of which were disturbed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "histogram.h"
#include "passes.h"
#include "ratio.h"

static void assert_near(double value, double wanted) {
  assert_true(fabs(value - wanted) < 1e-9);
}

enum { ENGINES = 2, PIECES = 3, PASSES = 8 };

/* Piece i of engine k takes (k + 1) * (i + 1) seconds and a hundredth more in each pass. */
static passes make(void) {
  passes p = passes_new(ENGINES, PIECES, PASSES);
  for (size_t k = 0; k < ENGINES; k++)
    for (size_t pass = 0; pass < PASSES; pass++)
      for (size_t i = 0; i < PIECES; i++)
        *passes_at(&p, k, pass, i) = (double)((k + 1) * (i + 1)) + 0.01 * (double)pass;
  return p;
}

static void test_lower_quartile(void **state) {
  (void)state;
  passes p = make();
  for (size_t k = 0; k < ENGINES; k++) {
    double *values = passes_values(&p, k);
    for (size_t i = 0; i < PIECES; i++)
      assert_near(values[i], (double)((k + 1) * (i + 1)) + 0.01); /* second of eight */
    free(values);
  }
  passes_free(&p);
}

static void test_quantiles(void **state) {
  (void)state;
  passes p = make();
  *passes_at(&p, 1, 2, 0) = 99; /* disturbed: one of eight */
  double *medians = passes_quantiles(&p, 1, 0.5);
  assert_near(medians[0], 2.04); /* fourth of what is left */
  assert_near(medians[1], 4.03);
  free(medians);
  passes_free(&p);
}

/* Up to three quarters of the passes may be disturbed; one that is too quick does not count. */
static void test_disturbed(void **state) {
  (void)state;
  passes p = make();
  for (size_t pass = 2; pass < PASSES; pass++) *passes_at(&p, 0, pass, 1) *= 50;
  *passes_at(&p, 1, 3, 2) = 1e-6;
  double *ours = passes_values(&p, 0), *theirs = passes_values(&p, 1);
  assert_near(ours[1], 2.01);
  assert_near(theirs[2], 6.00);
  free(ours);
  free(theirs);
  passes_free(&p);
}

/* Percentiles are of what was measured, disturbed or not. */
static void test_samples_are_whole(void **state) {
  (void)state;
  passes p = make();
  *passes_at(&p, 1, 7, 0) = 99;
  samples all = { 0 }, some = { 0 };
  passes_samples(&p, 1, PASSES, &all);
  passes_samples(&p, 1, 3, &some);
  assert_int_equal(all.count, PASSES * PIECES);
  assert_int_equal(some.count, 3 * PIECES);
  assert_near(samples_quantile(&all, 1), 99);
  assert_near(samples_quantile(&some, 1), 6.02);
  samples_free(&all);
  samples_free(&some);
  passes_free(&p);
}

static void test_few_passes(void **state) {
  (void)state;
  passes p = passes_new(1, 1, 1), none = passes_new(1, 0, 4);
  *passes_at(&p, 0, 0, 0) = 5;
  double *one = passes_values(&p, 0), *nothing = passes_values(&none, 0);
  assert_near(one[0], 5);
  assert_non_null(nothing);
  free(one);
  free(nothing);
  passes_free(&p);
  passes_free(&none);
}

/* The ratio of medians over queries, with an interval around it. */
static void test_ratio(void **state) {
  (void)state;
  enum { QUERIES = 101 };
  double ours[QUERIES], theirs[QUERIES];
  for (size_t i = 0; i < QUERIES; i++) {
    theirs[i] = (double)(i + 1);
    ours[i] = theirs[i] / 4;
  }
  const ratio_pair pair = { ours, theirs, QUERIES, RATIO_MEDIAN };
  const ratio r = ratio_of(&pair, 1, 7);
  assert_near(r.value, 0.25);
  assert_true(r.low <= r.value && r.value <= r.high);
}

/* Of few and unlike rounds: the mean of the middle half, which one wild round does not move. */
static void test_rounds(void **state) {
  (void)state;
  double few[] = { 3, 1, 2 }, eight[] = { 8, 1, 2, 100, 4, 3, 6, 5 };
  assert_near(ratio_midmean(few, 3), 2);
  assert_near(ratio_midmean(eight, 8), 4.5);
  double ours[] = { 1, 2, 3, 4, 50 }, theirs[] = { 2, 4, 6, 8, 10 };
  const ratio_pair rounds = { ours, theirs, 5, RATIO_MIDMEAN },
                   queries = { ours, theirs, 5, RATIO_MEDIAN };
  assert_near(ratio_of(&rounds, 1, 7).value, 0.5);
  assert_near(ratio_of(&queries, 1, 7).value, 0.5);
  ours[2] = 3.6; /* moves the median by all, the middle by a third of its change */
  assert_near(ratio_of(&rounds, 1, 7).value, 0.5 * 9.6 / 9);
  assert_near(ratio_of(&queries, 1, 7).value, 0.6);
}

/* Of a sequence of calls of two kinds: all of them count, the slow ones with their share. */
static void test_sequence(void **state) {
  (void)state;
  double ours[] = { 1, 1, 1, 1, 16 }, theirs[] = { 2, 2, 2, 2, 2 };
  const ratio_pair calls = { ours, theirs, 5, RATIO_MEAN };
  const ratio r = ratio_of(&calls, 1, 7);
  assert_near(r.value, 2);
  assert_true(r.low < 1 && r.high > 2);
  assert_near(ratio_middle_of(ours, 5, RATIO_MEAN), 4);
  assert_near(ratio_middle_of(ours, 5, RATIO_MIDMEAN), 1);
  assert_near(ratio_middle_of(ours, 5, RATIO_MEDIAN), 1);
  assert_true(isnan(ratio_middle_of(ours, 0, RATIO_MEAN)));
}

/* Two queries of a hundred are slow: one sample more or less of them does not turn the tail from
 * one to the other. */
static void test_tail(void **state) {
  (void)state;
  samples s = { 0 }, one = { 0 }, none = { 0 };
  for (int i = 1; i <= 1000; i++) samples_add(&s, i);
  assert_near(samples_quantile(&s, 0.99), 990);
  assert_near(samples_tail(&s, 0.99), 990);
  assert_near(samples_tail(&s, 0.999), 999.5); /* the last two */
  samples_free(&s);
  for (int i = 0; i < 400; i++) samples_add(&s, i < 396 ? 1 : 100);
  assert_near(samples_quantile(&s, 0.99), 1);
  assert_near(samples_tail(&s, 0.99), (3 * 1.0 + 2 * 100.0) / 5);
  samples_add(&one, 7);
  assert_near(samples_tail(&one, 0.99), 7);
  assert_near(samples_tail(&none, 0.99), 0);
  samples_free(&s);
  samples_free(&one);
}

/* The same of a histogram, whose values are right to 1.6%. */
static void test_histogram(void **state) {
  (void)state;
  static histogram all, two, none;
  for (int i = 1; i <= 1000; i++) histogram_add(&all, i * 1e-6);
  for (int i = 0; i < 400; i++) histogram_add(&two, i < 396 ? 1e-3 : 0.1);
  assert_true(fabs(histogram_quantile(&all, 0.5) - 500e-6) < 10e-6);
  assert_true(fabs(histogram_tail(&all, 0.99) - 990e-6) < 20e-6);
  assert_true(fabs(histogram_quantile(&two, 0.99) - 1e-3) < 20e-6);
  assert_true(fabs(histogram_tail(&two, 0.99) - 0.0505) < 1e-3); /* two of the four samples */
  assert_near(histogram_tail(&none, 0.99), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_lower_quartile), cmocka_unit_test(test_quantiles),
    cmocka_unit_test(test_disturbed),      cmocka_unit_test(test_samples_are_whole),
    cmocka_unit_test(test_few_passes),     cmocka_unit_test(test_ratio),
    cmocka_unit_test(test_rounds),         cmocka_unit_test(test_sequence),
    cmocka_unit_test(test_tail),           cmocka_unit_test(test_histogram),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
