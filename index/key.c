/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The public calls about raw keys, and what else needs no index. */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/error.h"
#include "base/wipe.h"
#include "crypto/secret.h"

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

static bool parse_hex(uint8_t out[SDX_KEY_SIZE], const char *text, size_t size) {
  while (size > 0 && strchr(" \t\r\n", text[size - 1]) != NULL && text[size - 1] != '\0') size--;
  if (size != 2 * SDX_KEY_SIZE) return false;
  for (size_t i = 0; i < SDX_KEY_SIZE; i++) {
    const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) {
      wipe(out, SDX_KEY_SIZE);
      return false;
    }
    out[i] = (uint8_t)(high << 4 | low);
  }
  return true;
}

sdx_status sdx_key_parse(uint8_t out[SDX_KEY_SIZE], const void *bytes, size_t size, sdx_error *err) {
  if (out == NULL) return error_no_place(err);
  if (bytes != NULL && size == SDX_KEY_SIZE) {
    memcpy(out, bytes, SDX_KEY_SIZE);
    return SDX_OK;
  }
  if (bytes != NULL && parse_hex(out, bytes, size)) return SDX_OK;
  return error_set(err, SDX_INVALID, "a key is 32 raw bytes or 64 hex digits");
}

sdx_status sdx_key_generate(uint8_t out[SDX_KEY_SIZE], sdx_error *err) {
  if (out == NULL) return error_no_place(err);
  const sdx_status status = crypto_start(err);
  if (status == SDX_OK) crypto_random(out, SDX_KEY_SIZE);
  return status;
}

sdx_status sdx_forbid_dumps(sdx_error *err) {
  const struct rlimit none = { 0, 0 };
  if (setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0) return SDX_OK;
  return error_system(err, errno, "core dumps cannot be switched off");
}

void sdx_wipe(void *bytes, size_t size) { wipe(bytes, size); }

const char *sdx_version(void) { return SDX_VERSION; }
