/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether two runs on one machine agree: the ratios of medians to within 10%, of 99th percentiles
 * to within 30%. What is compared is Sealdex against every other engine, class by class.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "figures.h"

typedef struct agreement {
  size_t compared, within;
  double worst;
  char where[240];
} agreement;

static void note(agreement *a, double first, double second, double band, const figure *at) {
  if (!(first > 0) || !(second > 0)) return;
  const double off = fabs(log(second / first));
  a->compared++;
  a->within += off <= log(1 + band);
  if (off <= a->worst) return;
  a->worst = off;
  snprintf(a->where, sizeof a->where, "%s, %s", at->engine, at->subject);
}

/* Sealdex / engine at a quantile of one class. */
static double quantile_ratio(const figures *f, const figure *at, const char *quantile) {
  return figures_value(f, at->stage, "Sealdex", at->subject, quantile) /
         figures_value(f, at->stage, at->engine, at->subject, quantile);
}

static void say(const char *what, const agreement *a, double band) {
  printf("%s: %zu of %zu within %.0f%%; farthest apart by %.1f%% (%s)\n", what, a->within,
         a->compared, band * 100, (exp(a->worst) - 1) * 100, a->where);
}

int command_agree(int argc, char **argv) {
  figures one = { 0 }, two = { 0 };
  agreement means = { 0 }, medians = { 0 }, tails = { 0 };
  if (argc != 3) {
    fprintf(stderr, "usage: sealdex-bench agree FIGURES FIGURES\n");
    return 2;
  }
  int result = figures_read(&one, argv[1]) == 0 && figures_read(&two, argv[2]) == 0 ? 0 : 6;
  for (size_t i = 0; i < one.count && result == 0; i++) {
    const figure *r = &one.rows[i];
    if (strcmp(r->stage, "ratio") == 0)
      note(strcmp(r->subject, "geometric mean") == 0 ? &means : &medians, r->value,
           figures_value(&two, r->stage, r->engine, r->subject, r->measure), 0.1, r);
    if (strcmp(r->stage, "search") == 0 && strcmp(r->measure, "p99") == 0 &&
        strcmp(r->engine, "Sealdex") != 0)
      note(&tails, quantile_ratio(&one, r, "p99"), quantile_ratio(&two, r, "p99"), 0.3, r);
  }
  if (result == 0) {
    say("geometric means of ratios", &means, 0.1);
    say("ratios of medians", &medians, 0.1);
    say("ratios of 99th percentiles", &tails, 0.3);
    result = medians.within == medians.compared && tails.within == tails.compared ? 0 : 1;
  }
  figures_free(&one);
  figures_free(&two);
  return result;
}
