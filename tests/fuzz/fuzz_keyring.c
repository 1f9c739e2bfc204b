/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keyring's region: any bytes, behind a checksum made right so that more than it is tried. */
#include <stdlib.h>
#include <string.h>

#include "crypto/region.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  region r;
  if (region_decode(&r, data, size, NULL) == SDX_OK) region_free(&r);
  if (size < REGION_DIGEST_SIZE) return 0;
  uint8_t *mended = malloc(size);
  if (mended == NULL) return 0;
  memcpy(mended, data, size);
  crypto_digest(mended + size - REGION_DIGEST_SIZE, mended, size - REGION_DIGEST_SIZE);
  if (region_decode(&r, mended, size, NULL) == SDX_OK) {
    /* What is taken as right must be written the same. */
    uint8_t *again = malloc(size);
    if (again != NULL && (r.size != size || region_encode(&r, again, NULL) != SDX_OK ||
                          memcmp(again, mended, size) != 0))
      abort();
    free(again);
    region_free(&r);
  }
  free(mended);
  return 0;
}
