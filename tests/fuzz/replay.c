/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay.c - runs a fuzz target over saved inputs: what the ordinary suite does, with any compiler.
 *
 *   replay_NAME DIR      every file of the folder; fails where it has none
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run(const char *dir, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  FILE *f = fopen(path, "rb");
  if (f == NULL) return -1;
  static uint8_t bytes[1 << 20];
  const size_t size = fread(bytes, 1, sizeof bytes, f);
  fclose(f);
  /* A copy of just the size, so that a sanitizer sees a step behind the end. */
  uint8_t *exact = malloc(size > 0 ? size : 1);
  if (exact == NULL) return -1;
  for (size_t i = 0; i < size; i++) exact[i] = bytes[i];
  (void)LLVMFuzzerTestOneInput(exact, size);
  free(exact);
  return 0;
}

int main(int argc, char **argv) {
  DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
  if (dir == NULL) {
    fprintf(stderr, "usage: %s DIR\n", argv[0]);
    return 2;
  }
  unsigned count = 0;
  for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    if (run(argv[1], entry->d_name) != 0) {
      perror(entry->d_name);
      return 1;
    }
    count++;
  }
  closedir(dir);
  printf("%u inputs replayed\n", count);
  return count > 0 ? 0 : 1;
}
