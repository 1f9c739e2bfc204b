/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The value of a field with addresses: the short way gives what the parser gives. */
#include <stdlib.h>
#include <string.h>

#include "indexer/extract/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  buffer shortly = BUFFER_INIT, parsed = BUFFER_INIT;
  message_put_addresses(&shortly, data, size, false);
  message_put_addresses(&parsed, data, size, true);
  if (shortly.failed || parsed.failed || shortly.size != parsed.size ||
      (parsed.size > 0 && memcmp(shortly.data, parsed.data, parsed.size) != 0))
    abort();
  buffer_free(&shortly);
  buffer_free(&parsed);
  return 0;
}
