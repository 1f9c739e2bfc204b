/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A document of any type: the type is what its bytes say, as in a directory. */
#include "extracting.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const file_type type = file_type_of("x.bin", data, size);
  if (type >= FILE_TEXT && type != FILE_PDF) /* fuzz_pdf */
    extract_document(type, data, size);
  return 0;
}
