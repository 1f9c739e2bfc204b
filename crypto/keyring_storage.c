/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crypto/keyring_storage.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/stack.h"

/* The host's calls run on the host's stack. */
typedef struct hosted {
  const sdx_keyring_storage *storage;
  void *bytes;
  size_t room, *size;
  enum { READ, WRITE, DESTROY } what;
  sdx_status status;
} hosted;

static void call_host(void *context) {
  hosted *h = context;
  const sdx_keyring_storage *s = h->storage;
  h->status = h->what == READ    ? s->read(s->context, h->bytes, h->room, h->size)
              : h->what == WRITE ? s->write(s->context, h->bytes, h->room)
                                 : s->destroy(s->context);
}

static sdx_status host_read(const sdx_keyring_storage *s, void *bytes, size_t room, size_t *size) {
  hosted h = { .storage = s, .bytes = bytes, .room = room, .size = size, .what = READ };
  stack_back(call_host, &h);
  return h.status;
}

static sdx_status host_write(const sdx_keyring_storage *s, void *bytes, size_t size) {
  hosted h = { .storage = s, .bytes = bytes, .room = size, .what = WRITE };
  stack_back(call_host, &h);
  return h.status;
}

static sdx_status host_destroy(const sdx_keyring_storage *s) {
  hosted h = { .storage = s, .what = DESTROY };
  stack_back(call_host, &h);
  return h.status;
}

static sdx_status refused(const char *what, sdx_error *err) {
  return error_set(err, SDX_SYSTEM, "the host's keyring storage cannot %s", what);
}

/* The bytes as they are stored; *out is the caller's. */
static sdx_status load(const sdx_keyring_storage *s, uint8_t **out, size_t *size, sdx_error *err) {
  size_t room = REGION_MIN;
  *out = NULL;
  for (int i = 0; i < 3; i++) { /* it may grow between two looks */
    uint8_t *grown = realloc(*out, room);
    if (grown == NULL) {
      free(*out);
      return error_memory(err);
    }
    *out = grown;
    *size = room;
    const sdx_status status = host_read(s, *out, room, size);
    if (status == SDX_OK && *size <= room) return SDX_OK;
    if (status != SDX_OK || *size > REGION_MAX) {
      free(*out);
      *out = NULL;
      if (status == SDX_NOT_FOUND)
        return error_set(err, SDX_SYSTEM, "the host's storage has no keyring for this index");
      return refused("be read", err);
    }
    room = *size;
  }
  free(*out);
  *out = NULL;
  return refused("be read", err);
}

sdx_status keyring_storage_read(const sdx_keyring_storage *s, region *out, sdx_error *err) {
  uint8_t *bytes = NULL;
  size_t size = 0;
  sdx_status status = load(s, &bytes, &size, err);
  if (status == SDX_OK && region_is_newer(bytes, size))
    status = error_set(err, SDX_DAMAGED, "the keyring is of a newer format: upgrade Sealdex");
  if (status == SDX_OK) status = region_decode(out, bytes, size, err);
  free(bytes);
  return status;
}

bool keyring_storage_holds(const sdx_keyring_storage *s, const region *r) {
  uint8_t *bytes = NULL;
  size_t size = 0;
  if (load(s, &bytes, &size, NULL) != SDX_OK) return false;
  const bool same = size == r->size && memcmp(bytes + size - REGION_DIGEST_SIZE, r->digest,
                                              REGION_DIGEST_SIZE) == 0;
  free(bytes);
  return same;
}

static sdx_status store(const sdx_keyring_storage *s, region *r, sdx_error *err) {
  uint8_t *bytes = malloc(r->size);
  if (bytes == NULL) return error_memory(err);
  sdx_status status = region_encode(r, bytes, err);
  if (status == SDX_OK && host_write(s, bytes, r->size) != SDX_OK)
    status = refused("be written", err);
  free(bytes);
  return status;
}

sdx_status keyring_storage_create(const sdx_keyring_storage *s, region *r, sdx_error *err) {
  uint8_t byte;
  size_t size = 1;
  const sdx_status status = host_read(s, &byte, 1, &size);
  if (status == SDX_NOT_FOUND) return store(s, r, err);
  if (status != SDX_OK) return refused("be read", err);
  return error_set(err, SDX_INVALID, "the host's storage has a keyring for this index already");
}

sdx_status keyring_storage_replace(const sdx_keyring_storage *s, const region *now, region *next,
                                   sdx_error *err) {
  if (!keyring_storage_holds(s, now))
    return error_set(err, SDX_INVALID, "the keyring changed since it was read: refresh it first");
  return store(s, next, err);
}

sdx_status keyring_storage_destroy(const sdx_keyring_storage *s, sdx_error *err) {
  const sdx_status status = host_destroy(s);
  return status == SDX_OK || status == SDX_NOT_FOUND ? SDX_OK : refused("be destroyed", err);
}
