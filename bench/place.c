/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "place.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}

void place_clear(const char *dir) {
  nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static uint64_t found_bytes; /* nftw has no context argument */
static int add_bytes(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)path, (void)at;
  if (type == FTW_F) found_bytes += (uint64_t)st->st_size;
  return 0;
}

uint64_t place_bytes(const char *dir) {
  found_bytes = 0;
  nftw(dir, add_bytes, 16, FTW_PHYS);
  return found_bytes;
}

/* Calls `each` for every file of a directory, with an open descriptor. */
static int with_files(const char *dir, int (*each)(int fd, const char *name, const void *context),
                      const void *context) {
  DIR *d = opendir(dir);
  if (d == NULL) return -1;
  int result = 0;
  for (struct dirent *entry; result == 0 && (entry = readdir(d)) != NULL;) {
    struct stat st;
    const int fd = openat(dirfd(d), entry->d_name, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
      result = each(fd, entry->d_name, context);
    if (fd >= 0) close(fd);
  }
  closedir(d);
  return result;
}

static int copy_file(int fd, const char *name, const void *context) {
  const int to =
      openat(*(const int *)context, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (to < 0) return -1;
  ssize_t n;
  while ((n = sendfile(to, fd, NULL, 1u << 24)) > 0) {
  }
  return close(to) == 0 && n == 0 ? 0 : -1;
}

int place_copy(const char *from, const char *dir) {
  if (mkdir(dir, 0700) != 0) return -1;
  const int to = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (to < 0) return -1;
  const int result = with_files(from, copy_file, &to);
  close(to);
  return result;
}

static int evict_file(int fd, const char *name, const void *context) {
  (void)name, (void)context;
  fdatasync(fd);
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  return 0;
}

/* Reads and writes under way on a device, or -1 where the kernel does not tell. */
static long in_flight(dev_t device) {
  char path[80];
  long reads = -1, writes = 0;
  snprintf(path, sizeof path, "/sys/dev/block/%u:%u/inflight", major(device), minor(device));
  FILE *in = fopen(path, "r");
  if (in == NULL) return -1;
  if (fscanf(in, "%ld %ld", &reads, &writes) != 2) reads = -1;
  fclose(in);
  return reads < 0 ? -1 : reads + writes;
}

void place_settle(const char *dir) {
  const struct timespec pause = { 0, 1000000 }, unknown = { 0, 10000000 };
  struct stat st;
  if (stat(dir, &st) != 0) return;
  for (int idle = 0, i = 0; idle < 2 && i < 200;
       i++) { /* idle twice: no pause between two reads */
    const long left = in_flight(st.st_dev);
    nanosleep(left < 0 ? &unknown : &pause, NULL);
    if (left < 0) return;
    idle = left == 0 ? idle + 1 : 0;
  }
}

void place_evict(const char *dir) {
  with_files(dir, evict_file, NULL);
}

static int warm_file(int fd, const char *name, const void *context) {
  static char buffer[1u << 20];
  (void)name, (void)context;
  while (read(fd, buffer, sizeof buffer) > 0) {
  }
  return 0;
}

void place_warm(const char *dir) {
  with_files(dir, warm_file, NULL);
}
