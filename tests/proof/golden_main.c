/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proof-golden: an index of this format version, kept from the day it was made, is opened and
 * answers as it did then.
 *
 *   proof-golden make DIR     makes DIR/data.mdb, DIR/keyring and DIR/answers (script/golden calls
 * it) proof-golden check DIR    opens a copy of them, asks everything again, verifies, writes,
 * verifies
 *
 * The answers are what the format must keep: which items are found, in order of date, and each item
 * in full; not scores or snippets, which may get better.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sample.h"

enum { KEY = 42 };

static int copy_file(const char *from, const char *to, const char *name) {
  char path[600];
  static char bytes[65536];
  snprintf(path, sizeof path, "%s/%s", from, name);
  FILE *in = fopen(path, "rb");
  snprintf(path, sizeof path, "%s/%s", to, name);
  FILE *out = in != NULL ? fopen(path, "wb") : NULL;
  int result = in != NULL && out != NULL ? 0 : -1;
  for (size_t n; result == 0 && (n = fread(bytes, 1, sizeof bytes, in)) > 0;)
    if (fwrite(bytes, 1, n, out) != n) result = -1;
  if (in != NULL) fclose(in);
  if (out != NULL && fclose(out) != 0) result = -1;
  if (result != 0) perror(path);
  return result;
}

static void remove_all(const char *dir) {
  static const char *const names[] = { "data.mdb", "lock.mdb", "keyring", "answers" };
  char path[600];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(path, sizeof path, "%s/%s", dir, names[i]);
    (void)unlink(path);
  }
  (void)rmdir(dir);
}

/* Relevance orders by scores: those questions are left out. */
static bool is_kept(const char *question) {
  return strncmp(question, "search ", 7) != 0 || strncmp(question, "search newest ", 14) == 0;
}

static void write_answers(FILE *out, const answers *a) {
  for (size_t i = 0; i < a->count; i++) {
    const answer *one = &a->list[i];
    const char *question = sample_question(i);
    if (!is_kept(question) || strcmp(question, "snippet") == 0) continue;
    const size_t size = one->ids > 0 ? one->ids : strlen(one->text);
    fprintf(out, "# %s: %d\n%.*s\n", question, (int)one->status, (int)size, one->text);
  }
}

static int ask(const char *dir, const char *to) {
  char path[600];
  answers a;
  snprintf(path, sizeof path, "%s/answers", to);
  sample_ask(&a, dir, KEY, SAMPLE_NOW);
  FILE *out = a.opened == SDX_OK && a.verified == SDX_OK ? fopen(path, "wb") : NULL;
  if (out != NULL)
    write_answers(out, &a);
  else
    printf("opening or verifying: %s, %llu problems\n", a.message, (unsigned long long)a.problems);
  sample_free(&a);
  return out != NULL && fclose(out) == 0 ? 0 : -1;
}

static int compare(const char *a, const char *b) {
  char left[600], right[600], line[4096], other[4096];
  snprintf(left, sizeof left, "%s/answers", a);
  snprintf(right, sizeof right, "%s/answers", b);
  FILE *x = fopen(left, "rb"), *y = fopen(right, "rb");
  int result = x != NULL && y != NULL ? 0 : -1;
  for (unsigned n = 1; result == 0; n++) {
    const char *p = fgets(line, sizeof line, x), *q = fgets(other, sizeof other, y);
    if (p == NULL && q == NULL) break;
    if (p != NULL && q != NULL && strcmp(p, q) == 0) continue;
    printf("line %u of the answers differs: %s  now: %s", n, p != NULL ? p : "(end)\n",
           q != NULL ? q : "(end)\n");
    result = -1;
  }
  if (x != NULL) fclose(x);
  if (y != NULL) fclose(y);
  return result;
}

/* It is not only read: what came later is written to it. */
static int write_on(const char *dir) {
  sdx_status statuses[SAMPLE_WRITES];
  answers a;
  sample_write(dir, KEY, SAMPLE_NOW, statuses);
  for (size_t i = 0; i < SAMPLE_WRITES; i++) {
    if (statuses[i] == SDX_OK) continue;
    printf("write %zu: %d\n", i, (int)statuses[i]);
    return -1;
  }
  sample_ask(&a, dir, KEY, SAMPLE_NOW + 10);
  const bool fine = a.opened == SDX_OK && a.verified == SDX_OK;
  if (!fine)
    printf("after writing: %s, %llu problems\n", a.message, (unsigned long long)a.problems);
  sample_free(&a);
  return fine ? 0 : -1;
}

static int make(const char *dir) {
  sdx_error err = { 0 };
  remove_all(dir);
  if (sample_make(dir, KEY, NULL, NULL) != 0) return -1;
  if (sdx_compact(dir, &err) != SDX_OK) {
    printf("compact: %s\n", err.message);
    return -1;
  }
  char path[600];
  snprintf(path, sizeof path, "%s/lock.mdb", dir);
  const int result = ask(dir, dir);
  (void)unlink(path);
  return result;
}

static int check(const char *dir) {
  char work[] = "/tmp/sealdex-golden-XXXXXX";
  if (mkdtemp(work) == NULL) return -1;
  int result = copy_file(dir, work, "data.mdb");
  if (result == 0) result = copy_file(dir, work, "keyring");
  if (result == 0) result = ask(work, work);
  if (result == 0) result = compare(dir, work);
  if (result == 0) result = write_on(work);
  remove_all(work);
  return result;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "make") == 0) return make(argv[2]) == 0 ? 0 : 1;
  if (argc == 3 && strcmp(argv[1], "check") == 0) return check(argv[2]) == 0 ? 0 : 1;
  fprintf(stderr, "usage: proof-golden make|check DIR\n");
  return 2;
}
