/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proof-noise: sealed values pass for noise. Bytes, pairs of bytes and the correlation of
 * neighbours are counted over all values that stand on pages of their own.
 *
 *   proof-noise [DATA.MDB]      (none: of invented indexes that it makes)
 *
 * The bounds lie ten standard deviations from what noise gives: chance does not get there. The
 * file should be fresh from `sealdex compact`: a list of free pages on a page of its own is no
 * noise.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sample.h"

enum { PAGE = 4096, HEADER = 16, SAMPLES = 8, BYTES_MIN = 400000 };
#define FAR 10.0

typedef struct counts {
  uint64_t bytes[256], *pairs; /* pairs that do not overlap: 65,536 of them */
  uint64_t n, pair_count;
  double sum, squares, products;
} counts;

static void count_value(counts *c, const uint8_t *value, size_t size) {
  for (size_t i = 0; i < size; i++) {
    c->bytes[value[i]]++;
    c->sum += value[i];
    c->squares += (double)value[i] * value[i];
    if (i > 0) c->products += (double)value[i] * value[i - 1];
    if (i % 2 == 1) c->pairs[value[i - 1] << 8 | value[i]]++;
  }
  c->n += size;
  c->pair_count += size / 2;
}

static double chi_square(const uint64_t *seen, size_t cells, uint64_t n) {
  const double expected = (double)n / (double)cells;
  double sum = 0;
  for (size_t i = 0; i < cells; i++) {
    const double d = (double)seen[i] - expected;
    sum += d * d / expected;
  }
  return sum;
}

/* In standard deviations of what noise gives. */
static int judge(const char *what, double value, double mean, double deviation) {
  const double away = (value - mean) / deviation;
  printf("%-28s %12.4f  (noise: %.4f, %+.2f deviations)\n", what, value, mean, away);
  return fabs(away) < FAR ? 0 : 1;
}

static int judge_all(const counts *c) {
  const double n = (double)c->n, mean = c->sum / n, variance = c->squares / n - mean * mean;
  const double correlation = (c->products / n - mean * mean) / variance;
  int result = judge("mean byte", mean, 127.5, sqrt((65536.0 - 1) / 12 / n));
  result |= judge("chi-square, bytes", chi_square(c->bytes, 256, c->n), 255, sqrt(2 * 255.0));
  result |= judge("chi-square, pairs", chi_square(c->pairs, 65536, c->pair_count), 65535,
                  sqrt(2 * 65535.0));
  /* The first byte of a value has no neighbour before it. */
  result |= judge("correlation of neighbours", correlation, 0, 1 / sqrt(n) + 16.0 / PAGE / FAR);
  return result;
}

/* The pages of a value that begins here; 0: none does. */
static uint32_t pages_of_value(const uint8_t *page, uint64_t number) {
  uint64_t said;
  uint32_t run;
  memcpy(&said, page, sizeof said);
  memcpy(&run, page + 12, sizeof run);
  return said == number && page[10] == 4 && page[11] == 0 ? run : 0;
}

/* One block fills a page behind its header; of several, side by side, each takes as much. */
enum { BLOCK = PAGE - HEADER, RUN_MAX = 64 };

static int count_file(counts *c, const char *path) {
  static uint8_t page[RUN_MAX * PAGE];
  FILE *f = fopen(path, "rb");
  if (f == NULL) {
    perror(path);
    return -1;
  }
  for (uint64_t number = 0; fread(page, 1, PAGE, f) == PAGE; number++) {
    const uint32_t run = number >= 2 ? pages_of_value(page, number) : 0;
    if (run == 0 || run > RUN_MAX) continue;
    if (fread(page + PAGE, 1, (size_t)(run - 1) * PAGE, f) != (size_t)(run - 1) * PAGE) break;
    count_value(c, page + HEADER, (size_t)run * BLOCK);
    number += run - 1;
  }
  fclose(f);
  return 0;
}

/* An invented index, under a key of its own. */
static int count_sample(counts *c, uint8_t key_byte) {
  static const char *const names[] = { "data.mdb", "lock.mdb", "keyring" };
  char dir[64], path[96];
  snprintf(dir, sizeof dir, "/tmp/sealdex-noise-%d", (int)getpid());
  int result = sample_make(dir, key_byte, NULL, NULL);
  snprintf(path, sizeof path, "%s/data.mdb", dir);
  if (result == 0) result = count_file(c, path);
  for (size_t i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s", dir, names[i]);
    (void)unlink(path);
  }
  (void)rmdir(dir);
  return result;
}

int main(int argc, char **argv) {
  counts c = { .pairs = calloc(65536, sizeof *c.pairs) };
  int result = c.pairs != NULL ? 0 : -1;
  if (argc == 2) result = count_file(&c, argv[1]);
  for (uint8_t i = 0; argc == 1 && result == 0 && i < SAMPLES; i++) result = count_sample(&c, i);
  printf("%llu bytes of sealed values\n", (unsigned long long)c.n);
  if (result == 0) result = c.n >= BYTES_MIN ? judge_all(&c) : 1;
  free(c.pairs);
  return result == 0 ? 0 : 1;
}
