/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crypto/nonce_ledger.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define DIGEST_SIZE 16

typedef struct digest {
  uint64_t half[2];
} digest;

/* An open-addressing set; {0, 0} is an empty place. */
static struct {
  pthread_mutex_t mutex;
  digest *places;
  size_t size; /* a power of two */
  size_t used;
  off_t read_up_to; /* of the shared file */
} ledger = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void die(const char *why) {
  fprintf(stderr, "nonce ledger: %s\n", why);
  abort();
}

static bool add(digest d);

static void grow(void) {
  digest *old = ledger.places;
  const size_t old_size = ledger.size;
  ledger.size = old_size != 0 ? 2 * old_size : 4096;
  ledger.used = 0;
  ledger.places = calloc(ledger.size, sizeof *ledger.places);
  if (ledger.places == NULL) die("out of memory");
  for (size_t i = 0; i < old_size; i++)
    if ((old[i].half[0] | old[i].half[1]) != 0) (void)add(old[i]);
  free(old);
}

/* False where it was there. */
static bool add(digest d) {
  if (2 * ledger.used >= ledger.size) grow();
  size_t i = (size_t)d.half[0] & (ledger.size - 1);
  for (;; i = (i + 1) & (ledger.size - 1)) {
    digest *place = &ledger.places[i];
    if (place->half[0] == d.half[0] && place->half[1] == d.half[1]) return false;
    if ((place->half[0] | place->half[1]) == 0) {
      *place = d;
      ledger.used++;
      return true;
    }
  }
}

/* Under the file's lock: takes in what others appended, then checks and appends ours. */
static bool add_shared(const char *path, digest d) {
  const int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0 || flock(fd, LOCK_EX) != 0) die("its file cannot be opened");
  digest other;
  while (pread(fd, &other, sizeof other, ledger.read_up_to) == (ssize_t)sizeof other) {
    (void)add(other);
    ledger.read_up_to += (off_t)sizeof other;
  }
  const bool fresh = add(d);
  if (fresh && write(fd, &d, sizeof d) != (ssize_t)sizeof d) die("its file cannot be written");
  ledger.read_up_to += fresh ? (off_t)sizeof d : 0;
  close(fd);
  return fresh;
}

void nonce_ledger_note(seal_cipher cipher, const secret *key, const uint8_t *nonce, size_t size) {
  uint8_t noted[4 + 32] = { (uint8_t)cipher };
  memcpy(noted + 4, nonce, size);
  digest d;
  secret_hash((uint8_t *)&d, DIGEST_SIZE, key, noted, 4 + size);
  const char *path = getenv("SEALDEX_NONCE_LEDGER_FILE");
  pthread_mutex_lock(&ledger.mutex);
  const bool fresh = path != NULL ? add_shared(path, d) : add(d);
  pthread_mutex_unlock(&ledger.mutex);
  if (!fresh) die("a nonce was used twice under one key");
}
