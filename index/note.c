/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/note.h"

#include <string.h>

#include "base/error.h"
#include "base/wipe.h"
#include "crypto/seal.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Six bits a letter, the first the highest; what is over at the end is zero. */
static void put_text(buffer *out, const uint8_t *bytes, size_t size) {
  uint32_t bits = 0;
  unsigned held = 0;
  for (size_t i = 0; i < size; i++) {
    bits = (bits << 8 | bytes[i]) & 0xffff;
    for (held += 8; held >= 6; held -= 6)
      buffer_put_u8(out, (uint8_t)digits[bits >> (held - 6) & 63]);
  }
  if (held > 0) buffer_put_u8(out, (uint8_t)digits[bits << (6 - held) & 63]);
}

static bool get_text(buffer *out, sdx_bytes text) {
  uint32_t bits = 0;
  unsigned held = 0;
  for (size_t i = 0; i < text.size; i++) {
    const char *at = text.data[i] != '\0' ? strchr(digits, text.data[i]) : NULL;
    if (at == NULL) return false;
    bits = (bits << 6 | (uint32_t)(at - digits)) & 0xffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    buffer_put_u8(out, (uint8_t)(bits >> held));
  }
  return (bits & ((1U << held) - 1)) == 0 && !out->failed;
}

static sdx_status note_key(seal_key **out, const sdx_index *index, sdx_error *err) {
  secret *s = NULL;
  sdx_status status = secret_derive(&s, index->content_key, "sealdex note", NULL, 0, err);
  if (status == SDX_OK) status = seal_key_new(out, SEAL_XCHACHA20_POLY1305, s, err);
  secret_free(s);
  return status;
}

sdx_status note_seal(buffer *out, const sdx_index *index, const void *plain, size_t size,
                     sdx_error *err) {
  uint8_t sealed[NOTE_MAX + SEAL_OVERHEAD];
  seal_key *key = NULL;
  nonce_pool pool;
  if (size > NOTE_MAX) return error_set(err, SDX_INVALID, "a note has at most %d bytes", NOTE_MAX);
  const sdx_status status = note_key(&key, index, err);
  if (status != SDX_OK) return status;
  nonce_pool_start(&pool);
  seal(sealed, key, &pool, index->index_id, sizeof index->index_id, plain, size);
  nonce_pool_stop(&pool);
  seal_key_free(key);
  put_text(out, sealed, size + SEAL_OVERHEAD);
  return out->failed ? error_memory(err) : SDX_OK;
}

sdx_status note_open(buffer *out, const sdx_index *index, sdx_bytes text, sdx_error *err) {
  buffer sealed = BUFFER_INIT;
  uint8_t plain[NOTE_MAX];
  seal_key *key = NULL;
  sdx_status status = SDX_INVALID;
  if (text.size <= (NOTE_MAX + SEAL_OVERHEAD) * 4 / 3 + 1 && get_text(&sealed, text) &&
      sealed.size >= SEAL_OVERHEAD && sealed.size <= sizeof plain + SEAL_OVERHEAD) {
    const sdx_status made = note_key(&key, index, err);
    if (made != SDX_OK) {
      buffer_free(&sealed);
      return made;
    }
    status = unseal(plain, key, index->index_id, sizeof index->index_id, sealed.data, sealed.size);
    if (status == SDX_OK) buffer_put(out, plain, sealed.size - SEAL_OVERHEAD);
  }
  const bool memory = sealed.failed || out->failed;
  seal_key_free(key);
  buffer_free(&sealed);
  wipe(plain, sizeof plain);
  if (memory) return error_memory(err);
  if (status == SDX_OK) return SDX_OK;
  return error_set(err, SDX_INVALID, "this index did not give out that cursor; begin at the first page");
}
