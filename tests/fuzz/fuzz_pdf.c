/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our reading of what poppler makes of a PDF: text, forms, notes, outline, embedded files. */
#include "extracting.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  extract_document(FILE_PDF, data, size);
  return 0;
}
