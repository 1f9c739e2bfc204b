/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file of cards, and what is made of a telephone number. */
#include "indexer/extract/contact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void give(draft_sink *sink, draft *d) {
  (void)sink;
  (void)draft_item(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static draft d;
  draft_sink sink = { .give = give };
  draft_begin(&d, SDX_CONTACT, 1700000000);
  (void)contact_extract(data, size, &d, &sink);
  return 0;
}
