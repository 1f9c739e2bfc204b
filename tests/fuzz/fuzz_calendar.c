/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A calendar file. */
#include "indexer/extract/calendar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void give(draft_sink *sink, draft *d) {
  (void)sink;
  (void)draft_item(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static draft d;
  draft_sink sink = { .give = give };
  draft_begin(&d, SDX_EVENT, 1700000000);
  (void)calendar_extract(data, size, &d, &sink);
  return 0;
}
