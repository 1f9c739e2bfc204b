/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a page of results ended, as a host hands it back: what decodes is encoded as it was read.
 */
#include <stdlib.h>
#include <string.h>

#include "query/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static page first, second;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  scratch s = SCRATCH_INIT;
  buffer once = BUFFER_INIT, twice = BUFFER_INIT;
  if (page_decode(&first, &s, data, size)) {
    page_encode(&once, &first);
    if (once.failed || !page_decode(&second, &s, once.data, once.size)) abort();
    page_encode(&twice, &second);
    if (twice.size != once.size || memcmp(twice.data, once.data, once.size) != 0) abort();
  }
  buffer_free(&once);
  buffer_free(&twice);
  scratch_free(&s);
  return 0;
}
