/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast text becomes terms: ours and TermGenerator in one run, over the bodies of the messages
 * named on standard input (text behind the first empty line).
 *
 *   find $SEALDEX_CORPORA/20news -type f | text_rate [LANGUAGES [BUDGET_MIB]]
 *
 * The vocabulary is reset whenever it passes the budget (16 MiB), as a bounded indexer would.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "oracle.h"

typedef struct message {
  char *body;
  size_t size;
} message;

static double seconds(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static size_t load(message *out, size_t capacity, size_t *bytes) {
  static char buffer[4 << 20];
  char path[4096];
  size_t count = 0;
  while (count < capacity && fgets(path, sizeof path, stdin) != NULL) {
    path[strcspn(path, "\n")] = '\0';
    FILE *file = fopen(path, "rb");
    if (file == NULL) continue;
    const size_t size = fread(buffer, 1, sizeof buffer, file);
    (void)fclose(file);
    const char *blank = memmem(buffer, size, "\n\n", 2);
    const char *crlf = memmem(buffer, size, "\r\n\r\n", 4);
    if (blank == NULL || (crlf != NULL && crlf < blank)) blank = crlf;
    const size_t from = blank != NULL ? (size_t)(blank - buffer) : 0;
    out[count].size = size - from;
    out[count].body = malloc(size - from + 1);
    if (out[count].body == NULL) break;
    memcpy(out[count].body, buffer + from, size - from);
    *bytes += size - from;
    count++;
  }
  return count;
}

static void rate_ours(const char *languages, size_t budget, const message *m, size_t count,
                      size_t bytes) {
  text_analyser *a;
  sdx_error err;
  if (text_analyser_open(&a, languages, &err) != SDX_OK) exit(2);
  const text_field_rule *body = text_field_find("body", 4);
  size_t terms = 0, resets = 0, held = 0;
  const double from = seconds();
  for (size_t i = 0; i < count; i++) {
    text_terms out;
    if (text_begin(a, &err) != SDX_OK || text_detect(a, m[i].body, m[i].size, &err) != SDX_OK ||
        text_add_field(a, body, m[i].body, m[i].size, &err) != SDX_OK ||
        text_finish(a, &out, &err) != SDX_OK)
      exit(2);
    terms += out.count;
    const size_t now = text_vocabulary_bytes(a);
    if (now > held) held = now;
    if (now > budget) {
      text_vocabulary_reset(a);
      resets++;
    }
  }
  const double spent = seconds() - from;
  printf("ours (%s)      %7.1f MB/s  %zu terms, vocabulary at most %.1f MiB, %zu resets\n",
         languages, (double)bytes / spent * 1e-6, terms, (double)held / (1 << 20), resets);
  text_analyser_close(a);
}

static void rate_xapian(const char *language, const message *m, size_t count) {
  oracle *o = oracle_open(language);
  size_t terms = 0, bytes = 0;
  const double from = seconds();
  for (size_t i = 0; i < count && bytes < (20U << 20); i++) {
    terms += oracle_index(o, m[i].body, m[i].size);
    bytes += m[i].size;
  }
  const double spent = seconds() - from;
  printf("TermGenerator  %7.1f MB/s  %zu terms and stems of %.1f MB\n",
         (double)bytes / spent * 1e-6, terms, (double)bytes * 1e-6);
  oracle_close(o);
}

int main(int argc, char **argv) {
  const size_t capacity = 200000;
  message *m = calloc(capacity, sizeof *m);
  if (m == NULL) return 2;
  size_t bytes = 0;
  const size_t count = load(m, capacity, &bytes);
  const char *languages = argc > 1 ? argv[1] : "en";
  const size_t budget = (argc > 2 ? strtoul(argv[2], NULL, 10) : 16) << 20;
  printf("%zu bodies, %.1f MB\n", count, (double)bytes * 1e-6);
  for (int turn = 0; turn < 3; turn++) rate_ours(languages, budget, m, count, bytes);
  char first[32] = { 0 };
  memcpy(first, languages, strcspn(languages, ",") < 31 ? strcspn(languages, ",") : 31);
  if (getenv("OURS_ONLY") == NULL) rate_xapian(first, m, count);
  for (size_t i = 0; i < count; i++) free(m[i].body);
  free(m);
  return 0;
}
