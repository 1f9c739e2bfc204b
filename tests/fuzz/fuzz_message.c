/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mail as it comes. */
#include "indexer/extract/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static draft d;
  draft_begin(&d, SDX_MESSAGE, 1700000000);
  (void)message_extract(data, size, &d);
  (void)draft_item(&d);
  return 0;
}
