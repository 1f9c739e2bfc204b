/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proof-life: random lives beside the model. A failing seed is printed and shrinks to the steps
 * that matter.
 *
 *   proof-life [--seeds FIRST COUNT] [--steps N] [--flaw N]
 *
 * --flaw makes the model wrong in way N, to see that lives find it and shrink: then the exit code
 * is 0 where a life failed and shrank to a handful of steps.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "life.h"

/* Returns the number of the step that failed, or -1 if all went well. */
static int live(life *l, const char *dir, const step *steps, size_t count) {
  int failed = life_begin(l, dir) == 0 ? -1 : 0;
  for (size_t i = 0; failed < 0 && i < count; i++)
    if (life_step(l, &steps[i], false) != 0 || life_check(l, steps[i].random) != 0 ||
        ((i % 25 == 24 || i + 1 == count) && life_check_all(l) != 0))
      failed = (int)i;
  life_close(l);
  life_remove(dir);
  return failed;
}

/* Leaves out runs of steps, of halving length, for as long as the life still fails. */
static size_t shrink(life *l, const char *dir, step *steps, size_t count) {
  step *trial = malloc(count * sizeof *trial);
  if (trial == NULL) return count;
  for (size_t run = count / 2; run >= 1; run /= 2) {
    for (size_t at = 0; at + run <= count;) {
      memcpy(trial, steps, at * sizeof *trial);
      memcpy(trial + at, steps + at + run, (count - at - run) * sizeof *trial);
      const int failed = live(l, dir, trial, count - run);
      if (failed < 0) {
        at += run;
        continue;
      }
      count = (size_t)failed + 1;
      memcpy(steps, trial, count * sizeof *steps);
    }
  }
  free(trial);
  return count;
}

int main(int argc, char **argv) {
  uint64_t first = 1, seeds = 100;
  size_t count = 80, shortest = SIZE_MAX;
  life_flaw flaw = FLAW_NONE;
  char dir[200];
  snprintf(dir, sizeof dir, "%s/sealdex-life-%d",
           getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp", (int)getpid());
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--seeds") == 0 && i + 2 < argc) {
      first = strtoull(argv[i + 1], NULL, 10);
      seeds = strtoull(argv[i + 2], NULL, 10);
      i += 2;
    } else if (strcmp(argv[i], "--steps") == 0 && i + 1 < argc) {
      count = strtoul(argv[++i], NULL, 10);
    } else if (strcmp(argv[i], "--flaw") == 0 && i + 1 < argc) {
      flaw = (life_flaw)strtoul(argv[++i], NULL, 10);
    } else {
      fprintf(stderr, "usage: proof-life [--seeds FIRST COUNT] [--steps N] [--flaw N]\n");
      return 2;
    }
  }
  step *steps = malloc(count * sizeof *steps);
  static life l;
  if (steps == NULL || count == 0) return 6;
  l.flaw = flaw;
  unsigned failures = 0;
  for (uint64_t seed = first; seed < first + seeds; seed++) {
    life_draw(steps, count, seed);
    const int failed = live(&l, dir, steps, count);
    if (failed < 0) continue;
    failures++;
    printf("seed %llu, step %d: %s\n", (unsigned long long)seed, failed, l.why);
    const size_t kept = shrink(&l, dir, steps, (size_t)failed + 1);
    (void)live(&l, dir, steps, kept);
    printf("shrunk to %zu steps: %s\n", kept, l.why);
    life_tell(steps, kept);
    if (kept < shortest) shortest = kept;
    fflush(stdout);
    if (failures == 3) break;
  }
  free(steps);
  printf("%llu lives of %zu steps, %u failed\n", (unsigned long long)seeds, count, failures);
  if (flaw != FLAW_NONE) return failures > 0 && shortest <= 6 ? 0 : 1;
  return failures == 0 ? 0 : 1;
}
