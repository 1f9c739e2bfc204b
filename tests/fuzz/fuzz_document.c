/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A document of any type: the type is what its bytes say, as in a directory. */
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
  const file_type type = file_type_of("x.bin", data, size);
  if (type >= FILE_TEXT && type != FILE_PDF) /* fuzz_pdf */
    (void)kinds_extract(type, data, size, &d, &sink, 0);
  return 0;
}
