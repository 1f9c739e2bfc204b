/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The attribute object: decode, read all, write again. */
#include "segment/attributes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  attributes *a = NULL;
  if (attributes_decode(&a, data, size, NULL) != SDX_OK) return 0;
  buffer out = BUFFER_INIT;
  attributes_of(a, 7, &out);
  attributes_encode(&out, a);
  buffer_free(&out);
  attributes_free(a);
  return 0;
}
