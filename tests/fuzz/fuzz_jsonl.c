/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line of JSON Lines. */
#include "indexer/extract/jsonl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static draft d;
  draft_begin(&d, SDX_MESSAGE, 1700000000);
  (void)jsonl_extract(data, size, &d);
  (void)draft_item(&d);
  return 0;
}
