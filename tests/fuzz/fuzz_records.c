/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The readers of our own for the streams of old Office files, which no container need surround: the
 * first byte says which. */
#include "indexer/extract/rtf_packed.h"
#include "indexer/extract/spreadsheet.h"
#include "indexer/extract/word.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static draft d;
  if (size == 0) return 0;
  const uint8_t which = data[0] % 5;
  buffer out = BUFFER_INIT;
  data++, size--;
  draft_begin(&d, SDX_DOCUMENT, 1700000000);
  if (which == 0) sheet_text(&d, data, size);
  if (which == 1) binary_sheet_text(&d, data, size);
  if (which == 2) slides_text(&d, data, size);
  if (which == 3) (void)rtf_unpack(&out, data, size);
  if (which == 4) { /* one half is the document, the other its table */
    (void)word_table(data, size / 2);
    word_text(&d, data, size / 2, data + size / 2, size - size / 2);
  }
  buffer_free(&out);
  (void)draft_item(&d);
  return 0;
}
