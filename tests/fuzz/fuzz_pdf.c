/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our reading of what poppler makes of a PDF: text, forms, notes, outline, embedded files. */
#include "indexer/extract/kinds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void give(draft_sink *sink, draft *d) {
  (void)sink;
  (void)draft_item(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static draft d;
  static bool started;
  draft_sink sink = { .give = give };
  if (!started) kinds_start();
  started = true;
  draft_begin(&d, SDX_DOCUMENT, 1700000000);
  (void)kinds_extract(FILE_PDF, data, size, &d, &sink, 0);
  return 0;
}
