/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  PAGE_BYTES = 4096,
  FILE_MAX = 1100, /* no key, and no passphrase with its line's end, is longer */
  PASSPHRASE_MAX = 1024,
};

static void *page_new(void) {
  void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return NULL;
  if (mlock(page, PAGE_BYTES) != 0) {
    int saved = errno;
    munmap(page, PAGE_BYTES);
    errno = saved;
    return NULL;
  }
  madvise(page, PAGE_BYTES, MADV_DONTDUMP);
  return page;
}

static void page_free(void *page) {
  if (!page) return;
  sdx_wipe(page, PAGE_BYTES);
  munmap(page, PAGE_BYTES);
}

/* Reads at most FILE_MAX + 1 bytes; -1 with errno set where it fails. */
static ssize_t read_file(const char *path, char *into) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return -1;
  size_t size = 0;
  ssize_t n = 1;
  while (n > 0 && size <= FILE_MAX) {
    n = read(fd, into + size, FILE_MAX + 1 - size);
    if (n < 0 && errno == EINTR)
      n = 1;
    else if (n > 0)
      size += (size_t)n;
  }
  int saved = errno;
  close(fd);
  errno = saved;
  return n < 0 ? -1 : (ssize_t)size;
}

static exit_code take_key(keyfile *k, const char *path, const char *bytes, size_t size) {
  uint8_t *key = (uint8_t *)k->page + PAGE_BYTES - SDX_KEY_SIZE;
  sdx_error err = { 0 };
  if (size > FILE_MAX || sdx_key_parse(key, bytes, size, &err) != SDX_OK)
    return complain_usage("%s is no key file: it must hold 32 raw bytes or 64 hex digits", path);
  k->secret = (sdx_secret){ .kind = SDX_SECRET_KEY, .bytes = key, .size = SDX_KEY_SIZE };
  return EXIT_DONE;
}

static exit_code take_passphrase(keyfile *k, const char *path, const char *bytes, size_t size) {
  if (size > 0 && bytes[size - 1] == '\n') size--;
  if (size > 0 && bytes[size - 1] == '\r') size--;
  if (size < 1 || size > PASSPHRASE_MAX)
    return complain_usage("%s is no passphrase file: it must hold 1 to 1024 bytes", path);
  k->secret = (sdx_secret){ .kind = SDX_SECRET_PASSPHRASE, .bytes = bytes, .size = size };
  return EXIT_DONE;
}

static exit_code take_deposit(keyfile *k, const char *path, const char *bytes, size_t size) {
  if (size > FILE_MAX) return complain_usage("%s is no deposit key file", path);
  k->secret = (sdx_secret){ .kind = SDX_SECRET_DEPOSIT, .bytes = bytes, .size = size };
  return EXIT_DONE;
}

static exit_code read_named(keyfile *k, const char *path,
                            exit_code (*take)(keyfile *, const char *, const char *, size_t)) {
  *k = (keyfile){ .page = page_new() };
  if (!k->page)
    return complain_system(errno, "locking memory for the key; raise the limit (ulimit -l)");
  ssize_t size = read_file(path, k->page);
  exit_code code = size < 0 ? complain_system(errno, "reading the key file %s", path)
                            : take(k, path, k->page, (size_t)size);
  if (code != EXIT_DONE) keyfile_wipe(k);
  return code;
}

exit_code keyfile_read_key(keyfile *k, const char *path) {
  return read_named(k, path, take_key);
}

exit_code keyfile_read_passphrase(keyfile *k, const char *path) {
  return read_named(k, path, take_passphrase);
}

exit_code keyfile_read_deposit(keyfile *k, const char *path) {
  return read_named(k, path, take_deposit);
}

bool keyfile_given(const options *o) {
  return options_text(o, "key") || options_text(o, "passphrase-file");
}

exit_code keyfile_read(keyfile *k, const options *o) {
  const char *path = options_text(o, "key");
  const char *passphrase = options_text(o, "passphrase-file");
  *k = (keyfile){ 0 };
  if (path && passphrase) return complain_usage("give --key or --passphrase-file, not both");
  if (!path && !passphrase) path = getenv("SEALDEX_KEY_FILE");
  if (passphrase) path = passphrase;
  if (!path || !*path)
    return complain_usage("%s needs a key: --key FILE, --passphrase-file FILE or SEALDEX_KEY_FILE",
                          o->command);

  return read_named(k, path, passphrase ? take_passphrase : take_key);
}

void keyfile_wipe(keyfile *k) {
  page_free(k->page);
  *k = (keyfile){ 0 };
}

/* Makes the new name durable; a file system that cannot is no reason to lose the key. */
static void sync_parent(const char *path) {
  const char *slash = strrchr(path, '/');
  char *parent = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
  int fd = parent ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (fd >= 0) {
    fsync(fd);
    close(fd);
  }
  free(parent);
}

static exit_code write_new(const char *path, const char *text, size_t size) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0 && errno == EEXIST)
    return complain_usage("%s exists already and stays as it is; name a new file", path);
  if (fd < 0) return complain_system(errno, "creating the key file %s", path);
  bool written = fchmod(fd, 0600) == 0 && write(fd, text, size) == (ssize_t)size && fsync(fd) == 0;
  int saved = errno;
  if (close(fd) != 0 && written) {
    written = false;
    saved = errno;
  }
  if (!written) {
    unlink(path);
    return complain_system(saved ? saved : ENOSPC, "writing the key file %s", path);
  }
  sync_parent(path);
  return EXIT_DONE;
}

exit_code keyfile_write_deposit(const char *path, const char contents[SDX_DEPOSIT_FILE_SIZE]) {
  errno = 0;
  return write_new(path, contents, SDX_DEPOSIT_FILE_SIZE);
}

exit_code keyfile_generate(const char *path) {
  static const char hex[] = "0123456789abcdef";
  char *page = page_new();
  if (!page)
    return complain_system(errno, "locking memory for the key; raise the limit (ulimit -l)");
  uint8_t *key = (uint8_t *)page + PAGE_BYTES - SDX_KEY_SIZE;
  sdx_error err = { 0 };
  exit_code code;
  if (sdx_key_generate(key, &err) != SDX_OK) {
    code = complain(&err);
  } else {
    for (size_t i = 0; i < SDX_KEY_SIZE; i++) {
      page[2 * i] = hex[key[i] >> 4];
      page[2 * i + 1] = hex[key[i] & 15];
    }
    page[2 * SDX_KEY_SIZE] = '\n';
    errno = 0;
    code = write_new(path, page, 2 * SDX_KEY_SIZE + 1);
  }
  page_free(page);
  return code;
}
