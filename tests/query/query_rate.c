/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long queries take, warm: each line of standard input is asked of the index in DIR many times.
 * Prints for each its number, the total, and median and greatest time in microseconds, not its
 * words. A program for measuring, not a test.
 *
 *   query_rate DIR KEYFILE [ROUNDS] < QUERIES
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sealdex.h"

#define ROUNDS_MAX 1000

static double now(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static void must(sdx_status status, const sdx_error *err) {
  if (status == SDX_OK) return;
  fprintf(stderr, "query_rate: %s\n", err->message);
  exit(2);
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static uint64_t ask(sdx_index *index, const char *query) {
  sdx_error err = { 0 };
  sdx_results *results = NULL;
  must(sdx_search(index, (sdx_bytes){ query, strlen(query) }, NULL, &results, &err), &err);
  const uint64_t total = sdx_results_total(results);
  sdx_results_free(results);
  return total;
}

int main(int argc, char **argv) {
  char contents[100], line[1000];
  uint8_t key[SDX_KEY_SIZE];
  double times[ROUNDS_MAX];
  sdx_error err = { 0 };
  sdx_index *index;
  FILE *file = argc > 2 ? fopen(argv[2], "rb") : NULL;
  const size_t rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : 20;
  if (file == NULL || rounds == 0 || rounds > ROUNDS_MAX) return 2;
  const size_t size = fread(contents, 1, sizeof contents, file);
  (void)fclose(file);
  must(sdx_key_parse(key, contents, size, &err), &err);
  const sdx_secret secret = { .kind = SDX_SECRET_KEY, .bytes = key, .size = sizeof key };
  must(sdx_open(&index, argv[1], &secret, NULL, &err), &err);
  for (unsigned n = 1; fgets(line, sizeof line, stdin) != NULL; n++) {
    line[strcspn(line, "\n")] = 0;
    const double cold = now();
    const uint64_t total = ask(index, line);
    const double first = now() - cold;
    for (size_t i = 0; i < rounds; i++) {
      const double start = now();
      (void)ask(index, line);
      times[i] = now() - start;
    }
    qsort(times, rounds, sizeof *times, ascending);
    printf("query %u: %llu hits; first %.0f us, then median %.0f, greatest %.0f\n", n,
           (unsigned long long)total, first, times[rounds / 2], times[rounds - 1]);
  }
  sdx_close(index);
  return 0;
}
