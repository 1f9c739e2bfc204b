/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crypto/keyring_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

#define MAIN "keyring"
#define LEFTOVER "keyring.new"
#define FILE_MAX (2 * (size_t)REGION_MAX)
#define READ_ATTEMPTS 20

static bool file_exists(int dir, const char *name) {
  return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- the calls that change the disk; each gives 0 or an errno ---- */

#ifdef SEALDEX_FAULTS
int (*keyring_fault)(const keyring_call *call) = NULL;
#define FAULT(...) (keyring_fault != NULL ? keyring_fault(&(const keyring_call){ __VA_ARGS__ }) : 0)
#else
#define FAULT(...) 0
#endif

static int disk_open(int *fd, int dir, const char *name, int flags) {
  const int failed = FAULT(.op = KEYRING_OP_OPEN, .fd = dir);
  if (failed != 0) return failed;
  *fd = openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
  return *fd >= 0 ? 0 : errno;
}

static int write_plainly(int fd, const uint8_t *bytes, size_t size, size_t at) {
  while (size > 0) {
    const ssize_t n = pwrite(fd, bytes, size, (off_t)at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? errno : EIO;
    bytes += n;
    size -= (size_t)n;
    at += (size_t)n;
  }
  return 0;
}

/* A write that a test fails is torn: half of it happens. */
static int disk_write(int fd, const uint8_t *bytes, size_t size, size_t at) {
  const int failed = FAULT(.op = KEYRING_OP_WRITE, .fd = fd, .at = at, .size = size);
  if (failed != 0) {
    (void)write_plainly(fd, bytes, size / 2, at);
    return failed;
  }
  return write_plainly(fd, bytes, size, at);
}

static int disk_sync(int fd) {
  const int failed = FAULT(.op = KEYRING_OP_SYNC, .fd = fd);
  if (failed != 0) return failed;
  return fdatasync(fd) == 0 ? 0 : errno;
}

static int disk_sync_dir(int dir) {
  const int failed = FAULT(.op = KEYRING_OP_SYNC_DIR, .fd = dir);
  if (failed != 0) return failed;
  return fsync(dir) == 0 ? 0 : errno;
}

static int disk_rename(int dir, const char *from, const char *to) {
  const int failed = FAULT(.op = KEYRING_OP_RENAME, .fd = dir);
  if (failed != 0) return failed;
  return renameat(dir, from, dir, to) == 0 ? 0 : errno;
}

static int disk_unlink(int dir, const char *name) {
  const int failed = FAULT(.op = KEYRING_OP_UNLINK, .fd = dir);
  if (failed != 0) return failed;
  return unlinkat(dir, name, 0) == 0 ? 0 : errno;
}

/* ---- reading ---- */

/* One of the two files as it was read. */
typedef struct image {
  bool exists;
  bool valid;     /* `best` is set */
  bool in_order;  /* both regions hold the same, and nothing follows them */
  bool both;      /* both regions read, of whatever generation */
  bool newer;     /* of a format that we do not know */
  unsigned first; /* the region that `best` came from: 0 or 1 */
  region best;
} image;

static int read_whole(int fd, uint8_t **out, size_t *size) {
  struct stat st;
  if (fstat(fd, &st) != 0) return errno;
  if (!S_ISREG(st.st_mode)) return EINVAL;
  *size = (uint64_t)st.st_size < FILE_MAX ? (size_t)st.st_size : FILE_MAX;
  *out = malloc(*size + 1);
  if (*out == NULL) return ENOMEM;
  size_t got = 0;
  while (got < *size) {
    const ssize_t n = pread(fd, *out + got, *size - got, (off_t)got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) break;
    got += (size_t)n;
  }
  *size = got;
  return 0;
}

/* SDX_DAMAGED says nothing to the caller's error: that a region does not read is no failure yet. */
static sdx_status try_decode(region *out, const uint8_t *bytes, size_t size, sdx_error *err) {
  sdx_error said = { 0 };
  const sdx_status status = region_decode(out, bytes, size, &said);
  if (status != SDX_OK && status != SDX_DAMAGED && err != NULL) *err = said;
  return status;
}

static sdx_status consider(image *m, const uint8_t *bytes, size_t size, unsigned which,
                           sdx_error *err) {
  region candidate;
  const sdx_status status = try_decode(&candidate, bytes, size, err);
  if (status == SDX_DAMAGED) return SDX_OK;
  if (status != SDX_OK) return status;
  if (m->valid && m->best.generation >= candidate.generation) {
    region_free(&candidate);
    return SDX_OK;
  }
  region_free(&m->best);
  m->best = candidate;
  m->valid = true;
  m->first = which;
  return SDX_OK;
}

/* The size of a region is half the file's, but the file may be cut short or run on: every size is
 * tried, and the one that a region itself states and sums over is right. */
static sdx_status find_best(image *m, const uint8_t *bytes, size_t size, sdx_error *err) {
  sdx_status status = SDX_OK;
  for (size_t half = REGION_MIN; half <= REGION_MAX && half <= size && status == SDX_OK;
       half *= 2) {
    status = consider(m, bytes, half, 0, err);
    /* Where both are the same, one says what the other would. */
    if (status == SDX_OK && 2 * half <= size && memcmp(bytes, bytes + half, half) != 0)
      status = consider(m, bytes + half, half, 1, err);
  }
  if (status != SDX_OK || !m->valid) return status;
  const size_t half = m->best.size;
  m->in_order = size == 2 * half && memcmp(bytes, bytes + half, half) == 0;
  m->both = m->in_order;
  if (m->in_order || size < 2 * half) return SDX_OK;
  region other;
  status = try_decode(&other, bytes + (1 - m->first) * half, half, err);
  if (status == SDX_OK) region_free(&other);
  m->both = status == SDX_OK;
  return status == SDX_DAMAGED ? SDX_OK : status;
}

static void image_free(image *m) {
  region_free(&m->best);
  memset(m, 0, sizeof *m);
}

static sdx_status image_load(image *m, int dir, const char *name, sdx_error *err) {
  uint8_t *bytes = NULL;
  size_t size = 0;
  memset(m, 0, sizeof *m);
  const int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 && errno == ENOENT) return SDX_OK;
  if (fd < 0) return error_system(err, errno, "cannot open the keyring");
  m->exists = true;
  sdx_status status = SDX_OK;
  const int failed = read_whole(fd, &bytes, &size);
  if (failed != 0)
    status = error_system(err, failed, "cannot read the keyring");
  else
    status = find_best(m, bytes, size, err);
  if (status == SDX_OK && !m->valid) m->newer = region_is_newer(bytes, size);
  if (status != SDX_OK) image_free(m);
  free(bytes);
  close(fd);
  return status;
}

/* Loads the file that counts: *name says which. One look, without waiting. */
static sdx_status load_current(image *m, const char **name, int dir, sdx_error *err) {
  *name = MAIN;
  sdx_status status = image_load(m, dir, MAIN, err);
  if (status != SDX_OK || m->valid || m->newer || !m->exists) return status;
  image beside;
  status = image_load(&beside, dir, LEFTOVER, err);
  if (status != SDX_OK || !beside.valid) return status;
  *name = LEFTOVER;
  *m = beside;
  return SDX_OK;
}

/* A writer may overwrite what we read while we read it; it never leaves it so for long. */
static sdx_status load_patiently(image *m, const char **name, int dir, sdx_error *err) {
  const struct timespec moment = { .tv_nsec = 1000000 };
  for (int i = 0;; i++) {
    const sdx_status status = load_current(m, name, dir, err);
    if (status != SDX_OK || m->valid) return status;
    if (!m->exists) return error_set(err, SDX_SYSTEM, "there is no keyring here: not an index");
    if (m->newer)
      return error_set(err, SDX_DAMAGED, "the keyring is of a newer format: upgrade Sealdex");
    if (i == READ_ATTEMPTS)
      return error_set(err, SDX_DAMAGED, "the keyring is damaged: restore it from a copy");
    nanosleep(&moment, NULL);
  }
}

sdx_status keyring_file_read(int dir, region *out, sdx_error *err) {
  image m;
  const char *name;
  const sdx_status status = load_patiently(&m, &name, dir, err);
  if (status == SDX_OK) *out = m.best;
  return status;
}

sdx_status keyring_file_check(int dir, bool *whole, sdx_error *err) {
  const struct timespec moment = { .tv_nsec = 1000000 };
  *whole = false;
  for (int i = 0; i < READ_ATTEMPTS && !*whole; i++) {
    image m;
    const char *name;
    if (i > 0) nanosleep(&moment, NULL); /* a writer may be at it */
    const sdx_status status = load_patiently(&m, &name, dir, err);
    if (status != SDX_OK) return status;
    *whole = m.both;
    image_free(&m);
  }
  return SDX_OK;
}

bool keyring_file_holds(int dir, const region *r) {
  uint8_t sums[2][REGION_DIGEST_SIZE];
  const int fd = openat(dir, MAIN, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  bool same = true;
  for (size_t i = 0; i < 2 && same; i++) {
    const off_t at = (off_t)((i + 1) * r->size - REGION_DIGEST_SIZE);
    same = pread(fd, sums[i], REGION_DIGEST_SIZE, at) == REGION_DIGEST_SIZE &&
           memcmp(sums[i], r->digest, REGION_DIGEST_SIZE) == 0;
  }
  close(fd);
  return same && !file_exists(dir, LEFTOVER);
}

/* ---- writing ---- */

/* Writes both regions, `first` before the other. */
static int write_regions(int fd, const uint8_t *bytes, size_t size, unsigned first) {
  int failed = disk_write(fd, bytes, size, first * size);
  if (failed == 0) failed = disk_sync(fd);
  if (failed == 0) failed = disk_write(fd, bytes, size, (1 - first) * size);
  if (failed == 0) failed = disk_sync(fd);
  return failed;
}

static int rewrite(int dir, const char *name, const uint8_t *bytes, size_t size, unsigned first) {
  int fd = -1;
  int failed = disk_open(&fd, dir, name, O_WRONLY);
  if (failed != 0) return failed;
  failed = write_regions(fd, bytes, size, first);
  if (failed == 0 && ftruncate(fd, (off_t)(2 * size)) != 0) failed = errno;
  close(fd);
  return failed;
}

/* Overwrites all of a file with noise, durably. */
static int scrub(int dir, const char *name) {
  uint8_t noise[REGION_MIN];
  struct stat st;
  int fd = -1;
  int failed = disk_open(&fd, dir, name, O_WRONLY);
  if (failed != 0) return failed;
  if (fstat(fd, &st) != 0) failed = errno;
  for (size_t at = 0; failed == 0 && at < (size_t)st.st_size; at += sizeof noise) {
    const size_t left = (size_t)st.st_size - at;
    crypto_random(noise, sizeof noise);
    failed = disk_write(fd, noise, left < sizeof noise ? left : sizeof noise, at);
  }
  if (failed == 0) failed = disk_sync(fd);
  close(fd);
  return failed;
}

/* Overwrites, unlinks, and makes that durable. Absent is fine. */
static int scrub_and_unlink(int dir, const char *name) {
  if (!file_exists(dir, name)) return 0;
  int failed = scrub(dir, name);
  if (failed == 0) failed = disk_unlink(dir, name);
  if (failed == 0) failed = disk_sync_dir(dir);
  return failed;
}

/* Whoever could read and write the old file can do so with the new one, as far as we may say. */
static void take_over_access(int fd, int dir) {
  struct stat st;
  if (fstatat(dir, MAIN, &st, AT_SYMLINK_NOFOLLOW) != 0) return;
  if (fchown(fd, st.st_uid, st.st_gid) == 0) (void)fchmod(fd, st.st_mode & 07777);
}

/* A whole new keyring.new, durable with its name. */
static int write_beside(int dir, const uint8_t *bytes, size_t size) {
  int fd = -1;
  int failed = disk_open(&fd, dir, LEFTOVER, O_WRONLY | O_CREAT | O_EXCL);
  if (failed != 0) return failed;
  take_over_access(fd, dir);
  failed = write_regions(fd, bytes, size, 0);
  close(fd);
  if (failed == 0) failed = disk_sync_dir(dir);
  return failed;
}

/* The old file becomes noise before its name is given away: unlinked pages cannot be overwritten.
 */
static int take_name(int dir) {
  int failed = scrub(dir, MAIN);
  if (failed == 0) failed = disk_rename(dir, LEFTOVER, MAIN);
  if (failed == 0) failed = disk_sync_dir(dir);
  return failed;
}

/* What could not be read again is not written: both regions would go with it. */
static sdx_status encode(uint8_t **out, region *r, sdx_error *err) {
  region again;
  *out = malloc(r->size);
  if (*out == NULL) return error_memory(err);
  sdx_status status = region_encode(r, *out, err);
  if (status == SDX_OK) {
    status = region_decode(&again, *out, r->size, err);
    if (status == SDX_OK) region_free(&again);
    if (status == SDX_DAMAGED)
      status = error_set(err, SDX_INVALID, "the keyring cannot hold what it is to hold");
  }
  if (status == SDX_OK) return SDX_OK;
  free(*out);
  *out = NULL;
  return status;
}

static sdx_status written(int failed, sdx_error *err) {
  return failed == 0 ? SDX_OK : error_system(err, failed, "cannot write the keyring");
}

sdx_status keyring_file_create(int dir, region *r, sdx_error *err) {
  uint8_t *bytes = NULL;
  if (file_exists(dir, MAIN)) return error_set(err, SDX_INVALID, "there is a keyring already");
  const sdx_status status = encode(&bytes, r, err);
  if (status != SDX_OK) return status;
  int failed = scrub_and_unlink(dir, LEFTOVER); /* of a creation that a crash interrupted */
  if (failed == 0) failed = write_beside(dir, bytes, r->size);
  if (failed == 0) failed = disk_rename(dir, LEFTOVER, MAIN);
  if (failed == 0) failed = disk_sync_dir(dir);
  free(bytes);
  return written(failed, err);
}

/* Writes `m` anew into the file it came from, beginning with the region it came from: that one is
 * perhaps not on the disk yet (a sync failed), and the other may be the last that is. */
static int settle_image(int dir, const char *name, const uint8_t *bytes, const image *m) {
  int failed = 0;
  if (!m->in_order) failed = rewrite(dir, name, bytes, m->best.size, m->first);
  if (failed == 0 && strcmp(name, LEFTOVER) == 0) {
    failed = disk_sync_dir(dir);
    if (failed == 0) failed = take_name(dir);
  }
  return failed;
}

sdx_status keyring_file_settle(int dir, region *out, sdx_error *err) {
  image m;
  const char *name;
  uint8_t *bytes = NULL;
  sdx_status status = load_patiently(&m, &name, dir, err);
  if (status != SDX_OK) return status;
  status = encode(&bytes, &m.best, err);
  if (status == SDX_OK) {
    int failed = settle_image(dir, name, bytes, &m);
    if (failed == 0) failed = scrub_and_unlink(dir, LEFTOVER);
    status = written(failed, err);
  }
  free(bytes);
  if (status == SDX_OK)
    *out = m.best;
  else
    image_free(&m);
  return status;
}

/* The leftover of a failure before the old file was touched is removed at once if possible; the
 * next settle does it otherwise. */
static int replace_file(int dir, const uint8_t *bytes, size_t size) {
  const int failed = write_beside(dir, bytes, size);
  if (failed == 0) return take_name(dir);
  (void)scrub_and_unlink(dir, LEFTOVER);
  return failed;
}

/* In place, the generations take turns in which region is written first. A commit whose last sync
 * failed leaves one region that reads well and may not be on the disk; nobody can tell later, but
 * the next commit writes just that one first, while the other, which is on the disk, still stands.
 */
sdx_status keyring_file_replace(int dir, const region *now, region *next, sdx_error *err) {
  region on_disk;
  uint8_t *bytes = NULL;
  sdx_status status = keyring_file_settle(dir, &on_disk, err);
  if (status != SDX_OK) return status;
  const bool current = memcmp(on_disk.digest, now->digest, sizeof now->digest) == 0;
  region_free(&on_disk);
  if (!current)
    return error_set(err, SDX_INVALID, "the keyring changed since it was read: refresh it first");
  status = encode(&bytes, next, err);
  if (status == SDX_OK)
    status = written(next->size == now->size
                         ? rewrite(dir, MAIN, bytes, next->size, next->generation & 1)
                         : replace_file(dir, bytes, next->size),
                     err);
  free(bytes);
  return status;
}

sdx_status keyring_file_destroy(int dir, sdx_error *err) {
  /* The leftover first: beside a file of noise it would count as the keyring again. */
  int failed = scrub_and_unlink(dir, LEFTOVER);
  if (failed == 0) failed = scrub_and_unlink(dir, MAIN);
  return failed == 0 ? SDX_OK : error_system(err, failed, "cannot destroy the keyring");
}
