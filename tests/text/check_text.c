/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compares our analyser with TermGenerator over files and over random Unicode:
 *
 *   check_text LANGUAGE random SEED CHARACTERS      check_text LANGUAGE files < LIST
 *
 * Prints counts alone, never text. Exit 1 where anything differs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "random_text.h"

static char buffer[16 << 20];

static size_t check_random(oracle *o, text_analyser *a, uint64_t seed, size_t characters) {
  size_t wrong = 0;
  for (size_t done = 0; done < characters;) {
    size_t body = 0, subject = 0, total = 0;
    random_text r = { seed++ };
    body = random_text_fill(&r, buffer, 16U << random_text_below(&r, 9), &total);
    subject = random_text_fill(&r, buffer + 4096, 64, &total);
    const oracle_field fields[] = { { "body", buffer, body },
                                    { "subject", buffer + 4096, subject } };
    wrong += oracle_differences(o, a, fields, 2, getenv("SAY") != NULL);
    done += total;
    if (text_vocabulary_bytes(a) > (32U << 20)) text_vocabulary_reset(a);
  }
  return wrong;
}

static size_t check_file(oracle *o, text_analyser *a, const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return 0;
  const size_t size = fread(buffer, 1, sizeof buffer, file);
  (void)fclose(file);
  /* The head as a subject, so that prefixed fields see real text too. */
  const size_t head = size < 400 ? size : 400;
  const oracle_field fields[] = { { "body", buffer, size }, { "subject", buffer, head } };
  const size_t wrong = oracle_differences(o, a, fields, 2, false);
  if (text_vocabulary_bytes(a) > (32U << 20)) text_vocabulary_reset(a);
  return wrong;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  text_analyser *a;
  sdx_error err;
  if (text_analyser_open(&a, argv[1], &err) != SDX_OK) return 2;
  oracle *o = oracle_open(argv[1]);
  size_t wrong = 0;
  if (strcmp(argv[2], "random") == 0 && argc == 5) {
    wrong = check_random(o, a, strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
  } else {
    char path[4096];
    while (fgets(path, sizeof path, stdin) != NULL) {
      path[strcspn(path, "\n")] = '\0';
      const size_t n = check_file(o, a, path);
      if (n != 0) printf("%zu differences: %s\n", n, path);
      wrong += n;
    }
  }
  const oracle_counts c = oracle_counted(o);
  printf("%s: %zu differences; %llu items, %llu terms, %llu of them changed by NFKC or cut, %llu "
         "stems\n",
         argv[1], wrong, (unsigned long long)c.items, (unsigned long long)c.terms,
         (unsigned long long)c.changed, (unsigned long long)c.stems);
  oracle_close(o);
  text_analyser_close(a);
  return wrong != 0;
}
