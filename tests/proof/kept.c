/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kept.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/secret.h"

#define PAGE 4096

typedef struct version {
  uint32_t *pages;
  size_t count;
} version;

typedef struct known {
  uint8_t digest[32];
  uint32_t page; /* + 1; 0: empty */
} known;

struct kept {
  int fd;
  uint32_t pages;
  known *table;
  size_t room; /* a power of two */
  version *versions;
  size_t count;
};

kept *kept_new(const char *path) {
  kept *k = calloc(1, sizeof *k);
  if (k == NULL || crypto_start(NULL) != SDX_OK) return NULL;
  k->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  k->room = 1024;
  k->table = calloc(k->room, sizeof *k->table);
  return k;
}

void kept_free(kept *k) {
  if (k == NULL) return;
  for (size_t i = 0; i < k->count; i++) free(k->versions[i].pages);
  free(k->versions);
  free(k->table);
  close(k->fd);
  free(k);
}

static known *slot_of(known *table, size_t room, const uint8_t digest[32]) {
  uint64_t hash;
  memcpy(&hash, digest, sizeof hash);
  for (size_t i = hash & (room - 1);; i = (i + 1) & (room - 1))
    if (table[i].page == 0 || memcmp(table[i].digest, digest, 32) == 0) return &table[i];
}

static int widen(kept *k) {
  known *table = calloc(k->room * 2, sizeof *table);
  if (table == NULL) return -1;
  for (size_t i = 0; i < k->room; i++)
    if (k->table[i].page != 0) *slot_of(table, k->room * 2, k->table[i].digest) = k->table[i];
  free(k->table);
  k->table = table;
  k->room *= 2;
  return 0;
}

static int keep_page(kept *k, const uint8_t page[PAGE], uint32_t *number) {
  uint8_t digest[32];
  crypto_digest(digest, page, PAGE);
  if ((size_t)k->pages * 2 >= k->room && widen(k) != 0) return -1;
  known *at = slot_of(k->table, k->room, digest);
  if (at->page == 0) {
    if (pwrite(k->fd, page, PAGE, (off_t)k->pages * PAGE) != PAGE) return -1;
    memcpy(at->digest, digest, sizeof digest);
    at->page = ++k->pages;
  }
  *number = at->page - 1;
  return 0;
}

int kept_add(kept *k, const char *file) {
  uint8_t page[PAGE];
  struct stat st;
  version *grown = realloc(k->versions, (k->count + 1) * sizeof *grown);
  if (grown == NULL) return -1;
  k->versions = grown;
  const int fd = open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  version *v = &k->versions[k->count];
  int result = fstat(fd, &st);
  v->count = result == 0 ? ((size_t)st.st_size + PAGE - 1) / PAGE : 0;
  v->pages = calloc(v->count + 1, sizeof *v->pages);
  for (size_t i = 0; i < v->count && result == 0; i++) {
    memset(page, 0, sizeof page);
    result = pread(fd, page, PAGE, (off_t)(i * PAGE)) > 0 ? keep_page(k, page, &v->pages[i]) : -1;
  }
  close(fd);
  k->count++;
  return result;
}

size_t kept_count(const kept *k) { return k->count; }

uint64_t kept_bytes(const kept *k) { return (uint64_t)k->pages * PAGE; }

int kept_lay_out(const kept *k, size_t number, const char *file) {
  uint8_t page[PAGE];
  const version *v = &k->versions[number];
  const int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  int result = fd >= 0 ? 0 : -1;
  for (size_t i = 0; i < v->count && result == 0; i++)
    if (pread(k->fd, page, PAGE, (off_t)v->pages[i] * PAGE) != PAGE || write(fd, page, PAGE) != PAGE)
      result = -1;
  if (fd >= 0) close(fd);
  return result;
}
