/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker that was taken over may answer. */
#include "indexer/extract/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static draft d;
  char reason[WIRE_REASON_MAX + 1];
  draft_begin(&d, SDX_DOCUMENT, 1700000000);
  if (wire_get_item(&d, reason, data, size)) (void)draft_item(&d);
  return 0;
}
